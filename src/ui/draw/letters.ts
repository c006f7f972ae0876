/** How a text is set, on the page and in files: long hex numbers in groups of four, `2^44` with a raised exponent. */
import { runs } from "./format.ts";
import { inRadix } from "./radix.ts";
import type { TextMark } from "./marks.ts";

/** A piece of a text: shifts in em of the text, and a smaller size for an exponent. */
export interface Letters {
  text: string;
  dx?: string;
  dy?: string;
  size?: string;
}

/** Gap between groups of hex digits, em. */
const GAP = 0.2;

export function lettersOf(mark: Pick<TextMark, "text" | "font">): Letters[] {
  return mark.text.split(/(?<=\b2)\^(\d+)/).flatMap((part, i): Letters[] => {
    if (i % 2 === 1) return [{ text: part, dy: "-0.35em", size: "72%" }];
    if (part === "") return [];
    const parts = mark.font === "mono" ? runs(part) : [{ text: inRadix(part), group: false, at: 0 }];
    return parts.map((r, k) => ({
      text: r.text,
      ...(r.group ? { dx: `${GAP}em` } : {}),
      ...(i > 0 && k === 0 ? { dy: "0.25em" } : {}),
    }));
  });
}
