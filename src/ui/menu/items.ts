/** Entries of a menu that the page does by itself. */
import type { Ref } from "../../engine/views/types.ts";
import type { Session } from "../app/session.ts";
import type { LabState } from "../app/state.ts";

export interface Entry {
  title: string;
  /** At the right edge: the result that it would have, or a key. */
  end: string;
  bad?: boolean;
  run: () => void;
}

type MakeEntry = (title: string, end: string, run: () => void) => Entry;

export function ownEntries(session: Session, state: LabState, ref: Ref): Entry[] {
  const entry = (title: string, end: string, run: () => void): Entry => ({ title, end, run });
  const step = /^step:(\d+)$/.exec(ref)?.[1];
  if (step !== undefined) return stepEntries(session, state, Number(step), entry);
  const branch = /^branch:(.+)$/.exec(ref)?.[1];
  if (branch !== undefined)
    return [
      entry("Open this branch", "J", () => void session.editing.switchTo(branch)),
      entry("Compare with it", "", () => session.editing.compare(branch)),
      entry("Close it", "", () => void session.editing.close(branch)),
    ];
  const range = session.viewport.rangeOf(ref);
  return [
    entry("Select", "", () => session.select(ref)),
    ...(range === null
      ? []
      : [
          entry("Show in the address space", "F", () => {
            session.select(ref);
            session.viewport.show(range.start, range.last);
          }),
          entry("Copy its range", "", () => copy(`0x${range.start.toString(16)}-0x${range.last.toString(16)}`)),
        ]),
    ...trackEntries(session, state, ref, entry),
    entry("Copy its name", "", () => copy(ref)),
  ];
}

/** Tracks of one thing are hidden and pinned together. */
function trackEntries(session: Session, state: LabState, ref: Ref, entry: MakeEntry): Entry[] {
  const tracks = state.frame?.addressSpace.bands.flatMap((b) => b.tracks) ?? [];
  const group = (tracks.find((t) => t.ref === ref) ?? tracks.find((t) => t.group === ref))?.group;
  if (group === undefined) return [];
  const { hidden, pinned } = state;
  const put = (to: Partial<LabState>): void => session.store.setState(to);
  return [
    hidden.includes(group)
      ? entry("Show its tracks", "", () => put({ hidden: hidden.filter((g) => g !== group) }))
      : entry("Hide its tracks", "", () => put({ hidden: [...hidden, group] })),
    pinned.includes(group)
      ? entry("Its tracks stand in their place again", "", () => put({ pinned: pinned.filter((g) => g !== group) }))
      : entry("Pin its tracks to the top", "", () => put({ pinned: [...pinned, group] })),
  ];
}

function stepEntries(session: Session, state: LabState, n: number, entry: MakeEntry): Entry[] {
  const { editing, store } = session;
  const stops = state.breakpoints.includes(n);
  const go = entry("Go to this step", "Enter", () => session.seek(n));
  const stop = entry(stops ? "Run stops here no more" : "Run stops here", "F9", () => session.editing.breakpoint(n));
  if (state.opened?.text === "") return [go, stop];
  const total = state.opened?.steps ?? 0;
  return [
    go,
    stop,
    entry("Edit", "F2", () => store.setState({ writing: { kind: "replace", step: n } })),
    entry("Insert before", "", () => store.setState({ writing: { kind: "insert", step: n - 1 } })),
    entry("Insert after", "I", () => store.setState({ writing: { kind: "insert", step: n } })),
    entry("Note", "N", () => store.setState({ writing: { kind: "note", step: n } })),
    ...(n > 1 ? [entry("Move up", "Alt Up", () => void editing.change({ kind: "move", from: n, to: n - 1 }))] : []),
    ...(n < total
      ? [entry("Move down", "Alt Down", () => void editing.change({ kind: "move", from: n, to: n + 1 }))]
      : []),
    entry("Delete", "Del", () => void editing.change({ kind: "delete", step: n })),
  ];
}

function copy(text: string): void {
  void navigator.clipboard.writeText(text).catch(() => undefined);
}
