/**
 * Two devices of one kind may change places: a sequence of steps and the same one with their names exchanged lead to worlds
 * that differ in nothing but which of the two is which. The search counts both as one state.
 *
 * The other world is not written down by renaming things in the first one, which would have to know every place where a
 * device leaves a mark. A second world of each kernel runs the exchanged steps, and its state has a number like any other:
 * states are one when they have the same pair of numbers. It runs only for states that are new.
 */
import type { MachineDesc } from "../../hw/machine.ts";
import type { FunctionDesc } from "../../hw/pci/function.ts";
import { iommu_get_resv_regions } from "../kernel/iommu/core.ts";
import { NotModelled } from "../kernel/not_modelled.ts";
import type { StepResult } from "../sim/result.ts";
import type { Step, Value } from "../sim/scenario/types.ts";
import type { World } from "../sim/world.ts";
import { virtualId } from "./moves.ts";
import type { Side } from "./side.ts";
import type { Universe } from "./universe.ts";

/** Names of the first two devices that may change places. */
export type Pair = readonly [string, string];

/** Null when no two devices are of one kind, or a given step names one that is. */
export function alike(world: World, u: Universe, machine: MachineDesc): Pair | null {
  const names = u.devices.map((d) => d.name);
  for (const [i, a] of names.entries())
    for (const b of names.slice(i + 1)) {
      const given = u.given.some((s) => Object.values(s.args).some((v) => v.k === "name" && (v.v === a || v.v === b)));
      const looks = [a, b].map((name) => look(world, machine, name));
      if (!given && looks[0] !== null && looks[0] === looks[1]) return [a, b];
    }
  return null;
}

/**
 * All that a step of the search may tell a device from another one by; null where it is not alone in its group. Where it
 * sits in the slots decided over groups when the machine was booted, and nothing since.
 */
function look(world: World, machine: MachineDesc, name: string): string | null {
  const d = world.devices.get(name);
  const pdev = world.kernel.platform?.pci.get(d?.bdf ?? "");
  const desc = machine.functions.find((f) => f.bdf === d?.bdf);
  if (d === undefined || pdev === undefined || desc === undefined) return null;
  const { dev } = pdev;
  if (dev.iommu_group?.devices.length !== 1 || desc.sids?.length !== 1) return null;
  const regions = iommu_get_resv_regions(world.kernel, dev).map((r) => `${r.start} ${r.length} ${r.type} ${r.prot}`);
  const { max_pasids, require_direct, msi_isolated } = dev;
  const caps = `${max_pasids} ${String(require_direct)} ${String(msi_isolated)} ${pdev.driver}`;
  return [config(desc), desc.smmu, desc.driver, caps, d.fd >= 0, ...regions].join("|");
}

/** Configuration space without where the BARs were put. */
const config = ({ config: hex, bars }: FunctionDesc): string =>
  `${hex.slice(0, 32)} ${hex.slice(80)} ${bars.map((b) => `${b.index} ${b.kind} ${b.last - b.start}`).join()}`;

/** The devices were taken for alike, and a step told otherwise: the search has to be made without. */
export class NotAlike extends Error {}

/** States by number, each with that of the exchanged world, for every kernel. */
export class Twins {
  private readonly pair: Pair;
  private readonly worlds: readonly Side[];
  private readonly virtualIds: ReadonlyMap<string, bigint>;
  /** By kernel, then by state. */
  private readonly of: number[][];

  /** `worlds`: of each kernel one more, at the start, with the numbers of the first. */
  constructor(pair: Pair, u: Universe, worlds: readonly Side[]) {
    this.pair = pair;
    this.worlds = worlds;
    this.virtualIds = new Map(u.devices.map((d, i) => [d.name, virtualId(i)]));
    this.of = worlds.map(() => []);
    for (const [i, world] of worlds.entries()) {
      world.mark(0);
      const start = world.state(0);
      this.set(i, start, start);
    }
  }

  knows(kernel: number, state: number): boolean {
    return this.of[kernel]?.[state] !== undefined;
  }

  twin(kernel: number, state: number): number {
    const twin = this.of[kernel]?.[state];
    if (twin === undefined) throw new Error(`state ${state} has no twin`);
    return twin;
  }

  set(kernel: number, a: number, b: number): void {
    const of = this.of[kernel] ?? [];
    of[a] = b;
    of[b] = a;
  }

  /** Finds the twin of a state that a step led to at the end of a path. */
  learn(kernel: number, state: number, path: readonly Step[], step: Step, result: StepResult): void {
    const world = this.worlds[kernel];
    if (world === undefined) throw new Error(`no kernel ${kernel}`);
    world.goTo(path, (one) => this.exchanged(one));
    let other: StepResult;
    try {
      other = world.run(this.exchanged(step));
    } catch (e) {
      if (e instanceof NotModelled) throw new NotAlike(e.message);
      throw e;
    }
    if (other.outcome !== result.outcome || other.errno !== result.errno) throw new NotAlike(this.pair.join(" and "));
    this.set(kernel, state, world.state(path.length));
    world.back(path.length);
  }

  /** Writes the lesser one of the states and their twins. */
  canonical(states: Uint32Array): void {
    const { of } = this;
    for (let i = 0; i < states.length; i++) {
      const mine = states[i] ?? 0;
      const twin = of[i]?.[mine] ?? mine;
      if (mine === twin) continue;
      if (twin < mine) for (let j = 0; j < states.length; j++) states[j] = this.twin(j, states[j] ?? 0);
      return;
    }
  }

  private exchanged(step: Step): Step {
    const args: Record<string, Value> = {};
    for (const [name, value] of Object.entries(step.args)) args[name] = this.exchangedValue(value);
    const dev = args["dev"];
    const id = dev?.k === "name" && args["virt_id"] !== undefined ? this.virtualIds.get(dev.v) : undefined;
    if (id !== undefined) args["virt_id"] = { k: "int", v: id };
    return { ...step, args };
  }

  private exchangedValue(value: Value): Value {
    const [a, b] = this.pair;
    if (value.k !== "name" || (value.v !== a && value.v !== b)) return value;
    return { ...value, v: value.v === a ? b : a };
  }
}
