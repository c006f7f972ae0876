/** The search: states a second on the toy IOAS against spin, and on the kernel model with the bytes that a state takes. */
import { Explorer } from "../src/engine/explore/explorer.ts";
import { Search } from "../src/engine/explore/search.ts";
import { Slots } from "../src/engine/explore/slots.ts";
import { DEFAULT_UNIVERSE } from "../src/engine/explore/universe.ts";
import { resolveProfile } from "../src/engine/kernel/resolve.ts";
import { PLAIN } from "../src/engine/presets/plain.ts";
import linux_7_2 from "../src/engine/releases/linux_7_2.ts";
import type { Bench } from "./bench.ts";
import { spin } from "./spin.ts";

/** CPU seconds of this process. */
const cpu = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

/** Thousand states a second of CPU time, best of three. */
function slots(n: number): number {
  let best = 0;
  for (let round = 0; round < 3; round++) {
    const start = cpu();
    const search = new Search(new Slots(n));
    search.run();
    best = Math.max(best, search.states / (cpu() - start) / 1000);
  }
  return best;
}

function spinRate(n: number): number | string {
  const run = spin(n);
  if (typeof run === "string") return run;
  const ours = new Search(new Slots(n));
  ours.run();
  if (ours.states !== run.states || ours.edges + 1 !== run.transitions)
    return `it counts ${run.states} states and ${run.transitions} transitions, we ${ours.states} and ${ours.edges}`;
  return run.states / run.seconds / 1000;
}

/** Every sequence of the default world up to this depth. */
const DEPTH = 6;

/** Linux 7.2, once or beside itself: nothing differs, so that the whole depth is tried. */
function kernels(count: number): Explorer {
  const profiles = Array.from({ length: count }, () => resolveProfile("linux-7.2", [linux_7_2]));
  const made = Explorer.start({
    universe: DEFAULT_UNIVERSE,
    machine: PLAIN,
    kernels: profiles,
    invariants: [],
    depth: DEPTH,
  });
  if (typeof made === "string") throw new Error(made);
  return made;
}

/** Steps tried a second of CPU time. */
function steps(count: number): number {
  const explorer = kernels(count);
  const start = cpu();
  while (explorer.run(1000));
  return explorer.progress.edges / (cpu() - start);
}

const alone = "the rate is this model's own; no other model of iommufd is known";

export const exploreBenches: readonly Bench[] = [
  ...[13, 15].map((n) => ({
    name: `explore-slots-${n}`,
    unit: "k states/s",
    higher_is_better: true,
    ours: () => slots(n),
    peer: () => spinRate(n),
  })),
  {
    name: "explore-kernel",
    unit: "steps/s",
    higher_is_better: true,
    ours: () => steps(1),
    peer: () => alone,
  },
  {
    name: "explore-kernel-states",
    unit: "states/s",
    higher_is_better: true,
    ours: () => {
      const explorer = kernels(1);
      const start = cpu();
      while (explorer.run(1000));
      return explorer.progress.states / (cpu() - start);
    },
    peer: () => alone,
  },
  {
    name: "explore-two-kernels",
    unit: "steps/s",
    higher_is_better: true,
    ours: () => steps(2),
    peer: () => alone,
  },
  {
    name: "explore-kernel-memory",
    unit: "bytes/state",
    higher_is_better: false,
    ours: () => {
      const explorer = kernels(1);
      while (explorer.run(1000));
      const { bytes, states } = explorer.progress;
      return bytes / states;
    },
    peer: () => alone,
  },
];
