/** Tracks: heads, intervals with letter and pattern, what the step changed, the ghost of another kernel. */
import type { TrackInterval } from "../../../engine/views/types.ts";
import { size } from "../../draw/format.ts";
import { DASH, type Mark, type Token, clip, crisp, em, line, n } from "../../draw/marks.ts";
import { KINDS } from "./kinds.ts";
import type { Place, SpaceLayout } from "./layout.ts";
import { type Row, type SpaceModel, intervalRef, tipOf } from "./model.ts";
import type { Scale } from "./scale.ts";

/** Cells of a table leaf are drawn one by one from this width on, and at most this many. */
const CELL = 3;
const CELLS = 400;

export function drawRows(model: SpaceModel, scale: Scale, at: SpaceLayout): Mark[] {
  const marks: Mark[] = [];
  for (const { piece, x0, x1 } of scale.stretches()) {
    if (!piece.gap) continue;
    const a = at.left + Math.max(0, x0);
    const b = Math.min(at.right, at.left + x1);
    marks.push({ k: "rect", x: a, y: 0, w: b - a, h: at.height, fill: "well" });
  }
  for (const band of model.bands)
    for (const row of band.rows) {
      const place = at.rows.get(row.id);
      if (place !== undefined) marks.push(...headOf(row.base ?? row, place, at));
    }
  return marks;
}

/** Drawn after the ribbons, so that intervals stand on them. */
export function drawIntervals(model: SpaceModel, scale: Scale, at: SpaceLayout): Mark[] {
  const marks: Mark[] = [];
  for (const band of model.bands)
    for (const row of band.rows) {
      const place = at.rows.get(row.id);
      if (place !== undefined) marks.push(...intervals(row, place, scale, at));
    }
  return marks;
}

const heads = new WeakMap<Row, { at: SpaceLayout; marks: Mark[] }>();

/** The same marks as long as row and layout are the same: no window changes them. */
function headOf(row: Row, place: Place, at: SpaceLayout): Mark[] {
  const kept = heads.get(row);
  if (kept?.at === at) return kept.marks;
  const marks = head(row, place, at);
  heads.set(row, { at, marks });
  return marks;
}

function head(row: Row, { y, h }: Place, at: SpaceLayout): Mark[] {
  const { rem, left } = at;
  const base = y + h / 2 + 0.3 * rem;
  // The name goes before the small print.
  const both = em(row.label, "sans") * 0.96 + em(row.sub, "mono") * 0.82 + 1.4 <= left / rem;
  const sub = both ? em(row.sub, "mono") * 0.82 : 0;
  const marks: Mark[] = [line(left, crisp(y + h), at.right, crisp(y + h), "hair")];
  const label = clip(row.label, "sans", (left / rem - 0.8 - (sub > 0 ? sub + 0.6 : 0)) / 0.96);
  marks.push({
    k: "text",
    x: 0,
    y: base,
    text: label,
    size: 0.96,
    font: "sans",
    weight: row.present ? 500 : 400,
    color: row.present ? "ink" : "ink3",
    refs: [row.ref],
  });
  if (sub > 0)
    marks.push({
      k: "text",
      x: left - 0.8 * rem,
      y: base,
      text: row.sub,
      size: 0.82,
      font: "mono",
      color: "ink3",
      anchor: "end",
    });
  if (row.delta !== "")
    marks.push({
      k: "text",
      x: at.width,
      y: base,
      text: row.delta.replace(/^-/, "−"),
      size: 0.84,
      font: "sans",
      color: row.deltaTone,
      anchor: "end",
      ...(row.delta === "=" ? {} : { weight: 500 as const }),
    });
  return marks;
}

interface Drawn {
  i: TrackInterval;
  refs: readonly string[];
  x0: number;
  x1: number;
}

function intervals(row: Row, place: Place, scale: Scale, at: SpaceLayout): Mark[] {
  const { left, right, rem } = at;
  const marks: Mark[] = [];
  const drawn: Drawn[] = [];
  const blocked: [number, number][] = [];
  let crowd: { x0: number; x1: number; kind: TrackInterval["kind"]; count: number } | null = null;
  const flush = (): void => {
    if (crowd === null) return;
    const look = KINDS[crowd.kind];
    marks.push({
      k: "rect",
      x: crowd.x0,
      y: place.y,
      w: Math.max(2, crowd.x1 - crowd.x0),
      h: place.h,
      fill: look.stroke,
      opacity: 0.8,
      tip: [`${crowd.count} intervals, ${look.name}`],
    });
    crowd = null;
  };
  for (const i of row.intervals) {
    if (i.last < scale.window.lo || i.start >= scale.window.hi) continue;
    const x0 = left + scale.x(i.start);
    const x1 = Math.max(left + scale.xLast(i.last), x0 + 2);
    if (crowd !== null && x1 - x0 <= 2 && crowd.kind === i.kind && x0 - crowd.x1 < 1 && i.change === undefined) {
      crowd.x1 = Math.max(crowd.x1, x1);
      crowd.count++;
      continue;
    }
    const previous = drawn.at(-1);
    if (
      x1 - x0 <= 2 &&
      previous !== undefined &&
      crowd === null &&
      previous.x1 > x0 - 1 &&
      previous.x1 - previous.x0 <= 2 &&
      previous.i.kind === i.kind &&
      i.change === undefined
    ) {
      crowd = { x0: previous.x0, x1, kind: i.kind, count: 2 };
      continue;
    }
    flush();
    drawn.push({ i, refs: [intervalRef(row.id, i.start), i.ref], x0, x1 });
  }
  flush();
  for (const d of drawn) marks.push(...(KINDS[d.i.kind].line ? measured(d, place, at) : bar(d, place, scale, at)));
  for (const { x0, x1, i } of drawn) if (!KINDS[i.kind].line) blocked.push([x0, x1]);
  for (const d of drawn)
    marks.push(...(d.i.kind === "ram" ? ramLabel(d, place, drawn, at) : labels(d, place, blocked, at)));
  for (const c of row.clusters) {
    if (c.last < scale.window.lo || c.start >= scale.window.hi) continue;
    const label = c.count === 1 ? "1 interval" : `${c.count.toLocaleString("en")} intervals`;
    const i = { start: c.start, last: c.last, kind: row.dense?.kind ?? "map", label, detail: "", ref: row.ref };
    marks.push(
      ...labels(
        { i, refs: [row.ref], x0: left + scale.x(c.start), x1: left + scale.xLast(c.last) },
        place,
        blocked,
        at,
      ),
    );
  }
  for (const g of row.ghosts) {
    if (g.last < scale.window.lo || g.start >= scale.window.hi) continue;
    const x0 = Math.max(left, left + scale.x(g.start));
    const x1 = Math.min(right, Math.max(left + scale.xLast(g.last), x0 + 5));
    marks.push({
      k: "rect",
      x: crisp(x0),
      y: crisp(place.y),
      w: Math.round(x1 - x0) - 1,
      h: place.h - 1,
      fill: "none",
      stroke: "ink3",
      dash: DASH,
      tip: [g.label, `0x${g.start.toString(16)} - 0x${g.last.toString(16)}  ${size(g.last - g.start + 1n)}`],
    });
    const w = em(g.label, "mono") * 0.84 * rem;
    const inside = x1 - x0 > w + 0.8 * rem;
    const tx = inside ? x0 + 0.5 * rem : x1 + 5;
    const span: [number, number] = [tx - 3, tx + w + 3];
    if (span[1] > right || row.asked.length > 0 || (!inside && blocked.some(([a, b]) => span[0] < b && span[1] > a)))
      continue;
    blocked.push(span);
    marks.push({ k: "rect", x: tx - 3, y: place.y + 1.5, w: w + 6, h: place.h - 3, fill: "paper" });
    marks.push({
      k: "text",
      x: tx,
      y: place.y + place.h / 2 + 0.29 * rem,
      text: g.label,
      size: 0.84,
      font: "mono",
      color: "ink3",
    });
  }
  for (const a of row.asked) {
    if (a.last < scale.window.lo || a.start >= scale.window.hi) continue;
    const x0 = Math.max(left, left + scale.x(a.start));
    const x1 = Math.min(right, Math.max(left + scale.xLast(a.last), x0 + 4));
    const tone: Token = a.ok ? "accent" : "fault";
    if (!a.ok)
      marks.push({ k: "rect", x: x0, y: place.y + 1, w: x1 - x0, h: place.h - 2, fill: "pattern:hole", opacity: 0.8 });
    marks.push(bracket(x0, x1, place, "accent", false));
    const w = em(a.label, "mono") * 0.84 * rem;
    const spot = beside(a.label, x0 - 4, x1 + 4, w, blocked, at);
    if (spot !== null) {
      blocked.push(spot.span);
      marks.push({
        k: "text",
        x: spot.x,
        y: place.y + place.h / 2 + 0.29 * rem,
        text: a.label,
        size: 0.84,
        font: "mono",
        weight: 500,
        color: tone,
        anchor: spot.anchor,
        halo: 3,
      });
    }
  }
  return marks;
}

function bracket(x0: number, x1: number, { y, h }: Place, stroke: Token, outward: boolean): Mark {
  const a = x0 - 3;
  const b = x1 + 3;
  const t = outward ? -3 : 3;
  return {
    k: "path",
    d: `M${n(a + t)} ${y - 2}H${n(a)}V${y + h + 2}H${n(a + t)}M${n(b - t)} ${y - 2}H${n(b)}V${y + h + 2}H${n(b - t)}`,
    stroke,
    width: 1.6,
    cls: "keep",
  };
}

function measured({ i, refs, x0, x1 }: Drawn, { y, h }: Place, at: SpaceLayout): Mark[] {
  const a = Math.max(at.left, x0);
  const b = Math.min(at.right, x1);
  const m = crisp(y + h * 0.55);
  let d = `M${n(a)} ${m}H${n(b)}`;
  if (x0 >= at.left - 0.5) d += `M${n(a)} ${m - 4}v8`;
  if (x1 <= at.right + 0.5) d += `M${n(b)} ${m - 4}v8`;
  const stroke: Token = i.change === "removed" ? "ink3" : "ink";
  const marks: Mark[] = [
    { k: "path", d, stroke, width: 1.6, ...(i.change === "removed" ? { dash: DASH } : {}), refs, tip: tipOf(i) },
  ];
  if (i.change === "added") marks.push(bracket(a, b, { y: y + 2, h: h - 4 }, "accent", false));
  return marks;
}

function bar({ i, refs, x0, x1 }: Drawn, { y, h }: Place, scale: Scale, at: SpaceLayout): Mark[] {
  const look = KINDS[i.kind];
  const a = Math.max(at.left, x0);
  const b = Math.min(at.right, x1);
  const w = b - a;
  const about = { refs, tip: tipOf(i) };
  const marks: Mark[] = [];
  const gone = i.change === "removed";
  if (gone) marks.push({ k: "rect", x: a, y, w, h, fill: "paper", ...about });
  else {
    if (look.tint > 0) marks.push({ k: "rect", x: a, y, w, h, fill: look.stroke, opacity: look.tint });
    const cells = i.kind === "map" ? cellsOf(i, scale, at) : [];
    if (cells.length > 1)
      for (const [p, q] of cells)
        marks.push({ k: "rect", x: p + 0.4, y, w: q - p - 0.9, h, fill: "map", opacity: 0.75, ...about });
    else
      marks.push({
        k: "rect",
        x: a,
        y,
        w,
        h,
        fill: look.fill,
        opacity: i.leaf === 1 << 30 ? 0.14 : w < 3 ? 1 : look.opacity,
        ...about,
      });
    if (cells.length > 1) return i.change === "added" ? [...marks, bracket(a, b, { y, h }, "accent", false)] : marks;
  }
  let d = `M${n(a)} ${crisp(y)}H${n(b)}M${n(a)} ${crisp(y + h - 1)}H${n(b)}`;
  if (x0 >= at.left - 0.5) d += `M${crisp(a)} ${y}V${y + h}`;
  if (x1 <= at.right + 0.5) d += `M${crisp(b - 1)} ${y}V${y + h}`;
  marks.push({
    k: "path",
    d,
    stroke: gone ? "ink3" : look.stroke,
    ...(gone || look.dashed ? { dash: DASH } : {}),
    refs,
  });
  if (i.change !== undefined) marks.push(bracket(a, b, { y, h }, "accent", gone));
  return marks;
}

/** Table leaves inside the window, as pixel spans; empty when they would be too fine to tell apart. */
function cellsOf(i: TrackInterval, scale: Scale, at: SpaceLayout): [number, number][] {
  if (i.leaf === undefined || i.leaf <= 0) return [];
  const leaf = BigInt(i.leaf);
  const from =
    i.start > scale.window.lo
      ? i.start - ((i.start - scale.window.lo) % leaf)
      : scale.window.lo - ((scale.window.lo - i.start) % leaf);
  const start = from < i.start ? i.start : from;
  const end = i.last + 1n < scale.window.hi ? i.last + 1n : scale.window.hi;
  if ((end - start) / leaf > BigInt(CELLS) || end - start <= leaf) return [];
  const out: [number, number][] = [];
  for (let v = start; v < end; v += leaf) {
    const next = v + leaf;
    out.push([
      Math.max(at.left, at.left + scale.x(v)),
      Math.min(at.right, at.left + scale.x(next < i.last + 1n ? next : i.last + 1n)),
    ]);
  }
  // The first and last may be cut by the window's edge.
  const least = Math.min(...out.slice(1, -1).map(([a, b]) => b - a));
  return least >= CELL ? out : [];
}

/** The name of memory, as far to the right in it as nothing else is drawn; left out where there is no room. */
function ramLabel({ i, refs, x0, x1 }: Drawn, { y, h }: Place, drawn: readonly Drawn[], at: SpaceLayout): Mark[] {
  const { rem, left, right } = at;
  const w = em(i.label, "mono") * 0.84 * rem;
  const room = w + 0.8 * rem;
  let end = Math.min(right, x1);
  const inside = drawn.filter((d) => d.i.kind !== "ram" && d.x1 > x0 && d.x0 < x1).sort((p, q) => q.x1 - p.x1);
  for (const d of inside) if (d.x1 > end - room) end = Math.min(end, d.x0);
  if (i.label === "" || end - room < Math.max(left, x0)) return [];
  return [
    {
      k: "text",
      x: end - 0.4 * rem,
      y: y + h / 2 + 0.29 * rem,
      text: i.label,
      size: 0.84,
      font: "mono",
      color: "ink2",
      anchor: "end",
      halo: 4,
      refs,
    },
  ];
}

function labels({ i, refs, x0, x1 }: Drawn, { y, h }: Place, blocked: [number, number][], at: SpaceLayout): Mark[] {
  const look = KINDS[i.kind];
  if (look.line || i.change === "removed") return [];
  const { rem, left, right } = at;
  const a = Math.max(left, x0);
  const b = Math.min(right, x1);
  const base = y + h / 2 + 0.29 * rem;
  const marks: Mark[] = [];
  const text = i.label;
  const w = em(text, "mono") * 0.84 * rem;
  let inner = a + 0.4 * rem;
  const chip = look.letter !== "" && b - a >= 1.25 * rem && i.kind !== "doorbell";
  if (chip) {
    marks.push({ k: "rect", x: a + 0.18 * rem, y: y + 1.5, w: 0.95 * rem, h: h - 3, fill: "paper" });
    marks.push({
      k: "text",
      x: a + 0.4 * rem,
      y: base,
      text: look.letter,
      size: 0.86,
      font: "mono",
      weight: 600,
      color: look.text,
      refs,
    });
    inner = a + 1.5 * rem;
  }
  if (text === "") return marks;
  const color: Token = i.kind === "map" ? "ink" : "ink2";
  // An MSI window keeps its dots in sight and the access in it: its name stands beside it where there is room.
  const outside = i.kind === "sw_msi" || i.kind === "hw_msi" ? beside(text, x0, x1, w, blocked, at) : null;
  if (outside === null && inner + w + 0.4 * rem <= b) {
    marks.push({ k: "rect", x: inner - 3, y: y + 1.5, w: w + 6, h: h - 3, fill: "paper" });
    marks.push({ k: "text", x: inner, y: base, text, size: 0.84, font: "mono", color, refs });
    return marks;
  }
  const spot = outside ?? beside(text, x0, x1, w, blocked, at);
  if (spot !== null) {
    blocked.push(spot.span);
    marks.push({
      k: "text",
      x: spot.x,
      y: base,
      text,
      size: 0.84,
      font: "mono",
      color,
      anchor: spot.anchor,
      halo: 3,
      refs,
    });
  }
  return marks;
}

interface Spot {
  x: number;
  anchor: "start" | "end";
  span: [number, number];
}

/** Room for a word right, else left, of an interval. */
function beside(
  text: string,
  x0: number,
  x1: number,
  w: number,
  blocked: readonly [number, number][],
  at: SpaceLayout,
): Spot | null {
  if (text === "") return null;
  const spots: Spot[] = [
    { x: x1 + 5, anchor: "start", span: [x1 + 3, x1 + w + 7] },
    { x: x0 - 5, anchor: "end", span: [x0 - w - 7, x0 - 3] },
  ];
  return (
    spots.find(({ span: [a, b] }) => a >= at.left && b <= at.right && !blocked.some(([p, q]) => a < q && b > p)) ?? null
  );
}
