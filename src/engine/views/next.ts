/** What can be done next, with the result that it would have: each is tried on a copy of the world. */
import { execute } from "../sim/execute.ts";
import { printStep } from "../sim/scenario/print.ts";
import type { Step, Value } from "../sim/scenario/types.ts";
import { snapshot } from "../sim/snapshot.ts";
import type { World, WorldDevice } from "../sim/world.ts";
import { attachedTables } from "../sim/attached.ts";
import { objectsOf } from "./context.ts";
import { elsewhereSteps } from "./next_elsewhere.ts";
import { int, named, vmm } from "./step_values.ts";
import { stepView } from "./steps.ts";
import type { NextStep, Ref } from "./types.ts";

/** Suggestions for one device at most. */
const MOST = 6;

export function nextSteps(world: World, device: string | null): NextStep[] {
  const d = world.devices.get(device ?? "") ?? world.devices.values().next().value;
  if (d === undefined) return [];
  return candidates(world, d)
    .slice(0, MOST)
    .map((step) => tried(world, step, `dev:${d.name}`));
}

/** What labels may name besides objects of iommufd. */
const NO_OBJECTS: ReadonlySet<string> = new Set(["fd", "guest table", "container", "group"]);

/** What a step would give. */
export function tried(world: World, step: Step, ref: Ref): NextStep {
  const result = execute(snapshot(world), step, false);
  const v = stepView(0, step, result);
  const where = result.access?.pa;
  const text = [v.op, v.args].filter((t) => t !== "").join(" ");
  const gives = where === undefined || where === null ? v.result : `PA 0x${where.toString(16)}`;
  return { ref, text, result: gives, ok: result.outcome === "ok", line: printStep(step) };
}

/** An object by the label that the scenario gave it, else by its number: a label stays right when steps move. */
export function objectValue(world: World, id: number): Value {
  for (const [label, name] of world.names)
    if (name.id === id && id !== 0 && !NO_OBJECTS.has(name.what)) return named(label);
  return int(id);
}

function candidates(world: World, d: WorldDevice): Step[] {
  const on = (args: Record<string, Value> = {}): Record<string, Value> => ({ dev: named(d.name), ...args });
  if (d.id === 0) return elsewhereSteps(world, d) ?? [vmm("VFIO_DEVICE_BIND_IOMMUFD", on())];
  const steps: Step[] = [];
  const now = attachedTables(world, d);
  for (const target of [
    ...objectsOf(world, "HWPT_PAGING"),
    ...objectsOf(world, "HWPT_NESTED"),
    ...objectsOf(world, "IOAS"),
  ])
    if (target !== now?.hwpt && steps.length < 3)
      steps.push(vmm("VFIO_DEVICE_ATTACH_IOMMUFD_PT", on({ pt: objectValue(world, target.id) })));
  if (now !== null) {
    const first = now.s1Track === null ? undefined : world.guestTables.get(now.s1Track.slice(3));
    const iova = first === undefined ? (now.paging.ioas.iopt.areas.lowest?.start ?? 0n) : 0x1000n;
    steps.push({
      actor: "device",
      op: "DMA",
      args: on({ dir: named("read"), iova: int(iova), len: int(4096) }),
      checks: [],
    });
    if (d.eventfds.length > 0) steps.push({ actor: "device", op: "MSI", args: on(), checks: [] });
    else steps.push(vmm("VFIO_DEVICE_SET_IRQS", on({ index: named("MSI") })));
    steps.push(vmm("VFIO_DEVICE_DETACH_IOMMUFD_PT", on()));
  }
  if (steps.length === 0) steps.push(vmm("IOMMU_IOAS_ALLOC", {}));
  return steps;
}
