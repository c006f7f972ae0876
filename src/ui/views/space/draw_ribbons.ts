/** Translations: ribbons in the gutters between the bands, the followed selection, ghosts. */
import { area, curveBumpY, linkVertical } from "d3";
import type { Band, Ribbon } from "../../../engine/views/types.ts";
import { range, size } from "../../draw/format.ts";
import { DASH, type Mark, line } from "../../draw/marks.ts";
import type { SpaceLayout } from "./layout.ts";
import type { SpaceModel } from "./model.ts";
import type { Scale } from "./scale.ts";

/** At most this many ribbons of a gutter are drawn; the widest win. */
const MOST = 300;

interface Gutter {
  top: number;
  bottom: number;
}

/** The gutter below a band: from its last row to the next band's first. */
export function gutterBelow(band: Band["id"], at: SpaceLayout): Gutter | null {
  const order: Band["id"][] = ["giova", "ipa", "pa"];
  const here = at.bands.get(band);
  const next = order
    .slice(order.indexOf(band) + 1)
    .map((b) => at.bands.get(b))
    .find((b) => b !== undefined);
  return here === undefined || next === undefined ? null : { top: here.bottom + 1, bottom: next.top };
}

export function drawRibbons(model: SpaceModel, scale: Scale, at: SpaceLayout): Mark[] {
  const bandOf = bandsOf(model);
  const marks: Mark[] = [];
  const shapes = model.ribbons.flatMap((r) => {
    const shape = place(r, bandOf, scale, at);
    return shape === null ? [] : [{ r, ...shape }];
  });
  shapes.sort((a, b) => b.x1 - b.x0 - (a.x1 - a.x0));
  for (const s of shapes.slice(0, MOST)) {
    const wide = s.x1 - s.x0 > 160;
    const fill = s.r.kind === "doorbell" ? "sw" : "map";
    if (Math.max(s.x1 - s.x0, s.y1 - s.y0) < 0.75 * at.rem)
      marks.push({
        k: "path",
        d: curve((s.x0 + s.x1) / 2, (s.y0 + s.y1) / 2, s.gutter),
        stroke: fill,
        width: s.r.kind === "doorbell" ? 1.8 : 1.3,
        strokeOpacity: s.r.kind === "doorbell" ? 0.8 : 0.38,
        refs: [s.r.ref],
      });
    else
      marks.push({
        k: "path",
        d: band(s.x0, s.x1, s.y0, s.y1, s.gutter),
        fill,
        opacity: wide ? 0.08 : 0.17,
        refs: [s.r.ref],
      });
  }
  for (const r of model.ghostRibbons) {
    const s = place(r, bandOf, scale, at);
    if (s === null || r.kind !== "doorbell") continue;
    marks.push({ k: "path", d: curve((s.x0 + s.x1) / 2, (s.y0 + s.y1) / 2, s.gutter), stroke: "ink3", dash: DASH });
  }
  return marks;
}

/** Where ribbons end in the physical rows: the frames that are really used. */
export function drawLandings(model: SpaceModel, scale: Scale, at: SpaceLayout): Mark[] {
  const bandOf = bandsOf(model);
  const followed = new Set(model.followedRibbons.map((r) => `${r.to.track} ${r.to.start}`));
  const marks: Mark[] = [];
  const drawn = new Set<string>();
  for (const r of model.ribbons) {
    const row = at.rows.get(r.to.track);
    if (
      bandOf.get(r.to.track) !== "pa" ||
      row === undefined ||
      r.to.last < scale.window.lo ||
      r.to.start >= scale.window.hi
    )
      continue;
    const x0 = Math.max(at.left, at.left + scale.x(r.to.start));
    const x1 = Math.min(at.right, Math.max(at.left + scale.xLast(r.to.last), x0 + 2));
    const key = `${r.to.track} ${Math.round(x0)} ${Math.round(x1)}`;
    if (drawn.has(key)) continue;
    drawn.add(key);
    const hot = followed.has(`${r.to.track} ${r.to.start}`);
    if (!hot && mapped(model, r)) continue;
    const wide = x1 - x0 > 8;
    marks.push({
      k: "rect",
      x: x0 + (wide ? 0 : 0.3),
      y: row.y,
      w: Math.max(1.6, x1 - x0 - (wide ? 0 : 0.6)),
      h: row.h,
      fill: hot ? "ink" : r.kind === "doorbell" ? "sw" : "map",
      ...(wide && !hot ? { opacity: 0.5 } : {}),
      refs: [r.ref],
      tip: [
        `${range(r.to.start, r.to.last)}  ${size(r.to.last - r.to.start + 1n)}`,
        `from ${range(r.from.start, r.from.last)}`,
      ],
    });
  }
  return marks;
}

/** The physical row itself says that this stretch is used. */
function mapped(model: SpaceModel, r: Ribbon): boolean {
  const row = model.bands.flatMap((b) => b.rows).find((x) => x.id === r.to.track);
  return (
    row?.intervals.some(
      (i) => (i.kind === "map" || i.kind === "doorbell") && i.start <= r.to.start && r.to.last <= i.last,
    ) ?? false
  );
}

/** The selection in ink: filled through the gutters, a straight vertical inside a band. */
export function drawFollowed(model: SpaceModel, scale: Scale, at: SpaceLayout): Mark[] {
  const bandOf = bandsOf(model);
  const marks: Mark[] = [];
  for (const r of model.followedRibbons) {
    const s = place(r, bandOf, scale, at);
    if (s === null) continue;
    if (Math.max(s.x1 - s.x0, s.y1 - s.y0) < 0.75 * at.rem)
      marks.push({ k: "path", d: curve((s.x0 + s.x1) / 2, (s.y0 + s.y1) / 2, s.gutter), stroke: "ink", width: 2.2 });
    else marks.push({ k: "path", d: band(s.x0, s.x1, s.y0, s.y1, s.gutter), fill: "ink", opacity: 0.3, stroke: "ink" });
  }
  for (const f of model.followed) {
    const rows = at.bands.get(f.band);
    if (rows === undefined || f.band !== "ipa" || f.last < scale.window.lo || f.start >= scale.window.hi) continue;
    const x0 = Math.max(at.left, at.left + scale.x(f.start));
    const x1 = Math.min(at.right, at.left + scale.xLast(f.last));
    if (x1 - x0 < 0.75 * at.rem)
      marks.push(line((x0 + x1) / 2, rows.top, (x0 + x1) / 2, rows.bottom, "ink", { width: 2.2 }));
    else
      marks.push({ k: "rect", x: x0, y: rows.top, w: x1 - x0, h: rows.bottom - rows.top, fill: "ink", opacity: 0.08 });
  }
  return marks;
}

function bandsOf(model: SpaceModel): Map<string, Band["id"]> {
  return new Map(model.bands.flatMap((b) => b.rows.map((r) => [r.id, b.id] as const)));
}

interface Shape {
  x0: number;
  x1: number;
  y0: number;
  y1: number;
  gutter: Gutter;
}

/** Edges above (x) and below (y), clamped a little outside the window; null when both ends are out of sight. */
function place(r: Ribbon, bandOf: Map<string, Band["id"]>, scale: Scale, at: SpaceLayout): Shape | null {
  const from = bandOf.get(r.from.track);
  const gutter = from === undefined ? null : gutterBelow(from, at);
  if (gutter === null) return null;
  const { lo, hi } = scale.window;
  const out = (s: { start: bigint; last: bigint }): boolean => s.last < lo || s.start >= hi;
  if (out(r.from) || out(r.to)) return null;
  const clamp = (x: number): number => Math.min(at.right, Math.max(at.left, at.left + x));
  const x0 = clamp(scale.x(r.from.start));
  const y0 = clamp(scale.x(r.to.start));
  return {
    x0,
    x1: Math.max(clamp(scale.xLast(r.from.last)), x0 + 1.2),
    y0,
    y1: Math.max(clamp(scale.xLast(r.to.last)), y0 + 1.2),
    gutter,
  };
}

type Point = [x: number, y: number];

const centreLine = linkVertical<unknown, { source: Point; target: Point }, Point>().digits(1);
const ribbonArea = area<{ x0: number; x1: number; y: number }>()
  .x0((d) => d.x0)
  .x1((d) => d.x1)
  .y((d) => d.y)
  .curve(curveBumpY)
  .digits(1);

/** A narrow ribbon: from `x` above the gutter to `y` below it. */
export function curve(x: number, y: number, { top, bottom }: Gutter): string {
  return centreLine({ source: [x, top], target: [y, bottom] }) ?? "";
}

function band(x0: number, x1: number, y0: number, y1: number, { top, bottom }: Gutter): string {
  return (
    ribbonArea([
      { x0, x1, y: top },
      { x0: y0, x1: y1, y: bottom },
    ]) ?? ""
  );
}
