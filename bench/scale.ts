/**
 * Worlds with very many areas, made by one step of many calls: CPU time to open them, to copy such a world, to draw a
 * step, to cut a window. A copy is measured beside `structuredClone` of the areas alone.
 */
import { compressor } from "../src/cli/engine.ts";
import { Engine } from "../src/engine/api.ts";
import type { Answer } from "../src/engine/protocol.ts";
import linux_7_2 from "../src/engine/releases/linux_7_2.ts";
import { Kernels } from "../src/engine/sim/kernels.ts";
import { MACHINE_SOURCES } from "../src/engine/sim/machine_sources.ts";
import { Run } from "../src/engine/sim/run.ts";
import { parseScenario } from "../src/engine/sim/scenario/parse.ts";
import { snapshot } from "../src/engine/sim/snapshot.ts";
import { provideAllSteps } from "../src/engine/sim/steps/all.ts";
import type { Bench } from "./bench.ts";

const KERNEL = "linux-7.2";
const AREAS = 100_000;
const LESS = 10_000;

const scenarioOf = (areas: number): string => `title: ${areas} areas
machine: plain
kernels: ${KERNEL}
device: D1 0000:00:03.0
memory: RAM len=1M

vmm VFIO_DEVICE_BIND_IOMMUFD D1
vmm I = IOMMU_IOAS_ALLOC
vmm P = IOMMU_HWPT_ALLOC dev=D1 pt=I flags=NEST_PARENT
vmm IOMMU_IOAS_MAP ioas=I iova=0x10000000 len=4K va=RAM count=${areas} stride=8K
vmm IOMMU_IOAS_UNMAP ioas=I iova=0x10002000 len=4K
device D1 DMA read iova=0x10004000 len=8
`;
const LAST = 6;

function value<T>(answer: Answer<T>): T {
  if (!answer.ok) throw new Error(answer.problem.message);
  return answer.value;
}

/** Milliseconds of CPU time, with the collector's threads. */
const clock = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

interface Opened {
  engine: Engine;
  ms: number;
}

async function opened(areas: number): Promise<Opened> {
  provideAllSteps();
  const engine = new Engine({
    kernels: new Kernels([linux_7_2]),
    machines: MACHINE_SOURCES,
    scenarios: [],
    compressor,
  });
  const started = clock();
  value(await engine.open({ text: scenarioOf(areas) }));
  return { engine, ms: clock() - started };
}

const known = new Map<number, Promise<Opened>>();

function once(areas: number): Promise<Opened> {
  const one = known.get(areas) ?? opened(areas);
  known.set(areas, one);
  return one;
}

/** Mean CPU time of one call, milliseconds, best of three. */
async function mean(times: number, call: (i: number) => unknown): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 3; round++) {
    const started = clock();
    for (let i = 0; i < times; i++) await call(i);
    best = Math.min(best, (clock() - started) / times);
  }
  return best;
}

async function copy(areas: number): Promise<{ ours: number; peer: number }> {
  provideAllSteps();
  const read = parseScenario(scenarioOf(areas));
  const profile = new Kernels([linux_7_2]).resolve(KERNEL, true);
  const machine = await MACHINE_SOURCES.find((m) => m.id === "plain")?.load();
  if (!read.ok || profile === undefined || machine === undefined) throw new Error("the scenario cannot be read");
  const run = Run.start(read.value.scenario, profile, machine);
  if (typeof run === "string") throw new Error(run);
  const world = run.live(LAST);
  const list: object[] = [];
  for (const ctx of world.kernel.iommufd.ctxs)
    for (const o of ctx.objects.values())
      if (o.kind === "IOAS")
        for (const { start, last, index, page_offset, pages } of o.iopt.areas)
          list.push({ start, last, index, page_offset, runs: pages?.pinned.runs ?? [] });
  snapshot(world);
  const ours = await mean(20, () => snapshot(world));
  const peer = await mean(2, () => structuredClone(list));
  return { ours, peer };
}

let copied: Promise<{ ours: number; peer: number }> | undefined;

const copies = (): Promise<{ ours: number; peer: number }> => (copied ??= copy(AREAS));

async function frames(areas: number): Promise<number> {
  const times: number[] = [];
  // Each opening draws its steps once: a frame that was drawn is kept.
  for (let round = 0; round < 3; round++) {
    const { engine } = await opened(areas);
    value(await engine.frame(KERNEL, LAST - 1, true));
    const started = clock();
    value(await engine.frame(KERNEL, LAST, true));
    times.push(clock() - started);
  }
  return Math.min(...times);
}

async function pan(areas: number): Promise<number> {
  const { engine } = await once(areas);
  value(await engine.frame(KERNEL, LAST, true));
  const width = BigInt(areas) * 0x1000n;
  return mean(50, async (i) => {
    const from = 0x1000_0000n + BigInt(i) * 0x10_0000n;
    value(await engine.space(KERNEL, LAST, "ioas:2:mapped", from, from + width, 2800));
  });
}

/** The ratio is the growth of the cost with ten times the areas. */
function growth(name: string, of: (areas: number) => Promise<number>): Bench {
  return { name, unit: "ms", higher_is_better: false, ours: () => of(AREAS), peer: () => of(LESS) };
}

export const scaleBenches: readonly Bench[] = [
  {
    name: "areas-100k-copy",
    unit: "ms",
    higher_is_better: false,
    ours: async () => (await copies()).ours,
    peer: async () => (await copies()).peer,
  },
  growth("areas-100k-open", async (areas) => (await once(areas)).ms),
  growth("areas-100k-frame", frames),
  growth("areas-100k-pan", pan),
];
