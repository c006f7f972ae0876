/** Tracks with very many intervals in a saved picture: how much of each pixel they cover, from the engine's windows. */
import type { SpaceWindow } from "../../engine/views/types.ts";
import type { Mark } from "../draw/marks.ts";
import type { SpaceLayout } from "../views/space/layout.ts";
import type { SpaceModel } from "../views/space/model.ts";
import type { Scale } from "../views/space/scale.ts";

/** A stretch of a dense track, and into how many buckets it is cut. `to` is exclusive. */
export interface WindowAsk {
  track: string;
  from: bigint;
  to: bigint;
  buckets: number;
}

/** What has to be asked to draw the dense tracks of a picture, one bucket a pixel. */
export function asksOf(model: SpaceModel, scale: Scale): WindowAsk[] {
  const rows = model.bands.flatMap((b) => b.rows).filter((r) => r.dense !== null);
  return rows.flatMap((row) =>
    scale.stretches().flatMap(({ piece }) =>
      (row.dense?.clusters ?? []).flatMap((c): WindowAsk[] => {
        const from = max(piece.start, c.start, scale.window.lo);
        const to = min(piece.end, c.last + 1n, scale.window.hi);
        if (from >= to) return [];
        return [{ track: row.id, from, to, buckets: Math.max(1, Math.ceil(scale.x(to) - scale.x(from))) }];
      }),
    ),
  );
}

export function denseMarks(windows: readonly SpaceWindow[], scale: Scale, at: SpaceLayout): Mark[] {
  return windows.flatMap((w) => {
    const place = at.rows.get(w.track);
    if (place === undefined) return [];
    const put = (from: bigint, to: bigint, opacity: number): Mark => {
      const x = at.left + scale.x(from);
      return { k: "rect", x, y: place.y, w: Math.max(1, at.left + scale.x(to) - x), h: place.h, fill: "map", opacity };
    };
    if (w.buckets === null) return (w.intervals ?? []).map((i) => put(i.start, i.last + 1n, 0.75));
    const { counts, cover } = w.buckets;
    const marks: Mark[] = [];
    const size = (w.to - w.from) / BigInt(Math.max(1, counts.length));
    for (let i = 0; i < counts.length; i++) {
      if ((counts[i] ?? 0) === 0) continue;
      // Neighbours that look the same are one mark.
      const shade = shadeOf(cover[i] ?? 0);
      let end = i + 1;
      while (end < counts.length && (counts[end] ?? 0) > 0 && shadeOf(cover[end] ?? 0) === shade) end++;
      const last = end === counts.length ? w.to : w.from + BigInt(end) * size;
      marks.push(put(w.from + BigInt(i) * size, last, shade));
      i = end - 1;
    }
    return marks;
  });
}

function shadeOf(cover: number): number {
  return 0.4 + 0.45 * (Math.round((cover / 255) * 8) / 8);
}

const max = (...v: bigint[]): bigint => v.reduce((a, b) => (a > b ? a : b));
const min = (...v: bigint[]): bigint => v.reduce((a, b) => (a < b ? a : b));
