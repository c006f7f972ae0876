/** The inspector: whatever a ref names, kernel object, hardware structure or step. */
import type { Past } from "../why.ts";
import type { InspectorView } from "../types.ts";
import { inspectMachine } from "../machine/inspect.ts";
import { inspectCd, inspectDescriptor, inspectSte } from "./hardware.ts";
import { inspectVtdEntry } from "./vtd.ts";
import { inspectObject } from "./objects.ts";
import { inspectStep } from "./step.ts";
import type { World } from "../../sim/world.ts";

/** Null when nothing of this name exists after the step. Fields that the step changed are marked. */
export function inspect(world: World, before: World | null, past: readonly Past[], ref: string): InspectorView | null {
  const [kind = "", ...rest] = ref.split(":");
  switch (kind) {
    case "step": {
      const p = past.find((one) => one.index === Number(rest[0]));
      return p === undefined ? null : inspectStep(p.index, p.step, p.result);
    }
    case "ste":
      return marked(
        inspectSte(world, before, Number(rest[0])),
        before === null ? null : inspectSte(before, null, Number(rest[0])),
      );
    case "cd":
      return marked(
        inspectCd(world, before, Number(rest[0]), Number(rest[1] ?? 0)),
        before === null ? null : inspectCd(before, null, Number(rest[0]), Number(rest[1] ?? 0)),
      );
    case "desc":
      if (rest[1] === "SS" || rest[1] === "FS")
        return inspectVtdEntry(world, before, Number(rest[0]), rest[1], Number(rest[2]));
      return inspectDescriptor(world, before, Number(rest[0]), Number(rest[1]), Number(rest[2]));
    case "pci":
    case "iommu":
    case "irq":
      return marked(inspectMachine(world, before, ref), before === null ? null : inspectMachine(before, null, ref));
    default:
      return marked(inspectObject(world, ref), before === null ? null : inspectObject(before, ref));
  }
}

function marked(now: InspectorView | null, before: InspectorView | null): InspectorView | null {
  if (now === null || before === null) return now;
  const old = new Set(before.fields.map((f) => `${f.name} ${f.value}`));
  return { ...now, fields: now.fields.map((f) => (old.has(`${f.name} ${f.value}`) ? f : { ...f, change: true })) };
}
