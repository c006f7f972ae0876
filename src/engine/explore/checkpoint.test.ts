import { beforeAll, expect, test } from "vitest";
import { loadKernels } from "../../cli/engine.ts";
import { PLAIN } from "../presets/plain.ts";
import { execute } from "../sim/execute.ts";
import type { Kernels } from "../sim/kernels.ts";
import { firstDifference } from "../sim/same.ts";
import { parseScenario } from "../sim/scenario/parse.ts";
import type { Scenario } from "../sim/scenario/types.ts";
import { snapshot } from "../sim/snapshot.ts";
import { makeWorld, type World } from "../sim/world.ts";
import { Checkpoints } from "./checkpoint.ts";

let kernels: Kernels;
beforeAll(async () => {
  kernels = await loadKernels();
});

const TEXT = `title: checkpoints
machine: plain
kernels: linux-7.2
device: D1 0000:00:03.0
device: D2 0000:01:00.0
memory: BUF len=64K

vmm VFIO_DEVICE_BIND_IOMMUFD D1
vmm VFIO_DEVICE_BIND_IOMMUFD D2
vmm I = IOMMU_IOAS_ALLOC
vmm H = IOMMU_HWPT_ALLOC dev=D1 pt=I
vmm VFIO_DEVICE_ATTACH_IOMMUFD_PT D1 pt=H
vmm IOMMU_IOAS_MAP ioas=I iova=0x40000000 len=64K va=BUF RW
vmm VFIO_DEVICE_SET_IRQS D1 index=MSI
device D1 MSI
device D1 DMA write iova=0x40000000
vmm IOMMU_IOAS_IOVA_RANGES ioas=I
vmm VFIO_DEVICE_DETACH_IOMMUFD_PT D1
vmm IOMMU_DESTROY id=H
vmm VFIO_DEVICE_ATTACH_IOMMUFD_PT D2 pt=I
vmm VFIO_DEVICE_SET_IRQS D1 off
`;

function start(kernel: string): { world: World; scenario: Scenario } {
  const parsed = parseScenario(TEXT);
  const profile = kernels.resolve(kernel, true);
  if (!parsed.ok || profile === undefined) throw new Error("no scenario");
  const { scenario } = parsed.value;
  const world = makeWorld(scenario, profile, PLAIN);
  if (typeof world === "string") throw new Error(world);
  return { world, scenario };
}

test.each(["linux-7.2", "linux-6.11"])("%s: a world goes back to every moment and forward again", (kernel) => {
  const { world, scenario } = start(kernel);
  const checkpoints = new Checkpoints(world);
  const saved = [checkpoints.save()];
  const copies = [snapshot(world)];
  for (const step of scenario.steps) {
    execute(world, step, false);
    saved.push(checkpoints.save());
    copies.push(snapshot(world));
  }
  const order = [3, 0, 14, 7, 7, 1, 12, 5, 13, 2];
  for (const at of order) {
    const to = saved[at];
    if (to === undefined) throw new Error("no such moment");
    checkpoints.restore(to, checkpoints.difference().changed);
    expect(firstDifference(world, copies[at])).toBeNull();
    const next = scenario.steps[at];
    if (next === undefined) continue;
    execute(world, next, false);
    expect(firstDifference(world, copies[at + 1])).toBeNull();
  }
});
