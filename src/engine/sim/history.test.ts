import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { History } from "./history.ts";
import { firstDifference } from "./same.ts";

interface World {
  stack: number[];
  sums: Map<number, number>;
  memory: Uint8Array;
}
const fresh = (): World => ({ stack: [], sums: new Map(), memory: new Uint8Array(64) });
function apply(w: World, step: number): number {
  if (step % 3 === 0 && w.stack.length > 0) w.stack.pop();
  else w.stack.push(step);
  w.sums.set(step % 5, (w.sums.get(step % 5) ?? 0) + step);
  const at = step % 64;
  w.memory[at] = (w.memory[at] ?? 0) + 1;
  return w.stack.length;
}
function after(steps: readonly number[]): World {
  const w = fresh();
  for (const s of steps) apply(w, s);
  return w;
}

describe("history", () => {
  it("is a fold of its log: any seek equals a fresh run, in any order of seeks", () => {
    const log = fc.array(fc.nat(200), { maxLength: 60 });
    fc.assert(
      fc.property(
        log,
        fc.array(fc.nat(70), { maxLength: 12 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 90 }),
        (steps, seeks, every, most) => {
          const h = new History(fresh(), apply, { every, most, recent: 2 });
          for (const s of steps) h.push(s);
          for (const n of seeks) expect(firstDifference(h.at(n), after(steps.slice(0, n)))).toBeNull();
        },
      ),
    );
  });

  it("forks without touching the first history", () => {
    const h = new History(fresh(), apply, { every: 4 });
    for (let i = 1; i <= 20; i++) h.push(i);
    const end = after(h.steps);
    const twin = h.fork(10);
    twin.push(99);
    expect(twin.steps).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 99]);
    expect(firstDifference(twin.at(11), after(twin.steps))).toBeNull();
    expect(firstDifference(twin.at(8), after([1, 2, 3, 4, 5, 6, 7, 8]))).toBeNull();
    expect(firstDifference(h.at(20), end)).toBeNull();
  });

  it("hands out copies that may be changed", () => {
    const h = new History(fresh(), apply);
    h.push(1);
    h.live(1).stack.push(5);
    expect(h.at(1).stack).toEqual([1]);
    expect(h.push(2)).toBe(2);
    expect(h.at(1).stack).toEqual([1]);
    expect(h.results).toEqual([1, 2]);
  });

  it("keeps copies up to a number of objects, evenly, and those after heavy steps always", () => {
    let runs = 0;
    const heavy = (i: number): boolean => i === 700;
    const options = { every: 4, most: 200, recent: 2, heavy };
    const h = new History(fresh(), (w: World, s: number) => (runs++, apply(w, s)), options);
    for (let i = 0; i < 1000; i++) h.push(i);
    runs = 0;
    for (let n = 50; n < 1000; n += 100) h.live(n);
    // A world is six objects: about 33 copies at most, none further from the next than twice the mean.
    expect(runs).toBeLessThan(10 * 64);
    expect(runs).toBeGreaterThan(10 * 8);
    runs = 0;
    h.live(701);
    expect(runs).toBe(0);
  });

  it("executes at most the steps since the last copy", () => {
    let runs = 0;
    const h = new History(fresh(), (w: World, s: number) => (runs++, apply(w, s)), { every: 64 });
    for (let i = 0; i < 1000; i++) h.push(i);
    runs = 0;
    for (const n of [999, 1, 500, 64, 63, 800]) h.at(n);
    expect(runs).toBeLessThan(6 * 64);
    runs = 0;
    h.at(800);
    expect(runs).toBe(0);
  });
});
