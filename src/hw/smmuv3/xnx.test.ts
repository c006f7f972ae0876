/** Stage 2's execution rights: XN of two bits where IDR3.XNX says so (DDI 0487 D8.4.6). */
import { describe, expect, test } from "vitest";
import { IDS, Rig, S2_PAGE } from "../testing/rig.ts";
import { EVENT } from "./evtq.ts";
import { Txn, TxnResult } from "./txn.ts";

const SID = 3;
const XNX = 1 << 4;
const PAGE = 0x4080_0000;
/** AF, read-only for both, so that stage 1 lets both execute. */
const S1_CODE = 0x7c3;
/** XN[1:0] at bit 53. */
const XN_AT = 2 ** 53;

/** `UP`: unprivileged, privileged may fetch instructions; each asked `times` times. */
function fetches(rig: Rig, times = 1): string {
  const may = [false, true].map((privileged) => {
    const out = new TxnResult();
    const ends = Array.from({ length: times }, () => {
      rig.smmu.translate(Object.assign(new Txn().set(SID, false, 0, 0x1000), { instruction: true, privileged }), out);
      if (!out.ok) expect(out).toMatchObject({ event: EVENT.F_PERMISSION, stage: 2, level: 3 });
      return out.ok;
    });
    expect(new Set(ends).size).toBe(1);
    return ends[0];
  });
  return `${may[0] === true ? "U" : "-"}${may[1] === true ? "P" : "-"}`;
}

function stage2(rig: Rig, xn: number): number {
  const root = rig.page();
  rig.map(root, 0x1000, PAGE, S2_PAGE);
  setXn(rig, root, xn);
  return root;
}

function setXn(rig: Rig, root: number, xn: number): void {
  const leaf = rig.leaf(root, 0x1000);
  rig.mem.fetch64(leaf);
  const hi = (rig.mem.hi & ~0x60_0000) | ((xn * XN_AT) / 2 ** 32);
  rig.mem.write64(leaf, rig.mem.lo, hi);
}

const CASES = [
  ["00", 0, "UP", "UP"],
  ["01: not by privileged accesses", 1, "U-", "UP"],
  ["10: by none", 2, "--", "--"],
  ["11: not by unprivileged accesses", 3, "-P", "--"],
] as const;

describe("instruction fetches through stage 2 alone, with XNX and without", () => {
  test.each(CASES)("XN %s", (_, xn, withXnx, without) => {
    for (const [idr3, want] of [
      [IDS.idr3 | XNX, withXnx],
      [IDS.idr3 & ~XNX, without],
    ] as const) {
      const rig = new Rig({ idr3 });
      rig.ste(SID, { Config: 6, ...rig.s2(stage2(rig, xn)) });
      expect(fetches(rig, 3)).toBe(want);
      // Data is not asked for it, and what a data access left in the TLB gives no right to execute.
      expect(rig.access(SID, 0x1000)).toBe(`0x${PAGE.toString(16)}`);
      expect(fetches(rig)).toBe(want);
    }
  });
});

test("nested: both stages must allow it", () => {
  const rig = new Rig({ idr3: IDS.idr3 | XNX });
  const root = rig.page();
  const s1 = rig.page();
  rig.map(root, 0x1000, PAGE, S2_PAGE);
  const cd = rig.page();
  rig.words(cd, rig.cd(s1));
  rig.map(s1, 0x1000, 0x1000, S1_CODE);
  for (let page = 0x4010_0000; page < 0x4018_0000; page += 0x1000) rig.map(root, page, page, S2_PAGE);
  rig.ste(SID, { Config: 7, ...rig.s2(root), "S1ContextPtr[31:6]": cd >>> 6, S1DSS: 2 });
  for (const [, xn, want] of CASES) {
    setXn(rig, root, xn);
    rig.smmu.translator.tlb.clear();
    expect(fetches(rig, 2)).toBe(want);
  }
});
