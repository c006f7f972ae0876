/**
 * A world as a fold over its op log: step, seek, back and fork. Copies of the world are kept at some steps; every other
 * moment is a copy plus the few steps after it, executed again. Kernel and hardware know nothing of it.
 */
import { counted, snapshot } from "./snapshot.ts";

export interface HistoryOptions {
  /** A copy of the world is kept every so many steps. */
  every?: number;
  /** Objects in copies that are kept for good: with more, every second copy goes, and `every` is doubled. */
  most?: number;
  /** Copies of other moments that are kept, newest use first. */
  recent?: number;
  /** Steps that must not be run once more for a look at what follows: a copy is kept after each. */
  heavy?: (index: number) => boolean;
}

/** Steps before a moment that was looked at, where another copy is left. */
const NEAR = 32;

/**
 * `W` world, `S` step, `R` result of a step. `apply` changes the world and must be deterministic; it may throw only for
 * a bug in the model.
 */
export class History<W extends object, S, R> {
  readonly steps: S[] = [];
  readonly results: R[] = [];
  private readonly apply: (world: W, step: S, index: number) => R;
  private every: number;
  private readonly most: number;
  private readonly recent: number;
  private readonly heavy: (index: number) => boolean;
  private readonly kept = new Map<number, W>();
  /** Objects in each of them. */
  private readonly sizes = new Map<number, number>();
  private readonly passing = new Map<number, W>();
  private tip: W;
  /** The tip is to be kept before it is changed; as long as it stays, it is its own copy. */
  private due = false;

  /** Takes over `start`: the caller must not change it afterwards. */
  constructor(start: W, apply: (world: W, step: S, index: number) => R, options: HistoryOptions = {}) {
    this.apply = apply;
    this.every = options.every ?? 64;
    this.most = options.most ?? Number.POSITIVE_INFINITY;
    this.recent = options.recent ?? 8;
    this.heavy = options.heavy ?? (() => false);
    this.tip = start;
    this.due = true;
  }

  get length(): number {
    return this.steps.length;
  }

  /** Appends a step and runs it. */
  push(step: S): R {
    if (this.due) this.keep();
    this.due = false;
    const result = this.apply(this.tip, step, this.steps.length);
    this.steps.push(step);
    this.results.push(result);
    this.due = this.length % this.every === 0 || this.heavy(this.length - 1);
    return result;
  }

  private keep(): void {
    const { copy, objects } = counted(this.tip);
    this.kept.set(this.length, copy);
    this.sizes.set(this.length, objects);
    let sum = 0;
    for (const size of this.sizes.values()) sum += size;
    for (let past = sum; past > this.most && this.every < this.length; past = sum) {
      this.every *= 2;
      for (const [at, size] of this.sizes) {
        if (at % this.every === 0 || this.heavy(at - 1)) continue;
        this.kept.delete(at);
        this.sizes.delete(at);
        sum -= size;
      }
    }
  }

  /** The world after `n` steps, for reading only: the same object may be handed out again. `n` is cut to the log. */
  at(n: number): W {
    const step = Math.max(0, Math.min(n, this.length));
    const kept = step === this.length ? this.tip : this.kept.get(step);
    if (kept !== undefined) return kept;
    let world = this.passing.get(step);
    this.passing.delete(step);
    world ??= this.live(step);
    this.leave(step, world);
    return world;
  }

  /**
   * Takes over the world after `n` steps from somebody who ran step `n` on a copy of the one before; nobody may change
   * it any more.
   */
  keepFor(n: number, world: W): void {
    if (n < this.length && !this.kept.has(n)) this.leave(n, world);
  }

  private leave(step: number, world: W): void {
    this.passing.delete(step);
    this.passing.set(step, world);
    const oldest = this.passing.keys().next();
    if (this.passing.size > this.recent && oldest.done !== true) this.passing.delete(oldest.value);
  }

  /** The world after `n` steps as a copy of its own, free to be changed. */
  live(n: number): W {
    const step = Math.max(0, Math.min(n, this.length));
    if (step === this.length) return snapshot(this.tip);
    let from = 0;
    for (const at of [...this.kept.keys(), ...this.passing.keys()]) if (at <= step && at > from) from = at;
    const world = snapshot(this.kept.get(from) ?? this.passing.get(from) ?? this.tip);
    for (let i = from; i < step; i++) {
      // On a long way a copy is left not far before the end: whoever looks around there has it near.
      if (i === step - NEAR && i - from >= NEAR) this.leave(i, snapshot(world));
      this.apply(world, this.steps[i] as S, i);
    }
    return world;
  }

  /** A second history with the same first `n` steps and its own future, kept as `options` say; this one stays as it is. */
  fork(n: number, options: HistoryOptions = {}): History<W, S, R> {
    const step = Math.max(0, Math.min(n, this.length));
    const twin = new History<W, S, R>(this.live(step), this.apply, {
      every: this.every,
      most: this.most,
      recent: this.recent,
      heavy: this.heavy,
      ...options,
    });
    for (const [at, world] of this.kept) {
      if (at > step) continue;
      twin.kept.set(at, world);
      twin.sizes.set(at, this.sizes.get(at) ?? 0);
    }
    twin.due = step === this.length && this.due;
    twin.steps.push(...this.steps.slice(0, step));
    twin.results.push(...this.results.slice(0, step));
    return twin;
  }
}
