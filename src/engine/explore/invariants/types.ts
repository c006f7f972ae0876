/** A rule that every step of every kernel should keep. */
import type { StepResult } from "../../sim/result.ts";
import type { Step } from "../../sim/scenario/types.ts";
import type { World } from "../../sim/world.ts";

/** What is kept of the world before a step; null for rules that look at the world after it only. */
export type Memory = object | null;

export interface Invariant {
  /** `reserved-unmapped`. */
  readonly id: string;
  /** A few words. */
  readonly title: string;
  /** What holds, in a sentence. */
  readonly says: string;
  /** Looks at a world before steps are tried from it. */
  readonly before?: (world: World) => Memory;
  /** After a step: what is wrong, in words; null when the rule holds. For reading only. */
  readonly broken: (world: World, step: Step, result: StepResult, before: Memory) => string | null;
}
