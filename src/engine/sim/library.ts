/** Scenarios as a library: what is known of one before it is opened. */
import type { ScenarioInfo } from "../views/types.ts";
import type { Scenario } from "./scenario/types.ts";

export interface ScenarioSource {
  /** File name without its ending. */
  readonly id: string;
  /** The text form, or how to fetch it. */
  readonly text: string | (() => Promise<string>);
}

/** What a list shows of a scenario. */
export function scenarioInfo(id: string, s: Scenario): ScenarioInfo {
  return { id, title: s.title, source: s.source, question: s.question, machine: s.machine, kernels: [...s.kernels] };
}
