/** Several kernels beside each other. Plain data for the screen and for `lab compare`. */
import type { Actor, Band, IntervalKind, Outcome, TraceEntry } from "../types.ts";

export type FactKind = "out" | "reserved" | "mapped" | "table" | "stream" | "msi" | "attached" | "event";

/** Something that the program, the device or the tables can tell. */
export interface CompareFact {
  kind: FactKind;
  /** `+` came with the step, `-` went, empty: an answer. */
  sign: "+" | "-" | "";
  /** `ioas:2 reserves 0x8000000-0x80fffff for D1`, `msi=0x8090040`. */
  text: string;
  /** The same for a narrow column, without what the row says anyway. */
  short: string;
}

export interface CompareCell {
  outcome: Outcome;
  /** What the program saw: `EADDRINUSE`, `2 ranges`. */
  result: string;
  facts: CompareFact[];
  /** Differs from the first kernel in result or in a fact. */
  differs: boolean;
}

export interface CompareRow {
  /** 1-based. */
  step: number;
  actor: Actor;
  prefix: string;
  op: string;
  args: string;
  /** One a kernel, in the order asked; null = the scenario does not start there. */
  cells: (CompareCell | null)[];
  differs: boolean;
}

export interface CompareView {
  /** `problem`: why the scenario does not start on it, in a sentence; null = it runs. */
  columns: { kernel: string; problem: string | null }[];
  /** Steps of the scenario. */
  steps: number;
  /** Rows for steps from + 1 to from + rows.length. */
  from: number;
  rows: CompareRow[];
}

/** What one kernel's step did, with the other's beside it. */
export interface CompareTraces {
  step: number;
  a: { kernel: string; entries: TraceEntry[]; result: string };
  b: { kernel: string; entries: TraceEntry[]; result: string };
  /** Indices into the entries, -1 = nothing there. Aligned: equal entries stand in one row. */
  rows: { a: number; b: number; same: boolean }[];
  /** Row where the kernels first go different ways, memory accesses aside; -1 = nowhere. */
  first: number;
  /** Row of the first check that differs; -1 = none. */
  check: number;
}

/** A stretch of a track: what both kernels have there, or only one of them. Both ends inclusive. */
export interface ComparePart {
  start: bigint;
  last: bigint;
  kind: IntervalKind;
  label: string;
  in: "both" | "a" | "b";
}

export interface CompareTrack {
  id: string;
  band: Band["id"];
  label: string;
  sub: string;
  ref: string;
  /** Which kernel has the track at all. */
  a: boolean;
  b: boolean;
  /** Ascending; parts of different kinds may overlap. */
  parts: ComparePart[];
  equal: boolean;
}

export interface CompareSpaces {
  step: number;
  a: string;
  b: string;
  tracks: CompareTrack[];
}
