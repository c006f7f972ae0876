import { type ReactNode, createContext, useContext, useEffect, useLayoutEffect, useRef, useState } from "react";
import { keepTable, textOf } from "./table_text.ts";
import css from "./table.module.css";

export interface Column<T> {
  head: string;
  render: (row: T) => ReactNode;
  /** Set in the mono face, as something that can be pasted. */
  mono?: boolean;
  end?: boolean;
  /** Holds something to press, no fact: a saved table leaves it out. */
  aside?: boolean;
}

/** False while the table is only there for a reader: nothing in it may take the focus then. */
export const TableShown = createContext(true);

/** A button inside a table; plain text while the table is out of sight. */
export function CellButton({ label, onClick, children }: { label?: string; onClick: () => void; children: ReactNode }) {
  const shown = useContext(TableShown);
  if (!shown) return children;
  return (
    <button type="button" aria-label={label} onClick={onClick}>
      {children}
    </button>
  );
}

/** Of more rows only those in sight are written; out of sight the others are counted. */
const MOST = 500;
/** Rows written beyond what is seen. */
const BESIDE = 30;

/** Rows that are too many to hold: `at` gives null while one is fetched. */
export interface Beyond<T> {
  count: number;
  at: (index: number) => T | null;
  /** Fetches them all, for a file. */
  all: () => Promise<readonly T[]>;
}

/** The table twin of a drawing. */
export function DataTable<T>(props: {
  caption: string;
  columns: Column<T>[];
  rows: readonly T[];
  /** After `rows`. */
  beyond?: Beyond<T>;
  keyOf: (row: T, index: number) => string;
  refOf?: (row: T) => string;
  empty?: string;
}) {
  const { caption, columns, rows, beyond, keyOf, refOf, empty } = props;
  const shown = useContext(TableShown);
  const table = useRef<HTMLTableElement>(null);
  const total = rows.length + (beyond?.count ?? 0);
  useEffect(() => {
    if (table.current === null) return;
    const facts = columns.filter((c) => c.aside !== true);
    keepTable(table.current, async () => {
      const more = beyond === undefined || beyond.count === 0 ? [] : await beyond.all();
      const lines = [...rows, ...more].map((row) => facts.map((c) => textOf(c.render(row))));
      return [facts.map((c) => c.head), ...lines];
    });
  }, [columns, rows, beyond]);
  const sight = useSight(table, shown && total > MOST);
  const [first, end] =
    total <= MOST
      ? [0, total]
      : sight === null
        ? [0, Math.min(MOST, shown ? total : rows.length)]
        : [Math.max(0, sight.first - BESIDE), Math.min(total, sight.end + BESIDE)];
  const height = sight?.height ?? 0;
  return (
    <table ref={table} className={css["table"]} aria-rowcount={total + 1}>
      <caption className="hidden">{caption}</caption>
      <thead>
        <tr>
          {columns.map((c) => (
            <th key={c.head} scope="col" className={c.end === true ? css["end"] : undefined}>
              {c.head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {first > 0 && <tr style={{ height: first * height }} aria-hidden="true" />}
        {Array.from({ length: end - first }, (_, k) => {
          const i = first + k;
          const row = i < rows.length ? rows[i] : beyond?.at(i - rows.length);
          return row === undefined || row === null ? (
            <tr key={`row ${i}`} data-row="" aria-rowindex={i + 2}>
              <td colSpan={columns.length}>…</td>
            </tr>
          ) : (
            <tr
              key={keyOf(row, i)}
              data-row=""
              data-ref={refOf?.(row)}
              aria-rowindex={total > MOST ? i + 2 : undefined}
            >
              {columns.map((c) => (
                <td
                  key={c.head}
                  className={[c.mono === true ? css["mono"] : "", c.end === true ? css["end"] : ""].join(" ")}
                >
                  {c.render(row)}
                </td>
              ))}
            </tr>
          );
        })}
        {total === 0 && (
          <tr>
            <td colSpan={columns.length}>{empty ?? "Nothing yet."}</td>
          </tr>
        )}
        {end < total && sight !== null && <tr style={{ height: (total - end) * height }} aria-hidden="true" />}
        {end < total && sight === null && (
          <tr>
            <td colSpan={columns.length}>{total - end} more rows.</td>
          </tr>
        )}
      </tbody>
    </table>
  );
}

interface Sight {
  first: number;
  end: number;
  /** Pixels of a row. */
  height: number;
}

/** Which rows of a table are in sight of what scrolls it; null while that is not known, or not wanted. */
function useSight(table: { readonly current: HTMLTableElement | null }, wanted: boolean): Sight | null {
  const [sight, set] = useState<Sight | null>(null);
  useLayoutEffect(() => {
    const element = table.current;
    const scroller = element === null || !wanted ? null : scrollerOf(element);
    if (element === null || scroller === null) return undefined;
    const measure = (): void => {
      const written = [...element.querySelectorAll("tr[data-row]")].slice(0, 40);
      const sum = written.reduce((h, r) => h + r.getBoundingClientRect().height, 0);
      if (sum === 0) return;
      const height = Math.round((sum / written.length) * 4) / 4;
      const above = scroller.getBoundingClientRect().top - element.getBoundingClientRect().top;
      const first = Math.max(0, Math.floor(above / height));
      const end = first + Math.ceil(scroller.clientHeight / height) + 1;
      // The height stays as it was measured first, so that the list does not grow under the hand.
      set((old) => (old?.first === first && old.end === end ? old : { first, end, height: old?.height ?? height }));
    };
    measure();
    scroller.addEventListener("scroll", measure, { passive: true });
    return () => scroller.removeEventListener("scroll", measure);
  }, [table, wanted]);
  return wanted ? sight : null;
}

function scrollerOf(element: HTMLElement): HTMLElement | null {
  for (let at = element.parentElement; at !== null; at = at.parentElement)
    if (/auto|scroll/.test(getComputedStyle(at).overflowY)) return at;
  return null;
}
