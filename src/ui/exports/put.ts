/** Where an export goes once it is made: the clipboard or a file; how a refusal is said. */
import type { Answer } from "../../engine/protocol.ts";
import * as pictures from "../pictures/index.ts";
import { csvOf } from "./csv.ts";
import { pngOf, saveFile, textBlob } from "./save.ts";

/** Why there is nothing to save, in a sentence. */
export class None extends Error {}

export function got<T>(answer: Answer<T>): T {
  if (!answer.ok) throw new None(answer.problem.message);
  return answer.value;
}

/** Parts of a file's name, without signs that a disk dislikes. */
export function named(parts: readonly string[], ending: string): string {
  return `${parts.join("-").replaceAll(/[^\w.-]+/g, "-")}.${ending}`;
}

export async function copied(text: string): Promise<string> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    throw new None("The browser did not let the text into the clipboard; save it as a file instead.");
  }
  return `Copied ${text.split("\n").length - 1} lines`;
}

export function saved(name: string, text: string, type = "text/plain"): string {
  saveFile(name, textBlob(text, type));
  return `Saved ${name}`;
}

export function savedRows(name: string, rows: readonly (readonly string[])[]): string {
  return saved(name, csvOf(rows), "text/csv");
}

/** A picture in the colours of the page. */
export async function savedPicture(
  name: (ending: string) => string,
  picture: ReturnType<typeof pictures.sheet>,
  form: "svg" | "png",
): Promise<string> {
  const svg = pictures.svgOf(picture, paletteOf(), pictures.SHEET.rem);
  if (form === "svg") return saved(name("svg"), svg, "image/svg+xml");
  saveFile(name("png"), await pngOf(svg, picture.width, picture.height));
  return `Saved ${name("png")}`;
}

/** The colours that the page has now. */
export function paletteOf(): pictures.Palette {
  const style = getComputedStyle(document.documentElement);
  const now = Object.entries(pictures.LIGHT).map(([token, light]) => {
    const value = style.getPropertyValue(`--${token}`).trim();
    return [token, /^#([0-9a-f]{6}|[0-9a-f]{8})$/i.test(value) ? value : light] as const;
  });
  return Object.fromEntries(now) as Record<keyof pictures.Palette, string>;
}
