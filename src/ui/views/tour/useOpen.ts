import { useLab } from "../../app/context.ts";
import type { Place } from "../../tours/types.ts";

/** Whether the stop's scenario is on screen: elsewhere its steps mean nothing. */
export function useOpen(at: Place): boolean {
  return useLab((s) => s.opened?.scenario.id === at.scenario);
}
