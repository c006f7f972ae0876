/** What `lab compare` and the screen show of a comparison: rows of cells, and the differences in words. */
import { type Cell, compare, type Columns } from "./compare.ts";
import type { Playable } from "../../sim/playable.ts";
import { stepView } from "../steps.ts";
import type { CompareFact, CompareRow, CompareView } from "./types.ts";

/** A run, or the sentence that says why there is none. */
export type Started = { kernel: string; run: Playable } | { kernel: string; problem: string };

/**
 * Steps from + 1 to `to` (cut to the scenario). `known` keeps what was worked out, one map a scenario.
 * The first kernel that runs is the one that others are compared with.
 */
export function compareView(started: readonly Started[], from: number, to: number, known?: Columns): CompareView {
  const runs = started.flatMap((s) => ("run" in s ? [s.run] : []));
  const steps = Math.max(0, ...runs.map((r) => r.scenario.steps.length));
  const result = compare(runs, { from, to, ...(known === undefined ? {} : { known }) });
  return {
    columns: started.map((s) => ({ kernel: s.kernel, problem: "problem" in s ? s.problem : null })),
    steps,
    from,
    rows: result.rows.flatMap((cells, i): CompareRow[] => {
      const teller = runs.find((r) => r.results[from + i] !== undefined);
      const step = teller?.scenario.steps[from + i];
      const first = teller?.results[from + i];
      if (step === undefined || first === undefined) return [];
      const { index, actor, prefix, op, args } = stepView(from + i + 1, step, first);
      let next = 0;
      return [
        {
          step: index,
          actor,
          prefix,
          op,
          args,
          cells: started.map((s) => ("run" in s ? plain(cells[next++]) : null)),
          differs: cells.some((c) => c.differs),
        },
      ];
    }),
  };
}

function plain(cell: Cell | undefined): CompareRow["cells"][number] {
  if (cell === undefined) return null;
  const { outcome, result, facts, differs } = cell;
  return { outcome, result, facts, differs };
}

function factText({ sign, text }: CompareFact): string {
  return sign === "" ? text : `${sign} ${text}`;
}

/** What a step did on each kernel, without what all of them have in common; kernels that agree are told together. */
export function differencesOf(cells: readonly Pick<Cell, "result" | "facts">[]): { text: string; columns: number[] }[] {
  const facts = cells.map((c) => c.facts.map(factText));
  const common = new Set((facts[0] ?? []).filter((f) => facts.every((other) => other.includes(f))));
  const groups = new Map<string, number[]>();
  cells.forEach((c, n) => {
    const text = [c.result, ...(facts[n] ?? []).filter((f) => !common.has(f) && !/^(ret|errno)=/.test(f))].join("; ");
    groups.set(text, [...(groups.get(text) ?? []), n]);
  });
  return [...groups].map(([text, columns]) => ({ text, columns }));
}
