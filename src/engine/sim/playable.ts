/** What pictures and comparisons need of something that ran: a scenario on a kernel, or a recording. */
import type { StepResult } from "./result.ts";
import type { Scenario } from "./scenario/types.ts";
import type { World } from "./world.ts";

export interface CheckResult {
  /** 1-based step. */
  step: number;
  /** `msi=0x8000040`. */
  text: string;
  holds: boolean;
  /** What was seen instead, in the same words; empty when it holds. */
  instead: string;
}

/** Told of the world after each step, and of step 0 after the given ones; may look, must not change or keep it. */
export type Witness = (world: World, step: number, result: StepResult | null) => void;

export interface Playable {
  readonly kernel: string;
  readonly scenario: Scenario;
  /** Of the steps, without the given ones. Long ones keep few traces: `result` has them all. */
  readonly results: readonly StepResult[];
  /** The result of a step (1-based) with its trace. */
  result(step: number): StepResult | undefined;
  /** The world after `step` steps, for reading only; 0 = after the given ones. */
  world(step: number): World;
  /** A copy of it that may be changed. */
  live(step: number): World;
  checks(): CheckResult[];
}
