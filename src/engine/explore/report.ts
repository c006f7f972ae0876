/** A search to take along: a page for a mail, its steps as rows, and the two address spaces where it ended. Made when asked for. */
import { explorePage } from "../views/ascii/explore.ts";
import { spacesLines, tracesLines } from "../views/ascii/compare.ts";
import { whyLines } from "../views/ascii/trace.ts";
import { heading, page } from "../views/ascii/page.ts";
import { compareSpaces } from "../views/compare/spaces.ts";
import { compareTraces } from "../views/compare/traces.ts";
import { frameOf } from "../views/frame.ts";
import { Run } from "../sim/run.ts";
import type { StepResult } from "../sim/result.ts";
import { printStep } from "../sim/scenario/print.ts";
import type { Scenario } from "../sim/scenario/types.ts";
import { sizeText } from "../sim/scenario/values.ts";
import { scenarioFound, witness } from "./answer.ts";
import type { Explorer } from "./explorer.ts";
import { moves } from "./moves.ts";
import type { ExploreReport } from "./protocol.ts";
import type { Question } from "./question.ts";
import { ASKING, DEFAULT_UNIVERSE, OP_GROUPS, type OpGroup, type Universe } from "./universe.ts";

const grouped = (n: number): string => n.toLocaleString("en");
const hex = (v: bigint): string => `0x${v.toString(16)}`;
const plural = (n: number, one: string): string => `${n} ${n === 1 ? one : `${one}s`}`;

/** `own`: the scenario whose world it is, as a command names it; null: the small world; "": no command can say it. */
export function reportOf(question: Question, explorer: Explorer, own: string | null): ExploreReport {
  const { found } = explorer;
  const ids = question.kernels.map((k) => k.profile.id);
  const scenario = found === null ? null : scenarioFound(question, found);
  const refused = [...explorer.refused].map(([op, why]) => `Not followed: ${op}: ${why}`);
  const title = scenario?.title ?? noneTitle(question, explorer);
  const where = countsOf(question, explorer);
  const world = [...worldOf(question.universe), ...refused];
  const base = { title, kernels: ids, world, command: commandOf(question, own) };
  const nothing = { given: [], steps: [], says: [], shownBy: null, parts: [] };
  if (found === null || scenario === null) {
    const text = page(explorePage({ ...base, ...nothing, summary: [where] }));
    const { states, edges } = explorer.progress;
    const row = [String(explorer.complete), String(states), String(edges)];
    return {
      title,
      kernels: ids,
      where,
      text,
      table: [["Depth", "States", "Steps tried"], row],
      spaces: null,
    };
  }
  const runs = runsOf(question, scenario);
  const steps = scenario.steps.map((step, i) => ({
    call: printStep(step),
    answers: runs.map((run) => answer(step.actor, run.results[i])),
  }));
  const says = found.says.map((text) => (text === "none of that" ? ["nothing"] : text.split("; ")));
  const { parts, spaces } = partsOf(runs, scenario);
  const violated = question.invariants.find((one) => one.id === found.invariant);
  const text = page(
    explorePage({
      ...base,
      summary: [...(violated === undefined ? [] : [`The rule: ${violated.says}`]), where],
      given: scenario.given.map(printStep),
      steps,
      says,
      shownBy: shownBy(question, scenario),
      parts,
    }),
  );
  const rows = scenario.steps.map((step, i) => {
    const [, ...call] = printStep(step).split(" ");
    return [String(i + 1), step.actor, call.join(" "), ...(steps[i]?.answers ?? [])];
  });
  const table = [["Step", "Who", "Call", ...ids], ...rows];
  return { title, kernels: ids, where, text, table, spaces };
}

function noneTitle({ kernels, invariants }: Question, explorer: Explorer): string {
  const ids = kernels.map((k) => k.profile.id).join(" and ");
  const what =
    invariants.length === 0 ? "no difference" : `no broken rule (${invariants.map((i) => i.title).join("; ")})`;
  return `${ids}: ${what} within ${plural(explorer.complete, "step")}`;
}

/** How far it went, and what that says. */
function countsOf({ invariants }: Question, explorer: Explorer): string {
  const { states, edges } = explorer.progress;
  const { found, complete, exhausted } = explorer;
  const counted = `Breadth-first search: ${grouped(states)} states, ${grouped(edges)} steps tried.`;
  const does = invariants.length === 0 ? "gives different results or facts" : "breaks the rule";
  if (found !== null) return `${counted} No shorter sequence of this world ${does}.`;
  if (exhausted) return `${counted} That is every state of this world: no sequence of any length ${does}.`;
  return `${counted} No sequence of up to ${plural(complete, "step")} in this world ${does}; longer ones were not all tried.`;
}

const COUNTED: readonly (readonly [keyof Universe["counts"], string])[] = [
  ["ioas", "IOAS"],
  ["hwpt", "page table"],
  ["parent", "nest parent"],
  ["viommu", "vIOMMU"],
  ["nested", "nested table"],
  ["vdevice", "vDEVICE"],
  ["fault", "fault queue"],
];

function worldOf(u: Universe): string[] {
  const devices = u.devices.map((d) => `${d.name} ${d.bdf}`).join(", ");
  const counts = COUNTED.filter(([kind]) => u.counts[kind] > 0 && (kind !== "fault" || u.ops.includes("faults")));
  const objects = counts.map(([kind, name]) => plural(u.counts[kind], name)).join(", ");
  const blocks = u.blocks.map((b) => `${hex(b.iova)} ${sizeText(b.length)}`).join(", ");
  return [
    `Machine ${u.machine} with ${devices}.`,
    `At once at most ${objects}.`,
    `Blocks of IOVA: ${blocks}.`,
    `Allowed: ${u.ops.map((op) => OP_GROUPS[op]).join(", ")}.`,
  ];
}

function runsOf({ kernels, machine }: Question, scenario: Scenario): Run[] {
  return kernels.map((profile) => {
    const run = Run.start(scenario, profile, machine);
    if (typeof run === "string") throw new Error(`${profile.profile.id}: ${run}`);
    return run;
  });
}

/** `0 hwpt 3`, `EINVAL`; of a device what became of it. */
function answer(actor: string, result: StepResult | undefined): string {
  if (result === undefined) return "";
  const { outcome, errno, summary } = result;
  if (actor !== "vmm") return summary;
  if (outcome === "errno") return errno;
  return summary === "0" || summary === "" ? "0" : `0 ${summary}`;
}

function shownBy(question: Question, { steps }: Scenario): { call: string; says: string[] } | null {
  const told = steps.at(-1)?.checks.some((c) => c.kernels.length > 0) === true;
  if (told || question.kernels.length < 2) return null;
  const seen = witness(question, steps, (world) => moves(world, { ...question.universe, ops: ASKING }));
  return seen === null ? null : { call: printStep(seen.step), says: seen.says };
}

/** Of two kernels where the traces part and what only one address space has; of one why its last step ended so. */
function partsOf(runs: readonly Run[], scenario: Scenario): { parts: string[][]; spaces: ExploreReport["spaces"] } {
  const [a, b] = runs;
  const last = scenario.steps.length;
  const step = scenario.steps.at(-1);
  if (a === undefined || step === undefined) return { parts: [], spaces: null };
  if (b === undefined) {
    const why = frameOf(a, last, true).why;
    return { parts: [[...heading("Why"), ...whyLines(why, last, printStep(step), true)]], spaces: null };
  }
  const titles = [a.kernel, b.kernel] as const;
  const traces = compareTraces(a, b, last);
  const spaces = compareSpaces(a, b, last);
  const differ = typeof spaces === "string" || spaces.tracks.every((t) => t.equal) ? null : spaces;
  return {
    parts: [
      typeof traces === "string"
        ? []
        : [
            ...heading(traces.check >= 0 ? "First check that differs" : "Where the traces part"),
            ...tracesLines(traces, titles),
          ],
      differ === null ? [] : [...heading("Address spaces"), ...spacesLines(differ, titles)],
    ],
    spaces: differ,
  };
}

/** Nothing where devices, blocks or guest entries were chosen: the command line has no words for them. */
function commandOf({ universe: u, kernels, invariants, depth }: Question, own: string | null): string[] {
  if (own === "" || (own === null && !alike(u))) return [];
  const ids = kernels.map((k) => k.profile.id);
  const look =
    invariants.length === 0
      ? [`--kernels ${ids.join(",")}`]
      : [`--invariant ${invariants.map((i) => i.id).join(",")}`, `--kernel ${ids[0] ?? ""}`];
  return [
    "npm run --silent lab -- explore",
    ...(own === null ? [] : [own]),
    ...look,
    `--depth ${depth}`,
    ...choices(u, own),
  ];
}

/** The devices, blocks and guest entries of the small world, on whatever machine. */
function alike(u: Universe): boolean {
  const said = ({ devices, blocks, vstes }: Universe): string =>
    JSON.stringify([devices.map((d) => d.name), blocks.map((b) => hex(b.iova)), vstes]);
  return said(u) === said(DEFAULT_UNIVERSE);
}

function choices(u: Universe, own: string | null): string[] {
  if (own !== null) return [`--ops ${u.ops.join(",")}`];
  const { counts, ops, machine } = DEFAULT_UNIVERSE;
  const objects = COUNTED.flatMap(([kind]) => (u.counts[kind] === counts[kind] ? [] : [`${kind}=${u.counts[kind]}`]));
  const groups = Object.keys(OP_GROUPS) as OpGroup[];
  const changed = groups.flatMap((g) =>
    u.ops.includes(g) === ops.includes(g) ? [] : [`${u.ops.includes(g) ? "+" : "-"}${g}`],
  );
  return [
    ...(u.machine === machine ? [] : [`--machine ${u.machine}`]),
    ...(objects.length === 0 ? [] : [`--objects ${objects.join(",")}`]),
    ...(changed.length === 0 ? [] : [`--ops=${changed.join(",")}`]),
  ];
}
