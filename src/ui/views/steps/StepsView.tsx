import { type KeyboardEvent, lazy, Suspense, useLayoutEffect, useMemo, useRef, useState } from "react";
import { useLab, useSession } from "../../app/context.ts";
import { Drawing } from "../../draw/Drawing.tsx";
import { ExportButton } from "../../exports/ExportButton.tsx";
import { Hex } from "../../widgets/Hex.tsx";
import { remPx, useBox } from "../../widgets/measure.ts";
import { ACTORS, drawLanes, lanesOf, rowTops, rowsWithin, stepRows } from "./model.ts";
import { Agreement, agreementWord } from "./Agreement.tsx";
import { NextList } from "./NextList.tsx";
import { Note } from "./Note.tsx";
import { Refused } from "./Refused.tsx";
import css from "./steps.module.css";
import { EditBar, Transport } from "./Transport.tsx";
import { useReorder } from "./reorder.ts";

const Writer = lazy(async () => ({ default: (await import("../../editor/Writer.tsx")).Writer }));

/** Of longer lists only the rows in sight are written. */
const WHOLE = 200;

/** The op log, as a person would write it: who, what, with what, and the answer at the right edge. */
export function StepsView() {
  const session = useSession();
  const frame = useLab((s) => s.frame);
  const total = useLab((s) => s.opened?.steps ?? 0);
  const stops = useLab((s) => s.breakpoints);
  const list = useRef<HTMLDivElement>(null);
  const box = useBox(list);
  const folded = box.width / box.rem < 24;
  const steps = useMemo(() => frame?.steps ?? [], [frame]);
  const step = frame?.step ?? 0;
  const tops = useMemo(() => rowTops(steps), [steps]);
  const [scroll, setScroll] = useState(0);
  const whole = steps.length <= WHOLE;
  const [first, end] = whole ? [0, steps.length] : rowsWithin(tops, scroll / box.rem, (scroll + box.height) / box.rem);
  const rows = useMemo(() => stepRows(steps, step, tops, [first, end]), [steps, step, tops, first, end]);
  const lanes = useMemo(() => lanesOf(steps, folded), [steps, folded]);
  const marks = useMemo(() => drawLanes(rows, lanes, box.rem), [rows, lanes, box.rem]);
  const laneWidth = folded ? 2.3 : Math.max(2.3, 1.1 + 1.45 * (lanes.size - 1) + 1.3);
  const above = tops[first] ?? 0;
  const height = (tops[end] ?? 0) - above;
  const below = (tops[steps.length] ?? 0) - above - height;

  useLayoutEffect(() => {
    const element = list.current;
    if (!whole && element !== null && step > 0) {
      const [top, bottom] = [(tops[step - 1] ?? 0) * box.rem, (tops[step] ?? 0) * box.rem];
      if (top < element.scrollTop) element.scrollTop = top - 3 * box.rem;
      else if (bottom > element.scrollTop + element.clientHeight)
        element.scrollTop = bottom - element.clientHeight + 3 * box.rem;
      return;
    }
    const current = list.current?.querySelector('[aria-selected="true"]');
    if (current === null || current === undefined) {
      list.current?.scrollTo({ top: 0 });
      return;
    }
    current.scrollIntoView({ block: "nearest" });
  }, [step, total, whole, tops, box.rem]);

  // The focus goes with the step that an arrow asked for, once its row is there.
  const follow = useRef(false);
  useLayoutEffect(() => {
    if (!follow.current) return;
    follow.current = false;
    list.current?.querySelector<HTMLElement>('[tabindex="0"]')?.focus();
  }, [step]);

  const writing = useLab((s) => s.writing);
  const written = useLab((s) => s.opened?.text !== "");
  const reorder = useReorder(list, tops, box.rem);
  // The line is written at its place: over the row, or below the one that it follows.
  const writeAt =
    tops[Math.min(writing === null ? 0 : writing.step - (writing.kind === "replace" ? 1 : 0), steps.length)];

  const keys = (e: KeyboardEvent): void => {
    if (e.altKey) return;
    const now = session.heading.step;
    const to = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 1, End: total, PageDown: now + 10, PageUp: now - 10 }[
      e.key
    ];
    if (to === undefined) return;
    e.preventDefault();
    session.seek(Math.max(1, Math.min(total, to)));
    follow.current = true;
  };

  return (
    <section className={css["steps"]} id="pane-steps" aria-labelledby="title-steps" tabIndex={-1}>
      <header className={css["head"]}>
        <h2 id="title-steps">Steps</h2>
        <span className={css["count"]}>
          {step} of {total}
        </span>
        <span className={css["who"]} aria-hidden="true">
          {[...lanes.keys()].map((a) => `${ACTORS[a].letter} ${ACTORS[a].name}`).join("  ")}
        </span>
        <ExportButton id="steps" title="Steps" />
      </header>
      <Transport />
      <div
        ref={list}
        className={css["list"]}
        onScroll={whole ? undefined : (e) => setScroll(e.currentTarget.scrollTop)}
      >
        {writing !== null && (
          <div className={css["writer"]} style={{ top: `${writeAt ?? 0}rem` }}>
            <Suspense fallback={null}>
              <Writer writing={writing} />
            </Suspense>
          </div>
        )}
        {reorder.to !== null && (
          <div className={css["drop"]} style={{ top: `${tops[reorder.to] ?? 0}rem` }} aria-hidden="true" />
        )}
        <div role="listbox" tabIndex={-1} aria-label="Steps of the scenario" onKeyDown={keys}>
          <div className={css["lanes"]} style={{ top: `${above}rem`, height: `${height}rem` }} aria-hidden="true">
            <Drawing marks={marks} width={laneWidth * remPx()} height={height * box.rem} />
          </div>
          {above > 0 && <div style={{ height: `${above}rem` }} aria-hidden="true" />}
          {rows.map((r) => (
            <div
              key={r.step.index}
              role="option"
              aria-selected={r.state === "current"}
              aria-current={r.state === "current" ? "step" : undefined}
              aria-setsize={steps.length}
              aria-posinset={r.step.index}
              aria-label={`${r.step.index}, ${ACTORS[r.step.actor].name}: ${r.prefix}${r.op} ${r.step.args}, ${r.step.result}${agreementWord(r.step)}${stops.includes(r.step.index) ? ", run stops here" : ""}`}
              tabIndex={r.state === "current" || (step === 0 && r.step.index === 1) ? 0 : -1}
              className={css["row"]}
              data-state={r.state}
              data-outcome={r.step.outcome}
              data-ref={["step:" + r.step.index, ...r.step.refs].join(" ")}
              style={{
                height: `${r.h}rem`,
                gridTemplateColumns: `2.3rem ${laneWidth}rem minmax(35%, 1fr) minmax(0, auto)`,
              }}
              onPointerDown={(e) => reorder.down(e, r.step.index)}
              onDoubleClick={() => {
                if (written) session.store.setState({ writing: { kind: "replace", step: r.step.index } });
              }}
              onClick={(e) => {
                if (reorder.moved()) return;
                if (e.target instanceof Element && e.target.closest("[data-gutter]") !== null)
                  session.editing.breakpoint(r.step.index);
                else session.seek(r.step.index);
              }}
              onKeyDown={(e) => {
                if (e.key === "Enter") session.seek(r.step.index);
              }}
            >
              <span
                className={css["n"]}
                data-gutter=""
                data-stop={stops.includes(r.step.index) ? "" : undefined}
                title={stops.includes(r.step.index) ? "Run stops here" : "Click: run stops here"}
              >
                {r.step.index}
              </span>
              <span />
              <span className={css["op"]}>
                <i>{r.prefix}</i>
                <span>{r.op}</span>
              </span>
              <span className={css["result"]}>
                <Hex>{r.step.result}</Hex>
                <Agreement step={r.step} />
              </span>
              {r.step.args !== "" && (
                <span className={css["args"]}>
                  <Hex>{r.step.args}</Hex>
                </span>
              )}
            </div>
          ))}
          {below > 0 && <div style={{ height: `${below}rem` }} aria-hidden="true" />}
        </div>
      </div>
      <EditBar />
      <Refused />
      <Note />
      <NextList />
    </section>
  );
}
