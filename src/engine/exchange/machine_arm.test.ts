import { describe, expect, test } from "vitest";
import { Machine } from "../../hw/machine.ts";
import { fixtureFolder, machineFixture } from "../testing/fixtures.ts";
import { AcpiTable, readMadt } from "./acpi.ts";
import { allNodes, parseDts } from "./dts.ts";
import { importArmMachine } from "./machine_arm.ts";

const load = (id: string): ReturnType<typeof importArmMachine> => importArmMachine(id, id, machineFixture(id));

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

describe("machines that booted with ACPI", () => {
  test("IORT, MADT and MCFG give what the device tree gives of the same machine", () => {
    const [acpi, plain] = [load("acpi"), load("plain")];
    expect(acpi.smmus).toEqual(plain.smmus);
    expect([acpi.its, acpi.v2m, acpi.ecam]).toEqual([plain.its, null, plain.ecam]);
    expect(acpi.windows).toEqual(plain.windows.filter((w) => w.kind !== "io"));
    const ids = (m: typeof acpi): unknown[] =>
      m.functions.map((f) => [f.bdf, f.smmu, f.sids, f.streamId, f.msiDeviceId]);
    expect(ids(acpi)).toEqual(ids(plain));
    expect(acpi.firmware).toMatchObject({ kind: "acpi", canwbs: false, preserveConfig: false, rmrs: [] });
  });

  test("RMR nodes and the CANWBS flag", () => {
    const { firmware } = load("acpi-rmr");
    expect(firmware?.canwbs).toBe(true);
    expect(firmware?.rmrs.map((r) => [r.firstSid, r.lastSid, r.start, r.last, r.relaxable])).toEqual([
      [8, 8, 0x6100_0000, 0x6101_ffff, false],
      [0x10, 0x10, 0x6000_0000, 0x6000_ffff, true],
      [0x18, 0x18, 0x6200_0000, 0x6200_ffff, true],
    ]);
  });

  test("what was not saved is said, not guessed", () => {
    const files = machineFixture("acpi");
    files.delete("dmesg-iommu.txt");
    const { firmware, windows } = importArmMachine("m", "M", files);
    expect(firmware?.preserveConfig).toBe(null);
    expect(firmware?.notes.join()).toContain("_DSM 5) was not saved");
    expect(windows.map((w) => w.start)).toEqual([0x1000_0000, 0x80_0000_0000]);
    files.delete("acpi-APIC.bin");
    expect(importArmMachine("m", "M", files)).toMatchObject({ its: null, v2m: null });
    files.delete("acpi-IORT.bin");
    expect(() => importArmMachine("m", "M", files)).toThrow(/neither a host bridge/);
  });

  test("damaged tables are refused by name", () => {
    const iort = machineFixture("acpi").get("acpi-IORT.bin");
    if (!(iort instanceof Uint8Array)) throw new Error("an IORT");
    const broken = (change: (b: Uint8Array) => Uint8Array | void): (() => void) => {
      const bytes = iort.slice();
      const files = machineFixture("acpi").set("acpi-IORT.bin", change(bytes) ?? bytes);
      return () => importArmMachine("m", "M", files);
    };
    expect(broken((b) => b.subarray(0, 20))).toThrow("acpi-IORT.bin: 20 bytes are no ACPI table");
    expect(broken((b) => b.subarray(0, 100))).toThrow(/the header says 236 bytes, there are 100/);
    expect(broken((b) => void (b[50] = 1))).toThrow("acpi-IORT.bin: wrong checksum");
    expect(broken((b) => void (b[0] = 0))).toThrow(/signature/);
    const text = machineFixture("acpi").set("acpi-IORT.bin", "text");
    expect(() => importArmMachine("m", "M", text)).toThrow("acpi-IORT.bin: given as text");
  });

  test("a GICv2m frame of the MADT, with and without its SPIs", () => {
    const table = (told: number): AcpiTable => {
      const b = new Uint8Array(68);
      b.set([65, 80, 73, 67, 68]);
      b.set([0x0d, 24, 0, 0, 1, 0, 0, 0, 0, 0, 2, 8, 0, 0, 0, 0, told, 0, 0, 0, 32, 0, 96, 0], 44);
      b[9] = -b.reduce((sum, x) => sum + x, 0) & 0xff;
      return new AcpiTable("acpi-APIC.bin", b, "APIC");
    };
    expect(readMadt(table(1)).frames).toEqual([{ id: 1, base: 0x802_0000, spiBase: 96, spiCount: 32 }]);
    expect(readMadt(table(0)).frames).toEqual([{ id: 1, base: 0x802_0000, spiBase: 0, spiCount: 0 }]);
  });
});

test("bad input is refused with the file's name", () => {
  const files = fixtureFolder("machines/arm/plain");
  const without = (name: string): Map<string, string> => new Map([...files].filter(([n]) => n !== name));
  expect(() => importArmMachine("m", "M", without("iomem.txt"))).toThrow("machine m: iomem.txt is missing");
  const broken = (name: string, text: string): Map<string, string> => new Map([...files, [name, text]]);
  expect(() => importArmMachine("m", "M", broken("pci_devices.json", "{"))).toThrow(/^pci_devices.json: /);
  expect(() => importArmMachine("m", "M", broken("pci_devices.json", '{"devices":[{}]}'))).toThrow(
    /^pci_devices.json: "devices.0.bdf" is missing/,
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
