/** The timeline's lanes: one scenario on several kernels. */
import { compare, observed } from "./compare/compare.ts";
import type { Playable } from "../sim/playable.ts";
import type { Lane } from "./types.ts";

/** Of more steps only the results are compared, not what each did to the world. */
const LANE_STEPS = 400;

/** Results on each kernel over the same scenario, against the first. */
export function lanesOf(runs: readonly Playable[]): Lane[] {
  if ((runs[0]?.scenario.steps.length ?? 0) > LANE_STEPS) return lanesByResults(runs);
  const { rows } = compare(runs);
  return runs.map((run, n) => {
    const cells = rows.flatMap((row) => {
      const cell = row[n];
      return cell === undefined ? [] : [{ outcome: cell.outcome, text: cell.short, differs: cell.differs }];
    });
    return { kernel: run.kernel, cells, firstDifference: cells.findIndex((c) => c.differs) + 1 };
  });
}

function lanesByResults(runs: readonly Playable[]): Lane[] {
  const keys = runs.map((run) => run.results.map((r) => JSON.stringify(observed(r).map((f) => f.text))));
  return runs.map((run, n) => {
    const cells = run.results.map((r, i) => ({
      outcome: r.outcome,
      text: r.summary,
      differs: keys[n]?.[i] !== keys[0]?.[i],
    }));
    return { kernel: run.kernel, cells, firstDifference: cells.findIndex((c) => c.differs) + 1, resultsOnly: true };
  });
}
