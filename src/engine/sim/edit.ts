/** Changes of a scenario: one step put in, put in its place, taken out, moved or annotated, or the whole text. */
import type { Answer, Change, Problem } from "../protocol.ts";
import { parseScenario } from "./scenario/parse.ts";
import { sameSteps } from "./same_steps.ts";
import { printLines, printScenario, printStart } from "./scenario/print.ts";
import type { Scenario, Step } from "./scenario/types.ts";

export interface Changed {
  scenario: Scenario;
  /** Canonical. */
  text: string;
  /** Steps at the beginning that say what they said: they need not run again. */
  same: number;
  /** The step that the change is about, 1-based; after a deletion the one before it; 0 = none. */
  at: number;
}

/** A part of the new text, with what to say of a mistake in it. */
interface Block {
  lines: string[];
  /** Written by the author just now: places count in it. */
  own?: boolean;
}

/** The scenario after a change, or what is wrong: lines and columns count in the text that the change holds. */
export function changed(scenario: Scenario, change: Change): Answer<Changed> {
  if (change.kind === "text") return read(scenario, [{ lines: change.text.split(/\r\n|\n|\r/), own: true }], 0);
  const count = scenario.steps.length;
  const blocks: Block[] = scenario.steps.map((s) => ({ lines: printLines(s, "") }));
  const wrong = outside(change, count);
  if (wrong !== "") return { ok: false, problem: { message: wrong } };
  let at = 0;
  switch (change.kind) {
    case "insert": {
      blocks.splice(change.after, 0, { lines: change.text.split(/\r\n|\n|\r/), own: true });
      at = change.after + 1;
      break;
    }
    case "replace": {
      const old = scenario.steps[change.step - 1];
      blocks[change.step - 1] = { lines: withRest(change.text, old), own: true };
      at = change.step;
      break;
    }
    case "delete":
      blocks.splice(change.step - 1, change.count ?? 1);
      at = change.step - 1;
      break;
    case "move": {
      const [block] = blocks.splice(change.from - 1, 1);
      if (block !== undefined) blocks.splice(change.to - 1, 0, block);
      at = change.to;
      break;
    }
    case "note": {
      const step = scenario.steps[change.step - 1];
      const note = change.note.trim().split(/\s+/).join(" ");
      if (step !== undefined) {
        const { note: _, ...rest } = step;
        blocks[change.step - 1] = { lines: printLines(note === "" ? rest : { ...rest, note }, "") };
      }
      at = change.step;
      break;
    }
  }
  return read(scenario, [{ lines: printStart(scenario) }, ...blocks], at);
}

/** A change that names a step which is not there. */
function outside(change: Exclude<Change, { kind: "text" }>, count: number): string {
  const named =
    change.kind === "insert" ? [change.after || 1] : change.kind === "move" ? [change.from, change.to] : [change.step];
  if (change.kind === "delete" && (change.count ?? 1) > 1) named.push(change.step + (change.count ?? 1) - 1);
  const missing = named.find((n) => !Number.isInteger(n) || n < 1 || n > count);
  if (missing !== undefined) return `There is no step ${missing}: the scenario has ${count}.`;
  if (change.kind === "delete" && (change.count ?? 1) >= count) return "A scenario keeps at least one step.";
  return "";
}

/** A line without notes and checks of its own keeps the note, and the checks while it is the same operation. */
function withRest(text: string, old: Step | undefined): string[] {
  const lines = text.split(/\r\n|\n|\r/);
  if (old === undefined || lines.slice(1).some((l) => l.trim() !== "")) return lines;
  const [, ...rest] = printLines(old, "");
  const same = text.trim().split(/\s+/).includes(old.op);
  return [lines[0] ?? "", ...rest.filter((l) => same || l.trimStart().startsWith("note"))];
}

function read(old: Scenario, blocks: readonly Block[], at: number): Answer<Changed> {
  const parsed = parseScenario(blocks.flatMap((b) => b.lines).join("\n"));
  if (!parsed.ok) return { ok: false, problem: placed(parsed.problem, blocks) };
  const { scenario } = parsed.value;
  const same = sameSteps(old, scenario);
  const first = at > 0 ? at : Math.min(same + 1, scenario.steps.length);
  return { ok: true, value: { scenario, text: printScenario(scenario), same, at: at === 0 ? first : at } };
}

/** The place inside the block that was written; a mistake elsewhere (a name that is gone) is told with its step. */
function placed(problem: Problem, blocks: readonly Block[]): Problem {
  const plain = problem.message.replace(/^line \d+, column \d+: /, "");
  let line = problem.line ?? 1;
  for (const [i, block] of blocks.entries()) {
    if (line <= block.lines.length) {
      const own = { message: plain, line, ...(problem.column === undefined ? {} : { column: problem.column }) };
      if (block.own === true) return own;
      return i === 0
        ? { message: plain }
        : { message: `Step ${i} would no longer hold (${(block.lines[0] ?? "").trim()}): ${plain}` };
    }
    line -= block.lines.length;
  }
  return { message: plain };
}
