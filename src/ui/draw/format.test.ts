import { expect, test } from "vitest";
import { address, parseAddress, runs, size } from "./format.ts";

test("sizes as people write them", () => {
  const written = [1n, 4096n, 2031616n, 130023424n, 1n << 20n, 9240576n, (1n << 44n) - (1n << 32n), 1n << 64n].map(
    size,
  );
  expect(written).toEqual(["1 B", "4K", "1.9M", "124M", "1M", "8.8M", "16T", "16E"]);
  expect(size(1023n * 1024n + 1023n)).toBe("1M");
});

test("hex digits are grouped from the right, and nothing is added", () => {
  const grouped = (text: string) =>
    runs(text)
      .map((r) => (r.group ? `|${r.text}` : r.text))
      .join("");
  expect(grouped("iova=0x40000000 len=2M")).toBe("iova=0x4000|0000 len=2M");
  expect(grouped("W 8090040")).toBe("W 809|0040");
  expect(grouped("0x18 0xd4")).toBe("0x18 0xd4");
  expect(grouped("[0x0, 0x7ffffff] [0x8100000, 0xfffffffffff]")).toBe(
    "[0x0, 0x7ff|ffff] [0x810|0000, 0xfff|ffff|ffff]",
  );
  for (const text of ["W 8090040", "a 0x123456789abcdef0 b", "0000:00:03.0", "eventfd=9 addr 0x8090040", ""])
    expect(
      runs(text)
        .map((r) => r.text)
        .join(""),
    ).toBe(text);
});

test("large powers of two are written as such", () => {
  expect([1n << 44n, 1n << 64n, 0x8000000n, 0n].map(address)).toEqual(["2^44", "2^64", "8000000", "0x0"]);
});

test("typed addresses", () => {
  expect(parseAddress(" 0x800 0040 ")).toBe(0x8000040n);
  expect(parseAddress("4096")).toBe(4096n);
  expect(parseAddress("8000040h")).toBeNull();
  expect(parseAddress("0x1ffffffffffffffff")).toBeNull();
  expect(parseAddress("")).toBeNull();
});
