import { useLab } from "../../app/context.ts";
import { scrollable } from "../../widgets/scroll.ts";
import css from "./steps.module.css";

/** What the author wrote beside the step; before the first step, the question of the scenario. Keeps its place when empty. */
export function Note() {
  const step = useLab((s) => s.frame?.step ?? 0);
  const note = useLab((s) =>
    s.frame === null || s.frame.step === 0 ? s.opened?.scenario.question : s.frame.steps[s.frame.step - 1]?.note,
  );
  return (
    <div className={css["note"]} {...scrollable("Note")}>
      {note !== undefined && (
        <p>
          <b>{step === 0 ? "The question" : `Note on ${step}`}</b>
          {note}
        </p>
      )}
    </div>
  );
}
