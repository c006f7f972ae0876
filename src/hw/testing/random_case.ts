/** Random stream tables, CDs and page tables for the differential test: one seed is one case. */
import { PhysMem } from "../memory.ts";
import { ARCHITECTURE } from "../smmuv3/quirks.ts";
import { CR0, REG } from "../smmuv3/regs.ts";
import { Smmuv3 } from "../smmuv3/smmu.ts";
import { FULL } from "./board.ts";

export const STREAM_TABLE = 0x4000_0000;
const CD_PAGE = 0x4001_0000;
const L1CD_PAGE = 0x4002_0000;
const EVENT_QUEUE = 0x4003_0000;
const RAM_LAST = 0x400f_ffff;
/** Table pages of 64 KiB, so that tables of every granule fit. */
const POOL = 0x4010_0000;
const POOL_PAGES = 6;
const UNIT = 0x1_0000;
export const SID = 5;
/** IDR5.OAS by bits of an output address. */
const OAS = Object.freeze({ 44: 4, 48: 5, 52: 6 });

/** A small generator (xorshift) so that a case is its seed. */
export class Dice {
  private state: number;
  constructor(seed: number) {
    this.state = (seed ^ 0x9e37_79b9) | 1;
  }
  u32(): number {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x;
    return x >>> 0;
  }
  below(n: number): number {
    return this.u32() % n;
  }
  pick<T>(list: readonly [T, ...T[]]): T {
    return list[this.below(list.length)] ?? list[0];
  }
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }
  /** `value` in so many of a hundred cases, else 0. */
  maybe(percent: number, value: number): number {
    return this.chance(percent) ? value : 0;
  }
}

export interface Access {
  va: bigint;
  write: boolean;
  /** -1 = none. */
  ssid: number;
  translated: boolean;
}

export interface Case {
  mem: PhysMem;
  smmu: Smmuv3;
  oas: 44 | 48 | 52;
  atsChk: boolean;
  recCfgAts: boolean;
  accesses: Access[];
}

/** High word of addresses in the pool: bits 51:48 when `wide`, which only 64 KiB granules reach. */
const poolHi = (wide: boolean): number => (wide ? 0xa_0000 : 0);

/** A descriptor that usually leads on: to another page of the pool, or to a block around it. `calm`: nearly always. */
function descriptor(d: Dice, wide: boolean, calm: boolean): [lo: number, hi: number] {
  const stray = calm ? 1 : 10;
  const target = d.chance(stray) ? d.u32() : POOL + d.below(POOL_PAGES) * UNIT + (wide ? 0 : d.below(16) * 0x1000);
  const type = d.chance(calm ? 1 : 6) ? d.pick([0, 2]) : d.chance(calm ? 12 : 25) ? 1 : 3;
  const attributes = d.chance(calm ? 3 : 30) ? d.u32() & 0xffc : 0x7c0;
  const readOnly = d.chance(20) ? 0x80 : 0;
  const af = d.chance(80) ? 0x400 : 0;
  const high = !d.chance(calm ? 1 : 8) ? 0 : d.chance(50) ? d.below(0x2000) : d.u32();
  // Contiguous, XN and table limits; and bit 51, dirty bit modifier.
  const ignored = (d.chance(80) ? 0 : d.u32() & 0x7870_0000) | d.maybe(60, 0x8_0000);
  const top = wide && d.chance(95) ? 0xa000 : 0;
  const flags = ((attributes & 0xffc & ~0x400) ^ readOnly) | af;
  return [((target & ~0xffff) | (wide ? top : target & 0xf000) | flags | type) >>> 0, (high | ignored) >>> 0];
}

/** S2TG, S2SL0, input bits. One in twenty does not belong together. */
function stage2Shape(d: Dice, wide: boolean): readonly [tg: number, sl0: number, inputBits: number] {
  if (d.chance(5)) return [wide ? 1 : d.below(3), d.below(4), 20 + d.below(33)];
  if (wide) {
    return d.pick([
      [1, 2, 43 + d.below(10)],
      [1, 1, 30 + d.below(17)],
      [1, 0, 25 + d.below(9)],
    ]);
  }
  return d.pick([
    [0, 2, 44 - d.below(5)],
    [0, 1, 39 - d.below(9)],
    [0, 1, 40 + d.below(4)],
    [0, 0, 25 + d.below(10)],
    [2, 2, 44 - d.below(7)],
    [2, 1, 26 + d.below(15)],
    [2, 0, 25 + d.below(5)],
    [1, 1, 30 + d.below(15)],
    [1, 0, 25 + d.below(9)],
  ]);
}

export function randomCase(seed: number): Case {
  const d = new Dice(seed);
  const wide = d.chance(20);
  const oas = wide ? 52 : d.pick<44 | 48 | 52>([44, 44, 48, 52]);
  const pool = POOL + poolHi(wide) * 2 ** 32;
  const mem = new PhysMem([
    { start: STREAM_TABLE, last: RAM_LAST },
    { start: pool, last: pool + POOL_PAGES * UNIT - 1 },
  ]);
  const calm = d.chance(60);
  for (let page = 0; page < POOL_PAGES; page++) {
    const period = Array.from({ length: 32 }, () => descriptor(d, wide, calm));
    for (let i = 0; i < UNIT / 8; i++) {
      const [lo, hi] = period[i % 32] ?? [0, 0];
      mem.write64(pool + page * UNIT + i * 8, lo, hi);
    }
  }
  const config = d.pick([4, 5, 5, 5, 5, 5, 6, 6, 6, 7, 7, 7, 7, 7, 7, 7]);
  const [tg2, sl0, bits2] = stage2Shape(d, wide);
  const base = (): number => POOL + d.below(POOL_PAGES) * UNIT;
  const anywhere = config === 7 && d.chance(50);
  const s2Stalls = d.chance(25);
  // Split-stage ATS asks for a nested stream whose stage 2 does not stall.
  const eats = d.pick([0, 1, config === 7 && !s2Stalls ? 2 : 1]);
  const cdMax = d.pick([0, 0, 1, 3, 4, d.chance(20) ? 5 : 2]);
  const fmt = cdMax === 0 ? 0 : d.pick([0, 0, 0, 1, 2, d.chance(10) ? 3 : 1]);
  const stallDisabled = d.chance(5) ? 1 : 0;
  const ste = new Uint32Array(16);
  ste[0] = 1 | (config << 1) | (fmt << 4) | (anywhere ? d.below(0x100) * 0x1000 : fmt === 0 ? CD_PAGE : L1CD_PAGE);
  if (d.chance(2)) ste[0] = (ste[0] ?? 0) & ~1;
  ste[1] = (cdMax << 27) >>> 0;
  ste[2] =
    d.pick([0, 1, 1, 2, 2, 2, d.chance(10) ? 3 : 1]) | (stallDisabled << 27) | (eats << 28) | d.maybe(20, 1 << 25);
  ste[4] = 9;
  const ha2 = d.chance(60);
  ste[5] =
    ((64 - bits2) & 0x3f) |
    (sl0 << 6) |
    (tg2 << 14) |
    ((wide && d.chance(80) ? 6 : d.pick([2, 3, 4, 5, 6])) << 16) |
    (1 << 19) |
    d.maybe(20, 1 << 21) |
    d.maybe(20, 1 << 22) |
    (ha2 ? (1 << 24) | d.maybe(60, 1 << 23) : 0) |
    (s2Stalls ? 1 << 25 : 0) |
    d.maybe(85, 1 << 26);
  ste[6] = base();
  ste[7] = poolHi(wide);
  for (let i = 0; i < 16; i++) mem.write32(STREAM_TABLE + SID * 64 + i * 4, ste[i] ?? 0);
  const cds = Array.from({ length: 4 }, () => context(d, wide, base));
  // Stage 2 may send a fetch to any page of the pool: each begins with CDs, or with the table of them.
  const homes =
    config === 7 ? Array.from({ length: POOL_PAGES * 16 }, (_, page) => pool + page * (wide ? UNIT / 16 : 0x1000)) : [];
  for (const at of [CD_PAGE, ...homes]) {
    for (let n = 0; n < 16; n++) {
      const cd = cds[n % cds.length] ?? new Uint32Array(16);
      for (let i = 0; i < 16; i++) mem.write32(at + n * 64 + i * 4, cd[i] ?? 0);
    }
  }
  mem.write64(L1CD_PAGE, (config === 7 && d.chance(50) ? base() : CD_PAGE) | (d.chance(95) ? 1 : 0), 0);
  const atsChk = d.chance(70);
  const recCfgAts = d.chance(50);
  const smmu = new Smmuv3(
    "smmu",
    0x905_0000,
    {
      ...FULL,
      idr3: FULL.idr3 | (1 << 8),
      idr5: (FULL.idr5 & ~0xc07) | OAS[oas] | (1 << 10) | (64 << 16),
      quirks: ARCHITECTURE,
    },
    mem,
  );
  smmu.writeReg64(REG.STRTAB_BASE, STREAM_TABLE, 0);
  smmu.writeReg(REG.STRTAB_BASE_CFG, 4);
  smmu.writeReg64(REG.EVENTQ_BASE, EVENT_QUEUE | 7, 0);
  smmu.writeReg(REG.CR2, recCfgAts ? 8 : 0);
  smmu.writeReg(REG.CR0, (1 << CR0.f.SMMUEN.lo) | (1 << CR0.f.EVENTQEN.lo) | (atsChk ? 1 << CR0.f.ATSCHK.lo : 0));
  const accesses = Array.from({ length: 24 }, (_, i) => ({
    va: address(d),
    write: i % 2 === 1,
    ssid: d.chance(cdMax === 0 ? 3 : 70) ? d.below(d.chance(90) ? 2 ** Math.min(cdMax, 4) : 18) : -1,
    translated: d.chance(8),
  }));
  for (const access of accesses) if (access.translated) access.ssid = -1;
  return { mem, smmu, oas, atsChk, recCfgAts, accesses };
}

function context(d: Dice, wide: boolean, base: () => number): Uint32Array {
  const tsz = (): number => (d.chance(3) ? d.below(64) : (wide ? 12 : 16) + d.below(wide ? 28 : 24));
  const [tg0, tg1] = wide && d.chance(90) ? [1, 3] : d.chance(3) ? [3, 0] : [d.pick([0, 1, 2]), d.pick([1, 2, 3])];
  const cd = new Uint32Array(16);
  cd[0] =
    (tsz() | (tg0 << 6) | d.maybe(5, 1 << 14) | (tsz() << 16) | (tg1 << 22) | d.maybe(50, 1 << 30) | 0x8000_0000) >>> 0;
  if (d.chance(3)) cd[0] = (cd[0] ?? 0) & 0x7fff_ffff;
  cd[1] =
    (wide && d.chance(80) ? 6 : d.pick([1, 2, 3, 4, 5, 6])) |
    (1 << 9) |
    d.maybe(20, 1 << 3) |
    d.maybe(30, 1 << 6) |
    d.maybe(30, 1 << 7) |
    (d.chance(60) ? (1 << 11) | d.maybe(60, 1 << 10) : 0) |
    d.maybe(25, 1 << 12) |
    d.maybe(85, 1 << 13) |
    d.maybe(80, 1 << 14);
  cd[2] = base() | d.maybe(10, 2);
  cd[3] = poolHi(wide);
  cd[4] = base() | d.maybe(10, 2);
  cd[5] = poolHi(wide);
  return cd;
}

function address(d: Dice): bigint {
  const low = BigInt(d.u32()) | (BigInt(d.u32()) << 32n);
  const width = BigInt(d.pick([16, 20, 24, 28, 30, 32, 36, 39, 42, 48, d.pick([52, 56, 64])]));
  const small = low & ((1n << width) - 1n);
  return d.chance(25) ? ~small & 0xffff_ffff_ffff_ffffn : small;
}
