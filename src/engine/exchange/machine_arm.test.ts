import { describe, expect, test } from "vitest";
import { Machine } from "../../hw/machine.ts";
import { fixtureFolder } from "../testing/fixtures.ts";
import { allNodes, parseDts } from "./dts.ts";
import { importArmMachine } from "./machine_arm.ts";

const load = (id: string): ReturnType<typeof importArmMachine> =>
  importArmMachine(id, id, fixtureFolder(`machines/arm/${id}`));

describe("recorded machines", () => {
  test("plain: one SMMU, an ITS, requester IDs and aliases", () => {
    const desc = load("plain");
    expect(desc.smmus.map((s) => [s.name, s.idr0, s.irq.evtq])).toEqual([["smmu3.0x0000000009050000", 0xd44101b, 106]]);
    expect(desc.its?.base).toBe(0x808_0000);
    const sids = new Map(desc.functions.map((f) => [f.bdf, f]));
    expect(sids.get("0000:06:01.0")).toMatchObject({ sids: [0x608, 0x600], streamId: 0x600, msiDeviceId: 0x600 });
    expect(sids.get("0000:05:00.0")).toMatchObject({
      sids: [0x500],
      streamId: 0x500,
      parent: "0000:03:01.0",
      name: "edu",
    });
    expect(desc.functions.length).toBe(22);
  });

  test("what was saved of a BAR is what its register shows", () => {
    const { functions } = new Machine(load("plain")).pci;
    const bars = functions.flatMap((f) => f.desc.bars.map((bar) => ({ f, bar })));
    const memory = bars.filter(({ bar }) => bar.kind !== "io" && bar.index < 6);
    const shown = memory.map(({ f, bar }) => [f.bdf, bar.index, f.barAddress(bar.index)]);
    expect(shown).toEqual(memory.map(({ f, bar }) => [f.bdf, bar.index, bar.start]));
    expect(shown.length).toBeGreaterThan(15);
  });

  test("rmr: direct and reserved regions of the device tree", () => {
    const regions = load("rmr").functions.flatMap((f) => f.regions.map((r) => ({ bdf: f.bdf, ...r })));
    expect(regions).toEqual([
      { bdf: "0000:00:01.0", kind: "direct", start: 0x7f00_0000, last: 0x7f00_ffff },
      { bdf: "0000:00:02.0", kind: "reserved", start: 0x1000_0000, last: 0x10ff_ffff },
      { bdf: "0000:00:02.0", kind: "reserved", start: 0x2000_0000, last: 0x2000_1fff },
      { bdf: "0000:00:03.0", kind: "reserved", start: 0x808_0000, last: 0x818_1fff },
      { bdf: "0000:00:03.0", kind: "reserved", start: 0x1_0000_0000, last: 0x1_0000_ffff },
    ]);
  });

  test("gicv2m, nomsi and stage1 differ where they should", () => {
    const [v2m, none, s1] = [load("gicv2m"), load("nomsi"), load("stage1")];
    expect([v2m.its, v2m.v2m?.base]).toEqual([null, 0x802_0000]);
    expect([none.its, none.v2m, none.functions[1]?.msiDeviceId]).toEqual([null, null, -1]);
    expect(s1.smmus.map((s) => [s.base, s.idr0, s.idr3])).toEqual([[0xc00_0000, 0xd44101a, 0x1404]]);
  });
});

test("bad input is refused with the file's name", () => {
  const files = fixtureFolder("machines/arm/plain");
  const without = (name: string): Map<string, string> => new Map([...files].filter(([n]) => n !== name));
  expect(() => importArmMachine("m", "M", without("iomem.txt"))).toThrow("machine m: iomem.txt is missing");
  const broken = (name: string, text: string): Map<string, string> => new Map([...files, [name, text]]);
  expect(() => importArmMachine("m", "M", broken("pci_devices.json", "{"))).toThrow(/^pci_devices.json: /);
  expect(() => importArmMachine("m", "M", broken("pci_devices.json", '{"devices":[{}]}'))).toThrow(
    /^pci_devices.json: devices.0/,
  );
  expect(() => importArmMachine("m", "M", broken("iomem.txt", ""))).toThrow("iomem.txt: no System RAM");
  expect(() => importArmMachine("m", "M", broken("fdt.dts", "/ { };"))).toThrow(/host bridge/);
  expect(() => parseDts("fdt.dts", "/ { = <1>; };")).toThrow(/a value without a property/);
});

test("device tree source: nodes, cells, strings, flags, comments", () => {
  const root = parseDts(
    "t",
    `/dts-v1/;
    / { /* c */ a = <0x1 2>, <3>; b = "x\\0y", "z"; flag; label: child@1 { reg = <1>; }; bytes = [00 ff]; }; // end`,
  );
  expect([root.cells.get("a"), root.strings.get("b"), root.flags.has("flag")]).toEqual([
    [1, 2, 3],
    ["x", "y", "z"],
    true,
  ]);
  expect([...allNodes(root)].map((n) => n.name)).toEqual(["/", "child@1"]);
  expect(root.children[0]?.parent).toBe(root);
});
