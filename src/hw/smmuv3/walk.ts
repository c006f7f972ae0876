/**
 * The table walks: stage 2 of one IPA, stage 1 of one VA with every table address translated by stage 2.
 *
 * A Walker keeps the outcome of its last walk in its own fields, so that a walk allocates nothing. Reads are told to
 * the probe as `S1 L2[0x040]`, `S2 L1[0x001]`. Source: Arm ARM DDI 0487 D8.2, D8.3, D8.4; IHI 0070 3.4, 7.3.
 */
import { hex, TWO32 } from "../base/bits.ts";
import type { HwProbe } from "../base/probe.ts";
import type { PhysMem } from "../memory.ts";
import { blockAllowed } from "../pgtable/vmsav8.ts";
import type { Caps } from "./caps.ts";
import { beyond, type StreamConfig, type TableInfo } from "./config.ts";
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

const POW: Float64Array = Float64Array.from({ length: 64 }, (_, i) => 2 ** i);

export class Walker {
  readonly mem: PhysMem;
  readonly caps: Caps;
  readonly q: Quirks;
  readonly tlb: Tlb;
  /** Name of the SMMU, for the probe. */
  readonly name: string;
  probe: HwProbe | null = null;
  /** Leave TLB and configuration cache alone. */
  dry = false;

  /** Fault: event number (0 = none is recorded), stage, level, class, and the IPA or the address of the fetch. */
  event = 0;
  stage: 0 | 1 | 2 = 0;
  level = -1;
  cls = CLASS_IN;
  address = 0;

  /** Output address of the last stage, and log2 of the block it is valid for. */
  out = 0;
  shift = 0;
  granule = 0;
  /** Stage 1: rights of unprivileged and privileged accesses; stage 2: rights. */
  permU = 0;
  permP = 0;
  perm2 = 0;
  /** Device memory, by either stage. */
  device = false;
  global = false;

  constructor(name: string, mem: PhysMem, caps: Caps, q: Quirks, tlb: Tlb) {
    this.name = name;
    this.mem = mem;
    this.caps = caps;
    this.q = q;
    this.tlb = tlb;
  }

  private fail(event: number, stage: 1 | 2, level: number, cls: number, address: number): false {
    this.event = event;
    this.stage = stage;
    this.level = level;
    this.cls = cls;
    this.address = address;
    return false;
  }

  private trace(stage: number, level: number, index: number, pa: number): void {
    const { probe, mem } = this;
    if (probe !== null) probe.mem(this.name, false, pa, mem.lo, mem.hi, `S${stage} L${level}[${hex(index, 3)}]`);
  }

  /**
   * Stage 2 of one IPA. `need`: the right asked for. `cls`: what for; table and CD fetches are subject to S2PTW.
   * On success `out`, `shift`, `granule`, `level`, `perm2`, `device`.
   */
  stage2(c: StreamConfig, ipa: number, need: number, cls: number): boolean {
    const { mem, q } = this;
    let level = c.start2;
    if (ipa >= (POW[c.inputBits2] ?? 0)) {
      return this.fail(EVENT.F_TRANSLATION, 2, -1, cls, ipa);
    }
    const stride = c.granule2 - 3;
    const below = (1 << stride) - 1;
    const hi = Math.floor(ipa / TWO32);
    const lo = ipa >>> 0;
    let shift = c.shift2;
    let base = c.base2;
    let mask = c.mask2;
    for (;;) {
      const index = at(hi, lo, shift, mask);
      const pa = base + index * 8;
      if (!mem.load64(pa)) return this.fail(EVENT.F_WALK_EABT, 2, level, cls, pa);
      if (this.probe !== null) this.trace(2, level, index, pa);
      const dlo = mem.lo;
      const dhi = mem.hi;
      if ((dlo & 1) === 0) return this.fail(EVENT.F_TRANSLATION, 2, level, cls, ipa);
      if ((dlo & 2) === 0) {
        if (level === 3 || !(q.blockLevel || blockAllowed(level, c.granule2, this.caps.oas === 52))) {
          return this.fail(EVENT.F_TRANSLATION, 2, level, cls, ipa);
        }
      } else if (level !== 3) {
        base = this.target(dlo, dhi, c.granule2);
        if (!q.tableOa && beyond(base, c.psBits)) return this.fail(EVENT.F_ADDR_SIZE, 2, level, cls, ipa);
        level++;
        shift -= stride;
        mask = below;
        continue;
      }
      return this.leaf2(c, ipa, need, cls, level, shift, dlo, dhi);
    }
  }

  private leaf2(
    c: StreamConfig,
    ipa: number,
    need: number,
    cls: number,
    level: number,
    shift: number,
    dlo: number,
    dhi: number,
  ): boolean {
    const q = this.q;
    const block = this.block(dlo, dhi, c.granule2, shift);
    const size = beyond(block, c.psBits);
    if (size && !q.addrSizeLast) return this.fail(EVENT.F_ADDR_SIZE, 2, level, cls, ipa);
    if ((dlo & 0x400) === 0 && !c.affd2) return this.fail(EVENT.F_ACCESS, 2, level, cls, ipa);
    const attr = (dlo >>> 2) & 15;
    const device = c.fwb2 ? (attr & 4) === 0 : (attr & 12) === 0;
    const xn = (dhi >>> 21) & 3;
    this.perm2 = ((dlo >>> 6) & 3) | (xn === 0 || xn === 1 ? X : 0);
    if ((this.perm2 & need) !== need || (cls !== CLASS_IN && c.ptw2 && device)) {
      return this.fail(EVENT.F_PERMISSION, 2, level, cls, ipa);
    }
    if (size) return this.fail(EVENT.F_ADDR_SIZE, 2, level, cls, ipa);
    this.out = block + (ipa % (POW[shift] ?? 1));
    this.shift = shift;
    this.granule = c.granule2;
    this.level = level;
    this.device = device;
    return true;
  }

  /**
   * Stage 1 of a VA that the caller found to belong to `tt`. On success `out` (an IPA under stage 2), `shift`,
   * `granule`, `level`, `permU`, `permP`, `global`; `device` from MAIR.
   */
  stage1(c: StreamConfig, tt: TableInfo, hi: number, lo: number, need: number, privileged: boolean): boolean {
    const { mem, q } = this;
    const stride = tt.granule - 3;
    const below = (1 << stride) - 1;
    let level = tt.start;
    let shift = tt.shift;
    let base = tt.base;
    let mask = tt.mask;
    let tables = 0;
    for (;;) {
      const index = at(hi, lo, shift, mask);
      let pa = base + index * 8;
      if (c.s2 && !q.ttBaseOnly) {
        if (!this.stage2(c, pa, R, CLASS_TT)) return false;
        pa = this.out;
      }
      if (!mem.load64(pa)) return this.fail(EVENT.F_WALK_EABT, 1, level, CLASS_TT, pa);
      if (this.probe !== null) this.trace(1, level, index, pa);
      const dlo = mem.lo;
      const dhi = mem.hi;
      if ((dlo & 1) === 0) return this.fail(EVENT.F_TRANSLATION, 1, level, CLASS_IN, 0);
      if ((dlo & 2) === 0) {
        if (level === 3 || !(q.blockLevel || blockAllowed(level, tt.granule, this.caps.oas === 52))) {
          return this.fail(EVENT.F_TRANSLATION, 1, level, CLASS_IN, 0);
        }
      } else if (level !== 3) {
        if (!tt.had) tables |= dhi;
        if (q.aptableEarly && !tt.had && (need & W) !== 0 && (dhi & 0x4000_0000) !== 0) {
          return this.fail(EVENT.F_PERMISSION, 1, level, CLASS_IN, 0);
        }
        base = this.target(dlo, dhi, tt.granule);
        if (!q.tableOa && beyond(base, c.ipsBits)) return this.fail(EVENT.F_ADDR_SIZE, 1, level, CLASS_TT, 0);
        if (c.s2 && q.ttBaseOnly && !this.tableBase(c, base)) return false;
        if (c.s2 && q.ttBaseOnly) base = this.out;
        level++;
        shift -= stride;
        mask = below;
        continue;
      }
      return this.leaf1(c, tt, hi, lo, need, privileged, level, shift, dlo, dhi, tables);
    }
  }

  private leaf1(
    c: StreamConfig,
    tt: TableInfo,
    hi: number,
    lo: number,
    need: number,
    privileged: boolean,
    level: number,
    shift: number,
    dlo: number,
    dhi: number,
    tables: number,
  ): boolean {
    const q = this.q;
    const block = this.block(dlo, dhi, tt.granule, shift);
    const size = beyond(block, c.ipsBits);
    if (size && !q.addrSizeLast) return this.fail(EVENT.F_ADDR_SIZE, 1, level, CLASS_IN, 0);
    if ((dlo & 0x400) === 0 && !c.affd) return this.fail(EVENT.F_ACCESS, 1, level, CLASS_IN, 0);
    this.rights(c, dlo, dhi, tables);
    const have = privileged ? this.permP : this.permU;
    if ((have & need) !== need) return this.fail(EVENT.F_PERMISSION, 1, level, CLASS_IN, 0);
    if (size) return this.fail(EVENT.F_ADDR_SIZE, 1, level, CLASS_IN, 0);
    this.out = block + offset(hi, lo, shift);
    this.shift = shift;
    this.granule = tt.granule;
    this.level = level;
    this.global = (dlo & 0x800) === 0;
    const index = (dlo >>> 2) & 7;
    this.device = (((index < 4 ? c.mair0 : c.mair1) >>> ((index & 3) * 8)) & 0xf0) >>> 4 === 0;
    return true;
  }

  /** Rights of a stage-1 leaf under its tables' limits (`tables`: their high words or-ed). */
  private rights(c: StreamConfig, dlo: number, dhi: number, tables: number): void {
    const q = this.q;
    if (q.ap1) {
      const writable = (dlo & 0x80) === 0 && (q.tlbAptable || (tables & 0x4000_0000) === 0);
      this.permU = this.permP = R | X | (writable ? W : 0);
      return;
    }
    const writable = (dlo & 0x80) === 0 && (tables & 0x4000_0000) === 0;
    const uxn = ((dhi | 0) & 0x40_0000) !== 0 || (tables & 0x1000_0000) !== 0;
    const pxn = (dhi & 0x20_0000) !== 0 || (tables & 0x0800_0000) !== 0;
    const rw = R | (writable ? W : 0);
    if (c.el2) {
      this.permU = this.permP = rw | (uxn || (c.wxn && writable) ? 0 : X);
      return;
    }
    const el0 = (dlo & 0x40) !== 0 && (tables & 0x2000_0000) === 0;
    this.permU = (el0 ? rw : 0) | (uxn || (c.wxn && writable && el0) ? 0 : X);
    const px = pxn || (el0 && writable) || (c.wxn && writable) ? 0 : X;
    this.permP = (c.pan && el0 ? 0 : rw) | px;
  }

  /** Quirk ttBaseOnly: translates the base of the next stage-1 table once, through the TLB. */
  tableBase(c: StreamConfig, ipa: number): boolean {
    if (this.throughTlb(c, ipa, CLASS_TT)) return true;
    if (this.q.ttS2bit) {
      this.stage = 1;
      this.address = ipa;
    }
    return false;
  }

  /** Stage 2 of an IPA that the SMMU itself reads, answered from the TLB where it can (quirks only). */
  throughTlb(c: StreamConfig, ipa: number, cls: number): boolean {
    const { tlb } = this;
    const hi = Math.floor(ipa / TWO32);
    const lo = ipa >>> 0;
    const slot = this.dry ? -1 : tlb.find(-1, c.vmid, hi, lo, c.granule2, c.start2);
    if (slot >= 0) {
      this.out = tlb.output(slot, hi, lo);
      return true;
    }
    const oas = c.ipsBits === 0 ? this.caps.oas : c.ipsBits;
    if (beyond(ipa, oas)) return this.fail(EVENT.F_ADDR_SIZE, 1, c.start2, cls, ipa);
    if (!this.stage2(c, ipa, R, cls)) return false;
    if (!this.dry) {
      const perm = this.perm2;
      tlb.insert(
        -1,
        c.vmid,
        hi,
        lo,
        this.granule,
        this.level,
        this.shift,
        this.out,
        perm,
        perm,
        perm,
        this.device,
        false,
      );
    }
    return true;
  }

  /** Address field of a table descriptor. */
  private target(lo: number, hi: number, granule: number): number {
    const low = granule === 12 ? lo & ~0xfff : granule === 14 ? lo & ~0x3fff : lo & ~0xffff;
    const top = granule === 16 && this.caps.oas === 52 ? ((lo >>> 12) & 15) << 16 : 0;
    return ((hi & 0xffff) + top) * TWO32 + (low >>> 0);
  }

  /** Address field of a leaf that covers 2^shift bytes. */
  private block(lo: number, hi: number, granule: number, shift: number): number {
    const top = granule === 16 && this.caps.oas === 52 ? ((lo >>> 12) & 15) << 16 : 0;
    if (shift < 32) return ((hi & 0xffff) + top) * TWO32 + ((lo & -(1 << shift)) >>> 0);
    return ((hi & 0xffff & -(1 << (shift - 32))) + top) * TWO32;
  }
}

/** Index of a level: bits from `shift` (12 or more) on, masked. */
function at(hi: number, lo: number, shift: number, mask: number): number {
  return shift >= 32 ? (hi >>> (shift - 32)) & mask : ((hi << (32 - shift)) | (lo >>> shift)) & mask;
}

/** The low `shift` bits of an address in halves. */
function offset(hi: number, lo: number, shift: number): number {
  if (shift < 32) return (lo & ((1 << shift) - 1)) >>> 0;
  return (hi & ((1 << (shift - 32)) - 1)) * TWO32 + (lo >>> 0);
}
