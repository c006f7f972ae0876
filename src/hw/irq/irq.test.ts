import { describe, expect, test } from "vitest";
import { encode } from "../base/fields.ts";
import { PhysMem } from "../memory.ts";
import { Listener } from "../testing/rig.ts";
import { Gicv2m } from "./gicv2m.ts";
import { GITS, type Interrupt, Its } from "./its.ts";
import * as op from "./its_commands.ts";

const QUEUE = 0x4001_0000;
const ITT = 0x4002_0000;
const DEVICES = 0x4004_0000;
const COLLECTIONS = 0x4005_0000;

class Driver {
  readonly mem = new PhysMem();
  readonly interrupts: Interrupt[] = [];
  readonly its = new Its({ name: "ITS", base: 0x808_0000, deviceBits: 16, eventBits: 16 }, this.mem, this.interrupts);
  private tail = 0;

  constructor() {
    this.its.writeReg64(GITS.CBASER, QUEUE, 0x8000_0000);
    this.its.writeReg64(GITS.BASER, DEVICES, 0x8000_0000);
    this.its.writeReg64(GITS.BASER + 8, COLLECTIONS, 0x8000_0000);
    this.its.writeReg(GITS.CTLR, 1);
  }

  send(...commands: Uint32Array[]): void {
    for (const c of commands) {
      this.mem.writeBytes(QUEUE + this.tail, new Uint8Array(c.buffer));
      this.tail = (this.tail + 32) % 0x1000;
    }
    this.its.writeReg64(GITS.CWRITER, this.tail, 0);
  }

  mapd(device: number, bits: number, valid = 1): Uint32Array {
    return encode(op.MAPD, { Op: op.ITS_MAPD, DeviceID: device, Size: bits - 1, "ITTaddr[31:8]": ITT >>> 8, V: valid });
  }

  event(code: number, device: number, event: number, lpi = 0): Uint32Array {
    return encode(op.MAPTI, { Op: code, DeviceID: device, EventID: event, pINTID: lpi });
  }
}

const MAPC = encode(op.MAPC, { Op: op.ITS_MAPC, ICID: 0, "RDbase[31:16]": 1, V: 1 });

function ready(): Driver {
  const d = new Driver();
  d.send(MAPC, d.mapd(0x18, 5), d.event(op.ITS_MAPTI, 0x18, 0, 8200));
  return d;
}

describe("ITS", () => {
  test("an MSI becomes the LPI that software mapped", () => {
    const d = ready();
    expect(d.its.readReg(GITS.CREADR)).toBe(96);
    expect(d.its.translate(0x18, 0)).toEqual({ delivered: true, intid: 8200, why: "" });
    expect(d.interrupts).toEqual([{ intid: 8200 }]);
    expect(d.its.tables.device(0x18)).toEqual({ eventBits: 5, itt: ITT });
    expect(d.its.errors).toEqual([]);
  });

  test.each([
    ["no MAPD for this DeviceID", 0x20, 0, () => {}],
    ["no MAPTI for this EventID", 0x18, 1, () => {}],
    ["EventID beyond the device's table", 0x18, 32, () => {}],
    ["no MAPTI for this EventID", 0x18, 0, (d: Driver) => d.send(d.event(op.ITS_DISCARD, 0x18, 0))],
    ["no MAPD for this DeviceID", 0x18, 0, (d: Driver) => d.send(d.mapd(0x18, 5, 0))],
    ["the ITS is disabled", 0x18, 0, (d: Driver) => d.its.writeReg(GITS.CTLR, 0)],
    ["collection 0 is not mapped", 0x18, 0, (d: Driver) => d.send(encode(op.MAPC, { Op: op.ITS_MAPC, ICID: 0, V: 0 }))],
  ])("lost: %s (device %i event %i)", (why, device, event, change) => {
    const d = ready();
    change(d);
    expect(d.its.translate(device, event)).toEqual({ delivered: false, intid: 0, why });
    expect(d.interrupts).toEqual([]);
  });

  test("a disabled LPI is pending until its configuration says so and INV makes the ITS look", () => {
    const d = new Driver();
    d.its.propbaser = 0x4003_0000;
    d.send(MAPC, d.mapd(0x18, 5), d.event(op.ITS_MAPTI, 0x18, 0, 8200));
    expect(d.its.translate(0x18, 0).delivered).toBe(false);
    d.mem.writeBytes(0x4003_0000 + 8, new Uint8Array([0xa1]));
    expect(d.interrupts).toEqual([]);
    d.send(d.event(op.ITS_INV, 0x18, 0));
    expect(d.interrupts).toEqual([{ intid: 8200 }]);
    d.mem.writeBytes(0x4003_0000 + 8, new Uint8Array([0]));
    d.send(encode(op.MAPTI, { Op: op.ITS_INVALL }));
    d.its.translate(0x18, 0);
    d.send(d.event(op.ITS_CLEAR, 0x18, 0));
    d.mem.writeBytes(0x4003_0000 + 8, new Uint8Array([1]));
    d.send(d.event(op.ITS_INV, 0x18, 0));
    expect(d.interrupts.length).toBe(1);
  });

  test("the tables stand in memory, entry by entry", () => {
    const d = ready();
    const word = (pa: number): number => d.mem.read32(pa) >>> 0;
    expect([word(DEVICES + 8 * 0x18), word(DEVICES + 8 * 0x18 + 4)]).toEqual([((ITT >>> 8) << 6) | (4 << 1) | 1, 0]);
    expect(word(COLLECTIONS)).toBe((1 << 1) | 1);
    expect([word(ITT), word(ITT + 4), word(ITT + 8)]).toEqual([(8200 << 2) | 3, 0, 0]);
    d.mem.write32(ITT, (8201 << 2) | 3);
    expect(d.its.translate(0x18, 0).intid).toBe(8201);
    d.mem.write32(DEVICES + 8 * 0x18, 0);
    expect(d.its.translate(0x18, 0).why).toBe("no MAPD for this DeviceID");
  });

  test("an indirect device table: only DeviceIDs whose page software gave can be mapped", () => {
    const d = new Driver();
    const page = 0x4006_0000;
    d.its.writeReg64(GITS.BASER, DEVICES | (2 << 8), 0xc000_0000);
    d.mem.write64(DEVICES + 8, page, 0x8000_0000);
    d.send(MAPC, d.mapd(0x2001, 5), d.event(op.ITS_MAPTI, 0x2001, 3, 8200), d.mapd(0x1fff, 5));
    expect(d.mem.read32(page + 8) & 1).toBe(1);
    expect(d.its.translate(0x2001, 3).intid).toBe(8200);
    expect(d.its.errors).toEqual(["MAPD device 0x1fff: no table for it"]);
    expect((d.its.readReg(GITS.BASER + 4) >>> 16) & 0x1f).toBe(7);
  });

  test("a flat table ends; without memory nothing can be mapped", () => {
    const d = new Driver();
    d.send(d.mapd(0x200, 5), d.mapd(0x1ff, 5));
    d.its.writeReg64(GITS.BASER + 8, COLLECTIONS, 0);
    d.send(MAPC);
    expect(d.its.errors).toEqual(["MAPD device 0x200: no table for it", "MAPC collection 0: no table for it"]);
    d.its.writeReg64(GITS.BASER, 0, 0);
    expect([d.its.tables.device(0x1ff), d.its.tables.setCollection(0, -1)]).toEqual([null, false]);
  });

  test("INT raises, MOVI moves, SYNC is heard, unknown commands are noted", () => {
    const d = ready();
    const heard = new Listener();
    d.its.probe = heard;
    d.send(d.event(op.ITS_INT, 0x18, 0), encode(op.MAPTI, { Op: op.ITS_SYNC }));
    d.send(encode(op.MAPTI, { Op: op.ITS_MOVI, DeviceID: 0x18, EventID: 0, ICID: 3 }));
    expect(d.interrupts).toEqual([{ intid: 8200 }]);
    expect(d.its.translate(0x18, 0).why).toBe("collection 3 is not mapped");
    expect(heard.lines).toEqual([
      "cmd INT device 0x18 event 0",
      "cmd SYNC",
      "cmd MOVI device 0x18 event 0",
      "msi lost ITS: device 0x18 event 0: collection 3 is not mapped",
    ]);
    d.send(
      encode(op.MAPTI, { Op: 0x77 }),
      d.event(op.ITS_INV, 1, 1),
      d.mapd(0x18, 17),
      d.event(op.ITS_MAPTI, 2, 0, 9000),
    );
    expect(d.its.errors.length).toBe(4);
  });

  test("the queue wraps; CWRITER outside it is refused; types of the table registers are fixed", () => {
    const d = ready();
    for (let i = 0; i < 200; i++) d.send(encode(op.MAPTI, { Op: op.ITS_SYNC }));
    expect(d.its.readReg(GITS.CREADR)).toBe(d.its.readReg(GITS.CWRITER));
    d.its.writeReg(GITS.CWRITER, 0x2000);
    expect(d.its.errors.length).toBe(1);
    d.its.writeReg64(GITS.BASER, 0x410b_0000, 0xffff_ffff);
    expect((d.its.readReg(GITS.BASER + 4) >>> 24) & 7).toBe(1);
    expect(d.its.readReg(GITS.TYPER) & 1).toBe(1);
  });
});

test("GICv2m raises the SPIs it has and no others", () => {
  const interrupts: Interrupt[] = [];
  const heard = new Listener();
  const v2m = new Gicv2m({ name: "v2m", base: 0x802_0000, spiBase: 80, spiCount: 64 }, interrupts);
  v2m.probe = heard;
  expect(v2m.readReg(8)).toBe((80 << 16) | 64);
  expect([v2m.writeReg(0x40, 80), v2m.writeReg(0x40, 143), v2m.writeReg(0x40, 144), v2m.writeReg(0x44, 80)]).toEqual([
    80, 143, 0, 0,
  ]);
  expect(interrupts).toEqual([{ intid: 80 }, { intid: 143 }]);
  expect(heard.lines).toEqual([
    "msi delivered v2m: SPI 48",
    "msi delivered v2m: SPI 111",
    "msi lost v2m: 144 is no SPI of it",
  ]);
});

test("registers of the ITS and of the frame read back; commands wait for the ITS and its queue", () => {
  const { its } = ready();
  expect([its.readReg(GITS.CTLR), its.readReg(GITS.CBASER), its.readReg(GITS.CBASER + 4)]).toEqual([
    0x8000_0001,
    QUEUE,
    0x8000_0000,
  ]);
  expect([its.readReg(GITS.BASER), its.readReg(0x200)]).toEqual([DEVICES, 0]);
  const frame = new Gicv2m({ name: "v2m", base: 0x802_0000, spiBase: 80, spiCount: 64 }, []);
  expect([frame.readReg(0xfcc), frame.readReg(0x10), frame.writeReg(0x10, 80)]).toEqual([0x53a, 0, 0]);
  const off = new Driver();
  off.its.writeReg(GITS.CTLR, 0);
  off.send(off.mapd(0x18, 5));
  expect(off.its.readReg(GITS.CREADR)).toBe(0);
});

test("MAPI uses the EventID as LPI; an unknown command is told", () => {
  const d = new Driver();
  d.send(MAPC, d.mapd(0x18, 16), d.event(op.ITS_MAPI, 0x18, 8200));
  expect(d.its.translate(0x18, 8200)).toMatchObject({ delivered: true, intid: 8200 });
  d.send(d.event(0x7f, 0x18, 8200));
  expect(d.its.errors.at(-1)).toContain("unknown");
});

test("tables that are too small or not there have no place for an entry", () => {
  const d = new Driver();
  d.its.writeReg64(GITS.BASER + 8, COLLECTIONS, 0);
  d.send(MAPC);
  expect(d.its.tables.collection(0)).toBe(-1);
  // Indirect: one page of pointers, each to a page of 512 entries.
  d.its.writeReg64(GITS.BASER, DEVICES, 0xc000_0000);
  expect(d.its.tables.device(512 * 512)).toBe(null);
  expect(d.its.tables.device(3)).toBe(null);
});
