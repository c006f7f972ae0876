import { describe, expect, test } from "vitest";
import { ConfigSpace } from "./config.ts";
import { type FunctionDesc, PciBus, PciFunction, ridOf } from "./function.ts";
import { CAP, CMD_MASTER, CMD_MEMORY, EXT, PCI } from "./regs.ts";

/** Bytes of a configuration space from [offset, bytes...] rows. */
function image(size: number, ...rows: [number, ...number[]][]): string {
  const bytes = new Uint8Array(size);
  for (const [at, ...values] of rows) bytes.set(values, at);
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

/** A type 0 function: MSI with masking at 0x40, MSI-X (4 entries, BAR 0 + 0x800) at 0x60. */
const ENDPOINT = image(
  256,
  [0, 0x34, 0x12, 0xe8, 0x11],
  [6, 0x10],
  [0x34, 0x40],
  [0x40, CAP.MSI, 0x60, 0x84, 0x01],
  [0x60, CAP.MSIX, 0x00, 3, 0, 0x00, 0x08, 0, 0, 0x00, 0x0c, 0, 0],
);

/** A bridge with a PCIe capability of the given port type; type -1: conventional. */
function bridge(type: number): string {
  return type < 0
    ? image(256, [0x0e, 1])
    : image(256, [6, 0x10], [0x0e, 1], [0x34, 0x40], [0x40, CAP.EXP, 0, (type << 4) | 2]);
}

function desc(
  bdf: string,
  config: string,
  parent: string | null = null,
  rest: Partial<FunctionDesc> = {},
): FunctionDesc {
  const none = { smmu: null, sids: [], streamId: 0, msiDeviceId: -1, regions: [], driver: "" };
  return { bdf, name: "x", parent, configSize: config.length / 2, config, bars: [], ...none, ...rest };
}

const BAR0 = { index: 0, kind: "mem64", prefetch: false, start: 0x10_0000_0000, last: 0x10_0000_3fff } as const;

describe("configuration space", () => {
  test("read-only bytes stay, commands change only what they may, beyond the end reads ones", () => {
    const c = new ConfigSpace(256, ENDPOINT);
    c.write(PCI.VENDOR, 4, 0);
    c.write(PCI.COMMAND, 2, 0xffff);
    expect([c.read(PCI.VENDOR, 2), c.read(PCI.COMMAND, 2), c.read(256, 4)]).toEqual([0x1234, 0x547, 0xffff_ffff]);
  });

  test("status bits are cleared by writing one", () => {
    const c = new ConfigSpace(256, image(256, [6, 0x10, 0xf9]));
    c.write(PCI.STATUS, 2, 0x2000);
    expect(c.read(PCI.STATUS, 2)).toBe(0xd910);
  });

  test("capabilities are listed in order; a list that loops ends", () => {
    const c = new ConfigSpace(256, ENDPOINT);
    expect(c.capabilities().map((x) => [x.id, x.offset])).toEqual([
      [CAP.MSI, 0x40],
      [CAP.MSIX, 0x60],
    ]);
    const loop = new ConfigSpace(256, image(256, [6, 0x10], [0x34, 0x40], [0x40, CAP.PM, 0x40]));
    expect(loop.capabilities().length).toBe(1);
    const acs = new ConfigSpace(4096, image(4096, [0x100, 1, 0, 1, 0x14], [0x140, 0x0d, 0, 1, 0, 0x5d, 0]));
    expect([acs.findExtended(EXT.ACS), acs.findExtended(EXT.ATS)]).toEqual([0x140, 0]);
    acs.write(0x146, 2, 0xffff);
    expect(acs.read(0x146, 2)).toBe(0x5d);
  });
});

describe("function", () => {
  test("a BAR tells its size when written with ones, and moves", () => {
    const f = new PciFunction(
      desc("0000:00:03.0", image(256, [0x10, 4, 0, 0, 0, 0x10]), null, { bars: [{ ...BAR0 }] }),
    );
    expect(f.barAddress(0)).toBe(0x10_0000_0000);
    f.config.write(0x10, 4, 0xffff_ffff);
    f.config.write(0x14, 4, 0xffff_ffff);
    expect([f.config.read(0x10, 4), f.config.read(0x14, 4)]).toEqual([0xffff_c004, 0xffff_ffff]);
    f.config.write(0x10, 4, 0x8000_0000);
    f.config.write(0x14, 4, 2);
    expect(f.barAddress(0)).toBe(0x2_8000_0000);
    expect([f.barAddress(1), f.expType, f.isBridge]).toEqual([-1, -1, false]);
  });

  test("an I/O BAR; multi-function; what PASID lets software change; an extended list that ends in nothing", () => {
    const bar = { index: 1, kind: "io" as const, prefetch: false, start: 0x1000, last: 0x10ff };
    const bytes = image(4096, [0x0e, 0x80], [0x14, 0x01, 0x10], [0x100, EXT.PASID, 0, 1, 0x20, 0x02, 0x14, 0, 0]);
    const f = new PciFunction(desc("0000:00:03.5", bytes, null, { bars: [bar], configSize: 4096 }));
    expect([f.barAddress(1), f.function, f.config.multifunction]).toEqual([0x1000, 5, true]);
    f.config.write(0x106, 2, 0xffff);
    expect([f.config.read(0x106, 2), f.config.capabilities().length]).toEqual([7, 1]);
  });

  test("MSI: disabled, enabled, masked; needs bus mastering", () => {
    const f = new PciFunction(desc("0000:00:03.0", ENDPOINT));
    const { config } = f;
    expect(f.message(0)).toBe("not bus master");
    config.write(PCI.COMMAND, 2, CMD_MASTER);
    expect(f.message(0)).toBe("MSI and MSI-X are disabled");
    config.write(0x44, 4, 0x0800_0043);
    config.write(0x48, 4, 1);
    config.write(0x4c, 2, 0x7);
    config.write(0x42, 2, 0x11);
    expect(f.message(0)).toEqual({ lo: 0x0800_0040, hi: 1, data: 6 });
    expect(f.message(1)).toEqual({ lo: 0x0800_0040, hi: 1, data: 7 });
    expect(f.message(2)).toBe("no such vector");
    config.write(0x50, 4, 2);
    expect([f.message(1), typeof f.message(0)]).toEqual(["masked", "object"]);
  });

  test("MSI-X wins over MSI; masked vectors become pending", () => {
    const f = new PciFunction(desc("0000:00:03.0", ENDPOINT));
    f.config.write(PCI.COMMAND, 2, CMD_MASTER);
    f.config.write(0x42, 2, 1);
    f.config.write(0x62, 2, 0x8000);
    expect([f.message(0), f.message(4)]).toEqual(["masked", "no such vector"]);
    expect(f.msix?.pba[0]).toBe(1);
    f.msix?.words.set([0x0800_0040, 0, 5, 0], 8);
    expect(f.message(2)).toEqual({ lo: 0x0800_0040, hi: 0, data: 5 });
    f.config.write(0x62, 2, 0xc000);
    expect(f.message(2)).toBe("masked");
    f.msix?.reset();
    expect([f.msix?.words[8], f.msix?.words[11]]).toEqual([0, 1]);
  });
});

describe("bus", () => {
  test("addresses are decoded only with memory decoding on; the MSI-X table is found inside its BAR", () => {
    const bus = new PciBus([desc("0000:00:03.0", ENDPOINT, null, { bars: [{ ...BAR0, kind: "mem" }] })]);
    const [f] = bus.functions;
    f?.config.write(0x10, 4, 0x1000_0000);
    expect(bus.barAt(0x1000_0000)).toBe(null);
    f?.config.write(PCI.COMMAND, 2, CMD_MEMORY);
    expect(bus.barAt(0x1000_3fff)?.offset).toBe(0x3fff);
    expect(bus.barAt(0x1000_4000)).toBe(null);
    expect([bus.msixAt(0x1000_0810)?.offset, bus.msixAt(0x1000_0840), bus.msixAt(0x1000_07fc)]).toEqual([
      0x10,
      null,
      null,
    ]);
  });

  test.each([
    ["a root port", 4, [0x108]],
    ["a PCIe-to-PCI bridge", 7, [0x108, 0x100]],
    ["a conventional bridge", -1, [0x108, 0x38]],
    ["a PCI-to-PCIe bridge", 8, [0x108, 0x38]],
  ])("requester IDs behind %s", (_, type, want) => {
    const bus = new PciBus([desc("0000:01:01.0", ENDPOINT, "0000:00:07.0"), desc("0000:00:07.0", bridge(type))]);
    const [top, f] = bus.functions;
    if (f === undefined || top === undefined) throw new Error("two functions");
    expect(bus.aliases(f)).toEqual(want);
    expect(bus.requesterId(f)).toBe(want.at(-1));
    expect([bus.childrenOf(top), bus.childrenOf(null), bus.parentOf(f)]).toEqual([[f], [top], top]);
  });

  test("ridOf", () => {
    expect(ridOf("0000:06:01.0")).toBe(0x608);
    expect(() => ridOf("6:1.0")).toThrow("not a PCI address");
  });
});
