/** Columns of Tables: the page in hand is wide, its neighbours narrow, what is far is only its strip. */
import type { TablePage, TableRow, TablesView } from "../../../engine/views/types.ts";

/** Sizes, rem. */
export const ROW = 1.5;
export const HEAD = 3.9;
const SPINE = 3.9;
const NARROW = 13.4;
const WIDE = 26;
const GAP = 1.55;

export interface Column {
  page: TablePage;
  n: number;
  kind: "spine" | "narrow" | "wide";
  x: number;
  w: number;
  /** Rows that are written, and how many stand above and below them. */
  rows: readonly TableRow[];
  above: number;
  below: number;
}

export interface TablesLayout {
  rem: number;
  width: number;
  height: number;
  columns: Column[];
}

/** `focus`: the page in hand. Lengths in pixels. */
export function layoutTables(
  view: TablesView,
  focus: number,
  width: number,
  height: number,
  rem: number,
): TablesLayout {
  const { pages } = view;
  const wide = Math.min(Math.max(focus, 0), pages.length - 1);
  const kinds: Column["kind"][] = pages.map((_, n) => (n === wide ? "wide" : "narrow"));
  const size = (kind: Column["kind"]): number => (kind === "spine" ? SPINE : kind === "narrow" ? NARROW : WIDE) * rem;
  const total = (): number => kinds.reduce((sum, k) => sum + size(k), 0) + Math.max(0, pages.length - 1) * GAP * rem;
  const far = pages
    .map((_, n) => n)
    .filter((n) => n !== wide)
    .sort((a, b) => Math.abs(b - wide) - Math.abs(a - wide) || a - b);
  for (const n of far) if (total() > width) kinds[n] = "spine";
  const spare = Math.max(0, width - total());
  const seen = Math.max(4, Math.floor((height - HEAD * rem) / (ROW * rem)) - 1);
  const columns: Column[] = [];
  let x = 0;
  pages.forEach((page, n) => {
    const kind = kinds[n] ?? "spine";
    const w = size(kind) + (kind === "wide" ? spare : 0);
    columns.push({ page, n, kind, x, w, ...part(page, kind, seen) });
    x += w + GAP * rem;
  });
  const most = Math.max(...columns.map((c) => c.rows.length + (c.below > 0 ? 1 : 0) + (c.above > 0 ? 1 : 0)), 4);
  return {
    rem,
    width: Math.max(width, x - GAP * rem),
    height: Math.max(height, (HEAD + most * ROW + 0.4) * rem),
    columns,
  };
}

/** All rows of the page in hand; of the others those around the chosen one. */
function part(page: TablePage, kind: Column["kind"], seen: number): Pick<Column, "rows" | "above" | "below"> {
  const { rows } = page;
  const at = rows.findIndex((r) => r.t === "entry" && r.index === page.picked);
  if (kind === "spine") return { rows: at < 0 ? [] : rows.slice(at, at + 1), above: 0, below: 0 };
  if (kind === "wide" || rows.length <= seen) return { rows, above: 0, below: 0 };
  const room = Math.max(1, seen - 2);
  const first = Math.max(0, Math.min(rows.length - room, at - Math.floor(room / 2)));
  return { rows: rows.slice(first, first + room), above: first, below: rows.length - first - room };
}

/** Middle of a row, pixels from the top. */
export function rowY(c: Column, k: number, rem: number): number {
  return (HEAD + (k + (c.above > 0 ? 1 : 0) + 0.5) * ROW) * rem;
}
