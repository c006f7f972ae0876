/**
 * A structure as the manual draws it: 32 bits a row, high half first, fields below, bit numbers above. Words that are zero
 * and have no field set fold to a thin bar.
 */
import type { BitField, BitGrid, BitWord } from "../../../engine/views/types.ts";
import { type Mark, crisp, em, line, n } from "../../draw/marks.ts";

/** Sizes, rem. Bit numbers are at least 9 px at the smallest text. */
const DIGIT = 0.88;
const NUMBER = 0.8;
const NAME = 0.8;

export interface BitDrawing {
  marks: Mark[];
  height: number;
}

/** Pairs of words, the high half of each doubleword first; runs of empty words are left out. */
export function rowsOf(grid: BitGrid): { word: BitWord; high: boolean; first: boolean }[] {
  const words = grid.words.toSorted((a, b) => a.offset - b.offset);
  const known = new Map(words.map((w) => [w.offset, w]));
  const out: { word: BitWord; high: boolean; first: boolean }[] = [];
  const interesting = (w: BitWord | undefined): boolean => w !== undefined && (w.value !== 0 || (w.before ?? 0) !== 0);
  for (let offset = 0; offset <= (words.at(-1)?.offset ?? -1); offset += 8) {
    const low = known.get(offset);
    const high = known.get(offset + 4);
    if (!interesting(low) && !interesting(high)) continue;
    if (high !== undefined) out.push({ word: high, high: true, first: true });
    if (low !== undefined) out.push({ word: low, high: false, first: high === undefined });
  }
  return out;
}

export function drawBits(grid: BitGrid, width: number, rem: number): BitDrawing {
  const marks: Mark[] = [];
  const x0 = 5.7 * rem;
  const cw = (width - x0) / 32;
  let y = 0.15 * rem;
  for (const { word, high, first } of rowsOf(grid)) {
    const folded = word.value === 0 && (word.before ?? 0) === 0;
    const top = y + (folded ? 0.3 : 1.02) * rem;
    const h = (folded ? 0.5 : 1.14) * rem;
    const base = top + h / 2 + 0.3 * rem;
    const shift = high ? 32 : 0;
    if (first)
      marks.push({
        k: "text",
        x: 0,
        y: base,
        text: `+${(word.offset & ~7).toString(16).padStart(2, "0")}`,
        size: 0.86,
        font: "mono",
        color: "ink2",
      });
    marks.push({
      k: "text",
      x: x0 - 0.55 * rem,
      y: base,
      text: high ? "63:32" : "31:0",
      size: NUMBER,
      font: "mono",
      color: "ink3",
      anchor: "end",
    });
    const fields = word.fields.toSorted((a, b) => b.hi - a.hi);
    const second = drawFields(marks, fields, { x0, cw, top, h, rem, shift, folded, width });
    marks.push(
      line(x0, crisp(top), width, crisp(top), folded ? "hair2" : "ink2"),
      line(x0, crisp(top + h), width, crisp(top + h), folded ? "hair2" : "ink2"),
    );
    if (!folded) digits(marks, word, fields, { x0, cw, top, h, rem });
    y += (folded ? 1.85 : second ? 3.75 : 2.95) * rem;
  }
  return { marks, height: y + 0.2 * rem };
}

interface Frame {
  x0: number;
  cw: number;
  top: number;
  h: number;
  rem: number;
}

/** True when names needed a second row. */
function drawFields(
  marks: Mark[],
  fields: readonly BitField[],
  f: Frame & { shift: number; folded: boolean; width: number },
): boolean {
  const { x0, cw, top, h, rem, shift, folded, width } = f;
  let numbered = Number.NEGATIVE_INFINITY;
  const ends = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  let second = false;
  for (const field of fields) {
    const xa = x0 + (31 - field.hi) * cw;
    const w = (field.hi - field.lo + 1) * cw;
    const tip = [
      `${field.name} [${field.hi + shift}:${field.lo + shift}]`,
      `= 0x${(field.value >>> 0).toString(16)}${field.meaning === undefined ? "" : `  ${field.meaning}`}`,
      ...(field.from === undefined
        ? []
        : [field.from === "guest" ? "from the guest's structure" : "written by the host"]),
    ];
    if (field.from === "guest") marks.push({ k: "rect", x: xa, y: top, w, h, fill: "ink", opacity: 0.1 });
    marks.push({ k: "path", d: `M${crisp(xa)} ${n(top)}v${n(h)}M${crisp(xa + w)} ${n(top)}v${n(h)}`, stroke: "hair2" });
    marks.push({ k: "rect", x: xa, y: top, w, h, fill: "paper", opacity: 0, tip });
    if (folded && w < 4 * cw) continue;
    const name = field.name;
    const nw = em(name, "mono") * NAME * rem;
    const mid = Math.min(Math.max(xa + w / 2, x0 + nw / 2), width - nw / 2);
    const row = [0, 1].find((r) => mid - nw / 2 > (ends[r] ?? 0) + 0.3 * rem && !(folded && r === 1));
    if (row !== undefined) {
      ends[row] = mid + nw / 2;
      if (row === 1) second = true;
      marks.push({
        k: "text",
        x: mid,
        y: top + h + (row === 0 ? 0.78 : 1.58) * rem,
        text: name,
        size: NAME,
        font: "mono",
        color: folded ? "ink3" : "ink2",
        anchor: "middle",
        tip,
      });
    }
    if (folded) continue;
    for (const [bit, x] of [
      [field.hi, xa + cw / 2],
      [field.lo, xa + w - cw / 2],
    ] as const) {
      const bw = em(String(bit + shift), "mono") * NUMBER * rem;
      if (x - bw / 2 < numbered + 0.22 * rem) continue;
      numbered = x + bw / 2;
      marks.push({
        k: "text",
        x,
        y: top - 0.22 * rem,
        text: String(bit + shift),
        size: NUMBER,
        font: "mono",
        color: "ink3",
        anchor: "middle",
      });
    }
  }
  return second;
}

function digits(marks: Mark[], word: BitWord, fields: readonly BitField[], { x0, cw, top, h, rem }: Frame): void {
  for (let i = 31; i >= 0; i--) {
    const bit = (word.value >>> i) & 1;
    const old = word.before === undefined ? bit : (word.before >>> i) & 1;
    const inside = fields.some((f) => i <= f.hi && i >= f.lo);
    const x = x0 + (31 - i + 0.5) * cw;
    if (old !== bit) marks.push({ k: "rect", x: x - cw / 2, y: top + h - 2, w: cw, h: 2, fill: "accent" });
    marks.push({
      k: "text",
      x,
      y: top + h / 2 + 0.31 * rem,
      text: String(bit),
      size: DIGIT,
      font: "mono",
      color: bit === 1 ? "ink" : inside ? "ink3" : "hair2",
      weight: bit === 1 ? 600 : 400,
      anchor: "middle",
    });
  }
}
