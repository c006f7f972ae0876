import { expect, test } from "vitest";
import type { TableEntry, TablePage, TablesView } from "../../../engine/views/types.ts";
import { drawTables } from "./draw.ts";
import { layoutTables } from "./layout.ts";
import { askedOf, moved, pathWith, rootOfTrack, spokenRow, trackOfRoot } from "./model.ts";

const entry = (index: number, more: Partial<TableEntry> = {}): TableEntry => ({
  t: "entry",
  index,
  pa: BigInt(0x4000 + index * 8),
  value: 0n,
  changed: false,
  valid: false,
  range: { start: BigInt(index) << 21n, last: (BigInt(index + 1) << 21n) - 1n },
  what: "invalid",
  fields: [],
  target: null,
  leads: false,
  refs: [`desc:0x${(0x4000 + index * 8).toString(16)}:2:2`],
  ...more,
});
const page = (n: number, picked: number): TablePage => ({
  title: `S2 L${n}`,
  sub: "512 of 2M",
  pa: 0x4000n,
  entries: 512,
  valid: 2,
  changed: 1,
  strip: new Uint8Array(128),
  rows: [
    entry(0, { valid: true, what: "table", target: { label: "table", pa: 0x5000n } }),
    entry(1, { valid: true, what: "block 2M", changed: true, value: 0x7fdn, before: 0n }),
    {
      t: "fold",
      first: 2,
      last: 511,
      count: 510,
      changed: 0,
      valid: false,
      what: "invalid",
      range: null,
      target: null,
    },
  ],
  picked,
});
const view = (pages: number): TablesView => ({
  roots: [{ ref: "hwpt:3", title: "hwpt 3", group: "page tables" }],
  root: "hwpt:3",
  path: Array.from({ length: pages }, () => 0),
  pages: Array.from({ length: pages }, (_, n) => page(n, 0)),
  chosen: null,
  end: "",
});

test("the page in hand is wide, what is far becomes a strip, nothing lies over another", () => {
  for (const width of [500, 700, 1100, 2000])
    for (const hand of [0, 3, 6]) {
      const { columns } = layoutTables(view(7), hand, width, 400, 12);
      expect(columns[hand]?.kind).toBe("wide");
      columns.slice(1).forEach((c, i) => expect(c.x).toBeGreaterThan((columns[i]?.x ?? 0) + (columns[i]?.w ?? 0)));
    }
  const kinds = layoutTables(view(7), 6, 700, 400, 12).columns.map((c) => c.kind);
  expect(kinds[0]).toBe("spine");
  expect(kinds.indexOf("narrow") === -1 || kinds.indexOf("narrow") > kinds.lastIndexOf("spine")).toBe(true);
});

test("every bit that the step changed has its tick", () => {
  const v = view(1);
  const marks = drawTables(v, layoutTables(v, 0, 900, 400, 12), null);
  const ticks = marks.filter((m) => m.k === "rect" && m.fill === "accent" && m.h === 2.5);
  expect(ticks).toHaveLength(10);
  expect(marks.some((m) => m.k === "rect" && m.refs?.includes("@0.f2.511") === true)).toBe(true);
});

test("the keyboard stops at the ends and speaks of what it meets", () => {
  const p = page(2, 0);
  expect(moved(p, null, 0, 1)).toEqual({ page: 0, index: 1 });
  expect(moved(p, { page: 0, index: 2 }, 0, 5)).toEqual({ page: 0, index: 2 });
  expect(moved(p, { page: 0, index: 1 }, 0, -9999)).toEqual({ page: 0, index: 0 });
  expect(spokenRow(p, 1)).toBe("S2 L2 entry 0x1: block 2M, from 0x200000, changed by this step");
  expect(spokenRow(p, 2)).toContain("510 invalid");
});

test("what is shown: the chosen entry, else what was picked, else what is walked", () => {
  const target = { device: "D1", iova: 0x1000n, write: true };
  const picked = { track: "hwpt:3:table", start: 0x2000n, last: 0x2fffn };
  expect(askedOf({ root: "s1:T", path: [1] }, picked, target)).toEqual({ root: "s1:T", path: [1] });
  expect(askedOf(null, picked, target)).toEqual({ root: "hwpt:3", path: [], at: 0x2000n });
  expect(askedOf(null, null, target)).toEqual({ root: "dev:D1", path: [], at: 0x1000n });
  expect(askedOf(null, { ...picked, track: "ioas:2:mapped" }, null)).toEqual({ root: null, path: [] });
  for (const root of ["hwpt:3", "s1:T", "container:5:table"]) expect(rootOfTrack(trackOfRoot(root) ?? "")).toBe(root);
  expect(pathWith(view(4), 1, 7)).toEqual([0, 7]);
});
