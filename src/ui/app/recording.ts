/** A recording is played like a scenario, but it is no text: it cannot be edited, and a link cannot hold it. */
import type { StepView } from "../../engine/views/types.ts";
import type { LabState } from "./state.ts";

export function isRecording(state: Pick<LabState, "opened">): boolean {
  return state.opened !== null && state.opened.text === "";
}

/** Why a command that changes the scenario does nothing now. */
export const NO_TEXT = "This is a recording: what was recorded cannot be changed. Open a scenario to edit one.";

export const NO_LINK = "A link cannot hold a recording. Keep its file: whoever has it opens the same.";

export type Agreement = NonNullable<StepView["agreement"]>["kind"];

/** A word and a letter for each: colour is never alone. */
export const AGREEMENTS: Readonly<Record<Agreement, { mark: string; word: string }>> = Object.freeze({
  agrees: { mark: "=", word: "agrees" },
  differs: { mark: "≠", word: "differs" },
  given: { mark: "·", word: "given by the recording" },
  context: { mark: "·", word: "context" },
  skipped: { mark: "?", word: "not modelled" },
});

export interface Tally {
  /** Records whose answer was compared. */
  compared: number;
  agree: number;
  differ: number;
  skipped: number;
}

/** Null when the steps are no records. */
export function tally(steps: readonly StepView[]): Tally | null {
  const kinds = steps.flatMap((s) => s.agreement?.kind ?? []);
  if (kinds.length === 0) return null;
  const count = (kind: Agreement): number => kinds.filter((k) => k === kind).length;
  const [agree, differ] = [count("agrees"), count("differs")];
  return { compared: agree + differ, agree, differ, skipped: count("skipped") };
}

/** `128 of 128 records agree`. */
export function tallyText(t: Tally): string {
  const skipped = t.skipped === 0 ? "" : `, ${t.skipped} not modelled`;
  const n = (x: number): string => x.toLocaleString("en");
  return `${n(t.agree)} of ${n(t.compared)} records agree${skipped}`;
}

/** What the address bar says of a recording: its name, and nothing that could be opened. Null for a scenario. */
export function recordingLink(state: Pick<LabState, "opened">): string | null {
  const name = state.opened?.scenario.title ?? "";
  return isRecording(state) ? `v=1&file=${encodeURIComponent(name)}` : null;
}

/** Such a link, followed: one sentence; null when it is another. */
export function readRecordingLink(fragment: string): string | null {
  const match = /^v=1&file=([^&]*)$/.exec(fragment);
  if (match === null) return null;
  let name = match[1] ?? "";
  try {
    name = decodeURIComponent(name);
  } catch {
    // Shown as it is.
  }
  return `The link is of the recording ${name}: a link cannot hold one. Open the file itself.`;
}
