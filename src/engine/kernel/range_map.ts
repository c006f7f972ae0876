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

export class RangeMap<T extends Ranged> {
  private blocks: T[][] = [];
  size = 0;

  /** Index of the last block whose first start is <= x; -1 when x is before everything. */
  private blockOf(x: bigint): number {
    let low = 0;
    let high = this.blocks.length;
    while (low < high) {
      const mid = (low + high) >>> 1;
      const first = this.blocks[mid]?.[0];
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
    const block = this.blocks[this.blockOf(x)];
    return block?.[RangeMap.rank(block, x) - 1];
  }

  /** The range with the smallest start > x. */
  higher(x: bigint): T | undefined {
    const b = this.blockOf(x);
    if (b < 0) return this.blocks[0]?.[0];
    const block = this.blocks[b];
    if (block === undefined) return undefined;
    return block[RangeMap.rank(block, x)] ?? this.blocks[b + 1]?.[0];
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
    for (const block of this.blocks) yield* block;
  }

  /** The caller has made sure that nothing in the map meets the new range. */
  insert(item: T): void {
    this.size++;
    const b = Math.max(this.blockOf(item.start), 0);
    const block = this.blocks[b];
    if (block === undefined) {
      this.blocks.push([item]);
      return;
    }
    block.splice(RangeMap.rank(block, item.start), 0, item);
    if (block.length > 2 * HALF) this.blocks.splice(b + 1, 0, block.splice(HALF));
  }

  /** Removes the range that starts at `start`; false when there is none. */
  delete(start: bigint): boolean {
    const b = this.blockOf(start);
    const block = this.blocks[b];
    if (block === undefined) return false;
    const i = RangeMap.rank(block, start) - 1;
    if (block[i]?.start !== start) return false;
    this.size--;
    block.splice(i, 1);
    const next = this.blocks[b + 1];
    if (block.length === 0) this.blocks.splice(b, 1);
    else if (next !== undefined && block.length + next.length <= HALF) {
      block.push(...next);
      this.blocks.splice(b + 1, 1);
    }
    return true;
  }

  clear(): void {
    this.blocks = [];
    this.size = 0;
  }
}
