/** Everything that changes with the step, in one answer. */
import type { Playable } from "../sim/playable.ts";
import type { World, WorldDevice } from "../sim/world.ts";
import type { DenseState } from "./address/spans.ts";
import { addressSpace, type ReadWorlds } from "./address/view.ts";
import { attachments } from "./attachments/view.ts";
import type { ViewContext } from "./context.ts";
import { nextSteps } from "./next.ts";
import { stepView } from "./steps.ts";
import { walkTargets } from "./targets.ts";
import type { Frame, Ref, StepView } from "./types.ts";
import { sourceIdOf, isScalable, vtdOf } from "./vtd.ts";
import { type Past, why } from "./why.ts";

/**
 * `step`: 0 .. number of steps. `light`: without the list of steps and without what can be done next, which the asker
 * gets by themselves. `dense` gets what windows of dense tracks are cut from; `read` keeps what was read
 * of the worlds of this run.
 */
export function frameOf(
  run: Playable,
  step: number,
  light = false,
  dense?: Map<string, DenseState>,
  read?: ReadWorlds,
): Frame {
  const ctx = contextAt(run, step);
  const { targets, best } = walkTargets(ctx);
  return {
    kernel: run.kernel,
    step,
    steps: light ? [] : stepViews(run),
    addressSpace: addressSpace(ctx, dense, read),
    attachments: attachments(ctx),
    walkTargets: targets,
    walkDefault: best,
    inspectDefault: inspectDefault(ctx, step),
    why: why(
      ctx.result?.outcome === "ok" && ctx.step !== null
        ? [{ index: step, step: ctx.step, result: ctx.result }]
        : pastOf(run, step),
    ),
    next: light ? [] : nextOf(run, step),
  };
}

/** What can be done after a step. */
export function nextOf(run: Playable, step: number): Frame["next"] {
  const ctx = contextAt(run, step);
  return nextSteps(ctx.world, deviceOfStep(ctx));
}

export function contextAt(run: Playable, step: number): ViewContext {
  // The world before first: the one after it is then a copy and one step.
  const before = step === 0 ? null : run.world(step - 1);
  // Where the step is run once more for its trace, the world after it comes of that.
  const result = run.result(step) ?? null;
  return { world: run.world(step), before, step: run.scenario.steps[step - 1] ?? null, result };
}

/** The steps up to and with `step`. */
export function pastOf(run: Playable, step: number): Past[] {
  const { results } = run;
  return run.scenario.steps.slice(0, step).flatMap((s, i) => {
    const result = i + 1 === step ? run.result(step) : results[i];
    return result === undefined ? [] : [{ index: i + 1, step: s, result }];
  });
}

/** All steps, as the list and the timeline show them. */
export function stepViews(run: Playable): StepView[] {
  const { results } = run;
  return run.scenario.steps.flatMap((s, i) => {
    const result = results[i];
    return result === undefined ? [] : [stepView(i + 1, s, result)];
  });
}

function deviceOfStep(ctx: ViewContext): string | null {
  const dev = ctx.step?.args["dev"];
  return dev?.k === "name" ? dev.v : null;
}

/** The structure that tells most about the step: the STE where a device acted or was attached, else what it made. */
function inspectDefault(ctx: ViewContext, step: number): Ref {
  const device = ctx.world.devices.get(deviceOfStep(ctx) ?? "");
  const sid = device === undefined ? undefined : ctx.world.machine.pci.byBdf.get(device.bdf)?.desc.streamId;
  const op = ctx.step?.op ?? "";
  const hardware = ctx.step?.actor === "device" || /ATTACH|DETACH|SET_IRQS|BIND/.test(op);
  if (hardware && device !== undefined && vtdOf(ctx.world, device.bdf) !== null) return vtdEntry(ctx.world, device);
  if (hardware && sid !== undefined) return `ste:0x${sid.toString(16)}`;
  if (ctx.step?.actor === "guest") return ctx.result?.refs[0] ?? `step:${step}`;
  return step === 0 ? `fd:${ctx.world.iommufd}` : `step:${step}`;
}

/** The entry that says where a function's requests lead: its PASID entry, in legacy mode its context entry. */
function vtdEntry(world: World, { name, bdf }: WorldDevice): Ref {
  const sid = sourceIdOf(world, bdf);
  const unit = vtdOf(world, bdf);
  const path = unit !== null && isScalable(unit) ? [sid >>> 8, sid & 127, 0, 0] : [sid >>> 8, sid & 255];
  return `slot:dev:${name}@${path.join(".")}`;
}
