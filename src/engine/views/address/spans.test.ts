import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TrackInterval } from "../types.ts";
import { changedOf, denseState, Spans, spansOf, windowOf } from "./spans.ts";

const interval = (start: bigint, last: bigint): TrackInterval => ({
  start,
  last,
  kind: "map",
  label: "",
  detail: "",
  ref: `area:${start}`,
});

/** Disjoint, ascending. */
const lists = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 1, max: 30 })), { maxLength: 200 })
  .map((gaps) => {
    let at = 0n;
    return gaps.map(([gap, size]) => {
      const start = at + BigInt(gap);
      at = start + BigInt(size);
      return interval(start, at - 1n);
    });
  });

const columns = (list: readonly TrackInterval[]): Spans => spansOf("map", list, () => 0);
const meets = (i: TrackInterval, from: bigint, to: bigint): boolean => i.start < to && i.last >= from;

describe("a window of a dense track", () => {
  it("counts and covers what a plain list has there, in every bucket", () => {
    fc.assert(
      fc.property(lists, fc.integer({ min: 1, max: 60 }), (list, buckets) => {
        const end = (list.at(-1)?.last ?? 0n) + 1n;
        const size = (end + BigInt(buckets) - 1n) / BigInt(buckets);
        const to = size * BigInt(buckets);
        const w = windowOf("t", denseState(columns(list), null), 0n, to, buckets);
        expect(w.count).toBe(list.length);
        if (w.buckets === null) {
          expect(w.intervals).toEqual(list);
          return;
        }
        w.buckets.counts.forEach((n, i) => {
          const [lo, hi] = [BigInt(i) * size, BigInt(i + 1) * size];
          const here = list.filter((x) => meets(x, lo, hi));
          expect(n).toBe(here.length);
          const bytes = here.reduce(
            (sum, x) => sum + Number((x.last + 1n < hi ? x.last + 1n : hi) - (x.start > lo ? x.start : lo)),
            0,
          );
          const part = (255 * bytes) / Number(size);
          expect(w.buckets?.cover[i]).toBe(here.length === 0 ? 0 : Math.max(1, Math.round(part)));
        });
      }),
    );
  });

  it("lists the intervals where they are few", () => {
    const list = Array.from({ length: 5000 }, (_, i) => interval(BigInt(i) * 8192n, BigInt(i) * 8192n + 4095n));
    const state = denseState(columns(list), null);
    expect(windowOf("t", state, 0n, 5000n * 8192n, 1000).intervals).toBeNull();
    const near = windowOf("t", state, 8192n * 100n, 8192n * 110n, 1000);
    expect(near.intervals?.map((i) => i.start)).toEqual(list.slice(100, 110).map((i) => i.start));
  });

  it("is exact at the top of the 64-bit space", () => {
    const top = 1n << 64n;
    const list = Array.from({ length: 2000 }, (_, i) =>
      interval(top - BigInt(2000 - i) * 8192n, top - BigInt(2000 - i) * 8192n + 4095n),
    );
    const near = windowOf("t", denseState(columns(list), null), top - 8192n * 4n, top, 64);
    expect(near.intervals?.map((i) => [i.start, i.last])).toEqual(list.slice(-4).map((i) => [i.start, i.last]));
  });
});

describe("what a step did to a dense track", () => {
  it("is what a plain comparison finds, and no bucket hides it", () => {
    fc.assert(
      fc.property(
        lists,
        fc.array(fc.boolean(), { minLength: 200, maxLength: 200 }),
        fc.array(fc.boolean(), { minLength: 200, maxLength: 200 }),
        (list, was, is) => {
          const before = list.filter((_, i) => was[i]);
          const now = list.filter((_, i) => is[i]);
          const state = denseState(columns(now), columns(before));
          const added = list.filter((_, i) => is[i] === true && was[i] !== true);
          const removed = list.filter((_, i) => is[i] !== true && was[i] === true);
          expect(state.added[now.length]).toBe(added.length);
          expect(state.removed.n).toBe(removed.length);
          const changed = changedOf(state);
          expect(changed.filter((c) => c.change === "added").map((c) => c.start)).toEqual(added.map((a) => a.start));
          expect(changed.filter((c) => c.change === "removed").map((c) => c.start)).toEqual(
            removed.map((a) => a.start),
          );
          const end = (list.at(-1)?.last ?? 0n) + 1n;
          const w = windowOf("t", state, 0n, end, 40);
          if (w.buckets === null) return;
          const size = Number(end) / 40;
          w.buckets.change.forEach((bits, i) => {
            const inside = (x: TrackInterval): boolean =>
              Number(x.start) < (i + 1) * size && Number(x.last) + 1 > i * size;
            expect((bits & 1) !== 0).toBe(added.some(inside));
            expect((bits & 2) !== 0).toBe(removed.some(inside));
          });
        },
      ),
    );
  });

  it("sees one that is in the same place with another backing", () => {
    const list = [interval(0n, 4095n), interval(8192n, 12287n)];
    const a = spansOf("map", list, () => 1);
    const b = spansOf("map", list, (i) => (i.start === 0n ? 1 : 2));
    const state = denseState(b, a);
    expect(changedOf(state).map((c) => [c.start, c.change])).toEqual([
      [8192n, "added"],
      [8192n, "removed"],
    ]);
  });
});

describe("a summary", () => {
  it("tells stretches apart that a wide hole separates", () => {
    const block = (at: bigint): TrackInterval[] =>
      Array.from({ length: 600 }, (_, i) => interval(at + BigInt(i) * 8192n, at + BigInt(i) * 8192n + 4095n));
    const s = columns([...block(0x1000_0000n), ...block(0x80_0000_0000n)]).summary();
    expect(s.count).toBe(1200);
    expect(s.clusters.map((c) => [c.start, c.count])).toEqual([
      [0x1000_0000n, 600],
      [0x80_0000_0000n, 600],
    ]);
  });
});
