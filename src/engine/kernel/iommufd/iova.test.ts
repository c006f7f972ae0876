import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { testKernel } from "../../testing/program.ts";
import { ULONG_MAX } from "../mm/const.ts";
import { RangeMap } from "../range_map.ts";
import { type AllowedRange, IoPagetable, IoptArea } from "./iopt.ts";
import { iopt_alloc_iova, iopt_check_iova } from "./iova.ts";
import { iopt_holes, iopt_remove_reserved_iova, iopt_reserve_iova } from "./reserved.ts";

const k = testKernel();
const WHY = { label: "a test", kind: "test" };
const PLACE = { index: 0, index_last: 0, page_offset: 0, iommu_prot: 3 };

function iopt(
  setup: { areas?: [bigint, bigint][]; reserved?: [bigint, bigint][]; allowed?: [bigint, bigint][] } = {},
): IoPagetable {
  const table = new IoPagetable();
  for (const [start, last] of setup.areas ?? []) table.areas.insert(new IoptArea(table, start, last, PLACE));
  for (const [start, last] of setup.reserved ?? []) expect(iopt_reserve_iova(k, table, start, last, null, WHY)).toBe(0);
  const allowed = new RangeMap<AllowedRange>();
  for (const [start, last] of setup.allowed ?? []) allowed.insert({ start, last });
  table.allowed = allowed;
  return table;
}

describe("automatic IOVA, the worked examples", () => {
  const aperture: [bigint, bigint][] = [
    [0n, 0xff_ffffn],
    [0x8000_0000n, ULONG_MAX],
  ];
  it.each<[string, IoPagetable, bigint, bigint, bigint, bigint | number]>([
    ["2 MiB aligned memory, three pages", iopt(), 1n, 0x7f00_0020_0000n, 0x3000n, 0x4000n],
    ["the same, one page", iopt(), 1n, 0x7f00_0020_0000n, 0x1000n, 0x1000n],
    ["the next one", iopt({ areas: [[0x1000n, 0x1fffn]] }), 1n, 0x7f00_0020_0000n, 0x1000n, 0x2000n],
    ["memory aligned to a page only", iopt(), 1n, 0x7f00_0020_1000n, 0x40_0000n, 0x1000n],
    ["1 GiB, capped at 2 MiB", iopt(), 1n, 0x7f00_0000_0000n, 1n << 30n, 0x20_0000n],
    ["above a mock aperture", iopt({ reserved: aperture }), 0x800n, 0x7f00_0000_1000n, 0x1000n, 0x100_0000n],
    ["half a page", iopt({ reserved: aperture }), 0x800n, 0x7f00_0000_1000n, 0x800n, 0x100_0000n],
    [
      "the second half",
      iopt({ reserved: aperture, areas: [[0x100_0000n, 0x100_07ffn]] }),
      0x800n,
      0x7f00_0000_1800n,
      0x800n,
      0x100_0800n,
    ],
    ["exactly the allowed page", iopt({ allowed: [[0x1_0000n, 0x1_0fffn]] }), 1n, 0x7000n, 0x1000n, 0x1_0000n],
    ["an allowed range whose first page is page 0", iopt({ allowed: [[0n, 0x1fffn]] }), 1n, 0n, 0x2000n, -28],
    ["one byte more than a page", iopt(), 1n, 0x7000n, 0x1001n, 0x1000n],
    ["memory less aligned than the IOAS", iopt(), 0x800n, 0x7100n, 0x1000n, -22],
    ["half of all there is", iopt(), 1n, 0n, ULONG_MAX / 2n, -75],
    ["nothing", iopt(), 1n, 0n, 0n, -75],
    ["a full IOAS", iopt({ reserved: [[0n, ULONG_MAX]] }), 1n, 0n, 0x1000n, -28],
  ])("%s", (_name, table, alignment, addr, length, want) => {
    table.iova_alignment = alignment;
    expect(iopt_alloc_iova(k, table, addr, length)).toBe(want);
  });

  it("is aligned to a page at most without transparent huge pages", () => {
    const small = testKernel("linux-7.2", { transparent_hugepage: false });
    expect(iopt_alloc_iova(small, iopt(), 0x7f00_0000_0000n, 1n << 30n)).toBe(0x1000n);
  });

  it("always is a hole that a fixed mapping could take, and never page 0", () => {
    const page = fc.nat(300);
    const ranges = fc.array(fc.tuple(page, fc.integer({ min: 1, max: 6 })), { maxLength: 40 });
    fc.assert(
      fc.property(ranges, ranges, fc.integer({ min: 1, max: 20 }), page, (mapped, taken, pages, at) => {
        const table = new IoPagetable();
        for (const [start, n] of mapped) {
          const range = { start: BigInt(start) * 4096n, last: BigInt(start + n) * 4096n - 1n };
          if (table.areas.first(range.start, range.last) === undefined) {
            table.areas.insert(new IoptArea(table, range.start, range.last, PLACE));
          }
        }
        for (const [start, n] of taken) {
          iopt_reserve_iova(k, table, BigInt(start) * 4096n, BigInt(start + n) * 4096n - 1n, null, WHY);
        }
        const length = BigInt(pages) * 4096n;
        const iova = iopt_alloc_iova(k, table, BigInt(at) * 4096n, length);
        expect(typeof iova).toBe("bigint");
        if (typeof iova !== "bigint") return;
        expect(iova).toBeGreaterThanOrEqual(4096n);
        expect(iopt_check_iova(k, table, iova, length)).toBe(0);
      }),
      { numRuns: 300, seed: 6 },
    );
  });
});

describe("reserved ranges", () => {
  it("may overlap and repeat; owners take theirs away", () => {
    const table = iopt();
    const [a, b] = [{}, {}];
    expect(iopt_reserve_iova(k, table, 0x1000n, 0x2fffn, a, WHY)).toBe(0);
    expect(iopt_reserve_iova(k, table, 0x2000n, 0x3fffn, b, WHY)).toBe(0);
    expect(iopt_reserve_iova(k, table, 0x4000n, 0x4fffn, a, WHY)).toBe(0);
    expect(iopt_holes(table)).toEqual([
      { start: 0n, last: 0xfffn },
      { start: 0x5000n, last: ULONG_MAX },
    ]);
    iopt_remove_reserved_iova(k, table, a);
    expect(iopt_holes(table)).toEqual([
      { start: 0n, last: 0x1fffn },
      { start: 0x4000n, last: ULONG_MAX },
    ]);
    iopt_remove_reserved_iova(k, table, b);
    expect(iopt_holes(table)).toEqual([{ start: 0n, last: ULONG_MAX }]);
  });

  it("do not go where something is mapped or promised", () => {
    const table = iopt({ areas: [[0x1000n, 0x1fffn]], allowed: [[0x8000n, 0x8fffn]] });
    expect(iopt_reserve_iova(k, table, 0n, 0x1000n, null, WHY)).toBe(-98);
    expect(iopt_reserve_iova(k, table, 0x8fffn, 0x9fffn, null, WHY)).toBe(-98);
    expect(iopt_reserve_iova(k, table, 0x2000n, 0x7fffn, null, WHY)).toBe(0);
  });
});

describe("fixed IOVA", () => {
  it("is checked in the order alignment, wrap, reserved, mapped", () => {
    const table = iopt({ areas: [[0x4000n, 0x4fffn]], reserved: [[0x6000n, 0x6fffn]] });
    table.iova_alignment = 0x1000n;
    expect(iopt_check_iova(k, table, 0x4800n, 0x1000n)).toBe(-22);
    expect(iopt_check_iova(k, table, ULONG_MAX - 0xfffn, 0x2000n)).toBe(-75);
    expect(iopt_check_iova(k, table, 0x4000n, 0x3000n)).toBe(-22);
    expect(iopt_check_iova(k, table, 0x3000n, 0x2000n)).toBe(-17);
    expect(iopt_check_iova(k, table, 0x5000n, 0x1000n)).toBe(0);
  });
});
