import { describe, expect, test } from "vitest";
import { encode } from "../base/fields.ts";
import { CMDQ, EVTQ, IDS, Listener, Rig, S1_PAGE, S2_PAGE, STRTAB } from "../testing/rig.ts";
import { CD, L1CD } from "./cd.ts";
import { CERROR } from "./cmdq.ts";
import { CMD_CFGI, CMD_CFGI_STE_RANGE, CMD_SYNC, CMD_TLBI, OP } from "./commands.ts";
import { EVT } from "./evtq.ts";
import { decode } from "../base/fields.ts";
import { QEMU, quirks } from "./quirks.ts";
import { GERROR, REG } from "./regs.ts";
import { Txn, TxnResult } from "./txn.ts";

const SYNC = encode(CMD_SYNC, { Op: OP.SYNC });
/** 64 substreams, 20-bit SubstreamIDs, two-level CD tables. */
const WITH_SSID = { idr0: IDS.idr0 | (1 << 19), idr1: IDS.idr1 | (20 << 6) };

function mapped(): { rig: Rig; root: number; cd: number } {
  const rig = new Rig();
  const root = rig.page();
  const cd = rig.stage1(3, root);
  rig.map(root, 0x1000, 0x4080_0000, S1_PAGE);
  return { rig, root, cd };
}

describe("registers", () => {
  test("identification is read-only, CR0 is acknowledged, GBPA needs Update", () => {
    const { smmu } = new Rig();
    smmu.writeReg(REG.IDR0, 0);
    expect(smmu.readReg(REG.IDR0)).toBe(IDS.idr0);
    expect([smmu.readReg(REG.CR0), smmu.readReg(REG.CR0ACK)]).toEqual([0xd, 0xd]);
    smmu.writeReg(REG.GBPA, 0x10_0000);
    expect(smmu.readReg(REG.GBPA)).toBe(0x1000);
    smmu.writeReg(REG.GBPA, 0x8010_0000);
    expect(smmu.readReg(REG.GBPA)).toBe(0x10_0000);
  });

  test("64-bit bases are kept whole; interrupt configuration is stored; reserved offsets read 0", () => {
    const { smmu } = new Rig();
    smmu.writeReg64(REG.PRIQ_BASE, 0x1234_5005, 0x4000_0002);
    expect([smmu.readReg(REG.PRIQ_BASE), smmu.readReg(REG.PRIQ_BASE + 4)]).toEqual([0x1234_5005, 0x4000_0002]);
    smmu.writeReg(REG.EVENTQ_IRQ_CFG1, 0x55);
    smmu.writeReg(0x700, 0x55);
    expect([smmu.readReg(REG.EVENTQ_IRQ_CFG1), smmu.readReg(0x700)]).toEqual([0x55, 0]);
  });

  test("switched off it passes everything, or aborts when GBPA says so", () => {
    const { rig } = mapped();
    rig.smmu.writeReg(REG.CR0, 0xc);
    expect(rig.access(3, 0x1000)).toBe("0x1000");
    expect(rig.access(3, 2 ** 44)).toBe("abort");
    rig.smmu.writeReg(REG.GBPA, 0x8010_0000);
    expect(rig.access(3, 0x1000)).toBe("abort");
  });
});

describe("stream table", () => {
  test("abort, bypass, invalid and out of range", () => {
    const rig = new Rig();
    rig.ste(1, { Config: 0 });
    rig.ste(2, { Config: 4 });
    expect([rig.access(1, 0x5000), rig.access(2, 0x5000), rig.access(2, 2 ** 44)]).toEqual([
      "abort",
      "0x5000",
      "F_ADDR_SIZE",
    ]);
    expect(rig.access(4, 0x5000)).toBe("C_BAD_STE");
    expect(rig.access(256, 0x5000)).toBe("C_BAD_STREAMID");
    rig.smmu.writeReg(REG.CR2, 0);
    expect(rig.access(256, 0x5000)).toBe("abort");
  });

  test("two levels: span and holes", () => {
    const rig = new Rig();
    rig.ste(9, { Config: 4 });
    rig.mem.write64(STRTAB + 0x1000, STRTAB | 5, 0);
    rig.smmu.writeReg64(REG.STRTAB_BASE, STRTAB + 0x1000, 0);
    rig.smmu.writeReg(REG.STRTAB_BASE_CFG, 0x10210);
    expect(rig.access(9, 0x1000)).toBe("0x1000");
    expect(rig.access(16, 0x1000)).toBe("C_BAD_STREAMID");
    expect(rig.access(0x100, 0x1000)).toBe("C_BAD_STREAMID");
    rig.smmu.writeReg(REG.STRTAB_BASE_CFG, 8);
    rig.smmu.writeReg64(REG.STRTAB_BASE, STRTAB, 0);
    expect(rig.access(9, 0x1000)).toBe("0x1000");
  });

  test("a stream table where nothing answers: F_STE_FETCH with its address", () => {
    const rig = new Rig();
    rig.smmu.writeReg64(REG.STRTAB_BASE, 0, 1);
    expect(rig.access(1, 0)).toBe("F_STE_FETCH");
    expect([...rig.smmu.events.last]).toEqual([3, 1, 0, 0, 0, 0, 64, 1]);
  });
});

describe("caches", () => {
  test("a translation and an STE stay until software invalidates them", () => {
    const { rig, root } = mapped();
    expect(rig.access(3, 0x1234)).toBe("0x40800234");
    rig.map(root, 0x1000, 0x4090_0000, S1_PAGE);
    expect(rig.access(3, 0x1234)).toBe("0x40800234");
    rig.command(encode(CMD_TLBI, { Op: OP.TLBI_NH_VA, ASID: 1, "Address[31:12]": 1 }), SYNC);
    expect(rig.access(3, 0x1234)).toBe("0x40900234");
    rig.ste(3, { Config: 4 });
    expect(rig.access(3, 0x1234)).toBe("0x40900234");
    rig.command(encode(CMD_CFGI, { Op: OP.CFGI_STE, SID: 3, Leaf: 1 }), SYNC);
    expect(rig.access(3, 0x1234)).toBe("0x1234");
  });

  test.each([
    ["another ASID", encode(CMD_TLBI, { Op: OP.TLBI_NH_ASID, ASID: 2 }), true],
    ["its ASID", encode(CMD_TLBI, { Op: OP.TLBI_NH_ASID, ASID: 1 }), false],
    ["another VMID", encode(CMD_TLBI, { Op: OP.TLBI_NH_ALL, VMID: 7 }), true],
    ["its VMID", encode(CMD_TLBI, { Op: OP.TLBI_NH_ALL, VMID: 0 }), false],
    ["another page", encode(CMD_TLBI, { Op: OP.TLBI_NH_VAA, "Address[31:12]": 2 }), true],
    ["its page, any ASID", encode(CMD_TLBI, { Op: OP.TLBI_NH_VAA, "Address[31:12]": 1 }), false],
    [
      "a range below it",
      encode(CMD_TLBI, { Op: OP.TLBI_NH_VA, ASID: 1, TG: 1, NUM: 0, SCALE: 0, "Address[31:12]": 0 }),
      true,
    ],
    ["a range over it", encode(CMD_TLBI, { Op: OP.TLBI_NH_VA, ASID: 1, TG: 1, NUM: 1, "Address[31:12]": 0 }), false],
    ["stage 2 by IPA", encode(CMD_TLBI, { Op: OP.TLBI_S2_IPA, "Address[31:12]": 1 }), true],
    ["all of the VMID", encode(CMD_TLBI, { Op: OP.TLBI_S12_VMALL }), false],
    ["everything", encode(CMD_TLBI, { Op: OP.TLBI_NSNH_ALL }), false],
  ])("TLBI of %s", (_, command, stale) => {
    const { rig, root } = mapped();
    rig.access(3, 0x1000);
    rig.map(root, 0x1000, 0x4090_0000, S1_PAGE | 0x800);
    rig.command(command, SYNC);
    expect(rig.access(3, 0x1000)).toBe(stale ? "0x40800000" : "0x40900000");
  });

  test("CFGI_CD, CFGI_STE_RANGE and CFGI_ALL forget what they name", () => {
    const { rig, cd } = mapped();
    const broken = (): void => rig.mem.write64(cd, 0, 0);
    const whole = (): void => rig.words(cd, rig.cd(rig.page()));
    rig.access(3, 0x1000);
    broken();
    rig.command(encode(CMD_TLBI, { Op: OP.TLBI_NSNH_ALL }));
    expect(rig.access(3, 0x1000)).toBe("0x40800000");
    rig.command(encode(CMD_CFGI, { Op: OP.CFGI_CD, SID: 4 }));
    expect(rig.access(3, 0x1000)).toBe("0x40800000");
    rig.command(encode(CMD_CFGI, { Op: OP.CFGI_CD, SID: 3 }));
    expect(rig.access(3, 0x1000)).toBe("C_BAD_CD");
    whole();
    expect(rig.access(3, 0x7000)).toBe("F_TRANSLATION");
    broken();
    rig.command(encode(CMD_CFGI_STE_RANGE, { Op: OP.CFGI_STE_RANGE, SID: 4, Range: 1 }));
    expect(rig.access(3, 0x7000)).toBe("F_TRANSLATION");
    rig.command(encode(CMD_CFGI_STE_RANGE, { Op: OP.CFGI_STE_RANGE, SID: 0, Range: 1 }));
    expect(rig.access(3, 0x7000)).toBe("C_BAD_CD");
    whole();
    rig.access(3, 0x7000);
    broken();
    rig.command(encode(CMD_CFGI_STE_RANGE, { Op: OP.CFGI_STE_RANGE, Range: 31 }));
    expect(rig.access(3, 0x7000)).toBe("C_BAD_CD");
  });

  test("a denied access on a cached entry is decided, and recorded, by the tables", () => {
    const { rig, root } = mapped();
    rig.map(root, 0x1000, 0x4080_0000, S1_PAGE | 0x80);
    expect(rig.access(3, 0x1000)).toBe("0x40800000");
    expect(rig.access(3, 0x1000, true)).toBe("F_PERMISSION");
    rig.map(root, 0x1000, 0x4080_0000, S1_PAGE);
    expect(rig.access(3, 0x1000, true)).toBe("0x40800000");
  });

  test("explain reads memory, fills nothing and records nothing", () => {
    const { rig, root } = mapped();
    const out = new TxnResult();
    rig.access(3, 0x1000);
    rig.map(root, 0x1000, 0x4090_0000, S1_PAGE);
    rig.smmu.explain(new Txn().set(3, false, 0, 0x1000), out);
    expect([out.ok, out.pa]).toEqual([true, 0x4090_0000]);
    rig.smmu.explain(new Txn().set(3, false, 0, 0x9000), out);
    expect([out.ok, out.event, out.stage, out.level]).toEqual([false, 0x10, 1, 3]);
    expect(rig.smmu.events.empty).toBe(true);
    expect(rig.access(3, 0x1000)).toBe("0x40800000");
  });
});

describe("substreams", () => {
  test("linear CD table: SSID selects, S1DSS decides for the rest", () => {
    const rig = new Rig(WITH_SSID);
    const roots = [rig.page(), rig.page(), rig.page(), rig.page()];
    const table = rig.page();
    roots.forEach((root, i) => {
      rig.map(root, 0x1000, 0x4080_0000 + i * 0x1000, S1_PAGE);
      rig.words(table + 64 * i, rig.cd(root, i + 1));
    });
    const ste = { Config: 5, "S1ContextPtr[31:6]": table >>> 6, S1CDMax: 2 };
    rig.ste(1, { ...ste, S1DSS: 0 });
    rig.ste(2, { ...ste, S1DSS: 1 });
    rig.ste(3, { ...ste, S1DSS: 2 });
    expect([rig.access(1, 0x1000, false, 2), rig.access(1, 0x1000, false, 0)]).toEqual(["0x40802000", "0x40800000"]);
    expect([rig.access(1, 0x1000), rig.access(2, 0x1000), rig.access(3, 0x1000)]).toEqual([
      "F_STREAM_DISABLED",
      "0x1000",
      "0x40800000",
    ]);
    expect([rig.access(3, 0x1000, false, 0), rig.access(3, 0x1000, false, 4)]).toEqual([
      "F_STREAM_DISABLED",
      "C_BAD_SUBSTREAMID",
    ]);
    const event = decode(EVT, rig.smmu.events.last);
    expect([event.SSV, event.SubstreamID]).toEqual([1, 4]);
  });

  test("two-level CD table", () => {
    const rig = new Rig(WITH_SSID);
    const [l1, leaf, root] = [rig.page(), rig.page(), rig.page()];
    rig.map(root, 0x1000, 0x4080_0000, S1_PAGE);
    rig.words(l1 + 8, encode(L1CD, { V: 1, "L2Ptr[31:12]": leaf >>> 12 }));
    rig.words(leaf + 64 * 5, rig.cd(root));
    rig.ste(1, { Config: 5, "S1ContextPtr[31:6]": l1 >>> 6, S1CDMax: 11, S1Fmt: 1, S1DSS: 2 });
    expect(rig.access(1, 0x1000, false, 64 + 5)).toBe("0x40800000");
    expect(rig.access(1, 0x1000, false, 64 + 6)).toBe("C_BAD_CD");
    expect(rig.access(1, 0x1000, false, 128)).toBe("C_BAD_SUBSTREAMID");
  });
});

function nested(): { rig: Rig; s1: number; s2: number } {
  const rig = new Rig();
  const [s1, s2, cd] = [rig.page(), rig.page(), rig.page()];
  rig.ste(1, { ...rig.s2(s2), Config: 7, "S1ContextPtr[31:6]": cd >>> 6 });
  rig.words(cd, rig.cd(s1));
  rig.map(s1, 0x8000_0000, 0x5000, S1_PAGE);
  const last = rig.page();
  for (let pa = s1; pa <= last; pa += 0x1000) rig.map(s2, pa, pa, S2_PAGE);
  rig.map(s2, 0x5000, 0x4080_0000, S2_PAGE);
  return { rig, s1, s2 };
}

describe("nested", () => {
  test("every stage-1 table address goes through stage 2, each read named", () => {
    const { rig } = nested();
    const heard = new Listener();
    rig.smmu.probe = heard;
    expect(rig.access(1, 0x8000_0123)).toBe("0x40800123");
    const reads = heard.lines.map((l) => l.replace(/^smmu reads 0x[0-9a-f]+ /, "")).filter((l) => /^S[12] /.test(l));
    const s2 = ["S2 L0[0x000]", "S2 L1[0x001]"];
    expect(reads.length).toBe(4 + 4 * 6);
    expect(reads.slice(0, 2)).toEqual(s2);
    expect(reads.filter((r) => r.startsWith("S1"))).toEqual([
      "S1 L0[0x000]",
      "S1 L1[0x002]",
      "S1 L2[0x000]",
      "S1 L3[0x000]",
    ]);
    expect(heard.lines.filter((l) => /STE|CD|tlb/.test(l)).length).toBe(8 + 8 + 1);
    rig.access(1, 0x8000_0000);
    expect(heard.lines.at(-1)).toBe("tlb hit 0x80000000 asid 1 vmid 1");
  });

  test("the class of a stage-2 fault says what the access was for", () => {
    const { rig, s1, s2 } = nested();
    const fault = (): unknown[] => {
      const e = decode(EVT, rig.smmu.events.last);
      return [e.Event, e.S2, e.CLASS, e.TTRnW, (e["IPA[31:3]"] << 3) >>> 0];
    };
    rig.map(s1, 0x8000_1000, 0x6000, S1_PAGE);
    expect(rig.access(1, 0x8000_1234, true)).toBe("F_TRANSLATION");
    expect(fault()).toEqual([0x10, 1, 2, 0, 0x6000]);
    rig.map(s2, s1, 0, 0);
    expect(rig.access(1, 0x8000_1000)).toBe("F_TRANSLATION");
    expect(fault()).toEqual([0x10, 1, 1, 1, s1]);
    rig.smmu.translator.forget(-1);
    rig.map(s2, s1 + 0x2000, 0, 0);
    expect(rig.access(1, 0x8000_1000)).toBe("F_TRANSLATION");
    expect(fault()).toEqual([0x10, 1, 0, 0, s1 + 0x2000]);
  });

  test("S2R and CD.R decide whether a fault is recorded", () => {
    const { rig, s1 } = nested();
    rig.map(s1, 0x8000_1000, 0x6000, S1_PAGE);
    rig.ste(1, { ...rig.s2(s1 + 0x1000), Config: 7, S2R: 0, "S1ContextPtr[31:6]": (s1 + 0x2000) >>> 6 });
    expect(rig.access(1, 0x8000_1000)).toBe("abort");
    expect(rig.access(1, 0x9000_0000)).toBe("F_TRANSLATION");
  });
});

describe("command queue", () => {
  test("consumed at once, pointers wrap, the text names the command", () => {
    const rig = new Rig();
    const heard = new Listener();
    rig.smmu.probe = heard;
    for (let i = 0; i < 20; i++)
      rig.command(encode(CMD_TLBI, { Op: OP.TLBI_NH_VA, ASID: 17, "Address[31:12]": i, Leaf: 1 }), SYNC);
    expect(rig.smmu.readReg(REG.CMDQ_CONS)).toBe(rig.smmu.readReg(REG.CMDQ_PROD));
    expect(rig.smmu.readReg(REG.CMDQ_CONS)).toBe(40 % 32);
    expect(heard.lines.filter((l) => l.startsWith("cmd")).slice(-2)).toEqual([
      "cmd TLBI_NH_VA asid 17 vmid 0 0x13000 leaf",
      "cmd SYNC",
    ]);
  });

  test("an illegal command stops the queue until GERRORN acknowledges", () => {
    const rig = new Rig();
    rig.command(SYNC, new Uint32Array([0xff, 0, 0, 0]), SYNC);
    expect(rig.smmu.readReg(REG.CMDQ_CONS)).toBe((CERROR.ILL << 24) | 1);
    expect(rig.smmu.readReg(REG.GERROR)).toBe(1 << GERROR.f.CMDQ_ERR.lo);
    expect(rig.smmu.gerrorIrq).toBe(true);
    rig.words(CMDQ + 16, SYNC);
    rig.smmu.writeReg(REG.GERRORN, 1);
    expect(rig.smmu.readReg(REG.CMDQ_CONS) & 0xffff).toBe(3);
  });

  test("commands of features that the SMMU lacks are illegal, but ignored by the emulated one", () => {
    const atc = new Uint32Array([OP.ATC_INV, 0, 0, 0]);
    const rig = new Rig();
    rig.command(atc);
    expect(rig.smmu.readReg(REG.CMDQ_CONS) >>> 24).toBe(CERROR.ILL);
    const other = new Rig({}, QEMU);
    other.command(atc);
    expect(other.smmu.readReg(REG.CMDQ_CONS)).toBe(1);
    const s1Only = new Rig({ idr0: IDS.idr0 & ~1 });
    s1Only.command(encode(CMD_TLBI, { Op: OP.TLBI_S12_VMALL }));
    expect(s1Only.smmu.readReg(REG.CMDQ_CONS) >>> 24).toBe(CERROR.ILL);
  });

  test("a queue where nothing answers: abort error; a disabled queue waits", () => {
    const rig = new Rig();
    rig.smmu.writeReg(REG.CR0, 5);
    rig.command(SYNC);
    expect(rig.smmu.readReg(REG.CMDQ_CONS)).toBe(0);
    rig.smmu.writeReg(REG.CR0, 0xd);
    expect(rig.smmu.readReg(REG.CMDQ_CONS)).toBe(1);
    rig.smmu.writeReg64(REG.CMDQ_BASE, 4, 1);
    rig.smmu.writeReg(REG.CMDQ_PROD, 2);
    expect(rig.smmu.readReg(REG.CMDQ_CONS) >>> 24).toBe(CERROR.ABT);
  });

  test("SYNC completes by interrupt or by a write to memory", () => {
    const rig = new Rig({ idr0: IDS.idr0 | (1 << 13) });
    rig.command(encode(CMD_SYNC, { Op: OP.SYNC, CS: 1 }));
    expect(rig.smmu.syncIrq).toBe(true);
    rig.command(encode(CMD_SYNC, { Op: OP.SYNC, CS: 1, MSIData: 0xabc, "MSIAddress[31:2]": 0x4080_0000 >>> 2 }));
    expect(rig.mem.read32(0x4080_0000)).toBe(0xabc);
    rig.command(encode(CMD_SYNC, { Op: OP.SYNC, CS: 1, "MSIAddress[31:2]": 0x7080_0000 >>> 2 }));
    expect([rig.smmu.gerror, rig.smmu.commands.empty]).toEqual([1 << 4, true]);
  });

  test("interrupts by message: event queue and global errors, and one that nothing answers", () => {
    const rig = new Rig({ idr0: IDS.idr0 | (1 << 13) });
    const { smmu } = rig;
    smmu.writeReg64(REG.EVENTQ_IRQ_CFG0, 0x4080_0000, 0);
    smmu.writeReg(REG.EVENTQ_IRQ_CFG1, 7);
    smmu.writeReg64(REG.GERROR_IRQ_CFG0, 0x4080_0010, 0);
    smmu.writeReg(REG.GERROR_IRQ_CFG1, 9);
    rig.access(0x77, 0x1000);
    rig.command(new Uint32Array([0xff, 0, 0, 0]));
    expect([rig.mem.read32(0x4080_0000), rig.mem.read32(0x4080_0010)]).toEqual([7, 9]);
    expect([smmu.evtqIrq, smmu.gerrorIrq]).toEqual([false, false]);
    smmu.writeReg64(REG.EVENTQ_IRQ_CFG0, 0x7080_0000, 0);
    rig.access(0x77, 0x1000);
    expect([smmu.gerror & 0x20, smmu.evtqIrq]).toEqual([0x20, false]);
  });
});

describe("event queue", () => {
  test("records go to memory, raise the interrupt, and overflow when nobody takes them", () => {
    const { rig } = mapped();
    expect(rig.access(3, 0xdead_f00c, true)).toBe("F_TRANSLATION");
    expect(rig.smmu.evtqIrq).toBe(true);
    const words = Array.from({ length: 8 }, (_, i) => rig.mem.read32(EVTQ + 4 * i));
    expect(words).toEqual([0x10, 3, 0, 0x200, 0xdead_f00c, 0, 0, 0]);
    for (let i = 0; i < 7; i++) rig.access(3, 0x9000);
    expect(rig.smmu.readReg(REG.EVENTQ_PROD)).toBe(8);
    rig.access(3, 0x9000);
    expect(rig.smmu.readReg(REG.EVENTQ_PROD)).toBe(0x8000_0008);
    rig.access(3, 0x9000);
    expect(rig.smmu.readReg(REG.EVENTQ_PROD)).toBe(0x8000_0008);
    rig.smmu.writeReg(REG.EVENTQ_CONS, 0x8000_0008);
    rig.access(3, 0x9000);
    expect(rig.smmu.readReg(REG.EVENTQ_PROD)).toBe(0x8000_0009);
  });

  test("the emulated one reports a full queue as a global error instead", () => {
    const rig = new Rig({}, quirks(["evtqFull"]));
    for (let i = 0; i < 9; i++) rig.access(300, 0);
    expect(rig.smmu.readReg(REG.EVENTQ_PROD)).toBe(8);
    expect(rig.smmu.readReg(REG.GERROR)).toBe(1 << GERROR.f.EVENTQ_ABT_ERR.lo);
  });

  test("switched off, events are lost but still told to the probe", () => {
    const rig = new Rig();
    const heard = new Listener();
    rig.smmu.probe = heard;
    rig.smmu.writeReg(REG.CR0, 1);
    expect(rig.access(5, 0)).toBe("C_BAD_STE");
    expect(rig.smmu.events.empty).toBe(true);
    expect(heard.lines.at(-1)).toBe("event C_BAD_STE sid 0x5 (lost: the queue is off)");
  });
});

test.each([
  ["V", { V: 0 }],
  ["A with TERM_MODEL", { A: 0 }],
  ["S without stalls", { S: 1 }],
  ["HA without HTTU", { HA: 1 }],
  ["AA64", { AA64: 0 }],
  ["ENDI", { ENDI: 1 }],
  ["T0SZ too small", { T0SZ: 15 }],
  ["T0SZ too large", { T0SZ: 40 }],
  ["TG0 reserved", { TG0: 3 }],
  ["TTB0 beyond IPS", { IPS: 0, "TTB0[51:32]": 1 }],
])("C_BAD_CD: %s", (_, change) => {
  const { rig, cd, root } = mapped();
  const words = rig.cd(root);
  rig.words(cd, encode(CD, { ...decode(CD, words), ...change }));
  expect(rig.access(3, 0x1000)).toBe("C_BAD_CD");
});

test.each([
  ["S2TG reserved", { S2TG: 3 }],
  ["S2SL0 reserved", { S2SL0: 3 }],
  ["too few entries at the start level", { S2T0SZ: 39 }],
  ["more than 16 concatenated tables", { S2SL0: 0 }],
  ["input beyond the OAS", { S2T0SZ: 19 }],
  ["S2TTB beyond S2PS", { S2PS: 0, "S2TTB[51:32]": 1 }],
  ["S2ENDI", { S2ENDI: 1 }],
  ["S2S without stalls", { S2S: 1 }],
  ["S2HA without HTTU", { S2HA: 1 }],
  ["S2AA64", { S2AA64: 0 }],
])("C_BAD_STE: %s", (_, change) => {
  const rig = new Rig();
  const root = rig.page();
  rig.map(root, 0x1000, 0x4080_0000, S2_PAGE);
  rig.ste(1, { ...rig.s2(root), Config: 6 });
  expect(rig.access(1, 0x1000)).toBe("0x40800000");
  rig.smmu.translator.forget(-1);
  rig.ste(1, { ...rig.s2(root), Config: 6, ...change });
  expect(rig.access(1, 0x1000)).toBe("C_BAD_STE");
});
