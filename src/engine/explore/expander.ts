/** Tries every step from a state, on the live worlds of the kernels that are compared. */
import { freezeDeep } from "../../hw/base/freeze.ts";
import { NotModelled } from "../kernel/not_modelled.ts";
import type { StepResult } from "../sim/result.ts";
import type { Step } from "../sim/scenario/types.ts";
import { changes, type Digest, factsOf, told } from "./facts.ts";
import type { Memory } from "./invariants/types.ts";
import { moves } from "./moves.ts";
import type { Found, Question } from "./question.ts";
import { Side } from "./side.ts";
import { alike, Twins } from "./symmetry.ts";
import { scenarioOf } from "./universe.ts";

/** What an expansion is told to somebody who counts states. */
export interface Counting {
  /** A step, by its place among the moves of the state, leads to this state of every kernel; not to be kept. */
  edge(label: number, states: Uint32Array): void;
  /** The states were seen before, at the same time: nothing that was looked for is in them. */
  known(states: Uint32Array): boolean;
}

export class Expander {
  readonly sides: readonly Side[];
  readonly twins: Twins | null;
  /** Operations that the model refuses by name, with the sentence: they were not followed. */
  readonly refused = new Map<string, string>();
  private readonly question: Question;
  /** The path whose moments are kept: places among the moves, and the moves. */
  private labels: readonly number[] = [];
  private steps: Step[] = [];
  private readonly states: Uint32Array;

  private constructor(question: Question, sides: readonly Side[], twins: Twins | null) {
    this.question = question;
    this.sides = sides;
    this.twins = twins;
    this.states = new Uint32Array(sides.length);
  }

  /** A sentence where the world cannot start on a kernel. */
  static start(question: Question): Expander | string {
    const { universe, machine } = question;
    // What came in a message is not frozen, and would be counted as state.
    freezeDeep(universe);
    freezeDeep(machine);
    const sides = worlds(question);
    if (typeof sides === "string") return sides;
    for (const side of sides) side.mark(0);
    const pairs = sides.map((side) => alike(side.world, universe, machine));
    const [pair = null] = pairs;
    if (question.symmetry === false || pair === null || pairs.some((p) => p?.join() !== pair.join()))
      return new Expander(question, sides, null);
    const others = worlds(question, sides);
    return typeof others === "string" ? others : new Expander(question, sides, new Twins(pair, universe, others));
  }

  /** Objects of each kernel's start: expanders of one question agree on it, or do not speak of the same states. */
  get objects(): number[] {
    return this.sides.map((side) => side.objects);
  }

  /** What a step that was found looks like: the path to it and itself. */
  expand(path: readonly number[], counting: Counting): Found | null {
    const { invariants, universe } = this.question;
    const depth = path.length;
    const first = this.goTo(path);
    const before = this.sides.length > 1 ? this.sides.map((side) => factsOf(side.world)) : [];
    const memories = invariants.map((one) => one.before?.(first.world) ?? null);
    for (const [label, step] of moves(first.world, universe).entries()) {
      const results = this.try(step, depth);
      if (results !== null) {
        const found = this.judge(step, results, before, memories, counting);
        if (found !== null) return { ...found, steps: [...this.steps, step] };
        counting.edge(label, this.states);
      }
      for (const side of this.sides) side.back(depth);
    }
    return null;
  }

  /** Brings every world to a state of the search. */
  private goTo(path: readonly number[]): Side {
    const [first] = this.sides;
    if (first === undefined) throw new Error("no kernel");
    let shared = 0;
    while (shared < path.length && path[shared] === this.labels[shared]) shared++;
    this.steps.length = shared;
    for (const side of this.sides) side.goTo(this.steps);
    for (const label of path.slice(shared)) {
      this.steps.push(moves(first.world, this.question.universe)[label] as Step);
      for (const side of this.sides) side.goTo(this.steps);
    }
    this.labels = [...path];
    return first;
  }

  /** Runs a step on every kernel and notes the states; null where the model does not have it. */
  private try(step: Step, depth: number): StepResult[] | null {
    try {
      const results = this.sides.map((side) => side.run(step));
      this.sides.forEach((side, i) => {
        const state = side.state(depth);
        this.states[i] = state;
        const result = results[i];
        if (this.twins?.knows(i, state) === false && result !== undefined)
          this.twins.learn(i, state, this.steps, step, result);
      });
      return results;
    } catch (e) {
      if (!(e instanceof NotModelled)) throw e;
      this.refused.set(step.op, e.message);
      for (const side of this.sides) side.look();
      return null;
    }
  }

  private judge(
    step: Step,
    results: readonly StepResult[],
    before: readonly Digest[],
    memories: readonly Memory[],
    counting: Counting,
  ): Omit<Found, "steps"> | null {
    const [a, b] = this.sides;
    const [x, y] = results;
    if (a === undefined || x === undefined) return null;
    if (b === undefined || y === undefined) {
      for (const [i, one] of this.question.invariants.entries()) {
        const wrong = one.broken(a.world, step, x, memories[i] ?? null);
        if (wrong !== null) return { invariant: one.id, says: [wrong] };
      }
      return null;
    }
    const heard = [told(x), told(y)] as const;
    if (heard[0].join() === heard[1].join() && counting.known(this.states)) return null;
    const facts = [a, b].map((side, i) => changes(before[i] ?? new Map<string, string>(), factsOf(side.world)));
    const all = [
      [...heard[0], ...(facts[0] ?? [])],
      [...heard[1], ...(facts[1] ?? [])],
    ] as const;
    if (all[0].join() === all[1].join()) return null;
    return { invariant: null, says: [only(all[0], all[1]), only(all[1], all[0])] };
  }
}

/** A world of each kernel at the start; `like`: those with which they share numbers. */
function worlds({ universe, kernels, machine }: Question, like: readonly Side[] = []): Side[] | string {
  const sides: Side[] = [];
  for (const [i, profile] of kernels.entries()) {
    const { id } = profile.profile;
    const side = Side.start(scenarioOf(universe, [id], { title: "", question: "" }, []), profile, machine, like[i]);
    if (typeof side === "string") return `${id}: ${side}`;
    sides.push(side);
  }
  return sides;
}

/** What one saw and the other did not. */
function only(mine: readonly string[], others: readonly string[]): string {
  const list = mine.filter((fact) => !others.includes(fact));
  return list.length === 0 ? "none of that" : list.join("; ");
}
