import fc from "fast-check";
import { expect, test } from "vitest";
import { PhysMem } from "./memory.ts";
import { Listener } from "./testing/rig.ts";

const BASE = 0x12_3456_0000;
const SIZE = 0x3000;

const step = fc.oneof(
  fc.record({ op: fc.constant("w32" as const), at: fc.nat(SIZE / 4 - 1), v: fc.integer({ min: 0, max: 2 ** 32 - 1 }) }),
  fc.record({ op: fc.constant("w64" as const), at: fc.nat(SIZE / 8 - 1), v: fc.integer({ min: 0, max: 2 ** 32 - 1 }) }),
  fc.record({ op: fc.constant("bytes" as const), at: fc.nat(SIZE - 200), v: fc.uint8Array({ maxLength: 200 }) }),
  fc.record({ op: fc.constant("zero" as const), at: fc.nat(SIZE - 1), v: fc.nat(SIZE) }),
  fc.record({ op: fc.constant("look" as const), at: fc.nat(SIZE / 8 - 1), v: fc.constant(0) }),
);

test("behaves as a flat array of bytes, whatever the order", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const mem = new PhysMem();
      const flat = new Uint8Array(SIZE);
      const view = new DataView(flat.buffer);
      for (const s of steps) {
        if (s.op === "w32") {
          mem.write32(BASE + 4 * s.at, s.v);
          view.setUint32(4 * s.at, s.v, true);
        } else if (s.op === "w64") {
          mem.write64(BASE + 8 * s.at, s.v, ~s.v);
          view.setUint32(8 * s.at, s.v, true);
          view.setUint32(8 * s.at + 4, ~s.v, true);
        } else if (s.op === "bytes") {
          mem.writeBytes(BASE + s.at, s.v);
          flat.set(s.v, s.at);
        } else if (s.op === "zero") {
          const n = Math.min(s.v, SIZE - s.at);
          mem.zero(BASE + s.at, n);
          flat.fill(0, s.at, s.at + n);
        } else {
          expect(mem.load64(BASE + 8 * s.at)).toBe(true);
          expect([mem.lo, mem.hi]).toEqual([view.getUint32(8 * s.at, true), view.getUint32(8 * s.at + 4, true)]);
          expect(mem.read32(BASE + 8 * s.at)).toBe(view.getUint32(8 * s.at, true));
        }
      }
      const out = new Uint8Array(SIZE);
      mem.readBytes(BASE, out);
      expect(out).toEqual(flat);
    }),
  );
});

test("a page that was given back is not found again through a short cut", () => {
  const mem = new PhysMem();
  mem.write64(0x5000, 1, 2);
  mem.load64(0x5000);
  mem.zero(0x5000, 0x1000);
  mem.load64(0x5000);
  expect([mem.lo, mem.hi, mem.pages.size]).toEqual([0, 0, 0]);
  mem.write64(0x5000, 3, 4);
  mem.load64(0x5000);
  expect([mem.lo, mem.hi]).toEqual([3, 4]);
});

test("addresses 4 GiB apart are different", () => {
  const mem = new PhysMem();
  mem.write32(0x1_0000_0000, 1);
  mem.write32(0x10_0000_0000, 2);
  expect(mem.load64(0) && mem.lo).toBe(0);
  expect(mem.load64(0x1_0000_0000) && mem.lo).toBe(1);
  expect(mem.load64(0x10_0000_0000) && mem.lo).toBe(2);
});

test("only RAM answers a bus master", () => {
  const mem = new PhysMem([{ start: 0x1000, last: 0x1fff }]);
  expect([mem.answers(0xfff), mem.answers(0x1000), mem.answers(0x1fff), mem.answers(0x2000)]).toEqual([
    false,
    true,
    true,
    false,
  ]);
  expect([mem.load64(0x1ff8), mem.load64(0x2000)]).toEqual([true, false]);
});

test("the probe hears every access with its words", () => {
  const mem = new PhysMem();
  const heard = new Listener();
  mem.probe = heard;
  mem.who = "cpu";
  mem.write64(0x1000, 1, 2, "PTE");
  mem.read32(0x1004, "half");
  mem.writeBytes(0x2000, new Uint8Array(5), "buffer");
  mem.fetch64(0x1000);
  expect(heard.lines).toEqual(["cpu writes 0x1000 PTE", "cpu reads 0x1004 half", "cpu writes 0x2000 buffer, 5 bytes"]);
});

test("a copy shares pages until one side writes", () => {
  const mem = new PhysMem();
  mem.write64(0x1000, 1, 2);
  mem.write64(0x2000, 3, 4);
  const copy = mem.selfCopy((v) => v);
  expect(copy.pages.get(1)).toBe(mem.pages.get(1));
  mem.frame(0, 0x1000);
  copy.frame(0, 0x1000);
  mem.write32(0x1000, 5);
  copy.write32(0x1004, 6);
  copy.zero(0x2000, 8);
  const words = (m: PhysMem): number[] => [
    m.read32(0x1000),
    m.read32(0x1004),
    m.read32(0x2000),
    m.frame(0, 0x1000)?.[0] ?? -1,
  ];
  expect(words(mem)).toEqual([5, 2, 3, 5]);
  expect(words(copy)).toEqual([1, 6, 0, 1]);
});

test("whoever watches hears single words and bulk accesses; what makes two memories equal", () => {
  const mem = new PhysMem();
  const heard = new Listener();
  mem.probe = heard;
  mem.write32(0x1000, 5, "a");
  mem.read64(0x1000, "b");
  mem.readBytes(0x1000, new Uint8Array(3));
  expect(heard.lines).toEqual(["cpu writes 0x1000 a", "cpu reads 0x1000 b", "cpu reads 0x1000 3 bytes"]);
  expect(mem.selfState()).toEqual({ ram: [], pages: mem.pages, who: "cpu", probe: heard });
});

test("goes back to what it was, as often as wanted", () => {
  const mem = new PhysMem();
  mem.write32(0x1000, 5);
  const saved = mem.selfSave();
  for (const value of [6, 7]) {
    mem.write32(0x1000, value);
    mem.write32(0x5000, value);
    expect(mem.load64(0x1000)).toBe(true);
    mem.selfRestore(saved);
    expect([mem.read32(0x1000), mem.read32(0x5000)]).toEqual([5, 0]);
    expect([mem.load64(0x1000), mem.lo]).toEqual([true, 5]);
  }
});
