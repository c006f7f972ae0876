import fc from "fast-check";
import { expect, test } from "vitest";
import { common, merged, type Span, without } from "./spans.ts";
import { align } from "./traces.ts";

const LEAST = 40;
const spans: fc.Arbitrary<Span[]> = fc
  .array(fc.tuple(fc.bigInt({ min: 0n, max: 40n }), fc.bigInt({ min: 0n, max: 6n })))
  .map((list) => merged(list.map(([start, more]) => ({ start, last: start + more }))));
const holds = (list: readonly Span[], x: bigint): boolean => list.some((s) => x >= s.start && x <= s.last);

test("spans: every address is in the difference or the common part exactly where it should be", () => {
  fc.assert(
    fc.property(spans, spans, (a, b) => {
      const only = without(a, b);
      const both = common(a, b);
      for (let x = 0n; x < BigInt(LEAST + 10); x++) {
        expect(holds(only, x)).toBe(holds(a, x) && !holds(b, x));
        expect(holds(both, x)).toBe(holds(a, x) && holds(b, x));
      }
      for (const list of [only, both])
        for (let i = 1; i < list.length; i++) expect((list[i - 1]?.last ?? 0n) < (list[i]?.start ?? 0n)).toBe(true);
    }),
  );
});

/** Length of the longest common subsequence, the slow way. */
function longest(a: readonly string[], b: readonly string[]): number {
  let row = Array.from({ length: b.length + 1 }, () => 0);
  for (const x of a) {
    const next = [0];
    b.forEach((y, j) => next.push(x === y ? (row[j] ?? 0) + 1 : Math.max(row[j + 1] ?? 0, next[j] ?? 0)));
    row = next;
  }
  return row.at(-1) ?? 0;
}

test("traces: every entry stands in one row, in order; equal rows are equal, and as many as can be", () => {
  const words = fc.array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 14 });
  fc.assert(
    fc.property(words, words, (a, b) => {
      const rows = align(a, b);
      expect(rows.flatMap((r) => (r.a < 0 ? [] : [r.a]))).toEqual(a.map((_, i) => i));
      expect(rows.flatMap((r) => (r.b < 0 ? [] : [r.b]))).toEqual(b.map((_, i) => i));
      for (const r of rows) if (r.same) expect(a[r.a]).toBe(b[r.b]);
      expect(rows.filter((r) => r.same).length).toBe(longest(a, b));
    }),
    { numRuns: 400 },
  );
});
