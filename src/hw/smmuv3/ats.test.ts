import { describe, expect, test } from "vitest";
import { decode, encode } from "../base/fields.ts";
import { BDF, board, type Board, FULL, SID } from "../testing/board.ts";
import { Rig, S1_PAGE, S2_PAGE } from "../testing/rig.ts";
import { translated, translationRequest } from "./ats.ts";
import { CMD_ATC_INV, CMD_SYNC, OP } from "./commands.ts";
import { EVENT, EVENT_NAMES, EVT } from "./evtq.ts";
import { REG } from "./regs.ts";
import { TxnResult } from "./txn.ts";

const PA = 0x4080_0000;
const SYNC = encode(CMD_SYNC, { Op: OP.SYNC });
const EATS = 1;

function ste(b: Board, fields: Parameters<Rig["ste"]>[1] = {}): void {
  b.rig.ste(SID, { Config: 5, "S1ContextPtr[31:6]": b.cd >>> 6, S1DSS: 2, EATS, ...fields });
  b.smmu.translator.forget(-1);
}

/** A board whose stream may use ATS, with 0x1000 read/write and 0x2000 read-only. */
function ready(atschk = false): Board {
  const b = board(atschk);
  b.rig.map(b.root, 0x1000, PA, S1_PAGE);
  b.rig.map(b.root, 0x2000, PA + 0x1000, S1_PAGE | 0x80);
  ste(b);
  return b;
}

const ask = (b: Board, lo: number, write = false, ssid = -1): string => {
  const r = translationRequest(b.smmu, SID, ssid, 0, lo, write);
  if (r.status !== "success") return r.status;
  return r.read || r.write ? `0x${r.pa.toString(16)} ${r.read ? "r" : ""}${r.write ? "w" : ""}` : "none";
};

const lastEvent = (b: Board): string => EVENT_NAMES[decode(EVT, b.smmu.events.last)["Event"] ?? 0] ?? "";

describe("translation requests", () => {
  test("grant what the tables allow of what is asked, and record no fault", () => {
    const b = ready();
    expect([ask(b, 0x1000), ask(b, 0x1000, true), ask(b, 0x2000, true), ask(b, 0x3000)]).toEqual([
      "0x40800000 r",
      "0x40800000 rw",
      "0x40801000 r",
      "none",
    ]);
    expect(b.smmu.events.prod).toBe(0);
  });

  test("where ATS is not allowed: UR, and an event except for abort", () => {
    const b = ready();
    ste(b, { EATS: 0 });
    expect([ask(b, 0x1000), lastEvent(b)]).toEqual(["UR", "F_BAD_ATS_TREQ"]);
    ste(b, { Config: 4 });
    expect([ask(b, 0x1000), b.smmu.events.prod]).toEqual(["UR", 2]);
    ste(b, { Config: 0 });
    expect([ask(b, 0x1000), b.smmu.events.prod]).toEqual(["UR", 2]);
    ste(b, { EATS: 2 });
    expect([ask(b, 0x1000), b.smmu.events.prod]).toEqual(["UR", 3]);
    b.smmu.writeReg(REG.CR0, 0xe);
    expect([ask(b, 0x1000), b.smmu.events.prod]).toEqual(["UR", 4]);
    const none = new Rig();
    expect(translationRequest(none.smmu, SID, -1, 0, 0x1000, false).status).toBe("UR");
  });

  test("no access where neither right is left, beyond the output size, and where stage 2 hides the CD", () => {
    const b = ready();
    b.rig.map(b.root, 0x4000, PA, S1_PAGE & ~0x40);
    expect(ask(b, 0x4000)).toBe("none");
    const second = b.rig.page();
    ste(b, { Config: 7, ...b.rig.s2(second) });
    expect([ask(b, 0x1000), b.smmu.events.prod]).toEqual(["none", 0]);
    b.rig.ste(SID, { Config: 6, EATS, ...b.rig.s2(second) });
    b.smmu.translator.forget(-1);
    expect(translationRequest(b.smmu, SID, -1, 0x1_0000, 0, false)).toMatchObject({ status: "success", read: false });
  });

  test("a stream table where nothing answers: CA", () => {
    const b = ready();
    b.smmu.writeReg64(REG.STRTAB_BASE, 0x1000_0000, 0);
    b.smmu.translator.forget(-1);
    expect(ask(b, 0x1000)).toBe("CA");
  });

  test("errors of structures: CA, recorded with REC_CFG_ATS", () => {
    const b = ready();
    ste(b, { S1CDMax: 2 });
    b.rig.words(b.cd + 64, new Uint32Array(16));
    expect([ask(b, 0x1000, false, 1), b.smmu.events.prod]).toEqual(["CA", 0]);
    b.smmu.writeReg(REG.CR2, 0xa);
    expect([ask(b, 0x1000, false, 1), lastEvent(b)]).toEqual(["CA", "C_BAD_CD"]);
    expect(translationRequest(b.smmu, 0x5000, -1, 0, 0, false).status).toBe("CA");
    expect(lastEvent(b)).toBe("C_BAD_STREAMID");
  });

  test("stage 1 skipped by S1DSS: identity", () => {
    const b = ready();
    ste(b, { S1CDMax: 2, S1DSS: 1 });
    expect(ask(b, 0x7000, true)).toBe("0x7000 rw");
  });

  test("write requests mark the page dirty", () => {
    const b = ready();
    const words = b.rig.cd(b.root);
    words[1] = (words[1] ?? 0) | (3 << 10);
    b.rig.words(b.cd, words);
    b.smmu.translator.forget(-1);
    const pte = b.rig.leaf(b.root, 0x2000);
    b.rig.mem.fetch64(pte);
    b.rig.mem.write64(pte, b.rig.mem.lo, 0x8_0000);
    expect(ask(b, 0x2000)).toBe("0x40801000 r");
    expect(b.rig.mem.read32(pte) & 0x80).toBe(0x80);
    expect(ask(b, 0x2000, true)).toBe("0x40801000 rw");
    expect(b.rig.mem.read32(pte) & 0x80).toBe(0);
  });
});

describe("two stages", () => {
  /** IPA 0x5000 of the stage-1 output is PA; tables at IPAs equal to PAs. */
  function nested(eats: number, atschk: boolean): Rig {
    const rig = new Rig(FULL);
    const [s1, s2] = [rig.page(), rig.page()];
    rig.map(s1, 0x1000, 0x5000, S1_PAGE);
    rig.map(s1, 0x2000, 0x6000, S1_PAGE);
    const cd = rig.page();
    rig.words(cd, rig.cd(s1));
    for (let page = 0x4010_0000; page < 0x4014_0000; page += 0x1000) rig.map(s2, page, page, S2_PAGE);
    rig.map(s2, 0x5000, PA, S2_PAGE & ~0x80);
    const two = rig.s2(s2);
    rig.ste(SID, { ...two, Config: 7, "S1ContextPtr[31:6]": cd >>> 6, S1DSS: 2, EATS: eats });
    rig.smmu.writeReg(REG.CR0, atschk ? 0x1d : 0xd);
    return rig;
  }

  test("full: the PA, rights of both stages", () => {
    const rig = nested(1, false);
    expect(translationRequest(rig.smmu, SID, -1, 0, 0x1000, true)).toEqual({
      status: "success",
      pa: PA,
      shift: 12,
      read: true,
      write: false,
    });
    expect(translationRequest(rig.smmu, SID, -1, 0, 0x2000, true).read).toBe(false);
  });

  test("split: the IPA, and translated transactions go through stage 2", () => {
    const rig = nested(2, true);
    expect(translationRequest(rig.smmu, SID, -1, 0, 0x1000, false)).toMatchObject({ pa: 0x5000, read: true });
    const out = new TxnResult();
    translated(rig.smmu, SID, 0, 0x5004, false, out);
    expect([out.ok, out.pa]).toEqual([true, PA + 4]);
    translated(rig.smmu, SID, 0, 0x5004, true, out);
    expect([out.ok, out.event, out.stage]).toEqual([false, EVENT.F_PERMISSION, 2]);
    expect(decode(EVT, rig.smmu.events.last)).toMatchObject({ Event: EVENT.F_PERMISSION, S2: 1 });
  });
});

describe("translated transactions", () => {
  const go = (b: Board, hi: number, lo: number): string => {
    const out = new TxnResult();
    translated(b.smmu, SID, hi, lo, false, out);
    return out.ok ? `0x${out.pa.toString(16)}` : (EVENT_NAMES[out.event] ?? "abort");
  };

  test("pass unchecked; not with the SMMU off, not beyond the output size", () => {
    const b = ready();
    ste(b, { Config: 0 });
    expect([go(b, 0, 0x1234), go(b, 0x1000, 0)]).toEqual(["0x1234", "abort"]);
    b.smmu.writeReg(REG.CR0, 0xe);
    expect(go(b, 0, 0x1234)).toBe("F_TRANSL_FORBIDDEN");
  });

  test("with ATSCHK the STE decides", () => {
    const b = ready(true);
    expect(go(b, 0, 0x1234)).toBe("0x1234");
    ste(b, { EATS: 0 });
    expect(go(b, 0, 0x1234)).toBe("F_TRANSL_FORBIDDEN");
    ste(b, { Config: 0 });
    expect(go(b, 0, 0x1234)).toBe("abort");
    ste(b, { Config: 5, S1Fmt: 3, S1CDMax: 1 });
    expect([go(b, 0, 0x1234), b.smmu.events.prod]).toEqual(["abort", 1]);
    b.smmu.writeReg(REG.CR2, 0xa);
    go(b, 0, 0x1234);
    expect(lastEvent(b)).toBe("C_BAD_STE");
  });
});

describe("a function with a cache", () => {
  const invalidate = (b: Board, address: number, size: number, pasid?: number, global = 0): void => {
    const ssid = pasid === undefined ? {} : { SSV: 1, SSID: pasid, Global: global };
    b.rig.command(
      encode(CMD_ATC_INV, { Op: OP.ATC_INV, SID, Size: size, "Address[31:12]": address >>> 12, ...ssid }),
      SYNC,
    );
  };

  test("keeps using an answer until it is invalidated", () => {
    const b = ready();
    const dma = (lo: number, write = false): unknown => {
      const r = b.machine.dma(BDF, { write, hi: 0, lo, len: 4, ats: true });
      return r.runs[0]?.pa ?? r.fault?.text;
    };
    expect([dma(0x1004), b.f.atc.entries.length]).toEqual([PA + 4, 1]);
    b.rig.map(b.root, 0x1000, PA + 0x5000, S1_PAGE);
    expect(dma(0x1004)).toBe(PA + 4);
    invalidate(b, 0x2000, 0);
    expect(dma(0x1004)).toBe(PA + 4);
    invalidate(b, 0x1000, 0);
    expect(dma(0x1004)).toBe(PA + 0x5004);
    expect([dma(0x2000, true), dma(0x3000)]).toEqual([
      "the translation request was answered: no access",
      "the translation request was answered: no access",
    ]);
    expect(b.smmu.events.prod).toBe(0);
  });

  test("asks again for the right to write, page by page", () => {
    const b = ready();
    expect(b.machine.ats(BDF, { hi: 0, lo: 0x1008, write: false })).toMatchObject({ pa: PA, write: false });
    const r = b.machine.dma(BDF, { write: true, hi: 0, lo: 0x1ffe, len: 4, ats: true });
    expect([r.runs, r.fault?.offset]).toEqual([[{ offset: 0, pa: PA + 0xffe, len: 2 }], 2]);
  });

  test("invalidation by PASID, of all PASIDs, of everything, of other streams", () => {
    const b = ready();
    const fill = (): void => {
      b.f.atc.entries = [];
      for (const ssid of [-1, 1, 2]) b.f.atc.insert(ssid, 0x10_0000, 0x5000_0000, 16, true, true);
    };
    const left = (): number[] => b.f.atc.entries.map((e) => e.ssid);
    fill();
    invalidate(b, 0x10_8000, 0, 1);
    expect(left()).toEqual([-1, 2]);
    fill();
    invalidate(b, 0, 52, 1, 1);
    expect(left()).toEqual([-1]);
    fill();
    invalidate(b, 0, 8);
    expect(left()).toEqual([-1, 1, 2]);
    invalidate(b, 0, 9);
    expect(left()).toEqual([1, 2]);
    b.rig.command(encode(CMD_ATC_INV, { Op: OP.ATC_INV, SID: SID + 1, Size: 52 }), SYNC);
    b.f.config.write(b.f.config.findExtended(0x0f) + 6, 2, 0);
    expect(() => b.machine.ats(BDF, { hi: 0, lo: 0x1000, write: false })).toThrow("ATS is not enabled");
    expect(left()).toEqual([]);
  });

  test("sixty-four entries, the oldest goes", () => {
    const { atc } = ready().f;
    for (let i = 0; i < 65; i++) atc.insert(-1, i * 4096, i * 4096, 12, true, false);
    expect([atc.entries.length, atc.find(-1, 0, false), atc.find(-1, 4096, false)?.start]).toEqual([64, null, 4096]);
  });
});
