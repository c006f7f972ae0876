/** The timeline: a tick a step, the chosen kernel in full, of every other kernel only what differs. */
import type { Lane, Outcome, StepView } from "../../../engine/views/types.ts";
import { type Mark, type Token, crisp, em, line, n } from "../../draw/marks.ts";

export interface TimelineInput {
  steps: readonly StepView[];
  step: number;
  kernel: string;
  lanes: { title: string; lane: Lane }[];
  breakpoints: readonly number[];
}

export interface TimelinePlace {
  width: number;
  rem: number;
  /** Where step 1 stands: the left edge of the stage. */
  left: number;
}

export const TOP_ROW = { names: 1.5, line: 2.5, words: 3.55, first: 4.95, pitch: 1.4 } as const;

export function stepX(i: number, count: number, at: TimelinePlace): number {
  const x0 = at.left + 0.2 * at.rem;
  const dx = (at.width - 1.1 * at.rem - x0) / Math.max(count, 1);
  return x0 + (i - 1) * dx;
}

/** The step nearest to a pixel; 0 left of the first. */
export function stepAt(px: number, count: number, at: TimelinePlace): number {
  const dx = stepX(2, count, at) - stepX(1, count, at);
  return Math.max(0, Math.min(count, Math.round((px - stepX(1, count, at)) / dx) + 1));
}

export function drawTimeline(input: TimelineInput, at: TimelinePlace): Mark[] {
  const { steps, step, lanes } = input;
  const { rem } = at;
  const count = steps.length;
  const x = (i: number): number => stepX(i, count, at);
  const dx = x(2) - x(1);
  const y = TOP_ROW.line * rem;
  const height = (TOP_ROW.first + lanes.length * TOP_ROW.pitch) * rem;
  const marks: Mark[] = [];
  const past = Math.max(1, step);
  if (count > 0) {
    marks.push(line(x(1), y, x(past), y, "ink", { width: 1.6 }));
    marks.push(line(x(past), y, x(count), y, "hair2", { width: 1.6 }));
  }
  const every = Math.max(1, Math.ceil((4.2 * rem) / dx));
  for (const s of steps) {
    const px = x(s.index);
    const future = s.index > step;
    const current = s.index === step;
    marks.push(...sign(s.outcome, px, y, rem, future ? "edge" : "ink", current ? 0.55 : 0.5, { refs: s.refs }));
    if (input.breakpoints.includes(s.index)) marks.push({ k: "path", d: `M${n(px - 3)} ${n(y - 0.95 * rem)}h6v6h-6Z`, fill: "fault" });
    if (current) continue;
    if (s.index % every === (every === 1 ? 0 : 1)) marks.push(...name(s, px, dx * every, rem, future ? "ink2" : "ink"));
    if ((s.outcome === "errno" || s.outcome === "fault") && em(s.result, "mono") * 0.82 * rem < dx * 1.3) {
      marks.push({ k: "text", x: px, y: TOP_ROW.words * rem, text: clip(s.result, "mono", (dx / rem - 0.4) / 0.82), size: 0.82, font: "mono", color: "fault", halo: 3 });
    }
  }
  const current = steps[step - 1];
  const px = current === undefined ? x(1) - 0.9 * rem : x(step);
  const label = current === undefined ? "start" : `${step} ${current.tick}`;
  const w = Math.max(em(label, "sans") * 0.96 * rem + 0.9 * rem, Math.min(dx, 7 * rem));
  const x0 = Math.min(px - 0.5 * rem, at.width - w);
  marks.push(line(px, 0, px, height - 0.35 * rem, "accent", { width: 2 }));
  marks.push({ k: "rect", x: x0, y: 0, w, h: 1.9 * rem, fill: "accent", cls: "keep" });
  marks.push({ k: "text", x: x0 + 0.55 * rem, y: 1.32 * rem, text: label, size: 0.92, font: "sans", weight: 600, color: "on", cls: "keep" });
  if (current !== undefined) {
    marks.push(...sign(current.outcome, px, y, rem, "accent", 0.55, {}));
    if (current.outcome === "errno" || current.outcome === "fault")
      marks.push({ k: "text", x: px + 0.75 * rem, y: TOP_ROW.words * rem, text: current.result, size: 0.82, font: "mono", weight: 500, color: "fault", halo: 4 });
  }
  lanes.forEach(({ lane }, row) => marks.push(...others(lane, row, x, dx, count, rem)));
  return marks;
}

function name(s: StepView, px: number, room: number, rem: number, color: Token): Mark[] {
  const digits = String(s.index);
  const shift = (digits.length * 0.56 + 0.3) * 0.92 * rem;
  const text = clip(s.tick, "sans", (room - shift) / rem / 0.92 - 0.3);
  const y = TOP_ROW.names * rem - 0.18 * rem;
  return [
    { k: "text", x: px, y, text: digits, size: 0.92, font: "sans", color: "ink3", refs: s.refs },
    ...(text === "" ? [] : [{ k: "text" as const, x: px + shift, y, text, size: 0.92, font: "sans" as const, color, refs: s.refs }]),
  ];
}

function clip(text: string, font: "sans" | "mono", room: number): string {
  if (em(text, font) <= room) return text;
  let cut = text;
  while (cut.length > 0 && em(`${cut}…`, font) > room) cut = cut.slice(0, -1);
  return cut.length > 1 ? `${cut.trimEnd()}…` : "";
}

/** Triangle: an event. Bar: an errno. Tick: it went through. */
function sign(outcome: Outcome, x: number, y: number, rem: number, tone: Token, r: number, more: { refs?: readonly string[] }): Mark[] {
  const s = r * rem;
  if (outcome === "fault") return [{ k: "path", d: `M${n(x - s)} ${n(y + s * 0.8)}h${n(2 * s)}L${n(x)} ${n(y - s)}Z`, fill: "fault", stroke: "paper", width: 1, cls: "keep", ...more }];
  if (outcome === "errno") return [{ k: "rect", x: x - 0.4 * s, y: y - 1.2 * s, w: 0.8 * s, h: 2.4 * s, fill: "fault", cls: "keep", ...more }];
  return [line(x, y - 0.9 * s, x, y + 0.9 * s, tone, { width: 1.6 })];
}

function others(lane: Lane, row: number, x: (i: number) => number, dx: number, count: number, rem: number): Mark[] {
  const y = crisp((TOP_ROW.first + row * TOP_ROW.pitch) * rem);
  const marks: Mark[] = [line(x(1), y, x(count), y, "hair")];
  lane.cells.forEach((cell, i) => {
    const px = x(i + 1);
    const bad = cell.outcome === "errno" || cell.outcome === "fault";
    if (!cell.differs) {
      if (bad) marks.push(...sign(cell.outcome, px, y, rem, "ink3", 0.36, {}));
      else if (dx > 6) marks.push({ k: "path", d: `M${n(px - 1.6)} ${n(y)}a1.6 1.6 0 1 0 3.2 0a1.6 1.6 0 1 0 -3.2 0Z`, fill: "edge" });
      return;
    }
    const mono = /^(0x|E[A-Z]|F_)/.test(cell.text);
    const font = mono ? "mono" : "sans";
    const text = clip(cell.text, font, (dx / rem - 1) / (mono ? 0.82 : 0.9));
    if (text !== "") {
      marks.push({ k: "rect", x: px - 0.5 * rem, y: y - 0.6 * rem, w: (em(text, font) * 0.88 + 1.2) * rem, h: 1.2 * rem, fill: "paper" });
      marks.push({ k: "text", x: px + 0.62 * rem, y: y + 0.3 * rem, text, size: mono ? 0.82 : 0.9, font, color: bad ? "fault" : "ink" });
    }
    if (bad) marks.push(...sign(cell.outcome, px, y, rem, "ink", 0.42, {}));
    else {
      const r = 0.3 * rem;
      marks.push({ k: "path", d: `M${n(px - r)} ${n(y)}a${n(r)} ${n(r)} 0 1 0 ${n(2 * r)} 0a${n(r)} ${n(r)} 0 1 0 ${n(-2 * r)} 0Z`, fill: "paper", stroke: "ink", width: 1.5 });
    }
  });
  return marks;
}
