/** Every command once: the keys, the palette and the help are all made from this list. */
import { isRecording, NO_TEXT } from "../app/recording.ts";
import type { Session } from "../app/session.ts";
import type { LabState } from "../app/state.ts";
import { EXPORT_COMMANDS } from "../exports/commands.ts";
import { EDIT_COMMANDS } from "./edit.ts";
import { GO_COMMANDS } from "./go.ts";
import { STAGE_COMMANDS } from "./stage.ts";

export interface Chord {
  /** Physical key, `KeyboardEvent.code`: the same place on every keyboard layout. */
  code: string;
  /** Control, or Command on a Mac. */
  ctrl?: boolean;
  shift?: boolean;
  alt?: boolean;
  /** As the help writes it. */
  label: string;
}

export interface Command {
  id: string;
  title: string;
  group: "Steps" | "Edit" | "Address space" | "Views" | "Look" | "Go" | "Export";
  keys: Chord[];
  run: (session: Session) => void;
  /** Absent: always. */
  can?: (state: LabState) => boolean;
}

const ZOOM = 1.35;
const PAN = 0.12;

const opened = (s: LabState): boolean => s.opened !== null;

export const COMMANDS: readonly Command[] = [
  {
    id: "run",
    title: "Run or pause",
    group: "Steps",
    keys: [{ code: "Space", label: "Space" }],
    run: (s) => s.runner.toggle(),
    can: opened,
  },
  {
    id: "step",
    title: "Step",
    group: "Steps",
    keys: [{ code: "Period", label: "." }],
    run: (s) => s.seek(s.heading.step + 1),
    can: (s) => opened(s) && s.step < (s.opened?.steps ?? 0),
  },
  {
    id: "back",
    title: "Step back",
    group: "Steps",
    keys: [{ code: "Comma", label: "," }],
    run: (s) => s.seek(s.heading.step - 1),
    can: (s) => s.step > 0,
  },
  {
    id: "next-failure",
    title: "Next step that failed, or differs from its recording",
    group: "Steps",
    keys: [{ code: "BracketRight", label: "]" }],
    run: (s) => s.seekFailure(1),
    can: opened,
  },
  {
    id: "previous-failure",
    title: "Previous step that failed, or differs from its recording",
    group: "Steps",
    keys: [{ code: "BracketLeft", label: "[" }],
    run: (s) => s.seekFailure(-1),
    can: opened,
  },
  {
    id: "first",
    title: "Before the first step",
    group: "Steps",
    keys: [{ code: "Comma", shift: true, label: "Shift ," }],
    run: (s) => s.seek(0),
    can: (s) => s.step > 0,
  },
  {
    id: "last",
    title: "After the last step",
    group: "Steps",
    keys: [{ code: "Period", shift: true, label: "Shift ." }],
    run: (s) => s.seek(Number.MAX_SAFE_INTEGER),
    can: opened,
  },
  {
    id: "breakpoint",
    title: "Stop at this step when running",
    group: "Steps",
    keys: [{ code: "F9", label: "F9" }],
    run: (s) => s.editing.breakpoint(s.heading.step),
    can: (s) => s.step > 0,
  },
  ...EDIT_COMMANDS,
  {
    id: "zoom-in",
    title: "Zoom in",
    group: "Address space",
    keys: [{ code: "KeyW", label: "W" }],
    run: (s) => s.viewport.zoom(ZOOM),
    can: opened,
  },
  {
    id: "zoom-out",
    title: "Zoom out",
    group: "Address space",
    keys: [{ code: "KeyS", label: "S" }],
    run: (s) => s.viewport.zoom(1 / ZOOM),
    can: opened,
  },
  {
    id: "left",
    title: "Towards lower addresses",
    group: "Address space",
    keys: [{ code: "KeyA", label: "A" }],
    run: (s) => s.viewport.pan(-PAN),
    can: opened,
  },
  {
    id: "right",
    title: "Towards higher addresses",
    group: "Address space",
    keys: [{ code: "KeyD", label: "D" }],
    run: (s) => s.viewport.pan(PAN),
    can: opened,
  },
  {
    id: "fit",
    title: "Fit the selection, then everything",
    group: "Address space",
    keys: [{ code: "KeyF", label: "F" }],
    run: (s) => s.viewport.fit(),
    can: opened,
  },
  {
    id: "msi",
    title: "Show the SW_MSI window",
    group: "Address space",
    keys: [{ code: "KeyM", label: "M" }],
    run: showMsi,
    can: opened,
  },
  {
    id: "true-scale",
    title: "True scale, or gaps cut",
    group: "Address space",
    keys: [{ code: "KeyT", label: "T" }],
    run: (s) => s.viewport.toggleTrueScale(),
    can: opened,
  },
  {
    id: "ghost",
    title: "Draw another kernel dashed",
    group: "Address space",
    keys: [{ code: "KeyX", shift: true, label: "Shift X" }],
    run: nextCompare,
    can: opened,
  },
  {
    id: "kernel",
    title: "Next kernel",
    group: "Go",
    keys: [{ code: "KeyK", label: "K" }],
    run: (s) => nextKernel(s, 1),
    can: opened,
  },
  {
    id: "kernel-back",
    title: "Previous kernel",
    group: "Go",
    keys: [{ code: "KeyK", shift: true, label: "Shift K" }],
    run: (s) => nextKernel(s, -1),
    can: opened,
  },
  {
    id: "find",
    title: "Find a step or an object",
    group: "Go",
    keys: [{ code: "Slash", label: "/" }],
    run: (s) => s.store.setState({ dialog: "find" }),
    can: opened,
  },
  {
    id: "scenarios",
    title: "Open a scenario",
    group: "Go",
    keys: [{ code: "KeyO", label: "O" }],
    run: (s) => s.store.setState({ dialog: "scenarios" }),
  },
  {
    id: "text",
    title: "The scenario as text",
    group: "Go",
    keys: [{ code: "KeyE", label: "E" }],
    run: ({ store }) => store.setState((s) => (isRecording(s) ? { notice: NO_TEXT } : { dialog: "text" })),
    can: opened,
  },
  {
    id: "clear",
    title: "Clear the selection, close what is open",
    group: "Go",
    keys: [{ code: "Escape", label: "Esc" }],
    run: clear,
  },
  ...GO_COMMANDS,
  ...STAGE_COMMANDS,
  ...EXPORT_COMMANDS,
  {
    id: "palette",
    title: "All commands",
    group: "Look",
    keys: [{ code: "KeyP", ctrl: true, shift: true, label: "Ctrl Shift P" }],
    run: (s) => s.store.setState({ dialog: "commands" }),
  },
  {
    id: "help",
    title: "Help and keys",
    group: "Look",
    keys: [{ code: "Slash", shift: true, label: "?" }],
    run: (s) => s.store.setState({ dialog: "help" }),
  },
];

function showMsi({ store, viewport }: Session): void {
  const tracks = store.getState().frame?.addressSpace.bands.flatMap((b) => b.tracks) ?? [];
  const found = tracks.flatMap((t) => t.intervals).find((i) => i.kind === "sw_msi");
  if (found !== undefined) viewport.show(found.start, found.last);
}

/** None, then each other kernel of the scenario. */
function nextCompare(session: Session): void {
  const { opened: scenario } = session.store.getState();
  const { kernel, compare } = session.heading;
  const others = (scenario?.scenario.kernels ?? []).filter((k) => k !== kernel);
  const order = [null, ...others.toReversed()];
  session.setCompare(order[(order.indexOf(compare) + 1) % order.length] ?? null);
}

function nextKernel(session: Session, by: 1 | -1): void {
  const { opened: scenario } = session.store.getState();
  const { kernel } = session.heading;
  const kernels = scenario?.scenario.kernels ?? [];
  if (kernels.length === 0) return;
  const next = kernels[(kernels.indexOf(kernel) + by + kernels.length) % kernels.length];
  if (next !== undefined) session.setKernel(next);
}

function clear(session: Session): void {
  const { notice, maximised, selected, refused } = session.store.getState();
  if (refused !== null) session.store.setState({ refused: null });
  else if (notice !== null) session.store.setState({ notice: null });
  else if (selected !== null) session.select(null);
  else if (maximised !== null) session.store.setState({ maximised: null });
}
