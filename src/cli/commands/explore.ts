/** `lab explore`: searches all short step sequences for the first difference of two kernels, or a broken invariant. */
import { setImmediate as immediate } from "node:timers/promises";
import { scenarioFound, witness } from "../../engine/explore/answer.ts";
import type { Question } from "../../engine/explore/question.ts";
import { reportOf } from "../../engine/explore/report.ts";
import { INVARIANTS, invariantById } from "../../engine/explore/invariants/all.ts";
import type { Invariant } from "../../engine/explore/invariants/types.ts";
import { moves } from "../../engine/explore/moves.ts";
import { Team } from "../../engine/explore/team.ts";
import {
  ASKING,
  type Counts,
  DEFAULT_UNIVERSE,
  onMachine,
  OP_GROUPS,
  type OpGroup,
  type Universe,
  universeOf,
} from "../../engine/explore/universe.ts";
import { scenarioToJson } from "../../engine/sim/scenario/json.ts";
import { printScenario, printStep } from "../../engine/sim/scenario/print.ts";
import type { Scenario } from "../../engine/sim/scenario/types.ts";
import { loadKernels } from "../engine.ts";
import { teamOptions } from "../explore_team.ts";
import { findKernel, findMachine, findScenario } from "../load.ts";
import type { Common } from "../main.ts";
import { HOLDS, type Output, Wrong } from "../output.ts";

export interface ExploreFlags extends Common {
  kernels?: string;
  invariant?: string;
  depth?: string;
  seconds?: string;
  objects?: string;
  ops?: string;
  as?: string;
}

const DEPTH = 8;
const SECONDS = 120;
/** States between two looks at the clock. */
const SLICE = 8;
/** Between two lines of progress. */
const TELL_MS = 1000;

export async function exploreCommand(name: string | undefined, flags: ExploreFlags, output: Output): Promise<number> {
  if (flags.as !== undefined && flags.as !== "ascii") throw new Wrong(`no form "${flags.as}"; type: --as ascii`);
  const question = await questionOf(name, flags, output);
  const seconds = number(flags.seconds, SECONDS, "--seconds");
  const team = Team.start(question, teamOptions());
  if (typeof team === "string") throw new Wrong(`the search cannot start: ${team}`);
  try {
    await follow(team, seconds, output);
  } finally {
    team.close();
  }
  const { explorer } = team;
  if (flags.as === "ascii") output.line(reportOf(question, explorer, ownOf(name, flags)).text);
  for (const [op, why] of explorer.refused) output.progress(`not followed: ${op}: ${why}`);
  const { found } = explorer;
  const { states } = explorer.progress;
  if (found === null) {
    if (explorer.exhausted) output.line("every state that this world can reach was tried");
    output.document({ found: false, depth: explorer.complete, states });
    output.line(`none within depth ${explorer.complete} (${states} states)`);
    return HOLDS;
  }
  const scenario = scenarioFound(question, found);
  if (scenario === null)
    throw new Error(`the sequence does not show on a fresh world: ${found.steps.map(printStep).join("; ")}`);
  if (output.json) output.document(JSON.parse(scenarioToJson(scenario)));
  if (flags.as === undefined) tell(question, scenario, output);
  const what = question.invariants.length > 0 ? "violation" : "difference";
  output.line(`shortest ${what}: ${scenario.steps.length} steps`);
  return HOLDS;
}

/** How a command names the world; "" where it takes more words than a page has. */
function ownOf(name: string | undefined, { machine, objects }: ExploreFlags): string | null {
  if (name === undefined) return null;
  return machine === undefined && objects === undefined ? name : "";
}

/** Goes on until there is an answer or no time. */
async function follow(team: Team, seconds: number, output: Output): Promise<void> {
  const end = Date.now() + 1000 * seconds;
  let told = Date.now();
  while (team.advance(SLICE)) {
    await immediate();
    const now = Date.now();
    if (now - told >= TELL_MS) {
      const { depth, states, edges, bytes } = team.explorer.progress;
      output.progress(`depth ${depth}: ${states} states, ${edges} steps tried, ${Math.ceil(bytes / 2 ** 20)} MiB`);
      told = now;
    }
    if (now >= end) {
      output.progress(`stopped after ${seconds} s`);
      return;
    }
  }
}

function tell(question: Question, scenario: Scenario, output: Output): void {
  output.line(printScenario(scenario));
  const shows = scenario.steps.at(-1)?.checks.some((c) => c.kernels.length > 0) === true;
  if (question.kernels.length < 2 || shows) return;
  const seen = witness(question, scenario.steps, (world) => moves(world, { ...question.universe, ops: ASKING }));
  if (seen === null) return;
  output.line(`then a program sees it by: ${printStep(seen.step)}`);
  seen.says.forEach((text, i) => output.line(`  ${question.kernels[i]?.profile.id ?? ""}: ${text}`));
  output.line();
}

async function questionOf(name: string | undefined, flags: ExploreFlags, output: Output): Promise<Question> {
  const kernels = await loadKernels();
  const invariants = invariantsOf(flags.invariant);
  if (flags.kernels !== undefined && invariants.length > 0)
    throw new Wrong("--kernels compares two, --invariant checks one; type: lab explore --invariant NAME --kernel K");
  if (flags.kernels === undefined && invariants.length === 0)
    throw new Wrong("what to look for? type: lab explore --kernels A,B, or lab explore --invariant NAME --kernel K");
  const ids = flags.kernels?.split(",").filter((k) => k !== "") ?? [flags.kernel ?? kernels.newest];
  if (invariants.length === 0 && ids.length !== 2)
    throw new Wrong("explore compares two kernels; type: lab explore --kernels A,B");
  const given = name === undefined ? DEFAULT_UNIVERSE : universeOf(findScenario(name).scenario);
  const machine = findMachine(flags.machine ?? given.machine);
  return {
    universe: chosen(onMachine(given, machine), flags),
    machine,
    kernels: ids.map((id) => findKernel(kernels, id, output)),
    invariants,
    depth: number(flags.depth, DEPTH, "--depth"),
  };
}

function invariantsOf(names: string | undefined): Invariant[] {
  return (names?.split(",") ?? []).map((name) => {
    const one = invariantById(name);
    if (one !== undefined) return one;
    throw new Wrong(`no invariant "${name}"; there are ${INVARIANTS.map((i) => i.id).join(", ")}`);
  });
}

function chosen(u: Universe, { objects, ops }: ExploreFlags): Universe {
  const counts: Counts = { ...u.counts };
  for (const part of objects?.split(",") ?? []) {
    const [kind = "", n = ""] = part.split("=");
    if (!(kind in counts)) throw new Wrong(`no kind of object "${kind}"; there are ${Object.keys(counts).join(", ")}`);
    counts[kind as keyof Counts] = number(n, 0, `--objects ${kind}`);
  }
  return { ...u, counts, ops: opsOf(u.ops, ops) };
}

/** `bind,attach`: these alone; `+pasid`, `-dma`: the world's with one more, or without one. */
function opsOf(own: readonly OpGroup[], text: string | undefined): OpGroup[] {
  const parts = text?.split(",").filter((p) => p !== "") ?? [];
  const alone = parts.filter((p) => !/^[+-]/.test(p));
  const groups = new Set<string>(alone.length > 0 ? alone : own);
  for (const part of parts) {
    const group = part.replace(/^[+-]/, "");
    if (!(group in OP_GROUPS))
      throw new Wrong(`no operations "${group}"; there are ${Object.keys(OP_GROUPS).join(", ")}`);
    if (part.startsWith("-")) groups.delete(group);
    else groups.add(group);
  }
  return (Object.keys(OP_GROUPS) as OpGroup[]).filter((g) => groups.has(g));
}

function number(text: string | undefined, otherwise: number, what: string): number {
  if (text === undefined) return otherwise;
  const n = Number(text);
  if (text === "" || !Number.isInteger(n) || n < 0) throw new Wrong(`${what} is a whole number, not "${text}"`);
  return n;
}
