import type { ReactNode } from "react";
import { useLab, useSession } from "../app/context.ts";
import type { PaneId } from "../app/state.ts";
import { isView } from "../app/stage.ts";
import { ExportButton } from "../exports/ExportButton.tsx";
import { TableShown } from "./DataTable.tsx";
import { LateTwin } from "./LateTwin.tsx";
import { Switcher } from "./Switcher.tsx";
import { scrollable } from "./scroll.ts";
import css from "./pane.module.css";

/** A pane: one line of title, no box. `twin` is the same content as a table, in sight when asked for, always there for a reader. */
export function Pane(props: {
  id: PaneId;
  title: string;
  sub?: ReactNode;
  legend?: ReactNode;
  actions?: ReactNode;
  twin?: ReactNode;
  children: ReactNode;
}) {
  const { id, title, sub, legend, actions, twin, children } = props;
  const { store } = useSession();
  const asTable = useLab((s) => s.tables.includes(id));
  const maximised = useLab((s) => s.maximised === id);
  return (
    <section className={css["pane"]} id={`pane-${id}`} aria-labelledby={`title-${id}`} tabIndex={-1}>
      <header className={css["head"]}>
        <h2 id={`title-${id}`}>{isView(id) ? <Switcher id={id} title={title} /> : title}</h2>
        {sub !== undefined && <span className={css["sub"]}>{sub}</span>}
        {legend}
        <span className={css["actions"]}>
          {actions}
          {twin !== undefined && (
            <button
              type="button"
              className={css["action"]}
              aria-pressed={asTable}
              aria-label={`${title} as a table`}
              onClick={() =>
                store.setState((s) => ({
                  tables: s.tables.includes(id) ? s.tables.filter((t) => t !== id) : [...s.tables, id],
                }))
              }
            >
              table
            </button>
          )}
          <ExportButton id={id} title={title} />
          {id !== "timeline" && (
            <button
              type="button"
              className={css["max"]}
              aria-pressed={maximised}
              aria-label={maximised ? `Give ${title} its place back` : `Maximise ${title}`}
              title={maximised ? "give back" : "maximise"}
              onClick={() => store.setState({ maximised: maximised ? null : id })}
            >
              <svg width="10" height="10" viewBox="0 0 10 10" aria-hidden="true">
                <path
                  d={maximised ? "M4 .5V4H.5M6 9.5V6h3.5" : "M.5 4V.5H4M9.5 6v3.5H6"}
                  fill="none"
                  stroke="currentColor"
                  strokeWidth="1.2"
                />
              </svg>
            </button>
          )}
        </span>
      </header>
      <div className={css["body"]} hidden={asTable}>
        {children}
      </div>
      {twin !== undefined && (
        <TableShown value={asTable}>
          {asTable ? (
            <div className={css["twin"]} {...scrollable(`${title}, as a table`)}>
              {twin}
            </div>
          ) : (
            <div className="hidden">
              <LateTwin>{twin}</LateTwin>
            </div>
          )}
        </TableShown>
      )}
    </section>
  );
}

/** What a pane says when there is nothing to draw. */
export function Empty({ children }: { children: ReactNode }) {
  return <p className={css["empty"]}>{children}</p>;
}
