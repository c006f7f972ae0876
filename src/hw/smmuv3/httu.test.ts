import { describe, expect, test } from "vitest";
import { encode } from "../base/fields.ts";
import { board, FULL, SID } from "../testing/board.ts";
import { Listener, Rig, S1_PAGE, S2_PAGE } from "../testing/rig.ts";
import { CD } from "./cd.ts";
import { Txn, TxnResult } from "./txn.ts";

const PA = 0x4080_0000;
const AF = 0x400;
const READ_ONLY = 0x80;
/** Dirty bit modifier in the high word. */
const DBM = 0x8_0000;
const HA = 1;
const HD = 2;

/** Stage 1 with the given flags switched on; the page at 0x1000 has these attributes. */
function stage1(on: number, lo: number, hi = 0): { rig: Rig; pte: number } {
  const { rig, root, cd } = board();
  rig.map(root, 0x1000, PA, 0);
  const pte = rig.leaf(root, 0x1000);
  rig.mem.write64(pte, (PA | lo) >>> 0, hi);
  const words = rig.cd(root);
  words.set(encode(CD, {}).map((_, i) => (words[i] ?? 0) | (i === 1 ? ((on & HA) << 11) | ((on & HD) << 9) : 0)));
  rig.words(cd, words);
  return { rig, pte };
}

/** Stage 2 alone, likewise. */
function stage2(on: number, lo: number, hi = 0): { rig: Rig; pte: number; root: number } {
  const rig = new Rig(FULL);
  const root = rig.page();
  rig.map(root, 0x1000, PA, 0);
  const pte = rig.leaf(root, 0x1000);
  rig.mem.write64(pte, (PA | lo) >>> 0, hi);
  rig.ste(SID, { ...rig.s2(root), Config: 6, S2HA: on & HA, S2HD: (on & HD) >> 1 });
  return { rig, pte, root };
}

function low(rig: Rig, pte: number): number {
  rig.mem.fetch64(pte);
  return rig.mem.lo & 0xfff;
}

describe("stage 1", () => {
  test("access flag: a fault without HA, set with it", () => {
    const off = stage1(0, S1_PAGE & ~AF);
    expect([off.rig.access(SID, 0x1000), low(off.rig, off.pte)]).toEqual(["F_ACCESS", S1_PAGE & ~AF]);
    const on = stage1(HA, S1_PAGE & ~AF);
    expect([on.rig.access(SID, 0x1000), low(on.rig, on.pte)]).toEqual([`0x${PA.toString(16)}`, S1_PAGE]);
  });

  test("dirty state: a write clears AP[2] where DBM is set, a read does not", () => {
    const clean = S1_PAGE | READ_ONLY;
    const { rig, pte } = stage1(HA | HD, clean, DBM);
    expect([rig.access(SID, 0x1000), low(rig, pte)]).toEqual([`0x${PA.toString(16)}`, clean]);
    expect([rig.access(SID, 0x1000, true), low(rig, pte)]).toEqual([`0x${PA.toString(16)}`, S1_PAGE]);
  });

  test.each([
    ["HD off", HA, DBM, S1_PAGE | READ_ONLY],
    ["no DBM", HA | HD, 0, S1_PAGE | READ_ONLY],
    ["no unprivileged access", HA | HD, DBM, (S1_PAGE | READ_ONLY) & ~0x40],
  ])("a write to a page that is not writable-clean faults: %s", (_, on, hi, lo) => {
    const { rig, pte } = stage1(on, lo, hi);
    expect([rig.access(SID, 0x1000, true), low(rig, pte)]).toEqual(["F_PERMISSION", lo]);
  });

  test("explaining an access changes nothing; the update is told to the probe", () => {
    const { rig, pte } = stage1(HA | HD, (S1_PAGE | READ_ONLY) & ~AF, DBM);
    const out = new TxnResult();
    rig.smmu.explain(new Txn().set(SID, true, 0, 0x1000), out);
    expect([out.ok, low(rig, pte)]).toEqual([true, (S1_PAGE | READ_ONLY) & ~AF]);
    const probe = new Listener();
    rig.smmu.probe = probe;
    rig.mem.probe = probe;
    rig.access(SID, 0x1000, true);
    expect(probe.lines).toContain(`smmu writes 0x${pte.toString(16)} S1 L3 flags`);
  });
});

describe("stage 2", () => {
  test("access flag and S2AP[1]", () => {
    const { rig, pte } = stage2(HA | HD, S2_PAGE & ~AF & ~0x80, DBM);
    expect([rig.access(SID, 0x1000), low(rig, pte)]).toEqual([`0x${PA.toString(16)}`, S2_PAGE & ~0x80]);
    expect([rig.access(SID, 0x1000, true), low(rig, pte)]).toEqual([`0x${PA.toString(16)}`, S2_PAGE]);
    const off = stage2(0, S2_PAGE & ~AF);
    expect(off.rig.access(SID, 0x1000)).toBe("F_ACCESS");
  });
});

describe("both stages", () => {
  /** Stage 1 at IPAs equal to PAs; the page of the leaf table is mapped with these attributes. */
  function nested(tables: number): { rig: Rig; pte: number; s2pte: number } {
    const rig = new Rig(FULL);
    const [s1, s2] = [rig.page(), rig.page()];
    rig.map(s1, 0x1000, PA, 0);
    const pte = rig.leaf(s1, 0x1000);
    rig.mem.write64(pte, PA | (S1_PAGE & ~AF), 0);
    const cd = rig.page();
    const words = rig.cd(s1);
    words[1] = (words[1] ?? 0) | (1 << 11);
    rig.words(cd, words);
    for (let page = 0x4010_0000; page < 0x4014_0000; page += 0x1000) rig.map(s2, page, page, S2_PAGE);
    rig.map(s2, PA, PA, S2_PAGE);
    const table = pte - (pte % 4096);
    rig.map(s2, table, table, tables);
    const s2pte = rig.leaf(s2, table);
    rig.mem.write64(s2pte, table | tables, DBM);
    const second = rig.s2(s2);
    rig.ste(SID, { ...second, Config: 7, S2HA: 1, S2HD: 1, "S1ContextPtr[31:6]": cd >>> 6, S1DSS: 2 });
    return { rig, pte, s2pte };
  }

  test("updating a stage-1 leaf is a write: the page of the table becomes dirty", () => {
    const { rig, pte, s2pte } = nested(S2_PAGE & ~0x80);
    expect(rig.access(SID, 0x1000)).toBe(`0x${PA.toString(16)}`);
    expect([low(rig, pte), low(rig, s2pte)]).toEqual([S1_PAGE, S2_PAGE]);
  });

  test("a table that stage 2 does not let write gives a stage-2 fault of the table walk", () => {
    const { rig, pte, s2pte } = nested(S2_PAGE & ~0x80);
    rig.mem.fetch64(s2pte);
    rig.mem.write64(s2pte, rig.mem.lo, 0);
    expect(rig.access(SID, 0x1000)).toBe("F_PERMISSION");
    const { walker } = rig.smmu.translator;
    expect([walker.stage, walker.cls, low(rig, pte)]).toEqual([2, 1, S1_PAGE & ~AF]);
  });
});
