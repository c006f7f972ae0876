import { useCallback, useMemo, useRef, useState } from "react";
import type { KernelInfo } from "../../../engine/views/types.ts";
import { useAnswer } from "../../app/answers.ts";
import { useLab, useSession } from "../../app/context.ts";
import { KernelPicker } from "../../library/KernelPicker.tsx";
import { useBox } from "../../widgets/measure.ts";
import { Empty, Pane } from "../../widgets/Pane.tsx";
import css from "./compare.module.css";
import { CompareTable } from "./CompareTable.tsx";
import { type Column, firstDifference } from "./model.ts";
import { Spaces } from "./Spaces.tsx";
import { Steps } from "./Steps.tsx";
import { Traces } from "./Traces.tsx";
import { useRows } from "./useRows.ts";

/** Room for steps and details together, rem. */
const TALL = 34;
/** Less than this: the head says it shorter, rem. */
const SLIM = 46;
/** Room for both details beside each other, rem. */
const WIDE = 84;

type Part = "steps" | "traces" | "spaces";
const PARTS: readonly [Part, string][] = [
  ["steps", "steps"],
  ["traces", "traces"],
  ["spaces", "address spaces"],
];

/** The scenario on several kernels; from a difference to the check that made it, and to what it left in the address space. */
export default function CompareView() {
  const session = useSession();
  const kernel = useLab((s) => s.kernel);
  const own = useLab((s) => s.opened?.scenario.kernels);
  const chosen = useLab((s) => s.columns);
  const catalogue = useLab((s) => s.catalogue?.kernels);
  const ghost = useLab((s) => s.compare);
  const step = useLab((s) => s.step);
  const host = useRef<HTMLDivElement>(null);
  const box = useBox(host);
  const [part, setPart] = useState<Part>("steps");
  const [picking, setPicking] = useState(false);
  const [sight, setSight] = useState({ from: 0, to: 40 });

  const ids = useMemo(() => {
    const list = chosen ?? own ?? [];
    return [kernel, ...list.filter((k) => k !== kernel)].filter((k) => k !== "");
  }, [chosen, own, kernel]);
  const kernels = useMemo(
    () => ids.flatMap((id) => catalogue?.find((k) => k.id === id) ?? unknown(id)),
    [ids, catalogue],
  );
  // A column keeps its place whichever kernel the others are compared with.
  const columns = useMemo(() => {
    const order = chosen ?? own ?? [];
    const places = [...order.filter((id) => ids.includes(id)), ...ids.filter((id) => !order.includes(id))];
    return places.flatMap((id): Column[] => {
      const info = kernels.find((k) => k.id === id);
      return info === undefined ? [] : [{ info, at: ids.indexOf(id) }];
    });
  }, [chosen, own, ids, kernels]);
  const rows = useRows(ids, sight.from, sight.to);
  const onSight = useCallback(
    (from: number, to: number) => setSight((s) => (s.from === from && s.to === to ? s : { from, to })),
    [],
  );

  const first = rows.rows.find((r) => r?.differs === true);
  const usable = ids.filter((id) => id !== kernel && rows.columns.every((c) => c.kernel !== id || c.problem === null));
  const other =
    ghost !== null && usable.includes(ghost)
      ? ghost
      : (usable.find((_, i) => firstDifference(rows.rows, i + 1) > 0) ?? usable[0] ?? null);
  const open = useCallback(
    (id: string, at: number): void => {
      session.setBeside(id, at);
    },
    [session],
  );

  const tall = box.height >= TALL * box.rem;
  const slim = box.width < SLIM * box.rem;
  const wide = box.width >= WIDE * box.rem;
  const table = tall || part === "steps";
  const seesTraces = other !== null && step > 0 && (part === "traces" || (tall && (wide || part === "steps")));
  const seesSpaces = other !== null && (part === "spaces" || (tall && wide));
  const traces = useAnswer(seesTraces ? `${kernel} ${other} ${step}` : null, (api) =>
    api.compareTraces(kernel, other ?? "", step),
  );
  const spaces = useAnswer(seesSpaces ? `${kernel} ${other} ${step}` : null, (api) =>
    api.compareSpaces(kernel, other ?? "", step),
  );
  const titles = [titleOf(kernels, kernel), titleOf(kernels, other ?? "")] as const;
  const offered = PARTS.filter(([p]) => (tall ? p !== "steps" && !wide : true));
  const shownPart = tall && part === "steps" ? "traces" : part;

  return (
    <Pane
      id="compare"
      title="Compare"
      sub={
        <span className={css["sub"]}>{rows.problem ?? said(first?.step ?? 0, rows.done, rows.steps, ids.length)}</span>
      }
      actions={
        <>
          {first !== undefined && (
            <button
              type="button"
              className={css["action"]}
              onClick={() => open(other ?? kernel, first.step)}
              disabled={other === null}
            >
              {slim ? "first" : "first difference"}: <b>{first.step}</b>
            </button>
          )}
          <button type="button" className={css["action"]} aria-haspopup="dialog" onClick={() => setPicking(true)}>
            kernels: <b>{ids.length}</b>
          </button>
          {offered.length > 0 && (
            <span className={css["parts"]} role="group" aria-label="What is shown">
              {offered.map(([p, name]) => (
                <button
                  key={p}
                  type="button"
                  aria-pressed={p === shownPart}
                  className={css["action"]}
                  onClick={() => setPart(p)}
                >
                  {slim && p === "spaces" ? "spaces" : name}
                </button>
              ))}
            </span>
          )}
        </>
      }
      twin={<CompareTable rows={rows} kernels={kernels} />}
    >
      <div ref={host} className={css["frame"]} data-tall={tall ? "" : undefined}>
        {ids.length < 2 && (
          <Empty>
            Nothing to compare with: this scenario names one kernel.{" "}
            <button type="button" className={css["inline"]} onClick={() => setPicking(true)}>
              Choose others
            </button>
          </Empty>
        )}
        {ids.length > 1 && table && (
          <Steps rows={rows} columns={columns} onSight={onSight} onOpen={open} other={other} />
        )}
        {ids.length > 1 && (tall || part !== "steps") && (
          <div className={css["details"]} data-both={tall && wide ? "" : undefined}>
            {step === 0 && <Empty>Before the first step there is no trace. Step on, or choose a cell.</Empty>}
            {step > 0 && (shownPart === "traces" || (tall && wide)) && traces.value !== null && (
              <Traces traces={traces.value} titles={titles} />
            )}
            {traces.problem !== null && traces.current && <Empty>{traces.problem}</Empty>}
            {(shownPart === "spaces" || (tall && wide)) && spaces.value !== null && (
              <Spaces spaces={spaces.value} titles={titles} />
            )}
          </div>
        )}
      </div>
      {picking && (
        <KernelPicker
          kernels={catalogue ?? []}
          chosen={columns.map((c) => c.info.id)}
          own={own ?? []}
          onClose={() => setPicking(false)}
          mode={{ kind: "many", base: kernel, onChange: (columns) => session.store.setState({ columns }) }}
        />
      )}
    </Pane>
  );
}

function titleOf(kernels: readonly KernelInfo[], id: string): string {
  return kernels.find((k) => k.id === id)?.title ?? id;
}

function said(first: number, done: number, steps: number, columns: number): string {
  if (steps === 0) return "…";
  const compared = done < steps ? `compared to step ${done} of ${steps}` : `${steps} steps on ${columns} kernels`;
  if (first > 0) return compared;
  return done < steps ? `${compared}, no difference yet` : `${compared}: no difference`;
}

/** A kernel that the catalogue does not list still has a column. */
function unknown(id: string): KernelInfo {
  return { id, title: id, subtitle: "", date: "", changes: "", expects: [], objections: [], unknown: [] };
}
