/**
 * A picture as an SVG file: nothing outside of it is needed. Colours are written out, fonts are families that a system
 * has, texts are escaped. What a tooltip says on the page stands in `<title>` of the mark.
 */
import { lettersOf } from "../draw/letters.ts";
import type { Mark, Paint, TextMark, Token } from "../draw/marks.ts";
import { PATTERNS } from "../draw/patterns.ts";
import type { Palette } from "./palette.ts";

/** A piece of a picture at its place: a draw list, or lines of plain text in the mono face. Pixels. */
export type Part = { x: number; y: number } & ({ marks: readonly Mark[] } | { lines: readonly string[] });

export interface Picture {
  title: string;
  desc: string;
  width: number;
  height: number;
  parts: readonly Part[];
}

const FONTS = {
  sans: "'IBM Plex Sans','Helvetica Neue',Helvetica,Arial,'Liberation Sans',sans-serif",
  mono: "'IBM Plex Mono','SF Mono',Menlo,Consolas,'DejaVu Sans Mono',monospace",
} as const;

/** Of plain text: size in rem, advance of a line and of a letter in that size. */
export const TEXT = Object.freeze({ size: 0.96, line: 1.32, letter: 0.6 });

/** The file. `rem` is the size that text sizes count in, pixels. */
export function svgOf(picture: Picture, palette: Palette, rem: number): string {
  const { width, height, title, desc, parts } = picture;
  const body = parts.map((p) => {
    const inside = "marks" in p ? p.marks.map((m) => markText(m, palette, rem)) : textLines(p.lines, palette, rem);
    return `<g transform="translate(${px(p.x)} ${px(p.y)})">\n${inside.join("\n")}\n</g>`;
  });
  const used = body.join("\n");
  return [
    `<?xml version="1.0" encoding="UTF-8"?>`,
    `<svg xmlns="http://www.w3.org/2000/svg" width="${px(width)}" height="${px(height)}" viewBox="0 0 ${px(width)} ${px(height)}" role="img" aria-labelledby="title desc">`,
    `<title id="title">${escapeXml(title)}</title>`,
    `<desc id="desc">${escapeXml(desc)}</desc>`,
    ...definitions(used, palette),
    `<rect width="100%" height="100%" ${colour("fill", "paper", palette)}/>`,
    used,
    `</svg>`,
    "",
  ].join("\n");
}

/** Also takes away what XML cannot hold at all. */
export function escapeXml(text: string): string {
  return text
    .replaceAll(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, "?")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

function definitions(body: string, palette: Palette): string[] {
  const patterns = Object.entries(PATTERNS).flatMap(([id, { size, rotate, token, d, width, dots }]) => {
    if (!body.includes(`url(#pattern-${id})`)) return [];
    const turn = rotate === 0 ? "" : ` patternTransform="rotate(${rotate})"`;
    const shape =
      d === undefined
        ? (dots ?? [])
            .map(([x, y]) => `<circle cx="${x}" cy="${y}" r="0.95" ${colour("fill", token, palette)}/>`)
            .join("")
        : `<path d="${d}" ${colour("stroke", token, palette)} stroke-width="${width ?? 1}"/>`;
    return [
      `<pattern id="pattern-${id}" width="${size}" height="${size}" patternUnits="userSpaceOnUse"${turn}>${shape}</pattern>`,
    ];
  });
  return patterns.length === 0 ? [] : [`<defs>${patterns.join("")}</defs>`];
}

/** `fill="#1f46d0" fill-opacity="0.07"`: not every viewer reads eight digits. */
function colour(name: "fill" | "stroke", token: Exclude<Token, "none">, palette: Palette, opacity = 1): string {
  const value = palette[token];
  const alpha = (value.length === 9 ? Number.parseInt(value.slice(7), 16) / 255 : 1) * opacity;
  return `${name}="${value.slice(0, 7)}"${alpha === 1 ? "" : ` ${name}-opacity="${px(alpha)}"`}`;
}

function paint(p: Paint, palette: Palette, opacity = 1): string {
  if (p === "none") return `fill="none"`;
  if (!p.startsWith("pattern:")) return colour("fill", p as Exclude<Token, "none">, palette, opacity);
  return `fill="url(#pattern-${p.slice(8)})"${opacity === 1 ? "" : ` fill-opacity="${px(opacity)}"`}`;
}

function markText(mark: Mark, palette: Palette, rem: number): string {
  if (mark.k === "text") return textMark(mark, palette, rem);
  const shape =
    mark.k === "rect"
      ? `x="${px(mark.x)}" y="${px(mark.y)}" width="${px(Math.max(mark.w, 0))}" height="${px(Math.max(mark.h, 0))}"`
      : `d="${escapeXml(mark.d)}"`;
  const attributes = [shape, paint(mark.fill ?? "none", palette, mark.opacity)];
  if (mark.stroke !== undefined && mark.stroke !== "none") {
    attributes.push(colour("stroke", mark.stroke, palette, mark.k === "path" ? mark.strokeOpacity : 1));
    if (mark.width !== undefined) attributes.push(`stroke-width="${px(mark.width)}"`);
    if (mark.dash !== undefined) attributes.push(`stroke-dasharray="${mark.dash}"`);
  }
  const open = `<${mark.k} ${attributes.join(" ")}`;
  const tip = (mark.tip ?? []).join("\n");
  return tip === "" ? `${open}/>` : `${open}><title>${escapeXml(tip)}</title></${mark.k}>`;
}

function textMark(mark: TextMark, palette: Palette, rem: number): string {
  const attributes = [
    `x="${px(mark.x)}" y="${px(mark.y)}" font-size="${px(mark.size * rem)}" font-family="${FONTS[mark.font]}"`,
    mark.color === "none" ? `fill="none"` : colour("fill", mark.color, palette),
  ];
  if (mark.anchor !== undefined) attributes.push(`text-anchor="${mark.anchor}"`);
  if (mark.weight !== undefined) attributes.push(`font-weight="${mark.weight}"`);
  if (mark.turned === true) attributes.push(`transform="rotate(90 ${px(mark.x)} ${px(mark.y)})"`);
  const text = `>${letters(mark)}</text>`;
  const plain = `<text ${attributes.join(" ")}`;
  if (mark.halo === undefined) return plain + text;
  // Two texts: `paint-order` is not known everywhere.
  const halo = `${colour("stroke", "paper", palette)} stroke-width="${px(mark.halo)}" stroke-linejoin="round"`;
  return `${plain} ${halo} aria-hidden="true"${text}${plain}${text}`;
}

function letters(mark: TextMark): string {
  return lettersOf(mark)
    .map(({ text, dx, dy, size }) => {
      const shift = [
        dx === undefined ? "" : ` dx="${dx}"`,
        dy === undefined ? "" : ` dy="${dy}"`,
        size === undefined ? "" : ` font-size="${size}"`,
      ].join("");
      return shift === "" ? escapeXml(text) : `<tspan${shift}>${escapeXml(text)}</tspan>`;
    })
    .join("");
}

/** Plain text: headings in bold, their rules as hairlines, what failed in the colour of failures. */
function textLines(lines: readonly string[], palette: Palette, rem: number): string[] {
  const size = TEXT.size * rem;
  const font = `font-size="${px(size)}" font-family="${FONTS.mono}" xml:space="preserve"`;
  return lines.flatMap((line, i) => {
    const y = (i + 1) * TEXT.line * rem;
    if (line === "") return [];
    if (/^-{20,}$/.test(line)) {
      const mid = px(y - 0.5 * TEXT.line * rem);
      const end = px(line.length * TEXT.letter * size);
      return [`<path d="M0 ${mid}H${end}" ${colour("stroke", "ink", palette)}/>`];
    }
    const bold = i === 0 || /^-{20,}$/.test(lines[i + 1] ?? "");
    const bad = /^>>|^\s*! |\s! |^=> STOPPED|\bNOT DONE\b|\bREFUSED\b/.test(line);
    const look = `${colour("fill", bad ? "fault" : "ink", palette)}${bold ? ` font-weight="600"` : ""}`;
    return [`<text x="0" y="${px(y)}" ${font} ${look}>${escapeXml(line)}</text>`];
  });
}

function px(v: number): string {
  return String(Math.round(v * 100) / 100);
}
