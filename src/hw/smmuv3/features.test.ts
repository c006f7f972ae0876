/** What an SMMU refuses because its ID registers say so, and the texts of commands and records. */
import { describe, expect, test } from "vitest";
import { encode } from "../base/fields.ts";
import { FULL } from "../testing/board.ts";
import { EVTQ, IDS, Listener, Rig, S1_PAGE } from "../testing/rig.ts";
import { CERROR } from "./cmdq.ts";
import {
  CMD_ATC_INV,
  CMD_CFGI,
  CMD_CFGI_STE_RANGE,
  CMD_PRI_RESP,
  CMD_RESUME,
  CMD_TLBI,
  commandTable,
  commandText,
  OP,
} from "./commands.ts";
import { EVENT, EVT, eventText } from "./evtq.ts";
import { quirks } from "./quirks.ts";
import { GERROR, REG } from "./regs.ts";

const S1P = 2;
const S2P = 1;
const HYP = 1 << 9;
const STALL_MODEL = 3 << 24;

/** CERROR of one command, 0 = it was obeyed. */
function answer(rig: Rig, op: number): number {
  rig.command(encode(CMD_CFGI, { Op: op }));
  return (rig.smmu.readReg(REG.CMDQ_CONS) >>> 24) & 0x7f;
}

describe("commands need their feature", () => {
  const s1 = [OP.CFGI_CD, OP.CFGI_CD_ALL, OP.TLBI_NH_ALL, OP.TLBI_NH_ASID, OP.TLBI_NH_VA, OP.TLBI_NH_VAA];
  const s2 = [OP.TLBI_S12_VMALL, OP.TLBI_S2_IPA];
  const el2 = [OP.TLBI_EL2_ALL, OP.TLBI_EL2_ASID, OP.TLBI_EL2_VA, OP.TLBI_EL2_VAA];
  test.each([
    ["stage 1", S1P, s1],
    ["stage 2", S2P, s2],
    ["EL2", HYP, el2],
    ["ATS", 1 << 10, [OP.ATC_INV]],
    ["PRI", 1 << 16, [OP.PRI_RESP]],
  ])("%s", (_, bit, ops) => {
    for (const op of ops) {
      expect(answer(new Rig({ ...FULL, idr0: FULL.idr0 | bit }), op)).toBe(CERROR.NONE);
      expect(answer(new Rig({ ...FULL, idr0: FULL.idr0 & ~bit }), op)).toBe(CERROR.ILL);
    }
  });

  test("stalling; the emulated one ignores what it does not have", () => {
    const never = (FULL.idr0 & ~STALL_MODEL) | (1 << 24);
    for (const op of [OP.RESUME, OP.STALL_TERM]) {
      expect(answer(new Rig({ ...FULL, idr0: never }), op)).toBe(CERROR.ILL);
      expect(answer(new Rig({ ...FULL, idr0: never }, quirks(["cmdIgnored"])), op)).toBe(CERROR.NONE);
    }
    expect(answer(new Rig(FULL), OP.PREFETCH_ADDR)).toBe(CERROR.NONE);
    expect(answer(new Rig(FULL), 0x77)).toBe(CERROR.ILL);
  });

  test("without stage 2, TLBI_NH_ALL takes everything", () => {
    const rig = new Rig({ idr0: IDS.idr0 & ~S2P });
    const root = rig.page();
    rig.stage1(3, root);
    rig.map(root, 0x1000, 0x4080_0000, S1_PAGE);
    rig.access(3, 0x1000);
    expect(rig.smmu.translator.tlb.count).toBe(1);
    rig.command(encode(CMD_TLBI, { Op: OP.TLBI_NH_ALL, VMID: 7 }));
    expect(rig.smmu.translator.tlb.count).toBe(0);
  });

  test("switched off it has nobody to tell: answers and invalidations for devices end there", () => {
    const rig = new Rig(FULL);
    rig.smmu.writeReg(REG.CR0, 0xc);
    expect([answer(rig, OP.ATC_INV), answer(rig, OP.PRI_RESP)]).toEqual([CERROR.NONE, CERROR.NONE]);
  });
});

describe("EL2 streams", () => {
  test("have ASIDs of their own, which TLBI_EL2 commands remove", () => {
    const rig = new Rig({ idr0: IDS.idr0 | HYP });
    const root = rig.page();
    const cd = rig.stage1(3, root, 5);
    rig.ste(3, { Config: 5, "S1ContextPtr[31:6]": cd >>> 6, S1DSS: 2, STRW: 2 });
    rig.map(root, 0x1000, 0x4080_0000, S1_PAGE);
    const cached = (): number => rig.smmu.translator.tlb.count;
    expect([rig.access(3, 0x1000), cached()]).toEqual(["0x40800000", 1]);
    rig.command(
      encode(CMD_TLBI, { Op: OP.TLBI_NH_ASID, ASID: 5 }),
      encode(CMD_TLBI, { Op: OP.TLBI_EL2_ASID, ASID: 6 }),
    );
    expect(cached()).toBe(1);
    rig.command(encode(CMD_TLBI, { Op: OP.TLBI_EL2_ASID, ASID: 5 }));
    expect(cached()).toBe(0);
    rig.access(3, 0x1000);
    rig.command(encode(CMD_TLBI, { Op: OP.TLBI_EL2_ALL }));
    expect(cached()).toBe(0);
  });
});

describe("STEs need their feature", () => {
  const rigWith = (idr0: number, ste: Parameters<Rig["ste"]>[1], names: Parameters<typeof quirks>[0] = []): string => {
    const rig = new Rig({ ...FULL, idr0 }, quirks(names));
    const root = rig.page();
    const cd = rig.stage1(3, root);
    rig.ste(3, { Config: 5, "S1ContextPtr[31:6]": cd >>> 6, S1DSS: 2, ...ste });
    rig.map(root, 0x1000, 0x4080_0000, S1_PAGE);
    return rig.access(3, 0x1000);
  };
  const forced = (FULL.idr0 & ~STALL_MODEL) | (2 << 24);
  test.each([
    ["stage 1", FULL.idr0 & ~S1P, {}, "C_BAD_STE"],
    ["S1STALLD while stalls are forced", forced, { S1STALLD: 1 }, "C_BAD_STE"],
    ["a CD that does not stall while stalls are forced", forced, {}, "C_BAD_CD"],
    ["a reserved STRW", FULL.idr0 | HYP, { STRW: 1 }, "C_BAD_STE"],
    ["a reserved S1DSS", FULL.idr0, { S1CDMax: 1, S1DSS: 3 }, "C_BAD_STE"],
    ["all that it asks for", FULL.idr0, { S1CDMax: 1 }, "0x40800000"],
  ])("%s", (_, idr0, ste, want) => expect(rigWith(idr0, ste)).toBe(want));

  test("quirk s1cdmax: substreams are an error as such", () => {
    expect(rigWith(FULL.idr0, { S1CDMax: 1 }, ["s1cdmax"])).toBe("C_BAD_STE");
  });

  test.each([
    ["a granule that is not implemented", 0x24, { S2TG: 1, S2SL0: 1, S2T0SZ: 24 }],
    ["start level 0 of 4K with less than 44 bits", 0x73, { S2SL0: 2, S2T0SZ: 24 }],
  ])("stage 2: %s", (_, idr5, fields) => {
    const rig = new Rig({ idr5 });
    rig.ste(3, { Config: 6, ...rig.s2(rig.page()), S2PS: 2, ...fields });
    expect(rig.access(3, 0)).toBe("C_BAD_STE");
  });
});

describe("registers", () => {
  test("every one reads back", () => {
    const { smmu } = new Rig(FULL);
    const { IDR1, IDR3, IDR5, IIDR, AIDR } = REG;
    expect([IDR1, IDR3, IDR5, IIDR, AIDR].map((r) => smmu.readReg(r))).toEqual([
      FULL.idr1,
      FULL.idr3,
      FULL.idr5,
      FULL.iidr,
      FULL.aidr,
    ]);
    for (const r of [REG.CMDQ_CONS, REG.EVENTQ_PROD, REG.EVENTQ_CONS, REG.PRIQ_PROD, REG.PRIQ_CONS, REG.GERRORN]) {
      smmu.writeReg(r, 3);
      expect(smmu.readReg(r)).toBe(3);
    }
  });

  test("an event queue where nothing answers is a global error; without IRQ_CTRL nobody is told", () => {
    const rig = new Rig();
    rig.smmu.writeReg(REG.CR0, 0);
    rig.smmu.writeReg64(REG.EVENTQ_BASE, 0x1000_0003, 0);
    rig.smmu.writeReg(REG.IRQ_CTRL, 0);
    rig.smmu.writeReg(REG.CR0, 0xd);
    const heard = new Listener();
    rig.smmu.probe = heard;
    rig.ste(1, { V: 0 });
    expect(rig.access(1, 0)).toBe("C_BAD_STE");
    expect(rig.smmu.errorActive(1 << GERROR.f.EVENTQ_ABT_ERR.lo)).toBe(true);
    expect(rig.smmu.gerrorIrq).toBe(false);
    expect(heard.lines.at(-1)).toBe("event C_BAD_STE sid 0x1 (lost: nothing answers at the queue)");
    expect(rig.mem.read32(EVTQ)).toBe(0);
  });

  test("a two-level CD table where nothing answers", () => {
    const rig = new Rig(FULL);
    rig.ste(3, { Config: 5, "S1ContextPtr[31:6]": 0x1000_0000 >>> 6, S1DSS: 2, S1CDMax: 4, S1Fmt: 1 });
    expect(rig.access(3, 0x1000, false, 1)).toBe("F_CD_FETCH");
  });

  test("a two-level stream table where nothing answers", () => {
    const rig = new Rig();
    rig.smmu.writeReg64(REG.STRTAB_BASE, 0x1000_0000, 0);
    rig.smmu.writeReg(REG.STRTAB_BASE_CFG, (1 << 16) | (8 << 6) | 16);
    expect(rig.access(0x300, 0)).toBe("F_STE_FETCH");
  });
});

describe("texts", () => {
  test.each([
    [encode(CMD_CFGI_STE_RANGE, { Op: OP.CFGI_STE_RANGE, Range: 31 }), "CFGI_ALL", CMD_CFGI_STE_RANGE],
    [encode(CMD_CFGI_STE_RANGE, { Op: OP.CFGI_STE_RANGE, SID: 8, Range: 3 }), "CFGI_STE_RANGE sid 0x8 range 3", null],
    [encode(CMD_CFGI, { Op: OP.CFGI_STE, SID: 9 }), "CFGI_STE sid 0x9", CMD_CFGI],
    [encode(CMD_CFGI, { Op: OP.CFGI_CD, SID: 9, SSID: 2 }), "CFGI_CD sid 0x9 ssid 2", CMD_CFGI],
    [encode(CMD_ATC_INV, { Op: OP.ATC_INV, SID: 9 }), "ATC_INV sid 0x9", CMD_ATC_INV],
    [encode(CMD_PRI_RESP, { Op: OP.PRI_RESP, SID: 9 }), "PRI_RESP sid 0x9", CMD_PRI_RESP],
    [encode(CMD_RESUME, { Op: OP.RESUME, SID: 9 }), "RESUME sid 0x9", CMD_RESUME],
    [encode(CMD_TLBI, { Op: OP.TLBI_NH_ASID, ASID: 4, VMID: 1 }), "TLBI_NH_ASID asid 4 vmid 1", CMD_TLBI],
    [
      encode(CMD_TLBI, { Op: OP.TLBI_NH_VA, ASID: 4, Leaf: 1, TG: 1, NUM: 3, SCALE: 1, "Address[31:12]": 5 }),
      "TLBI_NH_VA asid 4 vmid 0 0x5000 +8 pages of 4K leaf",
      CMD_TLBI,
    ],
    [Uint32Array.of(0x77, 0, 0, 0), "command 0x77 sid 0x0", CMD_CFGI],
  ])("%#", (words, text, table) => {
    expect(commandText(words)).toBe(text);
    if (table !== null) expect(commandTable((words[0] ?? 0) & 0xff)).toBe(table);
  });

  const record = { StreamID: 9, "InputAddr[31:0]": 0x5000, "IPA[31:3]": 0x800_0000 >>> 3 };
  test.each([
    [{ Event: EVENT.F_TRANSLATION, RnW: 1, CLASS: 2 }, "F_TRANSLATION sid 0x9 iova 0x5000 read S1 IN"],
    [
      { Event: EVENT.F_TRANSLATION, SSV: 1, SubstreamID: 3, S2: 1, CLASS: 2, Stall: 1, STAG: 7 },
      "F_TRANSLATION sid 0x9 ssid 0x3 iova 0x5000 write S2 IN ipa 0x8000000 stalled, tag 7",
    ],
    [{ Event: EVENT.F_WALK_EABT, CLASS: 1 }, "F_WALK_EABT sid 0x9 iova 0x5000 write S1 TT fetch 0x8000000"],
    [{ Event: EVENT.F_CD_FETCH }, "F_CD_FETCH sid 0x9 fetch 0x8000000"],
  ])("%#", (fields, text) => expect(eventText(encode(EVT, { ...record, ...fields }))).toBe(text));
});
