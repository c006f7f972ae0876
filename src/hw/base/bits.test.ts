import fc from "fast-check";
import { expect, test } from "vitest";
import { alignDown, bits, bits64, bytesOf, hex, hex64, hexOf, high, join, low, mask32 } from "./bits.ts";
import { freezeDeep } from "./freeze.ts";

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const address = fc.maxSafeInteger().filter((n) => n >= 0);

test("halves join back", () => {
  const property = fc.property(address, (a) => join(low(a), high(a)) === a);
  expect(fc.check(property).failed).toBe(false);
});

test("bits as BigInt has them", () => {
  fc.assert(
    fc.property(u32, u32, fc.nat(63), fc.nat(52), (lo, hi, at, width) => {
      const top = Math.min(at + width, 63);
      const word = (BigInt(hi) << 32n) | BigInt(lo);
      const want = (word >> BigInt(at)) & ((1n << BigInt(top - at + 1)) - 1n);
      expect(bits64(lo, hi, top, at)).toBe(Number(want));
    }),
  );
  expect([bits(0xf0, 7, 4), mask32(0), mask32(32) >>> 0]).toEqual([15, 0, 0xffff_ffff]);
});

test("alignDown clears exactly the low bits", () => {
  fc.assert(
    fc.property(address, fc.nat(52), (a, n) => {
      expect(BigInt(alignDown(a, n))).toBe((BigInt(a) >> BigInt(n)) << BigInt(n));
    }),
  );
});

test("hexadecimal both ways", () => {
  fc.assert(fc.property(u32, u32, (lo, hi) => BigInt(hex64(lo, hi)) === ((BigInt(hi) << 32n) | BigInt(lo))));
  fc.assert(
    fc.property(fc.uint8Array(), (b) => {
      expect(bytesOf(hexOf(b))).toEqual(b);
    }),
  );
  expect(hex(0x40, 3)).toBe("0x040");
});

test("freezeDeep freezes all the way down", () => {
  const x = freezeDeep({ a: [{ b: 1 }] });
  expect([x, x.a, x.a[0]].every((o) => Object.isFrozen(o))).toBe(true);
});
