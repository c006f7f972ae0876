/** Helpers on u32 values, on 64-bit words kept as two u32 halves, and on addresses kept as plain numbers. */

export const TWO32 = 0x1_0000_0000;

/** 2^n for n 0..63; never written. */
export const POW2: Float64Array = Float64Array.from({ length: 64 }, (_, n) => 2 ** n);

/** Joins two u32 halves into a plain number; exact below 2^53. */
export function join(lo: number, hi: number): number {
  return (hi >>> 0) * TWO32 + (lo >>> 0);
}

/** Low half of an address. */
export function low(address: number): number {
  return address >>> 0;
}

/** High half of an address below 2^53. */
export function high(address: number): number {
  return Math.floor(address / TWO32);
}

/** Mask of `width` low bits as u32; width 0..32. */
export function mask32(width: number): number {
  return width >= 32 ? 0xffffffff : (1 << width) - 1;
}

/** Bits hi..lo (inclusive, as manuals print them) of a u32. */
export function bits(word: number, hi: number, lo: number): number {
  return (word >>> lo) & mask32(hi - lo + 1);
}

/** Bits hi..lo of a 64-bit word in halves; at most 53 bits wide. */
export function bits64(lo32: number, hi32: number, hi: number, lo: number): number {
  if (hi < 32) return bits(lo32, hi, lo) >>> 0;
  if (lo >= 32) return bits(hi32, hi - 32, lo - 32) >>> 0;
  return (bits(hi32, hi - 32, 0) >>> 0) * 2 ** (32 - lo) + (lo32 >>> lo);
}

/** `address` with its low `n` bits cleared; any size below 2^53. */
export function alignDown(address: number, n: number): number {
  return n < 32 && address < TWO32 ? (address & ~mask32(n)) >>> 0 : address - (address % 2 ** n);
}

/** Lower-case hexadecimal with `0x`, padded to `digits`. */
export function hex(value: number, digits = 1): string {
  return `0x${value.toString(16).padStart(digits, "0")}`;
}

const BYTES: readonly string[] = Object.freeze(Array.from({ length: 256 }, (_, b) => b.toString(16).padStart(2, "0")));

function word(w: number): string {
  return `${BYTES[w >>> 24]}${BYTES[(w >>> 16) & 255]}${BYTES[(w >>> 8) & 255]}${BYTES[w & 255]}`;
}

/** Hexadecimal of a 64-bit word in halves. */
export function hex64(lo: number, hi: number): string {
  return hi === 0 ? hex(lo >>> 0) : `${hex(hi >>> 0)}${word(lo)}`;
}

/** Little-endian bytes of a hexadecimal string (two digits a byte, no prefix). */
export function bytesOf(text: string): Uint8Array {
  const out = new Uint8Array(text.length >> 1);
  for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return out;
}

/** Two digits a byte, no prefix. */
export function hexOf(bytes: Uint8Array): string {
  let text = "";
  for (const b of bytes) text += BYTES[b];
  return text;
}
