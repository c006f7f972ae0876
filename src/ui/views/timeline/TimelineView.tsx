import { type KeyboardEvent, type PointerEvent, useEffect, useMemo, useRef, useState } from "react";
import { useLab, useSession } from "../../app/context.ts";
import { ExportButton } from "../../exports/ExportButton.tsx";
import { Drawing } from "../../draw/Drawing.tsx";
import { useBox } from "../../widgets/measure.ts";
import { TableShown } from "../../widgets/DataTable.tsx";
import { TimelineTable } from "./TimelineTable.tsx";
import { BranchName, OpenBranch } from "./Branches.tsx";
import { ROWS, axisLength, drawTimeline, stepAt } from "./model.ts";
import { type StepWindow, following, panned, zoomed } from "./zoom.ts";
import css from "./timeline.module.css";

const WHEEL = 0.0022;

/** All steps at the bottom: drag to scrub, wheel, + and - to see some of them nearer, 0 for all. Each other kernel has a lane that writes only its differences. */
export function TimelineView({ left }: { left: number }) {
  const session = useSession();
  const host = useRef<HTMLDivElement>(null);
  const box = useBox(host);
  const frame = useLab((s) => s.frame);
  const lanes = useLab((s) => s.lanes);
  const kernels = useLab((s) => s.catalogue?.kernels);
  const breakpoints = useLab((s) => s.breakpoints);
  const asTable = useLab((s) => s.tables.includes("timeline"));
  const branches = useLab((s) => s.branchLanes);
  const axis = axisLength(frame?.steps.length ?? 0, branches);
  const step = frame?.step ?? 0;
  const [zoom, setZoom] = useState<{ at: number; window: StepWindow | null }>({ at: step, window: null });
  // Whoever moves on sees where; whoever only looks around stays there.
  if (zoom.at !== step) setZoom({ at: step, window: following(zoom.window, axis, step) });
  const window = zoom.window !== null && zoom.window.span < axis ? zoom.window : null;
  const at = useMemo(
    () => ({ width: box.width, rem: box.rem, left: left + 1.1 * box.rem, window }),
    [box, left, window],
  );
  const titled = useMemo(
    () =>
      lanes.slice(1).map((lane) => ({ lane, title: kernels?.find((k) => k.id === lane.kernel)?.title ?? lane.kernel })),
    [lanes, kernels],
  );
  const marks = useMemo(
    () =>
      frame === null || at.width === 0
        ? []
        : drawTimeline(
            { steps: frame.steps, step: frame.step, kernel: frame.kernel, lanes: titled, branches, breakpoints },
            at,
          ),
    [frame, titled, branches, breakpoints, at],
  );
  const count = frame?.steps.length ?? 0;
  const title = kernels?.find((k) => k.id === frame?.kernel)?.title ?? "";
  const spoken = frame?.steps[step - 1]?.spoken ?? "before the first step";

  const scrub = (e: PointerEvent<HTMLDivElement>): void => {
    const box = e.currentTarget.getBoundingClientRect();
    session.seek(stepAt(e.clientX - box.left, axis, at));
  };
  const look = (change: (window: StepWindow | null) => StepWindow | null): void =>
    setZoom((now) => ({ at: now.at, window: change(now.window) }));
  useEffect(() => {
    const element = host.current;
    if (element === null) return undefined;
    const wheel = (e: WheelEvent): void => {
      e.preventDefault();
      const unit = e.deltaMode === 1 ? 16 : 1;
      const sideways = e.shiftKey || Math.abs(e.deltaX) > Math.abs(e.deltaY);
      const px = e.clientX - element.getBoundingClientRect().left;
      const far = axis / Math.max(at.width - at.left, 1);
      const per = at.window === null ? far : far * (at.window.span / axis);
      const held = (at.window?.first ?? 1) + Math.max(0, px - at.left) * per;
      look((w) =>
        sideways
          ? panned(w, axis, (e.deltaX + e.deltaY) * unit * per)
          : zoomed(w, axis, held, Math.exp(-e.deltaY * unit * WHEEL)),
      );
    };
    element.addEventListener("wheel", wheel, { passive: false });
    return () => element.removeEventListener("wheel", wheel);
  }, [axis, at]);
  const keys = (e: KeyboardEvent): void => {
    const to = {
      ArrowRight: step + 1,
      ArrowUp: step + 1,
      ArrowLeft: step - 1,
      ArrowDown: step - 1,
      Home: 0,
      End: count,
      PageUp: step + 10,
      PageDown: step - 10,
    }[e.key];
    const nearer = { "+": 2, "=": 2, "-": 0.5, "0": 0 }[e.key];
    if (to === undefined && (nearer === undefined || e.ctrlKey || e.metaKey || e.altKey)) return;
    e.preventDefault();
    if (to !== undefined) session.seek(to);
    else if (nearer !== undefined) look((w) => (nearer === 0 ? null : zoomed(w, axis, Math.max(step, 1), nearer)));
  };

  return (
    <section className={css["timeline"]} id="pane-timeline" aria-label="Timeline" tabIndex={-1}>
      <button
        type="button"
        className={css["twin"]}
        aria-pressed={asTable}
        aria-label="Timeline as a table"
        onClick={() =>
          session.store.setState((s) => ({
            tables: s.tables.includes("timeline")
              ? s.tables.filter((t) => t !== "timeline")
              : [...s.tables, "timeline"],
          }))
        }
      >
        table
      </button>
      <span className={css["export"]}>
        <ExportButton id="timeline" title="Timeline" />
      </span>
      <div className={asTable ? css["table"] : "hidden"}>
        <TableShown value={asTable}>
          <TimelineTable frame={frame} lanes={titled} title={title} />
        </TableShown>
      </div>
      <div className={css["drawn"]} hidden={asTable}>
        <div className={css["names"]} style={{ width: left }}>
          <p style={{ top: `${ROWS.line - 0.68}rem` }}>
            <b>{title}</b> <OpenBranch />
          </p>
          {titled.map(({ lane, title: name }, i) => (
            <p key={lane.kernel} style={{ top: `${ROWS.first - 0.68 + i * ROWS.pitch}rem` }}>
              <button type="button" onClick={() => session.setKernel(lane.kernel)} title={`Switch to ${name}`}>
                {name}
              </button>
              <span>
                {lane.firstDifference === 0
                  ? lane.resultsOnly === true
                    ? "same results"
                    : "no difference"
                  : `differs from step ${lane.firstDifference}`}
              </span>
            </p>
          ))}
        </div>
        <div className={css["names"]} style={{ width: left }}>
          {branches.map(({ branch }, i) => (
            <BranchName
              key={branch.id}
              branch={branch}
              top={`${ROWS.first - 0.68 + (titled.length + i) * ROWS.pitch}rem`}
            />
          ))}
        </div>
        <div
          ref={host}
          className={css["plot"]}
          role="slider"
          tabIndex={0}
          aria-label="Step"
          aria-valuemin={0}
          aria-valuemax={count}
          aria-valuenow={step}
          aria-valuetext={spoken}
          title={
            window === null
              ? undefined
              : `Steps ${Math.ceil(window.first)} to ${Math.floor(window.first + window.span)}; 0 shows all`
          }
          onKeyDown={keys}
          onPointerDown={(e) => {
            if (e.button !== 0 || e.clientX - e.currentTarget.getBoundingClientRect().left < left) return;
            e.currentTarget.setPointerCapture(e.pointerId);
            scrub(e);
          }}
          onPointerMove={(e) => {
            if (e.currentTarget.hasPointerCapture(e.pointerId)) scrub(e);
          }}
        >
          <Drawing marks={marks} width={box.width} height={box.height} />
        </div>
      </div>
    </section>
  );
}
