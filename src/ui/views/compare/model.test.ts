import { expect, test } from "vitest";
import type { CompareCell, CompareFact, CompareRow, KernelInfo } from "../../../engine/views/types.ts";
import { kernelGroups } from "../../library/groups.ts";
import { firstDifference, rowView } from "./model.ts";

const fact = (kind: CompareFact["kind"], sign: CompareFact["sign"], text: string): CompareFact => ({
  kind,
  sign,
  text,
  short: text.replace("ioas:2 reserves ", ""),
});
const cell = (result: string, facts: CompareFact[], differs = false): CompareCell => ({
  outcome: "ok",
  result,
  facts,
  differs,
});
const row = (cells: (CompareCell | null)[]): CompareRow => ({
  step: 9,
  actor: "vmm",
  prefix: "VFIO_DEVICE_",
  op: "ATTACH",
  args: "",
  cells,
  differs: cells.some((c) => c?.differs === true),
});
const window = fact("reserved", "+", "ioas:2 reserves 0x8000000-0x80fffff");
const attached = fact("attached", "+", "dev:D1 is attached to hwpt:6");

test("a row in which all agree is one line a cell", () => {
  const view = rowView(row([cell("0", [attached]), cell("0", [attached])]));
  expect(view.height).toBe(1);
  expect(view.cells.map((c) => c.lines)).toEqual([[], []]);
});

test("a differing cell shows what it alone did, and not what all did", () => {
  const view = rowView(row([cell("0", [attached]), cell("0", [attached, window], true)]));
  expect(view.cells[1]?.lines.map((l) => l.text)).toEqual(["+ 0x8000000-0x80fffff"]);
  expect(view.height).toBe(2);
});

test("a cell that left something undone says what", () => {
  const view = rowView(row([cell("0", [attached, window]), cell("0", [attached], true)]));
  expect(view.cells[1]?.lines).toEqual([
    {
      text: "without 0x8000000-0x80fffff",
      title: "does not do: + ioas:2 reserves 0x8000000-0x80fffff",
      kind: "missing",
    },
  ]);
});

test("a kernel on which the scenario does not start leaves its cell empty", () => {
  const view = rowView(row([cell("0", [window]), null, cell("0", [], true)]));
  expect(view.cells[1]).toEqual({ cell: null, lines: [] });
});

test("the fields of one stream table entry stand in one line", () => {
  const fields = ["Config nested", "S2PS 44"].map((t) => fact("stream", "+", `STE 0x18 ${t}`));
  const gone = fact("stream", "-", "STE 0x18 Config S1");
  const lines = rowView(row([cell("0", []), cell("0", [...fields, gone], true)])).cells[1]?.lines ?? [];
  expect(lines.map((l) => l.text)).toEqual(["+ STE 0x18 Config nested, S2PS 44", "− STE 0x18 Config S1"]);
});

test("many facts are counted, and the count carries them", () => {
  const many = Array.from({ length: 9 }, (_, i) => fact("table", "+", `hwpt:3 holds ${i}`));
  const lines = rowView(row([cell("0", []), cell("0", many, true)])).cells[1]?.lines ?? [];
  expect(lines).toHaveLength(5);
  expect(lines.at(-1)?.text).toBe("and 5 more");
  expect(lines.at(-1)?.title.split("\n")).toHaveLength(5);
});

test("the first difference of a column", () => {
  const rows = [
    { ...row([cell("0", []), cell("0", [])]), step: 1 },
    undefined,
    { ...row([cell("0", []), cell("1", [], true)]), step: 3 },
  ];
  expect(firstDifference(rows, 1)).toBe(3);
  expect(firstDifference(rows, 0)).toBe(0);
});

test("kernels stand under the discussion that they belong to, releases by number", () => {
  const kernel = (id: string, scenario?: string, date = "2023-01"): KernelInfo => ({
    id,
    title: id,
    subtitle: "",
    date,
    changes: "",
    expects: [],
    objections: [],
    unknown: [],
    ...(scenario === undefined ? {} : { scenario }),
  });
  const groups = kernelGroups([
    kernel("linux-6.4"),
    kernel("linux-6.13"),
    kernel("devices-users", "replace-late-window"),
    kernel("sw-msi-option"),
    kernel("s2-concat", "sw-msi-q3", "2026-08"),
  ]);
  expect(groups.map((g) => g.kernels.map((k) => k.id))).toEqual([
    ["linux-6.13", "linux-6.4"],
    ["sw-msi-option"],
    ["devices-users"],
    ["s2-concat"],
  ]);
});
