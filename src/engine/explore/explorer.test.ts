import { beforeAll, describe, expect, test } from "vitest";
import { loadKernels } from "../../cli/engine.ts";
import { PLAIN } from "../presets/plain.ts";
import { compare } from "../views/compare/compare.ts";
import type { Kernels } from "../sim/kernels.ts";
import { Run } from "../sim/run.ts";
import { scenarioFromJson, scenarioToJson } from "../sim/scenario/json.ts";
import { parseScenario } from "../sim/scenario/parse.ts";
import { printScenario, printStep } from "../sim/scenario/print.ts";
import type { Scenario } from "../sim/scenario/types.ts";
import { scenarioFound } from "./answer.ts";
import { Explorer } from "./explorer.ts";
import type { Question } from "./question.ts";
import { INVARIANTS, invariantById } from "./invariants/all.ts";
import { type Counts, DEFAULT_UNIVERSE, type OpGroup, type Universe, universeOf, type Vste } from "./universe.ts";

let kernels: Kernels;
beforeAll(async () => {
  kernels = await loadKernels();
});

const NONE: Counts = { ioas: 1, hwpt: 0, parent: 0, viommu: 0, nested: 0, vdevice: 0, fault: 1 };

function small(counts: Partial<Counts>, ops: OpGroup[], vstes: Vste[] = ["bypass"]): Universe {
  return { ...DEFAULT_UNIVERSE, counts: { ...NONE, ...counts }, ops: ["bind", ...ops], vstes };
}

function question(ids: string[], universe: Universe, depth: number, invariant?: string): Question {
  const profiles = ids.map((id) => kernels.resolve(id, true));
  const one = invariant === undefined ? undefined : invariantById(invariant);
  return {
    universe,
    machine: PLAIN,
    kernels: profiles.filter((p) => p !== undefined),
    invariants: one === undefined ? [] : [one],
    depth,
  };
}

function search(q: Question): Explorer {
  const explorer = Explorer.start(q);
  if (typeof explorer === "string") throw new Error(explorer);
  while (explorer.run(50));
  return explorer;
}

function answer(q: Question): Scenario {
  const { found } = search(q);
  const scenario = found === null ? null : scenarioFound(q, found);
  if (scenario === null) throw new Error("nothing found");
  return scenario;
}

const run = (scenario: Scenario, id: string): Run => {
  const profile = kernels.resolve(id, true);
  const made = profile === undefined ? "no kernel" : Run.start(scenario, profile, PLAIN);
  if (typeof made === "string") throw new Error(made);
  return made;
};

describe("the shortest difference", () => {
  test.each<[string, string, Universe, number]>([
    ["linux-6.11", "linux-6.12", small({ parent: 1, viommu: 1, nested: 1 }, ["attach"]), 6],
    ["linux-6.14", "linux-6.15", DEFAULT_UNIVERSE, 2],
    ["linux-6.14", "linux-6.15", small({ hwpt: 1 }, ["attach", "irqs"]), 6],
    ["linux-7.2", "sw-msi-at-alloc-2024-07", DEFAULT_UNIVERSE, 2],
    ["linux-7.2", "sw-msi-at-alloc-2024-07", small({ hwpt: 1 }, ["attach", "map"]), 3],
    ["linux-6.17", "linux-6.19", small({ parent: 1, viommu: 1, nested: 1 }, ["attach"]), 6],
    ["linux-6.4", "linux-6.6", DEFAULT_UNIVERSE, 3],
    [
      "linux-7.2",
      "replace-keeps-reservations",
      small({ parent: 1, viommu: 1, nested: 1 }, ["attach"], ["translate"]),
      7,
    ],
    ["linux-7.2", "doorbell-goes-with-window", small({ hwpt: 1 }, ["attach", "detach", "irqs"]), 6],
  ])("%s and %s", (a, b, universe, steps) => {
    const scenario = answer(question([a, b], universe, 8));
    expect(scenario.steps.map(printStep)).toHaveLength(steps);
    const rows = compare([run(scenario, a), run(scenario, b)]);
    expect(rows.firstDifference).toBe(steps);
    for (const id of [a, b])
      expect(
        run(scenario, id)
          .checks()
          .filter((c) => !c.holds),
      ).toEqual([]);
  });

  // Kernels that the default world does not tell apart: the family of operations that does.
  test.each<[string, string, OpGroup, number, string]>([
    ["linux-6.15", "linux-6.17", "info", 2, "IOMMU_GET_HW_INFO"],
    ["linux-6.12", "linux-6.13", "dirty", 4, "IOMMU_HWPT_GET_DIRTY_BITMAP"],
    ["linux-6.14", "linux-6.15", "pasid", 2, "VFIO_DEVICE_DETACH_IOMMUFD_PT"],
    ["linux-6.14", "linux-6.15", "faults", 4, "IOMMU_HWPT_ALLOC"],
  ])("%s and %s with %s", (a, b, family, steps, last) => {
    const universe = small({ hwpt: 1, fault: 1 }, [family]);
    const scenario = answer(question([a, b], universe, steps));
    expect(scenario.steps).toHaveLength(steps);
    expect(scenario.steps.at(-1)?.op).toBe(last);
    const without = search(question([a, b], { ...universe, ops: ["bind"] }, steps));
    expect(without.found).toBeNull();
  });

  test("copies and allowed ranges are tried, and tell 6.2 from 6.4 no more than the others", () => {
    const ops: OpGroup[] = ["attach", "map", "copy", "allow"];
    const wide = search(question(["linux-6.2", "linux-6.4"], small({ ioas: 2 }, ops), 4));
    expect(wide.found).toBeNull();
    expect(wide.complete).toBe(4);
    const narrow = search(question(["linux-6.2", "linux-6.4"], small({ ioas: 2 }, ["attach", "map"]), 4));
    expect(wide.progress.states).toBeGreaterThan(narrow.progress.states);
  });

  test("two kernels equal up to a depth: exactly that", () => {
    const q = question(["linux-7.2", "linux-7.2"], small({ hwpt: 1 }, ["attach", "detach", "map", "irqs"]), 5);
    const explorer = search(q);
    expect(explorer.found).toBeNull();
    expect(explorer.complete).toBe(5);
    expect(explorer.exhausted).toBe(false);
  });

  test("a world whose every state was seen says so", () => {
    const explorer = search(question(["linux-7.2", "linux-6.12"], small({ ioas: 1 }, ["map", "unmap", "destroy"]), 50));
    expect(explorer.exhausted).toBe(true);
    expect(explorer.progress.states).toBe(10);
  });

  test("the answer survives text and JSON", () => {
    const scenario = answer(question(["linux-6.14", "linux-6.15"], DEFAULT_UNIVERSE, 3));
    const text = parseScenario(printScenario(scenario));
    const json = scenarioFromJson(scenarioToJson(scenario));
    if (!text.ok || !json.ok) throw new Error("unreadable");
    expect(text.value.scenario).toEqual(scenario);
    expect(json.value).toEqual(scenario);
  });
});

describe("the shortest violation", () => {
  const nest = small({ parent: 1, viommu: 1, nested: 1 }, ["attach"], ["translate"]);
  const msi = small({ hwpt: 1 }, ["attach", "detach", "irqs"]);
  test.each<[string, string, string, Universe, number]>([
    ["failed-call", "linux-7.2", "replace-keeps-reservations", nest, 7],
    ["reserved-unmapped", "linux-7.2", "replace-keeps-reservations", { ...nest, ops: [...nest.ops, "map"] }, 8],
    ["detach-gives-back", "linux-7.2", "doorbell-goes-with-window", msi, 6],
    ["ioas-usable", "linux-7.2", "doorbell-goes-with-window", { ...msi, ops: [...msi.ops, "map"] }, 7],
    ["msi-keeps-working", "linux-6.14", "linux-6.15", { ...msi, ops: [...msi.ops, "msi"] }, 7],
    ["msi-reaches", "linux-6.11", "linux-7.2", { ...msi, ops: [...msi.ops, "irqs-early", "msi"] }, 5],
  ])(
    "%s on %s, and none on %s",
    (invariant, broken, fixed, universe, steps) => {
      const scenario = answer(question([broken], universe, 8, invariant));
      expect(scenario.steps.map(printStep)).toHaveLength(steps);
      expect(
        run(scenario, broken)
          .checks()
          .filter((c) => !c.holds),
      ).toEqual([]);
      const clean = search(question([fixed], universe, steps, invariant));
      expect(clean.found).toBeNull();
      expect(clean.complete).toBe(steps);
    },
    60_000,
  );

  test("on 6.14 the interrupt is lost by a replace", () => {
    const scenario = answer(question(["linux-6.14"], { ...msi, ops: [...msi.ops, "msi"] }, 8, "msi-keeps-working"));
    expect(scenario.steps.filter((s) => s.op.includes("ATTACH"))).toHaveLength(2);
    expect(scenario.steps.at(-1)?.op).toBe("MSI");
  });

  test.each(INVARIANTS.map((i) => i.id))("%s holds on 7.2 in a world of maps alone", (id) => {
    const explorer = search(
      question(["linux-7.2"], small({}, ["attach", "detach", "map", "unmap", "dma", "destroy"]), 6, id),
    );
    expect(explorer.found).toBeNull();
  });
});

test("a family that a scenario uses is in its world, and in no other", () => {
  const parsed = parseScenario(
    "title: t\nmachine: plain\nkernels: linux-7.2\ndevice: A 0000:01:00.0\nmemory: M len=64K\n\n" +
      "vmm VFIO_DEVICE_BIND_IOMMUFD A\nvmm I = IOMMU_IOAS_ALLOC\nvmm J = IOMMU_IOAS_ALLOC\n" +
      "vmm IOMMU_IOAS_COPY dst=J src=I dst_iova=0x1000 src_iova=0x1000 len=4K\n" +
      "vmm VFIO_DEVICE_ATTACH_IOMMUFD_PT A pt=I pasid=1 flags=PASID\n",
  );
  if (!parsed.ok) throw new Error(parsed.problem.message);
  const { ops } = universeOf(parsed.value.scenario);
  expect(ops.filter((op) => !DEFAULT_UNIVERSE.ops.includes(op))).toEqual(["pasid", "copy"]);
});

test("a scenario gives the world: its devices, memory, given steps and as many objects as it makes", () => {
  const parsed = parseScenario(
    "title: t\nmachine: plain\nkernels: linux-7.2\ndevice: A 0000:01:00.0\nmemory: M len=64K\n\n" +
      "given vmm VFIO_DEVICE_BIND_IOMMUFD A\ngiven vmm X = IOMMU_IOAS_ALLOC\n\nvmm IOMMU_IOAS_MAP ioas=X iova=0x1000 len=8K va=M\n",
  );
  if (!parsed.ok) throw new Error(parsed.problem.message);
  const universe = universeOf(parsed.value.scenario);
  expect(universe.counts).toEqual(NONE);
  expect(universe.blocks.map((b) => b.iova)).toEqual([0x1000n, 0x8000000n, 0x40000000n]);
  const q = question(["linux-6.14", "linux-6.15"], { ...universe, ops: ["irqs-early"] }, 3);
  const scenario = answer(q);
  // The IOAS that was given is not needed for it.
  expect(scenario.given.map(printStep)).toEqual(["vmm VFIO_DEVICE_BIND_IOMMUFD A"]);
  expect(scenario.steps.map(printStep)).toEqual(
    ["vmm VFIO_DEVICE_SET_IRQS dev=A index=MSIX"].map((s) => s.replace("dev=", "")),
  );
});
