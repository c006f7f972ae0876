/**
 * From a source id (and PASID) to the tables that translate its requests: root, context and PASID entries.
 * Spec: VT-d 3.4 (mapping devices to domains), 9.1 to 9.6.
 */
import { hex } from "../base/bits.ts";
import { get } from "../base/fields.ts";
import type { HwProbe } from "../base/probe.ts";
import type { PhysMem } from "../memory.ts";
import type { VtdCaps } from "./caps.ts";
import { PASID_ENTRY, PGTT } from "./entries.ts";
import { REASON } from "./faults.ts";
import type { VtdQuirks } from "./quirks.ts";

/** What was read of one function and PASID. */
export class DmaContext {
  /** `PGTT`. */
  type = 0;
  did = 0;
  /** PASID that tags first-stage entries. */
  pasid = 0;
  /** Bits of input of the second stage, its levels and its top table. */
  width = 0;
  levels = 0;
  tableHi = 0;
  tableLo = 0;
  /** First stage: levels, the bits of a canonical address, top table. */
  levels1 = 0;
  canonical = 0;
  table1Hi = 0;
  table1Lo = 0;
  /** Flags that the unit keeps in the tables. */
  secondFlags = false;
  extendedFlag = false;
  /** Faults are not recorded. */
  fpd = false;
  scalable = false;
}

/** Root table of scalable mode: bits 11:10 of RTADDR. */
const TTM_SCALABLE = 1;

export class ContextReader {
  readonly mem: PhysMem;
  readonly caps: VtdCaps;
  readonly q: VtdQuirks;
  readonly name: string;
  probe: HwProbe | null = null;
  /** The root table register in use. */
  rootLo = 0;
  rootHi = 0;
  /** Why the last `read` failed, 0 = it did not. */
  reason = 0;
  /** What the last `read` found; replaced once somebody keeps it. */
  found = new DmaContext();
  private readonly words = new Uint32Array(16);

  constructor(name: string, mem: PhysMem, caps: VtdCaps, q: VtdQuirks) {
    this.name = name;
    this.mem = mem;
    this.caps = caps;
    this.q = q;
  }

  get scalable(): boolean {
    return ((this.rootLo >>> 10) & 3) === TTM_SCALABLE;
  }

  /** Reads the entries of a source id; `pasid` -1 = the request has none. The result is in `found`. */
  read(sid: number, pasid: number): boolean {
    this.found.fpd = false;
    this.found.scalable = this.scalable;
    this.reason = 0;
    return this.scalable ? this.readScalable(sid, pasid) : this.readLegacy(sid, pasid);
  }

  private fail(reason: number, quirk = reason): false {
    this.reason = this.q.reason ? quirk : reason;
    return false;
  }

  /** `count` words at base + offset into `words`; false where nothing answers. `what` is told with each 64-bit word. */
  private fetch(baseHi: number, baseLo: number, offset: number, count: number, what: string, index: number): boolean {
    const lo = (baseLo + offset) | 0;
    const hi = lo >>> 0 < baseLo >>> 0 ? baseHi + 1 : baseHi;
    const page = this.mem.frame(hi, lo);
    if (page === null) return false;
    const at = (lo >>> 2) & 1023;
    for (let i = 0; i < count; i++) this.words[i] = page[at + i] ?? 0;
    if (this.probe !== null) this.trace(hi, lo, count, what, index);
    return true;
  }

  private trace(hi: number, lo: number, count: number, what: string, index: number): void {
    const { words } = this;
    for (let i = 0; i < count; i += 2) {
      const text = count === 2 ? `${what}[${hex(index)}]` : `${what}[${hex(index)}] w${i >> 1}`;
      this.probe?.mem(this.name, false, hi * 2 ** 32 + (lo >>> 0) + 4 * i, words[i] ?? 0, words[i + 1] ?? 0, text);
    }
  }

  private word(i: number): number {
    return this.words[i] ?? 0;
  }

  private readLegacy(sid: number, pasid: number): boolean {
    const { caps, found } = this;
    if (!this.fetch(this.rootHi & 0xf_ffff, this.rootLo & ~0xfff, (sid >>> 8) * 16, 4, "root", sid >>> 8)) {
      return this.fail(REASON.ROOT_ACCESS);
    }
    let lo = this.word(0);
    let hi = this.word(1);
    if ((lo & 1) === 0) return this.fail(REASON.ROOT_NOT_PRESENT);
    if ((lo & 0xffe) !== 0 || this.beyond(hi) || (this.word(2) | this.word(3)) !== 0) {
      return this.fail(REASON.ROOT_RESERVED);
    }
    if (!this.fetch(hi, lo & ~0xfff, (sid & 255) * 16, 4, "context", sid & 255)) {
      return this.fail(REASON.CONTEXT_ACCESS);
    }
    lo = this.word(0);
    hi = this.word(1);
    const w2 = this.word(2);
    found.fpd = (lo & 2) !== 0;
    if ((lo & 1) === 0) return this.fail(REASON.CONTEXT_NOT_PRESENT);
    if ((lo & 0xff0) !== 0 || this.beyond(hi) || (w2 & 0xff00_0080) !== 0 || this.word(3) !== 0) {
      return this.fail(REASON.CONTEXT_RESERVED);
    }
    const type = (lo >>> 2) & 3;
    const known = type === 0 || (type === 1 && caps.deviceTlb) || (type === 2 && caps.passThrough);
    if (!known || pasid >= 0 || !this.secondStage(w2 & 7, hi, lo)) return this.fail(REASON.CONTEXT_INVALID);
    found.type = type === 2 ? PGTT.PASS : PGTT.SECOND;
    found.did = (w2 >>> 8) & 0xffff;
    found.pasid = 0;
    found.secondFlags = false;
    return true;
  }

  private readScalable(sid: number, asked: number): boolean {
    const { found } = this;
    if (!this.fetch(this.rootHi & 0xf_ffff, this.rootLo & ~0xfff, (sid >>> 8) * 16, 4, "root", sid >>> 8)) {
      return this.fail(REASON.SM_ROOT_ACCESS, REASON.ROOT_ACCESS);
    }
    const half = (sid & 0x80) !== 0 ? 2 : 0;
    let lo = this.word(half);
    let hi = this.word(half + 1);
    if ((lo & 1) === 0) return this.fail(REASON.SM_ROOT_NOT_PRESENT, REASON.ROOT_NOT_PRESENT);
    if ((lo & 0xffe) !== 0 || this.beyond(hi)) return this.fail(REASON.SM_ROOT_RESERVED, REASON.ROOT_RESERVED);
    if (!this.fetch(hi, lo & ~0xfff, (sid & 127) * 32, 8, "context", sid & 255)) {
      return this.fail(REASON.SM_CONTEXT_ACCESS, REASON.CONTEXT_ACCESS);
    }
    lo = this.word(0);
    hi = this.word(1);
    found.fpd = (lo & 2) !== 0;
    if ((lo & 1) === 0) return this.fail(REASON.SM_CONTEXT_NOT_PRESENT, REASON.CONTEXT_NOT_PRESENT);
    const rest = this.word(3) | this.word(4) | this.word(5) | this.word(6) | this.word(7);
    if ((lo & 0x1e0) !== 0 || this.beyond(hi) || (this.word(2) & ~0x1f_ffff) !== 0 || rest !== 0) {
      return this.fail(REASON.SM_CONTEXT_RESERVED, REASON.CONTEXT_RESERVED);
    }
    const pasid = asked < 0 ? this.word(2) & 0xf_ffff : asked;
    const entries = 2 ** (((lo >>> 9) & 7) + 7);
    if ((asked >= 0 && (lo & 8) === 0) || pasid >>> 6 >= entries) return this.fail(REASON.SM_CONTEXT_INVALID);
    return this.readPasid(hi, lo & ~0xfff, pasid);
  }

  private readPasid(dirHi: number, dirLo: number, pasid: number): boolean {
    const { caps, found, words } = this;
    if (!this.fetch(dirHi, dirLo, (pasid >>> 6) * 8, 2, "PASID directory", pasid >>> 6)) {
      return this.fail(REASON.PASID_DIR_ACCESS);
    }
    let lo = this.word(0);
    let hi = this.word(1);
    if ((lo & 2) !== 0) found.fpd = true;
    if ((lo & 1) === 0) return this.fail(REASON.PASID_DIR_NOT_PRESENT);
    if (!this.fetch(hi & 0xf_ffff, lo & ~0xfff, (pasid & 63) * 64, 16, "PASID", pasid)) {
      return this.fail(REASON.PASID_ACCESS);
    }
    lo = this.word(0);
    hi = this.word(1);
    if ((lo & 2) !== 0) found.fpd = true;
    if ((lo & 1) === 0) return this.fail(REASON.PASID_NOT_PRESENT);
    const { f } = PASID_ENTRY;
    const type = get(f.PGTT, words);
    const first = type === PGTT.FIRST || type === PGTT.NESTED;
    const second = type === PGTT.SECOND || type === PGTT.NESTED;
    const known =
      (type === PGTT.FIRST && caps.firstStage) ||
      (type === PGTT.SECOND && caps.secondStage) ||
      (type === PGTT.NESTED && caps.nested) ||
      (type === PGTT.PASS && caps.passThrough);
    if (!known) return this.fail(REASON.PASID_INVALID);
    const aw = get(f.AW, words);
    if (second && !this.secondStage(aw, hi, lo)) return this.fail(REASON.PASID_INVALID);
    if (first && !this.firstStage(aw)) return this.fail(REASON.PASID_INVALID);
    found.type = type;
    found.did = get(f.DID, words);
    found.pasid = pasid;
    found.secondFlags = second && get(f.SSADE, words) === 1 && caps.accessedDirty;
    found.extendedFlag = first && get(f.EAFE, words) === 1;
    return true;
  }

  /** Width and top table of the second stage; false for a width that the unit has not. */
  private secondStage(aw: number, hi: number, lo: number): boolean {
    const { caps, found } = this;
    if (aw === 0 || aw > 3 || ((caps.sagaw >>> aw) & 1) === 0) return false;
    found.levels = aw + 2;
    found.width = Math.min(30 + 9 * aw, caps.mgaw);
    found.tableHi = hi & 0xf_ffff;
    found.tableLo = lo & ~0xfff;
    return true;
  }

  private firstStage(aw: number): boolean {
    const { caps, found, words } = this;
    const mode = get(PASID_ENTRY.f.FSPM, words);
    if (mode > 1 || (mode === 1 && !caps.fs5)) return false;
    found.levels1 = 4 + mode;
    const bits = 48 + 9 * mode;
    found.canonical = this.q.fsAw ? Math.min(30 + 9 * aw, caps.mgaw) : bits;
    found.table1Hi = this.word(5) & 0xf_ffff;
    found.table1Lo = this.word(4) & ~0xfff;
    return true;
  }

  private beyond(hi: number): boolean {
    return (hi & (this.caps.beyondHi | 0xfff0_0000)) !== 0;
  }
}
