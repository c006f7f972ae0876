import { type ReactNode, createContext, useContext } from "react";
import css from "./table.module.css";

export interface Column<T> {
  head: string;
  render: (row: T) => ReactNode;
  /** Set in the mono face, as something that can be pasted. */
  mono?: boolean;
  end?: boolean;
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

/** Rows beyond this many are counted, not written. */
const MOST = 500;

/** The table twin of a drawing. */
export function DataTable<T>(props: {
  caption: string;
  columns: Column<T>[];
  rows: readonly T[];
  keyOf: (row: T, index: number) => string;
  refOf?: (row: T) => string;
  empty?: string;
}) {
  const { caption, columns, rows, keyOf, refOf, empty } = props;
  return (
    <table className={css["table"]}>
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
        {rows.slice(0, MOST).map((row, i) => (
          <tr key={keyOf(row, i)} data-ref={refOf?.(row)}>
            {columns.map((c) => (
              <td
                key={c.head}
                className={[c.mono === true ? css["mono"] : "", c.end === true ? css["end"] : ""].join(" ")}
              >
                {c.render(row)}
              </td>
            ))}
          </tr>
        ))}
        {rows.length === 0 && (
          <tr>
            <td colSpan={columns.length}>{empty ?? "Nothing yet."}</td>
          </tr>
        )}
        {rows.length > MOST && (
          <tr>
            <td colSpan={columns.length}>{rows.length - MOST} more rows.</td>
          </tr>
        )}
      </tbody>
    </table>
  );
}
