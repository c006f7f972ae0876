/** Scenarios and kernels for tests, as the command line loads them. */
import { loadKernels, loadScenarios } from "../../cli/engine.ts";
import { machineById } from "../sim/machines.ts";
import { Run } from "../sim/run.ts";
import { parseScenario } from "../sim/scenario/parse.ts";
import type { Scenario } from "../sim/scenario/types.ts";

export const kernels = await loadKernels();
export const library = loadScenarios();

/** The kernels of discussion 0, oldest rule first. */
export const FOUR = ["linux-6.11", "sw-msi-at-alloc-2024-07", "linux-6.12", "linux-7.2"] as const;

export function scenario(id: string): Scenario {
  const text = library.find((s) => s.id === id)?.text;
  if (text === undefined) throw new Error(`no scenario ${id}`);
  return parsed(text);
}

export function parsed(text: string): Scenario {
  const result = parseScenario(text);
  if (!result.ok) throw new Error(result.problem.message);
  return result.value.scenario;
}

export function start(what: Scenario, kernel: string): Run {
  const profile = kernels.resolve(kernel, true);
  const machine = machineById(what.machine);
  if (profile === undefined || machine === undefined) throw new Error(`no kernel ${kernel} or machine ${what.machine}`);
  const run = Run.start(what, profile, machine);
  if (typeof run === "string") throw new Error(run);
  return run;
}
