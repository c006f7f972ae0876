/** Bit grids: a structure's words with its declared fields, as the manual draws them. */
import { type BitTable, type Field, get } from "../../hw/base/fields.ts";
import type { PhysMem } from "../../hw/memory.ts";
import type { BitField, BitGrid } from "./types.ts";

export interface GridOptions {
  title: string;
  address?: number;
  /** The same words before the step. */
  before?: ArrayLike<number> | null;
  /** Who supplied a field; absent = not said. */
  from?: (field: Field) => "guest" | "host" | undefined;
}

/** `words`: as many u32 as the table says. */
export function bitGrid(table: BitTable, words: ArrayLike<number>, options: GridOptions): BitGrid {
  return {
    title: options.title,
    ...(options.address === undefined ? {} : { address: BigInt(options.address) }),
    spec: table.spec,
    words: Array.from({ length: table.words }, (_, i) => {
      const value = (words[i] ?? 0) >>> 0;
      const old = options.before === undefined || options.before === null ? value : (options.before[i] ?? 0) >>> 0;
      return {
        offset: i * 4,
        value,
        ...(old === value ? {} : { before: old }),
        fields: table.fields.filter((f) => f.word === i).map((f) => fieldOf(f, words, options)),
      };
    }),
  };
}

function fieldOf(field: Field, words: ArrayLike<number>, options: GridOptions): BitField {
  const value = get(field, words);
  const meaning = field.values?.[value];
  const from = options.from?.(field);
  return {
    name: field.name,
    hi: field.hi,
    lo: field.lo,
    value,
    ...(meaning === undefined ? {} : { meaning }),
    ...(from === undefined ? {} : { from }),
  };
}

/** Words of a structure in memory, without anybody noticing. */
export function wordsAt(mem: PhysMem, pa: number, count: number): Uint32Array {
  const words = new Uint32Array(count);
  for (let i = 0; i < count; i += 2) {
    mem.fetch64(pa + i * 4);
    words[i] = mem.lo;
    if (i + 1 < count) words[i + 1] = mem.hi;
  }
  return words;
}

/** An address that the manual declares in parts: `S1ContextPtr[31:6]` and `S1ContextPtr[51:32]`. */
export function addressOf(table: BitTable, words: ArrayLike<number>, name: string): number {
  let address = 0;
  for (const f of table.fields) {
    const m = /^(.*)\[(\d+):(\d+)\]$/.exec(f.name);
    if (m !== null && m[1] === name) address += get(f, words) * 2 ** Number(m[3]);
  }
  return address;
}
