/** The checks of one scenario on every kernel that it names. */
import type { ScenarioChecks } from "../views/types.ts";
import type { KernelShelf } from "./kernels.ts";
import type { MachineSource } from "./machine_sources.ts";
import { Run } from "./run.ts";
import type { Scenario } from "./scenario/types.ts";

export async function checked(
  id: string,
  scenario: Scenario,
  parts: { kernels: KernelShelf; machines: readonly MachineSource[] },
): Promise<ScenarioChecks> {
  const machine = await parts.machines.find((m) => m.id === scenario.machine)?.load();
  const kernels: ScenarioChecks["kernels"] = [];
  for (const kernel of scenario.kernels) {
    const profile = await parts.kernels.resolve(kernel, true);
    const run =
      profile === undefined
        ? "this kernel is unknown"
        : machine === undefined
          ? `machine "${scenario.machine}" is unknown`
          : Run.start(scenario, profile, machine);
    if (typeof run === "string") kernels.push({ kernel, checks: 0, failed: [], problem: run });
    else {
      const checks = run.checks();
      const failed = checks.filter((c) => !c.holds).map((c) => `step ${c.step}: ${c.text}, but ${c.instead}`);
      kernels.push({ kernel, checks: checks.length, failed, problem: null });
    }
  }
  return { id, steps: scenario.steps.length, kernels };
}
