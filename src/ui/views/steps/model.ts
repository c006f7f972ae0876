/** The op log as rows with actor lanes. */
import type { Actor, StepView } from "../../../engine/views/types.ts";
import { type Mark, type Token, line, n } from "../../draw/marks.ts";

export interface StepRow {
  step: StepView;
  /** Drawn lighter: `VFIO_DEVICE_`. */
  prefix: string;
  op: string;
  /** Top and height, rem. */
  y: number;
  h: number;
  state: "past" | "current" | "future";
}

export const ACTORS: Record<Actor, { letter: string; name: string }> = {
  vmm: { letter: "V", name: "VMM" },
  guest: { letter: "G", name: "guest" },
  device: { letter: "D", name: "device" },
  admin: { letter: "A", name: "admin" },
};

const ONE_LINE = 1.66;
const TWO_LINES = 2.72;

/** Where each row begins, rem; the last entry is the height of the list. */
export function rowTops(steps: readonly StepView[]): Float64Array {
  const tops = new Float64Array(steps.length + 1);
  steps.forEach((s, i) => {
    tops[i + 1] = (tops[i] ?? 0) + (s.args === "" ? ONE_LINE : TWO_LINES);
  });
  return tops;
}

/** The rows that meet `[top, bottom)`, rem, and some on both sides: `[first, end)`. */
export function rowsWithin(tops: Float64Array, top: number, bottom: number): [first: number, end: number] {
  const rank = (y: number): number => {
    let low = 0;
    let high = tops.length - 1;
    while (low < high) {
      const mid = (low + high) >> 1;
      if ((tops[mid + 1] ?? 0) <= y) low = mid + 1;
      else high = mid;
    }
    return low;
  };
  return [Math.max(0, rank(top) - BESIDE), Math.min(tops.length - 1, rank(bottom) + 1 + BESIDE)];
}

/** Rows written beyond what is seen. */
const BESIDE = 12;

/** The rows `[first, end)`; their tops count from the first one's. */
export function stepRows(
  steps: readonly StepView[],
  current: number,
  tops = rowTops(steps),
  [first, end]: readonly [number, number] = [0, steps.length],
): StepRow[] {
  const from = tops[first] ?? 0;
  return steps.slice(first, end).map((step, i) => {
    const device = step.op.startsWith("DEVICE_");
    const y = (tops[first + i] ?? 0) - from;
    return {
      step,
      prefix: step.prefix + (device ? "DEVICE_" : ""),
      op: device ? step.op.slice(7) : step.op,
      y,
      h: (tops[first + i + 1] ?? 0) - from - y,
      state: step.index === current ? "current" : step.index < current ? "past" : "future",
    };
  });
}

/** The actors of a scenario, each with the place of its lane, rem. `folded`: all share one lane. */
export function lanesOf(steps: readonly StepView[], folded: boolean): Map<Actor, number> {
  const order: Actor[] = ["vmm", "guest", "device", "admin"];
  const there = new Set(steps.map((s) => s.actor));
  const present = order.filter((a) => there.has(a));
  return new Map(present.map((a, i) => [a, folded ? 1.15 : 1.1 + 1.45 * i]));
}

/** Lanes, the path that joins the steps in their order, and a shape for each actor: the form says who, not the colour. */
export function drawLanes(rows: readonly StepRow[], lanes: Map<Actor, number>, rem: number): Mark[] {
  const marks: Mark[] = [];
  const last = rows.at(-1);
  if (last === undefined) return marks;
  const height = (last.y + last.h) * rem;
  for (const x of new Set(lanes.values()))
    marks.push(line(Math.round(x * rem) + 0.5, 0, Math.round(x * rem) + 0.5, height, "hair"));
  const centre = (r: StepRow): [number, number] => [
    Math.round((lanes.get(r.step.actor) ?? 1.1) * rem) + 0.5,
    Math.round((r.y + 0.95) * rem),
  ];
  let past = "";
  let future = "";
  rows.forEach((r, i) => {
    const next = rows[i + 1];
    if (next === undefined) return;
    const [x, y] = centre(r);
    const [nx, ny] = centre(next);
    const bend = Math.round((r.y + r.h) * rem);
    const d = x === nx ? `M${x} ${y}V${ny}` : `M${x} ${y}V${bend - 5}L${nx} ${bend + 1}V${ny}`;
    if (next.state === "future") future += d;
    else past += d;
  });
  if (future !== "") marks.push({ k: "path", d: future, stroke: "hair2", width: 1.2 });
  if (past !== "") marks.push({ k: "path", d: past, stroke: "ink", width: 1.2 });
  for (const r of rows) {
    const [x, y] = centre(r);
    const current = r.state === "current";
    const stroke: Token = current ? "accent" : r.state === "past" ? "ink" : "edge";
    const fill: Token = current ? "accent" : "paper";
    const s = 0.54 * rem;
    marks.push({ k: "path", d: shape(r.step.actor, x, y, s), fill, stroke, width: 1.2, cls: "keep" });
    marks.push({
      k: "text",
      x,
      y: y + 0.27 * rem,
      text: ACTORS[r.step.actor].letter,
      size: 0.76,
      font: "mono",
      weight: 500,
      color: current ? "on" : r.state === "past" ? "ink" : "ink3",
      anchor: "middle",
      cls: "keep",
    });
  }
  return marks;
}

function shape(actor: Actor, x: number, y: number, s: number): string {
  switch (actor) {
    case "vmm":
      return `M${n(x - s)} ${n(y - s)}h${n(2 * s)}v${n(2 * s)}h${n(-2 * s)}Z`;
    case "guest":
      return `M${n(x - s * 1.06)} ${n(y)}a${n(s * 1.06)} ${n(s * 1.06)} 0 1 0 ${n(s * 2.12)} 0a${n(s * 1.06)} ${n(s * 1.06)} 0 1 0 ${n(-s * 2.12)} 0Z`;
    case "device":
      return `M${n(x)} ${n(y - s * 1.32)}l${n(s * 1.32)} ${n(s * 1.32)}l${n(-s * 1.32)} ${n(s * 1.32)}l${n(-s * 1.32)} ${n(-s * 1.32)}Z`;
    case "admin":
      return `M${n(x)} ${n(y - s * 1.25)}l${n(s * 1.2)} ${n(s * 2.2)}h${n(-s * 2.4)}Z`;
  }
}
