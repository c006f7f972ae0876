/** The steps that a universe allows at a moment. Labels name what is alive: `I1`, `H2`; the lowest free one is given next. */
import type { IommufdObject } from "../kernel/iommufd/objects.ts";
import { IRQ, vfio_pci_get_irq_count } from "../kernel/vfio/vfio_pci.ts";
import { contextOf } from "../sim/refs.ts";
import type { Step, Value } from "../sim/scenario/types.ts";
import type { World, WorldDevice } from "../sim/world.ts";
import { type Block, type OpGroup, PASID, type Universe, VSTES } from "./universe.ts";

const named = (v: string): Value => ({ k: "name", v });
const int = (v: bigint): Value => ({ k: "int", v });
const flags = (...v: string[]): Value => ({ k: "flags", v });

function vmm(op: string, args: Record<string, Value>, label?: string): Step {
  return { actor: "vmm", ...(label === undefined ? {} : { label }), op, args, checks: [] };
}

/** The stream ID that a guest sees for a device, by its place in the world. */
export const virtualId = (index: number): bigint => BigInt(index + 24);

/** Labels by kind: the letter before the number. */
const LETTERS = Object.freeze({
  ioas: "I",
  hwpt: "H",
  parent: "P",
  viommu: "V",
  nested: "N",
  vdevice: "VD",
  fault: "Q",
});
type Kind = keyof typeof LETTERS;
const KINDS = Object.keys(LETTERS) as Kind[];

/** Labels whose object is gone are forgotten, so that they can be given again. */
export function forgetDead(world: World): void {
  const objects = contextOf(world, world.iommufd)?.objects;
  for (const [label, { id, what }] of world.names)
    if (id === 0 || (what !== "fd" && objects?.has(id) !== true)) world.names.delete(label);
}

function alive(world: World): Record<Kind, string[]> {
  const found: Record<Kind, string[]> = {
    ioas: [],
    hwpt: [],
    parent: [],
    viommu: [],
    nested: [],
    vdevice: [],
    fault: [],
  };
  const objects = contextOf(world, world.iommufd)?.objects;
  for (const [label, { id, what }] of world.names) {
    const kind = what === "fd" ? null : kindOf(objects?.get(id));
    if (kind !== null) found[kind].push(label);
  }
  for (const kind of KINDS) found[kind].sort();
  return found;
}

function kindOf(object: IommufdObject | undefined): Kind | null {
  switch (object?.kind) {
    case "IOAS":
      return "ioas";
    case "HWPT_PAGING":
      return object.nest_parent ? "parent" : "hwpt";
    case "HWPT_NESTED":
      return "nested";
    case "VIOMMU":
      return "viommu";
    case "VDEVICE":
      return "vdevice";
    case "FAULT":
      return "fault";
    default:
      return null;
  }
}

function freeLabel(taken: readonly string[], kind: Kind): string {
  let n = 1;
  while (taken.includes(`${LETTERS[kind]}${n}`)) n++;
  return `${LETTERS[kind]}${n}`;
}

/** Cheap questions first: among sequences of one length the search finds those with fewer kinds of object earlier. */
export function moves(world: World, u: Universe): Step[] {
  const live = alive(world);
  const on = new Set<OpGroup>(u.ops);
  const steps: Step[] = [];
  const devices = u.devices.flatMap(({ name }) => world.devices.get(name) ?? []);
  const bound = devices.filter((d) => d.id !== 0);
  if (on.has("bind"))
    for (const d of devices) if (d.id === 0) steps.push(vmm("VFIO_DEVICE_BIND_IOMMUFD", { dev: named(d.name) }));
  const room = (kind: Kind): boolean => live[kind].length < u.counts[kind];
  const tables: readonly Record<string, Value>[] = [
    {},
    ...(on.has("pasid") ? [{ flags: flags("PASID") }] : []),
    ...(on.has("dirty") ? [{ flags: flags("DIRTY_TRACKING") }] : []),
    ...live.fault.map((q) => ({ flags: flags("FAULT_ID_VALID"), fault: named(q) })),
  ];
  const make = (kind: Kind, op: string, args: Record<string, Value>): void =>
    void steps.push(vmm(op, args, freeLabel(live[kind], kind)));
  if (room("ioas")) make("ioas", "IOMMU_IOAS_ALLOC", {});
  if (on.has("faults") && room("fault")) make("fault", "IOMMU_FAULT_QUEUE_ALLOC", {});
  for (const d of bound) {
    const dev = named(d.name);
    for (const ioas of live.ioas) {
      const pt = named(ioas);
      if (room("hwpt")) for (const more of tables) make("hwpt", "IOMMU_HWPT_ALLOC", { dev, pt, ...more });
      if (room("parent")) make("parent", "IOMMU_HWPT_ALLOC", { dev, pt, flags: flags("NEST_PARENT") });
    }
    if (room("viommu")) for (const p of live.parent) make("viommu", "IOMMU_VIOMMU_ALLOC", { dev, hwpt: named(p) });
    for (const v of live.viommu) {
      if (room("vdevice")) {
        const virt_id = int(virtualId(devices.indexOf(d)));
        make("vdevice", "IOMMU_VDEVICE_ALLOC", { viommu: named(v), dev, virt_id });
      }
      if (room("nested"))
        for (const kind of u.vstes)
          for (const more of tables)
            make("nested", "IOMMU_HWPT_ALLOC", { dev, pt: named(v), vste: { k: "words", v: VSTES[kind] }, ...more });
    }
    steps.push(...ofDevice(world, d, live, u, on));
  }
  steps.push(...ofIoas(world, live, u, on));
  if (on.has("dirty")) for (const label of [...live.hwpt, ...live.parent]) steps.push(...dirty(named(label), u));
  if (on.has("destroy"))
    for (const kind of KINDS) for (const label of live[kind]) steps.push(vmm("IOMMU_DESTROY", { id: named(label) }));
  return steps;
}

function ofDevice(
  world: World,
  d: WorldDevice,
  live: Record<Kind, string[]>,
  u: Universe,
  on: ReadonlySet<OpGroup>,
): Step[] {
  const dev = named(d.name);
  const steps: Step[] = [];
  if (on.has("info")) {
    steps.push(vmm("IOMMU_GET_HW_INFO", { dev }));
    steps.push(vmm("IOMMU_GET_HW_INFO", { dev, type: named("ARM_SMMUV3"), flags: flags("INPUT_TYPE") }));
  }
  const targets = [...live.ioas, ...live.hwpt, ...live.parent, ...live.nested];
  if (on.has("attach"))
    for (const label of targets) steps.push(vmm("VFIO_DEVICE_ATTACH_IOMMUFD_PT", { dev, pt: named(label) }));
  if (on.has("detach")) steps.push(vmm("VFIO_DEVICE_DETACH_IOMMUFD_PT", { dev }));
  if (on.has("pasid")) {
    const one = { pasid: int(PASID), flags: flags("PASID") };
    for (const label of targets) steps.push(vmm("VFIO_DEVICE_ATTACH_IOMMUFD_PT", { dev, pt: named(label), ...one }));
    steps.push(vmm("VFIO_DEVICE_DETACH_IOMMUFD_PT", { dev, ...one }));
  }
  const index = named(hasMsi(world, d) ? "MSI" : "MSIX");
  if (on.has(isAttached(world, d) ? "irqs" : "irqs-early") && d.eventfds.length === 0)
    steps.push(vmm("VFIO_DEVICE_SET_IRQS", { dev, index }));
  if (on.has("irqs-off") && d.eventfds.length > 0)
    steps.push(vmm("VFIO_DEVICE_SET_IRQS", { dev, index, off: named("off") }));
  if (on.has("msi") && d.eventfds.length > 0) steps.push({ actor: "device", op: "MSI", args: { dev }, checks: [] });
  if (on.has("dma"))
    for (const { iova } of u.blocks)
      for (const more of on.has("pasid") ? [{}, { pasid: int(PASID) }] : [{}]) {
        const args = { dev, dir: named("write"), iova: int(iova), ...more };
        steps.push({ actor: "device", op: "DMA", args, checks: [] });
      }
  return steps;
}

function ofIoas(world: World, live: Record<Kind, string[]>, u: Universe, on: ReadonlySet<OpGroup>): Step[] {
  const steps: Step[] = [];
  for (const label of live.ioas) {
    const ioas = named(label);
    for (const b of u.blocks) {
      const args = { ioas, iova: int(b.iova), len: int(b.length) };
      if (on.has("map")) steps.push(vmm("IOMMU_IOAS_MAP", { ...args, va: named(b.memory) }));
      if (on.has("unmap") && isMapped(world, label, b.iova)) steps.push(vmm("IOMMU_IOAS_UNMAP", args));
    }
    if (on.has("ranges")) steps.push(vmm("IOMMU_IOAS_IOVA_RANGES", { ioas }));
    if (on.has("allow")) for (const b of u.blocks) steps.push(vmm("IOMMU_IOAS_ALLOW_IOVAS", { ioas, ranges: only(b) }));
    if (on.has("copy"))
      for (const src of live.ioas)
        for (const [to, from] of copies(world, src, u)) steps.push(copy(ioas, src, to, from));
  }
  return steps;
}

/** Tracking on and off; the bitmap of each block, and of nothing. */
function dirty(hwpt: Value, { blocks }: Universe): Step[] {
  const set = [flags("ENABLE"), flags()].map((to) => vmm("IOMMU_HWPT_SET_DIRTY_TRACKING", { hwpt, flags: to }));
  const ranges = [
    ...blocks.map((b) => [b.iova, b.length] as const),
    ...blocks.slice(0, 1).map((b) => [b.iova, 0n] as const),
  ];
  const get = ranges.map(([iova, len]) =>
    vmm("IOMMU_HWPT_GET_DIRTY_BITMAP", { hwpt, iova: int(iova), len: int(len), page: int(0x1000n) }),
  );
  return [...set, ...get];
}

const only = (b: Block): Value => ({ k: "ranges", v: [[b.iova, b.iova + b.length - 1n]] });

/** From each block that is mapped there to each of the same length. */
function copies(world: World, src: string, u: Universe): [Block, Block][] {
  const from = u.blocks.filter((b) => isMapped(world, src, b.iova));
  return from.flatMap((b) => u.blocks.filter((to) => to.length === b.length).map((to): [Block, Block] => [to, b]));
}

function copy(dst: Value, src: string, to: Block, from: Block): Step {
  const args = { dst, src: named(src), dst_iova: int(to.iova), src_iova: int(from.iova), len: int(from.length) };
  return vmm("IOMMU_IOAS_COPY", args);
}

function isAttached(world: World, d: WorldDevice): boolean {
  const object = contextOf(world, world.iommufd)?.objects.get(d.id);
  return object?.kind === "DEVICE" && object.igroup.pasid_attach.get(0)?.devices.has(d.id) === true;
}

function isMapped(world: World, label: string, iova: bigint): boolean {
  const ioas = contextOf(world, world.iommufd)?.objects.get(world.names.get(label)?.id ?? 0);
  return ioas?.kind === "IOAS" && ioas.iopt.areas.at(iova) !== undefined;
}

function hasMsi(world: World, d: WorldDevice): boolean {
  const pdev = world.kernel.platform?.pci.get(d.bdf);
  return pdev !== undefined && vfio_pci_get_irq_count(pdev, IRQ.MSI) > 0;
}

/** One name for one step, whatever objects the label stands for in a world. */
export function stepKey(step: Step): string {
  return JSON.stringify([step.actor, step.label, step.op, step.args], (_, v: unknown) =>
    typeof v === "bigint" ? `${v}n` : v,
  );
}
