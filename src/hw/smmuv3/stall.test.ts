import { beforeEach, describe, expect, test } from "vitest";
import { decode, encode } from "../base/fields.ts";
import { BDF, board, type Board, SID } from "../testing/board.ts";
import { EVTQ, Rig, S1_PAGE, S2_PAGE } from "../testing/rig.ts";
import { FULL } from "../testing/board.ts";
import { CMD_RESUME, CMD_SYNC, OP } from "./commands.ts";
import { EVENT, EVT } from "./evtq.ts";
import { REG } from "./regs.ts";

const PA = 0x4080_0000;
const TERMINATE = 0;
const RETRY = 1;
const ABORT = 2;
const SYNC = encode(CMD_SYNC, { Op: OP.SYNC });
const data = Uint8Array.of(1, 2, 3, 4);

function resume(b: Board, stag: number, response: number, sid = SID): void {
  b.rig.command(encode(CMD_RESUME, { Op: OP.RESUME, SID: sid, STAG: stag, Response: response }), SYNC);
}

/** Record `i` of the event queue. */
function record(b: Board, i: number): Record<string, number> {
  const words = Array.from({ length: 8 }, (_, w) => b.rig.mem.read32(EVTQ + 32 * i + 4 * w));
  return decode(EVT, words);
}

let b: Board;

beforeEach(() => {
  b = board();
  const words = b.rig.cd(b.root);
  words[1] = (words[1] ?? 0) | (1 << 12);
  b.rig.words(b.cd, words);
});

describe("a stage-1 fault with CD.S", () => {
  test("holds the DMA and records tag and stall; retry completes it once the page is there", () => {
    const r = b.machine.dma(BDF, { write: true, hi: 0, lo: 0x1ffe, len: 4, data });
    expect(r).toMatchObject({ ok: false, stalled: { smmu: "smmu", stag: 0 }, fault: { event: EVENT.F_TRANSLATION } });
    expect(r.fault?.text).toBe("F_TRANSLATION, stalled: tag 0");
    expect(record(b, 0)).toMatchObject({ Event: EVENT.F_TRANSLATION, Stall: 1, STAG: 0, StreamID: SID });
    b.rig.map(b.root, 0x1000, PA, S1_PAGE);
    resume(b, 0, RETRY);
    expect([r.runs, r.stalled]).toEqual([[{ offset: 0, pa: PA + 0xffe, len: 2 }], { smmu: "smmu", stag: 1 }]);
    expect(record(b, 1)["InputAddr[31:0]"]).toBe(0x2000);
    b.rig.map(b.root, 0x2000, PA + 0x1000, S1_PAGE);
    resume(b, 1, RETRY);
    expect([r.ok, r.fault, r.stalled, r.runs.length]).toEqual([true, null, null, 2]);
    expect(b.rig.mem.read32(PA + 0xffc) >>> 16).toBe(0x0201);
    expect([...b.machine.engine.held.keys(), b.smmu.stalled.held.size]).toEqual([0]);
  });

  test("terminate with abort; terminate as zeros", () => {
    const r = b.machine.dma(BDF, { write: false, hi: 0, lo: 0x1000, len: 4 });
    resume(b, 0, ABORT);
    expect([r.ok, r.stalled, [...r.data]]).toEqual([false, null, [0xff, 0xff, 0xff, 0xff]]);
    const zeros = b.machine.dma(BDF, { write: false, hi: 0, lo: 0x1000, len: 4 });
    resume(b, 1, TERMINATE);
    expect([zeros.stalled, [...zeros.data], zeros.fault?.event]).toEqual([null, [0, 0, 0, 0], EVENT.F_TRANSLATION]);
  });

  test("a wrong tag or stream resumes nothing; a retry that faults again stalls under a new tag", () => {
    const r = b.machine.dma(BDF, { write: false, hi: 0, lo: 0x1000, len: 4 });
    resume(b, 5, RETRY);
    resume(b, 0, RETRY, SID + 1);
    expect(r.stalled?.stag).toBe(0);
    resume(b, 0, RETRY);
    expect(r.stalled?.stag).toBe(1);
  });

  test("STALL_TERM ends all of a stream, switching the SMMU off all of them", () => {
    const [r, s] = [0x1000, 0x2000].map((lo) => b.machine.dma(BDF, { write: false, hi: 0, lo, len: 4 }));
    b.rig.command(encode(CMD_RESUME, { Op: OP.STALL_TERM, SID: SID + 1 }), SYNC);
    expect([r?.stalled?.stag, s?.stalled?.stag]).toEqual([0, 1]);
    b.rig.command(encode(CMD_RESUME, { Op: OP.STALL_TERM, SID }), SYNC);
    expect([r?.stalled, s?.stalled]).toEqual([null, null]);
    const t = b.machine.dma(BDF, { write: false, hi: 0, lo: 0x1000, len: 4 });
    expect(t.stalled).not.toBe(null);
    b.smmu.writeReg(REG.CR0, 0xe);
    expect([t.stalled, t.ok]).toEqual([null, false]);
  });

  test("no more than STALL_MAX records; the next is recorded when one is resumed", () => {
    const all = [0x1000, 0x2000, 0x3000].map((lo) => b.machine.dma(BDF, { write: false, hi: 0, lo, len: 4 }));
    expect(all.every((r) => r.stalled !== null)).toBe(true);
    expect(b.smmu.events.prod).toBe(2);
    resume(b, 0, ABORT);
    expect(b.smmu.events.prod).toBe(3);
    expect(record(b, 2)).toMatchObject({ Stall: 1, "InputAddr[31:0]": 0x3000 });
    expect(all[2]?.stalled?.stag).toBe(record(b, 2)["STAG"]);
  });

  test("a full event queue: no overflow, the DMA arrives anew when there is room", () => {
    for (let i = 0; i < 8; i++) b.rig.access(0x77, 0x1000);
    expect(b.smmu.events.full).toBe(true);
    const r = b.machine.dma(BDF, { write: false, hi: 0, lo: 0x1000, len: 4 });
    expect([r.stalled === null, b.smmu.events.prod >>> 31]).toEqual([false, 0]);
    b.rig.map(b.root, 0x1000, PA, S1_PAGE);
    b.smmu.writeReg(REG.EVENTQ_CONS, 1);
    expect([r.ok, r.stalled, r.runs[0]?.pa]).toEqual([true, null, PA]);
  });

  test("explaining an access holds nothing", () => {
    expect(b.machine.engine.held.size).toBe(0);
    const { translator } = b.smmu;
    translator.walker.dry = true;
    expect(b.rig.access(SID, 0x1000)).toBe("F_TRANSLATION");
    translator.walker.dry = false;
    expect([b.smmu.stalled.held.size, b.smmu.events.prod]).toEqual([0, 0]);
  });
});

test("an interrupt's message that stalls is sent when software says retry", () => {
  const { config } = b.f;
  config.bytes.set([0x10], 6);
  config.bytes.set([0x40], 0x34);
  config.bytes.set([5, 0, 1, 0, 0, 0x10, 0, 0, 0x2a, 0], 0x40);
  expect(b.machine.msi(BDF, 0)).toMatchObject({ end: "fault", why: "F_TRANSLATION, stalled: tag 0" });
  b.rig.map(b.root, 0x1000, PA, S1_PAGE);
  resume(b, 0, RETRY);
  expect([b.rig.mem.read32(PA), b.machine.engine.heldMsis.size]).toEqual([0x2a, 0]);
});

test("CD.A = 0 without CD.S: reads give zero, the rest of the DMA goes on", () => {
  const words = b.rig.cd(b.root);
  words[1] = (words[1] ?? 0) & ~(1 << 14);
  b.rig.words(b.cd, words);
  b.rig.map(b.root, 0x2000, PA, S1_PAGE);
  b.rig.mem.writeBytes(PA, data);
  const r = b.machine.dma(BDF, { write: false, hi: 0, lo: 0x1ffc, len: 8 });
  expect([[...r.data], r.fault?.event, r.runs.length]).toEqual([[0, 0, 0, 0, 1, 2, 3, 4], EVENT.F_TRANSLATION, 1]);
});

test("stage 2 stalls by S2S, also on the fetch of the CD", () => {
  const rig = new Rig(FULL);
  const [s1, s2] = [rig.page(), rig.page()];
  const cd = rig.page();
  rig.words(cd, rig.cd(s1));
  rig.ste(SID, { ...rig.s2(s2), S2R: 0, S2S: 1, Config: 7, "S1ContextPtr[31:6]": cd >>> 6, S1DSS: 2 });
  expect(rig.access(SID, 0x1000)).toBe("F_TRANSLATION");
  const [first] = rig.smmu.stalled.held.values();
  expect(first).toMatchObject({ sid: SID, recorded: true });
  expect(decode(EVT, rig.smmu.events.last)).toMatchObject({ Stall: 1, S2: 1, CLASS: 0 });
  rig.map(s2, cd, cd, S2_PAGE);
  expect(rig.access(SID, 0x1000)).toBe("F_TRANSLATION");
  expect(decode(EVT, rig.smmu.events.last)).toMatchObject({ Stall: 1, S2: 1, CLASS: 1, STAG: 1 });
});

test("resuming is illegal where stalls are not implemented", () => {
  const rig = new Rig();
  rig.command(encode(CMD_RESUME, { Op: OP.RESUME, SID, STAG: 0, Response: RETRY }));
  expect(rig.smmu.commands.cons >>> 24).toBe(1);
});
