import { beforeAll, describe, expect, test } from "vitest";
import { loadKernels } from "../../cli/engine.ts";
import { PLAIN } from "../presets/plain.ts";
import type { Kernels } from "../sim/kernels.ts";
import type { Step } from "../sim/scenario/types.ts";
import { told } from "./facts.ts";
import { moves, stepKey } from "./moves.ts";
import { Side } from "./side.ts";
import { DEFAULT_UNIVERSE, scenarioOf, type Universe } from "./universe.ts";

let kernels: Kernels;
beforeAll(async () => {
  kernels = await loadKernels();
});

const TWO_OF_EACH: Universe = {
  ...DEFAULT_UNIVERSE,
  devices: [
    { name: "D1", bdf: "0000:00:03.0" },
    { name: "D2", bdf: "0000:01:00.0" },
  ],
  counts: { ioas: 2, hwpt: 2, parent: 1, viommu: 1, nested: 1, vdevice: 1, fault: 1 },
  ops: [
    "bind",
    "attach",
    "detach",
    "map",
    "unmap",
    "irqs",
    "irqs-early",
    "irqs-off",
    "msi",
    "dma",
    "destroy",
    "ranges",
  ],
};

function sideOf(kernel: string): Side {
  const profile = kernels.resolve(kernel, true);
  if (profile === undefined) throw new Error(kernel);
  const side = Side.start(scenarioOf(TWO_OF_EACH, [], { title: "", question: "" }, []), profile, PLAIN);
  if (typeof side === "string") throw new Error(side);
  side.mark(0);
  return side;
}

/** The same numbers on every run. */
function dice(seed: number): (n: number) => number {
  let x = seed;
  return (n) => {
    x = (Math.imul(x, 1664525) + 1013904223) | 0;
    return (x >>> 8) % n;
  };
}

function goTo(side: Side, path: readonly Step[]): void {
  side.look();
  side.back(0);
  for (const step of path) side.run(step);
  side.mark(1);
}

/** What every move gives and where it leads, whatever the labels. */
function futures(side: Side, path: readonly Step[]): string[] {
  goTo(side, path);
  const out: string[] = [];
  for (const step of moves(side.world, TWO_OF_EACH)) {
    const result = side.run(step);
    const heard = told(result).filter((fact) => !fact.startsWith("id="));
    const kind = stepKey({ ...step, label: "" }).replaceAll(/"(I|H|P|V|N|VD)\d+"/g, '"$1"');
    out.push(`${kind} ${heard.join()} -> ${side.state(1)}`);
    side.back(1);
  }
  return out.sort();
}

describe.each(["linux-7.2", "linux-6.12", "sw-msi-at-alloc-2024-07"])("%s", (kernel) => {
  test("states of one key have the same future, whatever led there", () => {
    const side = sideOf(kernel);
    const roll = dice(7);
    const known = new Map<number, Step[]>();
    const pairs: [Step[], Step[]][] = [];
    for (let walk = 0; walk < 20; walk++) {
      const path: Step[] = [];
      for (let i = 0; i < 12; i++) {
        goTo(side, path);
        const list = moves(side.world, TWO_OF_EACH);
        const step = list[roll(list.length)];
        if (step === undefined) break;
        const before = side.state(1);
        side.run(step);
        const state = side.state(1);
        if (state !== before) path.push(step);
        const old = known.get(state);
        if (old === undefined) known.set(state, [...path]);
        else if (state !== before && old.map(stepKey).join() !== path.map(stepKey).join()) pairs.push([old, [...path]]);
      }
    }
    expect(pairs.length).toBeGreaterThan(10);
    const chosen = pairs.filter((_, i) => i % Math.ceil(pairs.length / 8) === 0);
    for (const [a, b] of chosen) expect(futures(side, b)).toEqual(futures(side, a));
  }, 60_000);

  test("which of two like objects was made first does not matter", () => {
    const side = sideOf(kernel);
    const vmm = (op: string, args: Record<string, string>, label?: string): Step => ({
      actor: "vmm",
      op,
      ...(label === undefined ? {} : { label }),
      args: Object.fromEntries(Object.entries(args).map(([k, v]) => [k, { k: "name" as const, v }])),
      checks: [],
    });
    const bind = (dev: string): Step => vmm("VFIO_DEVICE_BIND_IOMMUFD", { dev });
    const ioas = (label: string): Step => vmm("IOMMU_IOAS_ALLOC", {}, label);
    const hwpt = (label: string, dev: string, pt: string): Step => vmm("IOMMU_HWPT_ALLOC", { dev, pt }, label);
    const attach = (dev: string, pt: string): Step => vmm("VFIO_DEVICE_ATTACH_IOMMUFD_PT", { dev, pt });
    const at = (path: Step[]): number => {
      goTo(side, path);
      return side.state(1);
    };
    expect(at([bind("D1"), ioas("I1"), ioas("I2"), hwpt("H1", "D1", "I2")])).toBe(
      at([ioas("I1"), bind("D1"), hwpt("H1", "D1", "I1"), ioas("I2")]),
    );
    expect(at([bind("D1"), bind("D2"), ioas("I1"), ioas("I2"), attach("D1", "I1"), attach("D2", "I2")])).toBe(
      at([ioas("I1"), bind("D2"), bind("D1"), attach("D2", "I1"), ioas("I2"), attach("D1", "I2")]),
    );
    expect(at([bind("D1"), ioas("I1"), ioas("I2"), attach("D1", "I1")])).not.toBe(
      at([bind("D1"), ioas("I1"), ioas("I2")]),
    );
  });
});
