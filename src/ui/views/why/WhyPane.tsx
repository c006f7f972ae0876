import { useEffect, useRef } from "react";
import { useLab } from "../../app/context.ts";
import { Empty, Pane } from "../../widgets/Pane.tsx";
import type { Frame } from "../../../engine/views/types.ts";
import { Recorded } from "./Recorded.tsx";
import { WhyTable } from "./WhyTable.tsx";
import { WhyTrace } from "./WhyTrace.tsx";
import { holeOf } from "./model.ts";
import { scrollable } from "../../widgets/scroll.ts";
import css from "./why.module.css";

/** Why the step ended as it did: newest cause first, opened at the check that decided. */
export function WhyPane() {
  const frame = useLab((s) => s.frame);
  const why = frame?.why;
  const step = frame?.steps[(frame.step ?? 0) - 1];
  const host = useRef<HTMLDivElement>(null);
  const at = `${frame?.kernel} ${frame?.step}`;
  useEffect(() => {
    const element = host.current;
    if (element !== null) element.scrollTop = openedAt(element);
  }, [at]);
  return (
    <Pane
      id="why"
      title="Why"
      sub={why?.headline}
      twin={why === undefined ? undefined : <WhyTable why={why} step={frame?.step ?? 0} />}
    >
      <div ref={host} className={css["scroll"]} {...scrollable("Trace")}>
        <Recorded />
        {(why === undefined || why.entries.length === 0) && <Empty>{silence(frame)}</Empty>}
        {why !== undefined && why.entries.length > 0 && (
          <WhyTrace
            key={`${frame?.kernel} ${frame?.step}`}
            step={frame?.step ?? 0}
            title={step === undefined ? "" : `${step.prefix}${step.op}`}
            text=""
            entries={why.entries}
            opened={why.opened}
            hole={holeOf(frame)}
          />
        )}
        {why?.causes.map((c) => (
          <WhyTrace
            key={`${frame?.kernel} ${frame?.step} ${c.step} ${c.text}`}
            step={c.step}
            title={opOf(frame?.steps[c.step - 1])}
            text={c.text}
            entries={c.entries}
            opened={c.opened}
          />
        ))}
      </div>
    </Pane>
  );
}

/** How far down the check that decided comes into sight whole, at the foot of the pane; 0: it already is. Pixels. */
function openedAt(host: HTMLElement): number {
  const opened =
    host.querySelector(`.${css["trace"] ?? ""}`)?.querySelector<HTMLElement>('[data-testid="why-opened"]') ?? null;
  if (opened === null) return 0;
  const top = opened.getBoundingClientRect().top - host.getBoundingClientRect().top + host.scrollTop;
  // Room for the interval that is drawn below the words a moment later.
  const below = top + opened.offsetHeight + host.clientHeight * 0.15;
  return Math.max(0, Math.min(top - host.clientHeight * 0.3, below - host.clientHeight));
}

/** What is said where there is no trace. */
function silence(frame: Frame | null): string {
  if (frame === null || frame.step === 0) return "No step has run yet.";
  return frame.addressSpace.accesses.length > 0
    ? "No IOMMU looked at this access: it ended on the PCI bus. The Machine view shows the way."
    : "This step left no trace.";
}

function opOf(step: { prefix: string; op: string } | undefined): string {
  return step === undefined ? "" : `${step.prefix}${step.op}`;
}
