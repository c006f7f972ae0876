/** What a search is asked, and what it answers. */
import type { MachineDesc } from "../../hw/machine.ts";
import type { ResolvedProfile } from "../kernel/profile.ts";
import type { Step } from "../sim/scenario/types.ts";
import type { Invariant } from "./invariants/types.ts";
import type { Universe } from "./universe.ts";

export interface Question {
  universe: Universe;
  machine: MachineDesc;
  /** Two for a difference; one with invariants. */
  kernels: readonly ResolvedProfile[];
  /** The first one that breaks is the answer; empty = look for a difference. */
  invariants: readonly Invariant[];
  /** Longest sequence. */
  depth: number;
  /** False: devices of one kind are not taken for each other. */
  symmetry?: boolean;
}

/** A shortest sequence. */
export interface Found {
  steps: Step[];
  /** Id of the invariant that breaks. */
  invariant: string | null;
  /** What each kernel saw and changed in the last step and the others did not; or what is wrong. One text a kernel. */
  says: string[];
}
