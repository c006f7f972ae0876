/** The two-dimensional walk as a draw list: a row a stage-1 level, a column a stage-2 level, every read numbered. */
import type { WalkView } from "../../engine/views/types.ts";
import { hex } from "../draw/format.ts";
import { clip, crisp, line, type Mark, type TextMark, type Token } from "../draw/marks.ts";
import { type WalkCell, type WalkLine, walkLines } from "../views/walk/model.ts";

/** Sizes, rem. */
const TITLE = 9;
const ROW = 3.1;
const HEAD = 1.9;
const TEXT = 0.9;

export function drawWalk(view: WalkView, width: number, rem: number): { marks: Mark[]; height: number } {
  const lines = walkLines(view);
  const { levels } = view;
  const cell = (width - TITLE * rem) / (levels.length + 1.3);
  const left = (i: number): number => TITLE * rem + i * cell;
  const entry = left(levels.length);
  const marks: Mark[] = [
    text(levels.length > 0 ? "S1" : "", 0, rem, { color: "ink3" }),
    ...levels.map((l, i) => text(l, left(i), rem, { color: "ink3" })),
    text(levels.length > 0 ? "S1 entry" : "entry", entry, rem, { color: "ink3" }),
    line(0, crisp(HEAD * rem - 0.5 * rem), width, crisp(HEAD * rem - 0.5 * rem), "ink"),
  ];
  let y = HEAD * rem;
  for (const l of lines) {
    marks.push(...named(l, y, rem), ...cells(l, y, rem, left, entry, cell, width));
    y += height(l) * rem;
    marks.push(line(0, crisp(y - 0.35 * rem), width, crisp(y - 0.35 * rem), "hair"));
  }
  y += rem;
  const color: Token = view.ok ? "ink" : "fault";
  marks.push(text(view.end, 0, y, { font: "mono", weight: 600, color }));
  marks.push(text(view.tlb, width, y, { color: "ink2", anchor: "end" }));
  if (view.stale !== undefined && view.stale !== "") {
    y += 1.5 * rem;
    marks.push(text(view.stale, 0, y, { color: "fault" }));
  }
  return { marks, height: y + 0.8 * rem };
}

/** The stream's reads stand below each other, and a reason below the row that it ends. */
function height(l: WalkLine): number {
  const reads = l.stream ? 0.35 + readsOf(l).length * 1.35 : l.reached ? ROW : 1.7;
  return reads + (l.failing === null ? 0 : 1.4);
}

function readsOf(l: WalkLine): WalkCell[] {
  return [...l.s2, l.entry].filter((c): c is WalkCell => c !== null && "read" in c);
}

function named(l: WalkLine, y: number, rem: number): Mark[] {
  const color: Token = l.reached ? "ink" : "ink3";
  const sub = l.reached ? [text(l.sub, 0, y + 2.2 * rem, { font: "mono", size: 0.82, color: "ink2" })] : [];
  return [text(l.title, 0, y + rem, { weight: 600, color }), ...sub];
}

function cells(
  l: WalkLine,
  y: number,
  rem: number,
  left: (i: number) => number,
  entry: number,
  cell: number,
  width: number,
): Mark[] {
  const why = l.failing === null ? [] : [reason(l.failing, left(0), y + (height(l) - 0.75) * rem, width, rem)];
  if (!l.reached) return [text("not reached", left(0), y + rem, { color: "ink3" })];
  if (l.stream)
    return [
      ...readsOf(l).flatMap(({ read, value }, i) => {
        const base = y + (1 + i * 1.35) * rem;
        const words = `${hex(read.pa)}  ${value}  ${read.what}  ${read.decoded}`;
        return [number(read.n, left(0), base), text(words, left(0) + 1.9 * rem, base, { font: "mono" })];
      }),
      ...why,
    ];
  return [
    ...l.s2.flatMap((c, i) =>
      c === null
        ? []
        : "read" in c
          ? readMarks(c, left(i), y, cell, rem)
          : [text(c.skipped, left(i) + 1.9 * rem, y + rem, { color: "ink3", font: "mono" })],
    ),
    ...(l.entry === null ? [] : readMarks(l.entry, entry, y, width - entry, rem)),
    ...why,
  ];
}

function readMarks({ read, value, again }: WalkCell, x: number, y: number, room: number, rem: number): Mark[] {
  const color: Token = read.ok ? (again ? "ink3" : "ink") : "fault";
  const at = x + 1.9 * rem;
  const fits = (words: string): string => clip(words, "mono", (room - 2.4 * rem) / rem / TEXT);
  const box: Mark[] = read.ok
    ? []
    : [{ k: "rect", x: x - 0.4 * rem, y: y - 0.1 * rem, w: room - 0.2 * rem, h: 2.65 * rem, fill: "fwash" }];
  return [
    ...box,
    number(read.n, x, y + rem),
    { ...text(fits(hex(read.pa)), at, y + rem, { font: "mono", color }), tip: [read.what, read.decoded] },
    text(fits(`${value}  ${read.decoded}`), at, y + 2.2 * rem, {
      font: "mono",
      size: 0.82,
      color: read.ok ? "ink2" : "fault",
    }),
  ];
}

function reason(words: string, x: number, y: number, width: number, rem: number): Mark {
  return text(clip(words, "sans", (width - x) / rem / TEXT), x, y, { color: "fault", weight: 500 });
}

function number(n: number, x: number, y: number): Mark {
  return text(String(n), x, y, { color: "accent", weight: 600, size: 0.82 });
}

type Look = Partial<Pick<TextMark, "size" | "font" | "color" | "weight" | "anchor">>;

function text(words: string, x: number, y: number, look: Look): TextMark {
  return { k: "text", x, y, text: words, size: TEXT, font: "sans", color: "ink", ...look };
}
