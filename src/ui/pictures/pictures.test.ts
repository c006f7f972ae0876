import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { everyElement, readXml } from "../testing/xml.ts";
import type { Mark } from "../draw/marks.ts";
import { LIGHT } from "./palette.ts";
import { sheet, SHEET } from "./sheet.ts";
import { type Picture, svgOf } from "./svg.ts";
import { stacked, textPlate } from "./views.ts";

const picture = (marks: readonly Mark[], title = "t"): Picture => ({
  title,
  desc: "d",
  width: 100,
  height: 50,
  parts: [{ x: 1, y: 2, marks }],
});

test("the light palette is that of the page", () => {
  const css = readFileSync(new URL("../theme/tokens.css", import.meta.url), "utf8");
  const light = css.slice(css.indexOf(":root {"), css.indexOf("}"));
  for (const [token, value] of Object.entries(LIGHT)) expect(light).toContain(`--${token}: ${value};`);
});

test("whatever the texts hold, the file is XML and says them", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }), (title, words) => {
      const mark: Mark = { k: "text", x: 0, y: 0, text: words, size: 1, font: "sans", color: "ink", tip: [title] };
      const rect: Mark = { k: "rect", x: 0, y: 0, w: 1, h: 1, fill: "map", tip: [words, title] };
      const svg = readXml(svgOf(picture([mark, rect], title), LIGHT, 12));
      expect(svg.name).toBe("svg");
    }),
  );
  const svg = readXml(svgOf(picture([], `a < b & "c" > d`), LIGHT, 12));
  expect(svg.children.map((c) => c.text)[0]).toBe(`a < b & "c" > d`);
});

test("colours are written out, translucent ones as two attributes; only patterns that are used are there", () => {
  const svg = svgOf(
    picture([
      { k: "rect", x: 0, y: 0, w: 5, h: 5, fill: "wash" },
      { k: "rect", x: 0, y: 0, w: 5, h: 5, fill: "pattern:sw", stroke: "sw", dash: "3 2" },
      { k: "path", d: "M0 0H5", stroke: "accent", strokeOpacity: 0.5, width: 2 },
    ]),
    LIGHT,
    12,
  );
  const all = everyElement(readXml(svg));
  expect(all.filter((e) => e.name === "pattern").map((e) => e.attributes["id"])).toEqual(["pattern-sw"]);
  const wash = all.find((e) => e.name === "rect" && e.attributes["width"] === "5");
  expect(wash?.attributes).toMatchObject({ fill: "#1f46d0", "fill-opacity": "0.07" });
  const path = all.find((e) => e.attributes["d"] === "M0 0H5");
  expect(path?.attributes).toMatchObject({ stroke: "#1f46d0", "stroke-opacity": "0.5", "stroke-width": "2" });
  expect(svg).not.toMatch(/var\(|style=|class=/);
});

test("a text keeps its letters: grouped hex, raised exponents, halos", () => {
  const text = (words: string, font: "sans" | "mono", halo?: number): string => {
    const mark: Mark = {
      k: "text",
      x: 0,
      y: 0,
      text: words,
      size: 1,
      font,
      color: "ink",
      ...(halo === undefined ? {} : { halo }),
    };
    const all = everyElement(readXml(svgOf(picture([mark]), LIGHT, 12)));
    const texts = all.filter((e) => e.name === "text");
    expect(texts).toHaveLength(halo === undefined ? 1 : 2);
    return everyElement(texts.at(-1) ?? readXml("<x/>"))
      .map((e) => e.text)
      .join("");
  };
  expect(text("0x8000040", "mono")).toBe("0x8000040");
  expect(text("2^44 and on", "sans", 3)).toContain("44");
});

test("plain text stands from its first heading on, each line as it is", () => {
  const page = "scenario\nkernel\n\nWhy\n------------------------\n  a  <b>\n\n";
  const plate = textPlate(page, 12);
  const all = everyElement(readXml(svgOf({ ...picture([]), parts: plate.parts }, LIGHT, 12)));
  const texts = all.filter((e) => e.name === "text");
  expect(texts.map((e) => e.text)).toEqual(["Why", "  a  <b>"]);
  expect(texts[0]?.attributes["font-weight"]).toBe("600");
  expect(texts.every((e) => e.attributes["xml:space"] === "preserve")).toBe(true);
});

test("plates below each other do not overlap, a sheet has room for all", () => {
  const plate = { width: 200, height: 30, parts: [{ x: 0, y: 0, marks: [] }] };
  const both = stacked([plate, { ...plate, width: 300 }], 5);
  expect(both).toMatchObject({ width: 300, height: 65 });
  expect(both.parts.map((p) => p.y)).toEqual([0, 35]);
  const made = sheet({ title: "t", view: "v", where: "w" }, { ...both, width: SHEET.width });
  expect(made.width).toBeGreaterThan(SHEET.width);
  expect(made.height).toBeGreaterThan((made.parts.at(-1)?.y ?? 0) + 30);
});
