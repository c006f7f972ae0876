/**
 * Ordered map of disjoint ranges `[start, last]` of 64-bit numbers: IOVA areas, allowed lists, mock page-table leaves,
 * virtual memory areas.
 *
 * Two levels of sorted arrays: blocks of at most 2 x HALF ranges. Search is two binary searches; insert and delete
 * move at most one block. Plain data without shared sentinels, so that a world that holds one can be copied.
 *
 * A large map with a `Packing` shares its blocks with its copies: `settle` writes the items of a block as numbers that
 * never change again, and an object is made again only when it is asked for. A copy then costs one small object a
 * block, and as much more as changed since the last one.
 */
export interface Ranged {
  /** Inclusive. Must not change while the range is in a map. */
  start: bigint;
  /** Inclusive. */
  last: bigint;
}

/**
 * How items are written as numbers. `S`, the shape, is what very many items have in common, among it everything that
 * they refer to. Stateless and frozen.
 */
export interface Packing<T extends Ranged, S extends object> {
  /** Smaller maps are not packed. */
  readonly least: number;
  /** Null: the item stays an object, for instance because others than the map refer to it. */
  shape(item: T): S | null;
  /** Whether `shape` would give an equal one. */
  fits(item: T, shape: S): boolean;
  /** Everything but the range and the shape. */
  write(item: T, row: number[]): void;
  /** `words` from `at` to `end` are the row. */
  read(start: bigint, last: bigint, shape: S, words: Float64Array, at: number, end: number): T;
}

const HALF = 64;
/** Blocks whose longest hole is remembered together. */
const GROUP = 32;
/** More shapes than that are mostly past ones. */
const SHAPES = 256;

/** Items as numbers. Frozen and never written: copies share it. */
interface Packed {
  readonly start: BigUint64Array;
  readonly last: BigUint64Array;
  /** By item, an index of `shapes`. */
  readonly shape: Uint16Array;
  /** Where the row of an item begins; one entry more than items. */
  readonly at: Uint32Array;
  readonly words: Float64Array;
}

interface Block<T> {
  /** All items, or, where they are packed, those that were asked for since. */
  items: (T | undefined)[];
  packed: Packed | null;
  /** Number of items. */
  n: number;
  /** Longest hole between two neighbours in here; -1 when not known. */
  gap: bigint;
}

/** Items of a packed block of which none was asked for. */
const NONE: never[] = [];
Object.freeze(NONE);

const blockOf = <T>(items: T[], gap = -1n): Block<T> => ({ items, packed: null, n: items.length, gap });

function startOf(block: Block<Ranged>, i: number): bigint {
  return (block.packed === null ? block.items[i]?.start : block.packed.start[i]) ?? 0n;
}

function lastOf(block: Block<Ranged>, i: number): bigint {
  return block.items[i]?.last ?? block.packed?.last[i] ?? 0n;
}

/** Number of ranges in the block whose start is <= x. */
function rank(block: Block<Ranged>, x: bigint): number {
  let low = 0;
  let high = block.n;
  while (low < high) {
    const mid = (low + high) >>> 1;
    if (startOf(block, mid) <= x) low = mid + 1;
    else high = mid;
  }
  return low;
}

/** Longest hole between two neighbours in a block. */
function gapIn(block: Block<Ranged>): bigint {
  if (block.gap >= 0n) return block.gap;
  let gap = 0n;
  for (let i = 1; i < block.n; i++) {
    const hole = startOf(block, i) - lastOf(block, i - 1) - 1n;
    if (hole > gap) gap = hole;
  }
  block.gap = gap;
  return gap;
}

export class RangeMap<T extends Ranged, S extends object = object> {
  private blocks: Block<T>[] = [];
  /** Longest hole in and behind GROUP blocks; -1 when not known. Emptied when blocks come or go. */
  private groups: bigint[] = [];
  private readonly packing: Packing<T, S> | null;
  private shapes: S[] = [];
  size = 0;

  constructor(packing: Packing<T, S> | null = null) {
    this.packing = packing;
  }

  /** Index of the last block whose first start is <= x; -1 when x is before everything. */
  private find(x: bigint): number {
    let low = 0;
    let high = this.blocks.length;
    while (low < high) {
      const mid = (low + high) >>> 1;
      const block = this.blocks[mid];
      if (block !== undefined && startOf(block, 0) <= x) low = mid + 1;
      else high = mid;
    }
    return low - 1;
  }

  private item(block: Block<T> | undefined, i: number): T | undefined {
    if (block === undefined || i < 0 || i >= block.n) return undefined;
    return block.items[i] ?? this.unpack(block, i);
  }

  private unpack(block: Block<T>, i: number): T {
    const { packed } = block;
    const shape = this.shapes[packed?.shape[i] ?? -1];
    if (packed === null || shape === undefined || this.packing === null) throw new Error("a block lacks an item");
    const { start, last, at, words } = packed;
    const item = this.packing.read(start[i] ?? 0n, last[i] ?? 0n, shape, words, at[i] ?? 0, at[i + 1] ?? 0);
    if (block.items.length === 0) block.items = Array.from({ length: block.n }, () => undefined);
    block.items[i] = item;
    return item;
  }

  /** Makes a block one of objects, to be changed. */
  private open(block: Block<T>): T[] {
    if (block.packed !== null) {
      for (let i = 0; i < block.n; i++) this.item(block, i);
      block.packed = null;
    }
    return block.items as T[];
  }

  /** The range with the greatest start <= x, whether or not it reaches x. */
  floor(x: bigint): T | undefined {
    const block = this.blocks[this.find(x)];
    return block === undefined ? undefined : this.item(block, rank(block, x) - 1);
  }

  /** The range with the smallest start > x. */
  higher(x: bigint): T | undefined {
    const b = this.find(x);
    const block = this.blocks[b];
    const i = block === undefined ? 0 : rank(block, x);
    return block !== undefined && i < block.n ? this.item(block, i) : this.item(this.blocks[b + 1], 0);
  }

  /** The range that contains x. */
  at(x: bigint): T | undefined {
    const block = this.blocks[this.find(x)];
    if (block === undefined) return undefined;
    const i = rank(block, x) - 1;
    return lastOf(block, i) >= x ? this.item(block, i) : undefined;
  }

  /** The lowest range that shares a number with [start, last]. */
  first(start: bigint, last: bigint): T | undefined {
    const b = this.find(start);
    let block = this.blocks[b];
    let i = block === undefined ? 0 : rank(block, start);
    if (block !== undefined && i > 0 && lastOf(block, i - 1) >= start) return this.item(block, i - 1);
    if (block === undefined || i >= block.n) {
      block = this.blocks[b + 1];
      i = 0;
    }
    return block !== undefined && startOf(block, i) <= last ? this.item(block, i) : undefined;
  }

  /** All ranges that meet [start, last], ascending. Do not insert or delete meanwhile. */
  *overlapping(start: bigint, last: bigint): Generator<T, void, undefined> {
    for (let item = this.first(start, last); item !== undefined; item = this.higher(item.start)) {
      if (item.start > last) return;
      yield item;
    }
  }

  /** All ranges, ascending. Do not insert or delete meanwhile. */
  *[Symbol.iterator](): Generator<T, void, undefined> {
    for (const block of this.blocks)
      if (block.packed === null) yield* block.items as T[];
      else for (let i = 0; i < block.n; i++) yield block.items[i] ?? this.unpack(block, i);
  }

  /** The lowest range. */
  get lowest(): T | undefined {
    return this.item(this.blocks[0], 0);
  }

  /** Longest hole in the blocks of a group and between them and the next group. */
  private gapOf(group: number): bigint {
    const known = this.groups[group] ?? -1n;
    if (known >= 0n) return known;
    let gap = 0n;
    const from = group * GROUP;
    for (let b = from; b <= from + GROUP; b++) {
      const block = this.blocks[b];
      if (block === undefined) break;
      const before = this.blocks[b - 1];
      const between = b === from || before === undefined ? 0n : startOf(block, 0) - lastOf(before, before.n - 1) - 1n;
      if (between > gap) gap = between;
      if (b < from + GROUP && gapIn(block) > gap) gap = gapIn(block);
    }
    this.groups[group] = gap;
    return gap;
  }

  /** What stands in the way of a hole of `min` numbers from block `b` on: ranges, or whole stretches without one. */
  private *obstacles(b: number, min: bigint): Generator<Ranged, void, undefined> {
    for (let at = b; at < this.blocks.length;) {
      const block = this.blocks[at];
      if (block === undefined || block.n === 0) return;
      const whole = at % GROUP === 0 && at + GROUP <= this.blocks.length && this.gapOf(at / GROUP) < min;
      const tail = (whole ? this.blocks[at + GROUP - 1] : block) ?? block;
      if (whole || gapIn(block) < min) yield { start: startOf(block, 0), last: lastOf(tail, tail.n - 1) };
      else for (let i = 0; i < block.n; i++) yield { start: startOf(block, i), last: lastOf(block, i) };
      at += whole ? GROUP : 1;
    }
  }

  /**
   * Holes of at least `min` numbers within [start, last], ascending, both ends inclusive; cut to that window. What
   * has no hole that long is passed over. Do not insert or delete meanwhile.
   */
  *gaps(start: bigint, last: bigint, min: bigint): Generator<Ranged, void, undefined> {
    let cursor = start;
    for (const item of this.obstacles(Math.max(this.find(start), 0), min)) {
      if (item.start > last) break;
      if (item.start - cursor >= min) yield { start: cursor, last: item.start - 1n };
      if (item.last >= cursor) cursor = item.last + 1n;
      if (cursor > last) return;
    }
    const next = this.higher(cursor - 1n);
    const end = next === undefined || next.start > last ? last : next.start - 1n;
    if (end - cursor + 1n >= min) yield { start: cursor, last: end };
  }

  /** The caller has made sure that nothing in the map meets the new range. */
  insert(item: T): void {
    this.size++;
    const b = Math.max(this.find(item.start), 0);
    const block = this.blocks[b];
    if (block === undefined) {
      this.blocks.push(blockOf([item], 0n));
      return;
    }
    const i = rank(block, item.start);
    if (block.n === 2 * HALF && i === block.n && b === this.blocks.length - 1) {
      // What only grows at its end has full blocks, and those before the last are never touched.
      this.blocks.push(blockOf([item], 0n));
      this.forget(b, false);
      return;
    }
    this.open(block).splice(i, 0, item);
    block.n++;
    this.forget(b);
    if (block.n <= 2 * HALF) return;
    this.blocks.splice(b + 1, 0, blockOf((block.items as T[]).splice(HALF)));
    block.n = HALF;
    this.groups = [];
  }

  /** Removes the range that starts at `start`; false when there is none. */
  delete(start: bigint): boolean {
    const b = this.find(start);
    const block = this.blocks[b];
    if (block === undefined) return false;
    const i = rank(block, start) - 1;
    if (startOf(block, i) !== start) return false;
    this.size--;
    const items = this.open(block);
    items.splice(i, 1);
    block.n--;
    this.forget(b);
    const next = this.blocks[b + 1];
    const join = next !== undefined && block.n + next.n <= HALF;
    if (join) {
      items.push(...this.open(next));
      block.n = items.length;
    }
    if (join || block.n === 0) {
      this.blocks.splice(join ? b + 1 : b, 1);
      this.groups = [];
    }
    return true;
  }

  /** A block changed: its holes and those next to it are to be looked at again. */
  private forget(b: number, inside = true): void {
    const block = this.blocks[b];
    if (block !== undefined && inside) block.gap = -1n;
    if (this.groups.length === 0) return;
    this.groups[Math.floor(b / GROUP)] = -1n;
    if (b % GROUP === 0 && b > 0) this.groups[b / GROUP - 1] = -1n;
  }

  clear(): void {
    this.blocks = [];
    this.groups = [];
    this.shapes = [];
    this.size = 0;
  }

  /** Starts of the ranges and their ends, inclusive, ascending: without making an object of any. */
  bounds(): { start: BigUint64Array; last: BigUint64Array } {
    const start = new BigUint64Array(this.size);
    const last = new BigUint64Array(this.size);
    let k = 0;
    for (const block of this.blocks) {
      if (block.packed !== null && block.items.length === 0) {
        start.set(block.packed.start, k);
        last.set(block.packed.last, k);
      } else
        for (let i = 0; i < block.n; i++) {
          start[k + i] = startOf(block, i);
          last[k + i] = lastOf(block, i);
        }
      k += block.n;
    }
    return { start, last };
  }

  /** One number for each range, ascending: from the item where there is an object, else from its row. */
  column(of: (item: T) => number, packed: (shape: S, words: Float64Array, at: number) => number): Float64Array {
    const out = new Float64Array(this.size);
    let k = 0;
    for (const block of this.blocks)
      for (let i = 0; i < block.n; i++, k++) {
        const item = block.items[i];
        const rows = block.packed;
        const shape = this.shapes[rows?.shape[i] ?? -1];
        if (item !== undefined) out[k] = of(item);
        else if (rows !== null && shape !== undefined) out[k] = packed(shape, rows.words, rows.at[i] ?? 0);
      }
    return out;
  }

  /**
   * Packs what is not packed. Objects that were handed out are no longer those of the map: only between two calls, when
   * nobody holds one.
   */
  settle(): void {
    if (this.packing === null || this.size < this.packing.least) return;
    if (this.shapes.length > SHAPES) this.unsettle();
    for (const block of this.blocks) {
      if (block.items.length === 0) continue;
      const packed = this.pack(block);
      if (packed === null) continue;
      gapIn(block);
      block.packed = packed;
      block.items = NONE;
    }
  }

  /** Everything as objects again. */
  unsettle(): void {
    for (const block of this.blocks) this.open(block);
    this.shapes = [];
  }

  private pack(block: Block<T>): Packed | null {
    const { packing } = this;
    const old = block.packed;
    if (packing === null) return null;
    const { n } = block;
    const row: number[] = [];
    const shape = new Uint16Array(n);
    const at = new Uint32Array(n + 1);
    let changed = old === null;
    for (let i = 0; i < n; i++) {
      const item = block.items[i];
      const from = row.length;
      if (item !== undefined) {
        const s = this.shapeOf(packing, item);
        if (s < 0) {
          this.open(block);
          return null;
        }
        shape[i] = s;
        packing.write(item, row);
        changed ||= old !== null && (old.shape[i] !== s || old.last[i] !== item.last || !sameRow(old, i, row, from));
      } else if (old !== null) {
        shape[i] = old.shape[i] ?? 0;
        for (let w = old.at[i] ?? 0; w < (old.at[i + 1] ?? 0); w++) row.push(old.words[w] ?? 0);
      }
      at[i + 1] = row.length;
    }
    if (!changed && old !== null) return old;
    const start = new BigUint64Array(n);
    const last = new BigUint64Array(n);
    for (let i = 0; i < n; i++) {
      start[i] = startOf(block, i);
      last[i] = lastOf(block, i);
    }
    return Object.freeze({ start, last, shape, at, words: Float64Array.from(row) });
  }

  /** Number of the item's shape, -1 where it has none. */
  private shapeOf(packing: Packing<T, S>, item: T): number {
    for (let i = this.shapes.length - 1; i >= 0; i--) {
      const shape = this.shapes[i];
      if (shape !== undefined && packing.fits(item, shape)) return i;
    }
    const shape = packing.shape(item);
    if (shape === null) return -1;
    this.shapes.push(shape);
    return this.shapes.length - 1;
  }

  /** Makes `copy`, which is empty and has the same packing, a copy of this map, which is settled by it. */
  copyTo(copy: RangeMap<T, S>, ref: <V>(value: V) => V): void {
    this.settle();
    copy.size = this.size;
    copy.groups = this.groups.slice();
    copy.shapes = this.shapes.map((s) => ref(s));
    copy.blocks = this.blocks.map(({ items, packed, n, gap }) => ({
      items: items.length === 0 ? NONE : items.map((i) => ref(i)),
      packed,
      n,
      gap,
    }));
  }

  /** An empty map for `copyTo`. */
  emptyCopy(): RangeMap<T, S> {
    return new RangeMap<T, S>(this.packing);
  }

  /** What makes two maps equal. */
  selfState(): Record<string, unknown> {
    return { size: this.size, items: [...this] };
  }
}

function sameRow(old: Packed, i: number, row: readonly number[], from: number): boolean {
  const at = old.at[i] ?? 0;
  if ((old.at[i + 1] ?? 0) - at !== row.length - from) return false;
  for (let w = from; w < row.length; w++) if (row[w] !== old.words[at + w - from]) return false;
  return true;
}
