/** One kernel of a search: its live world, the moments that it can go back to, and numbers for its states. */
import type { MachineDesc } from "../../hw/machine.ts";
import { copy_to_mm } from "../kernel/mm/uaccess.ts";
import type { ResolvedProfile } from "../kernel/profile.ts";
import { execute } from "../sim/execute.ts";
import type { StepResult } from "../sim/result.ts";
import type { Scenario, Step } from "../sim/scenario/types.ts";
import { makeWorld, type World } from "../sim/world.ts";
import { type Checkpoint, Checkpoints } from "./checkpoint.ts";
import { KeyStore } from "./key_store.ts";
import { forgetDead } from "./moves.ts";
import { StateKeys } from "./state_key.ts";

/** Memory up to this size has its page frames before the search starts, so that they are the same in every state. */
const FILLED = 1n << 20n;
const SCRATCH = 0x10000;

export class Side {
  readonly world: World;
  readonly store = new KeyStore();
  private readonly checkpoints: Checkpoints;
  private readonly keys: StateKeys;
  private readonly marks: { checkpoint: Checkpoint; state: number }[] = [];
  /** Numbers of the objects that differ from the start now. */
  private changed: readonly number[] = [];

  private constructor(world: World) {
    this.world = world;
    this.checkpoints = new Checkpoints(world);
    this.keys = new StateKeys(world, this.checkpoints);
  }

  /** A sentence where the scenario cannot start. */
  static start(scenario: Scenario, profile: ResolvedProfile, machine: MachineDesc): Side | string {
    const world = makeWorld(scenario, profile, machine);
    if (typeof world === "string") return world;
    const { kernel: k, vmm } = world;
    copy_to_mm(k, vmm.mm, world.scratch, new Uint8Array(SCRATCH));
    for (const m of world.memory.values())
      if (m.length <= FILLED) copy_to_mm(k, vmm.mm, m.va, new Uint8Array(Number(m.length)).fill(0xa5));
    for (const step of scenario.given) {
      const result = execute(world, step, false);
      if (result.outcome !== "ok") return `the given step ${step.op} fails with ${result.summary}`;
    }
    return new Side(world);
  }

  run(step: Step): StepResult {
    const result = execute(this.world, step, false);
    forgetDead(this.world);
    return result;
  }

  /** Number of the state that the world is in, after one step from the moment at `depth`. */
  state(depth: number): number {
    const difference = this.checkpoints.difference();
    this.changed = difference.changed;
    const mark = this.marks[depth];
    if (mark !== undefined && this.keys.equals(mark.checkpoint, difference)) return mark.state;
    return this.store.number(this.keys.key(difference));
  }

  /** Remembers this moment as the one at `depth`; deeper ones are forgotten. */
  mark(depth: number): void {
    const difference = this.checkpoints.difference();
    this.changed = difference.changed;
    this.marks.length = depth;
    const state = this.store.number(this.keys.key(difference));
    this.marks.push({ checkpoint: this.checkpoints.save(difference), state });
  }

  /** The world is taken back to a moment; those behind it are kept. `state` or `mark` must have been the last call. */
  back(depth: number): void {
    const to = this.marks[depth];
    if (to === undefined) throw new Error(`no moment ${depth}`);
    this.checkpoints.restore(to.checkpoint, this.changed);
    this.changed = [...to.checkpoint.changed.keys()];
  }

  /** After a step that threw: what it changed is not known. */
  look(): void {
    this.changed = this.checkpoints.difference().changed;
  }

  /** Bytes held for states. */
  get bytes(): number {
    return this.store.bytes;
  }
}
