import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RangeMap, type Ranged } from "./range_map.ts";

/** Ranges that start at multiples of 10 and are shorter than that: disjoint whatever is inserted. */
const range = (slot: number, length: number): Ranged => ({
  start: BigInt(slot * 10),
  last: BigInt(slot * 10 + (length % 10)),
});

describe("RangeMap", () => {
  it("answers like a sorted list", () => {
    const op = fc.tuple(fc.boolean(), fc.nat(400), fc.nat(9));
    fc.assert(
      fc.property(fc.array(op, { maxLength: 600 }), fc.array(fc.nat(4200), { maxLength: 40 }), (ops, probes) => {
        const map = new RangeMap<Ranged>();
        let list: Ranged[] = [];
        for (const [insert, slot, length] of ops) {
          const item = range(slot, length);
          const has = list.some((one) => one.start === item.start);
          if (insert && !has) {
            map.insert(item);
            list = [...list, item].sort((a, b) => Number(a.start - b.start));
          }
          if (!insert) {
            expect(map.delete(item.start)).toBe(has);
            list = list.filter((one) => one.start !== item.start);
          }
        }
        expect([...map]).toEqual(list);
        expect(map.size).toBe(list.length);
        for (const probe of probes) {
          const x = BigInt(probe);
          expect(map.floor(x)).toBe(list.findLast((one) => one.start <= x));
          expect(map.higher(x)).toBe(list.find((one) => one.start > x));
          expect(map.at(x)).toBe(list.find((one) => one.start <= x && x <= one.last));
          const last = x + 25n;
          expect([...map.overlapping(x, last)]).toEqual(list.filter((one) => one.start <= last && one.last >= x));
        }
      }),
      { numRuns: 120, seed: 3 },
    );
  });

  it("holds the whole 64-bit space and both of its ends", () => {
    const map = new RangeMap<Ranged>();
    const max = 0xffff_ffff_ffff_ffffn;
    map.insert({ start: max, last: max });
    map.insert({ start: 0n, last: 0n });
    expect(map.first(1n, max - 1n)).toBeUndefined();
    expect(map.at(max)?.start).toBe(max);
    map.clear();
    expect(map.first(0n, max)).toBeUndefined();
  });

  it("stays sorted at a hundred thousand ranges", () => {
    const map = new RangeMap<Ranged>();
    for (let i = 0; i < 100_000; i++) map.insert(range((i * 7919) % 100_003, 5));
    expect(map.size).toBe(100_000);
    const starts = [...map].map((item) => item.start);
    expect(starts.every((start, i) => i === 0 || start > (starts[i - 1] ?? start))).toBe(true);
  });
});
