import { useLab, useSession } from "../../app/context.ts";
import css from "./steps.module.css";

/** A step that a drop or a menu put in and the kernel refused: it can stay as a failing step, or go again. */
export function Refused() {
  const session = useSession();
  const refused = useLab((s) => s.refused);
  const step = useLab((s) => (s.refused === null ? undefined : s.frame?.steps[s.refused - 1]));
  const check = useLab((s) => {
    const { why, step: at } = s.frame ?? { why: null, step: 0 };
    const entry = why === null || at !== s.refused ? undefined : why.entries[why.opened];
    return entry?.t === "check" ? entry.what : "";
  });
  if (refused === null || step === undefined) return null;
  return (
    <div className={css["refused"]} role="group" aria-label="The kernel refused this step">
      <p role="status">
        <b>{step.result}</b> {step.prefix}
        {step.op} was refused{check === "" ? "" : `; what does not hold: ${check}`}. Why shows the check.
      </p>
      <button type="button" onClick={() => session.store.setState({ refused: null })}>
        Keep it
      </button>
      <button type="button" onClick={() => void session.editing.drop()}>
        Drop it
      </button>
    </div>
  );
}
