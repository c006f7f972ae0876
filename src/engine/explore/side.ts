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
import { Words } from "./words.ts";

/** Memory up to this size has its page frames before the search starts, so that they are the same in every state. */
const FILLED = 1n << 20n;
const SCRATCH = 0x10000;

export class Side {
  readonly world: World;
  readonly store: KeyStore;
  readonly words: Words;
  private readonly checkpoints: Checkpoints;
  private readonly keys: StateKeys;
  private readonly marks: { checkpoint: Checkpoint; state: number }[] = [];
  /** Numbers of the objects that differ from the start now. */
  private changed: readonly number[] = [];

  /** Steps of the path whose moments are kept. */
  private path: readonly Step[] = [];

  private constructor(world: World, { store, words }: { store: KeyStore; words: Words }) {
    this.world = world;
    this.store = store;
    this.words = words;
    this.checkpoints = new Checkpoints(world);
    this.keys = new StateKeys(world, this.checkpoints, words);
  }

  /** A sentence where the scenario cannot start. `like`: another world of the same start, with which it shares numbers. */
  static start(scenario: Scenario, profile: ResolvedProfile, machine: MachineDesc, like?: Side): Side | string {
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
    return new Side(world, like ?? { store: new KeyStore(), words: new Words() });
  }

  /** Brings the world to the end of a path; what it shares with the one before, by identity of the steps, is not run again. `as`: what is run for a step. */
  goTo(path: readonly Step[], as: (step: Step) => Step = (step) => step): void {
    let shared = 0;
    while (shared < path.length && shared < this.path.length && path[shared] === this.path[shared]) shared++;
    this.back(shared);
    for (const [i, step] of path.entries()) {
      if (i < shared) continue;
      this.run(as(step));
      this.mark(i + 1);
    }
    this.path = [...path];
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

  /** Objects of the start. */
  get objects(): number {
    return this.checkpoints.objects.length;
  }

  /** Bytes held for states. */
  get bytes(): number {
    return this.store.bytes;
  }
}
