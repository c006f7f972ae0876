/** What the driver writes for an emulated unit, against the words that Linux 7.2 wrote on the recorded machines (debugfs). */
import { describe, expect, test } from "vitest";
import { parsed, start } from "../../../testing/scenarios.ts";
import { contextAddress, pasidAddress, rootTable, vtdOf } from "../../../views/vtd.ts";
import type { World } from "../../../sim/world.ts";

const D1 = "0000:01:00.0";
const SID = 0x100;
const ATTACHED = [
  "vmm VFIO_DEVICE_BIND_IOMMUFD D1",
  "vmm I = IOMMU_IOAS_ALLOC",
  "vmm VFIO_DEVICE_ATTACH_IOMMUFD_PT D1 pt=I",
  "vmm IOMMU_IOAS_MAP ioas=I iova=0x100000 len=4K va=RAM RW",
];

function played(machine: string, more: string[] = []): World {
  const head = [
    "title: t",
    "question: q",
    `machine: ${machine}`,
    "kernels: linux-7.2",
    `device: D1 ${D1}`,
    `memory: RAM len=2M pages=scattered`,
    "",
  ];
  const run = start(parsed([...head, ...ATTACHED, ...more, ""].join("\n")), "linux-7.2");
  return run.world(run.scenario.steps.length);
}

function unitOf(world: World) {
  const unit = vtdOf(world, D1);
  if (unit === null) throw new Error("no unit");
  return unit;
}

/** Low and high word. */
function at(world: World, pa: number | null): [number, number] {
  const { mem } = world.machine;
  return pa === null ? [-1, -1] : [mem.read32(pa), mem.read32(pa + 4)];
}

/** Flags of each entry from the root of a table down to the page of IOVA 0x100000. */
function flagsDown(world: World, root: number): number[] {
  let table = root;
  return [39, 30, 21, 12].map((shift) => {
    const [lo] = at(world, table + (shift === 12 ? 0x100 * 8 : 0));
    table = (lo & ~0xfff) >>> 0;
    return lo & 0xfff;
  });
}

describe("scalable mode, second stage", () => {
  const world = played("intel-sm");
  const unit = unitOf(world);

  test("context, PASID entry and table entries", () => {
    expect(at(world, rootTable(unit) + 16)[0] & 0xfff).toBe(1);
    expect(at(world, contextAddress(unit, SID))[0] & 0xfff).toBe(0x401);
    const entry = pasidAddress(unit, SID, 0);
    expect(at(world, entry)[0] & 0xfff).toBe(0x089);
    expect(at(world, (entry ?? 0) + 8)).toEqual([0xe, 0]);
    expect(flagsDown(world, (at(world, entry)[0] & ~0xfff) >>> 0)).toEqual([0x403, 0x403, 0x403, 0x003]);
  });

  test("registers as the recorded ones", () => {
    expect(unit.readReg(0x1c).toString(16)).toBe("c7000000");
    expect(unit.readReg(0x20) & 0xfff).toBe(0x400);
    expect(unit.readReg(0x90) & 0xfff).toBe(0x801);
    expect(unit.readReg(0xb8) & 0xfff).toBe(0xf);
    expect(unit.readReg(0x80)).toBe(unit.readReg(0x88));
  });

  test("the queue at attach and map: out of the old domain, into the new one, the range that was mapped", () => {
    const { queue } = unit;
    const words = (n: number): [number, number] => {
      const pa = queue.base + queue.tail - 32 * n;
      return [at(world, pa)[0], at(world, pa + 8)[0]];
    };
    const last = [10, 8, 6, 4, 2].map((n) => words(n));
    expect(last.map(([w]) => w.toString(16))).toEqual(["e0017", "e00e2", "e0017", "e0026", "e00f2"]);
    expect(last.at(-1)?.[1]).toBe(0x100000);
    expect(words(1)[0].toString(16)).toBe("25");
  });
});

test("first stage", () => {
  const world = played("intel-sm-fsts");
  const entry = pasidAddress(unitOf(world), SID, 0) ?? 0;
  expect(at(world, entry)).toEqual([0x49, 0]);
  expect(at(world, entry + 8)).toEqual([0xe, 0]);
  const [root] = at(world, entry + 16);
  expect(root & 0xfff).toBe(0);
  expect(flagsDown(world, root)).toEqual([0x227, 0x227, 0x227, 0x067]);
});

test("legacy mode", () => {
  const world = played("intel-legacy");
  const entry = contextAddress(unitOf(world), SID) ?? 0;
  expect(at(world, entry)[0] & 0xfff).toBe(1);
  expect(at(world, entry + 8)).toEqual([0xe02, 0]);
});

test("an interrupt remapping entry names its function", () => {
  const world = played("intel-sm", ["vmm VFIO_DEVICE_SET_IRQS D1 index=MSIX"]);
  const { remapper } = unitOf(world);
  const table = (remapper.tableLo & ~0xfff) >>> 0;
  expect(at(world, table)).toEqual([0x0031_0009, 0]);
  expect(at(world, table + 8)).toEqual([0x0004_0100, 0]);
});

test("what is unmapped is walked no more; whole tables in it are given back", () => {
  const mapped = ["vmm IOMMU_IOAS_MAP ioas=I iova=0x40000000 len=2M va=RAM RW"];
  const unmap = ["vmm IOMMU_IOAS_UNMAP ioas=I iova=0x40000000 len=2M"];
  const before = played("intel-sm", mapped);
  const after = played("intel-sm", [...mapped, ...unmap]);
  const again = played("intel-sm", [...mapped, ...unmap, ...mapped]);
  const free = (w: World): number => w.kernel.mm.frames.free.reduce((n, r) => n + r.n, 0);
  expect(free(after)).toBe(free(before) + 1);
  expect(free(again)).toBe(free(before));
});

test("the device detached: its PASID entry is empty again", () => {
  const world = played("intel-sm", ["vmm VFIO_DEVICE_DETACH_IOMMUFD_PT D1"]);
  expect(at(world, pasidAddress(unitOf(world), SID, 0))).toEqual([0, 0]);
});
