/** Device -> group -> hwpt -> IOAS -> fd. No boxes: an id on a rule, its references at the end, its state below. */
import type { AttachEdge, AttachNode, AttachmentsView, NodeKind, Ref } from "../../../engine/views/types.ts";
import { DASH, type Mark, type Token, clip, crisp, em, line, n } from "../../draw/marks.ts";
import { type Cell, type Grid, headsOf } from "./layout.ts";

/** Left edge of the columns, parts of the width. */
const LEFT = [0, 0.15, 0.37, 0.585, 0.79, 0.965];
const KIND_WORD: Partial<Record<NodeKind, string>> = {
  vdevice: "vDEVICE",
  viommu: "vIOMMU",
  veventq: "veventq",
  fault: "fault queue",
  hw_queue: "hw_queue",
  access: "access",
};
const LINE = 1.26;
/** Sizes of the lines under a node, rem. */
const MONO = 0.84;
const SANS = 0.88;

interface Placed {
  node: AttachNode;
  cell: Cell;
  x: number;
  /** Of the rule. */
  y: number;
  w: number;
}

export interface AttachDrawing {
  marks: Mark[];
  height: number;
}

export function drawAttachments(
  view: AttachmentsView,
  grid: Grid,
  active: ReadonlySet<Ref>,
  width: number,
  room: number,
  rem: number,
): AttachDrawing {
  const marks: Mark[] = [];
  const gap = 1.1 * rem;
  const xs = LEFT.map((f) => Math.round(f * width));
  const tops: number[] = [];
  const widths = xs.map((x, i) => ((xs[i + 1] ?? width) - x - gap) / rem);
  const lineCounts = grid.rows.map((r) =>
    Math.max(0, ...r.nodes.map((x) => x.texts.reduce((sum, t) => sum + wrap(t, widths[x.column] ?? 5).length, 0))),
  );
  const heights = grid.rows.map((r, i) => heightOf(r, lineCounts[i] ?? 0));
  const needed = heights.reduce((sum, h) => sum + h, 1.5);
  const spread = grid.rows.length > 1 ? Math.min(2.2, Math.max(0, (room / rem - needed) / grid.rows.length)) : 0;
  let y = 2.75;
  grid.rows.forEach((r, i) => {
    if (r.shelf) y += 0.9;
    tops.push(y);
    y += (heights[i] ?? 0) + spread;
  });
  const height = (y - spread - 0.4) * rem;
  headsOf(new Set(view.nodes.map((x) => x.kind))).forEach((name, i) =>
    marks.push({ k: "text", x: xs[i] ?? 0, y: 0.75 * rem, text: name, size: 0.9, font: "sans", color: "ink3" }),
  );

  const placed = new Map<Ref, Placed>();
  for (const node of view.nodes) {
    const cell = grid.cells.get(node.ref);
    if (cell === undefined) continue;
    const x = xs[cell.column] ?? 0;
    const w = (xs[cell.column + 1] ?? width) - x - gap;
    placed.set(node.ref, { node, cell, x, y: crisp(((tops[cell.row] ?? 0) + 0.45) * rem), w });
  }
  const fd = view.nodes.find((x) => x.kind === "fd");
  const fdX = crisp(width - 1.3 * rem);
  if (fd !== undefined) {
    marks.push(line(fdX, 0.2 * rem, fdX, Math.max(height, 9 * rem), "ink", { width: 1.2 }));
    const words = [fd.title, ...fd.lines.map((l) => l.text)].join("  ");
    marks.push({
      k: "text",
      x: fdX + 0.42 * rem,
      y: 0.3 * rem,
      text: words,
      size: 0.9,
      font: "sans",
      color: "ink2",
      turned: true,
      refs: [fd.ref],
    });
  }
  const attached = new Set(view.edges.filter((e) => e.kind === "attached").flatMap((e) => [e.from]));
  const members = view.edges.filter((e) => e.kind === "member");
  for (const m of members) if (attached.has(m.to)) attached.add(m.from);
  for (const m of members) if (attached.has(m.from)) attached.add(m.to);
  const idle = (p: Placed): boolean =>
    (p.cell.kind === "device" || p.cell.kind === "group") && !attached.has(p.node.ref);

  for (const e of view.edges) if (e.kind !== "undone") marks.push(...edge(e, placed, fd?.ref, fdX, active, idle, rem));
  for (const p of placed.values()) marks.push(...drawNode(p, active.has(p.node.ref), idle(p), rem));
  marks.push(
    ...undone(
      view.edges.filter((e) => e.kind === "undone"),
      placed,
      tops,
      lineCounts,
      rem,
    ),
  );
  return { marks, height };
}

function heightOf(row: Grid["rows"][number], lines: number): number {
  return 1.9 + lines * LINE + (row.undone > 0 ? row.undone * 1.5 + 0.5 : 0) + 0.5;
}

/** A line on at most two rows, broken at a space; `room` in rem. */
function wrap(text: string, room: number): string[] {
  const size = isMono(text) ? MONO : SANS;
  const font = isMono(text) ? "mono" : "sans";
  if (em(text, font) * size <= room + 0.5) return [text];
  const at = text.lastIndexOf(" ", Math.ceil(text.length * 0.75));
  if (at <= 0) return [clip(text, font, (room + 1.05) / size)];
  return [clip(text.slice(0, at), font, (room + 1.05) / size), clip(text.slice(at + 1), font, (room + 1.05) / size)];
}

function isMono(text: string): boolean {
  return /^(0x|[0-9a-f]{2}:|[0-9a-f]{4}:)/.test(text);
}

function drawNode(p: Placed, active: boolean, idle: boolean, rem: number): Mark[] {
  const { node, x, y, w, cell } = p;
  const gone = node.change === "removed";
  const color: Token = active ? "accent" : idle || gone ? "ink3" : "ink";
  const refs = [node.ref];
  const marks: Mark[] = [
    {
      k: "path",
      d: `M${x} ${y}h${n(w)}`,
      stroke: color,
      width: active ? 2 : 1.2,
      ...(idle || gone ? { dash: DASH } : {}),
      refs,
      cls: active ? "keep" : "rule",
    },
  ];
  const word = KIND_WORD[cell.kind];
  const tx = x;
  if (word !== undefined)
    marks.push({ k: "text", x, y: y - 1.62 * rem, text: word, size: 0.9, font: "sans", color: "ink3" });
  const id = node.title.replace(/^(ioas|hwpt|group|viommu|vdevice|veventq|fault)\s+/i, "");
  marks.push({ k: "text", x: tx, y: y - 0.4 * rem, text: id, size: 1.17, font: "sans", weight: 600, color, refs });
  // A long name pushes the count into the gap before the next column.
  const users = node.users === undefined ? 0 : em(`×${node.users}`, "sans") * 0.9 + 0.15;
  const end = Math.max(x + w, tx + (em(id, "sans") * 1.2 + users) * rem);
  let used = 0;
  if (node.users !== undefined) {
    const text = `×${node.users}`;
    used = (em(text, "sans") * 0.9 + 0.3) * rem;
    marks.push({
      k: "text",
      x: end,
      y: y - 0.4 * rem,
      text,
      size: 0.9,
      font: "sans",
      color: "ink2",
      anchor: "end",
      tip: [`${node.users} users`, "as the kernel counts them"],
      refs,
    });
  }
  if (node.change === "added" || gone) {
    const room = end - used - tx - em(id, "sans") * 1.2 * rem;
    if (room > 2.2 * rem)
      marks.push({
        k: "text",
        x: end - used,
        y: y - 0.4 * rem,
        text: gone ? "gone" : "new",
        size: 0.84,
        font: "sans",
        weight: 500,
        color: "accent",
        anchor: "end",
      });
  }
  let row = 0;
  for (const l of node.lines) {
    const mono = isMono(l.text);
    for (const text of wrap(l.text, w / rem)) {
      marks.push({
        k: "text",
        x,
        y: y + (1.2 + row * LINE) * rem,
        text,
        size: mono ? MONO : SANS,
        font: mono ? "mono" : "sans",
        color: l.tone === "bad" ? "fault" : l.tone === "new" ? "accent" : "ink2",
        ...(l.tone === "plain" ? {} : { weight: 500 as const }),
        refs,
        ...(text === l.text ? {} : { tip: [l.text] }),
      });
      row++;
    }
  }
  return marks;
}

function edge(
  e: AttachEdge,
  placed: Map<Ref, Placed>,
  fd: Ref | undefined,
  fdX: number,
  active: ReadonlySet<Ref>,
  idle: (p: Placed) => boolean,
  rem: number,
): Mark[] {
  const from = placed.get(e.from);
  const to = placed.get(e.to);
  // Drawn from left to right, whichever way the reference points.
  const [a, b] = from !== undefined && to !== undefined && to.cell.column < from.cell.column ? [to, from] : [from, to];
  if (a === undefined) return [];
  const x0 = a.x + a.w + 2;
  if (e.to === fd) return [line(x0, a.y, fdX, a.y, "ink", { width: 1.2 })];
  if (b === undefined) return [];
  const hot = active.has(e.from) && e.kind === "member";
  const part = e.kind === "part-of";
  const stroke: Token =
    hot || e.change === "added" ? "accent" : e.change === "removed" || idle(a) || part ? "ink3" : "ink";
  const look = {
    stroke,
    width: hot ? 2 : part ? 1 : 1.2,
    ...(e.change === "removed" || idle(a) ? { dash: DASH } : {}),
    cls: "keep",
  };
  const turn = b.x - 0.62 * rem;
  const tip = b.x - 3;
  const head = part ? "" : `M${n(tip - 4.5)} ${b.y - 3.5}L${n(tip)} ${b.y}L${n(tip - 4.5)} ${b.y + 3.5}`;
  let d: string;
  if (b.cell.column <= a.cell.column) {
    // Back or below: from under the id, down and in from the left.
    const x = a.x - 0.62 * rem;
    d = `M${n(a.x)} ${a.y}H${n(x)}V${b.y}H${n(tip)}`;
    return [{ k: "path", d, ...look }];
  }
  const between = [...placed.values()].some(
    (p) => p.cell.row === a.cell.row && p.cell.column > a.cell.column && p.cell.column < b.cell.column,
  );
  if (a.y === b.y && !between) d = `M${n(x0)} ${a.y}H${n(tip)}`;
  else if (between) {
    const over = a.y - 1.75 * rem;
    d = `M${n(x0)} ${a.y}h${n(0.3 * rem)}V${n(over)}H${n(turn)}V${b.y}H${n(tip)}`;
  } else d = `M${n(x0)} ${a.y}H${n(turn)}V${b.y}H${n(tip)}`;
  const named: Mark[] =
    e.label === ""
      ? []
      : [
          {
            k: "text",
            x: turn - 0.25 * rem,
            y: b.y - 0.35 * rem,
            text: e.label,
            size: 0.84,
            font: "sans",
            color: e.change === "added" ? "accent" : "ink2",
            anchor: "end",
            halo: 4,
          },
        ];
  return [
    { k: "path", d, ...look },
    ...named,
    ...(head === "" ? [] : [{ k: "path" as const, d: head, stroke, width: 1.2, cls: "keep" }]),
  ];
}

/** What this kernel did not do: dashed, below the row, named on the line. */
function undone(
  edges: readonly AttachEdge[],
  placed: Map<Ref, Placed>,
  tops: readonly number[],
  lines: readonly number[],
  rem: number,
): Mark[] {
  const sorted = edges.flatMap((e) => {
    const a = placed.get(e.from);
    const b = placed.get(e.to);
    return a === undefined || b === undefined ? [] : [{ e, a, b }];
  });
  sorted.sort((p, q) => p.b.cell.column - q.b.cell.column);
  const strokes: Mark[] = [];
  const words: Mark[] = [];
  sorted.forEach(({ e, a, b }, i) => {
    const y = crisp(((tops[a.cell.row] ?? 0) + 1.75 + (lines[a.cell.row] ?? 0) * LINE + i * 1.5) * rem);
    const x = a.x + 0.5 * rem;
    const tx = b.x + (b.cell.column > 3 ? 0.9 : 0.7) * rem;
    const rows = (p: Placed): number => p.node.lines.reduce((sum, l) => sum + wrap(l.text, p.w / rem).length, 0);
    const end = b.y + (1.5 + Math.max(rows(b) - 1, 0) * LINE) * rem;
    const start = a.y + (1.5 + Math.max(rows(a) - 1, 0) * LINE) * rem;
    strokes.push({
      k: "path",
      d: `M${n(x)} ${n(start)}V${y}H${n(tx)}V${n(end)}`,
      stroke: "fault",
      width: 1.3,
      dash: DASH,
      cls: "keep",
    });
    strokes.push({
      k: "path",
      d: `M${n(tx - 3.5)} ${n(end + 6)}L${n(tx)} ${n(end)}L${n(tx + 3.5)} ${n(end + 6)}`,
      stroke: "fault",
      width: 1.3,
      cls: "keep",
    });
    words.push({
      k: "rect",
      x: x + 0.7 * rem,
      y: y - 0.6 * rem,
      w: (em(e.label, "sans") * 0.96 + 0.4) * rem,
      h: 1.2 * rem,
      fill: "paper",
    });
    words.push({
      k: "text",
      x: x + 0.9 * rem,
      y: y + 0.3 * rem,
      text: e.label,
      size: 0.96,
      font: "sans",
      weight: 500,
      color: "fault",
      halo: 5,
      tip: [e.label, "not done by this kernel"],
    });
  });
  return [...strokes, ...words];
}
