/**
 * Breadth-first search over packed states. It knows no kernel: a model says where to start and what follows a state.
 * Runs in slices, so that a caller can show progress, stop, or let others work in between.
 */
import { StateSet } from "./state_set.ts";

/** States that a model writes: `words` numbers each, one behind the other. */
export class Successors {
  words: Uint32Array;
  /** 32-bit words written. */
  used = 0;
  /** One a state, when the search keeps paths: what led there, 16 bits. */
  readonly labels: number[] = [];

  constructor(room = 256) {
    this.words = new Uint32Array(room);
  }

  /** Writes a word of the next state. */
  put(word: number): void {
    if (this.used === this.words.length) this.grow();
    this.words[this.used++] = word;
  }

  private grow(): void {
    const words = new Uint32Array(this.words.length * 2);
    words.set(this.words);
    this.words = words;
  }
}

export interface PackedModel {
  /** 32-bit words of a state. */
  readonly words: number;
  start(out: Successors): void;
  /**
   * Writes what follows state `number`, which stands at `states[at]`; not to be kept. True ends the search:
   * something was found.
   */
  next(states: Uint32Array, at: number, out: Successors, number: number): boolean | void;
  /** False: what follows the state is being found out elsewhere, and the search has to wait for it. */
  ready?(number: number): boolean;
}

export interface SearchOptions {
  /** Remember how each state was reached. */
  paths?: boolean;
  /** States at this distance from the start are not expanded. */
  depth?: number;
  /** States for which there is room at first. */
  room?: number;
}

export class Search {
  readonly set: StateSet;
  edges = 0;
  /** States whose successors are known. */
  expanded = 0;
  /** Distance of the state that is expanded next. */
  level = 0;
  /** The model said so. */
  found = false;
  private readonly model: PackedModel;
  private readonly depth: number;
  private readonly out = new Successors();
  /** Number of the first state of the next level. */
  private levelEnd: number;
  private parents: Int32Array | null;
  private labels: Uint16Array | null;

  constructor(model: PackedModel, options: SearchOptions = {}) {
    this.model = model;
    this.depth = options.depth ?? Number.POSITIVE_INFINITY;
    this.set = new StateSet(model.words, options.room);
    const room = options.paths === true ? 1 << 12 : 0;
    this.parents = room === 0 ? null : new Int32Array(room).fill(-1);
    this.labels = room === 0 ? null : new Uint16Array(room);
    model.start(this.out);
    for (let at = 0; at < this.out.used; at += model.words) this.set.add(this.out.words, at);
    this.levelEnd = this.set.size;
  }

  get states(): number {
    return this.set.size;
  }

  /** Nothing is left to expand, or something was found. */
  get done(): boolean {
    return this.found || this.expanded === this.set.size || this.level >= this.depth;
  }

  /** Bytes held for states and paths. */
  get bytes(): number {
    return this.set.bytes + (this.parents?.byteLength ?? 0) + (this.labels?.byteLength ?? 0);
  }

  /** States up to this number have or will have their successors looked for, if nothing is found before. */
  get due(): number {
    if (this.done) return this.expanded;
    return this.level + 1 < this.depth ? this.set.size : this.levelEnd;
  }

  /** Expands at most so many states; false when there is nothing left to do. */
  run(states = Number.POSITIVE_INFINITY): boolean {
    const { model, set, out } = this;
    const { words } = model;
    for (let n = 0; n < states && !this.done; n++) {
      if (model.ready?.(this.expanded) === false) break;
      out.used = 0;
      if (this.parents !== null) out.labels.length = 0;
      const from = this.expanded++;
      this.found = model.next(set.data, from * words, out, from) === true;
      const { used } = out;
      const written = out.words;
      for (let at = 0; at < used; at += words) {
        const number = set.add(written, at);
        if (this.parents !== null && number >= 0) this.note(number, from, out.labels[at / words] ?? 0);
      }
      this.edges += used / words;
      if (this.expanded === this.levelEnd) {
        this.level++;
        this.levelEnd = set.size;
      }
    }
    return !this.done;
  }

  /** Labels from a start to a state. */
  path(number: number): number[] {
    const path: number[] = [];
    for (let at = number; this.parents !== null;) {
      const parent = this.parents[at] ?? -1;
      if (parent < 0) break;
      path.push(this.labels?.[at] ?? 0);
      at = parent;
    }
    return path.reverse();
  }

  private note(number: number, parent: number, label: number): void {
    if (this.parents === null || this.labels === null) return;
    if (number >= this.parents.length) {
      const parents = new Int32Array(2 * this.parents.length).fill(-1);
      parents.set(this.parents);
      this.parents = parents;
      const labels = new Uint16Array(parents.length);
      labels.set(this.labels);
      this.labels = labels;
    }
    this.parents[number] = parent;
    this.labels[number] = label;
  }
}
