/**
 * What counts as observable: what a program or a device is told by a step, and what the step changed of reservations, areas,
 * doorbells, MSI addresses and attachments (views/digest.ts). Table bits and stream table entries do not count.
 */
import type { StepResult } from "../sim/result.ts";
import { seenText } from "../sim/run.ts";
import { type Digest, digest } from "../views/digest.ts";
import type { World } from "../sim/world.ts";

export type { Digest } from "../views/digest.ts";

export const factsOf = (world: World): Digest => digest(world);

/** `+ ioas:2 reserves ...`, `- dev:D1 is attached to ...`, sorted. */
export function changes(before: Digest, after: Digest): string[] {
  const list: string[] = [];
  for (const fact of after.keys()) if (!before.has(fact)) list.push(`+ ${fact}`);
  for (const fact of before.keys()) if (!after.has(fact)) list.push(`- ${fact}`);
  return list.sort();
}

/** `errno=EINVAL`, `msi=0x8000040`; without physical addresses of memory. */
export function told(result: StepResult): string[] {
  return Object.entries(result.seen).flatMap(([name, value]) => (name === "pa" ? [] : [`${name}=${seenText(value)}`]));
}
