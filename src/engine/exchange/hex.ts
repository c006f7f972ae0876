/** Hex text as recordings have it: two lower-case digits a byte, no separator. */

const digits = new Int8Array(128).fill(-1);
for (let i = 0; i < 16; i++) {
  const text = i.toString(16);
  digits[text.charCodeAt(0)] = i;
  digits[text.toUpperCase().charCodeAt(0)] = i;
}

const digit = (text: string, at: number): number => digits[text.charCodeAt(at)] ?? -1;

/** Throws on an odd length or a character that is no hex digit. */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0) throw new Error(`hex text of odd length ${text.length}`);
  const out = new Uint8Array(text.length / 2);
  for (let i = 0; i < out.length; i++) {
    const high = digit(text, 2 * i);
    const low = digit(text, 2 * i + 1);
    if (high < 0 || low < 0) throw new Error(`not hex at character ${2 * i}: ${text.slice(2 * i, 2 * i + 2)}`);
    out[i] = high * 16 + low;
  }
  return out;
}

export function toHex(bytes: Uint8Array): string {
  let out = "";
  for (const byte of bytes) out += byte.toString(16).padStart(2, "0");
  return out;
}
