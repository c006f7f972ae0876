/** Commands that change the scenario: steps, branches, undo. */
import type { Session } from "../app/session.ts";
import type { LabState } from "../app/state.ts";
import { writeRadix } from "../draw/radix.ts";
import { openMenuHere } from "../menu/open.ts";
import type { Command } from "./registry.ts";

/** A recording is open: there is no text to change. */
const written = (s: LabState): boolean => s.opened !== null && s.opened.text !== "";
const onStep = (s: LabState): boolean => written(s) && s.step > 0;
const branched = (s: LabState): boolean => s.branches.length > 1;

export const EDIT_COMMANDS: readonly Command[] = [
  {
    id: "insert-step",
    title: "Insert a step after this one",
    group: "Edit",
    keys: [{ code: "KeyI", label: "I" }],
    run: ({ store }) => store.setState((s) => ({ writing: { kind: "insert", step: s.step } })),
    can: written,
  },
  {
    id: "edit-step",
    title: "Edit this step",
    group: "Edit",
    keys: [{ code: "F2", label: "F2" }],
    run: ({ store }) => store.setState((s) => ({ writing: { kind: "replace", step: s.step } })),
    can: onStep,
  },
  {
    id: "note-step",
    title: "Note on this step",
    group: "Edit",
    keys: [{ code: "KeyN", label: "N" }],
    run: ({ store }) => store.setState((s) => ({ writing: { kind: "note", step: s.step } })),
    can: onStep,
  },
  {
    id: "delete-step",
    title: "Delete this step",
    group: "Edit",
    keys: [{ code: "Delete", label: "Del" }],
    run: (s) => void s.editing.change({ kind: "delete", step: s.heading.step }),
    can: onStep,
  },
  {
    id: "step-up",
    title: "Move this step up",
    group: "Edit",
    keys: [{ code: "ArrowUp", alt: true, label: "Alt Up" }],
    run: (s) => move(s, -1),
    can: (s) => written(s) && s.step > 1,
  },
  {
    id: "step-down",
    title: "Move this step down",
    group: "Edit",
    keys: [{ code: "ArrowDown", alt: true, label: "Alt Down" }],
    run: (s) => move(s, 1),
    can: (s) => onStep(s) && s.step < (s.opened?.steps ?? 0),
  },
  {
    id: "branch",
    title: "Branch here: what follows stays as a lane",
    group: "Edit",
    keys: [{ code: "KeyB", label: "B" }],
    run: (s) => void s.editing.branchHere(false),
    can: onStep,
  },
  {
    id: "branch-copy",
    title: "Branch here with a copy of what follows",
    group: "Edit",
    keys: [{ code: "KeyB", shift: true, label: "Shift B" }],
    run: (s) => void s.editing.branchHere(true),
    can: onStep,
  },
  {
    id: "next-branch",
    title: "Next branch",
    group: "Edit",
    keys: [{ code: "KeyJ", label: "J" }],
    run: (s) => void s.editing.nextBranch(1),
    can: branched,
  },
  {
    id: "compare-branch",
    title: "Compare with the next branch",
    group: "Edit",
    keys: [{ code: "KeyJ", shift: true, label: "Shift J" }],
    run: (s) => {
      const { branches, branch } = s.store.getState();
      const at = branches.findIndex((b) => b.id === branch);
      const other = branches[(at + 1) % Math.max(1, branches.length)];
      if (other !== undefined) s.editing.compare(other.id);
    },
    can: branched,
  },
  {
    id: "close-branch",
    title: "Close this branch",
    group: "Edit",
    keys: [],
    run: (s) => void s.editing.close(s.store.getState().branch),
    can: branched,
  },
  {
    id: "mapping",
    title: "Map by dragging on an IOAS, unmap by a click; or not",
    group: "Edit",
    keys: [{ code: "KeyR", label: "R" }],
    run: ({ store }) => store.setState((s) => ({ mapping: !s.mapping })),
    can: written,
  },
  {
    id: "menu",
    title: "What can be done with this",
    group: "Edit",
    keys: [
      { code: "F10", shift: true, label: "Shift F10" },
      { code: "ContextMenu", label: "Menu" },
    ],
    run: openMenuHere,
    can: (s) => s.opened !== null,
  },
  {
    id: "radix",
    title: "Hexadecimal or decimal",
    group: "Look",
    keys: [{ code: "KeyH", label: "H" }],
    run: ({ store }) =>
      store.setState((s) => {
        const radix = s.radix === "hex" ? "dec" : "hex";
        writeRadix(radix);
        return { radix, spoken: radix === "hex" ? "Hexadecimal." : "Decimal." };
      }),
  },
  {
    id: "undo",
    title: "Undo",
    group: "Edit",
    keys: [{ code: "KeyZ", ctrl: true, label: "Ctrl Z" }],
    run: (s) => void s.editing.back(),
    can: (s) => s.undo.back,
  },
  {
    id: "redo",
    title: "Redo",
    group: "Edit",
    keys: [
      { code: "KeyZ", ctrl: true, shift: true, label: "Ctrl Shift Z" },
      { code: "KeyY", ctrl: true, label: "Ctrl Y" },
    ],
    run: (s) => void s.editing.again(),
    can: (s) => s.undo.again,
  },
];

function move(session: Session, by: 1 | -1): void {
  const from = session.heading.step;
  const to = from + by;
  if (to < 1 || to > (session.store.getState().opened?.steps ?? 0)) return;
  void session.editing.change({ kind: "move", from, to });
}
