import { type KeyboardEvent, useEffect, useId, useMemo, useRef, useState } from "react";
import type { Problem } from "../../engine/protocol.ts";
import { useLab, useSession } from "../app/context.ts";
import type { Writing } from "../app/edit_state.ts";
import { sentence } from "../app/session.ts";
import { stepTexts } from "../app/step_text.ts";
import { Completions } from "./Completions.tsx";
import css from "./editor.module.css";
import { useCompletion } from "./useCompletion.ts";

const MOST = 40;

/** One line of the scenario, or a note, written at its place in the list. */
export function Writer({ writing }: { writing: Writing }) {
  const session = useSession();
  const text = useLab((s) => s.opened?.text ?? "");
  const steps = useMemo(() => stepTexts(text), [text]);
  const now = steps[writing.step - 1];
  const close = (): void => {
    session.store.setState({ writing: null });
    requestAnimationFrame(() =>
      document.querySelector<HTMLElement>('#pane-steps [role="option"][tabindex="0"]')?.focus(),
    );
  };
  if (writing.kind === "note") return <NoteWriter step={writing.step} initial={now?.note ?? ""} onClose={close} />;
  // The line that is written, between what stands before and after it.
  const at = writing.kind === "replace" ? (now?.line ?? 1) : (steps[writing.step]?.line ?? text.split("\n").length);
  const rows = text.split("\n");
  const before = rows.slice(0, at - 1).join("\n");
  const after = rows.slice(writing.kind === "replace" ? at : at - 1).join("\n");
  return (
    <LineWriter
      key={`${writing.kind} ${writing.step}`}
      initial={writing.kind === "replace" ? (now?.text ?? "") : (writing.typed ?? "")}
      label={writing.kind === "replace" ? `Step ${writing.step}` : `New step after ${writing.step}`}
      before={`${before}\n`}
      after={`\n${after}`}
      onClose={close}
      onDone={(line) =>
        session.editing.change(
          writing.kind === "replace"
            ? { kind: "replace", step: writing.step, text: line }
            : { kind: "insert", after: writing.step, text: line },
          false,
        )
      }
    />
  );
}

function LineWriter(props: {
  initial: string;
  label: string;
  before: string;
  after: string;
  onClose: () => void;
  onDone: (line: string) => Promise<Problem | null>;
}) {
  const { initial, label, before, after, onClose, onDone } = props;
  const [line, setLine] = useState(initial);
  const [caret, setCaret] = useState(initial.length);
  const [active, setActive] = useState(-1);
  const [closed, setClosed] = useState(initial !== "");
  const [refused, setRefused] = useState<Problem | null>(null);
  const field = useRef<HTMLInputElement>(null);
  const id = useId();
  const { words, problem: wrong } = useCompletion(`${before}${line}${after}`, before.length + caret);
  const items = (closed || words === null ? [] : words.items).slice(0, MOST);
  const typing = line.trim() !== "" && items.length === 0 && wrong?.line === before.split("\n").length ? wrong : null;
  const problem = refused ?? typing;

  useEffect(() => {
    field.current?.focus();
    field.current?.setSelectionRange(initial.length, initial.length);
    field.current?.closest("[role='group']")?.scrollIntoView({ block: "nearest" });
  }, [initial]);

  // Nothing of it stays below the edge of the list when words come.
  const more = items.length > 0;
  useEffect(() => {
    field.current?.closest("[role='group']")?.scrollIntoView({ block: "nearest" });
  }, [more, problem]);

  const write = (text: string, at: number): void => {
    setLine(text);
    setCaret(at);
    setActive(-1);
    setRefused(null);
  };
  const take = (index: number): void => {
    const item = items[index];
    if (item === undefined || words === null) return;
    const from = words.from - before.length;
    const more = /[=:]$/.test(item.text) ? "" : " ";
    const rest = line.slice(words.to - before.length).replace(/^ /, "");
    const word = `${item.text}${more}`;
    write(`${line.slice(0, from)}${word}${rest}`, from + word.length);
    setClosed(false);
    requestAnimationFrame(() => field.current?.setSelectionRange(from + word.length, from + word.length));
  };
  const done = async (): Promise<void> => {
    const said = await onDone(line);
    if (said === null) onClose();
    else {
      setRefused(said);
      const column = (said.column ?? 1) - 1;
      if (said.line !== undefined) {
        field.current?.focus();
        field.current?.setSelectionRange(column, line.length);
      }
    }
  };
  const keys = (e: KeyboardEvent<HTMLInputElement>): void => {
    const count = items.length;
    if (e.key === "ArrowDown" && count > 0) setActive((active + 1) % count);
    else if (e.key === "ArrowDown") setClosed(false);
    else if (e.key === "ArrowUp" && count > 0) setActive((active - 1 + count) % count);
    else if (e.key === "Tab" && !e.shiftKey && count > 0 && caret > 0) take(Math.max(active, 0));
    else if (e.key === "Enter" && active >= 0) take(active);
    else if (e.key === "Enter") void done();
    else if (e.key === "Escape" && items.length > 0 && active >= 0) setClosed(true);
    else if (e.key === "Escape") onClose();
    else return;
    e.preventDefault();
    e.stopPropagation();
  };

  return (
    <div className={css["writer"]} role="group" aria-label={label}>
      <div className={css["line"]} data-writer="">
        <input
          ref={field}
          role="combobox"
          aria-label={label}
          aria-autocomplete="list"
          aria-expanded={items.length > 0}
          aria-controls={`${id}-words`}
          aria-activedescendant={active >= 0 ? `${id}-words-${active}` : undefined}
          aria-invalid={problem !== null}
          aria-describedby={`${id}-said`}
          spellCheck={false}
          autoComplete="off"
          placeholder="vmm IOMMU_IOAS_MAP ioas=…"
          value={line}
          onChange={(e) => {
            write(e.target.value, e.target.selectionStart ?? e.target.value.length);
            setClosed(false);
          }}
          onSelect={(e) => setCaret(e.currentTarget.selectionStart ?? 0)}
          onKeyDown={keys}
        />
        <button type="button" onClick={() => void done()}>
          Run it
        </button>
        <button type="button" onClick={onClose}>
          Cancel
        </button>
      </div>
      <p id={`${id}-said`} role="status" className={css["said"]} data-bad={problem === null ? undefined : ""}>
        {problem === null ? "Enter runs it, Tab completes, Esc leaves." : placed(problem)}
      </p>
      {items.length > 0 && <Completions id={`${id}-words`} items={items} active={active} onTake={take} />}
    </div>
  );
}

/** In one line only the column says something. */
function placed(problem: Problem): string {
  const { column, message } = problem;
  return sentence(column === undefined ? { message } : { message, column });
}

function NoteWriter({ step, initial, onClose }: { step: number; initial: string; onClose: () => void }) {
  const session = useSession();
  const [note, setNote] = useState(initial);
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    field.current?.focus();
    field.current?.setSelectionRange(initial.length, initial.length);
    field.current?.closest("[role='group']")?.scrollIntoView({ block: "nearest" });
  }, [initial]);
  const done = async (): Promise<void> => {
    if ((await session.editing.change({ kind: "note", step, note })) === null) onClose();
  };
  return (
    <div className={css["writer"]} data-writer="" role="group" aria-label={`Note on step ${step}`}>
      <textarea
        ref={field}
        aria-label={`Note on step ${step}`}
        rows={4}
        value={note}
        onChange={(e) => setNote(e.target.value)}
        onKeyDown={(e) => {
          if (e.key === "Escape") onClose();
          else if (e.key === "Enter" && !e.shiftKey) void done();
          else return;
          e.preventDefault();
          e.stopPropagation();
        }}
      />
      <div className={css["line"]}>
        <p className={css["said"]}>Kept in the text and in the link. An empty note goes away.</p>
        <button type="button" onClick={() => void done()}>
          Pin it
        </button>
        <button type="button" onClick={onClose}>
          Cancel
        </button>
      </div>
    </div>
  );
}
