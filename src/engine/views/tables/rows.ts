/** Rows of one table: entries that follow each other in the same way are one row until it is opened. */
import type { BitTable } from "../../../hw/base/fields.ts";
import { get } from "../../../hw/base/fields.ts";
import type { Decoded, Source } from "./source.ts";
import type { TableEntry, TableFold, TablePage, TableRow, TableTarget } from "./types.ts";

/** Fewer than this are not folded; so many of an opened run are written. */
const LEAST = 3;
const MOST = 512;
/** Fields that the entry's own words say already. */
const ELSEWHERE: ReadonlySet<string> = new Set(["Type", "Op", "V", "Valid", "Config", "Event"]);
/** Parts of the strip. */
const STRIP = 128;

export interface Read {
  i: number;
  words: ArrayLike<number>;
  old: ArrayLike<number> | null;
  changed: boolean;
  decoded: Decoded;
}

export function readEntry(s: Source, i: number): Read {
  const words = s.load(i);
  const old = s.old(i);
  return { i, words, old, changed: old !== null && !same(words, old), decoded: s.decode(words, i) };
}

/** Both ends inclusive. */
export interface Stretch {
  first: number;
  last: number;
}

/** `opened`: what is written entry by entry, a part at a time when it is long. */
export function pageOf(s: Source, picked: number, opened: readonly Stretch[]): TablePage {
  const order = s.order ?? null;
  const total = order === null ? s.entries : order.length;
  const strip = new Uint8Array(Math.min(STRIP, total));
  const rows: TableRow[] = [];
  let valid = 0;
  let changed = 0;
  let run: Read[] = [];
  let zero: Decoded | null = null;
  const close = (): void => {
    fold(rows, s, run, opened);
    run = [];
  };
  for (let k = 0; k < total; k++) {
    const i = order === null ? k : (order[k] ?? 0);
    const words = s.load(i);
    const old = s.old(i);
    const fresh = old !== null && !same(words, old);
    const plain = !fresh && i !== picked && order === null && blank(words);
    const decoded: Decoded = plain ? (zero ??= s.decode(words, i)) : s.decode(words, i);
    const read: Read = { i, words, old, changed: fresh, decoded };
    if (decoded.valid) valid++;
    if (fresh) changed++;
    const slot = Math.floor((k * strip.length) / total);
    strip[slot] = (strip[slot] ?? 0) | (decoded.valid ? 1 : 0) | (fresh ? 2 : 0);
    const last = run.at(-1);
    if (last !== undefined && (i === picked || last.i === picked || !follows(last, read))) close();
    run.push(read);
  }
  close();
  const first = s.pa(0);
  return {
    title: s.title,
    sub: s.sub,
    pa: first === null ? null : BigInt(first),
    ...(s.ipa === undefined ? {} : { ipa: BigInt(s.ipa(0)) }),
    entries: s.entries,
    valid,
    changed,
    strip,
    rows,
    picked,
    ...(s.empty === undefined ? {} : { empty: s.empty }),
  };
}

function follows(a: Read, b: Read): boolean {
  if (a.decoded.like === "" || a.decoded.like !== b.decoded.like || a.changed !== b.changed || a.i + 1 !== b.i)
    return false;
  const [from, to] = [a.decoded.target, b.decoded.target];
  return from === null || to === null || a.decoded.stride === 0 || to.address - from.address === a.decoded.stride;
}

function fold(rows: TableRow[], s: Source, run: readonly Read[], opened: readonly Stretch[]): void {
  const [first] = run;
  if (first === undefined) return;
  if (run.length < LEAST) {
    for (const r of run) rows.push(entryOf(s, r));
    return;
  }
  const lastIndex = first.i + run.length - 1;
  const parts = opened.filter((o) => o.first <= lastIndex && o.last >= first.i).length;
  for (const r of run.slice(0, MOST * parts)) rows.push(entryOf(s, r));
  const rest = run.slice(MOST * parts);
  if (rest.length >= LEAST) rows.push(foldOf(s, rest));
  else for (const r of rest) rows.push(entryOf(s, r));
}

function foldOf(s: Source, run: readonly Read[]): TableFold {
  const first = run[0];
  const last = run.at(-1);
  if (first === undefined || last === undefined) throw new Error("an empty run");
  const [a, b] = [s.covers(first.i), s.covers(last.i)];
  return {
    t: "fold",
    first: first.i,
    last: last.i,
    count: run.length,
    changed: first.changed ? run.length : 0,
    valid: first.decoded.valid,
    what: first.decoded.what,
    range: a === null || b === null ? null : { start: BigInt(a.start), last: BigInt(b.start) + BigInt(b.size) - 1n },
    target: targetOf(first.decoded),
  };
}

export function entryOf(s: Source, r: Read): TableEntry {
  const { i, words, old, changed, decoded } = r;
  const pa = s.pa(i);
  const covers = s.covers(i);
  const value = word(words);
  const before = old === null ? value : word(old);
  return {
    t: "entry",
    index: i,
    pa: pa === null ? null : BigInt(pa),
    ...(s.ipa === undefined ? {} : { ipa: BigInt(s.ipa(i)) }),
    value,
    ...(before === value ? {} : { before }),
    changed,
    valid: decoded.valid,
    range:
      covers === null ? null : { start: BigInt(covers.start), last: BigInt(covers.start) + BigInt(covers.size) - 1n },
    what: decoded.what,
    fields: decoded.valid || changed ? fieldsOf(decoded.table, words, old) : [],
    target: targetOf(decoded),
    leads: decoded.valid && s.below(words, i) !== null,
    ...(decoded.bad === undefined ? {} : { bad: decoded.bad }),
    refs: s.refs(i),
  };
}

function targetOf({ target }: Decoded): TableTarget | null {
  if (target === null) return null;
  const { label, address, pa, guest } = target;
  return { label, pa: pa === null ? null : BigInt(pa), ...(guest ? { ipa: BigInt(address) } : {}) };
}

/** Fields that are set or that the step changed; parts of addresses and the type stand elsewhere. */
function fieldsOf(table: BitTable, now: ArrayLike<number>, old: ArrayLike<number> | null): TableEntry["fields"] {
  return table.fields.flatMap((f) => {
    const value = get(f, now);
    const changed = old !== null && get(f, old) !== value;
    if (f.name.includes("[") || (ELSEWHERE.has(f.name) && !changed) || (value === 0 && !changed)) return [];
    const named = f.values?.[value];
    const text = named ?? (f.hi === f.lo && value === 1 ? "" : value < 10 ? String(value) : `0x${value.toString(16)}`);
    return [{ name: f.name, text, changed }];
  });
}

function word(w: ArrayLike<number>): bigint {
  return (BigInt((w[1] ?? 0) >>> 0) << 32n) | BigInt((w[0] ?? 0) >>> 0);
}

function same(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function blank(w: ArrayLike<number>): boolean {
  for (let i = 0; i < w.length; i++) if (w[i] !== 0) return false;
  return true;
}
