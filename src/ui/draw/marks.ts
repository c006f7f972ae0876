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
  text: string;
  /** Written raised after the text: the exponent of `2^44`. */
  power?: number;
  /** After the exponent, or instead of it. */
  tail?: string;
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

const NARROW = new Set("iljtfr.,:;'|!()[]1 I");
const WIDE = new Set("mwMWOQ@%");

/** Width in em. Exact for the mono face (0.6 em a letter), close for the sans. */
export function em(text: string, font: "sans" | "mono"): number {
  if (font === "mono") return text.length * 0.6;
  let sum = 0;
  for (const c of text) sum += NARROW.has(c) ? 0.32 : WIDE.has(c) ? 0.86 : c >= "A" && c <= "Z" ? 0.65 : 0.56;
  return sum;
}
