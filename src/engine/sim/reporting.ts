/** Tells now and then how far a long replay is. */
import type { Witness } from "./playable.ts";
import type { Scenario } from "./scenario/types.ts";

/** Reports on a whole replay, at most. */
const REPORTS = 200;

export function reporting(
  watch: (scenario: Scenario) => Witness,
  total: number,
  told: ((done: number, total: number) => void) | undefined,
): (scenario: Scenario) => Witness {
  if (told === undefined) return watch;
  const every = Math.ceil(total / REPORTS);
  return (scenario) => {
    const seen = watch(scenario);
    return (world, step, result) => {
      seen(world, step, result);
      if (step % every === 0 || step === total) told(step, total);
    };
  };
}
