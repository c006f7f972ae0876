import { createElement, Fragment } from "react";
import { expect, test } from "vitest";
import { PANES } from "../app/state.ts";
import { COMMANDS } from "../commands/registry.ts";
import { textOf } from "../widgets/table_text.ts";
import { csvOf } from "./csv.ts";
import { formsOf, isWhole, WHOLE_FORMS } from "./forms.ts";

test("rows as CSV: quotes where they are needed, and only there", () => {
  expect(
    csvOf([
      ["Start", "What"],
      ["0x8000000", 'a, "b"'],
      ["", " led by a blank"],
      ["two\nlines", "x"],
    ]),
  ).toBe('Start,What\r\n0x8000000,"a, ""b"""\r\n," led by a blank"\r\n"two\nlines",x\r\n');
});

test("a cell says its letters, whatever it is dressed in", () => {
  const Hex = ({ children }: { children: string }) => createElement("i", null, children);
  expect(textOf(createElement(Hex, null, "0x1000"))).toBe("0x1000");
  expect(textOf([1, " ", createElement("b", { key: 1 }, "two"), null, false, undefined])).toBe("1 two");
  expect(textOf(createElement(Fragment, null, "a", createElement("button", null, ["b", "c"])))).toBe("abc");
});

test("every form of every pane is in the palette, once", () => {
  const ids = COMMANDS.filter((c) => c.group === "Export").map((c) => c.id);
  expect(new Set(ids).size).toBe(ids.length);
  const every = [...PANES, "steps", "tour"] as const;
  expect(ids).toHaveLength(every.reduce((sum, p) => sum + formsOf(p).length, WHOLE_FORMS.length));
  expect(formsOf("space").some((f) => isWhole(f.id))).toBe(false);
});
