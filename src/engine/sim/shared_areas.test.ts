import { describe, expect, it } from "vitest";
import { kernels, parsed, start } from "../testing/scenarios.ts";
import { execute } from "./execute.ts";
import { machineById } from "./machines.ts";
import { firstDifference } from "./same.ts";
import type { Step } from "./scenario/types.ts";
import { counted, snapshot } from "./snapshot.ts";
import { makeWorld, type World } from "./world.ts";

/** Enough areas that copies share them; each step meets them in another way. */
const TEXT = `title: many areas
machine: plain
kernels: linux-7.2
device: D1 0000:00:03.0
device: D2 0000:00:04.0
memory: RAM len=1M
memory: LOOSE len=256K pages=scattered

vmm VFIO_DEVICE_BIND_IOMMUFD D1
vmm VFIO_DEVICE_BIND_IOMMUFD D2
vmm I = IOMMU_IOAS_ALLOC
vmm IOMMU_IOAS_MAP ioas=I iova=0x10000000 len=4K va=RAM count=300 stride=8K
vmm P = IOMMU_HWPT_ALLOC dev=D1 pt=I
vmm VFIO_DEVICE_ATTACH_IOMMUFD_PT D1 pt=P
vmm IOMMU_IOAS_UNMAP ioas=I iova=0x10002000 len=4K
device D1 DMA write iova=0x10004000 len=8
vmm IOMMU_IOAS_MAP ioas=I iova=0x20000000 len=64K va=LOOSE count=150 stride=128K
vmm J = IOMMU_IOAS_ALLOC
vmm IOMMU_IOAS_MAP ioas=J iova=0x10000000 len=4K va=RAM count=200 stride=8K
vmm IOMMU_IOAS_COPY dst=J src=I dst_iova=0x80000000 src_iova=0x10004000 len=4K
vmm VFIO_DEVICE_ATTACH_IOMMUFD_PT D2 pt=J
vmm IOMMU_IOAS_UNMAP ioas=I iova=0x10004000 len=4K
device D2 DMA read iova=0x80000000 len=8
vmm VFIO_DEVICE_DETACH_IOMMUFD_PT D1
vmm IOMMU_IOAS_UNMAP ioas=I iova=0 len=0xffffffffffffffff
vmm IOMMU_IOAS_MAP ioas=I iova=0x10000000 len=4K va=RAM count=140
`;

const s = parsed(TEXT);

function after(steps: readonly Step[]): World {
  const profile = kernels.resolve("linux-7.2", true);
  const machine = machineById(s.machine);
  if (profile === undefined || machine === undefined) throw new Error("no such kernel or machine");
  const world = makeWorld(s, profile, machine);
  if (typeof world === "string") throw new Error(world);
  for (const step of steps) execute(world, step, false);
  return world;
}

describe("worlds that share their areas", () => {
  it("are at any moment what a run without copies gives", () => {
    const run = start(s, "linux-7.2");
    expect(run.results.map((r) => r.errno)).toEqual(s.steps.map(() => "ok"));
    for (const n of [s.steps.length, 4, 13, 6, 9, 16, 12])
      expect([n, firstDifference(run.live(n), after(s.steps.slice(0, n)))]).toEqual([n, null]);
  });

  it("go their own ways: what runs on a copy, or on the original, never reaches the other", () => {
    const world = after([]);
    for (const step of s.steps) {
      const before = snapshot(world);
      const one = execute(snapshot(before), step, false);
      const two = execute(snapshot(snapshot(world)), step, false);
      expect(one).toEqual(two);
      expect(firstDifference(world, before)).toBeNull();
      expect(execute(world, step, false)).toEqual(one);
      expect(execute(before, step, false)).toEqual(one);
      expect(firstDifference(world, before)).toBeNull();
    }
  });

  it("cost as many objects, however many areas there are", () => {
    const objects = (count: number): number => {
      const text = TEXT.slice(0, TEXT.indexOf("vmm P =")).replace("count=300", `count=${count}`);
      return counted(start(parsed(text), "linux-7.2").live(4)).objects;
    };
    expect(objects(2000)).toBe(objects(200));
  });
});
