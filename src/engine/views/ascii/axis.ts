/** One compressed axis of whole columns: every edge has its column, as long as there is room; sizes count by logarithm. */
import type { IntervalKind } from "../types.ts";

export interface Stretch {
  start: bigint;
  last: bigint;
  kind: IntervalKind;
  /** The step touched it: its edges go last. */
  hot?: boolean;
}

const TOP = 1n << 64n;

/** What must not lose its edges where columns are short, most important first. */
const RANK: Readonly<Record<IntervalKind, number>> = Object.freeze({
  sw_msi: 9,
  hw_msi: 9,
  doorbell: 9,
  reserved: 7,
  direct: 7,
  "direct-relaxable": 7,
  map: 6,
  allowed: 5,
  range: 5,
  aperture: 5,
  ram: 3,
  mmio: 1,
});

/** Kinds that say something of large parts of the space; they make no room for themselves. */
const WIDE = new Set<IntervalKind>(["allowed", "range", "aperture"]);
/** Kinds that get no more room than they must have. */
const QUIET = new Set<IntervalKind>(["mmio", "ram"]);

export interface Axis {
  columns: number;
  /** Starts of the pieces, ascending, the first 0. */
  starts: readonly bigint[];
  /** First column of each piece, and one past the last. */
  at: readonly number[];
  /** Nothing but a wide kind stands there: cut, not drawn to size. */
  gap: readonly boolean[];
  /** How much each start tells: the first to be written above the strips. */
  worth: readonly number[];
}

export function axisOf(stretches: readonly Stretch[], columns: number): Axis {
  const worth = new Map<bigint, number>([[0n, 100]]);
  for (const s of stretches)
    for (const edge of [s.start, s.last + 1n])
      if (edge < TOP) worth.set(edge, Math.max(worth.get(edge) ?? 0, RANK[s.kind] + (s.hot === true ? 10 : 0)));
  const ranked = [...worth].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, Math.floor(columns * 0.7));
  const starts = ranked.map(([edge]) => edge).sort((a, b) => (a < b ? -1 : 1));
  const solid = stretches.filter((s) => !WIDE.has(s.kind));
  const ends = starts.map((_, i) => starts[i + 1] ?? TOP);
  const gap = starts.map((start, i) => !solid.some((s) => s.start < (ends[i] ?? TOP) && s.last >= start));
  const telling = solid.filter((s) => !QUIET.has(s.kind));
  const weights = starts.map((start, i) => {
    if (gap[i] === true) return 0.5;
    if (!telling.some((s) => s.start < (ends[i] ?? TOP) && s.last >= start)) return 0.3;
    return 1 + 0.35 * Math.max(0, log2((ends[i] ?? TOP) - start) - 12);
  });
  const total = weights.reduce((a, b) => a + b, 0);
  const free = columns - starts.length;
  const at = [0];
  let sum = 0;
  weights.forEach((w, i) => {
    sum += w;
    at.push(i + 1 + Math.round((free * sum) / total));
  });
  return { columns, starts, at, gap, worth: starts.map((s) => worth.get(s) ?? 0) };
}

function log2(value: bigint): number {
  return value.toString(2).length - 1;
}

function pieceOf(axis: Axis, address: bigint): number {
  let low = 0;
  let high = axis.starts.length - 1;
  while (low < high) {
    const mid = (low + high + 1) >> 1;
    if ((axis.starts[mid] ?? 0n) <= address) low = mid;
    else high = mid - 1;
  }
  return low;
}

/** Column in which an address stands; inside a piece by its part. */
export function column(axis: Axis, address: bigint): number {
  const i = pieceOf(axis, address);
  const start = axis.starts[i] ?? 0n;
  const from = axis.at[i] ?? 0;
  const wide = (axis.at[i + 1] ?? axis.columns) - from;
  const part = Number(address - start) / Number((axis.starts[i + 1] ?? TOP) - start);
  return Math.min(from + wide - 1, from + Math.floor(part * wide));
}

/** First column, and one past the last: at least one. */
export function span(axis: Axis, start: bigint, last: bigint): [number, number] {
  const from = column(axis, start);
  return [from, Math.max(from, column(axis, last)) + 1];
}
