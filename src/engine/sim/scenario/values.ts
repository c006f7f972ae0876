/** Values of the text form: numbers with sizes, names with an offset, flags, words, ranges. */
import type { Param } from "./ops.ts";
import { meant, refuse, type Token } from "./tokens.ts";
import type { Value } from "./types.ts";

export const NAME = /^[A-Za-z_][A-Za-z0-9_.]*$/;
export const BDF = /^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/;
const U64_MAX = (1n << 64n) - 1n;
const UNITS: Readonly<Record<string, bigint>> = Object.freeze({
  K: 1n << 10n,
  M: 1n << 20n,
  G: 1n << 30n,
  T: 1n << 40n,
});

/** `0x1000`, `4096`, `4K`, `U64_MAX`; undefined when it is no number, or one past 64 bits. */
export function readInt(text: string): bigint | undefined {
  if (text === "U64_MAX") return U64_MAX;
  const m = /^(0[xX][0-9a-fA-F]+|[0-9]+)([KMGT]?)$/.exec(text);
  if (m === null) return undefined;
  const value = BigInt(m[1] ?? "") * (UNITS[m[2] ?? ""] ?? 1n);
  return value > U64_MAX ? undefined : value;
}

export const hexText = (v: bigint): string => `0x${v.toString(16)}`;

/** `4K`, `2M` where it comes out even, `64` below a page, else hexadecimal. */
export function sizeText(v: bigint): string {
  for (const unit of ["T", "G", "M", "K"]) {
    const one = UNITS[unit] ?? 1n;
    if (v >= one && v % one === 0n && v / one < 10000n) return `${v / one}${unit}`;
  }
  return v < 4096n ? v.toString() : hexText(v);
}

/** `text` stands at `shift` in the token. */
export function readValue(param: Param, text: string, token: Token, shift: number): Value {
  if (text === "") refuse(token, `${param.name}= has no value`, shift);
  const int = readInt(text);
  switch (param.kind) {
    case "addr":
    case "size":
    case "count":
      if (int === undefined) refuse(token, `"${text}" is no number of 64 bits for ${param.name}`, shift);
      return { k: "int", v: int };
    case "device":
      if (!NAME.test(text)) refuse(token, `"${text}" is no device name`, shift);
      return { k: "name", v: text };
    case "bdf":
      if (!NAME.test(text) && !BDF.test(text)) refuse(token, `"${text}" is neither a device nor a PCI address`, shift);
      return { k: "name", v: text };
    case "id":
    case "fd":
      if (int !== undefined) return { k: "int", v: int };
      if (!NAME.test(text)) refuse(token, `"${text}" is neither a name nor a number for ${param.name}`, shift);
      return { k: "name", v: text };
    case "va":
      return int === undefined ? readPlace(param, text, token, shift) : { k: "int", v: int };
    case "enum":
      if (int !== undefined) return { k: "int", v: int };
      if (param.values?.[text] === undefined)
        refuse(token, `${param.name} knows no "${text}"${meant(text, Object.keys(param.values ?? {}))}`, shift);
      return { k: "name", v: text };
    case "word":
      if (param.words?.includes(text) !== true)
        refuse(token, `"${text}": expected ${(param.words ?? []).join(" or ")}`, shift);
      return { k: "name", v: text };
    case "flags":
      return int === undefined ? readFlags(param, text, token, shift) : { k: "int", v: int };
    case "words":
      return readWords(text, token, shift);
    case "ranges":
      return readRanges(text, token, shift);
  }
}

function readPlace(param: Param, text: string, token: Token, shift: number): Value {
  const [name = "", plus, ...more] = text.split("+");
  const offset = plus === undefined ? undefined : readInt(plus);
  if (!NAME.test(name) || more.length > 0 || (plus !== undefined && offset === undefined))
    refuse(token, `"${text}" is no address for ${param.name} (a number, or a memory such as RAM+0x1000)`, shift);
  return { k: "name", v: name, ...(offset === undefined || offset === 0n ? {} : { plus: offset }) };
}

/** Also `RW` for R and W where the table has both. */
function readFlags(param: Param, text: string, token: Token, shift: number): Value {
  const found = new Set<string>();
  for (const word of text.split("|")) {
    const names = flagNames(param, word);
    if (names === undefined)
      refuse(token, `${param.name} knows no "${word}"${meant(word, Object.keys(param.values ?? {}))}`, shift);
    for (const n of names) found.add(n);
  }
  return { k: "flags", v: Object.keys(param.values ?? {}).filter((n) => found.has(n)) };
}

/** The flags that one word means, or undefined. */
export function flagNames(param: Param, word: string): string[] | undefined {
  if (param.values?.[word] !== undefined) return [word];
  if ((word === "RW" || word === "WR") && param.values?.["R"] !== undefined) return ["R", "W"];
  return undefined;
}

export function readWords(text: string, token: Token, shift: number): Value {
  const m = /^\{(.*)\}$/.exec(text);
  if (m === null) refuse(token, `"${text}": expected {word,word,...}`, shift);
  const words = (m[1] ?? "").split(",").filter((w, _, all) => w !== "" || all.length > 1);
  return {
    k: "words",
    v: words.map((w) => readInt(w) ?? refuse(token, `"${w}" is no number of 64 bits`, shift)),
  };
}

export function readRanges(text: string, token: Token, shift: number): Value {
  const parts = text === "[]" ? [] : text.split(/(?<=\])/);
  return {
    k: "ranges",
    v: parts.map((part) => {
      const m = /^\[([^,\]]+),([^,\]]+)\]$/.exec(part);
      const start = m === null ? undefined : readInt(m[1] ?? "");
      const last = m === null ? undefined : readInt(m[2] ?? "");
      if (start === undefined || last === undefined)
        refuse(token, `"${part}": expected [start,last], both inclusive`, shift);
      return [start, last] as const;
    }),
  };
}

/** The canonical text of a value. */
export function printValue(param: Param | undefined, value: Value): string {
  switch (value.k) {
    case "int":
      if (param?.kind === "size") return sizeText(value.v);
      if (param?.kind === "count" || param?.kind === "id" || param?.kind === "fd") return value.v.toString();
      return hexText(value.v);
    case "name":
      return value.plus === undefined ? value.v : `${value.v}+${hexText(value.plus)}`;
    case "flags":
      return flagText(value.v);
    case "words":
      return `{${value.v.map(hexText).join(",")}}`;
    case "ranges":
      return value.v.length === 0 ? "[]" : value.v.map(([a, b]) => `[${hexText(a)},${hexText(b)}]`).join("");
  }
}

/** `NEST_PARENT|PASID`, `RW`, `RW|FIXED`. */
export function flagText(names: readonly string[]): string {
  const access = (names.includes("R") ? "R" : "") + (names.includes("W") ? "W" : "");
  return [...(access === "" ? [] : [access]), ...names.filter((n) => n !== "R" && n !== "W")].join("|");
}
