/** Exports in the palette: each form of each view, and of the scenario. */
import type { Session } from "../app/session.ts";
import { isView, viewOf } from "../app/stage.ts";
import { type LabState, type PaneId, PANES } from "../app/state.ts";
import type { Command } from "../commands/registry.ts";
import { type Exported, type FormId, formsOf, WHOLE_FORMS } from "./forms.ts";

function titleOf(pane: Exported): string {
  if (pane === "tour" || pane === "steps") return pane === "tour" ? "Tour" : "Steps";
  if (isView(pane)) return viewOf(pane).title;
  return pane === "why" ? "Why" : pane === "inspector" ? "Inspector" : "Timeline";
}

function command(id: string, title: string, pane: Exported, form: FormId, can: (s: LabState) => boolean): Command {
  const run = (session: Session): void =>
    void import("./make.ts").then(({ exportAs }) => exportAs(session, pane, titleOf(pane), form));
  return { id, title, group: "Export", keys: [], run, can };
}

const opened = (s: LabState): boolean => s.opened !== null;

const toured = (s: LabState): boolean => opened(s) && s.tour !== null && s.tour.id !== null;

/** What is not on screen has no table; a search has its rows wherever it runs. */
const onScreen = (pane: PaneId) => (s: LabState) => {
  if (!opened(s) || pane === "explore") return opened(s);
  return s.maximised === null ? !isView(pane) || s.stage.includes(pane) : s.maximised === pane || pane === "timeline";
};

export const EXPORT_COMMANDS: readonly Command[] = [
  ...PANES.flatMap((pane) =>
    formsOf(pane).map((f) =>
      command(
        `export-${pane}-${f.id}`,
        `Export ${titleOf(pane)}: ${f.title}`,
        pane,
        f.id,
        f.id === "csv" ? onScreen(pane) : opened,
      ),
    ),
  ),
  ...formsOf("steps").map((f) => command(`export-steps-${f.id}`, `Export Steps: ${f.title}`, "steps", f.id, opened)),
  ...formsOf("tour").map((f) => command(`export-tour-${f.id}`, `Export Tour: ${f.title}`, "tour", f.id, toured)),
  ...WHOLE_FORMS.map((f) => command(`export-${f.id}`, `Export: ${f.title}`, "timeline", f.id, opened)),
];
