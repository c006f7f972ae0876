import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PinMap } from "./pin_map.ts";

/** Page i always has frame `frameOf(i)`: consecutive within tens, so that runs join and split. */
const frameOf = (index: number): number => Math.floor(index / 10) * 100 + (index % 10);

describe("PinMap", () => {
  it("counts holders like a table with one row a page", () => {
    const op = fc.tuple(fc.boolean(), fc.nat(60), fc.integer({ min: 1, max: 25 }));
    fc.assert(
      fc.property(fc.array(op, { maxLength: 80 }), (ops) => {
        const map = new PinMap();
        const held = new Map<number, number>();
        const taken: [number, number][] = [];
        for (const [take, index, n] of ops) {
          if (take) {
            for (const gap of map.missing(index, n)) {
              for (let i = gap.index; i < gap.index + gap.n; i++) map.add(i, frameOf(i), 1);
            }
            map.hold(index, n);
            for (let i = index; i < index + n; i++) held.set(i, (held.get(i) ?? 0) + 1);
            taken.push([index, n]);
          } else {
            const one = taken.splice(index % Math.max(taken.length, 1), 1)[0];
            if (one === undefined) continue;
            const gone = map.drop(...one);
            const expected: number[] = [];
            for (let i = one[0]; i < one[0] + one[1]; i++) {
              const left = (held.get(i) ?? 0) - 1;
              if (left === 0) expected.push(i);
              if (left === 0) held.delete(i);
              else held.set(i, left);
            }
            expect(gone.flatMap((run) => Array.from({ length: run.n }, (_v, i) => run.index + i))).toEqual(expected);
          }
          const flat = map.runs.flatMap((run) =>
            Array.from({ length: run.n }, (_v, i) => [run.index + i, run.pfn + i, run.holders]),
          );
          expect(flat).toEqual([...held].sort((a, b) => a[0] - b[0]).map(([i, count]) => [i, frameOf(i), count]));
          expect(map.count).toBe(held.size);
        }
        // Neighbours that could be one run are one run.
        for (let i = 1; i < map.runs.length; i++) {
          const [a, b] = [map.runs[i - 1], map.runs[i]];
          const joinable =
            a !== undefined &&
            b !== undefined &&
            a.index + a.n === b.index &&
            a.pfn + a.n === b.pfn &&
            a.holders === b.holders;
          expect(joinable).toBe(false);
        }
      }),
      { numRuns: 300, seed: 4 },
    );
  });

  it("gives frames as runs that cross changes of holders", () => {
    const map = new PinMap();
    map.add(0, 50, 8);
    map.hold(0, 8);
    map.hold(3, 2);
    expect(map.runs).toHaveLength(3);
    expect([...map.frames(1, 6)]).toEqual([{ index: 1, pfn: 51, n: 6 }]);
    expect(map.get(7)).toBe(57);
    expect(map.get(8)).toBe(-1);
  });

  it("forgets pages that were pinned but never held", () => {
    const map = new PinMap();
    map.add(4, 9, 2);
    map.hold(4, 1);
    expect(map.sweep()).toEqual([{ index: 5, pfn: 10, n: 1, holders: 0 }]);
  });
});
