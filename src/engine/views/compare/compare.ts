/** One scenario on several kernels, step by step: where they first differ, and in what. */
import { effects, fact, type Observed, observe } from "./observe.ts";
import type { CompareFact } from "./types.ts";
import type { Outcome } from "../types.ts";
import type { StepResult } from "../../sim/result.ts";
import type { Playable } from "../../sim/playable.ts";
import { seenText } from "../../sim/run.ts";
import { printStep } from "../../sim/scenario/print.ts";

export interface Cell {
  outcome: Outcome;
  /** What the program saw: `EADDRINUSE`, `2 ranges`. */
  result: string;
  /** What the program and the device saw, events of the IOMMU, and what the step changed: `+` came, `-` went. */
  facts: CompareFact[];
  /** A few characters for a lane: what is special here, else the result. */
  short: string;
  /** Differs from the first kernel in result or in a fact. */
  differs: boolean;
}

export interface Comparison {
  kernels: string[];
  /** One row a step, one cell a kernel. */
  rows: Cell[][];
  /** 1-based; 0 = no difference in the rows. */
  firstDifference: number;
}

interface Column {
  cell: Omit<Cell, "differs">;
  /** What is special about the step, in a few characters; empty when nothing is. */
  special: string;
  /** Everything that must be equal for two kernels to agree. */
  key: string;
}

/** Cells that were worked out, by run and step: to be kept by whoever asks again. */
export type Columns = Map<Playable, (Column | undefined)[]>;

/** The runs may be of branches of a scenario: a step that says something else differs, one that is not there too. `from`, `to`: steps from + 1 to `to`; all of them when left out. */
export function compare(
  runs: readonly Playable[],
  { from = 0, to = Number.POSITIVE_INFINITY, known = new Map() }: { from?: number; to?: number; known?: Columns } = {},
): Comparison {
  const steps = Math.min(Math.max(0, ...runs.map((r) => r.scenario.steps.length)), to);
  const columns = runs.map((run) => column(run, from, steps, known));
  const rows: Cell[][] = [];
  let firstDifference = 0;
  for (let i = from; i < steps; i++) {
    const here = columns.map((c, n) => saying(c[i], runs[n], runs[0], i));
    const first = here[0];
    if (first === undefined) continue;
    const cells = here.map((c) => against(c, first));
    rows.push(cells);
    if (firstDifference === 0 && cells.some((c) => c.differs)) firstDifference = i + 1;
  }
  return { kernels: runs.map((r) => r.kernel), rows, firstDifference };
}

/** A cell of a branch says what its step is, where the first one has another; an empty one, that there is none. */
function saying(c: Column | undefined, run: Playable | undefined, first: Playable | undefined, i: number): Column {
  if (c === undefined)
    return { cell: { outcome: "pending", result: "no step", facts: [], short: "" }, special: "", key: "no step" };
  const own = run?.scenario.steps[i];
  const other = first?.scenario.steps[i];
  if (own === undefined || own === other || (other !== undefined && printStep(own) === printStep(other))) return c;
  const said = printStep(own);
  return { ...c, cell: { ...c.cell, facts: [fact("out", "", said), ...c.cell.facts] }, key: `${said} ${c.key}` };
}

/** Marks a difference; where the first kernel did something that this one left undone, the cell says so. */
function against(c: Column, first: Column): Cell {
  const differs = c.key !== first.key;
  const undone = differs && c.special === "" && first.special !== "" && c.cell.result === first.cell.result;
  const short = undone ? (first.special === "S reserved" ? "nothing reserved" : `no ${first.special}`) : c.cell.short;
  return { ...c.cell, short, differs };
}

/** The cells of one kernel for steps from + 1 to `to`. */
function column(run: Playable, from: number, to: number, known: Columns): (Column | undefined)[] {
  const cells = known.get(run) ?? [];
  known.set(run, cells);
  let before: Observed | null = null;
  for (let i = from; i < to; i++) {
    if (cells[i] !== undefined) {
      before = null;
      continue;
    }
    const result = run.results[i];
    if (result === undefined) break;
    before ??= observe(run.world(i));
    const after = observe(run.world(i + 1));
    cells[i] = columnOf(result, before, after);
    before = after;
  }
  return cells;
}

function columnOf(result: StepResult, before: Observed, after: Observed): Column {
  const changed = effects(before, after);
  const facts = [...observed(result), ...events(result), ...changed];
  const special = result.outcome === "ok" ? specialOf(changed, after) : "";
  const short = special === "" ? result.summary : special;
  const cell = { outcome: result.outcome, result: result.summary, facts, short };
  return { cell, special, key: JSON.stringify(facts) };
}

/** The first reservation, doorbell or MSI address that came with the step. */
function specialOf(changed: readonly CompareFact[], after: Observed): string {
  for (const f of changed.toSorted((a, b) => (a.text < b.text ? -1 : 1))) {
    if (f.sign !== "+") continue;
    if (f.kind === "table" && f.text.endsWith(" doorbell")) return "doorbell";
    const short = after.digest.get(f.text) ?? "";
    if (short === "S reserved" || /^[0-9a-f]{5,}$/.test(short)) return short;
  }
  return "";
}

/** Without physical addresses of memory. */
export function observed(result: StepResult): CompareFact[] {
  return Object.entries(result.seen).flatMap(([name, value]) =>
    name === "pa" ? [] : [fact("out", "", `${name}=${seenText(value)}`)],
  );
}

/** Records that the IOMMU wrote in the step. */
function events(result: StepResult): CompareFact[] {
  return result.trace.flatMap((e) => (e.t === "event" ? [fact("event", "", e.text)] : []));
}
