/** The interval that decided: a hole between its two neighbours, or what was asked for across what stood there. Not to scale. */
import type { CheckDetail } from "../../../engine/views/types.ts";
import { bare, size } from "../../draw/format.ts";
import { type Mark, type RectMark, clip, em, n } from "../../draw/marks.ts";

export function drawHole(detail: CheckDetail, width: number, rem: number): { marks: Mark[]; height: number } | null {
  if ((detail.hits?.length ?? 0) > 0) return drawHits(detail, width, rem);
  if (detail.range === undefined || (detail.before === undefined && detail.after === undefined)) return null;
  const marks: Mark[] = [];
  const y = 0.45 * rem;
  const h = 0.75 * rem;
  const a = detail.before === undefined ? 0 : width * 0.16;
  const e = detail.after === undefined ? width : width * 0.84;
  const start = detail.before === undefined ? 0n : detail.before.last + 1n;
  const last = detail.after === undefined ? (1n << 64n) - 1n : detail.after.start - 1n;
  if (detail.before !== undefined) marks.push(...neighbour(0, a, detail.before.label, y, h, rem));
  if (detail.after !== undefined) marks.push(...neighbour(e, width, detail.after.label, y, h, rem));
  marks.push({ k: "rect", x: a, y, w: e - a, h, fill: "pattern:hole", opacity: 0.55 });
  const part = Number(detail.range.start - start) / Math.max(1, Number(last - start));
  // The hole is often much wider than the place in it: it is drawn clear of the neighbours.
  const p = a + (e - a) * Math.min(0.86, Math.max(0.14, Math.cbrt(Math.min(1, Math.max(0, part))) * 0.8));
  const base = y + h + 1.02 * rem;
  const label = bare(detail.range.start);
  const words = [
    { x: a, text: bare(start), show: detail.before !== undefined },
    { x: e, text: bare(last + 1n), show: detail.after !== undefined },
  ];
  const lw = em(label, "mono") * 0.84 * rem;
  marks.push({ k: "path", d: `M${n(p)} ${n(y - 0.3 * rem)}V${n(y + h + 0.3 * rem)}`, stroke: "accent", width: 2 });
  for (const w of words) {
    const half = (em(w.text, "mono") * 0.82 * rem) / 2;
    if (!w.show || Math.abs(w.x - p) < half + lw / 2 + 0.4 * rem) continue;
    marks.push({
      k: "text",
      x: Math.min(Math.max(w.x, half), width - half),
      y: base,
      text: w.text,
      size: 0.82,
      font: "mono",
      color: "ink2",
      anchor: "middle",
    });
  }
  marks.push({
    k: "text",
    x: Math.min(Math.max(p, lw / 2), width - lw / 2),
    y: base,
    text: label,
    size: 0.84,
    font: "mono",
    weight: 500,
    color: "accent",
    anchor: "middle",
  });
  return { marks, height: base + 0.3 * rem };
}

function neighbour(x0: number, x1: number, label: string, y: number, h: number, rem: number): Mark[] {
  const marks: Mark[] = [{ k: "rect", x: x0, y, w: x1 - x0, h, fill: "map", opacity: 0.5 }];
  if (em(label, "mono") * 0.8 * rem < x1 - x0 - 6)
    marks.push({
      k: "text",
      x: (x0 + x1) / 2,
      y: y + h - 0.17 * rem,
      text: label,
      size: 0.8,
      font: "mono",
      color: "ink",
      anchor: "middle",
    });
  return marks;
}

/** What stood in the way, in the look it has in the address space. */
function lookOf(label: string): Pick<RectMark, "fill" | "opacity" | "stroke"> {
  if (label.includes("MSI")) return { fill: "pattern:sw", opacity: 0.9, stroke: "sw" };
  if (label.startsWith("area")) return { fill: "map", opacity: 0.5, stroke: "map" };
  return { fill: "pattern:reserved", opacity: 0.8, stroke: "rsv" };
}

/** What stood there, and brackets around what was asked for, on one scale of their edges. */
function drawHits(detail: CheckDetail, width: number, rem: number): { marks: Mark[]; height: number } {
  const hits = (detail.hits ?? []).slice(0, 3);
  const range = detail.range;
  const edges = [
    ...new Set([...hits, ...(range === undefined ? [] : [range])].flatMap((r) => [r.start, r.last + 1n])),
  ].sort((a, b) => (a < b ? -1 : 1));
  const inner = width * 0.94;
  const x = (v: bigint): number => width * 0.03 + (edges.indexOf(v) / Math.max(1, edges.length - 1)) * inner;
  const marks: Mark[] = [];
  const h = 0.75 * rem;
  let y = 0;
  hits.forEach((hit, i) => {
    const a = x(hit.start);
    const b = x(hit.last + 1n);
    const text = clip(`${hit.label}  ${size(hit.last - hit.start + 1n)}`, "mono", width / rem / 0.82);
    const w = em(text, "mono") * 0.82 * rem;
    y += (i === 0 ? 0.85 : 1.15) * rem;
    marks.push({ k: "text", x: Math.max(0, Math.min(a, width - w)), y, text, size: 0.82, font: "mono", color: "ink" });
    y += 0.38 * rem;
    marks.push({ k: "rect", x: a, y, w: b - a, h, ...lookOf(hit.label) });
    if (i < hits.length - 1) y += h;
  });
  const top = 1.0 * rem;
  if (range !== undefined) {
    const a = x(range.start);
    const b = x(range.last + 1n);
    const from = n(top);
    const to = n(y + h + 0.25 * rem);
    marks.push({
      k: "path",
      d: `M${n(a + 3)} ${from}H${n(a)}V${to}H${n(a + 3)}M${n(b - 3)} ${from}H${n(b)}V${to}H${n(b - 3)}`,
      stroke: "accent",
      width: 1.8,
    });
  }
  const base = y + h + 1.15 * rem;
  const shown: [number, number][] = [];
  const put = (v: bigint, text: string, accent: boolean): void => {
    const w = em(text, "mono") * 0.82 * rem;
    const mid = Math.min(Math.max(x(v), w / 2), width - w / 2);
    if (shown.some(([a, b]) => mid - w / 2 < b + 6 && mid + w / 2 > a - 6)) return;
    shown.push([mid - w / 2, mid + w / 2]);
    marks.push({
      k: "text",
      x: mid,
      y: base,
      text,
      size: 0.82,
      font: "mono",
      color: accent ? "accent" : "ink2",
      anchor: "middle",
      ...(accent ? { weight: 500 as const } : {}),
    });
  };
  if (range !== undefined) {
    put(range.start, bare(range.start), true);
    put(range.last + 1n, bare(range.last), true);
  }
  for (const hit of hits) {
    put(hit.start, bare(hit.start), false);
    put(hit.last + 1n, bare(hit.last), false);
  }
  return { marks, height: base + 0.3 * rem };
}
