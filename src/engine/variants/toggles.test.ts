import { describe, expect, it } from "vitest";
import { arm_lpae_geometry } from "../kernel/drivers/io_pgtable_arm/format.ts";
import { kernels, scenario, start } from "../testing/scenarios.ts";
import { compare } from "../views/compare/compare.ts";

/** Toggle -> the step of its scenario at which it first differs from 7.2; 0 = nowhere. */
const TOGGLES: Record<string, number> = {
  "replace-keeps-reservations": 8,
  "doorbell-goes-with-window": 6,
  "compat-unmap-empty-enoent": 8,
  "msi-hw-wins": 3,
  "dirty-errors-strict": 9,
  "relaxable-reserved": 4,
  "s2-concat-opportunistic": 0,
};

describe("toggles on 7.2", () => {
  it.each(Object.entries(TOGGLES))("%s differs from step %i of its scenario on", (id, step) => {
    const profile = kernels.resolve(id, true)?.profile;
    expect(profile?.base).toBe("linux-7.2");
    const what = scenario(profile?.scenario ?? "");
    expect(compare(["linux-7.2", id].map((k) => start(what, k))).firstDifference).toBe(step);
  });

  it("stage-2 start tables are the same by both rules for 4K pages, and not for 16K", () => {
    const shape = (granule: 4096 | 16384, bits: number, concat: "mandatory" | "opportunistic") =>
      arm_lpae_geometry({
        granule,
        ias: bits,
        oas: bits,
        coherent_walk: true,
        concat,
        stage: 2,
        fwb: false,
        hd: false,
      });
    for (const bits of [32, 36, 40, 42, 44, 48])
      expect(shape(4096, bits, "mandatory"), `${bits} bits`).toEqual(shape(4096, bits, "opportunistic"));
    expect(shape(16384, 40, "mandatory")).not.toEqual(shape(16384, 40, "opportunistic"));
  });
});
