/** Physical page frames: which are free, and how often each is pinned. Frame numbers are pa / 4096. */

/** Free frames as sorted, disjoint, non-touching stretches. Lowest first, so that a run is repeatable. */
export class FrameAllocator {
  /** `pfn` .. `pfn + n - 1`. */
  readonly free: { pfn: number; n: number }[];
  /** The frames this allocator owns; giving back others does nothing (they were given by a machine or a recording). */
  readonly owned: readonly { pfn: number; n: number }[];

  constructor(owned: readonly { pfn: number; n: number }[]) {
    this.owned = owned;
    this.free = owned.map(({ pfn, n }) => ({ pfn, n }));
  }

  private owns(pfn: number): boolean {
    return this.owned.some((range) => pfn >= range.pfn && pfn < range.pfn + range.n);
  }

  /** First frame of `n` consecutive ones, the first a multiple of `align`; -1 when there are none. */
  alloc(n: number, align = 1): number {
    for (const range of this.free) {
      const pfn = Math.ceil(range.pfn / align) * align;
      if (pfn + n <= range.pfn + range.n) {
        this.take(pfn, n);
        return pfn;
      }
    }
    return -1;
  }

  /** Takes these frames out of the free ones; parts that are not free are left alone. */
  take(pfn: number, n: number): void {
    for (let i = 0; i < this.free.length; i++) {
      const range = this.free[i];
      if (range === undefined || range.pfn >= pfn + n || range.pfn + range.n <= pfn) continue;
      const before = { pfn: range.pfn, n: pfn - range.pfn };
      const after = { pfn: pfn + n, n: range.pfn + range.n - (pfn + n) };
      const rest = [before, after].filter((part) => part.n > 0);
      this.free.splice(i, 1, ...rest);
      i += rest.length - 1;
    }
  }

  /** Gives frames back. They must not be free already. */
  release(pfn: number, n: number): void {
    if (n === 0 || !this.owns(pfn)) return;
    let i = 0;
    while ((this.free[i]?.pfn ?? Number.POSITIVE_INFINITY) < pfn) i++;
    const before = this.free[i - 1];
    const after = this.free[i];
    const joinsBefore = before !== undefined && before.pfn + before.n === pfn;
    const joinsAfter = after !== undefined && pfn + n === after.pfn;
    if (joinsBefore) {
      before.n += n;
      if (joinsAfter) {
        before.n += after.n;
        this.free.splice(i, 1);
      }
    } else if (joinsAfter) {
      after.pfn = pfn;
      after.n += n;
    } else this.free.splice(i, 0, { pfn, n });
  }

  /** Number of free frames. */
  get freeCount(): number {
    return this.free.reduce((sum, range) => sum + range.n, 0);
  }
}

const CHUNK = 512;

/** Pins per frame, over all processes and files. */
export class PinCounts {
  /** pfn / 512 -> counts. Copies share chunks until one of them writes. */
  readonly chunks = new Map<number, Uint32Array>();
  /** Chunks that no copy shares. */
  readonly own = new Set<number>();
  /** Sum of all pins. */
  total = 0;

  get(pfn: number): number {
    return this.chunks.get(Math.floor(pfn / CHUNK))?.[pfn % CHUNK] ?? 0;
  }

  /** The counts around a frame, to be written. */
  private chunk(pfn: number): Uint32Array {
    const key = Math.floor(pfn / CHUNK);
    const found = this.chunks.get(key);
    if (found !== undefined && this.own.has(key)) return found;
    const chunk = found?.slice() ?? new Uint32Array(CHUNK);
    this.chunks.set(key, chunk);
    this.own.add(key);
    return chunk;
  }

  /** Makes `copy`, which is empty, a copy of this. */
  copyTo(copy: PinCounts): void {
    this.own.clear();
    for (const [key, chunk] of this.chunks) copy.chunks.set(key, chunk);
    copy.total = this.total;
  }

  selfState(): Record<string, unknown> {
    return { chunks: this.chunks, total: this.total };
  }

  pin(pfn: number, n: number): void {
    for (let i = pfn; i < pfn + n; i++) {
      const chunk = this.chunk(i);
      const slot = i % CHUNK;
      chunk[slot] = (chunk[slot] ?? 0) + 1;
    }
    this.total += n;
  }

  /** Every frame must be pinned at least once. `freed` is told each frame whose last pin this was. */
  unpin(pfn: number, n: number, freed: (pfn: number) => void): void {
    for (let i = pfn; i < pfn + n; i++) {
      const slot = i % CHUNK;
      const count = this.get(i);
      if (count === 0) throw new Error(`unpin of frame 0x${i.toString(16)} that is not pinned`);
      this.chunk(i)[slot] = count - 1;
      if (count === 1) freed(i);
    }
    this.total -= n;
  }
}
