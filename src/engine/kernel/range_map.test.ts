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
          const min = BigInt(probe % 9) + 1n;
          const holes: Ranged[] = [];
          let cursor = x;
          for (const one of [...list, { start: last + 1n, last: last + 1n }]) {
            const end = one.start - 1n < last ? one.start - 1n : last;
            if (end - cursor + 1n >= min) holes.push({ start: cursor, last: end });
            if (one.last + 1n > cursor) cursor = one.last + 1n;
          }
          expect([...map.gaps(x, last, min)]).toEqual(holes);
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

  it("finds the holes of a large map like a walk over all of it", () => {
    const map = new RangeMap<Ranged>();
    for (let i = 0; i < 20_000; i++) map.insert({ start: BigInt(i * 10), last: BigInt(i * 10 + 9) });
    let x = 1;
    const random = (n: number): number => (x = (x * 48_271) % 0x7fff_ffff) % n;
    for (let round = 0; round < 400; round++) {
      const slot = BigInt(random(20_000) * 10);
      if (!map.delete(slot)) map.insert({ start: slot, last: slot + 9n });
      if (round % 20 !== 0) continue;
      const [start, min] = [BigInt(random(200_000)), BigInt(1 + random(20))];
      const walked: Ranged[] = [];
      let cursor = start;
      for (const one of [...map, { start: 250_001n, last: 250_001n }]) {
        if (one.start - cursor >= min) walked.push({ start: cursor, last: one.start - 1n });
        if (one.last >= cursor) cursor = one.last + 1n;
      }
      expect([...map.gaps(start, 250_000n, min)]).toEqual(walked);
    }
  });

  it("stays sorted at a hundred thousand ranges", () => {
    const map = new RangeMap<Ranged>();
    for (let i = 0; i < 100_000; i++) map.insert(range((i * 7919) % 100_003, 5));
    expect(map.size).toBe(100_000);
    const starts = [...map].map((item) => item.start);
    expect(starts.every((start, i) => i === 0 || start > (starts[i - 1] ?? start))).toBe(true);
  });
});
