/** Tells now and then how far a long replay is. */
import type { Witness } from "./playable.ts";
import type { Scenario } from "./scenario/types.ts";

/** Records between two reports. */
const EVERY = 64;

export function reporting(
  watch: (scenario: Scenario) => Witness,
  total: number,
  told: ((done: number, total: number) => void) | undefined,
): (scenario: Scenario) => Witness {
  if (told === undefined) return watch;
  return (scenario) => {
    const seen = watch(scenario);
    return (world, step, result) => {
      seen(world, step, result);
      if (step % EVERY === 0 || step === total) told(step, total);
    };
  };
}
