/**
 * A helper expands states for a search that another worker owns. It makes their worlds itself from the paths to them, and tells what
 * follows in numbers of its own; the texts and keys behind its numbers go along the first time.
 */
import { Expander } from "./expander.ts";
import type { Question } from "./question.ts";
import { StateSet } from "./state_set.ts";

/** States of the search with numbers one after the other. */
export interface Batch {
  first: number;
  /** For each the steps that lead to it, as places among the moves. */
  paths: number[][];
}

/** What a helper numbered since it last told, for one kernel. */
export interface News {
  texts: string[];
  /** Keys of states, in numbers of texts, each behind its length. */
  keys: Uint32Array;
  /** States with that of the exchanged world, one behind the other; empty without symmetry. */
  twins: Uint32Array;
  /** Names of shared things and what they stand for. */
  shared: [string, string][];
}

/** In `Answer.counts`: one of the steps is what was looked for. */
export const FOUND = 0xffffffff;

export interface Answer {
  first: number;
  /** Steps of each state; FOUND: the owner has to look itself. */
  counts: Uint32Array;
  /** For each step its place among the moves, and the state of every kernel. */
  edges: Uint32Array;
  /** By kernel. */
  news: News[];
  refused: [string, string][];
  /** Names of this worker mean nothing to others: the answer is of no use. */
  ambiguous: boolean;
}

export class Helper {
  private readonly expander: Expander;
  private readonly known: StateSet;
  private readonly lesser: Uint32Array;
  /** By kernel: how far it was told. */
  private readonly told: { texts: number; keys: number; states: number; shared: number }[];

  private constructor(expander: Expander) {
    const n = expander.sides.length;
    this.expander = expander;
    this.known = new StateSet(n);
    this.lesser = new Uint32Array(n);
    this.told = expander.sides.map(() => ({ texts: 0, keys: 0, states: 0, shared: 0 }));
  }

  /** A sentence where the world cannot start. */
  static start(question: Question): Helper | string {
    const expander = Expander.start(question);
    return typeof expander === "string" ? expander : new Helper(expander);
  }

  /** Objects of each kernel's start. */
  get objects(): number[] {
    return this.expander.objects;
  }

  work({ first, paths }: Batch): Answer {
    const { expander } = this;
    const counts: number[] = [];
    const edges: number[] = [];
    for (const path of paths) {
      const from = edges.length;
      const found = expander.expand(path, {
        edge: (label, states) => void edges.push(label, ...states),
        known: (states) => this.known.find(this.canonical(states), 0) >= 0,
      });
      const words = 1 + expander.sides.length;
      if (found !== null) edges.length = from;
      counts.push(found === null ? (edges.length - from) / words : FOUND);
      for (let at = from; at < edges.length; at += words)
        this.known.add(this.canonical(Uint32Array.from(edges.slice(at + 1, at + words))), 0);
    }
    return {
      first,
      counts: Uint32Array.from(counts),
      edges: Uint32Array.from(edges),
      news: expander.sides.map((_, i) => this.news(i)),
      refused: [...expander.refused],
      ambiguous: expander.sides.some(({ words }) => words.shared.ambiguous),
    };
  }

  private canonical(states: Uint32Array): Uint32Array {
    this.lesser.set(states);
    this.expander.twins?.canonical(this.lesser);
    return this.lesser;
  }

  private news(kernel: number): News {
    const side = this.expander.sides[kernel];
    const told = this.told[kernel];
    if (side === undefined || told === undefined) throw new Error(`no kernel ${kernel}`);
    const { store, words } = side;
    const { twins } = this.expander;
    const pairs: number[] = [];
    for (let state = told.states; state < store.size; state++)
      if (twins?.knows(kernel, state) === true) pairs.push(state, twins.twin(kernel, state));
    const news: News = {
      texts: words.texts.slice(told.texts),
      keys: store.since(told.keys),
      twins: Uint32Array.from(pairs),
      shared: [...words.shared.described].slice(told.shared),
    };
    told.texts = words.texts.length;
    told.keys = store.length;
    told.states = store.size;
    told.shared = words.shared.described.size;
    return news;
  }
}
