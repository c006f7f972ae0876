import { useLab, useSession } from "../../app/context.ts";
import { COMMANDS } from "../../commands/registry.ts";
import css from "./steps.module.css";

/** Run, back, step, and the jump to the next failure; each says its key. */
export function Transport() {
  const session = useSession();
  const running = useLab((s) => s.running);
  const step = useLab((s) => s.step);
  const total = useLab((s) => s.opened?.steps ?? 0);
  const more = useLab(
    (s) =>
      s.frame?.steps.some(
        (x) => x.index > s.step && (x.outcome === "errno" || x.outcome === "fault" || x.agreement?.kind === "differs"),
      ) ?? false,
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

/** Changing the scenario: what each does stands in the registry, with its key. */
export function EditBar() {
  const session = useSession();
  const text = useLab((s) => s.opened?.text ?? "");
  const back = useLab((s) => s.undo.back);
  const again = useLab((s) => s.undo.again);
  const step = useLab((s) => s.step);
  const run = (id: string): void => COMMANDS.find((c) => c.id === id)?.run(session);
  if (text === "") return null;
  return (
    <div className={css["edits"]} role="toolbar" aria-label="Change the scenario">
      {EDITS.map(({ id, name, key, needs }) => (
        <button
          key={id}
          type="button"
          disabled={(needs === "step" && step === 0) || (needs === "back" && !back) || (needs === "again" && !again)}
          aria-keyshortcuts={key}
          title={COMMANDS.find((c) => c.id === id)?.title}
          onClick={() => run(id)}
        >
          {name}
        </button>
      ))}
    </div>
  );
}

const EDITS = [
  { id: "insert-step", name: "Insert", key: "I", needs: "" },
  { id: "edit-step", name: "Edit", key: "F2", needs: "step" },
  { id: "delete-step", name: "Delete", key: "Delete", needs: "step" },
  { id: "note-step", name: "Note", key: "N", needs: "step" },
  { id: "branch", name: "Branch", key: "B", needs: "step" },
  { id: "text", name: "Text", key: "E", needs: "" },
  { id: "undo", name: "Undo", key: "Control+Z", needs: "back" },
  { id: "redo", name: "Redo", key: "Control+Shift+Z", needs: "again" },
] as const;
