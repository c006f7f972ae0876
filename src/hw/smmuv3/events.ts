/** Writing event records: the event queue of one SMMU. Spec: SMMUv3 IHI 0070 3.5.3, 7.2, 7.3. */
import { high, low, TWO32 } from "../base/bits.ts";
import { set } from "../base/fields.ts";
import { EVENT, EVT, eventText, hasInput } from "./evtq.ts";
import { Queue } from "./queue.ts";
import { CR0, GERROR } from "./regs.ts";
import type { Smmuv3 } from "./smmu.ts";
import { CLASS_TT } from "./walk.ts";

const EVENT_BYTES = 32;

export class EventQueue extends Queue {
  readonly smmu: Smmuv3;
  /** The last record made, written to the queue or lost. */
  readonly last = new Uint32Array(8);

  constructor(smmu: Smmuv3, maxBits: number) {
    super(EVENT_BYTES, maxBits);
    this.smmu = smmu;
  }

  /**
   * Makes a record and writes it. `stage` 0 = configuration; `address`: IPA or fetch address, 0 = none;
   * `stag`: tag of a stalled transaction, -1 = not stalled.
   */
  add(
    event: number,
    sid: number,
    ssid: number,
    stage: 0 | 1 | 2,
    cls: number,
    hi: number,
    lo: number,
    read: boolean,
    privileged: boolean,
    instruction: boolean,
    address: number,
    stag = -1,
  ): void {
    const q = this.smmu.config.quirks;
    const w = this.last;
    w.fill(0);
    set(EVT.f.Event, w, event);
    set(EVT.f.StreamID, w, sid);
    if (ssid >= 0) {
      set(EVT.f.SSV, w, 1);
      set(EVT.f.SubstreamID, w, ssid);
    }
    if (stag >= 0) {
      set(EVT.f.Stall, w, 1);
      set(EVT.f.STAG, w, stag);
    }
    if (hasInput(event)) {
      set(EVT.f.PnU, w, privileged ? 1 : 0);
      set(EVT.f.InD, w, instruction ? 1 : 0);
      set(EVT.f.RnW, w, read ? 1 : 0);
      set(EVT.f.S2, w, stage === 2 ? 1 : 0);
      set(EVT.f.CLASS, w, cls);
      if (!q.ttrnw && cls === CLASS_TT) set(EVT.f.TTRnW, w, 1);
      w[4] = lo;
      w[5] = hi;
    }
    const inInput = q.cdfetchWord && event === EVENT.F_CD_FETCH;
    w[inInput ? 4 : 6] = low(address);
    w[inInput ? 5 : 7] = high(address) % TWO32;
    const lost = this.push();
    const { probe } = this.smmu;
    if (probe !== null) probe.event(this.smmu.name, [...w], eventText(w) + lost);
  }

  /** A record would be kept. */
  get writable(): boolean {
    const { cr0 } = this.smmu;
    if (((cr0 >>> CR0.f.EVENTQEN.lo) & 1) === 0 || this.full) return false;
    return !this.smmu.errorActive(1 << GERROR.f.EVENTQ_ABT_ERR.lo) && this.smmu.mem.answers(this.at(this.prod));
  }

  /** Writes `last` to memory; returns why it was lost, in words for the trace. */
  private push(): string {
    const { smmu, last } = this;
    if (((smmu.cr0 >>> CR0.f.EVENTQEN.lo) & 1) === 0) return " (lost: the queue is off)";
    if (this.full) {
      if (smmu.config.quirks.evtqFull) smmu.raiseError(1 << GERROR.f.EVENTQ_ABT_ERR.lo);
      else if (this.prod >>> 31 === this.cons >>> 31) this.prod = (this.prod ^ 0x8000_0000) >>> 0;
      return " (lost: the queue is full)";
    }
    const pa = this.at(this.prod);
    if (!smmu.mem.answers(pa)) {
      smmu.raiseError(1 << GERROR.f.EVENTQ_ABT_ERR.lo);
      return " (lost: nothing answers at the queue)";
    }
    const who = smmu.mem.who;
    smmu.mem.who = smmu.name;
    for (let i = 0; i < 8; i += 2) {
      smmu.mem.write64(pa + 4 * i, last[i] ?? 0, last[i + 1] ?? 0, `EVTQ[${this.index(this.prod)}] w${i >> 1}`);
    }
    smmu.mem.who = who;
    this.prod = this.step(this.prod);
    smmu.queueInterrupt("event");
    return "";
  }
}
