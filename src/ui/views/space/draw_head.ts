/** Minimap, addresses and gap sizes. */
import { address, bare, size } from "../../draw/format.ts";
import { type Mark, crisp, em, line, n } from "../../draw/marks.ts";
import { TOP } from "./axis.ts";
import { KINDS } from "./kinds.ts";
import { HEAD, type SpaceLayout } from "./layout.ts";
import type { SpaceModel } from "./model.ts";
import type { Scale } from "./scale.ts";

/** The minimap is logarithmic from 1K to 2^64. */
const LEAST = 10;

export function miniX(value: bigint, left: number, right: number): number {
  const log = value < 1024n ? LEAST : Math.min(log2(value), 64);
  return left + ((log - LEAST) / (64 - LEAST)) * (right - left);
}

export function miniAt(px: number, left: number, right: number): bigint {
  const part = Math.min(Math.max((px - left) / (right - left), 0), 1);
  const log = LEAST + part * (64 - LEAST);
  if (log <= LEAST) return 0n;
  const whole = Math.floor(log);
  const value = (BigInt(Math.round(2 ** (log - whole) * 4096)) << BigInt(whole)) >> 12n;
  return value > TOP ? TOP : value;
}

function log2(value: bigint): number {
  return Math.log2(Number(value));
}

const MINI_TICKS: [number, string][] = [
  [12, "4K"],
  [20, "1M"],
  [27, "128M"],
  [30, "1G"],
  [32, ""],
  [40, "1T"],
  [44, "16T"],
  [48, "256T"],
  [64, "16E"],
];

const maps = new WeakMap<SpaceModel, { at: SpaceLayout; marks: Mark[] }>();

export function drawMinimap(model: SpaceModel, scale: Scale, at: SpaceLayout): Mark[] {
  const base = model.base ?? model;
  let map = maps.get(base);
  if (map?.at !== at) {
    map = { at, marks: drawMap(base, at) };
    maps.set(base, map);
  }
  const x = (v: bigint): number => miniX(v, at.left, at.right);
  const y = HEAD.map * at.rem;
  const x0 = x(scale.window.lo);
  const x1 = Math.max(x0 + 3, x(scale.window.hi));
  const seen: Mark = {
    k: "path",
    d: `M${n(x0 + 3)} ${n(y - 6)}H${n(x0)}V${n(y + 6)}H${n(x0 + 3)}M${n(x1 - 3)} ${n(y - 6)}H${n(x1)}V${n(y + 6)}H${n(x1 - 3)}`,
    stroke: "ink",
    width: 1.5,
  };
  return [...map.marks, seen];
}

/** All of the minimap but the window. */
function drawMap(model: SpaceModel, at: SpaceLayout): Mark[] {
  const { rem, left, right } = at;
  const y = HEAD.map * rem;
  const x = (v: bigint): number => miniX(v, left, right);
  const marks: Mark[] = [
    { k: "text", x: 0, y: y + 0.28 * rem, text: "whole space, log2", size: 0.83, font: "sans", color: "ink3" },
    line(left, crisp(y), right, crisp(y), "hair2"),
  ];
  // The ends first: of what stands between, a number that would touch another one is left out.
  const labels: [from: number, to: number][] = [];
  for (const [power, text] of MINI_TICKS.toSorted(([a], [b]) => Number(b === 64) - Number(a === 64) || a - b)) {
    const px = crisp(x(1n << BigInt(power)) - 0.5);
    marks.push(line(px, y - 3, px, y + 3, "hair2"));
    const wide = em(text, "mono") * 0.76 * rem;
    const from = power === 64 ? px - wide : px - wide / 2;
    if (labels.some(([a, b]) => from < b + 0.3 * rem && from + wide > a - 0.3 * rem)) continue;
    labels.push([from, from + wide]);
    marks.push({
      k: "text",
      x: px,
      y: y + 1.25 * rem,
      text,
      size: 0.76,
      font: "mono",
      color: "ink3",
      anchor: power === 64 ? "end" : "middle",
    });
  }
  const seen = new Set<string>();
  for (const band of model.bands)
    for (const row of band.rows)
      for (const i of row.intervals) {
        const { line: measured, fill, stroke } = KINDS[i.kind];
        if (measured || i.kind === "ram" || i.kind === "mmio") continue;
        const x0 = Math.round(x(i.start));
        const w = Math.max(2.5, x(i.last + 1n) - x0);
        const key = `${i.kind} ${x0} ${Math.round(w)}`;
        if (seen.has(key)) continue;
        seen.add(key);
        const patterned = i.kind === "reserved" || i.kind === "aperture";
        marks.push({ k: "rect", x: x0, y: y - 3, w, h: 6, fill: patterned ? fill : stroke, refs: [i.ref] });
      }
  for (const row of model.bands.flatMap((b) => b.rows))
    for (const c of row.dense?.clusters ?? []) {
      const x0 = Math.round(x(c.start));
      const w = Math.max(2.5, x(c.last + 1n) - x0);
      marks.push({
        k: "rect",
        x: x0,
        y: y - 3,
        w,
        h: 6,
        fill: KINDS[row.dense?.kind ?? "map"].stroke,
        refs: [row.ref],
      });
    }
  for (const a of model.accesses)
    marks.push({ k: "path", d: `M${n(x(a.iova))} ${n(y - 7)}v14`, stroke: "accent", width: 1.6 });
  return marks;
}

interface Tick {
  value: bigint;
  /** Written at the left of the line: an inclusive last address. */
  last: boolean;
  rank: number;
}

/** Addresses in two fixed rows, the more telling first; one that finds no room is left out. */
export function drawAxis(model: SpaceModel, scale: Scale, at: SpaceLayout): Mark[] {
  const { rem, left, right } = at;
  const y = HEAD.axis * rem;
  const marks: Mark[] = [];
  // Where the size written last ends: two never touch.
  let written = -Infinity;
  for (const { piece, x0, x1 } of scale.stretches()) {
    const a = left + Math.max(0, x0);
    const b = Math.min(right, left + x1);
    if (!piece.gap) {
      marks.push(line(a, crisp(y), b, crisp(y), "ink", { width: 1.2 }));
      continue;
    }
    marks.push(line(a, crisp(y), b, crisp(y), "hair2", { dash: "1.5 2" }));
    const text = size(piece.end - piece.start);
    const wide = em(text, "sans") * 0.76 * rem;
    const from = (a + b - wide) / 2;
    if (x1 - x0 >= wide - 3 && from > written + 0.25 * rem) {
      written = from + wide;
      marks.push({
        k: "text",
        x: (a + b) / 2,
        y: HEAD.sizes * rem,
        text,
        size: 0.76,
        font: "sans",
        color: "ink3",
        anchor: "middle",
      });
    }
  }
  const rows = [HEAD.labels * rem, (HEAD.labels + 1) * rem];
  const texts: [number, number][][] = [[], []];
  const lines: number[][] = [[], []];
  const labels: Mark[] = [];
  const taken: number[] = [];
  const place = model.accesses.flatMap((a): [number, number][] => {
    const x = left + scale.x(a.iova);
    return [[x - 0.6 * rem, x + (em(a.label, "mono") * 0.9 + 1.6) * rem]];
  });
  texts[1]?.push(...place);
  for (const tick of ticks(model, scale)) {
    const px = left + (tick.last ? scale.x(tick.value + 1n) : scale.x(tick.value));
    if (px < left - 0.5 || px > right + 0.5 || taken.some((t) => Math.abs(t - px) < 2)) continue;
    const text = tick.last ? bare(tick.value) : address(tick.value);
    const w = (em(text, "mono") * 0.82 + Math.floor((text.length - 1) / 4) * 0.16) * rem + 3;
    const end = tick.last || px + w + 4 > right + 4 * rem;
    const span: [number, number] = end ? [px - w - 4, px] : [px, px + w + 4];
    const row = [0, 1].find((r) => {
      if (span[0] < left - 4 || texts[r]?.some(([a, b]) => span[0] < b && span[1] > a) === true) return false;
      if (r === 0) return texts[1]?.some(([a, b]) => px > a && px < b) !== true;
      return lines[0]?.some((l) => l > span[0] + 1 && l < span[1] - 1) !== true;
    });
    if (row === undefined) continue;
    texts[row]?.push(span);
    lines[row]?.push(px);
    taken.push(px);
    const top = (rows[row] ?? 0) - 0.72 * rem;
    marks.push(line(crisp(px - 0.5), top, crisp(px - 0.5), y, "hair2"));
    labels.push({
      k: "text",
      x: px + (end ? -3 : 3),
      y: rows[row] ?? 0,
      text,
      size: 0.82,
      font: "mono",
      color: "ink2",
      anchor: end ? "end" : "start",
      halo: 3,
    });
  }
  return [...marks, ...labels];
}

function ticks(model: SpaceModel, scale: Scale): Tick[] {
  const out: Tick[] = [
    { value: 0n, last: false, rank: 0 },
    { value: TOP, last: false, rank: 1 },
  ];
  for (const band of model.bands)
    for (const row of band.rows) {
      for (const i of row.intervals) {
        const rank = i.kind === "sw_msi" || i.kind === "hw_msi" ? 2 : i.kind === "mmio" ? 7 : i.kind === "map" ? 4 : 5;
        out.push({ value: i.start, last: false, rank });
        if (rank === 2) out.push({ value: i.last, last: true, rank: 3 });
        else if (i.last + 1n < TOP) out.push({ value: i.last + 1n, last: false, rank: rank + 2 });
      }
      for (const c of row.dense?.clusters ?? [])
        out.push({ value: c.start, last: false, rank: 3 }, { value: c.last + 1n, last: false, rank: 6 });
      for (const a of row.asked) out.push({ value: a.start, last: false, rank: 1 });
    }
  out.push(...grid(scale));
  return out.sort((a, b) => a.rank - b.rank || (a.value < b.value ? -1 : a.value > b.value ? 1 : 0));
}

/** Regular ticks at powers of two where a linear stretch is wide. */
function grid(scale: Scale): Tick[] {
  const out: Tick[] = [];
  for (const { piece, x0, x1 } of scale.stretches()) {
    const from = Math.max(0, x0);
    const to = Math.min(scale.width, x1);
    const perByte = scale.pixelsPerByte(piece);
    if (to - from < 160 || (piece.gap && !(scale.window.lo >= piece.start && scale.window.hi <= piece.end))) continue;
    const step = 1n << BigInt(Math.max(0, Math.ceil(Math.log2(110 / perByte))));
    const lo = piece.start > scale.window.lo ? piece.start : scale.window.lo;
    const hi = piece.end < scale.window.hi ? piece.end : scale.window.hi;
    for (let v = ((lo + step - 1n) / step) * step; v < hi && out.length < 200; v += step)
      out.push({ value: v, last: false, rank: 20 });
  }
  return out;
}
