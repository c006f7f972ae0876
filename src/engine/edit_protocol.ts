/** The messages by which a scenario is changed, branched and written with help. A part of `protocol.ts`. */
import type { Answer, Opened, Problem } from "./protocol.ts";
import type { NextStep, Ref } from "./views/types.ts";

/** One change of the open scenario. Steps are 1-based; texts are in the scenario's language, with `\n` between lines. */
export type Change =
  /** Steps (as lines, with their notes and checks) put in after step `after`; 0 = before the first. */
  | { kind: "insert"; after: number; text: string }
  /** One line alone keeps the note, and the checks while the operation is the same. */
  | { kind: "replace"; step: number; text: string }
  | { kind: "delete"; step: number; count?: number }
  /** Step `from` becomes step `to`. */
  | { kind: "move"; from: number; to: number }
  /** An empty note takes it away. */
  | { kind: "note"; step: number; note: string }
  | { kind: "text"; text: string };

/** A scenario that shares its beginning with the open one. The open one is a branch too. */
export interface BranchInfo {
  id: string;
  name: string;
  /** The text form, canonical. */
  text: string;
  steps: number;
  /** Steps at the beginning that it has in common with the open one. */
  shared: number;
}

export interface Edited extends Opened {
  branches: BranchInfo[];
  /** Id of the open one. */
  branch: string;
  /** Steps at the beginning that are as they were: they did not run again. */
  same: number;
  /** The step that the change is about; 0 = none. */
  at: number;
}

/** What can be written at a place in the text of a scenario. */
export interface Completion {
  /** The word that an item replaces: offsets in the text, `to` exclusive. */
  from: number;
  to: number;
  items: { text: string; doc: string }[];
  /** What is wrong with the text as it is; null when it can be opened. */
  problem: Problem | null;
}

/** Only one answer, for a gesture. */
export interface ActionsAsked {
  /** Attach the device there. */
  onto?: Ref;
  /** Map this stretch of the IOAS; inclusive ends. */
  range?: { start: bigint; last: bigint };
}

export interface EditApi {
  /**
   * Changes the open branch and runs what follows on these kernels and on those that the scenario names. Refused: one
   * sentence, with line and column in the text of the change; nothing has changed.
   */
  edit(change: Change, kernels: string[]): Promise<Answer<Edited>>;
  /**
   * All branches from now on, and which one is open. Runs of texts that were open before are found again. `origin`: the
   * scenario of the library that a text which is still its own goes by.
   */
  setBranches(
    branches: { id: string; name: string; text: string }[],
    open: string,
    kernels: string[],
    origin: string,
  ): Promise<Answer<Edited>>;
  /** Completions at an offset, and the first mistake of the whole text. Opens nothing. */
  complete(text: string, offset: number): Promise<Answer<Completion>>;
  /**
   * Everything that can be done with a thing after a step, each tried on a copy of the world.
   */
  actions(kernel: string, step: number, ref: Ref, more?: ActionsAsked): Promise<Answer<NextStep[]>>;
}
