import { type KeyboardEvent, useId, useRef, useState } from "react";
import type { Problem } from "../../engine/protocol.ts";
import { useLab, useSession } from "../app/context.ts";
import { sentence } from "../app/session.ts";
import { Completions } from "./Completions.tsx";
import css from "./editor.module.css";
import { useCompletion } from "./useCompletion.ts";

const MOST = 30;
/** Lines of longer texts go without numbers. */
const NUMBERED = 3000;

/** The whole scenario as text. What is wrong is told with its place as one types; the world changes only when it is opened. */
export function TextEditor({ onClose }: { onClose: () => void }) {
  const session = useSession();
  const original = useLab((s) => s.opened?.text ?? "");
  const [text, setText] = useState(original);
  const [caret, setCaret] = useState(0);
  const [active, setActive] = useState(0);
  const [offering, setOffering] = useState(false);
  const [refused, setRefused] = useState<Problem | null>(null);
  const [scroll, setScroll] = useState({ left: 0, top: 0 });
  const [face, setFace] = useState<Face>({ x: 0, y: 0, size: 13, line: 20, width: 800, height: 400 });
  const area = useRef<HTMLTextAreaElement>(null);
  const id = useId();
  const { words, problem: wrong } = useCompletion(text, caret);
  const items = offering && words !== null ? words.items.slice(0, MOST) : [];
  const problem = refused ?? wrong;

  const write = (value: string, at: number): void => {
    setText(value);
    setCaret(at);
    setActive(0);
    setRefused(null);
  };
  const take = (index: number): void => {
    const item = items[index];
    if (item === undefined || words === null) return;
    const word = /[=:]$/.test(item.text) ? item.text : `${item.text} `;
    const rest = text.slice(words.to).replace(/^ /, "");
    write(`${text.slice(0, words.from)}${word}${rest}`, words.from + word.length);
    requestAnimationFrame(() => area.current?.setSelectionRange(words.from + word.length, words.from + word.length));
  };
  const show = (at: Problem): void => {
    if (at.line === undefined) return;
    const rows = text.split("\n");
    const start = rows.slice(0, at.line - 1).reduce((sum, r) => sum + r.length + 1, 0);
    const from = start + (at.column ?? 1) - 1;
    area.current?.focus();
    area.current?.setSelectionRange(from, start + (rows[at.line - 1]?.length ?? 0));
  };
  const open = async (): Promise<void> => {
    const said = await session.editing.change({ kind: "text", text }, false);
    if (said === null) onClose();
    else {
      setRefused(said);
      show(said);
    }
  };
  const keys = (e: KeyboardEvent): void => {
    const count = items.length;
    if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) void open();
    else if (e.key === " " && e.ctrlKey) setOffering(true);
    else if (count > 0 && e.key === "ArrowDown") setActive((active + 1) % count);
    else if (count > 0 && e.key === "ArrowUp") setActive((active - 1 + count) % count);
    else if (count > 0 && e.key === "Tab" && !e.shiftKey) take(active);
    else if (count > 0 && e.key === "Escape") setOffering(false);
    else return;
    e.preventDefault();
    e.stopPropagation();
  };
  const rows = text.split("\n");
  const [row, column] = place(text, words?.from ?? 0);

  if (original === "")
    return (
      <div className={css["text"]}>
        <h2>The scenario as text</h2>
        <p className={css["said"]}>A recording cannot be edited: its records are what a real kernel answered.</p>
        <footer>
          <button type="button" data-first="" onClick={onClose}>
            Close
          </button>
        </footer>
      </div>
    );
  return (
    <div className={css["text"]}>
      <h2>The scenario as text</h2>
      <div className={css["sheet"]} data-bad={problem === null ? undefined : ""}>
        <div className={css["numbers"]} aria-hidden="true">
          <div style={{ transform: `translateY(${-scroll.top}px)` }}>
            {(rows.length > NUMBERED ? [] : rows).map((_, i) => (
              // The lines are their numbers.
              // oxlint-disable-next-line react/no-array-index-key
              <i key={i} data-bad={problem?.line === i + 1 ? "" : undefined}>
                {i + 1}
              </i>
            ))}
          </div>
        </div>
        <textarea
          ref={area}
          aria-label="Scenario"
          aria-autocomplete="list"
          aria-controls={items.length > 0 ? `${id}-words` : undefined}
          aria-activedescendant={items.length > 0 ? `${id}-words-${active}` : undefined}
          aria-invalid={problem !== null}
          aria-describedby={`${id}-problem`}
          spellCheck={false}
          wrap="off"
          value={text}
          onChange={(e) => {
            write(e.target.value, e.target.selectionStart);
            setFace(faceOf(e.target));
            setOffering(/\S$/.test(e.target.value.slice(0, e.target.selectionStart)));
          }}
          onSelect={(e) => setCaret(e.currentTarget.selectionStart)}
          onBlur={() => setOffering(false)}
          onScroll={(e) => setScroll({ left: e.currentTarget.scrollLeft, top: e.currentTarget.scrollTop })}
          onKeyDown={keys}
        />
        {items.length > 0 && (
          <div className={css["at"]} style={placeOf(face, row, column, scroll)}>
            <Completions id={`${id}-words`} items={items} active={active} onTake={take} />
          </div>
        )}
      </div>
      <footer>
        <p id={`${id}-problem`} role="status" data-bad={problem === null ? undefined : ""}>
          {problem === null
            ? text === original
              ? "Ctrl Space completes, Ctrl Enter opens the text; the link then carries the text itself."
              : "No mistake."
            : sentence(problem)}
        </p>
        {problem?.line !== undefined && (
          <button type="button" onClick={() => show(problem)}>
            Go there
          </button>
        )}
        <button type="button" onClick={onClose}>
          Cancel
        </button>
        <button type="button" className={css["primary"]} onClick={() => void open()}>
          Open this text
        </button>
      </footer>
    </div>
  );
}

function place(text: string, offset: number): [row: number, column: number] {
  const before = text.slice(0, offset);
  const row = before.split("\n").length - 1;
  return [row, offset - (before.lastIndexOf("\n") + 1)];
}

/** How the letters of the field stand, pixels. */
interface Face {
  x: number;
  y: number;
  size: number;
  line: number;
  width: number;
  height: number;
}

function faceOf(area: HTMLTextAreaElement): Face {
  const style = getComputedStyle(area);
  return {
    x: area.offsetLeft + Number.parseFloat(style.paddingLeft),
    y: Number.parseFloat(style.paddingTop),
    size: Number.parseFloat(style.fontSize),
    line: Number.parseFloat(style.lineHeight),
    width: area.offsetWidth,
    height: area.offsetHeight,
  };
}

/** Below the word, or above it where there is little room; all letters have one width. */
function placeOf(
  face: Face,
  row: number,
  column: number,
  scroll: { left: number; top: number },
): { left: number; top?: number; bottom?: number } {
  const x = face.x + column * face.size * 0.6 - scroll.left;
  const left = Math.min(x, Math.max(0, face.width - 26 * face.size));
  const top = face.y + row * face.line - scroll.top;
  if (top > face.height * 0.55) return { left, bottom: Math.max(0, face.height - top + 2) };
  return { left, top: top + face.line + 2 };
}
