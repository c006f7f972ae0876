/**
 * Declared bit tables: one per hardware structure, used to decode, encode, draw and document it.
 * A field lies in one 32-bit word, bits hi..lo inclusive as the manuals print them; a longer field of the manual is
 * declared in parts that carry the manual's own bit numbers in their name: `S1ContextPtr[31:6]`, `S1ContextPtr[51:32]`.
 */
import { mask32 } from "./bits.ts";

export interface Field {
  readonly name: string;
  /** Index of the 32-bit word inside the structure. */
  readonly word: number;
  readonly hi: number;
  readonly lo: number;
  /** Mask of the value after shifting it down by `lo`. */
  readonly mask: number;
  /** Names of values; a value without a name is reserved or a plain number. */
  readonly values?: Readonly<Record<number, string>>;
  readonly doc?: string;
}

/** What a table is declared from: `[word, hi, lo]`, then names of values, then one sentence. */
export type FieldDecl =
  | readonly [word: number, hi: number, lo: number]
  | readonly [word: number, hi: number, lo: number, values: Readonly<Record<number, string>>]
  | readonly [word: number, hi: number, lo: number, values: Readonly<Record<number, string>> | null, doc: string];

export interface BitTable<N extends string = string> {
  /** `STE`, `CMD_TLBI_NH_VA`. */
  readonly name: string;
  /** Manual and section: `SMMUv3 IHI 0070 5.2`. */
  readonly spec: string;
  /** Size in 32-bit words. */
  readonly words: number;
  readonly fields: readonly Field[];
  /** Fields by name, for code: `STE.f.Config`. */
  readonly f: Readonly<Record<N, Field>>;
}

/** Declares a table. Throws when a field leaves its word or overlaps another: such a table is a bug. */
export function bitTable<const D extends Readonly<Record<string, FieldDecl>>>(
  name: string,
  spec: string,
  words: number,
  decl: D,
): BitTable<keyof D & string> {
  const f: Record<string, Field> = {};
  const used = new Uint32Array(words);
  for (const [key, d] of Object.entries(decl)) {
    const [word, hi, lo, values, doc] = d;
    if (word < 0 || word >= words || hi < lo || hi > 31 || lo < 0) throw new Error(`${name}.${key}: outside its word`);
    const place = (mask32(hi - lo + 1) << lo) >>> 0;
    if (((used[word] ?? 0) & place) !== 0) throw new Error(`${name}.${key}: overlaps another field`);
    used[word] = ((used[word] ?? 0) | place) >>> 0;
    f[key] = Object.freeze({
      name: key,
      word,
      hi,
      lo,
      mask: mask32(hi - lo + 1),
      ...(values ? { values: Object.freeze({ ...values }) } : {}),
      ...(doc === undefined ? {} : { doc }),
    });
  }
  return Object.freeze({
    name,
    spec,
    words,
    fields: Object.freeze(Object.values(f)),
    f: Object.freeze(f),
  });
}

/** Value of one field; `base` is the index of the structure's first word. */
export function get(field: Field, words: ArrayLike<number>, base = 0): number {
  return (((words[base + field.word] ?? 0) >>> field.lo) & field.mask) >>> 0;
}

/** Replaces one field, leaving the other bits of its word. Bits of `value` beyond the field are dropped. */
export function set(field: Field, words: Uint32Array, value: number, base = 0): void {
  const place = (field.mask << field.lo) >>> 0;
  words[base + field.word] = ((words[base + field.word] ?? 0) & ~place) | ((value << field.lo) & place);
}

/** Every field by name; bits outside the declared fields are not in it. */
export function decode<N extends string>(table: BitTable<N>, words: ArrayLike<number>, base = 0): Record<N, number> {
  const out: Partial<Record<string, number>> = {};
  for (const field of table.fields) out[field.name] = get(field, words, base);
  return out as Record<N, number>;
}

/** The inverse of decode; absent fields are 0. */
export function encode<N extends string>(table: BitTable<N>, values: Partial<Record<N, number>>): Uint32Array {
  const words = new Uint32Array(table.words);
  const given: Readonly<Record<string, number | undefined>> = values;
  for (const field of table.fields) set(field, words, given[field.name] ?? 0);
  return words;
}

/** `S1` for Config 5; the number in hexadecimal where the value has no name. */
export function nameOf(field: Field, value: number): string {
  return field.values?.[value] ?? `0x${value.toString(16)}`;
}
