/**
 * The intervals of a track with very many, as columns: sorted, disjoint. Asked for by windows: the intervals themselves
 * when they are few, else counts by bucket. The cost of a window grows with its buckets and not with the intervals.
 */
import { TWO32 } from "../../../hw/base/bits.ts";
import type { DenseTrack, IntervalKind, SpaceWindow, TrackInterval } from "../types.ts";

/** A track with more intervals is dense. */
export const DENSE = 1000;
/** Intervals of a dense track that a step changed and that a frame lists one by one. */
const LISTED = 200;
/** Intervals of one window at most: a window is wider than the view, and bars nearer than 20 pixels need no elements. */
const LIST = 144;
/** Stretches that a summary tells apart. */
const CLUSTERS = 24;
/** A hole splits a cluster when it is this many times the mean distance of starts. */
const SPLIT = 64n;

export class Spans {
  readonly kind: IntervalKind;
  readonly n: number;
  readonly start: BigUint64Array;
  /** Inclusive. */
  readonly last: BigUint64Array;
  /** What else must be equal for an interval to be the same after a step. */
  readonly tag: Float64Array;
  /** Interval i in words. */
  readonly describe: (i: number) => TrackInterval;
  /** As numbers, for buckets: ends exclusive. */
  private readonly from: Float64Array;
  private readonly to: Float64Array;
  /** Bytes before interval i. */
  private readonly bytes: Float64Array;

  constructor(
    kind: IntervalKind,
    start: BigUint64Array,
    last: BigUint64Array,
    tag: Float64Array,
    describe: Spans["describe"],
  ) {
    this.kind = kind;
    this.n = start.length;
    this.start = start;
    this.last = last;
    this.tag = tag;
    this.describe = describe;
    this.from = new Float64Array(this.n);
    this.to = new Float64Array(this.n);
    this.bytes = new Float64Array(this.n + 1);
    const first = halves(start);
    const end = halves(last);
    for (let i = 0; i < this.n; i++) {
      const a = numberAt(first, i);
      const b = numberAt(end, i) + 1;
      this.from[i] = a;
      this.to[i] = b;
      this.bytes[i + 1] = (this.bytes[i] ?? 0) + (b - a);
    }
  }

  /** Number of intervals that begin below an address. */
  below(address: number): number {
    return rank(this.from, address);
  }

  /** Number of intervals that end at or below an address. */
  ended(address: number): number {
    return rank(this.to, address, true);
  }

  /** Bytes of intervals below an address. */
  covered(address: number): number {
    const i = this.below(address);
    if (i === 0) return 0;
    const over = Math.max(0, (this.to[i - 1] ?? 0) - address);
    return (this.bytes[i] ?? 0) - over;
  }

  summary(): DenseTrack {
    const clusters: DenseTrack["clusters"] = [];
    const cuts = this.cuts();
    let from = 0;
    for (const cut of [...cuts, this.n]) {
      clusters.push({ start: this.start[from] ?? 0n, last: this.last[cut - 1] ?? 0n, count: cut - from });
      from = cut;
    }
    return { kind: this.kind, count: this.n, clusters };
  }

  /** Indices before which the widest holes stand. */
  private cuts(): number[] {
    const mean = ((this.start[this.n - 1] ?? 0n) - (this.start[0] ?? 0n)) / BigInt(Math.max(1, this.n - 1));
    const least = Number(mean > 0n ? mean : 1n) * Number(SPLIT);
    const wide: { i: number; hole: number }[] = [];
    for (let i = 1; i < this.n; i++) {
      const hole = (this.from[i] ?? 0) - (this.to[i - 1] ?? 0);
      if (hole > least) wide.push({ i, hole });
    }
    wide.sort((a, b) => b.hole - a.hole);
    return wide
      .slice(0, CLUSTERS - 1)
      .map((w) => w.i)
      .sort((a, b) => a - b);
  }
}

/** Columns as words, the lower half of each number first: to read them without a bigint for each. */
const halves = (list: BigUint64Array): Uint32Array => new Uint32Array(list.buffer, list.byteOffset, list.length * 2);

const numberAt = (words: Uint32Array, i: number): number => (words[2 * i + 1] ?? 0) * TWO32 + (words[2 * i] ?? 0);

/** Numbers below 2^53 as a column. */
export function addresses(n: number, value: (i: number) => number): BigUint64Array {
  const out = new BigUint64Array(n);
  const words = halves(out);
  for (let i = 0; i < n; i++) {
    const v = value(i);
    words[2 * i] = v % TWO32;
    words[2 * i + 1] = Math.floor(v / TWO32);
  }
  return out;
}

/** A column filled by index: much faster than `from` with a callback over a list. */
function column(n: number, value: (i: number) => bigint): BigUint64Array {
  const out = new BigUint64Array(n);
  for (let i = 0; i < n; i++) out[i] = value(i);
  return out;
}

export function numbers(n: number, value: (i: number) => number): Float64Array {
  const out = new Float64Array(n);
  for (let i = 0; i < n; i++) out[i] = value(i);
  return out;
}

/** Number of entries below x; with `equal`, at or below. */
function rank(list: Float64Array, x: number, equal = false): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const mid = (low + high) >>> 1;
    const v = list[mid] ?? 0;
    if (v < x || (equal && v === x)) low = mid + 1;
    else high = mid;
  }
  return low;
}

/** A dense track after a step: what stands, and what the step took away or brought. */
export interface DenseState {
  spans: Spans;
  removed: Spans;
  /** Number of intervals that the step added among the first i. */
  added: Uint32Array;
}

/** Compares with the state before the step; null: nothing is marked. */
export function denseState(now: Spans, before: Spans | null): DenseState {
  const added = new Uint32Array(now.n + 1);
  const gone: number[] = [];
  if (before !== null) {
    let k = 0;
    const [s, was] = [halves(now.start), halves(before.start)];
    const [l, wasLast] = [halves(now.last), halves(before.last)];
    const { tag } = now;
    const wasTag = before.tag;
    let sum = 0;
    for (let i = 0; i < now.n; i++) {
      const lo = s[2 * i] ?? 0;
      const hi = s[2 * i + 1] ?? 0;
      while (k < before.n && ((was[2 * k + 1] ?? 0) < hi || (was[2 * k + 1] === hi && (was[2 * k] ?? 0) < lo)))
        gone.push(k++);
      const met = k < before.n && was[2 * k] === lo && was[2 * k + 1] === hi;
      const same = met && wasLast[2 * k] === l[2 * i] && wasLast[2 * k + 1] === l[2 * i + 1] && wasTag[k] === tag[i];
      if (met) {
        if (!same) gone.push(k);
        k++;
      }
      if (!same) sum++;
      added[i + 1] = sum;
    }
    while (k < before.n) gone.push(k++);
  }
  return { spans: now, added, removed: before === null || gone.length === 0 ? EMPTY(now.kind) : picked(before, gone) };
}

const EMPTY = (kind: IntervalKind): Spans =>
  new Spans(kind, new BigUint64Array(0), new BigUint64Array(0), new Float64Array(0), () => {
    throw new Error("no interval");
  });

function picked(from: Spans, list: readonly number[]): Spans {
  return new Spans(
    from.kind,
    column(list.length, (i) => from.start[list[i] ?? 0] ?? 0n),
    column(list.length, (i) => from.last[list[i] ?? 0] ?? 0n),
    numbers(list.length, (i) => from.tag[list[i] ?? 0] ?? 0),
    (i) => from.describe(list[i] ?? 0),
  );
}

/** The intervals that the step changed, at most LISTED of each sort, in order. */
export function changedOf({ spans, removed, added }: DenseState): TrackInterval[] {
  const out: TrackInterval[] = [];
  for (let i = 0, n = 0; i < spans.n && n < LISTED && (added[spans.n] ?? 0) > 0; i++)
    if ((added[i + 1] ?? 0) > (added[i] ?? 0)) {
      out.push({ ...spans.describe(i), change: "added" });
      n++;
    }
  for (let i = 0; i < Math.min(removed.n, LISTED); i++) out.push({ ...removed.describe(i), change: "removed" });
  return out.sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
}

/** From plain intervals, for comparing a track that was not dense before. */
export function spansOf(
  kind: IntervalKind,
  list: readonly TrackInterval[],
  tagOf: (i: TrackInterval) => number,
): Spans {
  const sorted = list.toSorted((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
  return new Spans(
    kind,
    column(sorted.length, (i) => sorted[i]?.start ?? 0n),
    column(sorted.length, (i) => sorted[i]?.last ?? 0n),
    Float64Array.from(sorted, tagOf),
    (i) => {
      const one = sorted[i];
      if (one === undefined) throw new Error("no interval");
      return one;
    },
  );
}

/** `count` intervals from the `first` on, as they stand after the step. */
export function rowsOf({ spans, added }: DenseState, first: number, count: number): TrackInterval[] {
  const out: TrackInterval[] = [];
  for (let i = Math.max(0, first); i < Math.min(spans.n, first + count); i++) {
    const isNew = (added[i + 1] ?? 0) > (added[i] ?? 0);
    out.push(isNew ? { ...spans.describe(i), change: "added" } : spans.describe(i));
  }
  return out;
}

/** `[from, to)` in at most `buckets` buckets; the intervals themselves where they are not more than a fourth of that. */
export function windowOf(track: string, state: DenseState, from: bigint, to: bigint, buckets: number): SpaceWindow {
  const { spans, removed, added } = state;
  const [a, b] = [Number(from), Number(to)];
  const first = spans.ended(a);
  const end = spans.below(b);
  const goneFirst = removed.ended(a);
  const goneEnd = removed.below(b);
  if (end - first + (goneEnd - goneFirst) <= Math.min(LIST, Math.max(16, buckets >> 2))) {
    const intervals: TrackInterval[] = [];
    for (let i = first; i < end; i++) {
      const isNew = (added[i + 1] ?? 0) > (added[i] ?? 0);
      intervals.push(isNew ? { ...spans.describe(i), change: "added" } : spans.describe(i));
    }
    for (let i = goneFirst; i < goneEnd; i++) intervals.push({ ...removed.describe(i), change: "removed" });
    intervals.sort((x, y) => (x.start < y.start ? -1 : x.start > y.start ? 1 : 0));
    return { track, from, to, kind: spans.kind, count: end - first, intervals, buckets: null };
  }
  const n = Math.max(1, buckets);
  const size = (b - a) / n;
  const counts = new Uint32Array(n);
  const cover = new Uint8Array(n);
  const change = new Uint8Array(n);
  for (let i = 0; i < n; i++) {
    const [lo, hi] = [a + i * size, a + (i + 1) * size];
    const [s, e] = [spans.ended(lo), spans.below(hi)];
    const gone = removed.n === 0 ? 0 : removed.below(hi) - removed.ended(lo);
    counts[i] = Math.max(0, e - s);
    if (e > s) {
      cover[i] = Math.max(1, Math.round((255 * (spans.covered(hi) - spans.covered(lo))) / size));
      if ((added[e] ?? 0) > (added[s] ?? 0)) change[i] = 1;
    }
    if (gone > 0) change[i] = (change[i] ?? 0) | 2;
  }
  return { track, from, to, kind: spans.kind, count: end - first, intervals: null, buckets: { counts, cover, change } };
}
