/** Random stream tables, contexts and page tables through the walker and through the reference of ../testing. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { PhysMem } from "../memory.ts";
import { reference, type Verdict } from "../testing/reference.ts";
import { ARCHITECTURE } from "./quirks.ts";
import { CR0, REG } from "./regs.ts";
import { Smmuv3 } from "./smmu.ts";
import { Txn, TxnResult } from "./txn.ts";

const STREAM_TABLE = 0x4000_0000;
const CD_PAGE = 0x4001_0000;
/** Table pages: 64 KiB each, so that tables of every granule fit. */
const POOL = 0x4010_0000;
const POOL_PAGES = 6;
const UNIT = 0x1_0000;
const SID = 5;
const OAS_BITS = 44;

/** A small generator (xorshift) so that a case is its seed. */
class Dice {
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
}

interface Case {
  mem: PhysMem;
  smmu: Smmuv3;
  vas: bigint[];
}

/** A descriptor that usually leads on: to another page of the pool, or to a block around it. */
function descriptor(d: Dice): [lo: number, hi: number] {
  const target = d.chance(90) ? POOL + d.below(POOL_PAGES) * UNIT + d.below(16) * 0x1000 : d.u32();
  const type = d.chance(6) ? d.pick([0, 2]) : d.chance(25) ? 1 : 3;
  const attributes = d.chance(70) ? 0x7c0 : d.u32() & 0xffc;
  const af = d.chance(95) ? 0x400 : 0;
  const high = d.chance(92) ? 0 : d.chance(50) ? d.below(0x2000) : d.u32();
  const ignored = d.chance(80) ? 0 : (d.u32() & 0x7870_0000) >>> 0;
  return [((target & ~0xfff) | (attributes & 0xffc & ~0x400) | af | type) >>> 0, (high | ignored) >>> 0];
}

function build(seed: number): Case {
  const d = new Dice(seed);
  const mem = new PhysMem([{ start: STREAM_TABLE, last: POOL + POOL_PAGES * UNIT - 1 }]);
  for (let page = 0; page < POOL_PAGES; page++) {
    const period = Array.from({ length: 32 }, () => descriptor(d));
    for (let i = 0; i < UNIT / 8; i++) {
      const [lo, hi] = period[i % 32] ?? [0, 0];
      mem.write64(POOL + page * UNIT + i * 8, lo, hi);
    }
  }
  const config = d.pick([4, 5, 5, 6, 6, 7, 7, 7]);
  const nested = config === 7;
  // S2TG, S2SL0, input bits that belong together (C_BAD_STE has its own tests).
  const [tg2, sl0, bits2] = d.pick([
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
  const pool = (): number => POOL + d.below(POOL_PAGES) * UNIT;
  const contextPtr = nested ? (d.chance(50) ? CD_PAGE : d.below(0x100) * 0x1000) : CD_PAGE;
  const ste = new Uint32Array(16);
  ste[0] = 1 | (config << 1) | contextPtr;
  ste[2] = 2;
  ste[4] = 9;
  ste[5] = (64 - bits2) | (sl0 << 6) | (tg2 << 14) | (d.pick([2, 3, 4, 5]) << 16) | (1 << 19) | (1 << 26);
  if (d.chance(20)) ste[5] = (ste[5] ?? 0) | (1 << 21);
  if (d.chance(20)) ste[5] = (ste[5] ?? 0) | (1 << 22);
  ste[6] = pool();
  for (let i = 0; i < 16; i++) mem.write32(STREAM_TABLE + SID * 64 + i * 4, ste[i] ?? 0);
  const tg0 = d.pick([0, 1, 2]);
  const [tg1, t0sz, t1sz] = [d.pick([1, 2, 3]), 16 + d.below(24), 16 + d.below(24)];
  const cd = new Uint32Array(16);
  cd[0] =
    t0sz |
    (tg0 << 6) |
    ((d.chance(5) ? 1 : 0) << 14) |
    (t1sz << 16) |
    (tg1 << 22) |
    ((d.chance(60) ? 1 : 0) << 30) |
    (1 << 31);
  cd[1] =
    d.pick([1, 2, 3, 4, 5]) |
    (1 << 9) |
    (1 << 13) |
    (1 << 14) |
    (d.chance(30) ? 1 << 6 : 0) |
    (d.chance(30) ? 1 << 7 : 0);
  if (d.chance(20)) cd[1] = (cd[1] ?? 0) | (1 << 3);
  cd[2] = pool();
  cd[4] = pool();
  // Stage 2 may send the CD fetch to any page of the pool: each begins with the CD.
  const homes = nested ? Array.from({ length: POOL_PAGES * 16 }, (_, page) => POOL + page * 0x1000) : [];
  for (const at of [CD_PAGE, ...homes]) {
    for (let i = 0; i < 16; i++) mem.write32(at + i * 4, cd[i] ?? 0);
  }
  const smmu = new Smmuv3(
    "smmu",
    0x905_0000,
    {
      idr0: 0xd44101b,
      idr1: 0x2730010,
      idr3: 0x1414,
      idr5: 0x74,
      iidr: 0,
      aidr: 1,
      quirks: ARCHITECTURE,
    },
    mem,
  );
  smmu.writeReg64(REG.STRTAB_BASE, STREAM_TABLE, 0);
  smmu.writeReg(REG.STRTAB_BASE_CFG, 4);
  smmu.writeReg(REG.CR0, 1 << CR0.f.SMMUEN.lo);
  const vas = Array.from({ length: 24 }, () => {
    const low = BigInt(d.u32()) | (BigInt(d.u32()) << 32n);
    const width = BigInt(d.pick([16, 24, 30, 36, 42, 48, 56, 64]));
    const small = low & ((1n << width) - 1n);
    return d.chance(25) ? ~small & 0xffff_ffff_ffff_ffffn : small;
  });
  return { mem, smmu, vas };
}

function bothAnswers(c: Case, va: bigint, write: boolean): [ours: Verdict, theirs: Verdict] {
  const out = new TxnResult();
  const txn = new Txn().set(SID, write, Number(va >> 32n), Number(va & 0xffff_ffffn));
  c.smmu.explain(txn, out);
  const ours: Verdict = out.ok
    ? { ok: true, pa: BigInt(out.pa) }
    : { ok: false, event: out.event, stage: out.stage, level: out.level, cls: "IN" };
  const read = (pa: bigint): bigint | null => {
    if (!c.mem.answers(Number(pa))) return null;
    c.mem.fetch64(Number(pa));
    return BigInt(c.mem.lo) | (BigInt(c.mem.hi) << 32n);
  };
  const theirs = reference(
    { read, strtabBase: BigInt(STREAM_TABLE), strtabBaseCfg: 4n, oas: BigInt(OAS_BITS), recInvSid: false },
    BigInt(SID),
    va,
    write ? "W" : "R",
  );
  return [ours, theirs];
}

/** Event, stage and level. */
function plain(v: Verdict, levelKnown: boolean): string {
  if (v.ok) return `pa 0x${v.pa.toString(16)}`;
  return `event ${v.event} stage ${v.stage} level ${levelKnown ? v.level : "-"}`;
}

test("the walker and the slow reference agree on random tables", () => {
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const c = build(seed);
      for (const [i, va] of c.vas.entries()) {
        const [ours, theirs] = bothAnswers(c, va, i % 2 === 1);
        const kind = theirs.ok ? "ok" : `event ${theirs.event} stage ${theirs.stage}`;
        seen.set(kind, (seen.get(kind) ?? 0) + 1);
        // A configuration fault and an address outside every table have no level.
        const levelKnown = !theirs.ok && theirs.level >= 0;
        const access = `${va.toString(16)} ${i % 2 === 1 ? "W" : "R"}`;
        expect(`${access}: ${plain(ours, levelKnown)}`).toBe(`${access}: ${plain(theirs, levelKnown)}`);
      }
    }),
    { numRuns: 200 },
  );
  // The generator must reach translations and each kind of fault, or agreement means nothing.
  for (const kind of [
    "ok",
    "event 16 stage 1",
    "event 16 stage 2",
    "event 17 stage 1",
    "event 19 stage 1",
    "event 19 stage 2",
  ])
    expect(`${kind}: ${(seen.get(kind) ?? 0) > 10}`).toBe(`${kind}: true`);
});
