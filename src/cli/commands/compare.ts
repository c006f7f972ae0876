/** `lab compare`: a scenario on several kernels, steps aligned. */
import { compare, type Comparison } from "../../engine/views/compare/compare.ts";
import { Run } from "../../engine/sim/run.ts";
import { differencesOf } from "../../engine/views/compare/rows.ts";
import { stepView } from "../../engine/views/steps.ts";
import { loadKernels } from "../engine.ts";
import { findKernel, findMachine, findScenario } from "../load.ts";
import type { Common } from "../main.ts";
import { columns, HOLDS, type Output, Wrong } from "../output.ts";

export async function compareCommand(
  name: string,
  options: Common & { kernels: string },
  output: Output,
): Promise<number> {
  const ids = options.kernels.split(",").filter((k) => k !== "");
  if (ids.length < 2) throw new Wrong("compare needs two kernels or more; type: lab compare SCENARIO --kernels A,B");
  const kernels = await loadKernels();
  const { id, scenario } = findScenario(name);
  const machine = findMachine(options.machine ?? scenario.machine);
  const runs = ids.map((kernel) => {
    const run = Run.start(scenario, findKernel(kernels, kernel, output), machine);
    if (typeof run === "string") throw new Wrong(`${id} on ${kernel}: ${run}`);
    return run;
  });
  const result = compare(runs);
  output.line(scenario.title);
  const rows = [["", "step", ...ids.map((k) => `  ${k}`)]];
  scenario.steps.forEach((step, i) => {
    const first = runs[0]?.results[i];
    const title =
      first === undefined ? step.op : `${stepView(i + 1, step, first).prefix}${stepView(i + 1, step, first).op}`;
    const cells = (result.rows[i] ?? []).map((c) => `${c.differs ? "≠" : " "} ${c.result}`);
    rows.push([String(i + 1).padStart(2), title, ...cells]);
  });
  for (const line of columns(rows)) output.line(line);
  output.line();
  for (const line of differences(result, ids)) output.line(line);
  output.line(result.firstDifference === 0 ? "no difference" : `first difference: step ${result.firstDifference}`);
  output.document({ scenario: id, ...result });
  return HOLDS;
}

/** For the steps where kernels differ: what each saw and changed, without what all of them have in common. */
function differences(result: Comparison, ids: readonly string[]): string[] {
  return result.rows.flatMap((cells, i) => {
    if (!cells.some((c) => c.differs)) return [];
    const lines = differencesOf(cells).map(
      ({ text, columns: who }) => `  ${who.map((n) => ids[n] ?? "").join(", ")}: ${text}`,
    );
    return [`step ${i + 1}:`, ...lines];
  });
}
