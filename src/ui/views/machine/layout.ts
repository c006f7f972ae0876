/** Places of the machine picture: a row for every function that is there or can come, columns by the room there is. */
import type { MachineFunction, MachineView } from "../../../engine/views/types.ts";

export interface Columns {
  /** Left edges and widths, pixels. */
  tree: number;
  group: { x: number; w: number };
  /** `cell`: width of one bit, rem. */
  acs: { x: number; cell: number };
  /** Null: no room for it; the table and the inspector have it. */
  strip: { x: number; w: number } | null;
  reserved: number;
  stream: { x: number; w: number };
  iommu: number;
  msi: { x: number; w: number };
  controller: number;
}

export interface MachineLayout {
  rem: number;
  width: number;
  height: number;
  columns: Columns;
  /** Top of the first row. */
  top: number;
  rowHeight: number;
  /** Centre of each row, by bdf. */
  rows: Map<string, number>;
}

/** Narrower than this the drawing scrolls, rem. */
export const LEAST = 58;
export const ROW = 1.62;
const HEAD = 3.3;
const ACS_CELL = 1.12;
/** One chip of a reserved region, and the least width of their column. */
export const CHIP = 1.25;
const CHIPS = 4.2;

export function layoutMachine(view: MachineView, room: number, rem: number): MachineLayout {
  const wide = Math.max(room / rem, LEAST);
  const deepest = Math.max(0, ...view.functions.map((f) => f.depth));
  const tight = wide < 72;
  const tree = (tight ? 14 : 15.5) + deepest * 0.6;
  const cell = tight ? 1 : ACS_CELL;
  const acs = 7 * cell + 1;
  const most = Math.max(1, ...view.functions.map((f) => f.reserved.length));
  const chips = Math.max(tight ? 1.7 : CHIPS, Math.min(most, 3) * CHIP + 0.4);
  const stream = wide > 70 ? 11.5 : 8;
  const msi = 7.2;
  const rules = 2.6;
  const rest = wide - tree - acs - chips - stream - msi - 2 * rules;
  const strip = rest >= 30 ? Math.min(rest - 18, Math.max(12, rest * 0.5)) : 0;
  const group = rest - strip - 1;
  let x = tree;
  const next = (w: number): number => {
    const at = x * rem;
    x += w;
    return Math.round(at);
  };
  const columns: Columns = {
    tree: 0,
    group: { x: next(group + 1), w: group * rem },
    acs: { x: next(acs), cell },
    strip: strip === 0 ? null : { x: next(strip), w: (strip - 1.4) * rem },
    reserved: next(chips),
    stream: { x: next(stream), w: stream * rem },
    iommu: next(rules) + Math.round(0.4 * rem),
    msi: { x: next(msi), w: msi * rem },
    controller: next(rules) + Math.round(0.4 * rem),
  };
  const rows = new Map<string, number>();
  view.functions.forEach((f, i) => rows.set(f.bdf, Math.round((HEAD + (i + 0.5) * ROW) * rem)));
  return {
    rem,
    width: Math.round(wide * rem),
    height: Math.round((HEAD + view.functions.length * ROW + 0.6) * rem),
    columns,
    top: HEAD * rem,
    rowHeight: ROW * rem,
    rows,
  };
}

/** `00:05.0` for 0000:00:05.0. */
export function short(bdf: string): string {
  return bdf.replace(/^0000:/, "");
}

/** Words of the kernel with short addresses. */
export function shortened(text: string): string {
  return text.replaceAll(/\b0000:(?=[0-9a-f]{2}:)/g, "");
}

/** Left edge of a function in the tree. */
export function indent(f: MachineFunction, rem: number): number {
  return Math.round((0.9 + f.depth * 1.25) * rem);
}

export interface Ruler {
  x(address: number): number;
  /** Right edge of an inclusive last address. */
  xLast(address: number): number;
  /** Stretches that nothing decodes, cut. */
  gaps: { x0: number; x1: number; bytes: number }[];
}

const GAP = 5;

/** One axis for all windows and BARs: what stands somewhere grows with the logarithm of its size, what is empty is cut. */
export function ruler(ranges: readonly { start: number; last: number }[], width: number): Ruler {
  const edges = [...new Set(ranges.flatMap((r) => [r.start, r.last + 1]))].sort((a, b) => a - b);
  const leaf = ranges.toSorted((a, b) => a.last - a.start - (b.last - b.start));
  const pieces = edges.slice(0, -1).map((start, i) => {
    const end = edges[i + 1] ?? start;
    const cover = leaf.find((r) => r.start <= start && r.last + 1 >= end);
    const size = cover === undefined ? 0 : cover.last - cover.start + 1;
    // A window's inside counts only where it is not much larger than what stands in it.
    const solid = size > 0 && size <= (end - start) * 4;
    return { start, end, weight: solid ? 1 + 0.3 * Math.max(0, Math.log2((end - start) / 4096)) : 0 };
  });
  const solid = pieces.reduce((sum, p) => sum + p.weight, 0);
  const gaps = pieces.filter((p) => p.weight === 0).length;
  const unit = solid === 0 ? 0 : Math.max(0, width - gaps * GAP) / solid;
  let at = 0;
  const placed = pieces.map((p) => {
    const x0 = at;
    at += p.weight === 0 ? GAP : p.weight * unit;
    return { ...p, x0, x1: at };
  });
  const x = (address: number): number => {
    const p = placed.find((q) => address < q.end) ?? placed.at(-1);
    if (p === undefined) return 0;
    if (address <= p.start) return p.x0;
    return address >= p.end ? p.x1 : p.x0 + ((address - p.start) / (p.end - p.start)) * (p.x1 - p.x0);
  };
  return {
    x,
    xLast: (address) => {
      const p = placed.find((q) => address < q.end) ?? placed.at(-1);
      return p === undefined ? 0 : p.x0 + ((address + 1 - p.start) / (p.end - p.start)) * (p.x1 - p.x0);
    },
    gaps: placed.flatMap((p) => (p.weight === 0 ? [{ x0: p.x0, x1: p.x1, bytes: p.end - p.start }] : [])),
  };
}
