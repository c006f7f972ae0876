/** `lab run`: a scenario on one kernel, one line a step, then its checks. */
import { Run } from "../../engine/sim/run.ts";
import type { Scenario } from "../../engine/sim/scenario/types.ts";
import { stepView } from "../../engine/views/steps.ts";
import { loadKernels } from "../engine.ts";
import { findKernel, findMachine, findScenario } from "../load.ts";
import type { Common } from "../main.ts";
import { columns, FALLS_SHORT, HOLDS, type Output, Wrong } from "../output.ts";

export async function runCommand(name: string, options: Common, output: Output): Promise<number> {
  const kernels = await loadKernels();
  const { id, scenario } = findScenario(name);
  const profile = findKernel(kernels, options.kernel ?? ownKernel(id, scenario, kernels.newest, output), output);
  const run = Run.start(scenario, profile, findMachine(options.machine ?? scenario.machine));
  if (typeof run === "string") throw new Wrong(`${id}: ${run}`);
  const views = scenario.steps.flatMap((step, i) => {
    const result = run.results[i];
    return result === undefined ? [] : [stepView(i + 1, step, result)];
  });
  const checks = run.checks();
  const hold = checks.filter((c) => c.holds).length;
  output.line(`${scenario.title} on ${profile.profile.id}`);
  const rows = views.map((v) => [String(v.index).padStart(2), v.actor, `${v.prefix}${v.op}`, v.args, v.result]);
  for (const line of columns(rows)) output.line(line);
  for (const c of checks) if (!c.holds) output.line(`step ${c.step}: expected ${c.text}, saw ${c.instead}`);
  output.line(`checks: ${hold}/${checks.length} hold`);
  output.document({
    scenario: id,
    kernel: profile.profile.id,
    steps: views.map((v, i) => ({
      step: v.index,
      actor: v.actor,
      op: `${v.prefix}${v.op}`,
      args: v.args,
      outcome: v.outcome,
      result: v.result,
      seen: run.results[i]?.seen,
    })),
    checks,
    hold,
    total: checks.length,
  });
  return hold === checks.length ? HOLDS : FALLS_SHORT;
}

/** The newest release, or the first kernel of a scenario that is not about it: what it expects is said of others. */
export function ownKernel(
  id: string,
  { kernels: [first], kernels: all }: Scenario,
  newest: string,
  output: Output,
): string {
  if (first === undefined || all.includes(newest)) return newest;
  output.progress(`${id} says nothing of ${newest}: it runs on ${first}`);
  return first;
}
