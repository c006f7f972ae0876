import { describe, expect, test } from "vitest";
import { encode } from "./base/fields.ts";
import { GITS } from "./irq/its.ts";
import * as op from "./irq/its_commands.ts";
import { Machine, type MachineDesc } from "./machine.ts";
import type { ConfigSpace } from "./pci/config.ts";
import { CAP } from "./pci/regs.ts";
import { EVTQ, IDS, Listener, Rig, S1_PAGE } from "./testing/rig.ts";

const MSI_CONFIG = "341211e806001000" + "00".repeat(0x2c) + "40" + "00".repeat(11) + `0${CAP.MSI}008000`;
const SMMU = 0x905_0000;
const ITS = 0x808_0000;
const DOORBELL = 0x800_0040;
const EDU = "0000:00:03.0";

function machine(quirks: MachineDesc["quirks"]): Machine {
  const edu = { name: "edu", driver: "", parent: null, configSize: 256, config: MSI_CONFIG, bars: [], regions: [] };
  return new Machine({
    id: "test",
    title: "Test",
    quirks,
    ram: [{ start: 0x4000_0000, last: 0x4fff_ffff }],
    mmio: [{ name: "flash", start: 0, last: 0xfff }],
    ecam: null,
    windows: [],
    smmus: [{ name: "smmu", base: SMMU, ...IDS, irq: { evtq: 106, priq: -1, cmdqSync: -1, gerror: 109 } }],
    its: { name: "ITS", base: ITS, deviceBits: 16, eventBits: 16 },
    v2m: { name: "v2m", base: 0x802_0000, spiBase: 80, spiCount: 64 },
    functions: [
      { ...edu, bdf: EDU, smmu: "smmu", sids: [0x18], streamId: 0x18, msiDeviceId: 0x18 },
      { ...edu, bdf: "0000:00:04.0", smmu: null, sids: [], streamId: -1, msiDeviceId: -1 },
    ],
  });
}

/** Gives the machine's SMMU the tables and registers of a Rig. */
function translated(quirks: MachineDesc["quirks"]): Machine {
  const m = machine(quirks);
  const rig = new Rig();
  const root = rig.page();
  rig.stage1(0x18, root);
  rig.map(root, 0x1000, 0x4080_0000, S1_PAGE);
  rig.map(root, 0x2000, 0x4090_0000, S1_PAGE | 0x80);
  rig.map(root, 0x800_0000, ITS + 0x1_0000, S1_PAGE);
  rig.map(root, 0x801_0000, 0x802_0000, S1_PAGE);
  rig.map(root, 0x802_0000, 0x3000_0000, S1_PAGE);
  for (const [pfn, page] of rig.mem.pages) m.mem.writeBytes(pfn * 4096, new Uint8Array(page.buffer));
  for (const off of [0x80, 0x90, 0xa0]) m.write64(SMMU + off, rig.smmu.readReg(off), rig.smmu.readReg(off + 4));
  for (const off of [0x88, 0x2c, 0x50, 0x20]) m.write32(SMMU + off, rig.smmu.readReg(off));
  return m;
}

function ready(m: Machine): void {
  const queue = 0x4001_0000 + 0x8000;
  m.write64(ITS + GITS.CBASER, queue, 0x8000_0000);
  m.write64(ITS + GITS.BASER, 0x4005_0000, 0x8000_0000);
  m.write64(ITS + GITS.BASER + 8, 0x4006_0000, 0x8000_0000);
  m.write32(ITS + GITS.CTLR, 1);
  const commands = [
    encode(op.MAPC, { Op: op.ITS_MAPC, V: 1 }),
    encode(op.MAPD, { Op: op.ITS_MAPD, DeviceID: 0x18, Size: 4, "ITTaddr[31:8]": 0x40_0700, V: 1 }),
    encode(op.MAPTI, { Op: op.ITS_MAPTI, DeviceID: 0x18, EventID: 0, pINTID: 8192 }),
  ];
  commands.forEach((c, i) => m.mem.writeBytes(queue + 32 * i, new Uint8Array(c.buffer)));
  m.write64(ITS + GITS.CWRITER, 96, 0);
}

/** Programs the MSI capability at 0x40. */
function program(m: Machine, address: number, data: number): void {
  const config = m.pci.byBdf.get(EDU)?.config;
  config?.write(0x44, 4, address);
  config?.write(0x4c, 2, data);
  config?.write(0x42, 2, 1);
}

describe("dma", () => {
  test("goes through the SMMU, page by page, and lands in memory", () => {
    const m = translated("none");
    m.mem.writeBytes(0x4080_0ffc, new Uint8Array([1, 2, 3, 4]));
    m.mem.writeBytes(0x4090_0000, new Uint8Array([5, 6]));
    const r = m.dma(EDU, { write: false, hi: 0, lo: 0x1ffc, len: 6 });
    expect(r).toEqual({
      ok: true,
      data: new Uint8Array([1, 2, 3, 4, 5, 6]),
      runs: [
        { offset: 0, pa: 0x4080_0ffc, len: 4 },
        { offset: 4, pa: 0x4090_0000, len: 2 },
      ],
      hops: [],
      stalled: null,
      fault: null,
    });
    expect(m.dma(EDU, { write: true, hi: 0, lo: 0x1010, len: 2, data: new Uint8Array([7, 8]) }).ok).toBe(true);
    expect(m.mem.read32(0x4080_0010)).toBe(0x0807);
  });

  test("stops at the first fault; the emulated one goes on in pieces of 4 bytes with a record each", () => {
    const plain = translated("none");
    const r = plain.dma(EDU, { write: true, hi: 0, lo: 0x1ff8, len: 24 });
    expect(r.runs).toEqual([{ offset: 0, pa: 0x4080_0ff8, len: 8 }]);
    expect(r.fault).toEqual({ offset: 8, event: 0x13, stage: 1, level: 3, text: "F_PERMISSION", pa: -1 });
    expect(plain.smmus[0]?.events.prod).toBe(1);
    const qemu = translated("qemu");
    expect(qemu.dma(EDU, { write: true, hi: 0, lo: 0x1ff8, len: 24 }).runs.length).toBe(1);
    expect(qemu.smmus[0]?.events.prod).toBe(4);
    expect(qemu.mem.read32(EVTQ + 32 + 16)).toBe(0x2004);
    qemu.dma(EDU, { write: true, hi: 0, lo: 0x2000, len: 7 });
    expect(qemu.smmus[0]?.events.prod).toBe(7);
    expect([4, 5, 6].map((n) => qemu.mem.read32(EVTQ + 32 * n + 16))).toEqual([0x2000, 0x2004, 0x2006]);
    for (const [m, absent] of [
      [plain, 0xff],
      [qemu, 0],
    ] as const) {
      m.mem.writeBytes(0x4080_0000, new Uint8Array([1, 2]));
      const tail = m.quirks.dmaRetry4 ? 1 : absent;
      expect(m.dma(EDU, { write: false, hi: 0, lo: 0xffe, len: 3 }).data).toEqual(
        new Uint8Array([absent, absent, tail]),
      );
    }
  });

  test("without bus mastering nothing is sent; where nothing answers the bus fails", () => {
    const m = translated("none");
    expect(m.dma(EDU, { write: false, hi: 0, lo: 0x802_0000, len: 4 }).fault?.text).toBe(
      "nothing answers at 0x30000000",
    );
    m.pci.byBdf.get(EDU)?.config.write(4, 2, 2);
    expect(m.dma(EDU, { write: false, hi: 0, lo: 0x1000, len: 4 }).fault?.text).toBe("the function is not bus master");
    expect(m.dma("0000:00:04.0", { write: false, hi: 0, lo: 0, len: 4 }).ok).toBe(true);
    expect(() => m.dma("0000:09:00.0", { write: false, hi: 0, lo: 0, len: 4 })).toThrow("no PCI function 0000:09:00.0");
  });
});

describe("msi", () => {
  test("reaches the ITS through the SMMU and becomes an interrupt", () => {
    const m = translated("none");
    ready(m);
    program(m, DOORBELL, 0);
    const heard = new Listener();
    m.probe = heard;
    expect(m.msi(EDU, 0)).toMatchObject({ sent: true, end: "its", intid: 8192, pa: ITS + GITS.TRANSLATER, why: "" });
    expect(m.interrupts.splice(0)).toEqual([{ intid: 8192 }]);
    expect(heard.lines.at(-1)).toBe("msi delivered ITS: device 0x18 event 0 -> LPI 8192");
    program(m, DOORBELL, 1);
    expect(m.msi(EDU, 0)).toMatchObject({ end: "its", intid: 0, why: "no MAPTI for this EventID" });
  });

  test.each([
    ["another register of the ITS", 0x800_0044, "its", "a register of the ITS that is no doorbell"],
    ["memory", 0x1000, "memory", "the message went to memory at 0x40800000"],
    ["an unmapped page", 0x700_0000, "fault", "F_TRANSLATION"],
    ["a read-only page", 0x2000, "fault", "F_PERMISSION"],
    ["a hole", 0x802_0000, "fault", "nothing answers at 0x30000000"],
  ])("written to %s it is lost", (_, address, end, why) => {
    const m = translated("none");
    program(m, address, 0x1234);
    expect(m.msi(EDU, 0)).toMatchObject({ sent: true, end, why, intid: 0 });
    if (end === "memory") expect(m.mem.read32(0x4080_0000)).toBe(0x1234);
  });

  test("GICv2m, and a function that is silent", () => {
    const m = translated("none");
    expect(m.msi(EDU, 0)).toMatchObject({ sent: false, end: "silent", why: "MSI and MSI-X are disabled" });
    program(m, 0x801_0040, 81);
    expect(m.msi(EDU, 0)).toMatchObject({ end: "v2m", intid: 81 });
    program(m, 0x801_0040, 7);
    expect(m.msi(EDU, 0)).toMatchObject({ end: "v2m", intid: 0, why: "no SPI of this frame" });
  });
});

test("the CPU reaches registers and memory by address", () => {
  const m = machine("none");
  expect([m.read32(SMMU), m.read32(0x802_0008) >>> 16, m.read32(ITS + GITS.TYPER) & 1]).toEqual([IDS.idr0, 80, 1]);
  m.write64(0x4000_0000, 1, 2);
  m.write32(0x4000_0004, 3);
  expect([m.read32(0x4000_0000), m.read32(0x4000_0004)]).toEqual([1, 3]);
  m.write32(0x802_0040, 80);
  expect(m.interrupts).toEqual([{ intid: 80 }]);
  expect([m.smmuOf(EDU)?.name, m.smmuOf("0000:00:04.0"), m.smmu("x")]).toEqual(["smmu", null, null]);
});

describe("masked messages", () => {
  const TABLE = 0x1000_0000;
  /** One function with MSI that can be masked (0x40) and MSI-X of four vectors (0x60) in BAR 0, behind the v2m frame. */
  function card(): { m: Machine; config: ConfigSpace } {
    const bytes = new Uint8Array(256);
    bytes.set([0x10], 6);
    bytes.set([0, 0, 0, 0x10], 0x10);
    bytes[0x34] = 0x40;
    bytes.set([CAP.MSI, 0x60, 0x82, 1], 0x40);
    bytes.set([CAP.MSIX, 0, 3, 0], 0x60);
    const config = Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
    const { desc } = machine("none");
    const [, other] = desc.functions;
    if (other === undefined) throw new Error("two functions");
    const bars = [{ index: 0, kind: "mem" as const, prefetch: false, start: TABLE, last: TABLE + 0xfff }];
    const m = new Machine({ ...desc, functions: [{ ...other, bdf: EDU, config, bars }] });
    const [f] = m.pci.functions;
    if (f === undefined) throw new Error("one function");
    f.config.write(4, 2, 6);
    return { m, config: f.config };
  }

  test("MSI: pending while masked, sent once when unmasked", () => {
    const { m, config } = card();
    config.write(0x44, 4, 0x802_0040);
    config.write(0x4c, 2, 80);
    config.write(0x50, 4, 3);
    config.write(0x42, 2, 0x11);
    expect(m.msi(EDU, 1).why).toBe("masked");
    expect([config.read(0x54, 4), m.sendPending()]).toEqual([2, []]);
    config.write(0x54, 4, 0);
    expect(config.read(0x54, 4)).toBe(2);
    config.write(0x50, 4, 1);
    expect(m.sendPending().map((r) => r.intid)).toEqual([81]);
    expect([config.read(0x54, 4), m.sendPending(), m.interrupts]).toEqual([0, [], [{ intid: 81 }]]);
  });

  test("MSI-X: by the vector's mask and by the function's; nothing while bus mastering is off", () => {
    const { m, config } = card();
    for (const [i, data] of [90, 91].entries()) {
      m.write32(TABLE + 16 * i, 0x802_0040);
      m.write32(TABLE + 16 * i + 8, data);
    }
    m.write32(TABLE + 12, 0);
    config.write(0x62, 2, 0xc000);
    expect([m.msi(EDU, 0).why, m.msi(EDU, 1).why]).toEqual(["masked", "masked"]);
    expect(m.sendPending()).toEqual([]);
    config.write(0x62, 2, 0x8000);
    config.write(4, 2, 2);
    expect(m.sendPending()).toEqual([]);
    config.write(4, 2, 6);
    expect(m.sendPending().map((r) => r.intid)).toEqual([90]);
    m.write32(TABLE + 16 + 12, 0);
    expect(m.sendPending().map((r) => r.intid)).toEqual([91]);
    expect(m.interrupts).toEqual([{ intid: 90 }, { intid: 91 }]);
  });

  test("a function that was pulled sends nothing any more", () => {
    const { m, config } = card();
    config.write(0x50, 4, 1);
    config.write(0x42, 2, 1);
    m.msi(EDU, 0);
    m.pull(EDU);
    expect([m.sendPending(), m.waiting.size]).toEqual([[], 0]);
  });
});

describe("lost messages", () => {
  test("every reason reaches whoever watches", () => {
    const m = translated("none");
    ready(m);
    const heard = new Listener();
    const lost = (): string | undefined => heard.lines.filter((line) => line.startsWith("msi lost")).at(-1);
    m.probe = heard;
    expect(m.probe).toBe(heard);
    m.msi(EDU, 0);
    expect(lost()).toBe(`msi lost ${EDU} vector 0: MSI and MSI-X are disabled`);
    program(m, 0x700_0000, 5);
    m.msi(EDU, 0);
    expect(lost()).toBe(`msi lost ${EDU} vector 0: write 0x5 to 0x7000000: F_TRANSLATION`);
    program(m, 0x1000, 5);
    m.msi(EDU, 0);
    expect(lost()).toBe(`msi lost ${EDU} vector 0: write 0x5 to 0x1000: the message went to memory at 0x40800000`);
    program(m, DOORBELL, 1);
    m.msi(EDU, 0);
    expect(lost()).toBe("msi lost ITS: device 0x18 event 1: no MAPTI for this EventID");
    m.pci.byBdf.get(EDU)?.config.write(4, 2, 0);
    expect(m.msi(EDU, 0).why).toBe("not bus master");
    expect(m.interrupts).toEqual([]);
  });

  test("a function that firmware gives no DeviceID; a DeviceID that software did not map", () => {
    const { desc } = machine("none");
    const [edu] = desc.functions;
    if (edu === undefined) throw new Error("a function");
    for (const [msiDeviceId, why] of [
      [-1, "firmware gives the function no DeviceID"],
      [0x19, "no MAPD for this DeviceID"],
    ] as const) {
      const m = new Machine({ ...desc, functions: [{ ...edu, smmu: null, msiDeviceId }] });
      ready(m);
      program(m, ITS + GITS.TRANSLATER, 0);
      expect(m.msi(EDU, 0)).toMatchObject({ end: "its", why, intid: 0 });
    }
  });

  test("to a peer's BAR, and to nobody, on the way up", () => {
    const bytes = new Uint8Array(256);
    bytes.set([0x06], 4);
    bytes.set([0, 0, 0, 0x10], 0x10);
    const peer = Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
    const { desc } = machine("none");
    const [edu] = desc.functions;
    if (edu === undefined) throw new Error("a function");
    const bars = [{ index: 0, kind: "mem" as const, prefetch: false, start: 0x1000_0000, last: 0x1000_0fff }];
    const card = { ...edu, parent: null, smmu: null };
    const below = { ...card, parent: "0000:00:02.0" };
    // A switch port whose window holds both; a conventional bus carries the message to the peer at once.
    const bridge = new Uint8Array(256);
    bridge.set([6], 4);
    bridge[0x0e] = 1;
    bridge.set([0, 1, 1], 0x18);
    bridge.set([0x00, 0x10, 0x00, 0x10], 0x20);
    const port = Array.from(bridge, (b) => b.toString(16).padStart(2, "0")).join("");
    const m = new Machine({
      ...desc,
      functions: [
        { ...card, bdf: "0000:00:02.0", config: port },
        { ...below, bdf: "0000:01:00.0" },
        { ...below, bdf: "0000:01:01.0", config: peer, bars },
      ],
    });
    const heard = new Listener();
    m.probe = heard;
    const config = m.pci.byBdf.get("0000:01:00.0")?.config;
    config?.write(0x4c, 2, 0x1234);
    config?.write(0x42, 2, 1);
    config?.write(0x44, 4, 0x1000_0010);
    expect(m.msi("0000:01:00.0", 0)).toMatchObject({ end: "memory", why: "the message went to a BAR of 0000:01:01.0" });
    expect(heard.lines.at(-1)).toContain("msi lost 0000:01:00.0: the message went to a BAR");
    expect(m.mem.read32(0x1000_0010)).toBe(0x1234);
    config?.write(0x44, 4, 0x1000_2000);
    expect(m.msi("0000:01:00.0", 0)).toMatchObject({ end: "fault", intid: 0 });
  });

  test("a DMA write to a doorbell is a message as well; HIP06 lets it pass the SMMU by", () => {
    const { desc } = machine("none");
    const smmus = desc.smmus.map((s) => ({ ...s, model: "hi161x" as const }));
    const m = new Machine({ ...desc, smmus });
    ready(m);
    m.write32(SMMU + 0x44, 0x8010_0000);
    const data = new Uint8Array([0, 0, 0, 0]);
    expect(m.dma(EDU, { write: true, hi: 0, lo: ITS + GITS.TRANSLATER, len: 4, data }).ok).toBe(true);
    expect(m.dma(EDU, { write: true, hi: 0, lo: 0x4000_0000, len: 4, data }).ok).toBe(false);
    expect(m.interrupts).toEqual([{ intid: 8192 }]);
  });
});

test("MSI-X tables are written and read by CPU and devices alike", () => {
  const { desc } = machine("none");
  const [edu] = desc.functions;
  if (edu === undefined) throw new Error("a function");
  const bytes = new Uint8Array(256);
  bytes.set([6, 0, 0x10], 4);
  bytes.set([0, 0, 0, 0x10], 0x10);
  bytes[0x34] = 0x60;
  bytes.set([CAP.MSIX, 0, 3, 0], 0x60);
  const config = Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
  const bars = [{ index: 0, kind: "mem" as const, prefetch: false, start: 0x1000_0000, last: 0x1000_0fff }];
  const m = new Machine({ ...desc, functions: [{ ...edu, smmu: null, config, bars }] });
  m.pci.byBdf.get(EDU)?.config.write(4, 2, 6);
  m.write32(0x1000_0010, 7);
  expect(m.read32(0x1000_0010)).toBe(7);
  const data = new Uint8Array([1, 0, 0, 0, 2, 0, 0, 0]);
  expect(m.dma(EDU, { write: true, hi: 0, lo: 0x1000_0020, len: 8, data }).ok).toBe(true);
  expect([m.read32(0x1000_0020), m.read32(0x1000_0024)]).toEqual([1, 2]);
  expect(m.pci.byBdf.get(EDU)?.message(4)).toBe("MSI and MSI-X are disabled");
});

test("INTx: the wire, the status bit, DisINTx; a function without a pin has none", () => {
  const { desc } = machine("none");
  const [edu] = desc.functions;
  if (edu === undefined) throw new Error("a function");
  const config = edu.config.padEnd(512, "0");
  const pin = { ...edu, config: `${config.slice(0, 2 * 0x3d)}01${config.slice(2 * 0x3e)}` };
  const m = new Machine({ ...desc, functions: [pin, { ...edu, bdf: "0000:00:05.0" }] });
  const heard = new Listener();
  m.probe = heard;
  const [f] = m.pci.functions;
  const state = (): unknown[] => [f?.intxAsserted, ((f?.config.read(6, 2) ?? 0) & 8) !== 0];
  expect([m.intx(EDU, true), state()]).toEqual(["", [true, true]]);
  f?.config.write(4, 2, 0x406);
  expect([m.intx(EDU, true), state()]).toEqual(["DisINTx: only the status register says it", [false, true]]);
  expect([m.intx(EDU, false), state()]).toEqual(["let go", [false, false]]);
  expect(m.intx("0000:00:05.0", true)).toBe("the function has no INTx pin");
  expect(heard.lines.slice(0, 2)).toEqual([
    `msi delivered ${EDU} INTx: asserted`,
    `msi lost ${EDU} INTx: DisINTx: only the status register says it`,
  ]);
});
