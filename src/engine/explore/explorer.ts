/**
 * Breadth-first search over all step sequences of a universe: for the first step at which two kernels differ, or the first
 * that breaks an invariant. Two kernels run in lockstep; a state of the search is the pair of their states.
 *
 * Worlds are not kept for states: the world of a state is made again by going back to the moment that its path shares
 * with the one before, which in breadth-first order is most of it. Memory is what states and keys take.
 */
import type { MachineDesc } from "../../hw/machine.ts";
import { NotModelled } from "../kernel/not_modelled.ts";
import type { ResolvedProfile } from "../kernel/profile.ts";
import type { StepResult } from "../sim/result.ts";
import type { Step } from "../sim/scenario/types.ts";
import { changes, type Digest, factsOf, told } from "./facts.ts";
import type { Invariant, Memory } from "./invariants/types.ts";
import { moves, stepKey } from "./moves.ts";
import { type PackedModel, Search, type Successors } from "./search.ts";
import { Side } from "./side.ts";
import { scenarioOf, type Universe } from "./universe.ts";

export interface Question {
  universe: Universe;
  machine: MachineDesc;
  /** Two for a difference; one with invariants. */
  kernels: readonly ResolvedProfile[];
  /** The first one that breaks is the answer; empty = look for a difference. */
  invariants: readonly Invariant[];
  /** Longest sequence. */
  depth: number;
}

/** A shortest sequence. */
export interface Found {
  steps: Step[];
  /** Id of the invariant that breaks. */
  invariant: string | null;
  /** What each kernel saw and changed in the last step and the others did not; or what is wrong. One text a kernel. */
  says: string[];
}

export interface Progress {
  states: number;
  edges: number;
  /** Length of the sequences that are tried now. */
  depth: number;
  /** States of that length not yet tried are `states - expanded`. */
  expanded: number;
  /** Bytes held for states. */
  bytes: number;
}

export class Explorer implements PackedModel {
  readonly words: number;
  found: Found | null = null;
  /** Operations that the model refuses by name, with the sentence: they were not followed. */
  readonly refused = new Map<string, string>();
  private readonly question: Question;
  private readonly sides: readonly Side[];
  private readonly search: Search;
  private readonly steps: Step[] = [];
  private readonly codes = new Map<string, number>();
  /** Codes of the path whose moments are kept. */
  private path: number[] = [];
  private readonly pair: Uint32Array;

  private constructor(question: Question, sides: readonly Side[]) {
    this.question = question;
    this.sides = sides;
    this.words = sides.length;
    this.pair = new Uint32Array(sides.length);
    for (const side of sides) side.mark(0);
    this.search = new Search(this, { paths: true, depth: question.depth });
  }

  /** A sentence where the world cannot start on a kernel. */
  static start(question: Question): Explorer | string {
    const { universe, kernels, machine } = question;
    const sides: Side[] = [];
    for (const profile of kernels) {
      const { id } = profile.profile;
      const side = Side.start(scenarioOf(universe, [id], { title: "", question: "" }, []), profile, machine);
      if (typeof side === "string") return `${id}: ${side}`;
      sides.push(side);
    }
    return new Explorer(question, sides);
  }

  /** Goes on for so many states; false when it is over. */
  run(states: number): boolean {
    return this.search.run(states);
  }

  get progress(): Progress {
    const { states, edges, level, expanded, bytes } = this.search;
    const held = this.sides.reduce((sum, side) => sum + side.bytes, bytes);
    return { states, edges, depth: Math.min(level + 1, this.question.depth), expanded, bytes: held };
  }

  /** Every sequence up to this length was tried. */
  get complete(): number {
    const { done, found, level } = this.search;
    if (found) return level;
    return done ? this.question.depth : level;
  }

  /** No sequence of any length leads to a state that was not seen. */
  get exhausted(): boolean {
    return !this.search.found && this.search.expanded === this.search.states;
  }

  start(out: Successors): void {
    for (const side of this.sides) out.put(side.state(0));
  }

  next(_states: Uint32Array, _at: number, out: Successors, number: number): boolean {
    const depth = this.goTo(number);
    const [first] = this.sides;
    if (first === undefined) throw new Error("no kernel");
    const { invariants, universe } = this.question;
    const before = this.sides.length > 1 ? this.sides.map((side) => factsOf(side.world)) : [];
    const memories = invariants.map((one) => one.before?.(first.world) ?? null);
    for (const step of moves(first.world, universe)) {
      const results = this.try(step, depth);
      if (results !== null) {
        const found = this.judge(step, results, before, memories);
        if (found !== null) {
          this.found = { ...found, steps: [...this.path.map((code) => this.steps[code] as Step), step] };
          return true;
        }
        for (const state of this.pair) out.put(state);
        out.labels.push(this.code(step));
      }
      for (const side of this.sides) side.back(depth);
    }
    return false;
  }

  /** Runs a step on every kernel and notes the states; null where the model does not have it. */
  private try(step: Step, depth: number): StepResult[] | null {
    try {
      const results = this.sides.map((side) => side.run(step));
      this.sides.forEach((side, i) => (this.pair[i] = side.state(depth)));
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
    if (heard[0].join() === heard[1].join() && this.search.set.find(this.pair, 0) >= 0) return null;
    const facts = [a, b].map((side, i) => changes(before[i] ?? new Map<string, string>(), factsOf(side.world)));
    const all = [
      [...heard[0], ...(facts[0] ?? [])],
      [...heard[1], ...(facts[1] ?? [])],
    ] as const;
    if (all[0].join() === all[1].join()) return null;
    return { invariant: null, says: [only(all[0], all[1]), only(all[1], all[0])] };
  }

  /** Brings every world to a state of the search; its distance from the start. */
  private goTo(number: number): number {
    const path = this.search.path(number);
    let shared = 0;
    while (shared < path.length && shared < this.path.length && path[shared] === this.path[shared]) shared++;
    for (const side of this.sides) {
      side.back(shared);
      for (let i = shared; i < path.length; i++) {
        side.run(this.steps[path[i] ?? 0] as Step);
        side.mark(i + 1);
      }
    }
    this.path = path;
    return path.length;
  }

  private code(step: Step): number {
    const key = stepKey(step);
    let code = this.codes.get(key);
    if (code === undefined) {
      code = this.steps.length;
      this.codes.set(key, code);
      this.steps.push(step);
    }
    return code;
  }
}

/** What one saw and the other did not. */
function only(mine: readonly string[], others: readonly string[]): string {
  const list = mine.filter((fact) => !others.includes(fact));
  return list.length === 0 ? "none of that" : list.join("; ");
}
