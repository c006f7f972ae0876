/** What the comparison shows: which kernels, which rows, and what of a cell. No pixels. */
import type { CompareCell, CompareFact, CompareRow, KernelInfo } from "../../../engine/views/types.ts";

/** Facts of a cell beyond this many are counted. */
const MOST = 5;

/** A line of a cell under its result. */
export interface FactLine {
  text: string;
  /** The whole fact, where the line is short. */
  title: string;
  /** What the kernel did; what the first kernel did and this one did not; how many more there are. */
  kind: "own" | "missing" | "more";
}

export interface CellView {
  cell: CompareCell | null;
  lines: FactLine[];
}

export interface RowView {
  row: CompareRow;
  cells: CellView[];
  /** Lines that its highest cell needs, the result included. */
  height: number;
}

export function rowView(row: CompareRow): RowView {
  const cells = row.cells.map((cell): CellView => ({ cell, lines: row.differs ? linesOf(cell, row) : [] }));
  return { row, cells, height: 1 + Math.max(0, ...cells.map((c) => c.lines.length)) };
}

const keyOf = (f: CompareFact): string => `${f.sign} ${f.text}`;

/** What is not common to all columns; the result says ret and errno already. */
function linesOf(cell: CompareCell | null, row: CompareRow): FactLine[] {
  if (cell === null) return [];
  const address = cell.facts.some((f) => f.kind === "msi" || f.kind === "event");
  const told = (f: CompareFact): boolean =>
    f.kind === "out" && (/^(ret|errno|id|event|n)=/.test(f.text) || (address && f.text.startsWith("msi=")));
  const others = row.cells.flatMap((c) => (c === null ? [] : [c]));
  const count = new Map<string, number>();
  for (const c of others) for (const f of c.facts) count.set(keyOf(f), (count.get(keyOf(f)) ?? 0) + 1);
  const special = cell.facts.filter((f) => !told(f) && (count.get(keyOf(f)) ?? 0) < others.length);
  const lines: FactLine[] = [
    ...special.filter((f) => f.kind !== "stream").map(ownLine),
    ...streamLines(special.filter((f) => f.kind === "stream")),
  ];
  const base = others[0];
  if (base !== undefined && base !== cell && special.length === 0) {
    const mine = new Set(cell.facts.map(keyOf));
    for (const f of base.facts)
      if (!told(f) && f.kind !== "out" && f.kind !== "event" && !mine.has(keyOf(f)))
        lines.push({ text: `without ${f.short}`, title: `does not do: ${f.sign} ${f.text}`, kind: "missing" });
  }
  if (lines.length <= MOST) return lines;
  const left = lines.slice(MOST - 1);
  return [
    ...lines.slice(0, MOST - 1),
    { text: `and ${left.length} more`, title: left.map((l) => l.title).join("\n"), kind: "more" },
  ];
}

function ownLine({ sign, short, text }: CompareFact): FactLine {
  const mark = sign === "" ? "" : sign === "-" ? "− " : "+ ";
  return { text: `${mark}${short}`, title: `${sign === "" ? "" : `${sign} `}${text}`, kind: "own" };
}

/** Fields of one stream table entry stand in one line: `+ STE 0x18 Config nested, S2PS 44`. */
function streamLines(facts: readonly CompareFact[]): FactLine[] {
  const entries = new Map<string, CompareFact[]>();
  for (const f of facts) {
    const [ste = "", sid = ""] = f.text.split(" ");
    const key = `${f.sign} ${ste} ${sid}`;
    entries.set(key, [...(entries.get(key) ?? []), f]);
  }
  return [...entries].map(([key, list]) => ({
    text: `${key.replace(/^-/, "−")} ${list.map((f) => f.text.split(" ").slice(2).join(" ")).join(", ")}`,
    title: list.map((f) => `${f.sign} ${f.text}`).join("\n"),
    kind: "own",
  }));
}

/** A kernel's column: where it stands on screen, and which cell of a row is its. */
export interface Column {
  info: KernelInfo;
  /** Index in `row.cells`; 0 = the kernel that the others are compared with. */
  at: number;
}

/** First step, of those known, in which the column differs from the first; 0 = none. */
export function firstDifference(rows: readonly (CompareRow | undefined)[], column: number): number {
  return rows.find((r) => r?.cells[column]?.differs === true)?.step ?? 0;
}
