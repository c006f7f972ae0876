import { beforeEach, describe, expect, test } from "vitest";
import { Machine } from "../machine.ts";
import { type FunctionDesc, PciBus, type PciFunction } from "./function.ts";
import { CAP, CMD_MASTER, CMD_MEMORY, EXT, PCI } from "./regs.ts";
import { ACS_CTRL, route } from "./route.ts";
import { bridgeWindows } from "./windows.ts";

/** Bytes of a configuration space from [offset, bytes...] rows. */
function image(...rows: [number, ...number[]][]): string {
  const bytes = new Uint8Array(4096);
  for (const [at, ...values] of rows) bytes.set(values, at);
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

const u16 = (v: number): [number, number] => [v & 0xff, v >> 8];
/** ACS capability with everything, control 0, egress vector of 32 bits, at 0x100. */
const ACS: [number, ...number[]] = [0x100, EXT.ACS, 0, 1, 0, 0x7f, 32, 0, 0];
const NONE = {
  name: "x",
  driver: "",
  smmu: null,
  sids: [],
  streamId: -1,
  msiDeviceId: -1,
  regions: [],
  configSize: 4096,
};

/** A bridge: PCIe port type (-1 conventional), buses, memory window start..last in MiB, port number. */
function bridge(
  bdf: string,
  parent: string | null,
  type: number,
  [secondary, subordinate]: [number, number],
  [start, last]: [number, number],
  port = 0,
): FunctionDesc {
  const config = image(
    [PCI.COMMAND, CMD_MASTER | CMD_MEMORY],
    [6, 0x10],
    [0x0e, 1],
    [PCI.SECONDARY_BUS, secondary, subordinate],
    [PCI.MEMORY_BASE, ...u16(start << 4), ...u16((last - 1) << 4)],
    [PCI.PREF_BASE, ...u16(0xfff0), ...u16(0)],
    [0x34, type < 0 ? 0 : 0x40],
    [0x40, CAP.EXP, 0, (type << 4) | 2],
    [0x4f, port],
    ACS,
  );
  return { ...NONE, bdf, parent, config, bars: [] };
}

/** An endpoint whose BAR 0 is the MiB `at`. */
function endpoint(bdf: string, parent: string | null, at: number, type = 0): FunctionDesc {
  const start = at * 2 ** 20;
  const config = image(
    [PCI.COMMAND, CMD_MASTER | CMD_MEMORY],
    [6, 0x10],
    [PCI.BAR0, 0, 0, (start >> 16) & 0xff, start >>> 24],
    [0x34, 0x40],
    [0x40, CAP.EXP, 0, (type << 4) | 2],
    ACS,
  );
  const bars = [{ index: 0, kind: "mem" as const, prefetch: false, start, last: start + 0xfff }];
  return { ...NONE, bdf, parent, config, bars };
}

/**
 * Root port 00:01 over a switch (ports 03:00, 03:01) with endpoints A 04:00.0 and A1 04:00.1 at 0x200, 0x201 and B 05:00.0
 * at 0x202; root port 00:02 with C at 0x300; a PCIe-to-PCI bridge 00:03 with D, E at 0x400, 0x401; F on the root bus.
 */
const TREE: FunctionDesc[] = [
  bridge("0000:00:01.0", null, 4, [2, 5], [0x200, 0x210]),
  bridge("0000:02:00.0", "0000:00:01.0", 5, [3, 5], [0x200, 0x210]),
  bridge("0000:03:00.0", "0000:02:00.0", 6, [4, 4], [0x200, 0x202], 1),
  bridge("0000:03:01.0", "0000:02:00.0", 6, [5, 5], [0x202, 0x203], 2),
  endpoint("0000:04:00.0", "0000:03:00.0", 0x200),
  endpoint("0000:04:00.1", "0000:03:00.0", 0x201),
  endpoint("0000:05:00.0", "0000:03:01.0", 0x202),
  bridge("0000:00:02.0", null, 4, [6, 6], [0x300, 0x301]),
  endpoint("0000:06:00.0", "0000:00:02.0", 0x300),
  bridge("0000:00:03.0", null, 7, [7, 7], [0x400, 0x410]),
  endpoint("0000:07:01.0", "0000:00:03.0", 0x400),
  endpoint("0000:07:02.0", "0000:00:03.0", 0x401),
  endpoint("0000:00:04.0", null, 0x500, 9),
];
const [A, A1, B, C, D, E, F] = ["04:00.0", "04:00.1", "05:00.0", "06:00.0", "07:01.0", "07:02.0", "00:04.0"];

let bus: PciBus;

function at(name: string | undefined): PciFunction {
  const f = bus.byBdf.get(`0000:${name}`);
  if (f === undefined) throw new Error(`no ${name}`);
  return f;
}

function acs(name: string, control: number): void {
  at(name).config.write(0x106, 2, control);
}

/** Where a request of `from` to the start of a MiB goes: the bdf of a peer, `root` or `blocked`. */
function to(from: string | undefined, mib: number, translated = false): string {
  const r = route(bus, at(from), mib * 2 ** 20, translated);
  return r.peer === null ? r.to : r.peer.f.bdf.slice(5);
}

function why(from: string | undefined, mib: number): string {
  const hop = route(bus, at(from), mib * 2 ** 20, false).hops.at(-1);
  return `${hop?.bdf.slice(5)} ${hop?.what}`;
}

beforeEach(() => {
  bus = new PciBus(TREE);
});

describe("without ACS", () => {
  test("a switch and the root complex forward peer to peer, memory goes to the root", () => {
    expect([to(A, 0x202), to(B, 0x200), to(A, 0x300), to(C, 0x202), to(A, 0x900)]).toEqual([B, A, C, B, "root"]);
    expect(why(A, 0x202)).toBe("03:00.0 peer to peer to 0000:03:01.0");
  });

  test("functions of one device, but not integrated endpoints of different devices", () => {
    expect([to(A, 0x201), to(F, 0x300), to(F, 0x400)]).toEqual([A1, "root", "root"]);
    expect(to(C, 0x500)).toBe(F);
  });

  test("an address in a window that nobody claims ends there", () => {
    expect([to(A, 0x205), why(A, 0x205)]).toEqual([
      "blocked",
      "02:00.0 the address lies in its window, but no port of the switch claims it",
    ]);
    at(B).config.write(PCI.COMMAND, 2, CMD_MASTER);
    expect([to(A, 0x202), why(A, 0x202)]).toEqual(["blocked", "0000:03:01.0 nobody below claims the address".slice(5)]);
  });

  test("on a conventional bus everybody sees the request, ACS or not", () => {
    acs("00:03.0", 0x7f);
    expect([to(D, 0x401), to(D, 0x405), to(D, 0x900)]).toEqual([E, "blocked", "root"]);
  });
});

describe("with ACS", () => {
  test("Request Redirect sends it up, port by port", () => {
    acs("03:00.0", ACS_CTRL.RR);
    expect([to(A, 0x202), why(A, 0x202)]).toEqual([
      "blocked",
      "00:01.0 the address lies in the window it came from, and it does not forward upstream",
    ]);
    acs("00:01.0", ACS_CTRL.RR | ACS_CTRL.UF);
    expect([to(A, 0x202), why(A, 0x202)]).toEqual([
      "root",
      "00:01.0 forwards upstream although the address lies in its own window",
    ]);
    acs("03:00.0", 0);
    expect([to(A, 0x300), to(A, 0x202)]).toEqual(["root", B]);
    expect(route(bus, at(A), 0x300 * 2 ** 20, false).hops.map((h) => h.bdf)).toEqual(["0000:00:01.0"]);
  });

  test("inside a multi-function device", () => {
    acs("04:00.0", ACS_CTRL.RR);
    expect([to(A, 0x201), to(A1, 0x200)]).toEqual(["blocked", A]);
    acs("03:00.0", ACS_CTRL.RR | ACS_CTRL.UF);
    acs("00:01.0", ACS_CTRL.RR | ACS_CTRL.UF);
    expect(to(A, 0x201)).toBe("root");
  });

  test("a port forwards upstream what lies in its own window", () => {
    const own = bridge("0000:00:02.0", null, 4, [6, 6], [0x300, 0x302]);
    bus = new PciBus(TREE.map((d) => (d.bdf === own.bdf ? own : d)));
    expect([to(C, 0x301), why(C, 0x301)]).toEqual([
      "blocked",
      "00:02.0 the address lies in the window it came from, and it does not forward upstream",
    ]);
    acs("00:02.0", ACS_CTRL.UF);
    expect(to(C, 0x301)).toBe("root");
  });

  test("translated requests: blocked by TB, let through by DT", () => {
    acs("03:00.0", ACS_CTRL.RR | ACS_CTRL.DT);
    expect([to(A, 0x202, true), to(A, 0x202)]).toEqual([B, "blocked"]);
    acs("03:00.0", ACS_CTRL.TB);
    expect([to(A, 0x900, true), to(A, 0x900)]).toEqual(["blocked", "root"]);
  });

  test("Source Validation knows the buses below", () => {
    acs("03:00.0", ACS_CTRL.SV);
    expect(to(A, 0x900)).toBe("root");
    at("03:00.0").config.write(PCI.SECONDARY_BUS, 2, 0x0909);
    expect([to(A, 0x900), why(A, 0x900)]).toEqual([
      "blocked",
      "03:00.0 Source Validation: the requester's bus number is not one of those below",
    ]);
  });

  test("Egress Control by port number", () => {
    const port = at("03:00.0").config;
    acs("03:00.0", ACS_CTRL.EC);
    expect(to(A, 0x202)).toBe(B);
    port.write(0x108, 4, 1 << 2);
    expect([to(A, 0x202), why(A, 0x202)]).toEqual(["blocked", "03:00.0 Egress Control: not to 0000:03:01.0"]);
  });
});

describe("decoding from the root complex", () => {
  test("needs every window on the way, memory decoding, and follows the BAR", () => {
    expect(bus.barAt(0x2020_0010)?.f.bdf.slice(5)).toBe(B);
    at("03:01.0").config.write(PCI.MEMORY_BASE, 4, 0x0000_fff0);
    expect(bus.barAt(0x2020_0010)).toBe(null);
    at("03:01.0").config.write(PCI.MEMORY_BASE, 4, 0x2030_2030);
    at(B).config.write(PCI.BAR0, 4, 0x2030_0000);
    expect([bus.barAt(0x2020_0010), bus.barAt(0x2030_0010)?.offset]).toEqual([null, 0x10]);
    at("02:00.0").config.write(PCI.COMMAND, 2, 0);
    expect(bus.barAt(0x2030_0010)).toBe(null);
  });

  test("windows: 64-bit prefetchable, and closed ones", () => {
    const { config } = at("00:01.0");
    expect(bridgeWindows(config)).toEqual([{ start: 0x2000_0000, last: 0x20ff_ffff }]);
    config.bytes.set([0x01, 0x00, 0x11, 0x00, 0x80, 0, 0, 0, 0x80], PCI.PREF_BASE);
    config.bytes[0x2c] = 0x80;
    config.bytes.set([0x80, 0, 0, 0], 0x28);
    expect(bridgeWindows(config)[1]).toEqual({ start: 0x80_0000_0000, last: 0x80_001f_ffff });
  });
});

describe("a machine's DMA", () => {
  const machine = (quirks: "none" | "qemu"): Machine =>
    new Machine({
      id: "t",
      title: "T",
      quirks,
      ram: [{ start: 0x8000_0000, last: 0x8fff_ffff }],
      mmio: [],
      ecam: null,
      windows: [],
      smmus: [],
      its: null,
      v2m: null,
      functions: TREE,
    });
  const bdf = `0000:${A}`;
  const data = Uint8Array.of(1, 2, 3, 4);

  test("lands in the peer's BAR without the IOMMU, and is read back by the CPU", () => {
    const m = machine("none");
    const r = m.dma(bdf, { write: true, hi: 0, lo: 0x2020_0000, len: 4, data });
    expect([r.ok, r.runs, r.hops.length]).toEqual([
      true,
      [{ offset: 0, pa: 0x2020_0000, len: 4, peer: `0000:${B}` }],
      1,
    ]);
    expect(m.read32(0x2020_0000)).toBe(0x0403_0201);
    expect(m.dma(bdf, { write: false, hi: 0, lo: 0x2020_0000, len: 4 }).data).toEqual(data);
  });

  test("is blocked in words; goes on in pieces across the end of a page", () => {
    const m = machine("none");
    const r = m.dma(bdf, { write: false, hi: 0, lo: 0x2050_0000, len: 8 });
    expect(r.fault?.text).toContain("no port of the switch claims it");
    expect([r.ok, r.data[0]]).toEqual([false, 0xff]);
    const over = m.dma(bdf, { write: true, hi: 0, lo: 0x2020_0ffc, len: 8 });
    expect([over.runs.length, over.fault?.offset]).toEqual([1, 4]);
    expect(m.dma(bdf, { write: true, hi: 0, lo: 0x8000_0ffc, len: 8 }).runs.length).toBe(2);
  });

  test("quirk noPeerToPeer: the root complex gets everything", () => {
    const r = machine("qemu").dma(bdf, { write: true, hi: 0, lo: 0x2020_0000, len: 4, data });
    expect([r.ok, r.runs[0]?.peer, r.hops]).toEqual([true, undefined, []]);
  });
});
