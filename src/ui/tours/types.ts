/** A tour is plain data: what is told, and where the simulator stands while it is told. */
import type { ViewId } from "../app/stage.ts";

export type StopKind = "question" | "world" | "alternative" | "objection" | "consequence" | "merged" | "decide";

export interface Tour {
  id: TourId;
  title: string;
  stops: readonly Stop[];
}

export type TourId = "sw-msi" | "ioasid" | "pci-windows" | "resv" | "replace";

export interface Stop {
  /** Unique within its tour. */
  id: string;
  kind: StopKind;
  title: string;
  /** Plain words, one paragraph each. Nothing in it is a quotation. */
  text: readonly string[];
  /** The kernel that the stop is about: its card says date, reference and what it changes. */
  about?: string;
  /** An objection in the data of a kernel: the one whose `who` begins so. Who, what and reference are shown from there. */
  objection?: { kernel: string; who: string };
  at: Place;
  /** Kernels whose answers to the step stand beside each other; each can be pressed. */
  answers: readonly string[];
  /** What can be seen there. Each is tested against the engine. */
  facts: readonly Fact[];
}

/** Where the simulator stands. */
export interface Place {
  scenario: string;
  kernel: string;
  /** 0 = before the first. */
  step: number;
  /** What the step's line in the scenario begins with, without the label: it guards the number. Absent at step 0. */
  op?: string;
  /** The kernel drawn as a ghost. */
  compare?: string;
  select?: string;
  stage?: readonly ViewId[];
  /** Compare over the whole stage, with these columns. */
  columns?: readonly string[];
}

export interface Fact {
  kernel: string;
  step: number;
  /** In the words of a scenario's `expect`: `EADDRINUSE`, `msi=0x8000040 delivered=1`. */
  check: string;
  /** What that means, a short sentence. */
  says: string;
}
