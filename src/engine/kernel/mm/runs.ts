/** Which page frame stands behind each page index of an object, as runs of consecutive frames. */

/** Pages `index` .. `index + n - 1` are frames `pfn` .. `pfn + n - 1`. */
export interface Run {
  index: number;
  pfn: number;
  n: number;
}

export class FrameRuns {
  /** Ascending by index, disjoint; touching runs whose frames also touch are one. */
  readonly runs: Run[] = [];

  /** Number of runs whose index is <= `index`. */
  private rank(index: number): number {
    let low = 0;
    let high = this.runs.length;
    while (low < high) {
      const mid = (low + high) >>> 1;
      if ((this.runs[mid]?.index ?? 0) <= index) low = mid + 1;
      else high = mid;
    }
    return low;
  }

  /** Frame of a page; -1 when it has none. */
  get(index: number): number {
    const run = this.runs[this.rank(index) - 1];
    return run !== undefined && index < run.index + run.n ? run.pfn + (index - run.index) : -1;
  }

  /** Pages from `index` on whose frames are consecutive, at most `max`; 0 when `index` has no frame. */
  contiguous(index: number, max: number): number {
    const run = this.runs[this.rank(index) - 1];
    if (run === undefined || index >= run.index + run.n) return 0;
    return Math.min(max, run.index + run.n - index);
  }

  /** Pages from `index` on without a frame, at most `max`. */
  missing(index: number, max: number): number {
    const at = this.rank(index);
    const run = this.runs[at - 1];
    if (run !== undefined && index < run.index + run.n) return 0;
    return Math.min(max, (this.runs[at]?.index ?? Number.POSITIVE_INFINITY) - index);
  }

  /** The pages must have no frame yet. */
  set(index: number, pfn: number, n: number): void {
    if (n === 0) return;
    const at = this.rank(index);
    const before = this.runs[at - 1];
    const after = this.runs[at];
    const joinsBefore = before !== undefined && before.index + before.n === index && before.pfn + before.n === pfn;
    const joinsAfter = after !== undefined && index + n === after.index && pfn + n === after.pfn;
    if (joinsBefore) {
      before.n += n + (joinsAfter ? after.n : 0);
      if (joinsAfter) this.runs.splice(at, 1);
    } else if (joinsAfter) {
      after.index = index;
      after.pfn = pfn;
      after.n += n;
    } else this.runs.splice(at, 0, { index, pfn, n });
  }

  /** Takes the frames of these pages away and returns them, ascending by index. */
  clear(index: number, n: number): Run[] {
    const end = index + n;
    const taken: Run[] = [];
    const rest: Run[] = [];
    const from = Math.max(this.rank(index) - 1, 0);
    let to = from;
    for (; to < this.runs.length; to++) {
      const run = this.runs[to];
      if (run === undefined || run.index >= end) break;
      const first = Math.max(run.index, index);
      const stop = Math.min(run.index + run.n, end);
      if (first < stop) taken.push({ index: first, pfn: run.pfn + (first - run.index), n: stop - first });
      if (run.index < index) rest.push({ index: run.index, pfn: run.pfn, n: Math.min(run.n, index - run.index) });
      if (run.index + run.n > end)
        rest.push({ index: end, pfn: run.pfn + (end - run.index), n: run.index + run.n - end });
    }
    this.runs.splice(from, to - from, ...rest);
    return taken;
  }

  /** Stretches of [index, index + n) as they are, with `pfn` -1 for pages without a frame, ascending. */
  *stretches(index: number, n: number): Generator<Run, void, undefined> {
    const end = index + n;
    let at = Math.max(this.rank(index) - 1, 0);
    let cursor = index;
    while (cursor < end) {
      const run = this.runs[at];
      if (run === undefined || run.index >= end) {
        yield { index: cursor, pfn: -1, n: end - cursor };
        return;
      }
      if (run.index + run.n <= cursor) {
        at++;
        continue;
      }
      if (run.index > cursor) {
        yield { index: cursor, pfn: -1, n: run.index - cursor };
        cursor = run.index;
      }
      const stop = Math.min(run.index + run.n, end);
      yield { index: cursor, pfn: run.pfn + (cursor - run.index), n: stop - cursor };
      cursor = stop;
      at++;
    }
  }
}
