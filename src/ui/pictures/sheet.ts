/** Plates with a title and a margin: one view, one step, or a strip of all steps. */
import type { StepView } from "../../engine/views/types.ts";
import { em, type Mark, type TextMark } from "../draw/marks.ts";
import type { Picture } from "./svg.ts";
import { type Plate, type Size, stacked } from "./views.ts";

/** Width of what is drawn, and the size of its text, pixels. */
export const SHEET: Size = Object.freeze({ width: 1180, rem: 12 });
/** Longer storyboards are refused. */
export const SCENES = 400;

const MARGIN = 24;
/** A narrow picture keeps room for its title. */
const LEAST = 420;

export interface Words {
  /** Of the scenario. */
  title: string;
  /** `Address space`. */
  view: string;
  /** `linux-7.2, after step 9 of 19`. */
  where: string;
  /** The step that has just run; none before the first, and where all are shown. */
  now?: StepView | undefined;
}

/** A plate under its title line: scenario, view, kernel and step. */
export function sheet({ title, view, where, now }: Words, plate: Plate): Picture {
  const { rem } = SHEET;
  const head = [
    text(title, 0, 1.15 * rem, { size: 1.3, weight: 600 }),
    text(`${view}. ${where}`, 0, 2.75 * rem, { color: "ink2" }),
    ...(now === undefined
      ? []
      : [
          text(`${callOf(now)}: ${now.result}`, 0, 4.15 * rem, {
            font: "mono",
            size: 0.92,
            color: failed(now) ? "fault" : "ink",
          }),
        ]),
  ];
  const top = (now === undefined ? 4.2 : 5.6) * rem;
  const widest = Math.max(plate.width, LEAST, ...head.map((m) => em(m.text, m.font) * m.size * rem));
  return {
    title: `${title}: ${view}`,
    desc: now === undefined ? where : `${where}. ${now.spoken}`,
    width: Math.ceil(widest + 2 * MARGIN),
    height: Math.ceil(top + plate.height + 2 * MARGIN),
    parts: [
      { x: MARGIN, y: MARGIN, marks: head },
      ...plate.parts.map((p) => ({ ...p, x: p.x + MARGIN, y: p.y + MARGIN + top })),
    ],
  };
}

/** A heading over a plate, where several stand below each other. */
export function titled(title: string, plate: Plate): Plate {
  const { rem, width } = SHEET;
  const head: Mark[] = [
    { k: "path", d: `M0 0.5H${width}`, stroke: "ink" },
    text(title, 0, 1.5 * rem, { size: 1.05, weight: 600 }),
  ];
  return stacked([{ width, height: 2.2 * rem, parts: [{ x: 0, y: 0, marks: head }] }, plate], 0);
}

/** One scene of a storyboard: the number, the call with its result, the author's note, and the picture. */
export function scene(step: StepView, plate: Plate): Plate {
  const { rem, width } = SHEET;
  const color = failed(step) ? "fault" : "ink";
  const note = step.note ?? "";
  const head: Mark[] = [
    { k: "path", d: `M0 0.5H${width}`, stroke: "ink" },
    text(String(step.index), 0, 1.6 * rem, { size: 1.3, weight: 600, color: "accent" }),
    text(callOf(step), 3 * rem, 1.6 * rem, { font: "mono", weight: 500 }),
    text(step.result, width, 1.6 * rem, { font: "mono", weight: 600, color, anchor: "end" }),
    ...(note === "" ? [] : [text(note, 3 * rem, 3 * rem, { color: "ink2" })]),
  ];
  const height = (note === "" ? 2.6 : 4) * rem;
  return stacked([{ width, height, parts: [{ x: 0, y: 0, marks: head }] }, plate], 0);
}

function callOf(s: StepView): string {
  return `${s.actor} ${s.prefix}${s.op} ${s.args}`.trim();
}

function failed(step: StepView | undefined): boolean {
  return step?.outcome === "errno" || step?.outcome === "fault";
}

type Look = Partial<Pick<TextMark, "size" | "font" | "color" | "weight" | "anchor">>;

function text(words: string, x: number, y: number, look: Look): TextMark {
  return { k: "text", x, y, text: words, size: 0.96, font: "sans", color: "ink", ...look };
}
