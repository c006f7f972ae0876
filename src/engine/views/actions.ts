/** Everything that can be done with a thing, each tried on a copy of the world: menus and drags are made of it. */
import type { IommufdObject, ObjectOf } from "../kernel/iommufd/objects.ts";
import type { ActionsAsked } from "../protocol.ts";
import { objectOf, refOf } from "../sim/refs.ts";
import type { Playable } from "../sim/playable.ts";
import type { Scenario, Step, Value } from "../sim/scenario/types.ts";
import type { World, WorldDevice } from "../sim/world.ts";
import { attachedTables } from "../sim/attached.ts";
import { objectsOf } from "./context.ts";
import { elsewhereSteps } from "./next_elsewhere.ts";
import { objectValue, tried } from "./next.ts";
import { int, named, vmm } from "./step_values.ts";
import type { NextStep, Ref } from "./types.ts";

type Args = Record<string, Value>;
type Paging = ObjectOf<"HWPT_PAGING">;

/** Page tables and IOAS that are offered to attach to. */
const TARGETS = 6;
const PAGE = 4096n;

export function actionsOn(run: Playable, step: number, ref: Ref, more: ActionsAsked): NextStep[] {
  const world = run.world(step);
  return stepsOn(world, run.scenario, ref, more).map((s) => tried(world, s, ref));
}

function stepsOn(world: World, scenario: Scenario, ref: Ref, more: ActionsAsked): Step[] {
  if (more.onto !== undefined) return attach(world, deviceFor(world, ref), targetOf(world, more.onto));
  const area = /^area:(.*):(0x[0-9a-f]+)$/.exec(ref);
  if (area !== null) return onArea(world, `ioas:${area[1] ?? ""}`, BigInt(area[2] ?? "0"));
  const device = deviceFor(world, ref);
  if (device !== null) return onDevice(world, scenario, device);
  const object = objectOf(world, ref);
  if (more.range !== undefined) return object?.kind === "IOAS" ? [mapOf(world, object, more.range)] : [];
  if (object !== null) return onObject(world, scenario, object);
  return ref.startsWith("fd:") ? [made(scenario, world, "IOMMU_IOAS_ALLOC", {}, "I")] : [];
}

function deviceFor(world: World, ref: Ref): WorldDevice | null {
  return ref.startsWith("dev:") ? (world.devices.get(ref.slice(4)) ?? null) : null;
}

/** A page table or an IOAS; a track of a table stands for the table. */
function targetOf(world: World, ref: Ref): IommufdObject | null {
  return objectOf(world, /^[a-z]+:(?:\d+\/)?\d+/.exec(ref)?.[0] ?? ref);
}

function attach(world: World, device: WorldDevice | null, target: IommufdObject | null): Step[] {
  if (device === null || target === null) return [];
  return [vmm("VFIO_DEVICE_ATTACH_IOMMUFD_PT", { dev: named(device.name), pt: objectValue(world, target.id) })];
}

function onDevice(world: World, scenario: Scenario, d: WorldDevice): Step[] {
  const on = (args: Args = {}): Args => ({ dev: named(d.name), ...args });
  if (d.id === 0) return [...(elsewhereSteps(world, d) ?? [vmm("VFIO_DEVICE_BIND_IOMMUFD", on())]), admin(on())];
  const steps: Step[] = [];
  const now = attachedTables(world, d);
  const targets = [...objectsOf(world, "HWPT_PAGING"), ...objectsOf(world, "HWPT_NESTED"), ...objectsOf(world, "IOAS")];
  for (const target of targets.filter((t) => t !== now?.hwpt).slice(0, TARGETS))
    steps.push(...attach(world, d, target));
  if (now !== null) {
    steps.push(vmm("VFIO_DEVICE_DETACH_IOMMUFD_PT", on()));
    const first = now.s1Track === null ? (now.paging.ioas.iopt.areas.lowest?.start ?? 0n) : PAGE;
    steps.push(dma(d, "read", first), dma(d, "write", first));
  }
  steps.push(vmm("VFIO_DEVICE_SET_IRQS", on({ index: named("MSI") })));
  if (d.eventfds.length > 0) steps.push({ actor: "device", op: "MSI", args: on(), checks: [] });
  for (const ioas of objectsOf(world, "IOAS").slice(0, 2)) {
    const pt = objectValue(world, ioas.id);
    steps.push(made(scenario, world, "IOMMU_HWPT_ALLOC", on({ pt }), "H"));
    steps.push(made(scenario, world, "IOMMU_HWPT_ALLOC", on({ pt, flags: flags("NEST_PARENT") }), "P"));
  }
  steps.push(vmm("VFIO_DEVICE_RESET", on()), admin(on()));
  return steps;
}

function onObject(world: World, scenario: Scenario, object: IommufdObject): Step[] {
  const id = objectValue(world, object.id);
  const steps: Step[] = [];
  const bound = [...world.devices.values()].filter((d) => d.id !== 0);
  const attaches = bound.flatMap((d) => (attachedTables(world, d)?.hwpt === object ? [] : attach(world, d, object)));
  switch (object.kind) {
    case "IOAS": {
      steps.push(mapOf(world, object, freeOf(object)));
      const [area] = object.iopt.areas;
      if (area !== undefined) steps.push(unmapOf(world, object, area.start, area.last));
      steps.push(vmm("IOMMU_IOAS_UNMAP", { ioas: id, iova: int(0n), len: int((1n << 64n) - 1n) }));
      steps.push(vmm("IOMMU_IOAS_IOVA_RANGES", { ioas: id }), ...attaches);
      for (const d of bound.slice(0, 2))
        steps.push(made(scenario, world, "IOMMU_HWPT_ALLOC", { dev: named(d.name), pt: id }, "H"));
      break;
    }
    case "HWPT_PAGING":
      steps.push(...attaches, ...underPaging(world, scenario, object, bound));
      break;
    case "HWPT_NESTED":
      steps.push(...attaches);
      break;
    case "VIOMMU":
      for (const d of bound.slice(0, 2))
        steps.push(vmm("IOMMU_VDEVICE_ALLOC", { viommu: id, dev: named(d.name), virt_id: int(sidOf(world, d)) }));
      break;
    default:
      break;
  }
  if (object.kind !== "DEVICE") steps.push(vmm("IOMMU_DESTROY", { id }));
  return steps;
}

function underPaging(world: World, scenario: Scenario, object: Paging, bound: readonly WorldDevice[]): Step[] {
  const hwpt = objectValue(world, object.id);
  return bound
    .slice(0, 1)
    .flatMap((d) => [
      made(scenario, world, "IOMMU_VIOMMU_ALLOC", { dev: named(d.name), hwpt, type: named("ARM_SMMUV3") }, "V"),
    ]);
}

/** On a mapped area: unmap it, and let each device that goes through the IOAS touch it. */
function onArea(world: World, ioasRef: Ref, start: bigint): Step[] {
  const ioas = objectOf(world, ioasRef);
  if (ioas?.kind !== "IOAS") return [];
  const area = ioas.iopt.areas.floor(start);
  if (area?.start !== start) return [];
  const steps = [unmapOf(world, ioas, area.start, area.last)];
  if (area.last - area.start >= 2n * PAGE) steps.push(unmapOf(world, ioas, area.start, area.start + PAGE - 1n));
  for (const d of world.devices.values()) {
    const now = attachedTables(world, d);
    if (now?.paging.ioas === ioas && now.s1Track === null) steps.push(dma(d, "read", start), dma(d, "write", start));
  }
  steps.push(mapOf(world, ioas, { start: area.start, last: area.last }));
  return steps;
}

function mapOf(world: World, ioas: ObjectOf<"IOAS">, range: { start: bigint; last: bigint }): Step {
  const length = range.last - range.start + 1n;
  const memories = [...world.memory.values()];
  const fits = memories.find((m) => m.length >= length) ?? memories.toSorted((a, b) => Number(b.length - a.length))[0];
  return vmm("IOMMU_IOAS_MAP", {
    ioas: objectValue(world, ioas.id),
    iova: int(range.start),
    len: int(length),
    va: fits === undefined ? int(world.scratch) : named(fits.name),
    flags: { k: "flags", v: ["R", "W"] },
    ...fdOf(world, ioas),
  });
}

function unmapOf(world: World, ioas: ObjectOf<"IOAS">, start: bigint, last: bigint): Step {
  const args = { ioas: objectValue(world, ioas.id), iova: int(start), len: int(last - start + 1n) };
  return vmm("IOMMU_IOAS_UNMAP", { ...args, ...fdOf(world, ioas) });
}

/** Which iommufd is meant, where it is not the first. */
function fdOf(world: World, object: IommufdObject): Args {
  const fd = /:(\d+)\//.exec(refOf(world, object))?.[1];
  return fd === undefined ? {} : { iommufd: int(BigInt(fd)) };
}

/** A stretch of 2M, or a page, that is free now. */
function freeOf(ioas: ObjectOf<"IOAS">): { start: bigint; last: bigint } {
  const mapped = ioas.iopt.areas.bounds();
  const taken = [
    ...Array.from(mapped.start, (start, i) => ({ start, last: mapped.last[i] ?? start })),
    ...ioas.iopt.reserved.map((r) => ({ start: r.start, last: r.last })),
  ].toSorted((a, b) => (a.start < b.start ? -1 : 1));
  const size = 64n * 1024n;
  let start = 0x100000n;
  for (const t of taken) if (t.start < start + size && t.last >= start) start = (t.last + size) & ~(size - 1n);
  return { start, last: start + size - 1n };
}

function sidOf(world: World, d: WorldDevice): number {
  return world.machine.pci.byBdf.get(d.bdf)?.desc.streamId ?? 0;
}

const flags = (...v: string[]): Value => ({ k: "flags", v });

const admin = (args: Args): Step => ({ actor: "admin", op: "RESERVED_REGIONS", args, checks: [] });

const dma = (d: WorldDevice, dir: "read" | "write", iova: bigint): Step => ({
  actor: "device",
  op: "DMA",
  args: { dev: named(d.name), dir: named(dir), iova: int(iova), len: int(64) },
  checks: [],
});

/** A step whose object gets a name that no other step has. */
function made(scenario: Scenario, world: World, op: string, args: Args, letter: string): Step {
  const taken = new Set([...world.names.keys(), ...world.devices.keys(), ...world.memory.keys()]);
  for (const s of [...scenario.given, ...scenario.steps]) if (s.label !== undefined) taken.add(s.label);
  let label = letter;
  for (let n = 2; taken.has(label); n++) label = `${letter}${n}`;
  return { actor: "vmm", label, op, args, checks: [] };
}
