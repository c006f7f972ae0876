/** What a search says: its sequence as a scenario that stands on its own, shrunk, and one line in words. */
import type { MachineDesc } from "../../hw/machine.ts";
import type { ResolvedProfile } from "../kernel/profile.ts";
import { execute } from "../sim/execute.ts";
import { CHECK_KEYS } from "../sim/scenario/step.ts";
import type { Check, Scenario, Step, Value } from "../sim/scenario/types.ts";
import type { Seen } from "../sim/result.ts";
import { snapshot } from "../sim/snapshot.ts";
import { makeWorld, type World } from "../sim/world.ts";
import type { Found, Question } from "./question.ts";
import { changes, factsOf, told } from "./facts.ts";
import type { Invariant } from "./invariants/types.ts";
import { scenarioOf } from "./universe.ts";

/**
 * The sequence as a scenario: labels given once, what is seen said in the last step's note and, where a result tells
 * it, as checks. No step of it can be left out, since the search tried all shorter sequences; given steps that are not
 * needed are. Null when it does not show on a fresh world: a bug of the search.
 */
export function scenarioFound(question: Question, found: Found): Scenario | null {
  const steps = unique(found.steps);
  const last = steps.at(-1);
  if (last === undefined || !shows(question, steps)) return null;
  const small = shrink(question, steps);
  const ids = question.kernels.map((k) => k.profile.id);
  const said = found.says.map((text, i) => (ids.length > 1 ? `${ids[i] ?? ""}: ${text}.` : `${text}.`)).join(" ");
  const checked: Step = { ...last, note: said, checks: checksOf(small, steps) };
  return scenarioOf(small.universe, ids, words(question, found, steps.length), [...steps.slice(0, -1), checked]);
}

function words(question: Question, found: Found, n: number): { title: string; question: string } {
  const ids = question.kernels.map((k) => k.profile.id).join(" and ");
  const invariant = question.invariants.find((one) => one.id === found.invariant);
  return invariant === undefined
    ? { title: `Shortest difference of ${ids}, ${n} steps`, question: "Where do the two kernels part first?" }
    : { title: `Broken on ${ids} in ${n} steps: ${invariant.title}`, question: invariant.says };
}

/** A label that the search gave again after its object was gone becomes a name of its own. */
function unique(steps: readonly Step[]): Step[] {
  const given = new Set<string>();
  const now = new Map<string, string>();
  return steps.map((step) => {
    const args = Object.fromEntries(Object.entries(step.args).map(([name, value]) => [name, renamed(value, now)]));
    if (step.label === undefined) return { ...step, args };
    let label = step.label;
    for (let n = 2; given.has(label); n++) label = `${step.label}_${n}`;
    given.add(label);
    now.set(step.label, label);
    return { ...step, label, args };
  });
}

function renamed(value: Value, names: ReadonlyMap<string, string>): Value {
  return value.k === "name" && names.has(value.v) ? { ...value, v: names.get(value.v) ?? value.v } : value;
}

/** The same question without the given steps that the sequence does not need; what names something made by one goes with it. */
function shrink(question: Question, steps: readonly Step[]): Question {
  let best = question;
  for (let i = question.universe.given.length - 1; i >= 0; i--) {
    const given = without(best.universe.given, i);
    if (given.length === best.universe.given.length) continue;
    const shorter = { ...best, universe: { ...best.universe, given } };
    if (shows(shorter, steps)) best = shorter;
  }
  return best;
}

function without(steps: readonly Step[], at: number): Step[] {
  const gone = new Set<string>();
  return steps.filter((step, i) => {
    const needs = Object.values(step.args).some((v) => v.k === "name" && gone.has(v.v));
    const out = i === at || needs;
    if (out && step.label !== undefined) gone.add(step.label);
    return !out;
  });
}

/** What was looked for happens in the last step, and not before. */
function shows(question: Question, steps: readonly Step[]): boolean {
  const worlds = worldsOf(question);
  if (worlds === null) return false;
  for (const [i, step] of steps.entries()) {
    const wrong = happens(question, worlds, step);
    if (wrong) return i === steps.length - 1;
  }
  return false;
}

function worldsOf({ universe, kernels, machine }: Question): World[] | null {
  const worlds: World[] = [];
  for (const profile of kernels) {
    const world = freshWorld(scenarioOf(universe, [], { title: "", question: "" }, []), profile, machine);
    if (world === null) return null;
    worlds.push(world);
  }
  return worlds;
}

function freshWorld(scenario: Scenario, profile: ResolvedProfile, machine: MachineDesc): World | null {
  const world = makeWorld(scenario, profile, machine);
  if (typeof world === "string") return null;
  for (const step of scenario.given) if (execute(world, step, false).outcome !== "ok") return null;
  return world;
}

/** Runs a step everywhere; whether it is the one that was looked for. */
function happens({ invariants }: Question, worlds: readonly World[], step: Step): boolean {
  const [a, b] = worlds;
  if (a === undefined) return false;
  const before = b === undefined ? [] : worlds.map(factsOf);
  const memories = invariants.map((one) => one.before?.(a) ?? null);
  const results = worlds.map((world) => execute(world, step, false));
  const [x, y] = results;
  if (x === undefined) return false;
  if (b === undefined || y === undefined)
    return invariants.some((one: Invariant, i) => one.broken(a, step, x, memories[i] ?? null) !== null);
  if (told(x).join() !== told(y).join()) return true;
  const facts = worlds.map((world, i) => changes(before[i] ?? new Map<string, string>(), factsOf(world)).join("\n"));
  return facts[0] !== facts[1];
}

/** What the last step tells each kernel's program, as far as it differs. */
function checksOf(question: Question, steps: readonly Step[]): Check[] {
  const last = steps.at(-1);
  const worlds = worldsOf(question);
  if (last === undefined || worlds === null) return [];
  const seen = worlds.map((world) => {
    for (const step of steps.slice(0, -1)) execute(world, step, false);
    return execute(world, last, false).seen;
  });
  return CHECK_KEYS.flatMap((key) => {
    const values = seen.map((s) => s[key]);
    const same = values.every((v) => textOf(v) === textOf(values[0]));
    if (key === "pa" || key === "ret" || (same && key !== "errno")) return [];
    return values.flatMap((v, i) => {
      const value = v === undefined ? null : valueOf(v);
      const kernels = [question.kernels[i]?.profile.id ?? ""];
      return value === null || (same && i > 0) ? [] : [{ kernels: same ? [] : kernels, key, value }];
    });
  });
}

const textOf = (seen: Seen | undefined): string => (typeof seen === "object" ? seen.flat().join() : String(seen));

function valueOf(seen: Seen): Value {
  if (typeof seen === "bigint") return { k: "int", v: seen };
  if (typeof seen === "string") return { k: "name", v: seen };
  return { k: "ranges", v: seen };
}

/** A step after the sequence in whose result the difference shows, with what each kernel gives; null when none of `tries` does. */
export function witness(
  question: Question,
  steps: readonly Step[],
  tries: (world: World) => Step[],
): { step: Step; says: string[] } | null {
  const worlds = worldsOf(question);
  const [first] = worlds ?? [];
  if (worlds === null || first === undefined) return null;
  for (const world of worlds) for (const step of steps) execute(world, step, false);
  for (const step of tries(first)) {
    const heard = worlds.map((world) => told(execute(snapshot(world), step, false)));
    if (heard.some((one) => one.join() !== heard[0]?.join()))
      return {
        step,
        says: heard.map((one, i) => one.filter((fact) => !(heard[1 - i] ?? []).includes(fact)).join(" ")),
      };
  }
  return null;
}
