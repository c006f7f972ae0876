import { useEffect } from "react";
import { useStore } from "zustand";
import type { Session } from "../../app/session.ts";
import { useLab, useSession } from "../../app/context.ts";
import { Empty, Pane } from "../../widgets/Pane.tsx";
import css from "./explore.module.css";
import { Form } from "./Form.tsx";
import { Outcome } from "./Outcome.tsx";
import { Exploration } from "./search.ts";

/** A search outlives the view: it goes on while another one stands on the stage. */
const running = new WeakMap<Session, Exploration>();

function explorationOf(session: Session): Exploration {
  let exploration = running.get(session);
  if (exploration === undefined) {
    const { opened, catalogue, kernel } = session.store.getState();
    const own = opened?.scenario.kernels ?? [];
    const newest = catalogue?.kernels.find((k) => k.id.startsWith("linux-"))?.id ?? kernel;
    const [a = kernel, b = newest] = own.length > 1 ? own.filter((k) => k.startsWith("linux-")) : [kernel, newest];
    exploration = new Exploration([a, b]);
    running.set(session, exploration);
  }
  return exploration;
}

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
