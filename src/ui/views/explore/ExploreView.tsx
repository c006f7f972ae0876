import { useEffect } from "react";
import { useStore } from "zustand";
import { useLab, useSession } from "../../app/context.ts";
import { Empty, Pane } from "../../widgets/Pane.tsx";
import css from "./explore.module.css";
import { Form } from "./Form.tsx";
import { Outcome } from "./Outcome.tsx";
import { explorationOf } from "./running.ts";

/** Every short sequence of calls on a small world: the first one that tells two kernels apart, or breaks a rule. */
export default function ExploreView() {
  const session = useSession();
  const exploration = explorationOf(session);
  const state = useStore(exploration.store);
  const title = useLab((s) => s.opened?.scenario.title ?? "");
  useEffect(() => {
    if (exploration.store.getState().options === null) void exploration.load(null);
  }, [exploration]);
  const { options, problem, phase, asked } = state;
  return (
    <Pane id="explore" title="Explore" sub="every short sequence of calls on a small world">
      <div className={css["frame"]}>
        {options === null ? (
          <Empty>{problem ?? "…"}</Empty>
        ) : (
          <div className={css["columns"]}>
            <Form exploration={exploration} state={state} options={options} scenario={title} />
            <Outcome
              phase={phase}
              look={asked}
              onOpen={(text, kernels) =>
                void session.open({ text }, { kernel: kernels[0] ?? "", compare: kernels[1] ?? null })
              }
            />
          </div>
        )}
      </div>
    </Pane>
  );
}
