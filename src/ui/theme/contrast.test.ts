import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const css = readFileSync(new URL("tokens.css", import.meta.url), "utf8");
const light = block(":root {");
const contrast = { ...light, ...block(':root[data-theme="contrast"] {') };
const contrastDark = { ...light, ...block(':root[data-theme="contrast-dark"] {') };
const dark = { ...light, ...block(':root[data-theme="dark"] {') };

function block(opening: string): Record<string, string> {
  const from = css.indexOf(opening);
  const body = css.slice(from, css.indexOf("}", from));
  return Object.fromEntries([...body.matchAll(/--([a-z0-9-]+):\s*(#[0-9a-f]{6,8});/g)].map((m) => [m[1], m[2]]));
}

type Rgb = [number, number, number];

function rgb(hex: string): Rgb {
  const n = (i: number) => Number.parseInt(hex.slice(i, i + 2), 16);
  return [n(1), n(3), n(5)];
}

/** A token as it looks on `under`: the washes are translucent. */
function over(token: string, under: Rgb): Rgb {
  const alpha = token.length === 9 ? Number.parseInt(token.slice(7), 16) / 255 : 1;
  const [r, g, b] = rgb(token);
  return [r * alpha + under[0] * (1 - alpha), g * alpha + under[1] * (1 - alpha), b * alpha + under[2] * (1 - alpha)];
}

/** WCAG 2.2 relative luminance. */
function luminance(c: Rgb): number {
  const [r, g, b] = c.map((v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * (r ?? 0) + 0.7152 * (g ?? 0) + 0.0722 * (b ?? 0);
}

function ratio(a: Rgb, b: Rgb): number {
  const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p);
  return ((x ?? 0) + 0.05) / ((y ?? 0) + 0.05);
}

const texts = ["ink", "ink2", "ink3", "accent", "map-text", "sw-text", "rsv", "dir", "fault"];
const shapes = ["edge", "map", "sw", "phys"];

/** The least ratio of text and of shapes: WCAG AA, and AAA in the high contrast themes. */
const AA = { text: 4.5, shape: 3 };
const AAA = { text: 7, shape: 4.5 };

for (const [name, theme, least] of [
  ["light", light, AA],
  ["dark", dark, AA],
  ["contrast", contrast, AAA],
  ["contrast-dark", contrastDark, AAA],
] as const) {
  const get = (token: string): string => {
    const value = theme[token];
    if (value === undefined) throw new Error(`no token --${token}`);
    return value;
  };
  const paper = rgb(get("paper"));
  const grounds: [string, Rgb][] = [
    ["paper", paper],
    ["well", rgb(get("well"))],
    ["wash", over(get("wash"), paper)],
  ];
  for (const [groundName, ground] of grounds) {
    test.each(texts)(`${name}: %s is readable as text on ${groundName}`, (token) => {
      expect(ratio(rgb(get(token)), ground)).toBeGreaterThanOrEqual(least.text);
    });
    test.each(shapes)(`${name}: %s is visible as a shape on ${groundName}`, (token) => {
      expect(ratio(rgb(get(token)), ground)).toBeGreaterThanOrEqual(least.shape);
    });
  }
  test(`${name}: text on the accent, and a failing check on its wash`, () => {
    expect(ratio(rgb(get("on")), rgb(get("accent")))).toBeGreaterThanOrEqual(least.text);
    expect(ratio(rgb(get("fault")), over(get("fwash"), paper))).toBeGreaterThanOrEqual(least.text);
  });
}
