/** Every named invariant. */
import { dmaStaysInside, failedCallsChangeNothing, ioasStaysUsable, msiKeepsWorking, msiReaches } from "./calls.ts";
import { nothingLeaks } from "./leaks.ts";
import { detachGivesBack, reservedUnmapped } from "./regions.ts";
import type { Invariant } from "./types.ts";

export const INVARIANTS: readonly Invariant[] = Object.freeze([
  reservedUnmapped,
  msiReaches,
  msiKeepsWorking,
  failedCallsChangeNothing,
  detachGivesBack,
  ioasStaysUsable,
  nothingLeaks,
  dmaStaysInside,
]);

export function invariantById(id: string): Invariant | undefined {
  return INVARIANTS.find((one) => one.id === id);
}
