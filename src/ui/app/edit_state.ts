/** The part of the view state that belongs to changing a scenario. */
import type { BranchInfo } from "../../engine/protocol.ts";
import type { Radix } from "../draw/radix.ts";
import type { Lane, Ref } from "../../engine/views/types.ts";

/** What is being written in the list of steps. */
export type Writing =
  /** After step `step`; 0 = before the first. `typed`: what was typed before its line was there. */
  { kind: "insert"; step: number; typed?: string } | { kind: "replace"; step: number } | { kind: "note"; step: number };

export interface EditState {
  /** All branches, the open one among them; empty while there is one only. */
  branches: readonly BranchInfo[];
  /** Id of the open one. */
  branch: string;
  /** The other branches on the kernel that is shown, against the open one. */
  branchLanes: readonly { branch: BranchInfo; lane: Lane }[];
  /** Id of the scenario in the library that this one was made from; empty: none. */
  origin: string;
  writing: Writing | null;
  /** The menu of a thing, at a place on screen. */
  menu: { ref: Ref; x: number; y: number } | null;
  /** The step that a gesture or a menu just put in and that the kernel refused. */
  refused: number | null;
  /** Dragging on an IOAS maps, a click on what is mapped unmaps. */
  mapping: boolean;
  /** Groups of tracks of the address space that are not shown. */
  hidden: readonly string[];
  /** Groups of tracks that stand first in their band. */
  pinned: readonly string[];
  radix: Radix;
  undo: { back: boolean; again: boolean };
}

export const EDIT_STATE: EditState = Object.freeze({
  branches: [],
  branch: "main",
  branchLanes: [],
  origin: "",
  writing: null,
  menu: null,
  refused: null,
  mapping: false,
  radix: "hex",
  hidden: [],
  pinned: [],
  undo: Object.freeze({ back: false, again: false }),
});
