/** What the page shows now: view state only. The truth (scenario, worlds) stays in the worker; frames are its answers. */
import { createStore, type StoreApi } from "zustand/vanilla";
import type { Catalogue, Opened } from "../../engine/protocol.ts";
import type { Frame, InspectorView, Lane, Ref, TablePlace, WalkView } from "../../engine/views/types.ts";
import type { Picked } from "../views/space/model.ts";
import type { Window } from "../views/space/scale.ts";
import type { Atlas } from "./atlas.ts";
import { EDIT_STATE, type EditState } from "./edit_state.ts";
import type { Reading } from "./files.ts";
import { readRadix } from "../draw/radix.ts";
import { STAGE, VIEWS, type ViewId } from "./stage.ts";
import type { TourState } from "./tours.ts";

export type PaneId = ViewId | "inspector" | "why" | "timeline";
export const PANES: readonly PaneId[] = [...VIEWS.map((v) => v.id), "inspector", "why", "timeline"];

export type Phase =
  | { name: "starting" }
  | { name: "opening"; title: string; done: number; total: number }
  | { name: "ready" }
  | { name: "crashed"; why: string };

export type { Picked } from "../views/space/model.ts";

export interface Target {
  device: string;
  iova: bigint;
  write: boolean;
  /** SubstreamID of the request; absent = without one. */
  pasid?: number;
}

/** An answer that may be on its way or refused; what was there before stays in sight until it comes. */
export interface Pending<T> {
  value: T | null;
  /** Why there is none. */
  problem: string | null;
}

export interface LabState extends EditState {
  phase: Phase;
  catalogue: Catalogue | null;
  opened: Opened | null;
  kernel: string;
  /** The kernel drawn as a ghost; null: none. */
  compare: string | null;
  step: number;
  frame: Frame | null;
  ghost: Frame | null;
  lanes: Lane[];
  /** What can be done after this step; what was there before stays until it comes. */
  next: Frame["next"];
  atlas: Atlas | null;
  /** Chosen by hand; null: the most telling one of each frame. */
  target: Target | null;
  /** The walk asks the SMMU's caches too, as they are now. */
  asNow: boolean;
  /** The entry that Tables shows; null: those on the way of what is walked. */
  entry: TablePlace | null;
  walk: Pending<WalkView>;
  selected: Ref | null;
  /** The interval under the last click in the address space; goes with `selected`. */
  picked: Picked | null;
  inspected: Pending<InspectorView>;
  /** Whose write to whom the machine view follows, as bdfs; null: nobody's. */
  peers: { from: string; to: string } | null;
  /** Kernels beside each other in Compare; null: those that the scenario names. */
  columns: readonly string[] | null;
  /** What of the address space is seen; null: all of it. */
  window: Window | null;
  trueScale: boolean;
  /** Views in the middle, the large one first. */
  stage: readonly ViewId[];
  maximised: PaneId | null;
  /** The view whose title's menu is open, and the corner below which it hangs, pixels of the window. */
  switching: { id: ViewId; x: number; y: number } | null;
  tables: readonly PaneId[];
  running: boolean;
  breakpoints: readonly number[];
  /** The tour that stands beside the picture; null: none. */
  tour: TourState | null;
  /** Files that are being opened; null: none. */
  reading: Reading | null;
  /** One sentence about what was refused; the world stayed as it was. */
  notice: string | null;
  /** What was typed for a dialog whose program is still on its way. */
  ahead: string;
  dialog: "help" | "commands" | "find" | "scenarios" | "kernels" | "text" | null;
  /** Said by the live region. */
  spoken: string;
}

export type LabStore = StoreApi<LabState>;

export function createLabStore(): LabStore {
  return createStore<LabState>(() => ({
    ...EDIT_STATE,
    radix: readRadix(),
    phase: { name: "starting" },
    catalogue: null,
    opened: null,
    kernel: "",
    compare: null,
    step: 0,
    frame: null,
    ghost: null,
    lanes: [],
    next: [],
    atlas: null,
    target: null,
    asNow: false,
    entry: null,
    walk: { value: null, problem: null },
    selected: null,
    picked: null,
    inspected: { value: null, problem: null },
    peers: null,
    columns: null,
    window: null,
    trueScale: false,
    stage: STAGE,
    maximised: null,
    switching: null,
    tables: [],
    running: false,
    breakpoints: [],
    tour: null,
    reading: null,
    notice: null,
    dialog: null,
    ahead: "",
    spoken: "",
  }));
}
