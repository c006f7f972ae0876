import fc from "fast-check";
import { expect, test } from "vitest";
import type { StepView } from "../../../engine/views/types.ts";
import { drawTimeline, stepAt, stepX } from "./model.ts";
import { following, panned, type StepWindow, zoomed } from "./zoom.ts";

const COUNT = 100_000;
const PLACE = { width: 1000, rem: 12, left: 200 };
const EDGES = { left: PLACE.left - 2, right: PLACE.width };

/** Near enough for one step to be hit. */
function near(step: number): StepWindow {
  let window: StepWindow | null = null;
  for (let i = 0; i < 40; i++) window = zoomed(window, COUNT, step, 2);
  if (window === null) throw new Error("not nearer");
  return window;
}

test("any one of 100,000 steps can be hit", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: COUNT }), (step) => {
      const at = { ...PLACE, window: near(step) };
      const px = stepX(step, COUNT, at);
      expect(px).toBeGreaterThanOrEqual(EDGES.left);
      expect(px).toBeLessThanOrEqual(EDGES.right);
      for (const off of [-8, 0, 8]) expect(stepAt(px + off, COUNT, at)).toBe(step);
    }),
  );
});

test("the step under the pointer stays there; out again is all, whatever came between", () => {
  const turn = fc.record({
    held: fc.integer({ min: 1, max: COUNT }),
    factor: fc.double({ min: 0.2, max: 5, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(turn, { maxLength: 12 }), fc.double({ min: -500, max: 500, noNaN: true }), (turns, by) => {
      let window: StepWindow | null = null;
      for (const { held, factor } of turns) window = panned(zoomed(window, COUNT, held, factor), COUNT, by);
      if (window === null) return;
      expect(window.first).toBeGreaterThanOrEqual(1);
      expect(window.first + window.span).toBeLessThanOrEqual(COUNT + 1 + 1e-6);
      const held = window.first + window.span / 2;
      const closer = zoomed(window, COUNT, held, 1.5);
      if (
        closer !== null &&
        closer.span > 8 &&
        window.span < COUNT / 2 &&
        held > window.span &&
        held < COUNT - window.span
      )
        expect(stepX(held, COUNT, { ...PLACE, window: closer })).toBeCloseTo(
          stepX(held, COUNT, { ...PLACE, window }),
          3,
        );
      for (let i = 0; i < 40; i++) window = zoomed(window, COUNT, 7, 0.5);
      expect(window).toBeNull();
    }),
  );
});

test("the window follows the step, and stays where the step is seen anyway", () => {
  const window = near(5000);
  expect(following(window, COUNT, Math.ceil(window.first))).toBe(window);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: COUNT }), (step) => {
      const now = following(window, COUNT, step);
      expect(now?.first).toBeLessThanOrEqual(step);
      expect((now?.first ?? 0) + (now?.span ?? 0)).toBeGreaterThanOrEqual(step);
    }),
  );
  expect(following(null, COUNT, 3)).toBeNull();
});

test("nothing is drawn beside the part that is seen, and every step in it has its sign", () => {
  const steps = Array.from({ length: 3000 }, (_, i): StepView => ({
    index: i + 1,
    actor: "vmm",
    prefix: "IOMMU_",
    op: "IOAS_MAP",
    args: "",
    outcome: i % 7 === 0 ? "errno" : "ok",
    result: "EINVAL",
    tick: "map",
    refs: [`step:${i + 1}`],
    spoken: "",
  }));
  for (const first of [1, 700.4, 2950]) {
    const window = { first, span: 50 };
    const input = { steps, step: 1200, kernel: "k", lanes: [], breakpoints: [3, 705] };
    const marks = drawTimeline(input, { ...PLACE, window });
    for (const m of marks) {
      const x = m.k === "path" ? Number(/^M(-?[\d.]+)/.exec(m.d)?.[1] ?? 0) : m.x;
      expect(x).toBeGreaterThanOrEqual(EDGES.left - 5);
      expect(x).toBeLessThanOrEqual(EDGES.right + 1);
    }
    const signs = new Set(marks.flatMap((m) => (m.k === "text" ? [] : (m.refs ?? []))));
    for (let i = Math.ceil(first); i <= Math.min(3000, Math.floor(first + 50)); i++)
      if (i % 7 === 1) expect(signs).toContain(`step:${i}`);
  }
});
