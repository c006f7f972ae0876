import { useLab } from "../../app/context.ts";
import { Empty, Pane } from "../../widgets/Pane.tsx";
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
  return (
    <Pane
      id="why"
      title="Why"
      sub={why?.headline}
      twin={why === undefined ? undefined : <WhyTable why={why} step={frame?.step ?? 0} />}
    >
      <div className={css["scroll"]} {...scrollable("Trace")}>
        <Recorded />
        {(why === undefined || why.entries.length === 0) && (
          <Empty>{frame?.step === 0 ? "No step has run yet." : "This step left no trace."}</Empty>
        )}
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

function opOf(step: { prefix: string; op: string } | undefined): string {
  return step === undefined ? "" : `${step.prefix}${step.op}`;
}
