/**
 * Transactions that a fault holds until software resumes or terminates them. Spec: SMMUv3 IHI 0070 3.12.2, 4.7.1, 4.7.2.
 *
 * A held transaction whose record found no room in the event queue is retried when there is room, as though it had just
 * arrived. Tags are given out round, so that one that was just freed is not the next.
 */
import { EVENT } from "./evtq.ts";
import type { Resumption } from "./client.ts";
import type { StreamConfig } from "./config.ts";
import type { Smmuv3 } from "./smmu.ts";
import type { Walker } from "./walk.ts";

export interface Stalled {
  stag: number;
  sid: number;
  /** Its record stands in the event queue. */
  recorded: boolean;
}

/** Faults that can stall; all others terminate. */
const STALLING: ReadonlySet<number> = new Set([
  EVENT.F_TRANSLATION,
  EVENT.F_ADDR_SIZE,
  EVENT.F_ACCESS,
  EVENT.F_PERMISSION,
]);

export function canStall(event: number): boolean {
  return STALLING.has(event);
}

/** Whether the fault in the walker holds the transaction: CD.S for stage 1, STE.S2S for stage 2. */
export function holds(c: StreamConfig, walker: Walker): boolean {
  return canStall(walker.event) && (walker.stage === 2 ? c.stall2 : walker.stage === 1 && c.stall1);
}

const TAGS = 0x1_0000;

export class StallBuffer {
  readonly smmu: Smmuv3;
  /** By tag, oldest first. */
  readonly held = new Map<number, Stalled>();
  /** Records at the same time at most (IDR5.STALL_MAX). */
  readonly most: number;
  private next = 0;

  constructor(smmu: Smmuv3, most: number) {
    this.smmu = smmu;
    this.most = Math.max(most, 1);
  }

  /** Holds a transaction; the tag. */
  hold(sid: number): Stalled {
    while (this.held.has(this.next)) this.next = (this.next + 1) % TAGS;
    const stalled = { stag: this.next, sid, recorded: false };
    this.held.set(stalled.stag, stalled);
    this.next = (this.next + 1) % TAGS;
    return stalled;
  }

  /** Whether one more may be recorded. */
  get room(): boolean {
    let n = 0;
    for (const s of this.held.values()) if (s.recorded) n++;
    return n < this.most;
  }

  /** CMD_RESUME: nothing happens when no recorded transaction of this stream has the tag. */
  resume(sid: number, stag: number, how: Resumption): void {
    const stalled = this.held.get(stag);
    if (stalled === undefined || stalled.sid !== sid || !stalled.recorded) return;
    this.release(stalled, how);
    this.retryWaiting();
  }

  /** CMD_STALL_TERM, or (`sid` -1) the SMMU is switched off. */
  terminate(sid: number): void {
    for (const stalled of [...this.held.values()]) if (sid < 0 || stalled.sid === sid) this.release(stalled, "abort");
  }

  /** The event queue became writable or a place free: what has no record yet arrives anew. */
  retryWaiting(): void {
    for (const stalled of [...this.held.values()]) {
      if (!stalled.recorded && this.room && this.smmu.events.writable) this.release(stalled, "retry");
    }
  }

  private release({ stag }: Stalled, how: Resumption): void {
    this.held.delete(stag);
    this.smmu.client?.resumed(this.smmu, stag, how);
  }
}
