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

/** By id, or by a part of the id or the title that only one of them has: `replace`, `reserved region`. */
export function invariantById(name: string): Invariant | undefined {
  const exact = INVARIANTS.find((one) => one.id === name);
  const part = name.trim().toLowerCase().replaceAll(" ", "-");
  if (exact !== undefined || part === "") return exact;
  const like = INVARIANTS.filter(
    ({ id, title }) => id.includes(part) || title.toLowerCase().replaceAll(" ", "-").includes(part),
  );
  return like.length === 1 ? like[0] : undefined;
}
