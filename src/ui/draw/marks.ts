/**
 * The draw list: what a drawn view is made of, before it is an SVG. A view's `draw` functions are pure and return marks;
 * one printer turns them into a picture (paint.ts). Lengths are CSS pixels, `size` of a text is rem.
 */
import type { Ref } from "../../engine/views/types.ts";

export type Token =
  | "paper"
  | "well"
  | "ink"
  | "ink2"
  | "ink3"
  | "hair"
  | "hair2"
  | "edge"
  | "accent"
  | "wash"
  | "on"
  | "map"
  | "map-text"
  | "sw"
  | "sw-text"
  | "rsv"
  | "dir"
  | "phys"
  | "fault"
  | "fwash"
  | "none";

export type PatternId = "reserved" | "sw" | "hw" | "direct" | "mmio" | "aperture" | "hole";
export type Paint = Token | `pattern:${PatternId}`;

interface Common {
  /** Refs of the things that this mark shows, most specific first: hovering selects the first, any of them lights it. */
  refs?: readonly Ref[];
  /** Lines of the tooltip. */
  tip?: readonly string[];
  /** Extra class, for styles that answer to hover. */
  cls?: string;
}
interface Stroke {
  stroke?: Token;
  /** Pixels; default 1. */
  width?: number;
  dash?: string;
}

export interface RectMark extends Common, Stroke {
  k: "rect";
  x: number;
  y: number;
  w: number;
  h: number;
  fill?: Paint;
  /** Of the fill only. */
  opacity?: number;
}
export interface PathMark extends Common, Stroke {
  k: "path";
  d: string;
  fill?: Paint;
  opacity?: number;
  strokeOpacity?: number;
}
export interface TextMark extends Common {
  k: "text";
  x: number;
  y: number;
  /** Long hex numbers are grouped, `2^44` gets a raised exponent. */
  text: string;
  size: number;
  font: "sans" | "mono";
  color: Token;
  weight?: 400 | 500 | 600;
  anchor?: "start" | "middle" | "end";
  /** Paper around the letters, pixels. */
  halo?: number;
  /** Clockwise quarter turn about (x, y). */
  turned?: boolean;
}
export type Mark = RectMark | PathMark | TextMark;

export const DASH = "3 2.5";

/** Centre of the pixel, so that a line one pixel wide is sharp. */
export function crisp(v: number): number {
  return Math.round(v) + 0.5;
}

export function line(x1: number, y1: number, x2: number, y2: number, stroke: Token, more: Omit<Stroke, "stroke"> = {}) {
  return { k: "path", d: `M${n(x1)} ${n(y1)}L${n(x2)} ${n(y2)}`, stroke, ...more } satisfies PathMark;
}

/** At most two decimals: short paths, stable tests. */
export function n(v: number): string {
  return String(Math.round(v * 100) / 100);
}

/** Advance widths of IBM Plex Sans 500, printable ASCII from the space on, hundredths of an em. */
const SANS = [
  24, 30, 45, 68, 60, 95, 71, 25, 34, 34, 51, 60, 29, 40, 29, 42, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 31, 31, 60,
  60, 60, 49, 90, 66, 66, 63, 68, 59, 57, 70, 71, 41, 53, 66, 51, 81, 71, 71, 63, 71, 65, 60, 58, 68, 63, 93, 64, 62,
  59, 32, 42, 32, 60, 56, 60, 55, 59, 51, 59, 55, 34, 54, 58, 26, 26, 55, 28, 88, 58, 56, 59, 59, 38, 49, 36, 58, 51,
  80, 53, 51, 49, 35, 35, 35, 60,
];

/** Width in em. Exact for the mono face (0.6 em a letter) and for ASCII in the sans. */
export function em(text: string, font: "sans" | "mono"): number {
  if (font === "mono") return text.length * 0.6;
  let sum = 0;
  for (const c of text) sum += SANS[c.charCodeAt(0) - 32] ?? 60;
  return sum / 100;
}

/** Shortens to a width in em of its own size; empty when not even two letters fit. */
export function clip(text: string, font: "sans" | "mono", room: number): string {
  if (em(text, font) <= room) return text;
  let cut = text;
  while (cut.length > 0 && em(`${cut}…`, font) > room) cut = cut.slice(0, -1);
  return cut.trimEnd().length > 1 ? `${cut.trimEnd()}…` : "";
}
