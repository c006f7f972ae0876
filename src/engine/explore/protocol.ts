/** What the page and the worker of a search tell each other. Plain data. */
import type { Problem } from "../protocol.ts";
import type { CompareSpaces } from "../views/compare/types.ts";
import type { Counts, OpGroup, Vste } from "./universe.ts";

export interface Choice<Id extends string = string> {
  id: Id;
  title: string;
}

/** What can be chosen, and what is chosen unless somebody says otherwise. */
export interface ExploreOptions {
  machine: string;
  invariants: (Choice & { says: string })[];
  ops: Choice<OpGroup>[];
  vstes: Vste[];
  /** Devices of the world; the first ones are in it unless said otherwise. */
  devices: { name: string; bdf: string }[];
  /** `0x8000000-0x8000fff`. */
  blocks: string[];
  /** Steps that are run before the search. */
  given: number;
  start: ExploreWorld;
}

export interface ExploreWorld {
  counts: Counts;
  ops: OpGroup[];
  vstes: Vste[];
  /** By name. */
  devices: string[];
  /** As `ExploreOptions.blocks` writes them. */
  blocks: string[];
}

export interface ExplorePlan {
  look:
    | { kind: "difference"; kernels: readonly [string, string] }
    | { kind: "violation"; kernel: string; invariants: string[] };
  /** Text of the scenario whose world it is; null: the world of the options. */
  from: string | null;
  world: ExploreWorld;
  /** Longest sequence. */
  depth: number;
}

export interface ExploreProgress {
  states: number;
  /** Steps tried. */
  edges: number;
  /** Length of the sequences that are tried now. */
  depth: number;
  /** Bytes held for states. */
  bytes: number;
  /** States whose steps were all tried. */
  expanded: number;
  /** Every sequence up to this length was tried. */
  complete: number;
  /** No other state can be reached at all. */
  exhausted: boolean;
  done: boolean;
}

export interface ExploreFound {
  /** The sequence as a scenario, canonical text. */
  text: string;
  /** `VFIO_DEVICE_ATTACH_IOMMUFD_PT D1 pt=H1`, with its actor. */
  steps: { actor: string; text: string }[];
  /** What each kernel saw or changed in the last step and the other did not; or what is wrong. */
  says: { kernel: string; text: string }[];
  /** Title of the invariant that breaks; null for a difference. */
  invariant: string | null;
  /** A step after it in whose result the difference shows, when the last one tells no program; null otherwise. */
  shownBy: { text: string; says: string[] } | null;
}

/** What a search came to so far, to take along. */
export interface ExploreReport {
  title: string;
  /** One of them where a rule was asked for. */
  kernels: string[];
  /** How far it went, a sentence or two. */
  where: string;
  /** The page for a mail: 7-bit, 72 columns. */
  text: string;
  /** The steps with the answer of every kernel; where nothing was found the counts. The head first. */
  table: string[][];
  /** The address spaces of the two kernels after the last step; null when there is nothing to compare. */
  spaces: CompareSpaces | null;
}

export interface ExploreApi {
  /** `from`: a scenario whose world is used. */
  options(from: string | null): Promise<{ ok: true; value: ExploreOptions } | { ok: false; problem: Problem }>;
  /** A search that runs is given up. */
  begin(plan: ExplorePlan): Promise<{ ok: true } | { ok: false; problem: Problem }>;
  /** Tries the steps of so many states more. */
  advance(states: number): ExploreProgress | Promise<ExploreProgress>;
  /** What was found; null when nothing was. */
  found(): ExploreFound | null | Promise<ExploreFound | null>;
  /** Operations that the model refuses by name, with the sentence: they were not followed. */
  refused(): string[] | Promise<string[]>;
  /** Null before the first search. */
  report(): Promise<ExploreReport | null>;
}
