/**
 * Ordered map of disjoint ranges `[start, last]` of 64-bit numbers: IOVA areas, allowed lists, mock page-table leaves,
 * virtual memory areas.
 *
 * Two levels of sorted arrays: blocks of at most 2 x HALF ranges. Search is two binary searches; insert and delete
 * move at most one block. Plain data without shared sentinels, so that a world that holds one can be copied.
 */
export interface Ranged {
  /** Inclusive. Must not change while the range is in a map. */
  start: bigint;
  /** Inclusive. */
  last: bigint;
}

const HALF = 64;
/** Blocks whose longest hole is remembered together. */
const GROUP = 32;

interface Block<T> {
  items: T[];
  /** Longest hole between two neighbours in here; -1 when not known. */
  gap: bigint;
}

function longestGap(items: readonly Ranged[]): bigint {
  let gap = 0n;
  for (let i = 1; i < items.length; i++) {
    const [a, b] = [items[i - 1], items[i]];
    if (a !== undefined && b !== undefined && b.start - a.last - 1n > gap) gap = b.start - a.last - 1n;
  }
  return gap;
}

export class RangeMap<T extends Ranged> {
  private blocks: Block<T>[] = [];
  /** Longest hole in and behind GROUP blocks; -1 when not known. Emptied when blocks come or go. */
  private groups: bigint[] = [];
  size = 0;

  /** Index of the last block whose first start is <= x; -1 when x is before everything. */
  private blockOf(x: bigint): number {
    let low = 0;
    let high = this.blocks.length;
    while (low < high) {
      const mid = (low + high) >>> 1;
      const first = this.blocks[mid]?.items[0];
      if (first !== undefined && first.start <= x) low = mid + 1;
      else high = mid;
    }
    return low - 1;
  }

  /** Number of ranges in the block whose start is <= x. */
  private static rank(block: readonly Ranged[], x: bigint): number {
    let low = 0;
    let high = block.length;
    while (low < high) {
      const mid = (low + high) >>> 1;
      const item = block[mid];
      if (item !== undefined && item.start <= x) low = mid + 1;
      else high = mid;
    }
    return low;
  }

  /** The range with the greatest start <= x, whether or not it reaches x. */
  floor(x: bigint): T | undefined {
    const items = this.blocks[this.blockOf(x)]?.items ?? [];
    return items[RangeMap.rank(items, x) - 1];
  }

  /** The range with the smallest start > x. */
  higher(x: bigint): T | undefined {
    const b = this.blockOf(x);
    if (b < 0) return this.blocks[0]?.items[0];
    const items = this.blocks[b]?.items ?? [];
    return items[RangeMap.rank(items, x)] ?? this.blocks[b + 1]?.items[0];
  }

  /** The range that contains x. */
  at(x: bigint): T | undefined {
    const item = this.floor(x);
    return item !== undefined && item.last >= x ? item : undefined;
  }

  /** The lowest range that shares a number with [start, last]. */
  first(start: bigint, last: bigint): T | undefined {
    const below = this.at(start);
    if (below !== undefined) return below;
    const item = this.higher(start);
    return item !== undefined && item.start <= last ? item : undefined;
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
    for (const block of this.blocks) yield* block.items;
  }

  /** Longest hole between two neighbours in a block. */
  private static gapIn(block: Block<Ranged>): bigint {
    if (block.gap < 0n) block.gap = longestGap(block.items);
    return block.gap;
  }

  /** Longest hole in the blocks of a group and between them and the next group. */
  private gapOf(group: number): bigint {
    const known = this.groups[group] ?? -1n;
    if (known >= 0n) return known;
    let gap = 0n;
    const blocks = this.blocks.slice(group * GROUP, (group + 1) * GROUP + 1);
    blocks.forEach((block, i) => {
      const between = (block.items[0]?.start ?? 0n) - (blocks[i - 1]?.items.at(-1)?.last ?? 0n) - 1n;
      if (i > 0 && between > gap) gap = between;
      if (i < GROUP && RangeMap.gapIn(block) > gap) gap = RangeMap.gapIn(block);
    });
    this.groups[group] = gap;
    return gap;
  }

  /** What stands in the way of a hole of `min` numbers from block `b` on: ranges, or whole stretches without one. */
  private *obstacles(b: number, min: bigint): Generator<Ranged, void, undefined> {
    for (let at = b; at < this.blocks.length;) {
      const block = this.blocks[at];
      const head = block?.items[0];
      if (block === undefined || head === undefined) return;
      const whole = at % GROUP === 0 && at + GROUP <= this.blocks.length && this.gapOf(at / GROUP) < min;
      const tail = (whole ? this.blocks[at + GROUP - 1] : block)?.items.at(-1) ?? head;
      if (whole || RangeMap.gapIn(block) < min) yield { start: head.start, last: tail.last };
      else yield* block.items;
      at += whole ? GROUP : 1;
    }
  }

  /**
   * Holes of at least `min` numbers within [start, last], ascending, both ends inclusive; cut to that window. What
   * has no hole that long is passed over. Do not insert or delete meanwhile.
   */
  *gaps(start: bigint, last: bigint, min: bigint): Generator<Ranged, void, undefined> {
    let cursor = start;
    for (const item of this.obstacles(Math.max(this.blockOf(start), 0), min)) {
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
    const b = Math.max(this.blockOf(item.start), 0);
    const block = this.blocks[b];
    if (block === undefined) {
      this.blocks.push({ items: [item], gap: 0n });
      return;
    }
    block.items.splice(RangeMap.rank(block.items, item.start), 0, item);
    this.forget(b);
    if (block.items.length <= 2 * HALF) return;
    this.blocks.splice(b + 1, 0, { items: block.items.splice(HALF), gap: -1n });
    this.groups = [];
  }

  /** Removes the range that starts at `start`; false when there is none. */
  delete(start: bigint): boolean {
    const b = this.blockOf(start);
    const block = this.blocks[b];
    if (block === undefined) return false;
    const i = RangeMap.rank(block.items, start) - 1;
    if (block.items[i]?.start !== start) return false;
    this.size--;
    block.items.splice(i, 1);
    this.forget(b);
    const next = this.blocks[b + 1];
    const join = next !== undefined && block.items.length + next.items.length <= HALF;
    if (join) block.items.push(...next.items);
    if (join || block.items.length === 0) {
      this.blocks.splice(join ? b + 1 : b, 1);
      this.groups = [];
    }
    return true;
  }

  /** A block changed: its holes and those next to it are to be looked at again. */
  private forget(b: number): void {
    const block = this.blocks[b];
    if (block !== undefined) block.gap = -1n;
    if (this.groups.length === 0) return;
    this.groups[Math.floor(b / GROUP)] = -1n;
    if (b % GROUP === 0 && b > 0) this.groups[b / GROUP - 1] = -1n;
  }

  clear(): void {
    this.blocks = [];
    this.groups = [];
    this.size = 0;
  }
}
