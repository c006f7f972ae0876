/** What two scenarios have in common: then one need not run again what the other ran. */
import { printDeclared, printStep } from "./scenario/print.ts";
import type { Scenario } from "./scenario/types.ts";

/** Steps at the beginning that say the same in both; 0 where the machine, what is declared or what is given differs. */
export function sameSteps(a: Scenario, b: Scenario): number {
  if (a.machine !== b.machine || startOf(a) !== startOf(b)) return 0;
  const most = Math.min(a.steps.length, b.steps.length);
  for (let i = 0; i < most; i++) {
    const [x, y] = [a.steps[i], b.steps[i]];
    if (x === undefined || y === undefined || (x !== y && printStep(x) !== printStep(y))) return i;
  }
  return most;
}

/** Whether both start in the same world. */
export function sameStart(a: Scenario, b: Scenario): boolean {
  return a.machine === b.machine && startOf(a) === startOf(b);
}

const startOf = (s: Scenario): string => [...printDeclared(s), ...s.given.map(printStep)].join("\n");
