import { useEffect, useState } from "react";
import { flushSync } from "react-dom";
import { ACTORS } from "../views/steps/model.ts";
import { InspectorPane } from "../views/inspector/InspectorPane.tsx";
import { TimelineView } from "../views/timeline/TimelineView.tsx";
import { WhyPane } from "../views/why/WhyPane.tsx";
import { Hex } from "../widgets/Hex.tsx";
import { useLab } from "./context.ts";
import css from "./print.module.css";
import { View } from "./stage_views.tsx";

/** Steps written on paper; of more, those around the current one. */
const MOST = 120;

/** Whether a printer is being served: from the browser's word before it lays out the paper until the page is back. */
export function usePrinting(): boolean {
  const [printing, set] = useState(false);
  useEffect(() => {
    // The browser lays out right after these events: what is printed must stand when they return.
    const root = document.documentElement;
    let theme: string | undefined;
    const before = (): void => {
      theme ??= root.dataset["theme"];
      root.dataset["theme"] = theme?.startsWith("contrast") === true ? "contrast" : "light";
      flushSync(() => set(true));
    };
    const after = (): void => {
      if (theme !== undefined) root.dataset["theme"] = theme;
      theme = undefined;
      set(false);
    };
    addEventListener("beforeprint", before);
    addEventListener("afterprint", after);
    return () => {
      removeEventListener("beforeprint", before);
      removeEventListener("afterprint", after);
    };
  }, []);
  return printing;
}

/** What is on screen, for paper: which scenario, every step, and each view that is shown at its whole height. */
export function Printout() {
  const scenario = useLab((s) => s.opened?.scenario);
  const kernel = useLab((s) => s.catalogue?.kernels.find((k) => k.id === s.kernel));
  const machine = useLab((s) => s.catalogue?.machines.find((m) => m.id === s.opened?.scenario.machine)?.title);
  const frame = useLab((s) => s.frame);
  const stage = useLab((s) => s.stage);
  const maximised = useLab((s) => s.maximised);
  const step = frame?.step ?? 0;
  const all = frame?.steps ?? [];
  const first = Math.max(0, Math.min(step - MOST / 2, all.length - MOST));
  const steps = all.slice(first, first + MOST);
  const views = maximised === null || maximised === "timeline" ? [...stage, "why", "inspector"] : [maximised];
  return (
    <div className={css["sheet"]} data-print="" data-testid="printout">
      <header className={css["title"]}>
        <h1>{scenario?.title}</h1>
        <p>
          {[scenario?.source, machine, kernel === undefined ? "" : `${kernel.title} (${kernel.id})`]
            .filter((t) => t !== undefined && t !== "")
            .join(" · ")}
        </p>
        <p>
          {step === 0 ? `Before the first of ${all.length} steps` : `After step ${step} of ${all.length}`} · IOMMUFD Lab
        </p>
      </header>
      <ol className={css["steps"]}>
        {steps.map((s) => (
          <li key={s.index} data-now={s.index === step ? "" : undefined} data-outcome={s.outcome}>
            <span>{s.index}</span>
            <span>{ACTORS[s.actor].letter}</span>
            <span>
              {s.prefix}
              {s.op} <small>{s.args}</small>
            </span>
            <b>
              <Hex>{s.result}</Hex>
            </b>
          </li>
        ))}
      </ol>
      {views.map((id) => (
        <div key={id} className={css["view"]} data-view={id}>
          {id === "why" ? (
            <WhyPane />
          ) : id === "inspector" ? (
            <InspectorPane />
          ) : (
            <View id={id as (typeof stage)[number]} />
          )}
        </div>
      ))}
      <div className={css["view"]} data-view="timeline">
        <TimelineView left={190} />
      </div>
    </div>
  );
}
