/**
 * Tracks with very many intervals on a canvas: the buckets of a window are painted once into a strip one pixel high,
 * and panning and zooming only stretch it onto the row. Near enough, the intervals themselves are drawn like all others.
 */
import type { SpaceWindow, TrackInterval } from "../../../engine/views/types.ts";
import type { DenseWindows } from "../../app/dense.ts";
import type { Place, SpaceLayout } from "./layout.ts";
import type { Row, SpaceModel } from "./model.ts";
import type { Scale } from "./scale.ts";

/** Intervals that a step changed are drawn one by one up to this many; more are told by the strip. */
const MARKED = 24;

/** A stretch of a row to be filled from a window. */
export interface Fill {
  place: Place;
  window: SpaceWindow;
  /** Pixels of the plot. */
  x0: number;
  x1: number;
  /** The part of the window that is seen there, of 1. */
  s0: number;
  s1: number;
}

/** The model with the intervals that are near enough to be drawn, and what the canvas fills instead. */
export function nearby(
  model: SpaceModel,
  scale: Scale,
  at: SpaceLayout,
  windows: DenseWindows,
): { model: SpaceModel; fills: Fill[] } {
  const fills: Fill[] = [];
  if (!model.bands.some((b) => b.rows.some((r) => r.dense !== null))) return { model, fills };
  const bands = model.bands.map((band) =>
    Object.assign({}, band, {
      rows: band.rows.map((row) => {
        const place = at.rows.get(row.id);
        return row.dense === null || place === undefined ? row : nearRow(row, place, scale, windows, fills);
      }),
    }),
  );
  return { model: { ...model, bands, base: model }, fills };
}

function nearRow(row: Row, place: Place, scale: Scale, windows: DenseWindows, fills: Fill[]): Row {
  const { dense } = row;
  if (dense === null) return row;
  const others = row.intervals.filter((i) => i.kind !== dense.kind);
  const changed = row.intervals.filter((i) => i.kind === dense.kind);
  const listed = new Map<bigint, TrackInterval>();
  let filled = false;
  const { window } = scale;
  for (const { piece } of scale.stretches())
    for (const c of dense.clusters) {
      const from = max(piece.start, c.start, window.lo);
      const to = min(piece.end, c.last + 1n, window.hi);
      if (from >= to) continue;
      const [x0, x1] = [scale.x(from), scale.x(to)];
      const lo = max(piece.start, c.start);
      const hi = min(piece.end, c.last + 1n);
      for (const w of windows.look(row.id, from, to, Math.max(1, Math.ceil(x1 - x0)), lo, hi)) {
        if (w.intervals === null) {
          filled = true;
          const [a, b] = [max(w.from, from), min(w.to, to)];
          const part = (v: bigint): number => Number(v - w.from) / Number(w.to - w.from);
          if (a < b) fills.push({ place, window: w, x0: scale.x(a), x1: scale.x(b), s0: part(a), s1: part(b) });
        } else for (const i of w.intervals) listed.set(i.start, i);
      }
    }
  const own = filled ? (changed.length <= MARKED ? changed : []) : [...listed.values()];
  const intervals = [...others, ...own].sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
  return { ...row, intervals, clusters: filled ? dense.clusters : [], base: row };
}

const max = (...v: bigint[]): bigint => v.reduce((a, b) => (a > b ? a : b));
const min = (...v: bigint[]): bigint => v.reduce((a, b) => (a < b ? a : b));

type Rgb = [number, number, number];

interface Strip {
  cover: OffscreenCanvas;
  change: OffscreenCanvas | null;
}

/** Paints fills; keeps the strips of windows. */
export class DenseCanvas {
  private readonly canvas: HTMLCanvasElement;
  private readonly strips = new Map<SpaceWindow, Strip>();
  private colours: { theme: string; map: Rgb; accent: Rgb; gone: Rgb } | null = null;

  constructor(canvas: HTMLCanvasElement) {
    this.canvas = canvas;
  }

  paint(fills: readonly Fill[], at: SpaceLayout): void {
    const ratio = devicePixelRatio;
    const [w, h] = fills.length === 0 ? [0, 0] : [Math.round(at.width * ratio), Math.round(at.height * ratio)];
    if (this.canvas.width !== w || this.canvas.height !== h) {
      this.canvas.width = w;
      this.canvas.height = h;
      this.canvas.style.width = `${at.width}px`;
      this.canvas.style.height = `${at.height}px`;
    }
    const ctx = this.canvas.getContext("2d");
    if (ctx === null || fills.length === 0) {
      this.strips.clear();
      return;
    }
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.clearRect(0, 0, at.width, at.height);
    const live = new Set<SpaceWindow>();
    for (const fill of fills) {
      live.add(fill.window);
      this.fill(ctx, fill, at);
    }
    for (const w of this.strips.keys()) if (!live.has(w) && this.strips.size > 24) this.strips.delete(w);
  }

  private fill(ctx: CanvasRenderingContext2D, { place, window: w, x0, x1, s0, s1 }: Fill, at: SpaceLayout): void {
    const strip = this.stripOf(w);
    const n = strip.cover.width;
    const [x, width] = [at.left + x0, Math.max(1, x1 - x0)];
    const [from, part] = [s0 * n, Math.max((s1 - s0) * n, 1e-3)];
    ctx.imageSmoothingEnabled = part > width;
    ctx.clearRect(x, place.y, width, place.h);
    ctx.drawImage(strip.cover, from, 0, part, 1, x, place.y, width, place.h);
    if (strip.change !== null) ctx.drawImage(strip.change, from, 0, part, 1, x, place.y + place.h - 2.5, width, 2.5);
  }

  private stripOf(w: SpaceWindow): Strip {
    const theme = document.documentElement.dataset["theme"] ?? "";
    if (this.colours?.theme !== theme) {
      this.strips.clear();
      this.colours = { theme, map: colour("--map"), accent: colour("--accent"), gone: colour("--ink3") };
    }
    let strip = this.strips.get(w);
    if (strip === undefined) {
      strip = makeStrip(w, this.colours);
      this.strips.set(w, strip);
    }
    return strip;
  }
}

/** One pixel a bucket: the more of it is covered the stronger, and never so faint that one interval is missed. */
function makeStrip(w: SpaceWindow, { map, accent, gone }: { map: Rgb; accent: Rgb; gone: Rgb }): Strip {
  const counts = w.buckets?.counts ?? new Uint32Array(1);
  const n = counts.length;
  const cover = new ImageData(n, 1);
  const change = new ImageData(n, 1);
  let changed = false;
  for (let i = 0; i < n; i++) {
    const part = (w.buckets?.cover[i] ?? 0) / 255;
    if ((counts[i] ?? 0) > 0) dot(cover.data, i, map, Math.round(255 * (0.4 + 0.45 * part)));
    const bits = w.buckets?.change[i] ?? 0;
    if (bits === 0) continue;
    changed = true;
    dot(change.data, i, (bits & 1) !== 0 ? accent : gone, 255);
  }
  return { cover: stripFrom(cover), change: changed ? stripFrom(change) : null };
}

function dot(data: ImageData["data"], i: number, [r, g, b]: Rgb, alpha: number): void {
  data[4 * i] = r;
  data[4 * i + 1] = g;
  data[4 * i + 2] = b;
  data[4 * i + 3] = alpha;
}

function stripFrom(data: ImageData): OffscreenCanvas {
  const canvas = new OffscreenCanvas(data.width, 1);
  canvas.getContext("2d")?.putImageData(data, 0, 0);
  return canvas;
}

/** A token of the theme; the canvas says any colour, the system's names too, as `#rrggbb`. */
function colour(token: string): Rgb {
  const ctx = new OffscreenCanvas(1, 1).getContext("2d");
  if (ctx === null) return [128, 128, 128];
  ctx.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(token).trim();
  const value = Number.parseInt(ctx.fillStyle.slice(1, 7), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}
