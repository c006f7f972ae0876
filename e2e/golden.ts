import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, type Page } from "@playwright/test";
import { decode, encode, type Picture } from "../scripts/png.mjs";

const dir = fileURLToPath(new URL("golden", import.meta.url));
const writing = process.env["LAB_GOLDEN"] === "write";

/** Edge of the squares whose mean colours are compared, pixels. */
const SQUARE = 16;
/** Of 255 a channel; how much a square may differ, and how many of a hundred may differ more. */
const LEEWAY = 26;
const OTHERS = 2;

/**
 * The drawings of a pane as text: each mark with its numbers rounded, in order. The browser takes no part in it but for the
 * size of the pane, so that it is compared to the letter.
 */
export async function structure(page: Page, pane: string): Promise<string> {
  return page.locator(`#pane-${pane}`).evaluate((section) => {
    const round = (v: string): string => v.replaceAll(/-?\d+\.\d+/g, (n) => String(Math.round(Number(n))));
    const short = (d: string): string => (d.length <= 60 ? d : `${d.slice(0, 40)}… ${d.length}`);
    const look = (style: string): string =>
      [...style.matchAll(/(?:^|;)\s*(fill|stroke):\s*(?:var\(--([\w-]+)\)|url\("?#([\w-]+)"?\)|(\w+))/g)]
        .map((m) => m[2] ?? m[3] ?? m[4])
        .join("/");
    const lines: string[] = [];
    for (const e of section.querySelectorAll("svg[aria-hidden] :is(rect, path, text)")) {
      // Icons of buttons are not the picture.
      if (e.closest("header, button, defs") !== null) continue;
      const at = ["x", "y", "width", "height"].map((n) => e.getAttribute(n)).filter((v) => v !== null);
      const d = e.getAttribute("d");
      lines.push(
        [
          e.tagName,
          round(at.join(" ")),
          d === null ? "" : short(round(d)),
          look(e.getAttribute("style") ?? ""),
          e.tagName === "text" ? e.textContent : "",
        ]
          .filter((t) => t !== "")
          .join(" "),
      );
    }
    // What is written and not drawn: the table twin, or the words of a pane that has none.
    const table = [...section.querySelectorAll("table")].flatMap((t) =>
      [...t.rows].map((r) => [...r.cells].map((c) => c.textContent.trim()).join(" | ")),
    );
    // Lists of kernels and scenarios grow: they are not the view.
    if (lines.length === 0 && table.length === 0) {
      const words = section.cloneNode(true) as HTMLElement;
      for (const e of words.querySelectorAll("select, header")) e.remove();
      lines.push(...[...words.querySelectorAll("h3, legend, label, p, button")].map((e) => e.textContent.trim()));
    }
    return `${[...lines, ...table].join("\n")}\n`;
  });
}

/** Mean colours of squares: letters of another rendering differ in them by little, a missing thing by much. */
function squares({ width, height, pixels }: Picture): Picture {
  const w = Math.ceil(width / SQUARE);
  const h = Math.ceil(height / SQUARE);
  const out = new Uint32Array(w * h);
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++) {
      const sum = [0, 0, 0];
      let n = 0;
      for (let j = y * SQUARE; j < Math.min(height, (y + 1) * SQUARE); j++)
        for (let i = x * SQUARE; i < Math.min(width, (x + 1) * SQUARE); i++) {
          const p = pixels[j * width + i] ?? 0;
          sum[0] = (sum[0] ?? 0) + (p >> 16);
          sum[1] = (sum[1] ?? 0) + ((p >> 8) & 255);
          sum[2] = (sum[2] ?? 0) + (p & 255);
          n++;
        }
      const [r, g, b] = sum.map((v) => Math.round(v / n));
      out[y * w + x] = ((r ?? 0) << 16) | ((g ?? 0) << 8) | (b ?? 0);
    }
  return { width: w, height: h, pixels: out };
}

function differing(a: Picture, b: Picture): number {
  if (a.width !== b.width || a.height !== b.height) return 100;
  let n = 0;
  a.pixels.forEach((p, i) => {
    const q = b.pixels[i] ?? 0;
    if ([16, 8, 0].some((s) => Math.abs(((p >> s) & 255) - ((q >> s) & 255)) > LEEWAY)) n++;
  });
  return (100 * n) / a.pixels.length;
}

function golden(name: string, now: Buffer): Buffer {
  const path = join(dir, name);
  if (writing) {
    mkdirSync(dir, { recursive: true });
    writeFileSync(path, now);
  }
  if (!existsSync(path)) throw new Error(`no golden ${name}: LAB_GOLDEN=write npm run e2e -- golden`);
  return readFileSync(path);
}

export async function expectStructure(page: Page, pane: string, name: string): Promise<void> {
  const now = await structure(page, pane);
  expect(now, `${name}: LAB_GOLDEN=write npm run e2e -- golden takes it as it is`).toBe(
    golden(`${name}.txt`, Buffer.from(now)).toString(),
  );
}

export async function expectPixels(page: Page, pane: string, name: string): Promise<void> {
  const now = squares(decode(await page.locator(`#pane-${pane}`).screenshot({ animations: "disabled" })));
  const then = decode(golden(`${name}.png`, encode(now)));
  expect(differing(now, then), `${name}: squares of a hundred that differ`).toBeLessThanOrEqual(OTHERS);
}
