/**
 * Steps whose code comes in a chunk of its own, because few scenarios have them. What is remembered here is code that has
 * arrived, never state of a world.
 */
import type { Args } from "../args.ts";
import type { Bare } from "../result.ts";
import { type OpDef, provideOps } from "../scenario/ops.ts";
import type { World } from "../world.ts";

export type Runner = (world: World, args: Args) => Bare | null;

const arrived = new Map<OpDef, Runner>();

/** Called by whoever fetched the chunk. */
export function provideSteps(ops: readonly OpDef[], run: Runner): void {
  provideOps(ops);
  for (const op of ops) arrived.set(op, run);
}

/** Runs a step whose code came late; null for one of the core. */
export function runLate(world: World, args: Args): Bare | null {
  return arrived.get(args.op)?.(world, args) ?? null;
}
