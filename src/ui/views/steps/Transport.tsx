import { useLab, useSession } from "../../app/context.ts";
import css from "./steps.module.css";

/** Run, back, step, and the jump to the next failure; each says its key. */
export function Transport() {
  const session = useSession();
  const running = useLab((s) => s.running);
  const step = useLab((s) => s.step);
  const total = useLab((s) => s.opened?.steps ?? 0);
  const more = useLab(
    (s) => s.frame?.steps.some((x) => x.index > s.step && (x.outcome === "errno" || x.outcome === "fault")) ?? false,
  );
  return (
    <div className={css["transport"]} role="toolbar" aria-label="Play the scenario">
      <button type="button" onClick={() => session.runner.toggle()} aria-keyshortcuts="Space">
        <b>{running ? "Pause" : "Run"}</b>
        <kbd>Space</kbd>
      </button>
      <button type="button" onClick={() => session.seek(step - 1)} disabled={step === 0} aria-keyshortcuts=",">
        Back<kbd>,</kbd>
      </button>
      <button type="button" onClick={() => session.seek(step + 1)} disabled={step >= total} aria-keyshortcuts=".">
        Step<kbd>.</kbd>
      </button>
      <button type="button" onClick={() => session.seekFailure(1)} disabled={!more} aria-keyshortcuts="]">
        Failure<kbd>]</kbd>
      </button>
    </div>
  );
}
