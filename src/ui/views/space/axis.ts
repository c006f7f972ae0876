/**
 * The compressed axis: all 2^64 addresses in one row of pieces. A piece is `solid` (something stands there; its width
 * grows with the logarithm of its size, so that a page and a gigabyte are both seen) or a `gap` (nothing stands there; it
 * is drawn as a narrow column with its size written). Inside a piece the axis is linear, over all it is monotone.
 */
import type { IntervalKind } from "../../../engine/views/types.ts";

/** One past the last address. */
export const TOP = 1n << 64n;
export const PAGE = 4096n;

export interface Piece {
  start: bigint;
  /** Exclusive. */
  end: bigint;
  gap: boolean;
  /** Share of the width that solid pieces have together; 1 for a gap. */
  weight: number;
}

export interface Axis {
  pieces: readonly Piece[];
  /** Weight of the solid pieces before piece i; one longer than `pieces`. */
  weightBefore: readonly number[];
  gapsBefore: readonly number[];
}

/** A stretch that the axis must show. Both ends inclusive. */
export interface Landmark {
  start: bigint;
  last: bigint;
  kind: IntervalKind;
}

/** Kinds that say "all of this": their edges count, their inside alone makes no stretch worth width. */
const BACKGROUND = new Set<IntervalKind>(["ram", "allowed", "range", "aperture"]);
const HUGE = 1n << 36n;
/** Device registers nearer than this to each other share a landmark. */
const NEAR = 1n << 28n;
/** An interval makes the stretches inside it solid only down to this part of its size. */
const PART = 64n;
/** An empty stretch is cut when it is larger than its smaller neighbour by this factor. */
const CUT = 6n;

/** The axis on which every address is as wide as any other. */
export const TRUE_SCALE: Axis = finish([{ start: 0n, end: TOP, gap: false, weight: 1 }]);

/** `focus`: addresses that steps go to; the stretches around them get more room. */
export function buildAxis(all: readonly Landmark[], focus: readonly bigint[] = []): Axis {
  const edges = new Set<bigint>([0n, TOP]);
  const landmarks = joinDevices(all);
  for (const l of landmarks) {
    edges.add(l.start);
    edges.add(l.last + 1n);
  }
  const sorted = [...edges].sort((a, b) => (a < b ? -1 : 1));
  if (sorted.length === 2) return TRUE_SCALE;
  const owner = smallestCover(sorted, landmarks);
  const solid = sorted.slice(0, -1).map((start, i) => {
    const cover = owner[i];
    return cover !== undefined && cover <= ((sorted[i + 1] ?? TOP) - start) * PART;
  });
  const sizes = sorted.slice(0, -1).map((start, i) => (sorted[i + 1] ?? TOP) - start);
  const gaps = solid.map((isSolid, i) => {
    if (isSolid) return false;
    const beside = [i - 1, i + 1].flatMap((k) => (solid[k] === true ? [sizes[k] ?? 0n] : []));
    const least = beside.reduce((a, b) => (a < b ? a : b), beside[0] ?? 0n);
    return (sizes[i] ?? 0n) > least * CUT;
  });
  const worth = importance(sorted, landmarks);
  const pieces: Piece[] = gaps.map((gap, i) => ({
    start: sorted[i] ?? 0n,
    end: sorted[i + 1] ?? TOP,
    gap,
    weight: gap ? 1 : weightOf(sizes[i] ?? 0n) * (worth[i] ?? 1),
  }));
  balance(pieces, focus);
  return finish(pieces);
}

/** Device registers that stand close together are one landmark: what is inside is drawn, but gets no room of its own. */
function joinDevices(landmarks: readonly Landmark[]): Landmark[] {
  const devices = landmarks
    .filter((l) => l.kind === "mmio" && l.last - l.start < HUGE)
    .toSorted((a, b) => (a.start < b.start ? -1 : 1));
  const out = landmarks.filter((l) => l.kind !== "mmio");
  let open: Landmark | null = null;
  for (const d of devices) {
    if (open !== null && d.start <= open.last + NEAR) {
      if (d.last > open.last) open.last = d.last;
      continue;
    }
    open = { ...d };
    out.push(open);
  }
  return out;
}

/** Size of the smallest telling interval over each stretch. A sweep: intervals may be many. */
function smallestCover(edges: readonly bigint[], landmarks: readonly Landmark[]): (bigint | undefined)[] {
  const index = new Map(edges.map((e, i) => [e, i]));
  const cover: (bigint | undefined)[] = edges.slice(1).map(() => undefined);
  const telling = landmarks
    .map((l) => ({ ...l, size: l.last - l.start + 1n }))
    .filter((l) => !BACKGROUND.has(l.kind) && l.size < HUGE)
    .sort((a, b) => (a.size < b.size ? -1 : a.size > b.size ? 1 : 0));
  // Smallest first; a stretch once covered is skipped by jumping to the next free one.
  const next = edges.map((_, i) => i);
  const free = (i: number): number => {
    let root = i;
    while ((next[root] ?? root) !== root) root = next[root] ?? root;
    for (let at = i; at !== root;) {
      const after = next[at] ?? root;
      next[at] = root;
      at = after;
    }
    return root;
  };
  for (const l of telling) {
    const end = index.get(l.last + 1n) ?? 0;
    for (let i = free(index.get(l.start) ?? 0); i < end; i = free(i)) {
      cover[i] = l.size;
      next[i] = i + 1;
    }
  }
  return cover;
}

/** Room by what stands there: MSI windows are what the picture is often about, bare device registers rarely. */
function importance(edges: readonly bigint[], landmarks: readonly Landmark[]): number[] {
  const msi = smallestCover(
    edges,
    landmarks.filter((l) => l.kind === "sw_msi" || l.kind === "hw_msi"),
  );
  const things = smallestCover(
    edges,
    landmarks.filter((l) => l.kind !== "mmio"),
  );
  const any = smallestCover(edges, landmarks);
  return any.map((cover, i) =>
    msi[i] !== undefined ? 2.4 : things[i] !== undefined ? 1 : cover !== undefined ? 0.6 : 0.45,
  );
}

function weightOf(size: bigint): number {
  return 1 + 0.55 * Math.max(0, Math.log2(Number(size) / 4096));
}

/** Long runs of stretches are held back, runs that steps go to are widened. */
function balance(pieces: Piece[], focus: readonly bigint[]): void {
  for (let from = 0; from < pieces.length; from++) {
    if (pieces[from]?.gap !== false) continue;
    let to = from;
    while (pieces[to + 1]?.gap === false) to++;
    const run = pieces.slice(from, to + 1);
    const start = run[0]?.start ?? 0n;
    const end = run.at(-1)?.end ?? 0n;
    const total = run.reduce((sum, p) => sum + p.weight, 0);
    const wanted = total ** 0.72 * (focus.some((a) => a >= start && a < end) ? 1.5 : 1);
    for (const p of run) p.weight *= wanted / total;
    from = to;
  }
}

function finish(pieces: readonly Piece[]): Axis {
  const weightBefore = [0];
  const gapsBefore = [0];
  for (const p of pieces) {
    weightBefore.push((weightBefore.at(-1) ?? 0) + (p.gap ? 0 : p.weight));
    gapsBefore.push((gapsBefore.at(-1) ?? 0) + (p.gap ? 1 : 0));
  }
  return { pieces, weightBefore, gapsBefore };
}

/** Index of the piece that holds an address; TOP belongs to the last one. */
export function pieceAt(axis: Axis, address: bigint): number {
  let low = 0;
  let high = axis.pieces.length - 1;
  while (low < high) {
    const mid = (low + high + 1) >> 1;
    if ((axis.pieces[mid]?.start ?? 0n) <= address) low = mid;
    else high = mid - 1;
  }
  return low;
}
