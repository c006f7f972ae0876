/** Where rows and bands stand, in pixels. Gutters between the bands take what is left, the ribbons live there. */
import type { Band } from "../../../engine/views/types.ts";
import type { RowBand } from "./model.ts";

export interface Place {
  y: number;
  h: number;
}

export interface SpaceLayout {
  rem: number;
  width: number;
  /** Plot area: first and one past the last pixel. */
  left: number;
  right: number;
  rows: Map<string, Place>;
  bands: Map<Band["id"], { top: number; bottom: number }>;
  height: number;
}

/** Head (minimap, addresses, gap sizes), rem. */
export const HEAD = { map: 0.7, labels: 3.2, axis: 5.15, sizes: 6.1, height: 6.7 } as const;

const ROW = 1.18;
const SPACING = 0.42;
const GUTTER = { least: 2.3, most: 9 };

export function layoutSpace(bands: readonly RowBand[], width: number, room: number, rem: number): SpaceLayout {
  const narrow = width / rem < 56;
  const left = (narrow ? 10.6 : 12) * rem;
  const right = width - (narrow ? 4.4 : 5.2) * rem;
  const shown = bands.filter((b) => b.rows.length > 0);
  const count = shown.reduce((sum, b) => sum + b.rows.length, 0);
  const gutters = Math.max(shown.length - 1, 1);
  const ends = 0.8;
  const free = room / rem - ends - count * (ROW + SPACING);
  const gutter = Math.min(GUTTER.most, Math.max(GUTTER.least, free / gutters));
  const slack = Math.max(0, free - gutter * gutters);
  const stretch = count === 0 ? 0 : Math.min(1.7, slack / count);
  const row = ROW + stretch * 0.35;
  const spacing = SPACING + stretch * 0.65;
  const rows = new Map<string, Place>();
  const places: SpaceLayout["bands"] = new Map();
  let y = 0.35;
  shown.forEach((band, i) => {
    const top = y;
    for (const r of band.rows) {
      rows.set(r.id, { y: Math.round(y * rem), h: Math.round(row * rem) });
      y += row + spacing;
    }
    places.set(band.id, { top: Math.round(top * rem), bottom: Math.round((y - spacing) * rem) });
    if (i < shown.length - 1) y += gutter - spacing * 0.5;
  });
  return { rem, width, left, right, rows, bands: places, height: Math.round((y + ends / 2) * rem) };
}
