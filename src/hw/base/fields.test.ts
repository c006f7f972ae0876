import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as its from "../irq/its_commands.ts";
import * as pci from "../pci/regs.ts";
import * as descriptors from "../pgtable/vmsav8.ts";
import * as cd from "../smmuv3/cd.ts";
import * as commands from "../smmuv3/commands.ts";
import * as evtq from "../smmuv3/evtq.ts";
import * as regs from "../smmuv3/regs.ts";
import * as ste from "../smmuv3/ste.ts";
import { type BitTable, bitTable, decode, encode, get, nameOf, set } from "./fields.ts";

function isTable(x: unknown): x is BitTable {
  return typeof x === "object" && x !== null && "fields" in x && "words" in x;
}

const tables = [its, pci, descriptors, cd, commands, evtq, regs, ste].flatMap((m) =>
  Object.values<unknown>(m).filter(isTable),
);

test("there are tables to check", () => {
  expect(tables.length).toBeGreaterThan(25);
});

describe.each(tables.map((t) => [t.name, t] as const))("%s", (_, table) => {
  test("fields do not overlap and stay inside their word", () => {
    const used = new Uint32Array(table.words);
    for (const f of table.fields) {
      const place = (f.mask << f.lo) >>> 0;
      expect(f.hi).toBeLessThanOrEqual(31);
      expect([f.name, ((used[f.word] ?? 0) & place) >>> 0]).toEqual([f.name, 0]);
      used[f.word] = ((used[f.word] ?? 0) | place) >>> 0;
    }
  });

  test("encode(decode(x)) keeps every declared bit", () => {
    const declared = new Uint32Array(table.words);
    for (const f of table.fields) declared[f.word] = ((declared[f.word] ?? 0) | (f.mask << f.lo)) >>> 0;
    fc.assert(
      fc.property(fc.uint32Array({ minLength: table.words, maxLength: table.words }), (x) => {
        expect(encode(table, decode(table, x))).toEqual(x.map((w, i) => w & (declared[i] ?? 0)));
      }),
      { numRuns: 20 },
    );
  });

  test("is frozen and names only values that fit", () => {
    expect(Object.isFrozen(table) && Object.isFrozen(table.fields) && Object.isFrozen(table.f)).toBe(true);
    for (const f of table.fields) {
      expect(Object.isFrozen(f)).toBe(true);
      for (const v of Object.keys(f.values ?? {})) expect(Number(v)).toBeLessThanOrEqual(f.mask);
    }
  });
});

test("a field leaves its neighbours alone, at any base", () => {
  const t = bitTable("T", "none", 2, { A: [0, 7, 0], B: [0, 31, 8], C: [1, 15, 4, { 3: "three" }] });
  const words = new Uint32Array(6).fill(0xffff_ffff);
  set(t.f.B, words, 0, 2);
  set(t.f.C, words, 3, 2);
  expect([...words]).toEqual([0xffff_ffff, 0xffff_ffff, 0xff, 0xffff_003f, 0xffff_ffff, 0xffff_ffff]);
  expect(get(t.f.C, words, 2)).toBe(3);
  expect([nameOf(t.f.C, 3), nameOf(t.f.C, 4)]).toEqual(["three", "0x4"]);
});

test("declaring overlapping or straddling fields is refused", () => {
  expect(() => bitTable("T", "", 1, { A: [0, 7, 0], B: [0, 9, 7] })).toThrow("T.B: overlaps another field");
  expect(() => bitTable("T", "", 1, { A: [0, 32, 0] })).toThrow("T.A: outside its word");
  expect(() => bitTable("T", "", 1, { A: [1, 3, 0] })).toThrow("T.A: outside its word");
});
