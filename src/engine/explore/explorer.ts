/**
 * Breadth-first search over all step sequences of a universe: for the first step at which two kernels differ, or the first
 * that breaks an invariant. Two kernels run in lockstep; a state of the search is the pair of their states.
 *
 * Worlds are not kept for states: the world of a state is made again by going back to the moment that its path shares
 * with the one before, which in breadth-first order is most of it. Memory is what states and keys take.
 *
 * States may be expanded elsewhere and out of order (`take`, `give`, `ahead`); they are counted in the order of their numbers, so
 * that numbers, paths and the answer are those of a search that does all by itself.
 */
import { Absorber, type Outcome } from "./absorber.ts";
import { Expander } from "./expander.ts";
import type { Answer, Batch } from "./helper.ts";
import type { Found, Question } from "./question.ts";
import { type PackedModel, Search, type Successors } from "./search.ts";

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
  private readonly question: Question;
  private readonly expander: Expander;
  private readonly search: Search;
  private readonly lesser: Uint32Array;
  /** First state that nobody was given. */
  private taken = 0;
  /** Given to a helper. */
  private readonly away = new Set<number>();
  /** Expanded before their turn. */
  private readonly outcomes = new Map<number, Outcome>();

  private constructor(question: Question, expander: Expander) {
    this.question = question;
    this.expander = expander;
    this.words = expander.sides.length;
    this.lesser = new Uint32Array(this.words);
    this.search = new Search(this, { paths: true, depth: question.depth });
  }

  /** A sentence where the world cannot start on a kernel. */
  static start(question: Question): Explorer | string {
    const expander = Expander.start(question);
    return typeof expander === "string" ? expander : new Explorer(question, expander);
  }

  /** Goes on for so many states; false when it is over. */
  run(states: number): boolean {
    return this.search.run(states);
  }

  get progress(): Progress {
    const { states, edges, level, expanded, bytes } = this.search;
    const held = this.expander.sides.reduce((sum, side) => sum + side.bytes, bytes);
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

  /** Operations that the model refuses by name, with the sentence: they were not followed. */
  get refused(): ReadonlyMap<string, string> {
    return this.expander.refused;
  }

  /** Objects of each kernel's start. */
  get objects(): number[] {
    return this.expander.objects;
  }

  /** Names of this worker mean nothing to others: a search with helpers would not be exact. */
  get ambiguous(): boolean {
    return this.expander.sides.some(({ words }) => words.shared.ambiguous);
  }

  /** States to expand elsewhere; null when there are fewer than that. */
  take(count: number): Batch | null {
    const first = Math.max(this.taken, this.search.expanded);
    if (first + count > this.search.due) return null;
    const paths: number[][] = [];
    for (let state = first; state < first + count; state++) {
      this.away.add(state);
      paths.push(this.search.path(state));
    }
    this.taken = first + count;
    return { first, paths };
  }

  /** What numbers of a new helper mean. */
  absorber(): Absorber {
    return new Absorber(this.expander.sides, this.expander.twins);
  }

  /** The answer to a batch; false when it is of no use. */
  give(answer: Answer, absorber: Absorber): boolean {
    const outcomes = absorber.outcomes(answer);
    if (outcomes === null) return false;
    for (const [i, outcome] of outcomes.entries()) {
      if (answer.first + i < this.search.expanded) continue;
      this.away.delete(answer.first + i);
      this.outcomes.set(answer.first + i, outcome);
    }
    for (const [op, why] of answer.refused) this.expander.refused.set(op, why);
    return true;
  }

  /** No answer will come to a batch. */
  lose({ first, paths }: Batch): void {
    for (let i = 0; i < paths.length; i++) this.away.delete(first + i);
  }

  /** Expands the next state, whoever has it; false when the search is over. */
  alone(): boolean {
    this.away.delete(this.search.expanded);
    return this.search.run(1);
  }

  /** Expands a state before its turn; false when there is none. */
  ahead(): boolean {
    const state = Math.max(this.taken, this.search.expanded);
    if (state >= this.search.due) return false;
    this.taken = state + 1;
    const edges: number[] = [];
    const found = this.expander.expand(this.search.path(state), {
      edge: (label, states) => void edges.push(label, ...states),
      known: (states) => this.known(states),
    });
    this.outcomes.set(state, found === null ? Uint32Array.from(edges) : null);
    return true;
  }

  start(out: Successors): void {
    for (const side of this.expander.sides) out.put(side.state(0));
  }

  ready(number: number): boolean {
    return !this.away.has(number);
  }

  next(_states: Uint32Array, _at: number, out: Successors, number: number): boolean {
    const outcome = this.outcomes.get(number) ?? null;
    this.outcomes.delete(number);
    if (outcome !== null) {
      const words = 1 + this.words;
      for (let at = 0; at < outcome.length; at += words)
        this.put(out, outcome[at] ?? 0, outcome.subarray(at + 1, at + words));
      return false;
    }
    this.found = this.expander.expand(this.search.path(number), {
      edge: (label, states) => this.put(out, label, states),
      known: (states) => this.known(states),
    });
    return this.found !== null;
  }

  private put(out: Successors, label: number, states: Uint32Array): void {
    for (const state of this.canonical(states)) out.put(state);
    out.labels.push(label);
  }

  private known(states: Uint32Array): boolean {
    return this.search.set.find(this.canonical(states), 0) >= 0;
  }

  private canonical(states: Uint32Array): Uint32Array {
    this.lesser.set(states);
    this.expander.twins?.canonical(this.lesser);
    return this.lesser;
  }
}
