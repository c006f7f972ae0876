/** Keys to commands, by physical place. Never inside a field, and never what the focused control needs itself. */
import { isRecording, NO_TEXT } from "../app/recording.ts";
import type { Session } from "../app/session.ts";
import { COMMANDS, type Chord, type Command } from "./registry.ts";

type Stroke = Pick<KeyboardEvent, "code" | "key" | "ctrlKey" | "metaKey" | "shiftKey" | "altKey">;

export function commandFor(stroke: Stroke): Command | undefined {
  const ctrl = stroke.ctrlKey || stroke.metaKey;
  const matches = (c: Chord): boolean =>
    c.code === stroke.code &&
    (c.ctrl ?? false) === ctrl &&
    (c.shift ?? false) === stroke.shiftKey &&
    (c.alt ?? false) === stroke.altKey;
  // `?` stands on another key on many layouts; there the letter counts, not the place.
  if (stroke.key === "?" && !ctrl && !stroke.altKey) return COMMANDS.find((c) => c.id === "help");
  return COMMANDS.find((c) => c.keys.some(matches));
}

/** True when the key belongs to what has the focus. */
export function belongsTo(target: EventTarget | null, stroke: Stroke): boolean {
  if (!(target instanceof Element)) return false;
  if (target.closest("input, textarea, select, [contenteditable='true']") !== null) return true;
  if (target.closest("dialog") !== null) return true;
  const activates = stroke.code === "Space" || stroke.code === "Enter";
  return activates && target.closest("button, a, summary, [role='radio'], [role='separator']") !== null;
}

/**
 * What was asked for is still being fetched, and the key is meant for it: the line that is going to be written, or a
 * dialog. Without this, fast writing would set off commands. What is typed for it is kept.
 */
export function awaited(session: Session, e: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey">): boolean {
  const { writing, dialog } = session.store.getState();
  const late =
    (writing !== null && document.querySelector("[data-writer]") === null) ||
    (dialog !== null && document.querySelector("dialog") === null);
  if (late && e.key === "Escape") session.store.setState({ ahead: "" });
  if (!late || e.key === "Escape") return false;
  const letter = e.key.length === 1 && !e.ctrlKey && !e.metaKey && !e.altKey;
  if (letter && dialog !== null) session.store.setState((s) => ({ ahead: s.ahead + e.key }));
  else if (letter && writing?.kind === "insert")
    session.store.setState({ writing: { ...writing, typed: `${writing.typed ?? ""}${e.key}` } });
  return true;
}

export function installKeys(session: Session, oneKey: () => boolean): () => void {
  const down = (e: KeyboardEvent): void => {
    if (e.defaultPrevented || e.isComposing) return;
    if (awaited(session, e)) {
      e.preventDefault();
      return;
    }
    const command = commandFor(e);
    if (command === undefined || belongsTo(e.target, e)) return;
    const single =
      !(e.ctrlKey || e.metaKey || e.altKey) &&
      /^(Key|Digit|Comma|Period|Slash|Bracket|Space)/.test(e.code) &&
      command.id !== "clear";
    if (single && !oneKey()) return;
    if (command.can !== undefined && !command.can(session.store.getState())) {
      if (e.code === "Space") e.preventDefault();
      if (command.group === "Edit" && isRecording(session.store.getState()))
        session.store.setState({ notice: NO_TEXT });
      return;
    }
    e.preventDefault();
    if (
      command.id !== "run" &&
      ["step", "back", "next-failure", "previous-failure", "first", "last"].includes(command.id)
    )
      session.runner.pause();
    command.run(session);
  };
  addEventListener("keydown", down);
  return () => removeEventListener("keydown", down);
}
