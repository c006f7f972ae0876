/** One scenario on several kernels, step by step: where they first differ, and in what. */
import { type Digest, digest, effect } from "../views/digest.ts";
import type { Outcome } from "../views/types.ts";
import type { StepResult } from "./result.ts";
import { type Run, seenText } from "./run.ts";

export interface Cell {
  outcome: Outcome;
  /** What the program saw: `EADDRINUSE`, `2 ranges`. */
  result: string;
  /** What the program and the device saw: `errno=EINVAL`, `msi=0x8000040`. */
  seen: string[];
  /** Facts that the step changed, with `+` and `-`. */
  effects: string[];
  /** A few characters for a lane: what is special here, else the result. */
  short: string;
  /** Differs from the first kernel in result or effect. */
  differs: boolean;
}

export interface Comparison {
  kernels: string[];
  /** One row a step, one cell a kernel. */
  rows: Cell[][];
  /** 1-based; 0 = no difference. */
  firstDifference: number;
}

/** The runs must be of one scenario. */
export function compare(runs: readonly Run[]): Comparison {
  const columns = runs.map(column);
  const steps = runs[0]?.scenario.steps.length ?? 0;
  const rows: Cell[][] = [];
  let firstDifference = 0;
  for (let i = 0; i < steps; i++) {
    const cells = columns.map((c) => c[i]).filter((c) => c !== undefined);
    const first = cells[0];
    if (first === undefined) continue;
    for (const c of cells.slice(1)) against(c, first);
    rows.push(cells.map((c) => c.cell));
    if (firstDifference === 0 && rows.at(-1)?.some((c) => c.differs) === true) firstDifference = i + 1;
  }
  return { kernels: runs.map((r) => r.kernel), rows, firstDifference };
}

interface Column {
  cell: Cell;
  /** What is special about the step, in a few characters; empty when nothing is. */
  special: string;
  /** Everything that must be equal for two kernels to agree. */
  key: string;
}

/** Marks a difference; where the first kernel did something that this one left undone, the cell says so. */
function against(c: Column, first: Column): void {
  c.cell.differs = c.key !== first.key;
  if (!c.cell.differs || c.special !== "" || first.special === "" || c.cell.result !== first.cell.result) return;
  c.cell.short = first.special === "S reserved" ? "nothing reserved" : `no ${first.special}`;
}

/** The cells of one kernel. */
function column(run: Run): Column[] {
  let before: Digest = digest(run.history.at(run.given));
  return run.results.map((result, i) => {
    const after = digest(run.history.at(run.given + i + 1));
    const changes = effect(before, after);
    before = after;
    const effects = changes.map((c) => c.text);
    const found = changes.find(
      (c) => c.short === "S reserved" || c.short === "doorbell" || /^[0-9a-f]{5,}$/.test(c.short),
    );
    const seen = observed(result);
    const special = result.outcome === "ok" ? (found?.short ?? "") : "";
    const short = special === "" ? result.summary : special;
    const cell = { outcome: result.outcome, result: result.summary, seen, effects, short, differs: false };
    return { cell, special, key: JSON.stringify([seen, effects]) };
  });
}

/** Without physical addresses of memory. */
function observed(result: StepResult): string[] {
  return Object.entries(result.seen).flatMap(([name, value]) => (name === "pa" ? [] : [`${name}=${seenText(value)}`]));
}
