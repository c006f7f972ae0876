/**
 * The table walks: second stage of one address, first stage with every table address translated where it is nested.
 *
 * A walker keeps the outcome of its last walk in its own fields, so that a walk allocates nothing; addresses inside a
 * walk are two int32 halves. Reads are told to the probe as `SS L4[0x001]`, `FS L1[0x040]`.
 * Spec: VT-d 3.6 (first stage), 3.7 (second stage), 3.8 (nested).
 */
import { hex, join } from "../base/bits.ts";
import type { HwProbe } from "../base/probe.ts";
import type { PhysMem } from "../memory.ts";
import type { VtdCaps } from "./caps.ts";
import type { DmaContext } from "./context.ts";
import { PGTT } from "./entries.ts";
import { REASON } from "./faults.ts";
import type { VtdQuirks } from "./quirks.ts";

/** Rights, as bits; those of a second-stage entry. */
export const R = 1;
export const W = 2;

/** Page sizes below a level's own, in the low half of a large page's address. */
const LARGE_2M = 0x1f_f000;
const LARGE_1G = 0x3fff_f000;
/** Bits 62 (transient mapping) and 51:48 stand in the high half; 61:52 and 63 are ignored. */
const SS_TM = 0x4000_0000;

export class VtdWalker {
  readonly mem: PhysMem;
  readonly caps: VtdCaps;
  readonly q: VtdQuirks;
  readonly name: string;
  probe: HwProbe | null = null;
  /** Leave the flags in the tables alone. */
  dry = false;

  /** Fault: reason, stage, level (1 = 4 KiB entries). */
  reason = 0;
  stage: 0 | 1 | 2 = 0;
  level = -1;

  /** Output as int32 halves, log2 of the block it is valid for, rights. */
  outHi = 0;
  outLo = 0;
  shift = 12;
  perm = 0;

  constructor(name: string, mem: PhysMem, caps: VtdCaps, q: VtdQuirks) {
    this.name = name;
    this.mem = mem;
    this.caps = caps;
    this.q = q;
  }

  private fail(reason: number, stage: 1 | 2, level: number): false {
    this.reason = reason;
    this.stage = stage;
    this.level = level;
    return false;
  }

  private trace(stage: string, level: number, index: number, hi: number, lo: number, dlo: number, dhi: number): void {
    this.probe?.mem(this.name, false, join(lo, hi), dlo >>> 0, dhi >>> 0, `${stage} L${level}[${hex(index, 3)}]`);
  }

  /** Both stages as the context says. */
  walk(c: DmaContext, hi: number, lo: number, need: number): boolean {
    if (c.type === PGTT.SECOND) return this.second(c, hi, lo, need);
    return this.first(c, hi, lo, need);
  }

  /** Second stage of one address (`hi` at most 2^32-1). On success `outHi`, `outLo`, `shift`, `perm`, `level`. */
  second(c: DmaContext, hi: number, lo: number, need: number): boolean {
    const beyond = c.width >= 64 ? false : hi >>> (c.width - 32) !== 0;
    if (beyond) return this.fail(REASON.BEYOND_WIDTH, 2, -1);
    const { mem, caps } = this;
    let level = c.levels;
    let shift = 12 + 9 * (level - 1);
    let baseHi = c.tableHi;
    let baseLo = c.tableLo;
    let perm = R | W;
    for (;;) {
      const index = at(hi, lo, shift);
      const entry = (baseLo + index * 8) | 0;
      const page = mem.frame(baseHi, entry);
      if (page === null) return this.fail(level === c.levels ? topAccess(c) : REASON.PAGING_ACCESS, 2, level);
      const word = (entry >>> 2) & 1022;
      const dlo = (page[word] as number) | 0;
      const dhi = (page[word + 1] as number) | 0;
      if (this.probe !== null) this.trace("SS", level, index, baseHi, entry, dlo, dhi);
      perm &= dlo;
      if ((dlo & need) !== need) return this.fail((need & W & ~dlo) !== 0 ? REASON.NO_WRITE : REASON.NO_READ, 2, level);
      const leaf = level === 1 || (level <= 3 && (dlo & 0x80) !== 0 && ((caps.superpages >>> (level - 2)) & 1) !== 0);
      if (this.reserved2(dlo, dhi, level, leaf)) return this.fail(REASON.PAGING_RESERVED, 2, level);
      if (c.secondFlags) this.flags(page, word, baseHi, entry, dlo, leaf && (need & W) !== 0 ? 0x300 : 0x100);
      if (leaf) {
        this.output(dlo, dhi, shift, lo);
        this.perm = perm;
        this.level = level;
        return true;
      }
      baseHi = dhi & 0xf_ffff;
      baseLo = dlo & ~0xfff;
      level--;
      shift -= 9;
    }
  }

  private reserved2(dlo: number, dhi: number, level: number, leaf: boolean): boolean {
    const { caps } = this;
    let low = caps.snoop && leaf ? 0 : 0x800;
    if (!leaf) low |= 0x80;
    else if (level === 2) low |= LARGE_2M;
    else if (level === 3) low |= LARGE_1G;
    const high = caps.beyondHi | (caps.deviceTlb ? 0 : SS_TM);
    return (dlo & low) !== 0 || (dhi & high) !== 0;
  }

  /** First stage of one address; under nesting table and output addresses pass the second. */
  first(c: DmaContext, hi: number, lo: number, need: number): boolean {
    if (!canonical(hi, lo, c.canonical)) return this.fail(REASON.NOT_CANONICAL, 1, -1);
    const { mem, caps, q } = this;
    const nested = c.type === PGTT.NESTED;
    let level = c.levels1;
    let shift = 12 + 9 * (level - 1);
    let baseHi = c.table1Hi;
    let baseLo = c.table1Lo;
    let rights = 6;
    for (;;) {
      const index = at(hi, lo, shift);
      let entryHi = baseHi;
      let entry = (baseLo + index * 8) | 0;
      if (nested) {
        if (!this.second(c, entryHi, entry, R)) return false;
        entryHi = this.outHi;
        entry = this.outLo;
      }
      const page = mem.frame(entryHi, entry);
      if (page === null) {
        return this.fail(level === c.levels1 ? REASON.PASID_INVALID : REASON.FS_ACCESS, 1, level);
      }
      const word = (entry >>> 2) & 1022;
      const dlo = (page[word] as number) | 0;
      const dhi = (page[word + 1] as number) | 0;
      if (this.probe !== null) this.trace("FS", level, index, entryHi, entry, dlo, dhi);
      if ((dlo & 1) === 0) return this.fail(REASON.FS_NOT_PRESENT, 1, level);
      rights &= dlo;
      if (q.early) {
        if ((dlo & 4) === 0) return this.fail(REASON.FS_USER, 1, level);
        if ((need & W & ~dlo) !== 0) return this.fail(REASON.FS_NO_WRITE, 1, level);
      }
      const leaf = level === 1 || (level <= 3 && (dlo & 0x80) !== 0 && (level === 2 || caps.fs1g));
      if (this.reserved1(dlo, dhi, level, leaf)) return this.fail(REASON.FS_RESERVED, 1, level);
      if (leaf) {
        if ((rights & 4) === 0) return this.fail(REASON.FS_USER, 1, level);
        if ((need & W & ~rights) !== 0) return this.fail(REASON.FS_NO_WRITE, 1, level);
      }
      const flags = (leaf && (need & W) !== 0 ? 0x60 : 0x20) | (c.extendedFlag ? 0x400 : 0);
      this.flags(page, word, entryHi, entry, dlo, flags);
      if (leaf) {
        this.output(dlo, dhi, shift, lo);
        this.perm = R | (rights & W);
        this.level = level;
        return nested ? this.nestedOutput(c, need) : true;
      }
      baseHi = dhi & 0xf_ffff;
      baseLo = dlo & ~0xfff;
      level--;
      shift -= 9;
    }
  }

  private reserved1(dlo: number, dhi: number, level: number, leaf: boolean): boolean {
    let low = 0;
    if (!leaf) low = level >= 3 ? 0x80 : 0;
    else if (level === 2) low = LARGE_2M & ~0x1000;
    else if (level === 3) low = LARGE_1G & ~0x1000;
    return (dlo & low) !== 0 || (dhi & this.caps.beyondHi) !== 0;
  }

  /** The first stage's output through the second. */
  private nestedOutput(c: DmaContext, need: number): boolean {
    const { perm, shift } = this;
    if (!this.second(c, this.outHi, this.outLo, need)) return false;
    this.perm &= perm;
    this.shift = Math.min(this.shift, shift);
    return true;
  }

  /** Sets flags of an entry that are not set yet. */
  private flags(page: Uint32Array, word: number, hi: number, lo: number, dlo: number, set: number): void {
    if ((dlo & set) === set || this.dry) return;
    const { mem } = this;
    const who = mem.who;
    mem.who = this.name;
    mem.write64(join(lo, hi), (dlo | set) >>> 0, page[word + 1] ?? 0, "flags");
    mem.who = who;
  }

  /** Address field of a leaf that covers 2^shift bytes, and the input's bits below. */
  private output(dlo: number, dhi: number, shift: number, lo: number): void {
    const inside = (1 << shift) - 1;
    this.outHi = dhi & 0xf_ffff;
    this.outLo = (dlo & ~0xfff & ~inside) | (lo & inside);
    this.shift = shift;
  }
}

/** Reason of a top table that nothing answers at. */
function topAccess(c: DmaContext): number {
  return c.scalable ? REASON.PASID_INVALID : REASON.CONTEXT_INVALID;
}

/** Bits above and with bit `width - 1` of a 64-bit address are all equal. */
function canonical(hi: number, lo: number, width: number): boolean {
  const top = (hi | 0) >> Math.max(width - 33, 0);
  if (top !== 0 && top !== -1) return false;
  return width > 32 || (lo | 0) >> (width - 1) === top;
}

/** Index of a level: nine bits from `shift` (12 or more) on. */
function at(hi: number, lo: number, shift: number): number {
  return shift >= 32 ? (hi >>> (shift - 32)) & 511 : ((hi << (32 - shift)) | (lo >>> shift)) & 511;
}
