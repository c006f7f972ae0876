/** Commands for the views of the stage, one a view, made from its list. */
import type { Session } from "../app/session.ts";
import { shown, VIEWS, type ViewId } from "../app/stage.ts";
import type { Command } from "./registry.ts";

export const STAGE_COMMANDS: readonly Command[] = [
  ...VIEWS.map((v): Command => ({
    id: `view-${v.id}`,
    title: `Show ${v.title}`,
    group: "Views",
    keys: [{ code: v.key.code, label: v.key.label }],
    run: (s) => show(s, v.id),
  })),
  {
    id: "compare",
    title: "Compare kernels over the whole stage, or close it",
    group: "Views",
    keys: [{ code: "KeyX", label: "X" }],
    run: ({ store }) => {
      store.setState(({ maximised }) => ({ maximised: maximised === "compare" ? null : "compare" }));
      focusPane("compare");
    },
    can: (s) => s.opened !== null,
  },
  {
    id: "maximise",
    title: "Maximise the view in use, or give it back",
    group: "Views",
    keys: [{ code: "KeyQ", label: "Q" }],
    run: maximise,
  },
];

/** Frames in which a view that is still being fetched may appear. */
const PATIENCE = 120;

function focusPane(id: ViewId, left = PATIENCE): void {
  requestAnimationFrame(() => {
    const pane = document.getElementById(`pane-${id}`);
    if (pane !== null) pane.focus({ preventScroll: true });
    else if (left > 0) focusPane(id, left - 1);
  });
}

/** On stage, and the keyboard goes there. */
function show({ store }: Session, id: ViewId): void {
  store.setState(({ stage, maximised }) =>
    maximised === null ? { stage: shown(stage, id) } : { stage: shown(stage, id), maximised: null },
  );
  focusPane(id);
}

/** The pane that has the focus, else the large one. */
function maximise({ store }: Session): void {
  const focused = document.activeElement?.closest("section[id^='pane-']")?.id.slice("pane-".length);
  store.setState(({ stage, maximised }) => {
    if (maximised !== null) return { maximised: null };
    const one = VIEWS.find((v) => v.id === focused)?.id ?? stage[0];
    return one === undefined ? {} : { maximised: one };
  });
}
