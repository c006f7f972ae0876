import { expect, it } from "vitest";
import { library, parsed, start } from "../../testing/scenarios.ts";
import { frameOf, stepViews } from "../frame.ts";
import { walkView } from "../walk/view.ts";
import { attachmentLines } from "./attachments.ts";
import { asciiOf } from "./export.ts";
import { plain, range, WIDTH } from "./page.ts";
import { spaceLines } from "./space.ts";
import { sceneLines } from "./steps.ts";
import { whyLines } from "./trace.ts";
import { walkLines } from "./walk.ts";

it.each(library.map((s) => s.id))("%s, every step: fits a mail, and no interval is lost", (id) => {
  const scenario = parsed(library.find((s) => s.id === id)?.text ?? "");
  const run = start(scenario, scenario.kernels[0] ?? "linux-7.2");
  const views = stepViews(run);
  for (let step = 0; step <= views.length; step++) {
    const frame = frameOf(run, step, true);
    const space = spaceLines(frame.addressSpace);
    const called = views[step - 1];
    const target = frame.walkTargets[frame.walkDefault];
    const walk = target && walkView(run.world(step), target.device, target.iova, target.write);
    // The lines of the views themselves, before the gate that would break a long one.
    const lines = [
      ...space,
      ...attachmentLines(frame.attachments),
      ...whyLines(frame.why, step, called?.op ?? ""),
      ...(called === undefined ? [] : sceneLines({ step: called, space: frame.addressSpace, why: frame.why })),
      ...(walk === undefined || walk === null ? [] : walkLines(walk)),
    ].map(plain);
    for (const line of lines) expect(line.trimEnd().length, line).toBeLessThanOrEqual(WIDTH);
    const text = space.join("\n");
    for (const t of frame.addressSpace.bands.flatMap((b) => b.tracks))
      for (const i of t.intervals.slice(0, 40)) expect(text).toContain(range(i.start, i.last));
  }
  const started = [{ kernel: run.kernel, run }];
  for (const view of ["step", "machine"] as const) {
    const made = asciiOf({ run, step: views.length, started }, { view });
    if (typeof made === "string") throw new Error(made);
    for (const line of made.text.split("\n")) expect(line).toMatch(/^[ -~]{0,71}[!-~]$|^$/);
  }
});
