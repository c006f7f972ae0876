/** Plain text for a mail: 7-bit, at most 72 columns, no tabs, no blanks at line ends. */

/** Columns that a quoted mail keeps whole. */
export const WIDTH = 72;

const SIGNS: Readonly<Record<string, string>> = Object.freeze({
  "×": "x",
  "−": "-",
  "–": "-",
  "—": "-",
  "→": "->",
  "←": "<-",
  "≠": "!=",
  "≤": "<=",
  "≥": ">=",
  "…": "...",
  "·": "-",
  "•": "-",
  "“": '"',
  "”": '"',
  "‘": "'",
  "’": "'",
});

/** One line of 7-bit text. Letters lose their accents, what is left over becomes `?`. */
export function plain(text: string): string {
  let out = "";
  for (const sign of text)
    for (const c of SIGNS[sign] ?? sign.normalize("NFKD")) {
      if (c >= " " && c <= "~") out += c;
      else if (/\s/u.test(c)) out += " ";
      else if (!/\p{M}/u.test(c)) out += "?";
    }
  return out;
}

/** Breaks a text at blanks, else inside a word; the first line begins with `first`, the others with `hang`. */
export function wrap(text: string, first = "", hang = first, width = WIDTH): string[] {
  const lines: string[] = [];
  let line = first;
  let empty = true;
  const next = (): void => {
    lines.push(line.trimEnd());
    line = hang;
    empty = true;
  };
  for (const word of plain(text)
    .split(" ")
    .filter((w) => w !== "")) {
    let rest = word;
    if (!empty && line.length + 1 + rest.length > width) next();
    while (line.length + (empty ? 0 : 1) + rest.length > width && line.length < width) {
      const room = cutAt(rest, width - line.length);
      line += rest.slice(0, room);
      rest = rest.slice(room);
      next();
    }
    line += empty ? rest : ` ${rest}`;
    empty = false;
  }
  if (!empty || lines.length === 0) lines.push(line.trimEnd());
  return lines;
}

/** Where a word that is longer than its line is broken: behind a sign, if one stands in its second half. */
function cutAt(word: string, room: number): number {
  for (let at = room; at > room / 2; at--) if (/[\],;/)}]/.test(word[at - 1] ?? "")) return at;
  return room;
}

/** Shortens to a width, the end marked with a dot. */
export function cut(text: string, width: number): string {
  const one = plain(text);
  return one.length <= width ? one : `${one.slice(0, Math.max(0, width - 1)).trimEnd()}.`.slice(0, width);
}

/** Left text, and right text at the right edge; on a line of its own where both do not fit. */
export function sides(left: string, right: string, hang = "  "): string[] {
  const [a, b] = [plain(left), plain(right)];
  if (b === "") return wrap(a.trimStart(), indentOf(a), indentOf(a) + hang);
  if (a.length + 2 + b.length <= WIDTH) return [a + b.padStart(WIDTH - a.length)];
  const lines = wrap(a.trimStart(), indentOf(a), indentOf(a) + hang);
  const last = lines.at(-1) ?? "";
  if (last.length + 2 + b.length <= WIDTH) lines[lines.length - 1] = last + b.padStart(WIDTH - last.length);
  else lines.push(...wrap(b, " ".repeat(Math.max(4, WIDTH - b.length))));
  return lines;
}

function indentOf(text: string): string {
  return /^ */.exec(text)?.[0] ?? "";
}

export function heading(left: string, right = ""): string[] {
  return [...sides(left, right), "-".repeat(WIDTH)];
}

export interface Cells {
  head: string;
  /** At most so wide; without it as wide as the longest cell. The last column takes what is left and is wrapped. */
  most?: number;
  end?: boolean;
}

/** Rows in columns, two blanks between. Every cell is whole: what is too wide goes on in the next line. */
export function table(columns: readonly Cells[], rows: readonly (readonly string[])[], lead = ""): string[] {
  const all = [columns.map((c) => c.head), ...rows].map((r) => r.map(plain));
  const room = WIDTH - lead.length - 2 * (columns.length - 1);
  const widths = columns.map((c, i) => Math.min(c.most ?? WIDTH, Math.max(...all.map((r) => (r[i] ?? "").length))));
  // The last column first, then the widest one gives way, down to what a word needs.
  for (let over = sum(widths) - room; over > 0; over = sum(widths) - room) {
    const last = widths.length - 1;
    const at = (widths[last] ?? 0) > LEAST ? last : widths.indexOf(Math.max(...widths));
    widths[at] = Math.max(LEAST / 2, (widths[at] ?? 0) - over);
    if (Math.max(...widths) <= LEAST / 2) break;
  }
  return all
    .filter((r, i) => i > 0 || r.some((c) => c !== ""))
    .flatMap((row) => {
      const cells = columns.map((_, i) => wrap(row[i] ?? "", "", "", Math.max(1, widths[i] ?? 1)));
      const height = Math.max(...cells.map((c) => c.length));
      return Array.from({ length: height }, (_, y) =>
        (
          lead +
          columns
            .map((c, i) => {
              const text = cells[i]?.[y] ?? "";
              return c.end === true ? text.padStart(widths[i] ?? 0) : text.padEnd(widths[i] ?? 0);
            })
            .join("  ")
        ).trimEnd(),
      );
    });
}

const LEAST = 16;
const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);

/** The lines as one text, each ended; the last word on width and blanks. */
export function page(lines: readonly string[]): string {
  const out: string[] = [];
  for (const line of lines) {
    const one = plain(line).trimEnd();
    if (one === "" && out.at(-1) === "") continue;
    if (one.length <= WIDTH) out.push(one);
    else out.push(...wrap(one.trimStart(), indentOf(one), `${indentOf(one).slice(0, 20)}  `));
  }
  while (out.at(-1) === "") out.pop();
  return out.map((l) => `${l}\n`).join("");
}

const UNITS = ["", "K", "M", "G", "T", "P", "E"];

export function hex(value: bigint | number): string {
  return `0x${value.toString(16)}`;
}

/** Both ends inclusive, as one would paste it. */
export function range(start: bigint | number, last: bigint | number): string {
  return `${hex(start)}-${hex(last)}`;
}

/** Exact in the largest unit that divides it, `2M`; `~` before a rounded one. Bytes. */
export function size(bytes: bigint): string {
  let unit = 0;
  let whole = bytes;
  while (whole >= 1024n && unit < UNITS.length - 1) {
    whole >>= 10n;
    unit++;
  }
  const scale = 1n << BigInt(10 * unit);
  if (bytes % scale === 0n) return `${bytes / scale}${UNITS[unit] ?? ""}`;
  return `~${(bytes + scale / 2n) / scale}${UNITS[unit] ?? ""}`;
}
