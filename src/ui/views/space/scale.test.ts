import fc from "fast-check";
import { expect, test } from "vitest";
import { type Landmark, PAGE, TOP, TRUE_SCALE, buildAxis } from "./axis.ts";
import { Scale, WHOLE } from "./scale.ts";

const landmarks: Landmark[] = [
  { start: 0x8000000n, last: 0x80fffffn, kind: "sw_msi" },
  { start: 0x8090000n, last: 0x8090fffn, kind: "doorbell" },
  { start: 0x40000000n, last: 0x401fffffn, kind: "map" },
  { start: 0x41000000n, last: 0x4100ffffn, kind: "map" },
  { start: 0n, last: (1n << 44n) - 1n, kind: "range" },
  { start: 0x1000n, last: 0x1fffn, kind: "map" },
];
const axis = buildAxis(landmarks);
const whole = () => new Scale(axis, WHOLE, 900, 24);
const address = fc.oneof(
  fc.bigInt({ min: 0n, max: TOP }),
  fc.bigInt({ min: 0x7fff000n, max: 0x8101000n }),
  fc.bigInt({ min: TOP - 0x10000n, max: TOP }),
);

test("what stands somewhere is seen at once, from a page to 2^64", () => {
  const s = whole();
  expect(s.x(0n)).toBe(0);
  expect(s.x(TOP)).toBeCloseTo(900, 6);
  for (const l of landmarks) expect(s.xLast(l.last) - s.x(l.start)).toBeGreaterThan(4);
});

test("gaps are the stretches where nothing stands", () => {
  const gaps = axis.pieces.filter((p) => p.gap).map((p) => [p.start, p.end]);
  expect(gaps).toContainEqual([0x2000n, 0x8000000n]);
  expect(gaps).toContainEqual([0x8100000n, 0x40000000n]);
  expect(gaps).toContainEqual([1n << 44n, TOP]);
  expect(gaps).not.toContainEqual([0x8000000n, 0x8090000n]);
});

test("the axis never goes back", () => {
  const s = whole();
  fc.assert(
    fc.property(address, address, (a, b) => {
      if (a < b) expect(s.x(a)).toBeLessThanOrEqual(s.x(b));
    }),
  );
});

test("pixel to address and back", () => {
  fc.assert(
    fc.property(address, fc.double({ min: 0, max: 900, noNaN: true }), fc.boolean(), (a, px, plain) => {
      const start = new Scale(plain ? TRUE_SCALE : axis, WHOLE, 900, 24);
      const near = new Scale(start.axis, start.fitted(a >= TOP ? TOP - PAGE : a, a >= TOP ? TOP - 1n : a), 900, 24);
      const found = near.at(px);
      const step = near.pixelsPerByte(near.stretches()[0]?.piece ?? axis.pieces[0]!);
      expect(Math.abs(near.x(found) - px)).toBeLessThan(Math.max(0.6 * step, 0.5));
    }),
  );
});

test("zooming holds the address under the pointer, down to one page", () => {
  for (const target of [0x8000000n, 0x8090000n, 0x1000n, TOP - PAGE, 0x40000000n]) {
    for (const start of [axis, TRUE_SCALE]) {
      let s = new Scale(start, WHOLE, 900, 24);
      for (let i = 0; i < 400; i++) {
        const px = s.x(target + PAGE / 2n);
        s = new Scale(start, s.zoomed(px, 1.3), 900, 24);
      }
      expect(s.window.hi - s.window.lo).toBe(PAGE);
      expect([target, start === axis, s.window.lo <= target + PAGE / 2n, target + PAGE / 2n <= s.window.hi]).toEqual([
        target,
        start === axis,
        true,
        true,
      ]);
    }
  }
});

test("zooming out far enough shows everything again", () => {
  let s = new Scale(axis, { lo: 0x8000000n, hi: 0x8001000n }, 900, 24);
  for (let i = 0; i < 200; i++) s = new Scale(axis, s.zoomed(300, 0.8), 900, 24);
  expect(s.window).toEqual(WHOLE);
});

test("panning stops at the ends and keeps the zoom", () => {
  const near = new Scale(axis, { lo: 0x8000000n, hi: 0x8100000n }, 900, 24);
  const moved = new Scale(axis, near.panned(-100), 900, 24);
  expect(moved.x(0x8000000n)).toBeCloseTo(100, 0);
  const far = new Scale(axis, near.panned(1e9), 900, 24);
  expect(far.window.hi).toBe(TOP);
  expect(new Scale(axis, near.panned(-1e9), 900, 24).window.lo).toBe(0n);
});

test("fitting a range leaves room at both sides", () => {
  const s = new Scale(axis, whole().fitted(0x40000000n, 0x401fffffn), 900, 24);
  expect(s.x(0x40000000n)).toBeCloseTo(900 * 0.16, 0);
  expect(s.xLast(0x401fffffn)).toBeCloseTo(900 * 0.84, 0);
});

test("a window inside a gap is linear", () => {
  const s = new Scale(axis, { lo: 0x10000000n, hi: 0x20000000n }, 900, 24);
  expect(s.x(0x18000000n)).toBeCloseTo(450, 6);
});
