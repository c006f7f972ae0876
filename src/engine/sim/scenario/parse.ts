/**
 * The text form of a scenario, read. First `key: value` lines, then one step a line:
 *
 *     vmm P = IOMMU_HWPT_ALLOC dev=D1 pt=I flags=NEST_PARENT
 *       note The parent: a stage 2 that nested page tables stand on.
 *       expect linux-6.11: ok
 *     device D1 MSI vector=0
 *
 * A blank at the start of a line continues what stands above: in the header the value, below a step its notes and checks.
 * `#` starts a comment line. The first mistake is the answer: one sentence with line and column.
 */
import type { Problem } from "../../protocol.ts";
import { readHeader, type Header } from "./header.ts";
import { readExpect, readStep, type Names } from "./step.ts";
import { Refusal, tokenize } from "./tokens.ts";
import type { Check, Scenario, Step } from "./types.ts";

export interface Parsed {
  scenario: Scenario;
  /** 1-based line of each step, for an editor. */
  lines: { given: number[]; steps: number[] };
}

const HEADER_LINE = /^([a-z]+):/;

export function parseScenario(text: string): { ok: true; value: Parsed } | { ok: false; problem: Problem } {
  try {
    return { ok: true, value: parse(text) };
  } catch (e) {
    if (!(e instanceof Refusal)) throw e;
    return {
      ok: false,
      problem: { message: `line ${e.line}, column ${e.column}: ${e.message}`, line: e.line, column: e.column },
    };
  }
}

interface Draft extends Omit<Step, "checks"> {
  notes: string[];
  checks: Check[];
  line: number;
}

function parse(text: string): Parsed {
  const rows = text.split(/\r\n|\n|\r/);
  const headerRows: { text: string; line: number }[] = [];
  const given: Draft[] = [];
  const steps: Draft[] = [];
  let header: Header | null = null;
  let names: Names | null = null;
  let current: Draft | null = null;

  rows.forEach((raw, i) => {
    const line = i + 1;
    const row = raw.trimEnd();
    if (row === "" || row.startsWith("#")) return;
    const indented = /^\s/.test(row);
    if (header === null && (indented || HEADER_LINE.test(row))) {
      headerRows.push({ text: row, line });
      return;
    }
    header ??= readHeader(headerRows, line);
    names ??= startNames(header);
    if (!indented) {
      if (HEADER_LINE.test(row)) throw new Refusal("a header line must stand before the first step", line, 1);
      const { given: early, ...said } = readStep(tokenize(row, line), names);
      if (early && steps.length > 0) throw new Refusal("given steps must stand before the others", line, 1);
      current = { ...said, notes: [], checks: [], line };
      (early ? given : steps).push(current);
      return;
    }
    if (current === null) throw new Refusal("an indented line belongs to a step, and there is none above", line, 1);
    const at = row.length - row.trimStart().length;
    const word = row.trimStart().split(/\s/)[0];
    if (word === "note") current.notes.push(...row.trim().split(/\s+/).slice(1));
    else if (word === "expect") current.checks.push(...readExpect(tokenize(row, line)));
    else throw new Refusal(`"${word ?? ""}": below a step stand only note and expect`, line, at + 1);
  });

  header ??= readHeader(headerRows, rows.length);
  if (steps.length === 0) throw new Refusal("the scenario has no step", rows.length, 1);
  return {
    scenario: { ...header, given: given.map(finish), steps: steps.map(finish) },
    lines: { given: given.map((d) => d.line), steps: steps.map((d) => d.line) },
  };
}

function startNames(header: Header): Names {
  const names: Names = new Map();
  for (const d of header.devices) names.set(d.name, { what: "device", line: 0 });
  for (const m of header.memory) names.set(m.name, { what: "memory", line: 0 });
  return names;
}

function finish(draft: Draft): Step {
  const { actor, label, op, args, checks } = draft;
  const note = draft.notes.join(" ");
  return { actor, ...(label === undefined ? {} : { label }), op, args, ...(note === "" ? {} : { note }), checks };
}
