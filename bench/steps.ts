/** Scenarios of 10,000 and 100,000 steps in the engine: CPU time from one step to the picture of another, and what it all keeps. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { compressor } from "../src/cli/engine.ts";
import { Engine } from "../src/engine/api.ts";
import linux_7_2 from "../src/engine/releases/linux_7_2.ts";
import { Kernels } from "../src/engine/sim/kernels.ts";
import { MACHINE_SOURCES } from "../src/engine/sim/machine_sources.ts";
import { provideAllSteps } from "../src/engine/sim/steps/all.ts";
import type { Bench } from "./bench.ts";

const KERNEL = "linux-7.2";
/** Areas that stand at once. */
const SLOTS = 400;
const SEEKS = 60;

/** Maps and unmaps page after page; each fifth is read by the device. */
function scenarioOf(steps: number): string {
  const lines: string[] = [];
  for (let i = 0; lines.length < steps - 4; i++) {
    const iova = `0x${(0x1000_0000 + (i % SLOTS) * 0x2000).toString(16)}`;
    if (i >= SLOTS) lines.push(`vmm IOMMU_IOAS_UNMAP ioas=I iova=${iova} len=4K`);
    lines.push(`vmm IOMMU_IOAS_MAP ioas=I iova=${iova} len=4K va=RAM`);
    if (i % 5 === 4) lines.push(`device D1 DMA read iova=${iova} len=8`);
  }
  return `title: ${steps} steps
machine: plain
kernels: ${KERNEL}
device: D1 0000:00:03.0
memory: RAM len=1M

vmm VFIO_DEVICE_BIND_IOMMUFD D1
vmm I = IOMMU_IOAS_ALLOC
vmm P = IOMMU_HWPT_ALLOC dev=D1 pt=I flags=NEST_PARENT
vmm VFIO_DEVICE_ATTACH_IOMMUFD_PT D1 pt=P
${lines.slice(0, steps - 4).join("\n")}
`;
}

interface Figures {
  open: number;
  next: number;
  back: number;
  random: number;
  megabytes: number;
}

const measured = new Map<number, Promise<Figures>>();

function figures(steps: number): Promise<Figures> {
  const known = measured.get(steps) ?? measure(steps);
  measured.set(steps, known);
  return known;
}

/** Milliseconds of CPU time, with the collector's threads. */
const clock = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

async function measure(steps: number): Promise<Figures> {
  provideAllSteps();
  setFlagsFromString("--expose_gc");
  const collect = runInNewContext("gc") as () => void;
  const engine = new Engine({
    kernels: new Kernels([linux_7_2]),
    machines: MACHINE_SOURCES,
    scenarios: [],
    compressor,
  });
  collect();
  const empty = process.memoryUsage();
  const started = clock();
  const opened = await engine.open({ text: scenarioOf(steps) });
  if (!opened.ok) throw new Error(opened.problem.message);
  const open = clock() - started;
  const seeks = async (place: (i: number) => number): Promise<number> => {
    const times: number[] = [];
    for (let i = 0; i < SEEKS; i++) {
      const step = place(i);
      const before = clock();
      const frame = await engine.frame(KERNEL, step, true);
      if (!frame.ok) throw new Error(frame.problem.message);
      times.push(clock() - before);
    }
    return times.toSorted((a, b) => a - b)[SEEKS >> 1] ?? 0;
  };
  // Far apart, and the same places in every run.
  const random = await seeks((i) => ((i * 7919 + 4729) % (steps - 1)) + 1);
  const next = await seeks((i) => 5700 + i);
  const back = await seeks((i) => 4500 - i);
  collect();
  const full = process.memoryUsage();
  const bytes = full.heapUsed + full.arrayBuffers - empty.heapUsed - empty.arrayBuffers;
  return { open, next, back, random, megabytes: bytes / 1e6 };
}

function alone(name: string, unit: string, of: (f: Figures) => number, goal: string, steps = 10_000): Bench {
  const ours = async (): Promise<number> => of(await figures(steps));
  return { name, unit, higher_is_better: false, ours, peer: () => `nobody else keeps such a history; ${goal}` };
}

export const stepBenches: readonly Bench[] = [
  alone("steps-10k-open", "ms", (f) => f.open, "no goal"),
  alone("steps-10k-next-p50", "ms", (f) => f.next, "the goal is 16 ms"),
  alone("steps-10k-back-p50", "ms", (f) => f.back, "the goal is 16 ms"),
  alone("steps-10k-random-p50", "ms", (f) => f.random, "the goal is 16 ms"),
  alone("steps-10k-memory", "MB", (f) => f.megabytes, "the goal is 150 MB"),
  alone("steps-100k-open", "ms", (f) => f.open, "a few seconds are the goal", 100_000),
  alone("steps-100k-next-p50", "ms", (f) => f.next, "the goal is 16 ms", 100_000),
  alone("steps-100k-random-p50", "ms", (f) => f.random, "the goal is 16 ms", 100_000),
  alone("steps-100k-memory", "MB", (f) => f.megabytes, "no goal", 100_000),
];
