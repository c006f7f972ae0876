/** Deviations of the emulated SMMU that the random cases of the recordings reach in bulk, one by one. */
import { describe, expect, test } from "vitest";
import { encode, get } from "../base/fields.ts";
import { Rig, S1_PAGE, S2_PAGE, STRTAB } from "../testing/rig.ts";
import { CMD_TLBI, OP } from "./commands.ts";
import { EVT } from "./evtq.ts";
import { QEMU, type Quirks, quirks } from "./quirks.ts";
import { REG } from "./regs.ts";

/** A nested stream 3: IOVA 0x1000 -> IPA 0x9000 -> 0x40800000; tables and CD lie where they do in the IPA space too. */
function nested(q: Quirks, leaf = S1_PAGE): { rig: Rig; s1: number; s2: number; cd: number } {
  const rig = new Rig({}, q);
  const s1 = rig.page();
  const s2 = rig.page();
  const cd = rig.stage1(3, s1);
  rig.map(s1, 0x1000, 0x9000, leaf);
  const guest = rig.page();
  for (let pa = s1; pa < guest; pa += 0x1000) rig.map(s2, pa, pa, S2_PAGE);
  rig.map(s2, 0x9000, 0x4080_0000, S2_PAGE);
  rig.ste(3, { Config: 7, "S1ContextPtr[31:6]": cd >>> 6, S1DSS: 2, ...rig.s2(s2) });
  return { rig, s1, s2, cd };
}

function lastEvent(rig: Rig): { S2: number; CLASS: number; RnW: number } {
  const w = rig.smmu.events.last;
  return { S2: get(EVT.f.S2, w), CLASS: get(EVT.f.CLASS, w), RnW: get(EVT.f.RnW, w) };
}

describe("nested tables", () => {
  test("are reached through the TLB by their base", () => {
    const { rig } = nested(QEMU);
    expect(rig.access(3, 0x1000)).toBe("0x40800000");
    const { tlb } = rig.smmu.translator;
    const before = tlb.count;
    rig.command(encode(CMD_TLBI, { Op: OP.TLBI_NH_VA, ASID: 1, VMID: 1, "Address[31:12]": 1 }));
    expect([rig.access(3, 0x1000), tlb.count]).toEqual(["0x40800000", before]);
  });

  test("a table that stage 2 does not map is a stage-1 fault; as the architecture has it, one of stage 2", () => {
    for (const [q, s2] of [
      [QEMU, 0],
      [quirks([]), 1],
    ] as const) {
      const { rig, s1, s2: second } = nested(q);
      rig.mem.fetch64(s1);
      const table = (rig.mem.lo & ~0xfff) >>> 0;
      rig.mem.write64(rig.leaf(second, table), 0, 0);
      expect(rig.access(3, 0x1000, true)).toBe("F_TRANSLATION");
      expect(lastEvent(rig)).toEqual({ S2: s2, CLASS: 1, RnW: 0 });
    }
  });

  test("a base that stage 2 does not map is found with the CD, and recorded as a read", () => {
    const { rig, s1, s2 } = nested(QEMU);
    rig.mem.write64(rig.leaf(s2, s1), 0, 0);
    expect(rig.access(3, 0x1000, true)).toBe("F_TRANSLATION");
    expect(lastEvent(rig)).toEqual({ S2: 1, CLASS: 1, RnW: 1 });
  });

  test("a CD that stage 2 does not map is recorded as a read", () => {
    const { rig, cd, s2 } = nested(QEMU);
    rig.mem.write64(rig.leaf(s2, cd), 0, 0);
    expect(rig.access(3, 0x1000, true)).toBe("F_TRANSLATION");
    expect(lastEvent(rig)).toEqual({ S2: 1, CLASS: 0, RnW: 1 });
  });

  test("a base beyond IPS is an address size fault of stage 1", () => {
    const { rig, s1 } = nested(quirks(["nestedTtb", "ttBaseOnly", "tableOa"]));
    rig.mem.fetch64(s1);
    rig.mem.write64(s1, rig.mem.lo, 0x1000);
    expect(rig.access(3, 0x1000)).toBe("F_ADDR_SIZE");
  });
});

describe("rights in the TLB", () => {
  test("a write that stage 1 or 2 forbids is told; stage 1 without rights ends without a record", () => {
    const { rig } = nested(QEMU, S1_PAGE | 0x80);
    expect([rig.access(3, 0x1000), rig.access(3, 0x1000, true)]).toEqual(["0x40800000", "F_PERMISSION"]);
    expect(lastEvent(rig).S2).toBe(0);
    const other = nested(QEMU);
    other.rig.mem.write64(other.rig.leaf(other.s2, 0x9000), 0x4080_077f, 0);
    expect([other.rig.access(3, 0x1000), other.rig.access(3, 0x1000, true)]).toEqual(["0x40800000", "F_PERMISSION"]);
    expect(lastEvent(other.rig).S2).toBe(1);
  });

  test("an entry of stage 2 alone that may be written only, not read", () => {
    const rig = new Rig({}, QEMU);
    const root = rig.page();
    rig.map(root, 0x1000, 0x4080_0000, (S2_PAGE & ~0xc0) | 0x80);
    rig.ste(3, { Config: 6, ...rig.s2(root) });
    expect([rig.access(3, 0x1000, true), rig.access(3, 0x1000)]).toEqual(["0x40800000", "abort"]);
  });

  test("TTL with a range of one page removes the entry of exactly that level", () => {
    const { rig } = nested(QEMU);
    rig.access(3, 0x1000);
    const { tlb } = rig.smmu.translator;
    const before = tlb.count;
    const range = { TG: 1, TTL: 3, "Address[31:12]": 1 };
    rig.command(encode(CMD_TLBI, { Op: OP.TLBI_NH_VA, ASID: 1, VMID: 1, ...range }));
    expect(tlb.count).toBe(before - 1);
  });
});

test("two granules: a block of stage 2 is looked up by its own", () => {
  const { rig, cd } = nested(quirks([]));
  const big = rig.page() + 0x1_0000;
  const base = (big & ~0xffff) >>> 0;
  // 64 KiB stage 1 over 42 bits: level 2 at `base`, a table at base + 0x10000, one page.
  rig.mem.write64(base, (base + 0x1_0000) | 3, 0);
  rig.mem.write64(base + 0x1_0000, 0x1_0000 | S1_PAGE, 0);
  rig.words(cd, rig.cd(base));
  rig.mem.write32(cd, ((rig.mem.read32(cd) & ~0xff) | 22 | (1 << 6)) >>> 0);
  const root = rig.page();
  for (const pa of [cd, base, base + 0x1_0000]) rig.map(root, pa, pa, S2_PAGE);
  rig.map(root, 0x1_0000, 0x4080_0000, S2_PAGE);
  rig.ste(3, { Config: 7, "S1ContextPtr[31:6]": cd >>> 6, S1DSS: 2, ...rig.s2(root) });
  expect(rig.access(3, 0x10)).toBe("0x40800010");
  rig.mem.write64(rig.leaf(root, 0x1_0000), 0, 0);
  expect(rig.access(3, 0x18)).toBe("0x40800018");
});

describe("the stream table", () => {
  test("an L1 descriptor covers one entry less; behind its last it is C_BAD_STE", () => {
    const rig = new Rig({}, quirks(["spanLimit"]));
    rig.smmu.writeReg(REG.STRTAB_BASE_CFG, (1 << 16) | (8 << 6) | 16);
    const table = rig.page();
    rig.mem.write64(STRTAB, table | 2, 0);
    expect([rig.access(3, 0), rig.access(4, 0)]).toEqual(["C_BAD_STE", "C_BAD_STE"]);
  });

  test("stage 2 alone, beyond the output size: without a record", () => {
    for (const [q, want] of [
      [quirks(["s2InputSilent"]), "abort"],
      [quirks([]), "F_ADDR_SIZE"],
    ] as const) {
      const rig = new Rig({}, q);
      rig.ste(3, { Config: 6, ...rig.s2(rig.page()) });
      expect(rig.access(3, 2 ** 45)).toBe(want);
    }
  });
});

describe("leaves", () => {
  test("APTable forbids a write at the level of the table", () => {
    const rig = new Rig({}, quirks(["aptableEarly"]));
    const root = rig.page();
    rig.stage1(3, root);
    rig.map(root, 0x1000, 0x4080_0000, S1_PAGE);
    rig.mem.fetch64(root);
    rig.mem.write64(root, rig.mem.lo, 0x4000_0000);
    expect([rig.access(3, 0x1000), rig.access(3, 0x2000, true)]).toEqual(["0x40800000", "F_PERMISSION"]);
  });

  test("the output size comes last, after access flag and permission, at either stage", () => {
    const rig = new Rig({}, quirks(["addrSizeLast"]));
    const root = rig.page();
    rig.stage1(3, root);
    const second = rig.page();
    rig.ste(4, { Config: 6, ...rig.s2(second) });
    for (const table of [root, second]) {
      rig.map(table, 0x1000, 2 ** 45, table === root ? S1_PAGE : S2_PAGE);
      rig.map(table, 0x2000, 2 ** 45, (table === root ? S1_PAGE : S2_PAGE) & ~0x400);
    }
    expect([3, 4].map((sid) => [rig.access(sid, 0x1000), rig.access(sid, 0x2000)])).toEqual([
      ["F_ADDR_SIZE", "F_ACCESS"],
      ["F_ADDR_SIZE", "F_ACCESS"],
    ]);
  });

  test("a structure's fault that is not recorded ends the access quietly", () => {
    const { rig, s2, cd } = nested(quirks([]));
    rig.ste(3, { Config: 7, "S1ContextPtr[31:6]": cd >>> 6, S1DSS: 2, ...rig.s2(s2), S2R: 0 });
    rig.mem.write64(rig.leaf(s2, cd), 0, 0);
    expect([rig.access(3, 0x1000), rig.smmu.events.prod]).toEqual(["abort", 0]);
  });
});
