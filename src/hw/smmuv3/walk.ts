/**
 * The table walks: stage 2 of one IPA, stage 1 of one VA with every table address translated by stage 2.
 *
 * A Walker keeps the outcome of its last walk in its own fields, so that a walk allocates nothing; addresses inside a
 * walk are two int32 halves (see base/bits.ts). Reads are told to the probe as `S1 L2[0x040]`, `S2 L1[0x001]`.
 * Source: Arm ARM DDI 0487 D8.2, D8.3, D8.4; IHI 0070 3.4, 7.3.
 */
import { hex, join } from "../base/bits.ts";
import type { HwProbe } from "../base/probe.ts";
import type { PhysMem } from "../memory.ts";
import type { StreamConfig, TableInfo } from "./config.ts";
import { EVENT } from "./evtq.ts";
import type { Quirks } from "./quirks.ts";
import type { Tlb } from "./tlb.ts";

/** Rights, as bits. */
export const R = 1;
export const W = 2;
export const X = 4;

/** CLASS of an event: what the faulting access was for. */
export const CLASS_CD = 0;
export const CLASS_TT = 1;
export const CLASS_IN = 2;

/** Dirty bit modifier, bit 51 of a leaf, in its high word. */
const DBM = 0x8_0000;
/** XN[1:0], bits 54:53 of a stage-2 leaf, in its high word; the low one has a meaning with XNX alone. */
const XN2 = 0x60_0000;
const XN2_LOW = 0x20_0000;
const XN2_SHIFT = 21;
/** XN: execution by privileged, by unprivileged accesses only. */
const XN2_PRIVILEGED = 3;
const XN2_UNPRIVILEGED = 1;

/** Names of reads: `S1 L2` by stage * 4 + level; indexes below 512 have their text made once. */
const LEVELS: readonly string[] = Object.freeze(Array.from({ length: 12 }, (_, i) => `S${i >> 2} L${i & 3}`));
const NAMED = 512;
/** `S1 L2[0x040]` whole, by (stage * 4 + level) * 512 + index. */
const READS: readonly string[] = Object.freeze(
  Array.from({ length: 12 * NAMED }, (_, i) => `${LEVELS[i >> 9]}[${hex(i % NAMED, 3)}]`),
);

export class Walker {
  readonly mem: PhysMem;
  readonly q: Quirks;
  readonly tlb: Tlb;
  /** Name of the SMMU, for the probe. */
  readonly name: string;
  probe: HwProbe | null = null;
  /** Leave TLB and configuration cache alone. */
  dry = false;
  /** The transaction in hand is privileged, which only stage 2's execution rights (XNX) ask here. */
  privileged = false;

  /** Fault: event number (0 = none is recorded), stage, level, class, and the IPA or the address of the fetch. */
  event = 0;
  stage: 0 | 1 | 2 = 0;
  level = -1;
  cls = CLASS_IN;
  address = 0;

  /** Output address of the last stage as int32 halves, and log2 of the block it is valid for. */
  outHi = 0;
  outLo = 0;
  shift = 0;
  granule = 0;
  /** Stage 1: rights of unprivileged and privileged accesses; stage 2: rights of both. */
  permU = 0;
  permP = 0;
  perm2 = 0;
  /** Device memory, by either stage. */
  device = false;
  global = false;

  /** Where the leaf in hand was read, as int32 halves, and its IPA when stage 2 is on: for updates of its flags. */
  private entryHi = 0;
  private entryLo = 0;
  private ipaHi = 0;
  private ipaLo = 0;

  constructor(name: string, mem: PhysMem, q: Quirks, tlb: Tlb) {
    this.name = name;
    this.mem = mem;
    this.q = q;
    this.tlb = tlb;
  }

  /** Output address of the last stage. */
  get out(): number {
    return join(this.outLo, this.outHi);
  }

  private fail(event: number, stage: 1 | 2, level: number, cls: number, hi: number, lo: number): false {
    this.event = event;
    this.stage = stage;
    this.level = level;
    this.cls = cls;
    this.address = join(lo, hi & 0xf_ffff);
    return false;
  }

  private trace(stage: number, level: number, index: number, hi: number, lo: number, dlo: number, dhi: number): void {
    const row = stage * 4 + level;
    const what = index < NAMED ? (READS[row * NAMED + index] as string) : `${LEVELS[row]}[${hex(index)}]`;
    if (this.probe !== null) this.probe.mem(this.name, false, join(lo, hi), dlo >>> 0, dhi >>> 0, what);
  }

  /**
   * Stage 2 of one IPA. `need`: the right asked for. `cls`: what for; table and CD fetches are subject to S2PTW.
   * On success `outHi`, `outLo`, `shift`, `granule`, `level`, `perm2`, `device`.
   */
  stage2(c: StreamConfig, hi: number, lo: number, need: number, cls: number): boolean {
    if (hi >>> 0 >= c.topHi2 || (c.inputBits2 < 32 && lo >>> c.inputBits2 !== 0)) {
      return this.fail(EVENT.F_TRANSLATION, 2, -1, cls, hi, lo);
    }
    const { mem } = this;
    const stride = c.granule2 - 3;
    let level = c.start2;
    let shift = c.shift2;
    let mask = c.mask2;
    let baseHi = c.base2Hi;
    let baseLo = c.base2Lo;
    for (;;) {
      const index = at(hi, lo, shift, mask);
      const entry = (baseLo + index * 8) | 0;
      const page = mem.frame(baseHi, entry);
      if (page === null) return this.fail(EVENT.F_WALK_EABT, 2, level, cls, baseHi, entry);
      const word = (entry >>> 2) & 1022;
      const dlo = (page[word] as number) | 0;
      const dhi = (page[word + 1] as number) | 0;
      if (this.probe !== null) this.trace(2, level, index, baseHi, entry, dlo, dhi);
      const type = dlo & 3;
      if (type === 3 && level !== 3) {
        baseHi = dhi & 0xffff;
        if (c.wide2) baseHi |= (dlo << 4) & 0xf0000;
        baseLo = dlo & c.low2;
        if (baseHi >= c.psTop && !this.q.tableOa) return this.fail(EVENT.F_ADDR_SIZE, 2, level, cls, hi, lo);
        level++;
        shift -= stride;
        mask = c.below2;
        continue;
      }
      if (type !== 3 && (type !== 1 || (c.blocks2 >>> level) % 2 === 0)) {
        return this.fail(EVENT.F_TRANSLATION, 2, level, cls, hi, lo);
      }
      this.setOutput(dlo, dhi, c.wide2, shift, hi, lo);
      const perm = ((dlo >>> 6) & 3) | ((dhi & XN2) === 0 || this.executable(c, dhi) ? X : 0);
      const attr = (dlo >>> 2) & 15;
      const device = c.fwb2 ? (attr & 4) === 0 : (attr & 12) === 0;
      if ((dlo & 0x400) === 0 || (perm & need) !== need || this.outHi >= c.psTop || (device && c.ptw2)) {
        this.entryHi = baseHi;
        this.entryLo = entry;
        return this.leaf2(c, hi, lo, need, cls, level, shift, dlo, dhi, perm, device);
      }
      this.perm2 = (dhi & XN2_LOW) === 0 ? perm : perm & ~X;
      this.shift = shift;
      this.granule = c.granule2;
      this.level = level;
      this.device = device;
      return true;
    }
  }

  /**
   * Whether the transaction in hand may execute from a stage-2 leaf with XN set. Where that depends on its privilege the
   * right does not go into the TLB: each instruction fetch reads the leaf.
   */
  private executable(c: StreamConfig, dhi: number): boolean {
    const xn = (dhi & XN2) >>> XN2_SHIFT;
    if (!c.xnx) return (xn & 2) === 0;
    return xn === (this.privileged ? XN2_PRIVILEGED : XN2_UNPRIVILEGED);
  }

  /** A leaf of stage 2 that is not simply allowed: updates its flags, or fails. */
  private leaf2(
    c: StreamConfig,
    hi: number,
    lo: number,
    need: number,
    cls: number,
    level: number,
    shift: number,
    dlo: number,
    dhi: number,
    have: number,
    device: boolean,
  ): boolean {
    const { q } = this;
    const size = this.outHi >= c.psTop;
    if (size && !q.addrSizeLast) return this.fail(EVENT.F_ADDR_SIZE, 2, level, cls, hi, lo);
    if ((dlo & 0x400) === 0 && !c.affd2 && !c.ha2) return this.fail(EVENT.F_ACCESS, 2, level, cls, hi, lo);
    let flags = (dlo & 0x400) === 0 && c.ha2 ? 0x400 : 0;
    let perm = have;
    if (c.hd2 && (need & W & ~perm) !== 0 && (dhi & DBM) !== 0 && cls !== CLASS_CD) {
      perm |= W;
      flags |= 0x480;
    }
    if ((perm & need) !== need || (c.ptw2 && cls !== CLASS_IN && device)) {
      return this.fail(EVENT.F_PERMISSION, 2, level, cls, hi, lo);
    }
    if (size) return this.fail(EVENT.F_ADDR_SIZE, 2, level, cls, hi, lo);
    if (flags !== 0) this.update(dlo | flags, dhi, 2, level);
    this.perm2 = (dhi & XN2_LOW) === 0 ? perm : perm & ~X;
    this.shift = shift;
    this.granule = c.granule2;
    this.level = level;
    this.device = device;
    return true;
  }

  /**
   * Stage 1 of a VA that the caller found to belong to `tt`. On success `outHi`, `outLo` (an IPA under stage 2),
   * `shift`, `granule`, `level`, `permU`, `permP`, `global`; `device` from MAIR.
   */
  stage1(c: StreamConfig, tt: TableInfo, hi: number, lo: number, need: number, privileged: boolean): boolean {
    const { mem, q } = this;
    const stride = tt.granule - 3;
    const eachRead = c.s2 && !q.ttBaseOnly;
    let level = tt.start;
    let shift = tt.shift;
    let mask = tt.mask;
    let baseHi = tt.baseHi;
    let baseLo = tt.baseLo;
    let tables = 0;
    for (;;) {
      const index = at(hi, lo, shift, mask);
      let entryHi = baseHi;
      let entry = (baseLo + index * 8) | 0;
      const ipaHi = entryHi;
      const ipaLo = entry;
      if (eachRead) {
        if (!this.stage2(c, entryHi, entry, R, CLASS_TT)) return false;
        entryHi = this.outHi;
        entry = this.outLo;
      }
      const page = mem.frame(entryHi, entry);
      if (page === null) return this.fail(EVENT.F_WALK_EABT, 1, level, CLASS_TT, entryHi, entry);
      const word = (entry >>> 2) & 1022;
      const dlo = (page[word] as number) | 0;
      const dhi = (page[word + 1] as number) | 0;
      if (this.probe !== null) this.trace(1, level, index, entryHi, entry, dlo, dhi);
      const type = dlo & 3;
      if (type === 3 && level !== 3) {
        if (!tt.had) tables |= dhi;
        if (q.aptableEarly && (need & W) !== 0 && (tables & dhi & 0x4000_0000) !== 0) {
          return this.fail(EVENT.F_PERMISSION, 1, level, CLASS_IN, 0, 0);
        }
        baseHi = dhi & 0xffff;
        if (tt.wide) baseHi |= (dlo << 4) & 0xf0000;
        baseLo = dlo & tt.low;
        if (baseHi >= tt.ipsTop && !q.tableOa) return this.fail(EVENT.F_ADDR_SIZE, 1, level, CLASS_TT, 0, 0);
        if (c.s2 && q.ttBaseOnly) {
          if (!this.nextTable(c, baseHi, baseLo)) return false;
          baseHi = this.outHi;
          baseLo = this.outLo;
        }
        level++;
        shift -= stride;
        mask = tt.below;
        continue;
      }
      if (type !== 3 && (type !== 1 || (tt.blocks >>> level) % 2 === 0)) {
        return this.fail(EVENT.F_TRANSLATION, 1, level, CLASS_IN, 0, 0);
      }
      this.setOutput(dlo, dhi, tt.wide, shift, hi, lo);
      this.shift = shift;
      this.granule = tt.granule;
      this.level = level;
      this.entryHi = entryHi;
      this.entryLo = entry;
      this.ipaHi = ipaHi;
      this.ipaLo = ipaLo;
      return this.leaf1(c, tt.ipsTop, need, privileged, level, dlo, dhi, tables);
    }
  }

  private leaf1(
    c: StreamConfig,
    ipsTop: number,
    need: number,
    privileged: boolean,
    level: number,
    dlo: number,
    dhi: number,
    tables: number,
  ): boolean {
    const { q } = this;
    const size = this.outHi >= ipsTop;
    if (size && !q.addrSizeLast) return this.fail(EVENT.F_ADDR_SIZE, 1, level, CLASS_IN, 0, 0);
    if ((dlo & 0x400) === 0 && !c.affd && !c.ha1) return this.fail(EVENT.F_ACCESS, 1, level, CLASS_IN, 0, 0);
    let final = (dlo & 0x400) === 0 && c.ha1 ? dlo | 0x400 : dlo;
    if (c.hd1 && (need & W) !== 0 && (dlo & 0x80) !== 0 && (dhi & DBM) !== 0) final = (final & ~0x80) | 0x400;
    this.rights(c, final, dhi, tables);
    const have = privileged ? this.permP : this.permU;
    if ((have & need) !== need) return this.fail(EVENT.F_PERMISSION, 1, level, CLASS_IN, 0, 0);
    if (size) return this.fail(EVENT.F_ADDR_SIZE, 1, level, CLASS_IN, 0, 0);
    if (final !== dlo && !this.update1(c, final, dhi, level)) return false;
    this.global = (dlo & 0x800) === 0;
    const index = (dlo >>> 2) & 7;
    this.device = (((index < 4 ? c.mair0 : c.mair1) >>> ((index & 3) * 8)) & 0xf0) === 0;
    return true;
  }

  /** Writes the flags of a stage-1 leaf, which stage 2 must allow. */
  private update1(c: StreamConfig, lo: number, hi: number, level: number): boolean {
    if (c.s2) {
      const { outHi, outLo, shift, granule } = this;
      if (!this.stage2(c, this.ipaHi, this.ipaLo, W, CLASS_TT)) return false;
      this.entryHi = this.outHi;
      this.entryLo = this.outLo;
      Object.assign(this, { outHi, outLo, shift, granule, level });
    }
    this.update(lo, hi, 1, level);
    return true;
  }

  /** Hardware update of access flag and dirty state (HTTU). */
  private update(lo: number, hi: number, stage: number, level: number): void {
    if (this.dry) return;
    const { mem } = this;
    const who = mem.who;
    mem.who = this.name;
    mem.write64(join(this.entryLo, this.entryHi), lo >>> 0, hi >>> 0, `${LEVELS[stage * 4 + level]} flags`);
    mem.who = who;
  }

  /** Rights of a stage-1 leaf under its tables' limits (`tables`: their high words or-ed). */
  private rights(c: StreamConfig, dlo: number, dhi: number, tables: number): void {
    const { q } = this;
    if (q.ap1) {
      const writable = (dlo & 0x80) === 0 && (q.tlbAptable || (tables & 0x4000_0000) === 0);
      this.permU = this.permP = R | X | (writable ? W : 0);
      return;
    }
    const writable = (dlo & 0x80) === 0 && (tables & 0x4000_0000) === 0;
    const uxn = (dhi & 0x40_0000) !== 0 || (tables & 0x1000_0000) !== 0;
    const rw = R | (writable ? W : 0);
    if (c.el2) {
      this.permU = this.permP = rw | (uxn || (c.wxn && writable) ? 0 : X);
      return;
    }
    const pxn = (dhi & 0x20_0000) !== 0 || (tables & 0x0800_0000) !== 0;
    const el0 = (dlo & 0x40) !== 0 && (tables & 0x2000_0000) === 0;
    this.permU = (el0 ? rw : 0) | (uxn || (c.wxn && writable && el0) ? 0 : X);
    const px = pxn || (el0 && writable) || (c.wxn && writable) ? 0 : X;
    this.permP = (c.pan && el0 ? 0 : rw) | px;
  }

  /** Quirk ttBaseOnly: translates the base of the next stage-1 table once, through the TLB. */
  private nextTable(c: StreamConfig, hi: number, lo: number): boolean {
    if (this.throughTlb(c, hi, lo, CLASS_TT)) return true;
    if (this.q.ttS2bit) {
      this.stage = 1;
      this.address = join(lo, hi);
    }
    return false;
  }

  /** Stage 2 of an IPA that the SMMU itself reads, answered from the TLB where it can (quirks only). */
  throughTlb(c: StreamConfig, hi: number, lo: number, cls: number): boolean {
    const { tlb } = this;
    const slot = this.dry ? -1 : tlb.find(-1, c.vmid, hi, lo, c.granule2, c.start2);
    if (slot >= 0) {
      const out = tlb.output(slot, hi, lo);
      this.outHi = Math.floor(out / 2 ** 32);
      this.outLo = out | 0;
      return true;
    }
    if (hi >= c.ipsTop) return this.fail(EVENT.F_ADDR_SIZE, 1, c.start2, cls, hi, lo);
    if (!this.stage2(c, hi, lo, R, cls)) return false;
    if (!this.dry) {
      const p = this.perm2;
      tlb.insert(-1, c.vmid, hi, lo, this.granule, this.level, this.outHi, this.outLo, p, p, p, this.device, false);
    }
    return true;
  }

  /** Output of a leaf that covers 2^shift bytes: its address field, and the input's bits below. `wide`: 52 bits. */
  private setOutput(dlo: number, dhi: number, wide: boolean, shift: number, hi: number, lo: number): void {
    let top = dhi & 0xffff;
    if (wide) top |= (dlo << 4) & 0xf0000;
    if (shift < 32) {
      const inside = (1 << shift) - 1;
      this.outHi = top;
      this.outLo = (dlo & ~inside) | (lo & inside);
    } else {
      const inside = (1 << (shift - 32)) - 1;
      this.outHi = (top & ~inside) | (hi & inside);
      this.outLo = lo | 0;
    }
  }
}

/** Index of a level: bits from `shift` (12 or more) on, masked. */
function at(hi: number, lo: number, shift: number, mask: number): number {
  return shift >= 32 ? (hi >>> (shift - 32)) & mask : ((hi << (32 - shift)) | (lo >>> shift)) & mask;
}
