/** Tables as marks: a column a page, a row an entry or a run of them, lines from what was chosen to what it leads to. */
import type { TableEntry, TableFold, TableRow, TablesView } from "../../../engine/views/types.ts";
import { address, hex, size } from "../../draw/format.ts";
import { clip, crisp, em, line, type Mark, n, type Token } from "../../draw/marks.ts";
import { type Column, HEAD, ROW, rowY, type TablesLayout } from "./layout.ts";

const TEXT = 0.9;
const SMALL = 0.82;
/** Gap between groups of four digits, em. */
const GAP = 0.2;
const STRIP = 0.5;

export interface Cursor {
  page: number;
  /** Index of an entry, or the first of a fold. */
  index: number;
}

export function drawTables(view: TablesView, at: TablesLayout, cursor: Cursor | null): Mark[] {
  const marks: Mark[] = [];
  for (const c of at.columns) {
    drawHead(marks, c, at, view);
    drawStrip(marks, c, at);
    if (c.page.empty !== undefined && c.kind !== "spine") note(marks, c, at, c.page.empty);
    c.rows.forEach((row, k) => drawRow(marks, c, row, k, at, cursor));
    hidden(marks, c, at);
  }
  drawLinks(marks, at);
  return marks;
}

function drawHead(marks: Mark[], c: Column, { rem }: TablesLayout, view: TablesView): void {
  const { page, x, w } = c;
  const refs = [`@${c.n}`];
  const owner = c.n === 0 ? [view.root, ...refs] : refs;
  marks.push({
    k: "rect",
    x: x - 0.3 * rem,
    y: 0.1 * rem,
    w: w + 0.3 * rem,
    h: (HEAD - 0.35) * rem,
    fill: "paper",
    opacity: 0,
    refs: owner,
    tip: [
      `${page.title}: ${page.sub}`,
      `${page.valid} of ${page.entries} valid${page.changed > 0 ? `, ${page.changed} changed` : ""}`,
    ],
  });
  const text = (s: string, y: number, sz: number, color: Token, font: "sans" | "mono", weight?: 500 | 600): void => {
    const fit = clip(s, font, w / rem / sz - (font === "mono" ? 0.8 : 0.2));
    if (fit !== "")
      marks.push({
        k: "text",
        x,
        y: y * rem,
        text: fit,
        size: sz,
        font,
        color,
        refs,
        ...(weight === undefined ? {} : { weight }),
      });
  };
  text(page.title, 1.05, 1.05, "ink", "sans", c.kind === "wide" ? 600 : 500);
  if (c.kind === "spine") {
    text(page.picked < 0 ? page.sub : `[${index(page.picked, page.entries)}]`, 2.25, TEXT, "ink2", "mono");
  } else {
    text(`${page.sub}${page.changed > 0 ? `, ${page.changed} changed` : ""}`, 2.2, SMALL + 0.06, "ink3", "sans");
    const where = page.pa === null ? "" : hex(page.pa);
    text(
      page.ipa === undefined
        ? where
        : `IPA ${hex(page.ipa)}${where === "" || c.kind === "narrow" ? "" : ` = ${where}`}`,
      3.3,
      SMALL,
      "ink2",
      "mono",
    );
  }
  marks.push(
    line(x, crisp((HEAD - 0.2) * rem), x + w, crisp((HEAD - 0.2) * rem), c.kind === "wide" ? "ink2" : "hair2"),
  );
}

/** The whole table at a glance, whatever the rows fold: valid entries, changed ones, the chosen one. */
function drawStrip(marks: Mark[], c: Column, { rem, height }: TablesLayout): void {
  const { page, x } = c;
  const top = HEAD * rem;
  const h = Math.max(height - top - 0.6 * rem, 4 * rem);
  const w = STRIP * rem;
  if (page.strip.length === 0) return;
  marks.push({
    k: "rect",
    x,
    y: top,
    w,
    h,
    fill: "well",
    stroke: "hair2",
    refs: [`@${c.n}`],
    tip: [`${page.valid} of ${page.entries} valid`],
  });
  const part = h / page.strip.length;
  let from = 0;
  for (let i = 1; i <= page.strip.length; i++) {
    const kind = page.strip[from] ?? 0;
    if (i < page.strip.length && page.strip[i] === kind) continue;
    if (kind !== 0)
      marks.push({
        k: "rect",
        x,
        y: top + from * part,
        w,
        h: Math.max((i - from) * part, 1.5),
        fill: (kind & 2) !== 0 ? "accent" : "map",
        opacity: (kind & 2) !== 0 ? 1 : 0.75,
      });
    from = i;
  }
  if (page.picked < 0 || page.title.endsWith("Q")) return;
  const y = top + ((page.picked + 0.5) / page.entries) * h;
  marks.push({
    k: "path",
    d: `M${n(x + w + 1)} ${n(y)}l${n(0.42 * rem)} ${n(-0.3 * rem)}v${n(0.6 * rem)}z`,
    fill: "ink",
  });
}

function note(marks: Mark[], c: Column, { rem }: TablesLayout, text: string): void {
  const room = (c.w / rem - 1.4) / 0.95;
  let rest = text;
  for (let k = 0; rest !== "" && k < 6; k++) {
    let cut = rest;
    while (em(cut, "sans") > room && cut.includes(" ")) cut = cut.slice(0, cut.lastIndexOf(" "));
    marks.push({
      k: "text",
      x: c.x + 1.4 * rem,
      y: (HEAD + 1.1 + k * 1.4) * rem,
      text: cut,
      size: 0.95,
      font: "sans",
      color: "ink2",
    });
    rest = rest.slice(cut.length).trimStart();
  }
}

function drawRow(marks: Mark[], c: Column, row: TableRow, k: number, at: TablesLayout, cursor: Cursor | null): void {
  const { rem } = at;
  const y = rowY(c, k, rem);
  if (c.kind === "spine") return;
  const x = c.x + 1.35 * rem;
  const w = c.w - 1.35 * rem;
  const here = cursor !== null && cursor.page === c.n && cursor.index === (row.t === "fold" ? row.first : row.index);
  const picked = row.t === "entry" && row.index === c.page.picked;
  const id = row.t === "fold" ? `@${c.n}.f${row.first}.${row.last}` : `@${c.n}.${row.index}`;
  const refs = row.t === "fold" ? [id] : [row.refs[0] ?? id, id];
  marks.push({
    k: "rect",
    x: x - 0.35 * rem,
    y: y - (ROW / 2) * rem,
    w: w + 0.35 * rem,
    h: ROW * rem,
    fill: picked ? "well" : "paper",
    opacity: picked ? 1 : 0,
    refs,
    tip: tipOf(row),
    ...(here ? { stroke: "ink" as const, width: 1 } : {}),
  });
  if (changes(row))
    marks.push({ k: "rect", x: x - 0.35 * rem, y: y - (ROW / 2) * rem + 1, w: 2.5, h: ROW * rem - 2, fill: "accent" });
  if (row.t === "fold") foldText(marks, c, row, x, y, w, rem, refs);
  else entryText(marks, c, row, x, y, w, rem, refs, picked, c.n === at.columns.length - 1);
}

/** Its entries cover addresses, not streams or contexts. */
function translates(c: Column): boolean {
  return /^S[12] L|^TLB$/.test(c.page.title);
}

function changes(row: TableRow): boolean {
  return row.t === "fold" ? row.changed > 0 : row.changed;
}

function foldText(
  marks: Mark[],
  c: Column,
  row: TableFold,
  x: number,
  y: number,
  w: number,
  rem: number,
  refs: readonly string[],
): void {
  const base = y + 0.3 * rem;
  const range =
    row.range !== null && c.kind === "wide" && translates(c) ? `  ${hex(row.range.start)}-${hex(row.range.last)}` : "";
  const to =
    row.target?.pa !== undefined && row.target.pa !== null && c.kind === "wide"
      ? `  → ${hex(row.target.ipa ?? row.target.pa)} on`
      : "";
  const color = row.valid ? "map-text" : "ink3";
  const count = `${row.count} ${row.what}`;
  const lead = `${index(row.first, c.page.entries)}…${index(row.last, c.page.entries)}`;
  const first = em(lead, "mono") * TEXT * rem + 0.8 * rem;
  const room = (w - first) / rem / TEXT;
  const text = clip(`${count}${room > 34 ? range + to : ""}`, "mono", room - 1.5);
  marks.push({
    k: "text",
    x,
    y: base,
    text: lead,
    size: TEXT,
    font: "mono",
    color: row.changed > 0 ? "accent" : "ink3",
    refs,
  });
  marks.push({ k: "text", x: x + first, y: base, text, size: TEXT, font: "mono", color, refs });
}

function entryText(
  marks: Mark[],
  c: Column,
  row: TableEntry,
  x: number,
  y: number,
  w: number,
  rem: number,
  refs: readonly string[],
  picked: boolean,
  last: boolean,
): void {
  const base = y + 0.3 * rem;
  const put = (px: number, text: string, color: Token, weight?: 500 | 600): void => {
    if (text !== "")
      marks.push({
        k: "text",
        x: px,
        y: base,
        text,
        size: TEXT,
        font: "mono",
        color,
        refs,
        ...(weight === undefined ? {} : { weight }),
      });
  };
  const strong: 600 | undefined = picked ? 600 : undefined;
  const digits = index(row.index, c.page.entries);
  put(x, digits, row.changed ? "accent" : "ink", strong);
  let left = x + (em(digits, "mono") * TEXT + 0.8) * rem;
  const end = x + w;
  const what = row.bad ?? row.what;
  const lost = row.bad !== undefined || (picked && !row.valid && last);
  const tone: Token = lost ? "fault" : row.valid ? "ink" : "ink3";
  if (c.kind === "narrow") {
    put(left, clip(what, "mono", (end - left) / rem / TEXT - 1), tone, strong);
    return;
  }
  if (translates(c) && row.range !== null) {
    put(left, address(row.range.start), "ink2");
    left += addressWidth(c) * rem;
  }
  const digits16 = row.value.toString(16).padStart(16, "0");
  const value = 16 * 0.6 * TEXT + 3 * GAP * TEXT;
  if (end - left > (value + 9.5) * rem) {
    drawValue(marks, row, digits16, left, base, rem, refs);
    left += (value + 0.85) * rem;
  }
  const room = (end - left) / rem / TEXT;
  const fits = (to: string): boolean => em(`${what} ${to}`, "mono") + 0.6 < room;
  const target = [targetText(row), shortTarget(row)].find(fits) ?? "";
  const whole = target === "" ? what : `${what} ${target}`;
  const main = clip(whole, "mono", room - 0.4);
  put(left, main, tone, strong);
  left += (em(main, "mono") * TEXT + 1.4 + 0.2 * (main.length / 8)) * rem;
  const fields = row.fields.map((f) => (f.text === "" ? f.name : `${f.name}=${f.text}`));
  let used = 0;
  row.fields.forEach((f, i) => {
    const text = fields[i] ?? "";
    const px = left + used * rem;
    const wide = em(text, "mono") * SMALL + 0.75;
    if (px + wide * rem > end) {
      used = Number.POSITIVE_INFINITY;
      return;
    }
    marks.push({
      k: "text",
      x: px,
      y: base,
      text,
      size: SMALL,
      font: "mono",
      color: f.changed ? "accent" : "ink3",
      refs,
    });
    used += wide;
  });
}

/** The word, with a tick under every bit that the step changed. */
function drawValue(
  marks: Mark[],
  row: TableEntry,
  digits: string,
  x: number,
  base: number,
  rem: number,
  refs: readonly string[],
): void {
  marks.push({
    k: "text",
    x,
    y: base,
    text: digits,
    size: TEXT,
    font: "mono",
    color: row.value === 0n ? "ink3" : "ink2",
    refs,
  });
  if (row.before === undefined) return;
  const changed = row.value ^ row.before;
  const cell = 0.6 * TEXT * rem;
  for (let d = 0; d < 16; d++) {
    const nibble = Number((changed >> BigInt(60 - 4 * d)) & 15n);
    if (nibble === 0) continue;
    const left = x + d * cell + Math.floor(d / 4) * GAP * TEXT * rem;
    for (let b = 0; b < 4; b++)
      if ((nibble & (8 >> b)) !== 0)
        marks.push({
          k: "rect",
          x: left + (b * cell) / 4,
          y: base + 0.18 * rem,
          w: Math.max(cell / 4 - 0.4, 1),
          h: 2.5,
          fill: "accent",
        });
  }
}

function targetText(row: TableEntry): string {
  const to = row.target;
  if (to === null) return "";
  const pa = to.pa === null ? "nowhere" : address(to.pa);
  return `→ ${to.ipa === undefined ? pa : `${address(to.ipa)} = ${pa}`}`;
}

/** The address that the entry itself holds. */
function shortTarget(row: TableEntry): string {
  const to = row.target;
  const held = to === null ? null : (to.ipa ?? to.pa);
  return held === null ? "" : `→ ${address(held)}`;
}

/** Room for the widest first address of the page, rem. */
function addressWidth(c: Column): number {
  const most = Math.max(...c.rows.map((r) => (r.t === "entry" && r.range !== null ? hex(r.range.start).length : 0)));
  return (most * 0.6 + Math.floor(Math.max(0, most - 3) / 4) * GAP) * TEXT + 0.85;
}

function hidden(marks: Mark[], c: Column, { rem }: TablesLayout): void {
  const say = (text: string, y: number): void => {
    marks.push({
      k: "text",
      x: c.x + 1.35 * rem,
      y: y + 0.3 * rem,
      text,
      size: SMALL,
      font: "sans",
      color: "ink3",
      refs: [`@${c.n}`],
    });
  };
  if (c.above > 0) say(`${c.above} rows above`, rowY(c, -1, rem));
  if (c.below > 0) say(`${c.below} rows below`, rowY(c, c.rows.length, rem));
}

/** From the chosen row of a page to the head of the next. */
function drawLinks(marks: Mark[], { columns, rem }: TablesLayout): void {
  columns.forEach((c, i) => {
    const next = columns[i + 1];
    const k = c.rows.findIndex((r) => r.t === "entry" && r.index === c.page.picked);
    if (next === undefined || k < 0) return;
    const y = c.kind === "spine" ? 1.95 * rem : rowY(c, k, rem);
    const from = c.x + (c.kind === "spine" ? c.w - 0.6 * rem : c.w) + 0.15 * rem;
    const to = next.x - 0.5 * rem;
    const mid = (from + to) / 2;
    const end = 0.75 * rem;
    const head = `M${n(to - 0.3 * rem)} ${n(end - 0.25 * rem)}L${n(to)} ${n(end)}L${n(to - 0.3 * rem)} ${n(end + 0.25 * rem)}`;
    marks.push({ k: "path", d: `M${n(from)} ${n(y)}H${n(mid)}V${n(end)}H${n(to)}${head}`, stroke: "ink2", width: 1.2 });
  });
}

/** As many hex digits as the page needs. */
function index(i: number, entries: number): string {
  return i.toString(16).padStart(Math.max(1, (Math.max(1, entries) - 1).toString(16).length), "0");
}

function tipOf(row: TableRow): string[] {
  if (row.t === "fold")
    return [
      `${row.count} entries, ${row.what}${row.changed > 0 ? ", changed by this step" : ""}`,
      ...(row.range === null
        ? []
        : [`${hex(row.range.start)}-${hex(row.range.last)}, ${size(row.range.last - row.range.start + 1n)}`]),
      "press to write them one by one",
    ];
  const at = row.pa === null ? "" : ` at ${hex(row.pa)}`;
  return [
    `[0x${row.index.toString(16)}]${at}${row.ipa === undefined ? "" : `, IPA ${hex(row.ipa)}`}`,
    ...(row.range === null || row.range.start === row.range.last
      ? []
      : [`${hex(row.range.start)}-${hex(row.range.last)}`]),
    `${hex(row.value)}  ${row.what}`,
    ...(row.bad === undefined ? [] : [row.bad]),
    ...(row.target === null ? [] : [`${row.target.label} ${targetText(row)}`]),
    ...(row.fields.length === 0
      ? []
      : [row.fields.map((f) => (f.text === "" ? f.name : `${f.name}=${f.text}`)).join(" ")]),
    ...(row.before === undefined ? [] : [`was ${hex(row.before)}`]),
  ];
}
