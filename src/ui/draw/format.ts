/** How numbers are written: hex in groups of four (or decimal in threes), sizes in powers of 1024. */
import { inRadix, radix } from "./radix.ts";

export function hex(value: bigint | number): string {
  return `0x${value.toString(16)}`;
}

const UNITS = ["", "K", "M", "G", "T", "P", "E"];

/** `4K`, `1.9M`, `16E`: two significant digits below ten, none after the point above. Bytes. */
export function size(bytes: bigint): string {
  let unit = 0;
  let whole = bytes;
  while (whole >= 1024n && unit < UNITS.length - 1) {
    whole >>= 10n;
    unit++;
  }
  if (unit === 0) return `${bytes} B`;
  const scale = 1n << BigInt(10 * unit);
  const tenths = (bytes * 10n + scale / 2n) / scale;
  if (tenths >= 10240n && unit < UNITS.length - 1) return `1${UNITS[unit + 1]}`;
  if (tenths >= 100n || tenths % 10n === 0n) return `${(bytes + scale / 2n) / scale}${UNITS[unit]}`;
  return `${tenths / 10n}.${tenths % 10n}${UNITS[unit]}`;
}

/** `[0x0, 0x7ffffff]`, both ends inclusive, as one would paste it. */
export function range(start: bigint, last: bigint): string {
  return `${hex(start)}-${hex(last)}`;
}

/** An address as people say it: a large power of two as `2^44`, else hex without `0x` where it cannot be misread. */
export function address(value: bigint): string {
  const bits = value.toString(2);
  if (bits.length > 36 && !bits.slice(1).includes("1")) return `2^${bits.length - 1}`;
  if (radix() === "dec") return value.toString();
  return value < 0x10000n ? hex(value) : value.toString(16);
}

/** A number beside an axis, where no one takes it for anything else: hex without `0x`. */
export function bare(value: bigint): string {
  return value.toString(radix() === "dec" ? 10 : 16);
}

export interface Run {
  text: string;
  /** Stands a little apart from what is before it. */
  group: boolean;
  /** Place in the text. */
  at: number;
}

/**
 * Splits text into runs; the digits of a long hex number come as groups of four, counted from the right. `bits`: what
 * stands in memory, entries and bytes; they are hexadecimal whatever the radix.
 */
export function runs(written: string, bits = false): Run[] {
  const text = bits ? written : inRadix(written);
  const size = bits || radix() === "hex" ? 4 : 3;
  const long =
    size === 4
      ? /\b0x[0-9a-f]{5,16}\b|(?<![\w.])[0-9a-f]*[0-9][0-9a-f]{4,15}(?![\w.])/g
      : /(?<![\w.])[0-9]{5,20}(?![\w.])/g;
  const out: Run[] = [];
  const push = (part: string, group: boolean): void => {
    const previous = out.at(-1);
    if (!group && previous !== undefined) previous.text += part;
    else if (part !== "") out.push({ text: part, group, at: out.reduce((sum, r) => sum + r.text.length, 0) });
  };
  let at = 0;
  for (const match of text.matchAll(long)) {
    const prefix = match[0].startsWith("0x") ? 2 : 0;
    push(text.slice(at, match.index + prefix), false);
    const digits = match[0].slice(prefix);
    const first = digits.length % size === 0 ? size : digits.length % size;
    push(digits.slice(0, first), false);
    for (let i = first; i < digits.length; i += size) push(digits.slice(i, i + size), true);
    at = match.index + match[0].length;
  }
  push(text.slice(at), false);
  return out;
}

/** Reads an address typed by a person: `0x8000040`, `8000040h` is not accepted, decimal is. Null when it is none. */
export function parseAddress(text: string): bigint | null {
  const plain = text
    .trim()
    .replaceAll(/[\s_,]/g, "")
    .toLowerCase();
  if (!/^(0x[0-9a-f]{1,16}|[0-9]{1,20})$/.test(plain)) return null;
  const value = BigInt(plain);
  return value < 1n << 64n ? value : null;
}
