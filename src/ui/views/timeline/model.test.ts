import { expect, test } from "vitest";
import type { Outcome, StepView } from "../../../engine/views/types.ts";
import { rowTops, rowsWithin, stepRows } from "../steps/model.ts";
import { drawTimeline, stepX } from "./model.ts";

const step = (index: number, outcome: Outcome): StepView => ({
  index,
  actor: "vmm",
  prefix: "IOMMU_",
  op: "IOAS_MAP",
  args: index % 3 === 0 ? "" : "ioas=2",
  outcome,
  result: outcome === "ok" ? "0" : "EINVAL",
  tick: "map 4K",
  refs: [],
  spoken: "",
});
const COUNT = 100_000;
const at = { width: 1000, rem: 12, left: 200 };

test("100,000 steps are few marks, and a single failure among them is red in its place", () => {
  const steps = Array.from({ length: COUNT }, (_, i) => step(i + 1, i === 77_776 ? "errno" : i === 5 ? "fault" : "ok"));
  const marks = drawTimeline({ steps, step: 50_000, kernel: "k", lanes: [], breakpoints: [] }, at);
  expect(marks.length).toBeLessThan(200);
  const red = marks.flatMap((m) => (m.k === "path" && m.stroke === "fault" ? [m.d] : []));
  expect(red.length).toBe(2);
  expect(red.some((d) => d.startsWith(`M${Math.round(stepX(77_777, COUNT, at)) + 0.5} `))).toBe(true);
  expect(red.some((d) => d.startsWith(`M${Math.round(stepX(6, COUNT, at)) + 0.5} `))).toBe(true);
});

test("names of very many steps do not stand on each other", () => {
  const steps = Array.from({ length: COUNT }, (_, i) => step(i + 1, "ok"));
  const marks = drawTimeline({ steps, step: 1, kernel: "k", lanes: [], breakpoints: [] }, at);
  const numbers = marks.flatMap((m) => (m.k === "text" && /^\d+$/.test(m.text) ? [m.x] : []));
  expect(numbers.length).toBeGreaterThan(3);
  numbers.slice(1).forEach((x, i) => expect(x - (numbers[i] ?? 0)).toBeGreaterThan(3 * at.rem));
});

test("of a long list only the rows in sight are made, each where it stood", () => {
  const steps = Array.from({ length: 5000 }, (_, i) => step(i + 1, "ok"));
  const tops = rowTops(steps);
  const all = stepRows(steps, 7);
  const [first, end] = rowsWithin(tops, tops[1000] ?? 0, (tops[1000] ?? 0) + 40);
  expect(first).toBeLessThanOrEqual(1000);
  expect(end).toBeGreaterThan(1015);
  expect(end - first).toBeLessThan(70);
  const some = stepRows(steps, 7, tops, [first, end]);
  some.forEach((r, i) => {
    expect(r.step.index).toBe(first + i + 1);
    expect(r.y + (tops[first] ?? 0)).toBeCloseTo(all[first + i]?.y ?? -1, 6);
    expect(r.h).toBeCloseTo(all[first + i]?.h ?? -1, 6);
  });
});
