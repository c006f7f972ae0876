/**
 * Steps whose code comes in a chunk of its own, because few scenarios have them. What is remembered here is code that has
 * arrived, never state of a world.
 */
import type { Args } from "../args.ts";
import type { Bare } from "../result.ts";
import type { World } from "../world.ts";

type Runner = (world: World, args: Args) => Bare;

const arrived: { designs: Runner | null } = { designs: null };

/** Called by whoever fetched the chunk. */
export function provideDesignRunner(run: Runner): void {
  arrived.designs = run;
}

/** A step of a design, or one that says what a program wants. The reader of a scenario fetches the code before (`needsDesigns`). */
export function runDesignStep(world: World, args: Args): Bare {
  if (arrived.designs === null) throw new Error(`the code of ${args.op.name} was not fetched`);
  return arrived.designs(world, args);
}
