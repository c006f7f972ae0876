import { type KeyboardEvent, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { useLab, useSession } from "../../app/context.ts";
import { Hex } from "../../widgets/Hex.tsx";
import { useBox } from "../../widgets/measure.ts";
import css from "./compare.module.css";
import { type CellView, type Column, firstDifference, rowView, type RowView } from "./model.ts";
import type { Rows } from "./useRows.ts";

/** Heights, rem. */
const LINE = 1.24;
const PAD = 0.62;
/** Rows drawn above and below what is seen. */
const SPARE = 8;
/** Width of the step's own column and least width of a kernel's, rem; in a narrow pane, where the columns scroll. */
const WIDTHS = { step: 17, column: 14 };
const NARROW = { step: 11.5, column: 11 };
const NARROW_BELOW = 56;

/** Steps as rows, kernels as columns. What all agree on is quiet; the first difference is not. */
export function Steps(props: {
  rows: Rows;
  columns: readonly Column[];
  /** Rows that are in sight, told so that they can be fetched. */
  onSight: (from: number, to: number) => void;
  onOpen: (kernel: string, step: number) => void;
  other: string | null;
}) {
  const { rows, columns, onSight, onOpen, other } = props;
  const session = useSession();
  const step = useLab((s) => s.step);
  const total = useLab((s) => s.opened?.steps ?? 0);
  const host = useRef<HTMLDivElement>(null);
  const box = useBox(host);
  const [top, setTop] = useState(0);
  const views = useMemo(() => rows.rows.map((r) => (r === undefined ? undefined : rowView(r))), [rows]);
  const tops = useMemo(() => {
    const out = [0];
    for (const v of views) out.push((out.at(-1) ?? 0) + (v?.height ?? 1) * LINE + PAD);
    return out;
  }, [views]);
  const rem = box.rem;
  const from = Math.max(0, at(tops, top / rem) - SPARE);
  const to = Math.min(rows.steps, at(tops, (top + box.height) / rem) + 1 + SPARE);
  useEffect(() => onSight(from, to), [onSight, from, to]);

  const firsts = useMemo(() => columns.map((c) => firstDifference(rows.rows, c.at)), [rows, columns]);
  const first = rows.rows.find((r) => r?.differs === true)?.step ?? 0;
  const height = (tops.at(-1) ?? 0) * rem;
  const head = 3.4 * rem;
  const rowTop = tops[step - 1] ?? 0;
  const rowBottom = tops[step] ?? 0;
  useLayoutEffect(() => {
    const element = host.current;
    if (element === null || rowBottom === 0) return;
    const seen = element.clientHeight - head;
    if (rowTop * rem < element.scrollTop) element.scrollTop = rowTop * rem;
    else if (rowBottom * rem > element.scrollTop + seen)
      element.scrollTop = Math.min(rowTop * rem, rowBottom * rem - seen);
  }, [step, rowTop, rowBottom, rem, head]);

  const keys = (e: KeyboardEvent): void => {
    const others = columns.filter((c) => c.at !== 0).map((c) => c.info.id);
    const now = other === null ? -1 : others.indexOf(other);
    const to = {
      ArrowDown: session.heading.step + 1,
      ArrowUp: session.heading.step - 1,
      Home: 1,
      End: total,
      PageDown: session.heading.step + 10,
      PageUp: session.heading.step - 10,
    }[e.key];
    if (to !== undefined) session.seek(Math.max(1, Math.min(total, to)));
    else if (e.key === "ArrowRight" || e.key === "ArrowLeft") {
      const next = others[now + (e.key === "ArrowRight" ? 1 : -1)];
      if (next !== undefined) onOpen(next, step);
    } else return;
    e.preventDefault();
  };
  const { step: own, column: each } = box.width < NARROW_BELOW * rem ? NARROW : WIDTHS;
  const template = `${own}rem repeat(${columns.length}, minmax(${each}rem, 1fr))`;
  const minWidth = `${own + columns.length * each}rem`;
  return (
    <div
      ref={host}
      className={css["steps"]}
      role="grid"
      aria-label="Steps on several kernels"
      aria-rowcount={rows.steps + 1}
      aria-colcount={columns.length + 1}
      aria-activedescendant={step > 0 && step > from && step <= to ? `compare-${step}` : undefined}
      tabIndex={0}
      data-scroll=""
      data-narrow={own === NARROW.step ? "" : undefined}
      data-testid="compare"
      onScroll={(e) => setTop(e.currentTarget.scrollTop)}
      onKeyDown={keys}
    >
      <div role="rowgroup" className={css["heads"]} style={{ minWidth }}>
        <div role="row" aria-rowindex={1} style={{ gridTemplateColumns: template }}>
          <span role="columnheader" className={css["corner"]}>
            step
          </span>
          {columns.map((c, i) => (
            <Head key={c.info.id} column={c} first={firsts[i] ?? 0} rows={rows} other={c.info.id === other} />
          ))}
        </div>
      </div>
      <div role="rowgroup" className={css["rows"]} style={{ height, minWidth }}>
        {views.slice(from, to).map((v, i) => {
          const index = from + i + 1;
          return (
            <div
              key={index}
              id={`compare-${index}`}
              role="row"
              aria-rowindex={index + 1}
              aria-current={index === step ? "step" : undefined}
              className={css["row"]}
              data-first={index === first ? "" : undefined}
              data-differs={v?.row.differs === true ? "" : undefined}
              data-step={index}
              style={{
                top: (tops[index - 1] ?? 0) * rem,
                height: ((tops[index] ?? 0) - (tops[index - 1] ?? 0)) * rem,
                gridTemplateColumns: template,
              }}
            >
              {v === undefined ? (
                <span role="rowheader" className={css["waiting"]}>
                  {index} …
                </span>
              ) : (
                <Cells
                  view={v}
                  first={index === first}
                  firsts={firsts}
                  columns={columns}
                  onOpen={onOpen}
                  other={other}
                />
              )}
            </div>
          );
        })}
      </div>
    </div>
  );
}

/** Index of the row at a height, rem. */
function at(tops: readonly number[], y: number): number {
  let low = 0;
  let high = Math.max(0, tops.length - 2);
  while (low < high) {
    const mid = (low + high + 1) >> 1;
    if ((tops[mid] ?? 0) <= y) low = mid;
    else high = mid - 1;
  }
  return low;
}

function Head(props: { column: Column; first: number; rows: Rows; other: boolean }) {
  const { column, first, rows, other } = props;
  const { info } = column;
  const base = column.at === 0;
  const session = useSession();
  const problem = rows.columns.find((c) => c.kernel === info.id)?.problem ?? null;
  const said =
    problem !== null
      ? "does not start"
      : base
        ? "this kernel"
        : first > 0
          ? `differs from step ${first}`
          : rows.steps === 0
            ? "being compared"
            : rows.done >= rows.steps
              ? "the same in every step"
              : `the same to step ${rows.done}`;
  return (
    <span
      role="columnheader"
      aria-label={`${info.title} ${said}`}
      className={css["head"]}
      data-base={base ? "" : undefined}
      data-other={other ? "" : undefined}
      title={problem ?? `${info.id}, ${info.date}. ${info.changes}`}
    >
      <button
        type="button"
        aria-label={`Show ${info.title}, compare the others with it`}
        onClick={() => session.setKernel(info.id)}
      >
        {info.title}
      </button>
      <small>{said}</small>
    </span>
  );
}

function Cells(props: {
  view: RowView;
  first: boolean;
  /** Of each column. */
  firsts: readonly number[];
  columns: readonly Column[];
  onOpen: (kernel: string, step: number) => void;
  other: string | null;
}) {
  const { view, first, firsts, columns, onOpen, other } = props;
  const session = useSession();
  const { row } = view;
  return (
    <>
      <span role="rowheader" className={css["step"]}>
        <button
          type="button"
          tabIndex={-1}
          onClick={() => session.seek(row.step)}
          aria-label={`Step ${row.step}: ${row.prefix}${row.op} ${row.args}`}
        >
          <b>{row.step}</b>
          <span>
            <i>{row.prefix}</i>
            {row.op}
          </span>
        </button>
        {view.height > 1 && row.args !== "" && (
          <small title={row.args}>
            <Hex>{row.args}</Hex>
          </small>
        )}
        {first && view.height > 2 && <em>first difference</em>}
      </span>
      {columns.map(({ info, at: index }, i) => (
        <Cell
          key={info.id}
          view={view.cells[index] ?? NOT_RUN}
          base={index === 0}
          parts={firsts[i] === row.step}
          open={info.id === other}
          onOpen={() => onOpen(info.id, row.step)}
          title={info.title}
          step={row.step}
        />
      ))}
    </>
  );
}

const NOT_RUN: CellView = { cell: null, lines: [] };

function Cell(props: {
  view: CellView;
  base: boolean;
  /** The first step in which this kernel differs. */
  parts: boolean;
  open: boolean;
  title: string;
  step: number;
  onOpen: () => void;
}) {
  const { view, base, parts, open, title, step, onOpen } = props;
  const { cell, lines } = view;
  if (cell === null)
    return (
      <span role="gridcell" className={css["cell"]} data-absent="">
        not run
      </span>
    );
  const bad = cell.outcome === "errno" || cell.outcome === "fault";
  return (
    <span
      role="gridcell"
      className={css["cell"]}
      data-differs={cell.differs ? "" : undefined}
      data-base={base ? "" : undefined}
      data-parts={parts ? "" : undefined}
      data-open={open ? "" : undefined}
      data-bad={bad ? "" : undefined}
    >
      {base ? (
        <span className={css["result"]}>
          <Hex>{cell.result}</Hex>
        </span>
      ) : (
        <button
          type="button"
          tabIndex={-1}
          className={css["result"]}
          aria-label={`${title}, step ${step}: ${cell.differs ? "differs, " : "the same, "}${cell.result}`}
          onClick={onOpen}
        >
          <Hex>{cell.result}</Hex>
        </button>
      )}
      {lines.map((l) => (
        <span key={l.title} className={css["fact"]} data-kind={l.kind} title={l.title}>
          <Hex>{l.text}</Hex>
        </span>
      ))}
    </span>
  );
}
