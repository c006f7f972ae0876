/** The figures of the page in a browser. */
import type { Bench } from "../bench.ts";
import { type Motion, type Motions, ours, visTimeline } from "./frames.ts";
import { firstPicture, latency, pictureWork } from "./picture.ts";

interface Both {
  ours: Motions;
  peer: Motions | string;
}

const measured = new Map<number, Promise<Both>>();

/** Both in one run, one after the other. */
function both(count: number): Promise<Both> {
  let run = measured.get(count);
  if (run === undefined) {
    run = (async () => ({ ours: await ours(count), peer: await visTimeline(count) }))();
    measured.set(count, run);
  }
  return run;
}

function figure(name: string, count: number, of: (m: Motions) => number): Bench {
  return {
    name,
    unit: "ms",
    higher_is_better: false,
    ours: async () => of((await both(count)).ours),
    peer: async () => {
      const { peer } = await both(count);
      return typeof peer === "string" ? peer : of(peer);
    },
  };
}

function motions(label: string, count: number): Bench[] {
  const parts: [string, (m: Motion) => number][] = [
    ["frame-p50", (m) => m.p50],
    ["frame-p95", (m) => m.p95],
    ["script", (m) => m.script],
    ["work", (m) => m.work],
  ];
  return [
    ...parts.map(([part, of]) => figure(`ui-pan-${label}-${part}`, count, (m) => of(m.pan))),
    ...parts.map(([part, of]) => figure(`ui-zoom-${label}-${part}`, count, (m) => of(m.zoom))),
    figure(`ui-open-${label}`, count, (m) => m.open),
  ];
}

function alone(name: string, measure: () => Promise<number>, goal: number): Bench {
  return {
    name,
    unit: "ms",
    higher_is_better: false,
    ours: measure,
    peer: () => `nobody else draws this; the goal is ${goal} ms`,
  };
}

export const uiBenches: readonly Bench[] = [
  alone("ui-first-picture", () => firstPicture(1), 1000),
  alone("ui-first-picture-4x", () => firstPicture(4), 2500),
  alone("ui-first-picture-work", pictureWork, 400),
  alone("ui-latency-p95", async () => (await latency()).p95, 100),
  alone("ui-latency-work", async () => (await latency()).work, 50),
  ...motions("100k", 100_000),
  ...motions("1m", 1_000_000),
];
