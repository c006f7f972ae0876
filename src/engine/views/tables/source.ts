/** A table that can be read entry by entry: what each kind of table says of itself. */
import type { BitTable } from "../../../hw/base/fields.ts";
import type { PhysMem } from "../../../hw/memory.ts";
import type { World } from "../../sim/world.ts";
import type { Ref } from "../types.ts";

export interface Target {
  label: string;
  /** As the entry holds it. */
  address: number;
  /** Physical; null where nothing answers. */
  pa: number | null;
  guest: boolean;
}

export interface Decoded {
  what: string;
  valid: boolean;
  /** Its bits are named by this table. */
  table: BitTable;
  target: Target | null;
  /** Entries fold when this is equal and their targets follow each other by `stride`; empty = never. */
  like: string;
  stride: number;
  bad?: string;
}

/** Indexes are 0 .. entries-1; words are u32. */
export interface Source {
  title: string;
  sub: string;
  entries: number;
  /** Those that are shown, in this order; absent = all of them. */
  order?: readonly number[];
  /** Physical address of an entry, null where nothing answers. */
  pa(i: number): number | null;
  /** The address that its owner uses, when that is guest-physical. */
  ipa?: (i: number) => number;
  load(i: number): ArrayLike<number>;
  /** Before the step; null when it did not exist or nothing is known. */
  old(i: number): ArrayLike<number> | null;
  decode(words: ArrayLike<number>, i: number): Decoded;
  /** Input addresses that an entry covers. */
  covers(i: number): { start: number; size: number } | null;
  /** Index of the entry for an input address, -1 = none. */
  indexOf(address: bigint): number;
  /** The table below an entry; a sentence says why there is none, null that nothing is expected. */
  below(words: ArrayLike<number>, i: number): Source | string | null;
  refs(i: number): Ref[];
  empty?: string;
}

export interface Reading {
  world: World;
  /** Null before the first step. */
  before: World | null;
}

/** `count` words from a physical address on; nobody notices. */
export function words(mem: PhysMem, pa: number, count: number): number[] {
  const out: number[] = [];
  for (let i = 0; i < count; i++) {
    const at = pa + 4 * i;
    out.push((mem.pages.get(Math.floor(at / 4096))?.[(at % 4096) >>> 2] ?? 0) >>> 0);
  }
  return out;
}

/** `pa`, `load` and `old` of a table that lies in memory in one piece of a space that `find` knows. */
export function inMemory(
  { world, before }: Reading,
  base: number,
  count: number,
  find: (address: number) => number | null = (a) => a,
): Pick<Source, "pa" | "load" | "old"> {
  const bytes = count * 4;
  const zero = Array.from({ length: count }, () => 0);
  let page = Number.NaN;
  let found: number | null = null;
  const at = (i: number): number | null => {
    const address = base + i * bytes;
    const offset = address % 4096;
    if (address - offset !== page) {
      page = address - offset;
      found = find(page);
    }
    return found === null ? null : found + offset;
  };
  return {
    pa: at,
    load: (i) => {
      const pa = at(i);
      return pa === null ? zero : words(world.machine.mem, pa, count);
    },
    old: (i) => {
      const pa = at(i);
      return pa === null || before === null ? null : words(before.machine.mem, pa, count);
    },
  };
}
