/** The PRI queue: page requests of devices. Spec: SMMUv3 IHI 0070 8.1, 8.2. */
import { bitTable, encode } from "../base/fields.ts";
import type { PageResponse } from "./client.ts";
import { Queue } from "./queue.ts";
import { CR0, GERROR } from "./regs.ts";
import type { Smmuv3 } from "./smmu.ts";

const RECORD_BYTES = 16;
/** The queue is on only while the SMMU is. */
const ENABLED = (1 << CR0.f.SMMUEN.lo) | (1 << CR0.f.PRIQEN.lo);

export const PRI = bitTable("PRI", "SMMUv3 IHI 0070 8", 4, {
  StreamID: [0, 31, 0],
  SubstreamID: [1, 19, 0],
  Priv: [1, 26, 26],
  Exec: [1, 27, 27],
  Read: [1, 28, 28],
  Write: [1, 29, 29],
  Last: [1, 30, 30],
  SSV: [1, 31, 31],
  PRGIndex: [2, 8, 0],
  "Addr[31:12]": [2, 31, 12],
  "Addr[63:32]": [3, 31, 0],
});

export interface PageRequest {
  /** -1 = without PASID. */
  ssid: number;
  hi: number;
  lo: number;
  /** Group index, 9 bits. */
  prgi: number;
  last: boolean;
  read: boolean;
  write: boolean;
  exec?: boolean;
  privileged?: boolean;
}

/** `queued`, an answer that the SMMU gave itself, or `dropped` (not the last of its group, no answer). */
export type PageRequestOutcome = "queued" | "dropped" | PageResponse;

export class PageRequestQueue extends Queue {
  readonly smmu: Smmuv3;

  constructor(smmu: Smmuv3, maxBits: number) {
    super(RECORD_BYTES, maxBits);
    this.smmu = smmu;
  }

  /** The overflow flag is not acknowledged: nothing is written until it is. */
  get overflowing(): boolean {
    return this.prod >>> 31 !== this.cons >>> 31;
  }

  /** A page request message of a stream. One that neither reads nor writes is a stop marker, which is never answered. */
  add(sid: number, r: PageRequest): PageRequestOutcome {
    const { smmu } = this;
    const stop = !r.read && !r.write;
    const enabled = (smmu.cr0 & ENABLED) === ENABLED;
    if (!enabled || smmu.errorActive(1 << GERROR.f.PRIQ_ABT_ERR.lo)) return this.answer(sid, r, -1, stop, "failure");
    if (this.overflowing || this.full) {
      if (!this.overflowing) this.prod = (this.prod ^ 0x8000_0000) >>> 0;
      return r.last ? this.answer(sid, r, this.responsePasid(sid, r.ssid), stop, "success") : "dropped";
    }
    const pa = this.at(this.prod);
    if (!smmu.mem.answers(pa)) {
      smmu.raiseError(1 << GERROR.f.PRIQ_ABT_ERR.lo);
      return this.answer(sid, r, -1, stop, "failure");
    }
    this.write(pa, sid, r);
    return "queued";
  }

  private write(pa: number, sid: number, r: PageRequest): void {
    const { smmu } = this;
    const bit = (on: boolean | undefined): number => (on === true ? 1 : 0);
    const words = encode(PRI, {
      StreamID: sid,
      SubstreamID: Math.max(r.ssid, 0),
      SSV: bit(r.ssid >= 0),
      Priv: bit(r.privileged),
      Exec: bit(r.exec),
      Read: bit(r.read),
      Write: bit(r.write),
      Last: bit(r.last),
      PRGIndex: r.prgi,
      "Addr[31:12]": r.lo >>> 12,
      "Addr[63:32]": r.hi,
    });
    const who = smmu.mem.who;
    smmu.mem.who = smmu.name;
    for (let i = 0; i < 4; i += 2)
      smmu.mem.write64(pa + 4 * i, words[i] ?? 0, words[i + 1] ?? 0, `PRIQ[${this.index(this.prod)}] w${i >> 1}`);
    smmu.mem.who = who;
    this.prod = this.step(this.prod);
    smmu.queueInterrupt("pri");
  }

  /** An overflow response carries the PASID where IDR3.PPS or STE.PPAR says so. */
  private responsePasid(sid: number, ssid: number): number {
    const { translator } = this.smmu;
    if (ssid < 0 || translator.caps.ssidBits === 0) return -1;
    return translator.caps.pasidInResponse || translator.steOf(sid)?.ppar === true ? ssid : -1;
  }

  private answer(sid: number, r: PageRequest, ssid: number, stop: boolean, code: PageResponse): PageRequestOutcome {
    if (stop) return "dropped";
    this.smmu.client?.pageResponse(this.smmu, sid, ssid, r.prgi, code);
    return code;
  }
}
