import { describe, expect, it } from "vitest";
import type { X86MachineDesc } from "../kernel/x86_desc.ts";
import { x86MachineById } from "../sim/machines_x86.ts";
import { contexts } from "../sim/refs.ts";
import type { Playable } from "../sim/playable.ts";
import { fixture } from "../testing/fixtures.ts";
import { kernels } from "../testing/scenarios.ts";
import { addressSpace } from "../views/address/view.ts";
import { attachments } from "../views/attachments/view.ts";
import { recordX86 } from "./recording_x86.ts";

function recording(lines: readonly string[], machine: X86MachineDesc | null): Playable {
  const profile = kernels.resolve("linux-7.2", false);
  if (profile === undefined) throw new Error("no kernel");
  return recordX86(lines, { name: "trace", profile, machine });
}

describe("an x86 trace as something to play", () => {
  const fuzz = recording(fixture("traces/x86/fuzz-7.2.jsonl").split("\n").slice(0, 2500), null);

  it("has a step for every record, and each compared one agrees", () => {
    expect(fuzz.results.length).toBe(2500);
    expect(fuzz.checks().filter((c) => !c.holds)).toEqual([]);
    expect(fuzz.checks().length).toBeGreaterThan(2000);
  });

  it("shows what a call made, at any moment", () => {
    const n =
      fuzz.results.findIndex((r, i) => fuzz.scenario.steps[i]?.op === "IOMMU_IOAS_MAP" && r.outcome === "ok") + 1;
    const areas = (at: number): number =>
      contexts(fuzz.world(at))
        .flatMap(({ ctx }) => [...ctx.objects.values()].map((o) => (o.kind === "IOAS" ? [...o.iopt.areas].length : 0)))
        .reduce((a, b) => a + b, 0);
    expect(areas(n)).toBe(areas(n - 1) + 1);
    const ctx = { world: fuzz.world(n), before: fuzz.world(n - 1), step: null, result: fuzz.results[n - 1] ?? null };
    expect(
      addressSpace(ctx)
        .bands.flatMap((b) => b.tracks)
        .some((t) => t.ref.startsWith("ioas:")),
    ).toBe(true);
    expect(attachments(ctx).nodes.length).toBeGreaterThan(0);
  });

  it("plays a VMM on a recorded machine, with its devices", () => {
    const machine = x86MachineById("intel-sm") ?? null;
    const vmm = recording(fixture("traces/vmm/x86-iommufd-2dev.jsonl").split("\n"), machine);
    expect(vmm.checks().filter((c) => !c.holds)).toEqual([]);
    const attach = vmm.scenario.steps.findLastIndex((s) => s.op === "VFIO_DEVICE_ATTACH_IOMMUFD_PT") + 1;
    expect(vmm.world(attach).devices.size).toBe(2);
    expect(vmm.results[attach - 1]?.trace.length).toBeGreaterThan(5);
  });
});
