/** The pictures of a design's kernel: nothing in them may need iommufd. */
import { describe, expect, it } from "vitest";
import { library, scenario, start } from "../../testing/scenarios.ts";
import { frameOf, stepViews } from "../../views/frame.ts";
import { lanesOf } from "../../views/lanes.ts";
import { inspectStep } from "../../views/inspect/step.ts";

const ids = library.map((s) => s.id).filter((id) => id.startsWith("ioasid-"));

describe("every step of every scenario of 2021 can be drawn", () => {
  it.each(ids)("%s", (id) => {
    const s = scenario(id);
    const runs = s.kernels.map((kernel) => start(s, kernel));
    expect(lanesOf(runs)).toHaveLength(runs.length);
    for (const run of runs) {
      expect(stepViews(run)).toHaveLength(s.steps.length);
      for (let step = 0; step <= s.steps.length; step++) expect(frameOf(run, step).steps.length).toBe(s.steps.length);
      for (const [i, step] of s.steps.entries()) {
        const result = run.result(i + 1);
        if (result !== undefined) expect(inspectStep(i + 1, step, result).title).not.toBe("");
      }
    }
  });
});
