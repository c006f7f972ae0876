/** What can be done next where iommufd has no part: VFIO's own containers, and the interfaces of 2021. */
import { VfioContainer, VfioGroup } from "../kernel/vfio/group_state.ts";
import { foreignApi } from "../sim/api_node.ts";
import { openSpaces, throughSpace } from "../sim/spaces.ts";
import type { Step, Value } from "../sim/scenario/types.ts";
import type { World, WorldDevice } from "../sim/world.ts";
import { deviceOf } from "./context.ts";
import { int, named, vmm } from "./step_values.ts";

const LENGTH = 0x10000n;

/** Null: the device is iommufd's affair. */
export function elsewhereSteps(world: World, d: WorldDevice): Step[] | null {
  return foreignApi(world.kernel) === null ? containerSteps(world, d) : spaceSteps(world, d);
}

function spaceSteps(world: World, d: WorldDevice): Step[] {
  const through = throughSpace(world, d.bdf);
  const labels = [...world.names].filter(([, name]) => name.what === "space").map(([label]) => label);
  const steps: Step[] = [];
  if (through !== null) {
    const { space, guest } = through;
    const root = space.space.parent ?? space.space;
    steps.push(...accesses(d, guest === null ? (root.dmas[0]?.iova ?? 0n) : 0x1000n));
  }
  for (const label of labels) {
    const space = named(label);
    if (through === null) steps.push(vmm("SPACE_ATTACH", { dev: named(d.name), space }));
    steps.push(mapping(world, "SPACE_MAP", { space }, openSpaces(world)[0]?.space.dmas ?? []));
  }
  if (labels.length === 0 && through === null) steps.push(vmm("SPACE_ALLOC", {}));
  return steps;
}

function containerSteps(world: World, d: WorldDevice): Step[] | null {
  const group = deviceOf(world, d.bdf)?.iommu_group ?? null;
  const files = [...world.vmm.fds].map(([fd, file]) => ({ fd, own: file.private_data }));
  const groupFile = files.flatMap(({ fd, own }) =>
    own instanceof VfioGroup && own.iommu_group === group ? [{ fd, own }] : [],
  )[0];
  const first = files.flatMap(({ fd, own }) => (own instanceof VfioContainer ? [{ fd, own }] : []))[0];
  if (groupFile === undefined && first === undefined) return null;
  if (first === undefined) return [vmm("OPEN_CONTAINER", {})];
  if (groupFile === undefined) return [vmm("OPEN_GROUP", { dev: named(d.name) })];
  const container = fileValue(world, first.fd);
  const groupValue = fileValue(world, groupFile.fd);
  if (groupFile.own.container === null) return [vmm("VFIO_GROUP_SET_CONTAINER", { group: groupValue, container })];
  const { type1 } = first.own;
  if (type1 === null) return [vmm("VFIO_SET_IOMMU", { container, type: named("TYPE1v2") })];
  const steps = accesses(d, type1.dmas[0]?.iova ?? 0n);
  steps.push(mapping(world, "VFIO_IOMMU_MAP_DMA", { container }, type1.dmas));
  const [dma] = type1.dmas;
  if (dma !== undefined)
    steps.push(vmm("VFIO_IOMMU_UNMAP_DMA", { container, iova: int(dma.iova), len: int(dma.size) }));
  if (groupFile.own.container_users === 0)
    steps.push(vmm("VFIO_GROUP_GET_DEVICE_FD", { group: groupValue, dev: named(d.name) }));
  return steps;
}

function accesses(d: WorldDevice, iova: bigint): Step[] {
  const dev = named(d.name);
  const steps: Step[] = [
    { actor: "device", op: "DMA", args: { dev, dir: named("read"), iova: int(iova), len: int(4096) }, checks: [] },
  ];
  if (d.eventfds.length > 0) steps.push({ actor: "device", op: "MSI", args: { dev }, checks: [] });
  return steps;
}

/** Of the first memory that the program has, above all that is mapped. */
function mapping(
  world: World,
  op: string,
  to: Record<string, Value>,
  dmas: readonly { iova: bigint; size: bigint }[],
): Step {
  const end = dmas.reduce((last, m) => (m.iova + m.size > last ? m.iova + m.size : last), 0x100000n);
  const memory = [...world.memory.values()][0];
  const len = memory === undefined || memory.length > LENGTH ? LENGTH : memory.length;
  const va = memory === undefined ? int(0n) : named(memory.name);
  return vmm(op, { ...to, iova: int(end), len: int(len), va });
}

/** A descriptor by the label that the scenario gave it. */
function fileValue(world: World, fd: number): Value {
  for (const [label, name] of world.names) if (name.fd === fd) return named(label);
  return int(fd);
}
