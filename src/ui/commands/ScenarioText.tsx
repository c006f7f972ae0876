import { useRef, useState } from "react";
import { useLab, useSession } from "../app/context.ts";
import { Dialog } from "../widgets/Dialog.tsx";
import css from "./commands.module.css";

/** The scenario as its text; edited text is opened like any other scenario, a mistake keeps the world and names its place. */
export function ScenarioText({ onClose }: { onClose: () => void }) {
  const session = useSession();
  const original = useLab((s) => s.opened?.text ?? "");
  const [text, setText] = useState(original);
  const [problem, setProblem] = useState<string | null>(null);
  const area = useRef<HTMLTextAreaElement>(null);

  const open = async (): Promise<void> => {
    const { kernel, step, compare } = session.store.getState();
    session.store.setState({ notice: null });
    const went = await session.open({ text }, { kernel, compare, ...(text === original ? { step } : {}) });
    if (went) {
      onClose();
      return;
    }
    const { notice } = session.store.getState();
    session.store.setState({ notice: null });
    setProblem(notice);
    const line = /line (\d+)/i.exec(notice ?? "")?.[1];
    if (line !== undefined && area.current !== null) {
      const before = text
        .split("\n")
        .slice(0, Number(line) - 1)
        .join("\n").length;
      const start = Number(line) > 1 ? before + 1 : 0;
      const end = text.indexOf("\n", start);
      area.current.focus();
      area.current.setSelectionRange(start, end < 0 ? text.length : end);
    }
  };

  return (
    <Dialog label="The scenario as text" wide onClose={onClose}>
      <div className={css["text"]}>
        <h2>The scenario as text</h2>
        <textarea
          ref={area}
          aria-label="Scenario"
          aria-invalid={problem !== null}
          aria-describedby="text-problem"
          spellCheck={false}
          wrap="off"
          value={text}
          onChange={(e) => setText(e.target.value)}
        />
        <footer>
          <p id="text-problem" role="status">
            {problem ??
              (text === original ? "Edit it and open the result; the link then carries the text itself." : "")}
          </p>
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="button" className={css["primary"]} onClick={() => void open()}>
            Open this text
          </button>
        </footer>
      </div>
    </Dialog>
  );
}
