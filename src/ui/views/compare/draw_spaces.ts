/**
 * Two address spaces on one axis, as a draw list: in every track the first kernel above, the second below. What both have
 * is quiet and goes through both halves; what only one has stands out in its own half, with its exact range.
 */
import type { ComparePart, CompareSpaces, CompareTrack } from "../../../engine/views/types.ts";
import { address, hex, size } from "../../draw/format.ts";
import { clip, crisp, em, line, type Mark, n, type Token } from "../../draw/marks.ts";
import { buildAxis } from "../space/axis.ts";
import { KINDS } from "../space/kinds.ts";
import { Scale, type Window } from "../space/scale.ts";

export interface SpacesDrawing {
  marks: Mark[];
  height: number;
}

/** Heights, rem. */
const HALF = 1.02;
const QUIET = 0.72;
const HEAD = 2.2;

export function drawSpaces(
  spaces: CompareSpaces,
  titles: readonly [string, string],
  window: Window,
  width: number,
  rem: number,
): SpacesDrawing {
  const left = Math.round(11.5 * rem);
  const right = width - Math.round(0.4 * rem);
  const axis = buildAxis(spaces.tracks.flatMap((t) => t.parts.map(({ start, last, kind }) => ({ start, last, kind }))));
  const scale = new Scale(axis, window, right - left, 1.4 * rem);
  const marks: Mark[] = [];
  const tracks: Mark[] = [];
  let y = HEAD * rem;
  for (const t of spaces.tracks) {
    const h = (t.equal ? QUIET : 2 * HALF) * rem;
    tracks.push(...trackMarks(t, titles, scale, { left, right, y, h, rem }));
    y += h + (t.equal ? 0.62 : 0.95) * rem;
  }
  const height = Math.round(y);
  for (const { piece, x0, x1 } of scale.stretches()) {
    if (!piece.gap) continue;
    const a = left + Math.max(0, x0);
    const b = Math.min(right, left + x1);
    marks.push({
      k: "rect",
      x: a,
      y: HEAD * rem - 0.5 * rem,
      w: b - a,
      h: height - HEAD * rem + 0.2 * rem,
      fill: "well",
    });
  }
  marks.push(...axisMarks(scale, left, right, rem), ...tracks);
  return { marks, height };
}

/** Addresses where solid stretches begin, as far as they have room. */
function axisMarks(scale: Scale, left: number, right: number, rem: number): Mark[] {
  const y = crisp(1.45 * rem);
  const marks: Mark[] = [line(left, y, right, y, "hair2")];
  let free = 0;
  for (const { piece, x0 } of scale.stretches()) {
    if (piece.gap || x0 < -1) continue;
    const text = address(piece.start);
    const w = em(text, "mono") * 0.82 * rem;
    const x = left + Math.max(0, x0);
    marks.push(line(crisp(x), y - 3, crisp(x), y + 3, "edge"));
    if (x < free || x + w > right) continue;
    marks.push({ k: "text", x, y: 1.05 * rem, text, size: 0.82, font: "mono", color: "ink3" });
    free = x + w + 0.9 * rem;
  }
  return marks;
}

interface Place {
  left: number;
  right: number;
  y: number;
  h: number;
  rem: number;
}

function trackMarks(t: CompareTrack, titles: readonly [string, string], scale: Scale, at: Place): Mark[] {
  const { left, right, y, h, rem } = at;
  const marks: Mark[] = [line(left, crisp(y + h + 1), right, crisp(y + h + 1), "hair")];
  const label = clip(t.label, "sans", (left / rem - 0.8) / 0.96);
  marks.push({
    k: "text",
    x: 0,
    y: y + (t.equal ? h / 2 + 0.3 * rem : 0.78 * rem),
    text: label,
    size: t.equal ? 0.9 : 0.96,
    font: "sans",
    color: t.equal ? "ink3" : "ink",
    ...(t.equal ? {} : { weight: 500 as const }),
    refs: [t.ref],
  });
  if (t.equal) {
    for (const p of t.parts) marks.push(...part(p, scale, at, y, h, true, titles));
    return marks;
  }
  const half = h / 2;
  marks.push(side(titles[0], t.a, left, y + half / 2, rem), side(titles[1], t.b, left, y + half * 1.5, rem));
  for (const p of t.parts.toSorted((p, q) => (p.in === "both" ? 0 : 1) - (q.in === "both" ? 0 : 1))) {
    if (p.in !== "b") marks.push(...part(p, scale, at, y, half, p.in === "both", titles));
    if (p.in !== "a") marks.push(...part(p, scale, at, y + half, half, p.in === "both", titles));
  }
  return marks;
}

function side(title: string, there: boolean, left: number, y: number, rem: number): Mark {
  const text = clip(there ? title : `${title}: none`, "sans", 8);
  return {
    k: "text",
    x: left - 0.7 * rem,
    y: y + 0.3 * rem,
    text,
    size: 0.84,
    font: "sans",
    color: "ink3",
    anchor: "end",
  };
}

function part(
  p: ComparePart,
  scale: Scale,
  at: Place,
  y: number,
  h: number,
  quiet: boolean,
  titles: readonly [string, string],
): Mark[] {
  if (p.last < scale.window.lo || p.start >= scale.window.hi) return [];
  const { left, right, rem } = at;
  const look = KINDS[p.kind];
  const a = Math.max(left, left + scale.x(p.start));
  const b = Math.min(right, Math.max(left + scale.xLast(p.last), a + 3));
  const where = p.in === "both" ? "both" : `only ${p.in === "a" ? titles[0] : titles[1]}`;
  const tip = [
    `${where}: ${look.name} ${p.label}`.trimEnd(),
    `${hex(p.start)} - ${hex(p.last)}  ${size(p.last - p.start + 1n)}`,
  ];
  const stroke: Token = quiet ? "hair2" : look.stroke;
  const top = y + 1;
  const tall = h - 3;
  if (look.line) {
    const m = crisp(y + h / 2);
    const d = `M${n(a)} ${m}H${n(b)}M${n(a)} ${m - 3}v6M${n(b)} ${m - 3}v6`;
    return [
      { k: "path", d, stroke: quiet ? "ink3" : "ink", width: quiet ? 1 : 2.2, tip },
      ...(quiet ? [] : said(p, a, b, y, h, at)),
    ];
  }
  const marks: Mark[] = [];
  if (!quiet && look.tint > 0)
    marks.push({ k: "rect", x: a, y: top, w: b - a, h: tall, fill: look.stroke, opacity: look.tint });
  marks.push({
    k: "rect",
    x: a,
    y: top,
    w: b - a,
    h: tall,
    fill: look.fill,
    opacity: quiet ? 0.28 : look.opacity,
    tip,
  });
  marks.push({
    k: "rect",
    x: crisp(a),
    y: crisp(top),
    w: Math.max(1, Math.round(b - a) - 1),
    h: Math.round(tall) - 1,
    fill: "none",
    stroke,
    ...(quiet ? {} : { width: 1.6 }),
  });
  if (quiet) return marks;
  if (b - a > 1.4 * rem && look.letter !== "") {
    marks.push({ k: "rect", x: a + 0.22 * rem, y: top + 1.5, w: 0.95 * rem, h: tall - 3, fill: "paper" });
    marks.push({
      k: "text",
      x: a + 0.7 * rem,
      y: y + h / 2 + 0.28 * rem,
      text: look.letter,
      size: 0.82,
      font: "mono",
      weight: 600,
      color: look.text,
      anchor: "middle",
    });
  }
  return [...marks, ...said(p, a, b, y, h, at)];
}

/** The exact range of a difference, beside it or inside. */
function said(p: ComparePart, a: number, b: number, y: number, h: number, { left, right, rem }: Place): Mark[] {
  const text = `${hex(p.start)}-${hex(p.last)}  ${size(p.last - p.start + 1n)}`;
  const w = em(text, "mono") * 0.82 * rem;
  const base = y + h / 2 + 0.28 * rem;
  const common = { k: "text", y: base, text, size: 0.82, font: "mono", color: "ink" } as const;
  const ground = (x: number): Mark => ({ k: "rect", x: x - 3, y: y + 1, w: w + 6, h: h - 2, fill: "paper" });
  if (b + w + 6 < right) return [ground(b + 5), { ...common, x: b + 5 }];
  if (a - w - 6 > left) return [ground(a - 5 - w), { ...common, x: a - 5, anchor: "end" }];
  return b - a > w + 2.2 * rem ? [ground(a + 1.5 * rem), { ...common, x: a + 1.5 * rem }] : [];
}
