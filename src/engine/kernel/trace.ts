/**
 * What one call did, as plain data: the functions entered, every check, and what the hardware saw.
 * The picture "Why" and `compare` read it; nothing in the kernel model depends on it.
 */

/** Both ends inclusive. */
export interface Interval {
  start: bigint;
  last: bigint;
  /** What stands there, in the words of the picture: `SW_MSI of 0000:00:03.0`, `area 0x1000-0x1fff`. */
  label: string;
}

/** What a check looked at. Values are copied at the time of the check, never live objects. */
export interface CheckDetail {
  /** The interval that was asked for. */
  range?: { start: bigint; last: bigint };
  /** The interval or intervals that made the check fail. */
  hits?: Interval[];
  /** Nearest neighbours around `range`, to draw a hole between them. */
  before?: Interval;
  after?: Interval;
  /** Object ids that the check looked at. */
  objects?: number[];
  /** `left` was compared with `right`, both already in words. */
  left?: string;
  right?: string;
}

export type TraceEntry =
  | { t: "enter"; depth: number; fn: string; args: string[] }
  | { t: "leave"; depth: number; fn: string; ret: string; failed: boolean }
  | { t: "check"; depth: number; ok: boolean; what: string; detail?: CheckDetail }
  | { t: "note"; depth: number; what: string }
  | { t: "mem"; depth: number; who: string; write: boolean; pa: number; lo: number; hi: number; what: string }
  | { t: "cmd"; depth: number; smmu: string; words: [number, number, number, number]; text: string }
  | { t: "tlb"; depth: number; smmu: string; hit: boolean; what: string }
  | { t: "event"; depth: number; smmu: string; words: number[]; text: string }
  | { t: "msi"; depth: number; what: string; delivered: boolean };

/** Omit over a union, member by member. */
type WithoutDepth<T> = T extends { depth: number } ? Omit<T, "depth"> : never;

/** Records one step. Created only when somebody wants the trace; the kernel holds `null` otherwise. */
export class Tracer {
  readonly entries: TraceEntry[] = [];
  depth = 0;

  enter(fn: string, args: string[]): void {
    this.entries.push({ t: "enter", depth: this.depth++, fn, args });
  }

  leave(fn: string, ret: string, failed: boolean): void {
    this.entries.push({ t: "leave", depth: --this.depth, fn, ret, failed });
  }

  add(entry: WithoutDepth<TraceEntry>): void {
    this.entries.push({ ...entry, depth: this.depth });
  }
}
