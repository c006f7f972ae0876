import fc from "fast-check";
import { expect, test } from "vitest";
import { levelShift } from "../pgtable/vmsav8.ts";
import { Tlb } from "./tlb.ts";

interface Naive {
  asid: number;
  vmid: number;
  granule: number;
  level: number;
  start: bigint;
  size: bigint;
  pa: bigint;
  global: boolean;
}

const ASIDS = [-1, 1, 2, 0x10001];
const pick = <T>(list: readonly T[]) => fc.constantFrom(...list);
const entry = fc.record({
  asid: pick(ASIDS),
  vmid: pick([0, 1]),
  granule: pick([12, 14, 16]),
  level: pick([1, 2, 3]),
  page: fc.nat(40),
  top: pick([0, 1, 0xffff_ffff]),
  global: fc.boolean(),
});
const kind = fc.oneof(
  { weight: 6, arbitrary: fc.constant("insert" as const) },
  { weight: 4, arbitrary: fc.constant("find" as const) },
  { weight: 6, arbitrary: fc.constantFrom("vmid", "asid", "el2", "range", "key") },
);
const action = fc.tuple(kind, entry);

function at(page: number, top: number): { hi: number; lo: number; address: bigint } {
  const lo = (page * 0x11000) | 0;
  return { hi: top | 0, lo, address: (BigInt(top >>> 0) << 32n) | BigInt(lo >>> 0) };
}

test("finds and forgets what a plain list would", () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
      const tlb = new Tlb();
      let list: Naive[] = [];
      const globals = true;
      for (const [what, a] of actions) {
        const { hi, lo, address } = at(a.page, a.top);
        const shift = levelShift(a.level, a.granule);
        const size = 1n << BigInt(shift);
        const start = address - (address % size);
        const same = (e: Naive): boolean =>
          e.asid === a.asid && e.vmid === a.vmid && e.granule === a.granule && e.level === a.level && e.start === start;
        if (what === "insert") {
          const pa = 0x400_0000_0000n + (start % 0x1_0000_0000n);
          const out = pa + (address - start);
          tlb.insert(
            a.asid,
            a.vmid,
            hi,
            lo,
            a.granule,
            a.level,
            Number(out >> 32n),
            Number(BigInt.asIntN(32, out)),
            3,
            3,
            3,
            false,
            a.global,
          );
          list = list.filter((e) => !same(e));
          list.push({
            asid: a.asid,
            vmid: a.vmid,
            granule: a.granule,
            level: a.level,
            start,
            size,
            pa,
            global: a.global,
          });
        } else if (what === "find") {
          const slot = tlb.find(a.asid, a.vmid, hi, lo, a.granule, 1);
          const hits = list.filter((e) => e.asid === a.asid && e.vmid === a.vmid && e.granule === a.granule);
          const want = hits
            .filter((e) => address >= e.start && address < e.start + e.size)
            .sort((x, y) => x.level - y.level)[0];
          expect(slot >= 0).toBe(want !== undefined);
          if (want !== undefined) expect(BigInt(tlb.output(slot, hi, lo))).toBe(want.pa + address - want.start);
        } else if (what === "vmid") {
          tlb.invalidateVmid(a.vmid, a.global);
          list = list.filter((e) => !(e.vmid === a.vmid && !(a.global && e.asid < 0)));
        } else if (what === "asid") {
          tlb.invalidateAsid(a.asid, a.vmid);
          list = list.filter((e) => !(e.asid === a.asid && e.vmid === a.vmid));
        } else if (what === "el2") {
          tlb.invalidateEl2(a.global ? -1 : 1);
          list = list.filter((e) => e.asid !== 0x10001);
        } else if (what === "key") {
          const had = list.some(same);
          expect(
            tlb.invalidateKey(
              a.asid,
              a.vmid,
              Number(BigInt.asIntN(32, start >> 32n)),
              Number(BigInt.asIntN(32, start)),
              a.granule,
              a.level,
            ),
          ).toBe(had);
          list = list.filter((e) => !same(e));
        } else {
          const first = address - (address % 4096n);
          const last = first + size - 1n;
          const stage2 = a.asid < 0;
          tlb.invalidateRange(stage2 ? -2 : a.asid, a.vmid, hi, lo, Number(size / 4096n), globals);
          list = list.filter((e) => {
            if (e.vmid !== a.vmid || e.asid < 0 !== stage2) return true;
            if (!stage2 && e.asid !== a.asid && !e.global) return true;
            return e.start > last || e.start + e.size <= first;
          });
        }
        expect(tlb.count).toBe(list.length);
      }
    }),
    { numRuns: 300 },
  );
});

test("when full, everything goes", () => {
  const tlb = new Tlb();
  for (let i = 0; i < 257; i++) tlb.insert(1, 0, 0, i << 12, 12, 3, 0, i * 4096, 3, 3, 3, false, false);
  expect(tlb.count).toBe(1);
  expect(tlb.find(1, 0, 0, 0, 12, 0)).toBe(-1);
  expect(tlb.find(1, 0, 0, 256 << 12, 12, 0)).toBe(0);
});

test("any of 256 entries can go, in any order; a block of 1 TiB keeps all bits below", () => {
  const tlb = new Tlb();
  const at = (i: number): number => ((i * 40_503) % 65_536) << 12;
  for (let i = 0; i < 256; i++) tlb.insert(1, 0, 0, at(i), 12, 3, 0, at(i), 3, 3, 3, false, false);
  for (let n = 0; n < 256; n++) {
    const lo = at((n * 101 + 7) % 256);
    expect(tlb.find(1, 0, 0, lo, 12, 3) >= 0).toBe(true);
    tlb.invalidateRange(1, 0, 0, lo, 1, true);
    expect(tlb.find(1, 0, 0, lo, 12, 3)).toBe(-1);
  }
  expect(tlb.count).toBe(0);
  tlb.insert(1, 0, 0x345, 0x678, 16, 1, 0x8345, 0x678, 3, 3, 3, true, false);
  const slot = tlb.find(1, 0, 0x1ff, 0x1000, 16, 1);
  expect(tlb.output(slot, 0x1ff, 0x1000)).toBe(0x81ff * 2 ** 32 + 0x1000);
  expect([tlb.isDevice(slot), tlb.shiftOf(slot)]).toEqual([true, 42]);
});
