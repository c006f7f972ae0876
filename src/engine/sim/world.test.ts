import { describe, expect, it } from "vitest";
import { FOUR, kernels, parsed, scenario, start } from "../testing/scenarios.ts";
import { execute } from "./execute.ts";
import { machineById } from "./machines.ts";
import { firstDifference } from "./same.ts";
import type { Scenario, Step } from "./scenario/types.ts";
import { snapshot } from "./snapshot.ts";
import { makeWorld, type World } from "./world.ts";

function fresh(s: Scenario, kernel: string): World {
  const profile = kernels.resolve(kernel, true);
  const machine = machineById(s.machine);
  if (profile === undefined || machine === undefined) throw new Error("no such kernel or machine");
  const world = makeWorld(s, profile, machine);
  if (typeof world === "string") throw new Error(world);
  return world;
}

function after(s: Scenario, kernel: string, steps: readonly Step[]): World {
  const world = fresh(s, kernel);
  for (const step of steps) execute(world, step, false);
  return world;
}

describe("a world", () => {
  it.each(FOUR)("is a fold of its log on %s: any moment equals a fresh run to it", (kernel) => {
    const s = scenario("sw-msi-nested");
    const run = start(s, kernel);
    for (const n of [s.steps.length, 0, 13, 9, 11, 1])
      expect(firstDifference(run.live(n), after(s, kernel, [...s.given, ...s.steps.slice(0, n)]))).toBeNull();
  });

  it("is the same whether a step was watched or not", () => {
    const s = scenario("sw-msi-nested");
    const watched = fresh(s, "linux-7.2");
    for (const step of [...s.given, ...s.steps]) execute(watched, step, true);
    expect(firstDifference(watched, after(s, "linux-7.2", [...s.given, ...s.steps]))).toBeNull();
  });

  it("can be copied at any moment: what runs on the copy never reaches the original", () => {
    const s = scenario("sw-msi-nested");
    const world = after(s, "linux-7.2", s.given);
    for (const step of s.steps) {
      const before = snapshot(world);
      for (const next of s.steps) execute(snapshot(world), next, false);
      expect(firstDifference(world, before)).toBeNull();
      execute(world, step, false);
    }
  });

  it("gives the same results on the copy as on the original", () => {
    const s = scenario("sw-msi-nested");
    const world = after(s, "linux-6.11", s.given);
    const copy = snapshot(world);
    for (const step of s.steps) expect(execute(copy, step, true)).toEqual(execute(world, step, true));
  });

  it("seeks in a log of 1,000 steps by running a few of them again", () => {
    const pairs = Array.from({ length: 500 }, (_, i) => {
      const iova = `0x${(0x1000 * (1 + (i % 50))).toString(16)}`;
      return `vmm IOMMU_IOAS_MAP ioas=I iova=${iova} len=4K va=RAM\nvmm IOMMU_IOAS_UNMAP ioas=I iova=${iova} len=4K`;
    });
    const text = [
      "title: many",
      "machine: plain",
      "kernels: linux-7.2",
      "device: D1 0000:00:03.0",
      "memory: RAM len=4K",
    ];
    text.push("given vmm I = IOMMU_IOAS_ALLOC", ...pairs);
    const s = parsed(text.join("\n"));
    const run = start(s, "linux-7.2");
    expect(run.results.every((r) => r.outcome === "ok")).toBe(true);
    const ran = run.history.length;
    for (const n of [999, 3, 640, 641, 0, 1000]) expect(run.live(n).names.get("I")?.what).toBe("ioas");
    expect(run.history.length).toBe(ran);
    expect(firstDifference(run.live(777), after(s, "linux-7.2", [...s.given, ...s.steps.slice(0, 777)]))).toBeNull();
  });

  it("is refused in a sentence where the machine lacks a device or memory", () => {
    const text = "title: t\nmachine: plain\nkernels: linux-7.2\ndevice: D1 0000:7f:00.0\nvmm OPEN";
    expect(() => start(parsed(text), "linux-7.2")).toThrow("device D1: machine plain has no 0000:7f:00.0");
  });
});
