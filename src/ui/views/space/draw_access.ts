/** What the device did in this step: the one accent line, from the axis to where it ended. */
import type { Access, Band } from "../../../engine/views/types.ts";
import { bare } from "../../draw/format.ts";
import { DASH, type Mark, em, n } from "../../draw/marks.ts";
import { curve, gutterBelow } from "./draw_ribbons.ts";
import { HEAD, type SpaceLayout } from "./layout.ts";
import type { SpaceModel } from "./model.ts";
import type { Scale } from "./scale.ts";

/** The flag on the axis. */
export function drawFlags(model: SpaceModel, scale: Scale, at: SpaceLayout): Mark[] {
  const { rem, left } = at;
  const y = HEAD.axis * rem;
  return model.accesses
    .filter((a) => seen(a, scale))
    .flatMap((a): Mark[] => {
      const x = left + scale.x(a.iova);
      const w = em(a.label, "mono") * 0.9 * rem;
      const flip = x + 0.65 * rem + w > at.right;
      return [
        {
          k: "path",
          d: `M${n(x - 0.42 * rem)} ${n(y - 0.75 * rem)}h${n(0.84 * rem)}l${n(-0.42 * rem)} ${n(0.65 * rem)}Z`,
          fill: "accent",
          cls: "keep",
        },
        { k: "path", d: `M${n(x)} ${n(y - 1)}V${n(HEAD.height * rem)}`, stroke: "accent", width: 2, cls: "keep" },
        {
          k: "text",
          x: flip ? x - 0.65 * rem : x + 0.65 * rem,
          y: y - 0.24 * rem,
          text: a.label,
          size: 0.9,
          font: "mono",
          weight: 600,
          color: "accent",
          anchor: flip ? "end" : "start",
          halo: 4,
          refs: [a.ref],
        },
      ];
    });
}

export function drawAccesses(model: SpaceModel, scale: Scale, at: SpaceLayout): Mark[] {
  return [
    ...model.ghostAccesses.flatMap((a) => path(a, scale, at, true)),
    ...model.accesses.flatMap((a) =>
      seen(a, scale) ? [...path(a, scale, at, false), ...ending(a, model, scale, at)] : [],
    ),
  ];
}

function seen(a: Access, scale: Scale): boolean {
  return a.iova >= scale.window.lo && a.iova < scale.window.hi;
}

/** Down through the bands it reached; a bend only in a gutter. */
function path(a: Access, scale: Scale, at: SpaceLayout, ghost: boolean): Mark[] {
  // One stop a band, the last one in it: inside a band the line is straight.
  const stops = a.path.filter((p, i) => at.bands.has(p.band) && a.path[i + 1]?.band !== p.band);
  if (stops.length === 0) return [];
  const x = (address: bigint): number => Math.min(at.right, Math.max(at.left, at.left + scale.x(address)));
  let d = `M${n(x(a.iova))} 0`;
  stops.forEach((p, i) => {
    const band = at.bands.get(p.band);
    const row = at.rows.get(p.track);
    if (band === undefined) return;
    const previous = stops[i - 1];
    const gutter = previous === undefined ? null : gutterBelow(previous.band, at);
    if (gutter !== null && previous !== undefined) d += curve(x(previous.address), x(p.address), gutter);
    const stop = i === stops.length - 1 && row !== undefined ? row.y + row.h / 2 : band.bottom;
    d += `V${n(stop)}`;
  });
  if (ghost) return a.path.length > 1 || a.ok ? [{ k: "path", d, stroke: "ink3", dash: DASH, cls: "keep" }] : [];
  const marks: Mark[] = [{ k: "path", d, stroke: "accent", width: 2, cls: "keep", tip: [a.label, a.end] }];
  const entry = at.rows.get(a.track);
  if (entry !== undefined && a.track !== stops.at(-1)?.track) {
    const c = x(a.iova);
    marks.push({
      k: "path",
      d: `M${n(c - 7)} ${entry.y - 2}h-3v${entry.h + 4}h3M${n(c + 7)} ${entry.y - 2}h3v${entry.h + 4}h-3`,
      stroke: "accent",
      width: 1.6,
      cls: "keep",
    });
  }
  return marks;
}

function ending(a: Access, model: SpaceModel, scale: Scale, at: SpaceLayout): Mark[] {
  const stop = a.path.at(-1);
  const row = stop === undefined ? undefined : at.rows.get(stop.track);
  if (stop === undefined || row === undefined) return [];
  const { rem } = at;
  const x = at.left + scale.x(stop.address);
  const y = row.y + row.h / 2;
  if (x < at.left || x > at.right) return [];
  if (a.ok) {
    const text = a.end;
    const w = em(text, "mono") * 0.84 * rem;
    const flip = x + w + 1.4 * rem > at.right;
    const top = at.bands.get(stop.band)?.top ?? row.y;
    const tx = flip ? x - 0.7 * rem : x + 0.7 * rem;
    return [
      { k: "rect", x: x - 2, y: row.y - 1, w: 4, h: row.h + 2, fill: "accent", cls: "keep" },
      {
        k: "rect",
        x: flip ? tx - w - 4 : tx - 4,
        y: top - 1.5 * rem,
        w: w + 8,
        h: 1.15 * rem,
        fill: "paper",
        opacity: 0.86,
      },
      {
        k: "text",
        x: tx,
        y: top - 0.64 * rem,
        text,
        size: 0.84,
        font: "mono",
        weight: 600,
        color: "accent",
        anchor: flip ? "end" : "start",
        halo: 3,
      },
    ];
  }
  const marks: Mark[] = [
    {
      k: "path",
      d: `M${n(x - 5)} ${n(y - 5)}l10 10M${n(x + 5)} ${n(y - 5)}l-10 10`,
      stroke: "fault",
      width: 2.6,
      cls: "keep",
    },
  ];
  const last = Math.max(...[...at.bands.values()].map((b) => b.bottom));
  const hole = holeAt(model, stop.band, stop.track, stop.address);
  if (hole !== null) {
    const h0 = Math.max(at.left, at.left + scale.x(hole.start));
    const h1 = Math.min(at.right, at.left + scale.xLast(hole.last));
    marks.push({ k: "rect", x: h0, y: row.y + row.h + 3, w: h1 - h0, h: 5, fill: "pattern:hole" });
  }
  marks.push({ k: "path", d: `M${n(x)} ${n(y + 8)}V${n(last)}`, stroke: "fault", dash: "1 3", cls: "keep" });
  const flip = x + (em(a.end, "mono") * 0.86 + 1) * rem > at.right;
  const place = {
    x: flip ? x - 0.75 * rem : x + 0.75 * rem,
    anchor: flip ? ("end" as const) : ("start" as const),
    size: 0.84,
    font: "mono" as const,
    halo: 4,
  };
  const gutter = gutterBelow(stop.band, at);
  const low = gutter !== null && gutter.bottom - gutter.top < 3.3 * rem;
  const lines = [a.end, ...(hole === null || low ? [] : [`hole ${bare(hole.start)} … ${bare(hole.last)}`])];
  const w = Math.max(...lines.map((l) => em(l, "mono"))) * 0.87 * rem + 8;
  marks.push({
    k: "rect",
    x: flip ? place.x - w + 4 : place.x - 4,
    y: row.y + row.h + 0.72 * rem,
    w,
    h: lines.length * 1.08 * rem + 2,
    fill: "paper",
    opacity: 0.86,
  });
  lines.forEach((text, i) =>
    marks.push({
      k: "text",
      ...place,
      y: row.y + row.h + (1.6 + i * 1.06) * rem,
      text,
      weight: i === 0 ? 600 : 400,
      color: "fault",
    }),
  );
  return marks;
}

/** The unmapped stretch around an address in a track. */
function holeAt(
  model: SpaceModel,
  band: Band["id"],
  track: string,
  address: bigint,
): { start: bigint; last: bigint } | null {
  const row = model.bands.find((b) => b.id === band)?.rows.find((r) => r.id === track);
  if (row === undefined || row.intervals.length === 0) return null;
  let start = 0n;
  let last: bigint | null = null;
  for (const i of row.intervals) {
    if (i.start <= address && address <= i.last) return null;
    if (i.last < address) start = i.last + 1n;
    else if (last === null) last = i.start - 1n;
  }
  return last === null ? null : { start, last };
}
