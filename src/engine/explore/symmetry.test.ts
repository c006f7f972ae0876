import { beforeAll, describe, expect, test } from "vitest";
import { loadKernels } from "../../cli/engine.ts";
import { PLAIN } from "../presets/plain.ts";
import type { Kernels } from "../sim/kernels.ts";
import { makeWorld } from "../sim/world.ts";
import { printStep } from "../sim/scenario/print.ts";
import { parseScenario } from "../sim/scenario/parse.ts";
import { Explorer } from "./explorer.ts";
import { invariantById } from "./invariants/all.ts";
import type { Question } from "./question.ts";
import { alike } from "./symmetry.ts";
import { type Counts, DEFAULT_UNIVERSE, type OpGroup, scenarioOf, type Universe } from "./universe.ts";

let kernels: Kernels;
beforeAll(async () => {
  kernels = await loadKernels();
});

const D1 = { name: "D1", bdf: "0000:00:03.0" };
const LIKE_D1 = { name: "D2", bdf: "0000:00:04.1" };
const OTHER = { name: "D2", bdf: "0000:01:00.0" };
const NONE: Counts = { ioas: 1, hwpt: 0, parent: 0, viommu: 0, nested: 0, vdevice: 0, fault: 1 };

function two(counts: Partial<Counts>, ops: OpGroup[], second = LIKE_D1): Universe {
  return { ...DEFAULT_UNIVERSE, devices: [D1, second], counts: { ...NONE, ...counts }, ops: ["bind", ...ops] };
}

function search(ids: string[], universe: Universe, depth: number, symmetry: boolean, invariant?: string): Explorer {
  const one = invariantById(invariant ?? "");
  const q: Question = {
    universe,
    machine: PLAIN,
    kernels: ids.map((id) => kernels.resolve(id, true)).filter((p) => p !== undefined),
    invariants: invariant === undefined || one === undefined ? [] : [one],
    depth,
    symmetry,
  };
  const explorer = Explorer.start(q);
  if (typeof explorer === "string") throw new Error(explorer);
  while (explorer.run(50));
  return explorer;
}

const pairOf = (u: Universe): unknown => {
  const profile = kernels.resolve("linux-7.2", true);
  if (profile === undefined) throw new Error("no kernel");
  const world = makeWorld(scenarioOf(u, [], { title: "", question: "" }, []), profile, PLAIN);
  if (typeof world === "string") throw new Error(world);
  return alike(world, u, PLAIN);
};

test("devices of a kind: the same functions alone in their groups, and no given step tells them apart", () => {
  expect(pairOf(two({}, []))).toEqual(["D1", "D2"]);
  expect(pairOf(two({}, [], OTHER))).toBeNull();
  expect(pairOf({ ...two({}, []), devices: [D1] })).toBeNull();
  const parsed = parseScenario(
    "title: t\nmachine: plain\nkernels: linux-7.2\ndevice: D1 0000:00:03.0\n\nvmm VFIO_DEVICE_BIND_IOMMUFD D1\n",
  );
  if (!parsed.ok) throw new Error(parsed.problem.message);
  expect(pairOf({ ...two({}, []), given: parsed.value.scenario.steps })).toBeNull();
});

test("binding either is one state", () => {
  const counts = [true, false].map((symmetry) => search(["linux-7.2"], two({ ioas: 0 }, []), 9, symmetry));
  expect(counts.map((e) => [e.progress.states, e.exhausted])).toEqual([
    [3, true],
    [4, true],
  ]);
});

describe("with symmetry and without: the same answer, from fewer states", () => {
  test.each<[string, string[], Universe, number, string | undefined]>([
    ["none", ["linux-7.2"], two({}, ["attach", "detach", "irqs"]), 7, "msi-reaches"],
    ["a difference", ["linux-6.14", "linux-6.15"], two({ hwpt: 1 }, ["attach", "irqs"]), 7, undefined],
    ["a broken rule", ["linux-6.14"], two({ hwpt: 1 }, ["attach", "irqs", "msi"]), 7, "msi-keeps-working"],
    ["vDEVICEs", ["linux-7.2"], two({ parent: 1, viommu: 1, vdevice: 2 }, []), 7, "nothing-leaks"],
  ])("%s", (_, ids, universe, depth, invariant) => {
    const [with_, without] = [true, false].map((symmetry) => search(ids, universe, depth, symmetry, invariant));
    const steps = (e: Explorer | undefined): unknown => e?.found?.steps.map(printStep) ?? null;
    expect(steps(with_)).toEqual(steps(without));
    expect(with_?.complete).toBe(without?.complete);
    const few = with_?.progress.states ?? 0;
    const all = without?.progress.states ?? 0;
    expect(few).toBeLessThan(all);
    expect(few).toBeGreaterThanOrEqual(all / 2);
  });
});
