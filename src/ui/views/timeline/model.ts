/** The timeline: a tick a step, the chosen kernel in full, of every other kernel only what differs. */
import type { BranchInfo } from "../../../engine/protocol.ts";
import type { Lane, Outcome, StepView } from "../../../engine/views/types.ts";
import { type Mark, type Token, clip, crisp, em, line, n } from "../../draw/marks.ts";
import { type StepWindow, whole } from "./zoom.ts";

export interface TimelineInput {
  steps: readonly StepView[];
  step: number;
  kernel: string;
  lanes: { title: string; lane: Lane }[];
  /** Branches that are not open, on this kernel; they leave the line after the steps that they share with it. */
  branches?: readonly { branch: BranchInfo; lane: Lane }[];
  breakpoints: readonly number[];
}

export interface TimelinePlace {
  width: number;
  rem: number;
  /** Where the first step stands: the left edge of the stage. */
  left: number;
  /** The steps that are seen; all when it is missing. */
  window?: StepWindow | null;
}

/** Baselines and lines, rem. Names stand in two rows by turns, so that each has the room of two steps. */
export const ROWS = { names: [1.12, 2.28], line: 3.05, words: 4.12, first: 5.3, pitch: 1.36 } as const;

export function stepX(i: number, count: number, at: TimelinePlace): number {
  const { first, span } = at.window ?? whole(count);
  const x0 = at.left + 0.2 * at.rem;
  return x0 + ((i - first) * (at.width - 1.1 * at.rem - x0)) / span;
}

/** Whether a step's place is seen; the whole line reaches a little further at both ends. */
function seen(px: number, at: TimelinePlace): boolean {
  return (at.window ?? null) === null || (px >= at.left - 0.1 * at.rem && px <= at.width - 0.4 * at.rem);
}

/** The first step that is seen, and the last. */
function seenSteps(count: number, axis: number, at: TimelinePlace): [number, number] {
  const { first, span } = at.window ?? whole(axis);
  return [Math.max(1, Math.ceil(first - 0.01)), Math.min(count, Math.floor(first + span))];
}

/** The step nearest to a pixel; 0 left of the first. */
export function stepAt(px: number, count: number, at: TimelinePlace): number {
  const dx = stepX(2, count, at) - stepX(1, count, at);
  return Math.max(0, Math.min(count, Math.round((px - stepX(1, count, at)) / dx) + 1));
}

/** Steps for which there is room: those of the longest branch. */
export function axisLength(count: number, branches: TimelineInput["branches"] = []): number {
  return Math.max(count, ...branches.map((b) => b.branch.steps));
}

export function drawTimeline(input: TimelineInput, at: TimelinePlace): Mark[] {
  const { steps, step, lanes } = input;
  const { rem } = at;
  const count = steps.length;
  const axis = axisLength(count, input.branches);
  const x = (i: number): number => stepX(i, axis, at);
  const y = ROWS.line * rem;
  const height = (ROWS.first + (lanes.length + (input.branches?.length ?? 0)) * ROWS.pitch) * rem;
  const marks: Mark[] = [];
  const [a, b] = seenSteps(count, axis, at);
  const shown = steps.slice(a - 1, b);
  const past = Math.max(a, Math.min(step, b));
  if (shown.length > 0) {
    marks.push(line(x(a), y, x(past), y, step < a ? "hair2" : "ink", { width: 1.6 }));
    marks.push(line(x(past), y, x(b), y, step > b ? "ink" : "hair2", { width: 1.6 }));
  }
  const flag = seen(x(Math.max(step, 1)), at) ? drawFlag(input, at, x, height) : NO_FLAG;
  marks.push(...flag.line);
  const dx = x(2) - x(1);
  const breakpoints = input.breakpoints.filter((s) => s >= a && s <= b);
  if (dx < CROWDED) {
    marks.push(...crowded(shown, x, y, rem));
    for (const b of breakpoints)
      marks.push({ k: "path", d: `M${n(x(b) - 3)} ${n(y + 0.7 * rem)}h6v6h-6Z`, fill: "fault" });
  }
  for (const s of dx < CROWDED ? [] : shown) {
    if (s.index === step) continue;
    marks.push(...sign(s.outcome, x(s.index), y, rem, s.index > step ? "edge" : "ink", 0.5, { refs: s.refs }));
    if (breakpoints.includes(s.index))
      marks.push({ k: "path", d: `M${n(x(s.index) - 3)} ${n(y + 0.7 * rem)}h6v6h-6Z`, fill: "fault" });
  }
  marks.push(...names(input, at, x, flag.span, [a, b]), ...words({ ...input, steps: shown }, at, x), ...flag.label);
  lanes.forEach(({ lane }, row) => marks.push(...others(lane, row, x, count, at)));
  input.branches?.forEach((b, row) => marks.push(...branchLane(b, lanes.length + row, x, at)));
  return marks;
}

/** The current step is out of sight. */
const NO_FLAG: ReturnType<typeof drawFlag> = { span: [0, 0], line: [], label: [] };

/** Leaves the line after the shared steps and goes on in its own row: every step of its own has a sign, a failing one its word. */
function branchLane(
  { branch, lane }: { branch: BranchInfo; lane: Lane },
  row: number,
  x: (i: number) => number,
  at: TimelinePlace,
): Mark[] {
  const { rem } = at;
  const y = crisp((ROWS.first + row * ROWS.pitch) * rem);
  const edge = at.width - 0.4 * rem;
  const from = Math.min(Math.max(x(Math.max(branch.shared, 1)), at.left), edge);
  const refs = [`branch:${branch.id}`];
  const turn = from + 0.45 * rem;
  const marks: Mark[] = [
    {
      k: "path",
      d: `M${n(from)} ${n(ROWS.line * rem)}L${n(turn)} ${y}H${n(Math.max(turn, Math.min(x(branch.steps), edge)))}`,
      stroke: "ink3",
      width: 1.2,
      refs,
    },
  ];
  const words: Mark[] = [];
  let free = Number.NEGATIVE_INFINITY;
  lane.cells.slice(0, branch.steps).forEach((cell, i) => {
    if (i < branch.shared) return;
    const px = x(i + 1);
    if (!seen(px, at)) return;
    const bad = cell.outcome === "errno" || cell.outcome === "fault";
    marks.push(...sign(cell.outcome, px, y, rem, "ink2", 0.4, { refs }));
    if (!bad || px < free) return;
    const room = at.width - 0.4 * rem - px - 0.5 * rem;
    const text = clip(cell.text, "mono", room / rem / 0.82);
    free = px + (em(text, "mono") * 0.82 + 1.2) * rem;
    if (text === "") return;
    const w = em(text, "mono") * 0.82 * rem;
    words.push({ k: "rect", x: px + 0.42 * rem, y: y - 0.6 * rem, w: w + 0.2 * rem, h: 1.2 * rem, fill: "paper" });
    words.push({
      k: "text",
      x: px + 0.5 * rem,
      y: y + 0.3 * rem,
      text,
      size: 0.82,
      font: "mono",
      color: "fault",
      refs,
    });
  });
  return [...marks, ...words];
}

/** Signs nearer to each other than this, pixels, are drawn as columns. */
const CROWDED = 3;

/** A band for all steps; every pixel in which one failed is red, an event higher than an errno. */
function crowded(steps: readonly StepView[], x: (i: number) => number, y: number, rem: number): Mark[] {
  const columns = (outcome: Outcome): string => {
    const h = (outcome === "fault" ? 0.62 : 0.5) * rem;
    let d = "";
    let last = Number.NaN;
    for (const s of steps) {
      if (s.outcome !== outcome) continue;
      const px = Math.round(x(s.index));
      if (px === last) continue;
      d += `M${px + 0.5} ${n(y - h)}v${n(2 * h)}`;
      last = px;
    }
    return d;
  };
  const marks: Mark[] = [
    {
      k: "rect",
      x: x(steps[0]?.index ?? 1),
      y: y - 0.32 * rem,
      w: x(steps.at(-1)?.index ?? 1) - x(steps[0]?.index ?? 1),
      h: 0.64 * rem,
      fill: "ink3",
      opacity: 0.35,
    },
  ];
  for (const outcome of ["errno", "fault"] as const) {
    const d = columns(outcome);
    if (d !== "") marks.push({ k: "path", d, stroke: "fault", width: outcome === "fault" ? 2 : 1.4, cls: "keep" });
  }
  return marks;
}

/** The scrub handle with the current step's name. */
function drawFlag(
  { steps, step }: TimelineInput,
  at: TimelinePlace,
  x: (i: number) => number,
  height: number,
): { span: [number, number]; line: Mark[]; label: Mark[] } {
  const { rem } = at;
  const current = steps[step - 1];
  const px = current === undefined ? x(1) - 0.9 * rem : x(step);
  const text = current === undefined ? "start" : `${step}  ${current.tick}`;
  const w = (em(text, "sans") * 0.94 + 1.1) * rem;
  const x0 = Math.min(px - 0.55 * rem, at.width - w);
  const y = ROWS.line * rem;
  return {
    span: [x0, x0 + w],
    line: [line(px, 0, px, height - 0.4 * rem, "accent", { width: 2 })],
    label: [
      { k: "rect", x: x0, y: 0, w, h: 1.58 * rem, fill: "accent", cls: "keep" },
      {
        k: "text",
        x: x0 + 0.55 * rem,
        y: ROWS.names[0] * rem,
        text,
        size: 0.92,
        font: "sans",
        weight: 600,
        color: "on",
        cls: "keep",
      },
      ...(current === undefined ? [] : sign(current.outcome, px, y, rem, "accent", 0.58, {})),
    ],
  };
}

function names(
  { steps, step }: TimelineInput,
  at: TimelinePlace,
  x: (i: number) => number,
  flag: [number, number],
  [first, last]: [number, number],
): Mark[] {
  const { rem } = at;
  const dx = x(2) - x(1);
  const one = dx > 8.5 * rem || dx < CROWDED;
  const rows = one ? 1 : 2;
  const least = Math.max(2.6, em(String(steps.length), "sans") * 0.92 + (dx < CROWDED ? 5 : 1.2));
  const every = Math.max(1, Math.ceil((least * rem) / (dx * rows)));
  const marks: Mark[] = [];
  for (let at0 = first - 1; at0 < last; at0++) {
    // Of very many steps those between two names are jumped over.
    if (every > 8 && Math.ceil((at0 + 1) / rows) % every !== 0) {
      at0 = Math.max(at0, (Math.ceil(Math.ceil((at0 + 1) / rows) / every) * every - 1) * rows - 1);
      continue;
    }
    const s = steps[at0];
    if (s === undefined || s.index === step || (every > 1 && Math.ceil(s.index / rows) % every !== 0)) continue;
    const row = one ? 1 : (s.index + 1) % 2;
    const px = x(s.index);
    const digits = String(s.index);
    const shift = (em(digits, "sans") + 0.3) * 0.92 * rem;
    let room = dx * rows * every - shift - 0.7 * rem;
    if ((at.window ?? null) !== null) {
      if (px + shift > at.width) continue;
      room = Math.min(room, at.width - 0.6 * rem - px - shift);
    } else if (s.index + rows > steps.length) room = at.width - 0.6 * rem - px - shift;
    if (row === 0) {
      if (px > flag[0] - 4 && px < flag[1] + 4) continue;
      if (px < flag[0]) room = Math.min(room, flag[0] - px - shift - 0.4 * rem);
    }
    const y = (ROWS.names[row] ?? 0) * rem;
    // The last name of a row may stand left of its tick, when it would not fit at the right.
    const wide = em(s.tick, "sans") * 0.92 * rem;
    const ends = (at.window ?? null) === null && s.index + rows > steps.length;
    const back = ends && wide > room ? Math.min(wide - room, dx * rows - 5 * rem) : 0;
    const text = clip(s.tick, "sans", (room + Math.max(0, back)) / rem / 0.92);
    if (row === 0 && !one)
      marks.push(line(crisp(px - 0.5), y + 0.35 * rem, crisp(px - 0.5), ROWS.line * rem - 0.5 * rem, "hair"));
    marks.push({
      k: "text",
      x: px - Math.max(0, back),
      y,
      text: digits,
      size: 0.92,
      font: "sans",
      color: "ink3",
      refs: s.refs,
    });
    if (text !== "")
      marks.push({
        k: "text",
        x: px + shift - Math.max(0, back),
        y,
        text,
        size: 0.92,
        font: "sans",
        color: s.index > step ? "ink2" : "ink",
        refs: s.refs,
        halo: 3,
      });
  }
  return marks;
}

/** Errnos and events below the line; where two would meet, the later one goes. */
function words({ steps, step }: TimelineInput, at: TimelinePlace, x: (i: number) => number): Mark[] {
  const { rem } = at;
  const marks: Mark[] = [];
  const taken: [number, number][] = [];
  const bad = steps.filter((s) => s.outcome === "errno" || s.outcome === "fault");
  let last = Number.NEGATIVE_INFINITY;
  for (const s of [...bad.filter((b) => b.index === step), ...bad.filter((b) => b.index !== step)]) {
    // Ascending but for the first: what begins left of the last one's end cannot stand.
    if (s.index !== step && x(s.index) < last - 2 * rem) continue;
    const w = em(s.result, "mono") * 0.82 * rem;
    const start = Math.min(
      x(s.index) - (s.outcome === "fault" ? 0.45 : 0.2) * rem + (s.index === step ? 1 * rem : 0),
      at.width - 0.5 * rem - w,
    );
    if (taken.some(([a, b]) => start < b + 5 && start + w > a - 5)) continue;
    taken.push([start, start + w]);
    if (s.index !== step) last = start + w;
    marks.push({
      k: "text",
      x: start,
      y: ROWS.words * rem,
      text: s.result,
      size: 0.82,
      font: "mono",
      color: "fault",
      halo: 3,
      ...(s.index === step ? { weight: 500 as const } : {}),
    });
  }
  return marks;
}

/** Triangle: an event. Bar: an errno. Tick: it went through. */
function sign(
  outcome: Outcome,
  x: number,
  y: number,
  rem: number,
  tone: Token,
  r: number,
  more: { refs?: readonly string[] },
): Mark[] {
  const s = r * rem;
  if (outcome === "fault")
    return [
      {
        k: "path",
        d: `M${n(x - s)} ${n(y + s * 0.8)}h${n(2 * s)}L${n(x)} ${n(y - s)}Z`,
        fill: "fault",
        stroke: "paper",
        width: 1,
        cls: "keep",
        ...more,
      },
    ];
  if (outcome === "errno")
    return [{ k: "rect", x: x - 0.4 * s, y: y - 1.2 * s, w: 0.8 * s, h: 2.4 * s, fill: "fault", cls: "keep", ...more }];
  return [line(x, y - 0.9 * s, x, y + 0.9 * s, tone, { width: 1.6 })];
}

/** Another kernel's lane with very many steps: a column where it differs, a red one where it then failed. */
function crowdedLane(lane: Lane, x: (i: number) => number, y: number, at: TimelinePlace): Mark[] {
  const { rem } = at;
  const bars = { ink: "", fault: "" };
  const last = { ink: Number.NaN, fault: Number.NaN };
  lane.cells.forEach((cell, i) => {
    if (!cell.differs) return;
    const tone = cell.outcome === "errno" || cell.outcome === "fault" ? "fault" : "ink";
    const px = Math.round(x(i + 1));
    if (last[tone] === px || !seen(px, at)) return;
    last[tone] = px;
    bars[tone] += `M${px + 0.5} ${n(y - 0.36 * rem)}v${n(0.72 * rem)}`;
  });
  return (["ink", "fault"] as const).flatMap((tone): Mark[] =>
    bars[tone] === "" ? [] : [{ k: "path", d: bars[tone], stroke: tone, width: 1.2 }],
  );
}

function others(lane: Lane, row: number, x: (i: number) => number, count: number, at: TimelinePlace): Mark[] {
  const { rem } = at;
  const y = crisp((ROWS.first + row * ROWS.pitch) * rem);
  const dx = x(2) - x(1);
  const marks: Mark[] = [line(Math.max(x(1), at.left), y, Math.min(x(count), at.width - 0.4 * rem), y, "hair")];
  if (dx < CROWDED) return [...marks, ...crowdedLane(lane, x, y, at)];
  const failed = (i: number): boolean => lane.cells[i]?.outcome === "errno" || lane.cells[i]?.outcome === "fault";
  lane.cells.forEach((cell, i) => {
    const px = x(i + 1);
    if (cell.differs || !seen(px, at)) return;
    if (failed(i)) marks.push(...sign(cell.outcome, px, y, rem, "ink3", 0.36, {}));
    else if (dx > 6) marks.push({ k: "path", d: dot(px, y, 1.6), fill: "edge" });
  });
  lane.cells.forEach((cell, i) => {
    const px = x(i + 1);
    if (!cell.differs || !seen(px, at)) return;
    const text = cell.text.replace(/^0x/, "");
    const mono = text !== cell.text || /^(E[A-Z]+|F_)/.test(text);
    const font = mono ? "mono" : "sans";
    const size = mono ? 0.82 : 0.9;
    // Over the dots of steps that do not differ a word may run; not over a sign that says something.
    let free = i + 1;
    while (free < count && lane.cells[free]?.differs === false && !failed(free)) free++;
    const end = free >= count ? at.width - 0.4 * rem : x(free + 1) - 0.36 * rem;
    const shown = clip(text, font, (end - px - 0.52 * rem) / rem / size);
    if (shown !== "") {
      marks.push({
        k: "rect",
        x: px - 0.5 * rem,
        y: y - 0.6 * rem,
        w: (em(shown, font) * size + 1.3) * rem,
        h: 1.2 * rem,
        fill: "paper",
      });
      marks.push({
        k: "text",
        x: px + 0.52 * rem,
        y: y + 0.3 * rem,
        text: shown,
        size,
        font,
        color: failed(i) ? "fault" : "ink",
      });
    }
    if (failed(i)) marks.push(...sign(cell.outcome, px, y, rem, "ink", 0.42, {}));
    else marks.push({ k: "path", d: dot(px, y, 0.3 * rem), fill: "paper", stroke: "ink", width: 1.5 });
  });
  return marks;
}

function dot(x: number, y: number, r: number): string {
  return `M${n(x - r)} ${n(y)}a${n(r)} ${n(r)} 0 1 0 ${n(2 * r)} 0a${n(r)} ${n(r)} 0 1 0 ${n(-2 * r)} 0Z`;
}
