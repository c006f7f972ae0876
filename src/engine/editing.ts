/** Changing the open scenario, and scenarios beside it. Fetched with the first change; `api.ts` lends its desk. */
import type { Answer, BranchInfo, Change, Completion, Edited, Problem } from "./protocol.ts";
import { type Branch, found, type Open, type Played } from "./shelf.ts";
import { NotModelled } from "./kernel/not_modelled.ts";
import { changed } from "./sim/edit.ts";
import { sameSteps } from "./sim/same_steps.ts";
import { completeAt } from "./sim/scenario/complete.ts";
import { parseScenario } from "./sim/scenario/parse.ts";
import { printScenario } from "./sim/scenario/print.ts";

export { actionsOn } from "./views/actions.ts";

/** What the engine lends. */
export interface Desk {
  current(): Open | null;
  branches(): ReadonlyMap<string, Branch>;
  shelf(): readonly Open[];
  kernels(): Promise<string[]>;
  machines(): string[];
  prepare(text: string, id: string): Promise<Answer<Open>>;
  start(open: Open, kernel: string): Promise<Answer<Played>>;
  textOf(id: string): Promise<string | undefined>;
  adopt(branches: Map<string, Branch>, open: Open): void;
}

const no = (problem: Problem): { ok: false; problem: Problem } => ({ ok: false, problem });

/** Whoever writes may write any step. */
const allSteps = async (): Promise<void> => (await import("./sim/steps/all.ts")).provideAllSteps();

const RECORDING = "A recording cannot be edited: its records are what a real kernel answered.";

export async function edit(desk: Desk, change: Change, kernels: readonly string[]): Promise<Answer<Edited>> {
  const open = desk.current();
  if (open === null) return no({ message: "No scenario is open." });
  if (open.source === undefined) return no({ message: RECORDING });
  await allSteps();
  const done = changed(open.source.scenario, change);
  if (!done.ok) return done;
  const next = await ready(desk, done.value.text, originOf(open), kernels);
  if (!next.ok) return next;
  if (desk.current() !== open) return no({ message: "Another scenario was opened meanwhile." });
  const branches = new Map<string, Branch>();
  let id = "main";
  for (const [key, b] of desk.branches()) {
    branches.set(key, b.open === open ? { ...b, open: next.value } : b);
    if (b.open === open) id = key;
  }
  desk.adopt(branches, next.value);
  return { ok: true, value: edited(branches, id, next.value, done.value.same, done.value.at) };
}

export async function setBranches(
  desk: Desk,
  wanted: readonly { id: string; name: string; text: string }[],
  id: string,
  kernels: readonly string[],
  originId: string,
): Promise<Answer<Edited>> {
  const before = desk.current();
  if (before !== null && before.source === undefined) return no({ message: RECORDING });
  await allSteps();
  const origin = await libraryText(desk, originId);
  const branches = new Map<string, Branch>();
  for (const b of wanted) {
    const text = b.text.endsWith("\n") ? b.text : `${b.text}\n`;
    const open = b.id === id ? await ready(desk, text, origin, kernels) : await prepared(desk, text, origin);
    if (!open.ok) return no({ ...open.problem, message: `Branch "${b.name}": ${open.problem.message}` });
    branches.set(b.id, { name: b.name, open: open.value });
  }
  const open = branches.get(id)?.open;
  if (open === undefined) return no({ message: `There is no branch "${id}".` });
  if (desk.current() !== before) return no({ message: "Another scenario was opened meanwhile." });
  desk.adopt(branches, open);
  const old = before?.source?.scenario;
  const now = open.source?.scenario;
  const same = old === undefined || now === undefined ? 0 : sameSteps(old, now);
  return { ok: true, value: edited(branches, id, open, same, 0) };
}

/** The scenario of the library that the open one was made from. */
function originOf(open: Open): Open["origin"] {
  if (open.origin !== undefined) return open.origin;
  return open.info.id === "" ? undefined : { id: open.info.id, text: open.source?.text ?? "" };
}

async function libraryText(desk: Desk, id: string): Promise<Open["origin"]> {
  const text = id === "" ? undefined : await desk.textOf(id);
  const parsed = text === undefined ? undefined : parseScenario(text);
  return parsed?.ok === true ? { id, text: printScenario(parsed.value.scenario) } : undefined;
}

/** What says this already, or a new one of which nothing has run. Its own text again: it goes by its own name again. */
async function prepared(desk: Desk, text: string, origin: Open["origin"]): Promise<Answer<Open>> {
  const id = origin?.text === text ? origin.id : "";
  const known =
    found(desk.shelf(), text) ?? [...desk.branches().values()].find((b) => b.open.source?.text === text)?.open;
  if (known !== undefined && known.info.id === id) return { ok: true, value: known };
  const open = await desk.prepare(text, id);
  if (open.ok && origin !== undefined) open.value.origin = origin;
  return open;
}

/** The same, run on all kernels that will be asked for: what cannot run must not become the open one. */
async function ready(
  desk: Desk,
  text: string,
  origin: Open["origin"],
  kernels: readonly string[],
): Promise<Answer<Open>> {
  const open = await prepared(desk, text, origin);
  if (!open.ok) return open;
  const plain = kernels.filter((k) => !k.includes("@"));
  for (const kernel of new Set([...plain, ...open.value.info.kernels])) {
    try {
      const played = await desk.start(open.value, kernel);
      if (!played.ok) return played;
    } catch (error) {
      if (error instanceof NotModelled) return no({ message: `On ${kernel}: ${error.message}.` });
      throw error;
    }
  }
  return open;
}

function edited(branches: ReadonlyMap<string, Branch>, id: string, open: Open, same: number, at: number): Edited {
  const list = [...branches].map(([key, b]): BranchInfo => ({
    id: key,
    name: b.name,
    text: b.open.source?.text ?? "",
    steps: b.open.steps,
    shared: sharedSteps(b.open, open),
  }));
  const { info, steps, source } = open;
  return { scenario: info, text: source?.text ?? "", steps, branches: list, branch: id, same, at };
}

function sharedSteps(a: Open, b: Open): number {
  return a.source === undefined || b.source === undefined ? 0 : sameSteps(a.source.scenario, b.source.scenario);
}

export async function completeText(desk: Desk, text: string, offset: number): Promise<Answer<Completion>> {
  await allSteps();
  const kernels = await desk.kernels();
  const machines = desk.machines();
  const parsed = parseScenario(text);
  const value: Completion = {
    ...completeAt(text, offset, { kernels, machines }),
    problem: parsed.ok ? null : { ...parsed.problem, message: plainOf(parsed.problem.message) },
  };
  if (parsed.ok) {
    const { machine, kernels: own } = parsed.value.scenario;
    const unknown = own.find((k) => !kernels.includes(k));
    if (!machines.includes(machine)) value.problem = at(text, "machine:", `machine "${machine}" is unknown`);
    else if (unknown !== undefined) value.problem = at(text, "kernels:", `kernel "${unknown}" is unknown`);
  }
  return { ok: true, value };
}

/** The place stands in fields of its own. */
const plainOf = (message: string): string => message.replace(/^line \d+, column \d+: /, "");

function at(text: string, key: string, message: string): Problem {
  const line = text.split("\n").findIndex((l) => l.startsWith(key)) + 1;
  return { message, line, column: key.length + 2 };
}
