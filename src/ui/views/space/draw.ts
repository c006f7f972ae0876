/** The whole address space as two draw lists: the head stays in place, the body may scroll. */
import type { Band } from "../../../engine/views/types.ts";
import { type Mark, n } from "../../draw/marks.ts";
import { drawAccesses, drawFlags } from "./draw_access.ts";
import { drawAxis, drawMinimap } from "./draw_head.ts";
import { drawFollowed, drawLandings, drawRibbons, gutterBelow } from "./draw_ribbons.ts";
import { drawIntervals, drawRows } from "./draw_rows.ts";
import { HEAD, type SpaceLayout } from "./layout.ts";
import type { SpaceModel } from "./model.ts";
import type { Scale } from "./scale.ts";

export function drawHead(model: SpaceModel, scale: Scale, at: SpaceLayout, step: number): Mark[] {
  const { rem, width } = at;
  return [
    ...drawMinimap(model, scale, at),
    ...drawAxis(model, scale, at),
    ...drawFlags(model, scale, at),
    ...(step === 0 ? [] : change(step, width, HEAD.sizes * rem, rem)),
  ];
}

/** `8 -> 9` above the column that says what the step changed. */
function change(step: number, right: number, y: number, rem: number): Mark[] {
  const to = String(step);
  const w = (to.length * 0.6 + 0.25) * 0.9 * rem;
  const tip = right - w;
  const tail = tip - 0.95 * rem;
  return [
    { k: "text", x: right, y, text: to, size: 0.9, font: "sans", weight: 500, color: "accent", anchor: "end" },
    { k: "path", d: `M${n(tail)} ${n(y - 0.3 * rem)}H${n(tip)}m-3.5 -3l3.5 3l-3.5 3`, stroke: "accent", width: 1.2 },
    {
      k: "text",
      x: tail - 0.3 * rem,
      y,
      text: String(step - 1),
      size: 0.9,
      font: "sans",
      weight: 500,
      color: "accent",
      anchor: "end",
    },
  ];
}

export function drawBody(model: SpaceModel, scale: Scale, at: SpaceLayout): Mark[] {
  return [
    ...drawRows(model, scale, at),
    ...drawRibbons(model, scale, at),
    ...drawFollowed(model, scale, at),
    ...stage("giova", "stage 1", ["gIOVA", "IPA"], at),
    ...stage("ipa", "stage 2", ["IPA", "PA"], at),
    ...drawIntervals(model, scale, at),
    ...drawLandings(model, scale, at),
    ...drawAccesses(model, scale, at),
  ];
}

/** Names the translation that a gutter shows. */
function stage(band: Band["id"], title: string, [from, to]: [string, string], at: SpaceLayout): Mark[] {
  const gutter = gutterBelow(band, at);
  const { rem } = at;
  if (gutter === null || gutter.bottom - gutter.top < 2 * rem) return [];
  const one = gutter.bottom - gutter.top < 3.2 * rem;
  const y = (gutter.top + gutter.bottom) / 2 + (one ? 0.3 : 0.05) * rem;
  const x = from.length * 0.6 * 0.82 * rem + 0.35 * rem;
  const below: Mark[] = [
    { k: "text", x: 0, y: y + 1.1 * rem, text: from, size: 0.82, font: "mono", color: "ink3" },
    { k: "path", d: `M${n(x)} ${n(y + 0.82 * rem)}h${n(0.9 * rem)}m-3.5 -3l3.5 3l-3.5 3`, stroke: "ink3", width: 1.1 },
    { k: "text", x: x + 1.3 * rem, y: y + 1.1 * rem, text: to, size: 0.82, font: "mono", color: "ink3" },
  ];
  return [{ k: "text", x: 0, y, text: title, size: 0.88, font: "sans", color: "ink3" }, ...(one ? [] : below)];
}
