import { beforeAll, expect, test } from "vitest";
import { loadKernels } from "../../cli/engine.ts";
import type { Kernels } from "../sim/kernels.ts";
import { MACHINE_SOURCES } from "../sim/machine_sources.ts";
import { parseScenario } from "../sim/scenario/parse.ts";
import type { ExploreOptions, ExplorePlan, ExploreProgress } from "./protocol.ts";
import { ExploreService } from "./service.ts";

let kernels: Kernels;
beforeAll(async () => {
  kernels = await loadKernels();
});

const service = (): ExploreService => new ExploreService({ kernels, machines: MACHINE_SOURCES });

async function options(s: ExploreService, from: string | null = null): Promise<ExploreOptions> {
  const answer = await s.options(from);
  if (!answer.ok) throw new Error(answer.problem.message);
  return answer.value;
}

function toEnd(s: ExploreService): ExploreProgress {
  for (;;) {
    const progress = s.advance(5);
    if (progress.done) return progress;
  }
}

test("a plan, slices of work, and a scenario that reads", async () => {
  const s = service();
  const { start } = await options(s);
  const look = { kind: "difference", kernels: ["linux-6.14", "linux-6.15"] } as const;
  expect(await s.begin({ look, from: null, world: start, depth: 4 })).toEqual({ ok: true });
  expect(toEnd(s)).toMatchObject({ done: true, depth: 2 });
  const found = s.found();
  expect(found?.steps.map((one) => one.text)).toEqual([
    "VFIO_DEVICE_BIND_IOMMUFD D1",
    "VFIO_DEVICE_SET_IRQS D1 index=MSI",
  ]);
  expect(found?.says.map((one) => one.kernel)).toEqual(["linux-6.14", "linux-6.15"]);
  expect(parseScenario(found?.text ?? "").ok).toBe(true);
});

test("a violation is named; none is said with the depth", async () => {
  const s = service();
  const { start, invariants } = await options(s);
  const world = { ...start, ops: ["bind", "attach", "irqs-early", "msi"] } satisfies ExplorePlan["world"];
  const look = { kind: "violation", kernel: "linux-6.11", invariants: ["msi-reaches"] } as const;
  await s.begin({ look: { ...look, invariants: [...look.invariants] }, from: null, world, depth: 6 });
  toEnd(s);
  expect(s.found()?.invariant).toBe(invariants.find((i) => i.id === "msi-reaches")?.title);
  const quiet = { ...world, ops: ["bind", "irqs-early"] } satisfies ExplorePlan["world"];
  await s.begin({ look: { ...look, invariants: ["msi-reaches"] }, from: null, world: quiet, depth: 3 });
  expect(toEnd(s)).toMatchObject({ complete: 3, done: true });
  expect(s.found()).toBeNull();
});

test("what only facts tell comes with the question that shows it", async () => {
  const s = service();
  const { start } = await options(s);
  const world = { ...start, ops: ["bind", "attach"], vstes: ["bypass"] } satisfies ExplorePlan["world"];
  const look = { kind: "difference", kernels: ["linux-6.11", "linux-6.12"] } as const;
  await s.begin({ look, from: null, world, depth: 7 });
  toEnd(s);
  expect(s.found()?.shownBy?.text).toMatch(/IOMMU_IOAS_(MAP|IOVA_RANGES)/);
}, 30_000);

test("a scenario gives the world; what is unknown is refused in a sentence", async () => {
  const s = service();
  const text = "title: t\nmachine: plain\nkernels: linux-7.2\ndevice: A 0000:01:00.0\n\nvmm X = IOMMU_IOAS_ALLOC\n";
  const { start, devices } = await options(s, text);
  expect(devices).toEqual([{ name: "A", bdf: "0000:01:00.0" }]);
  expect(start.counts).toMatchObject({ ioas: 1, hwpt: 0 });
  const plan: ExplorePlan = {
    look: { kind: "difference", kernels: ["linux-7.2", "linux-9.9"] },
    from: text,
    world: start,
    depth: 2,
  };
  expect(await s.begin(plan)).toEqual({ ok: false, problem: { message: 'There is no kernel "linux-9.9".' } });
  expect(await s.options("nonsense")).toMatchObject({ ok: false });
  const none = { ...plan, look: { kind: "violation", kernel: "linux-7.2", invariants: [] } } as const;
  expect(await s.begin({ ...none, look: { ...none.look, invariants: [] } })).toMatchObject({ ok: false });
});
