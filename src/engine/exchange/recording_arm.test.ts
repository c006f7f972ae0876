import { describe, expect, it } from "vitest";
import { contexts } from "../sim/refs.ts";
import { machineById } from "../sim/machines.ts";
import { kernels } from "../testing/scenarios.ts";
import type { Playable } from "../sim/playable.ts";
import { fixture, fixtureNames } from "../testing/fixtures.ts";
import { addressSpace } from "../views/address/view.ts";
import { attachments } from "../views/attachments/view.ts";
import { parseJson } from "./parse.ts";
import { recordArm } from "./recording_arm.ts";
import { dumpsNamed } from "./replay_arm.ts";

function recording(path: string): Playable {
  const lines = fixture(path).split("\n");
  const there = fixtureNames("tables/arm");
  const dumps = new Map<string, unknown>();
  for (const name of dumpsNamed(lines)) {
    if (there.includes(`${name}.json`)) dumps.set(name, parseJson(name, fixture(`tables/arm/${name}.json`)));
  }
  const machine = machineById("plain");
  const profile = kernels.resolve("linux-7.2", false);
  if (machine === undefined || profile === undefined) throw new Error("no machine or kernel");
  return recordArm(lines, { name: path, profile, machine, dumps });
}

describe("an Arm trace as something to play", () => {
  const nested = recording("traces/arm/c-s1.jsonl");

  it("has a step for every record but the header, and each compared one agrees", () => {
    expect(nested.results.length).toBe(nested.scenario.steps.length);
    const checks = nested.checks();
    expect(checks.filter((c) => !c.holds)).toEqual([]);
    expect(checks.length).toBe(130);
  });

  it("shows the objects that the trace made, at any moment", () => {
    const made = nested.scenario.steps.findIndex((s) => s.op === "IOMMU_VIOMMU_ALLOC" && s.note === "VIOMMU_ALLOC") + 1;
    const kinds = (n: number): string[] =>
      contexts(nested.world(n)).flatMap(({ ctx }) => [...ctx.objects.values()].map((o) => o.kind));
    expect(kinds(made)).toContain("VIOMMU");
    expect(kinds(made - 1)).not.toContain("VIOMMU");
    expect(nested.world(made).devices.get("edu")?.id).toBe(1);
    expect(nested.results[made - 1]).toMatchObject({ outcome: "ok", summary: "viommu 4" });
  });

  it("gives the pictures what they draw", () => {
    const n = nested.scenario.steps.findIndex((s) => s.actor === "device") + 1;
    const step = nested.scenario.steps[n - 1] ?? null;
    const ctx = { world: nested.world(n), before: nested.world(n - 1), step, result: nested.results[n - 1] ?? null };
    const view = addressSpace(ctx);
    expect(view.bands.flatMap((b) => b.tracks).map((t) => t.group)).toContain("dev:edu");
    expect(view.accesses.length).toBe(1);
    expect(attachments(ctx).nodes.length).toBeGreaterThan(4);
  });

  it("plays a VMM's start, whose files are opened as they are first used", () => {
    const vmm = recording("traces/vmm/arm-kvm-accel.jsonl");
    expect(vmm.checks().filter((c) => !c.holds)).toEqual([]);
    expect([...vmm.world(vmm.results.length).devices.keys()].sort()).toEqual(["vfio0", "vfio1"]);
    expect(vmm.results.filter((r) => r.agreement?.kind === "given").length).toBeGreaterThan(10);
  });

  it("leaves the world of a moment alone when a copy of it is changed", () => {
    const live = nested.live(20);
    contexts(live).forEach(({ ctx }) => ctx.objects.clear());
    expect(contexts(nested.world(20)).some(({ ctx }) => ctx.objects.size > 0)).toBe(true);
  });
});
