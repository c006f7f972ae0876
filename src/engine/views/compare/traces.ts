/** Two traces of one step, aligned: where the kernels first went different ways. */
import type { Playable } from "../../sim/playable.ts";
import type { TraceEntry } from "../types.ts";
import type { CompareTraces } from "./types.ts";

/** Changes beyond which alignment is given up and the rest stands unaligned. */
const MOST_CHANGES = 1500;

export function compareTraces(a: Playable, b: Playable, step: number): CompareTraces | string {
  const left = a.results[step - 1];
  const right = b.results[step - 1];
  if (left === undefined || right === undefined) return `There is no step ${step}.`;
  const rows = align(left.trace.map(keyOf), right.trace.map(keyOf));
  return {
    step,
    a: { kernel: a.kernel, entries: left.trace, result: left.summary },
    b: { kernel: b.kernel, entries: right.trace, result: right.summary },
    rows,
    ...firstOf(rows, left.trace, right.trace),
  };
}

/** What two entries must have in common: no physical address, which depends on what was allocated before. */
function keyOf(e: TraceEntry): string {
  switch (e.t) {
    case "enter":
      return `> ${e.fn}`;
    case "leave":
      return `< ${e.fn} ${e.failed ? e.ret : ""}`;
    case "check":
      return `? ${e.what} ${e.ok}`;
    case "note":
      return `- ${e.what}`;
    case "mem":
      return `m ${e.who} ${e.write} ${e.what}`;
    case "cmd":
      return `c ${e.text}`;
    case "tlb":
      return `t ${e.hit} ${e.what}`;
    case "event":
      return `e ${e.text}`;
    case "msi":
      return `i ${e.what} ${e.delivered}`;
  }
}

/** The shortest edit script (Myers), as rows. */
export function align(a: readonly string[], b: readonly string[]): CompareTraces["rows"] {
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  const rows: CompareTraces["rows"] = [];
  for (let i = 0; i < head; i++) rows.push({ a: i, b: i, same: true });
  const pairs = middle(a.slice(head, a.length - tail), b.slice(head, b.length - tail));
  let x = head;
  let y = head;
  const differ = (toA: number, toB: number): void => {
    // What one side did instead of the other stands in the same rows.
    while (x < toA || y < toB) rows.push({ a: x < toA ? x++ : -1, b: y < toB ? y++ : -1, same: false });
  };
  for (const [p, q] of pairs) {
    differ(head + p, head + q);
    rows.push({ a: x++, b: y++, same: true });
  }
  differ(a.length - tail, b.length - tail);
  for (let i = tail; i > 0; i--) rows.push({ a: a.length - i, b: b.length - i, same: true });
  return rows;
}

/** Pairs of equal elements, ascending on both sides. */
function middle(a: readonly string[], b: readonly string[]): [number, number][] {
  const most = Math.min(a.length + b.length, MOST_CHANGES);
  const at = new Map<number, number>([[1, 0]]);
  const trail: Map<number, number>[] = [];
  for (let d = 0; d <= most; d++) {
    trail.push(new Map(at));
    for (let k = -d; k <= d; k += 2) {
      const down = k === -d || (k !== d && (at.get(k - 1) ?? -1) < (at.get(k + 1) ?? -1));
      let x = down ? (at.get(k + 1) ?? 0) : (at.get(k - 1) ?? 0) + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++;
      at.set(k, x);
      if (x >= a.length && x - k >= b.length) return back(trail, a.length, b.length);
    }
  }
  return [];
}

function back(trail: readonly Map<number, number>[], endA: number, endB: number): [number, number][] {
  const pairs: [number, number][] = [];
  let x = endA;
  let y = endB;
  for (let d = trail.length - 1; d >= 0; d--) {
    const at = trail[d];
    const k = x - y;
    const down = k === -d || (k !== d && (at?.get(k - 1) ?? -1) < (at?.get(k + 1) ?? -1));
    const from = down ? k + 1 : k - 1;
    const px = d === 0 ? 0 : (at?.get(from) ?? 0);
    const py = d === 0 ? 0 : px - from;
    // Past the one step that is no pair; the first round has none.
    const endX = d > 0 && !down ? px + 1 : px;
    const endY = d > 0 && down ? py + 1 : py;
    while (x > endX && y > endY) pairs.push([--x, --y]);
    x = px;
    y = py;
  }
  return pairs.reverse();
}

/** Entries that follow from what was decided, and decide nothing. */
const FOLLOWS: ReadonlySet<TraceEntry["t"]> = new Set(["mem", "tlb", "cmd"]);

function firstOf(
  rows: CompareTraces["rows"],
  a: readonly TraceEntry[],
  b: readonly TraceEntry[],
): Pick<CompareTraces, "first" | "check"> {
  const kinds = rows.map((r) => (r.same ? [] : [a[r.a]?.t, b[r.b]?.t].filter((t) => t !== undefined)));
  const parted = kinds.findIndex((k) => k.some((t) => !FOLLOWS.has(t)));
  return {
    first: parted >= 0 ? parted : rows.findIndex((r) => !r.same),
    check: kinds.findIndex((k) => k.includes("check")),
  };
}
