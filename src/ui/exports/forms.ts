/** What can be saved: the forms of a view, and of the whole scenario. Menus and palette are made from these lists. */
import type { PaneId } from "../app/state.ts";

export type ViewForm = "svg" | "png" | "copy" | "text" | "csv";
export type WholeForm =
  | "step-copy"
  | "step-text"
  | "storyboard-copy"
  | "storyboard-text"
  | "storyboard-svg"
  | "scenario-text"
  | "scenario-json";

export interface Form<T extends string> {
  id: T;
  title: string;
  about: string;
}

const VIEW_FORMS: readonly Form<ViewForm>[] = [
  { id: "svg", title: "SVG picture", about: "in the colours of this theme" },
  { id: "png", title: "PNG picture", about: "at twice the size" },
  { id: "copy", title: "Copy as text", about: "72 columns, for a mail" },
  { id: "text", title: "Text file", about: "the same as a file" },
  { id: "csv", title: "CSV table", about: "every row of the table" },
];

export const WHOLE_FORMS: readonly Form<WholeForm>[] = [
  { id: "step-copy", title: "Copy this step", about: "call, spaces, objects, why: 72 columns" },
  { id: "step-text", title: "This step, text", about: "the same as a file" },
  { id: "storyboard-copy", title: "Copy storyboard", about: "every step with what it changed" },
  { id: "storyboard-text", title: "Storyboard, text", about: "the same as a file" },
  { id: "storyboard-svg", title: "Storyboard, SVG", about: "one strip of pictures" },
  { id: "scenario-text", title: "Scenario, text", about: "opens here again" },
  { id: "scenario-json", title: "Scenario, JSON", about: "for programs" },
];

/** What can be exported: every pane, and what stands beside the stage. */
export type Exported = PaneId | "steps" | "tour";

/** Lists and texts are no pictures. */
const WORDS: Readonly<Partial<Record<Exported, readonly ViewForm[]>>> = Object.freeze({
  steps: ["copy", "text", "csv"],
  tour: ["copy", "text"],
});

export function formsOf(what: Exported): readonly Form<ViewForm>[] {
  const some = WORDS[what];
  return some === undefined ? VIEW_FORMS : VIEW_FORMS.filter((f) => some.includes(f.id));
}

export type FormId = ViewForm | WholeForm;

export function isWhole(form: FormId): form is WholeForm {
  return WHOLE_FORMS.some((f) => f.id === form);
}
