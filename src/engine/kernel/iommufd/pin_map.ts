/**
 * Pages of one backing store that are pinned: frame and number of holders by page index, as runs. Two neighbouring
 * pages are in one run when their frames are consecutive and their holders equally many.
 */
export interface PinRun {
  index: number;
  pfn: number;
  n: number;
  holders: number;
}

export class PinMap {
  /** Ascending, disjoint. */
  readonly runs: PinRun[] = [];

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

  /** Makes a run begin at `index` if one covers it; returns the position of the first run at or after it. */
  private cut(index: number): number {
    const at = this.rank(index - 1);
    const run = this.runs[at - 1];
    if (run === undefined || run.index + run.n <= index) return at;
    const keep = index - run.index;
    if (keep === 0) return at - 1;
    this.runs.splice(at, 0, { index, pfn: run.pfn + keep, n: run.n - keep, holders: run.holders });
    run.n = keep;
    return at;
  }

  /** Joins neighbours in positions [from - 1, to + 1) that have become one run again. */
  private join(from: number, to: number): void {
    let keep = Math.max(from - 1, 0);
    const stop = Math.min(to, this.runs.length - 1);
    for (let i = keep + 1; i <= stop; i++) {
      const a = this.runs[keep];
      const b = this.runs[i];
      if (a === undefined || b === undefined) break;
      const one = a.index + a.n === b.index && a.pfn + a.n === b.pfn && a.holders === b.holders;
      if (one) a.n += b.n;
      else this.runs[++keep] = b;
    }
    if (keep < stop) this.runs.splice(keep + 1, stop - keep);
  }

  /** Frame of a page; -1 when it is not pinned. */
  get(index: number): number {
    const run = this.runs[this.rank(index) - 1];
    return run !== undefined && index < run.index + run.n ? run.pfn + (index - run.index) : -1;
  }

  /** Pages of [index, index + n) that are not pinned, as stretches. */
  missing(index: number, n: number): { index: number; n: number }[] {
    const out: { index: number; n: number }[] = [];
    const end = index + n;
    let cursor = index;
    let at = Math.max(this.rank(index) - 1, 0);
    for (; cursor < end; at++) {
      const run = this.runs[at];
      if (run === undefined || run.index >= end) {
        out.push({ index: cursor, n: end - cursor });
        break;
      }
      if (run.index > cursor) out.push({ index: cursor, n: run.index - cursor });
      cursor = Math.max(cursor, run.index + run.n);
    }
    return out;
  }

  /** Adds freshly pinned pages with no holder yet; they must not be here. */
  add(index: number, pfn: number, n: number): void {
    const at = this.rank(index);
    const before = this.runs[at - 1];
    if (
      before !== undefined &&
      before.holders === 0 &&
      before.index + before.n === index &&
      before.pfn + before.n === pfn
    ) {
      before.n += n;
      return;
    }
    this.runs.splice(at, 0, { index, pfn, n, holders: 0 });
  }

  /** One holder more for pages that are all here. */
  hold(index: number, n: number): void {
    const from = this.cut(index);
    const to = this.cut(index + n);
    for (let i = from; i < to; i++) {
      const run = this.runs[i];
      if (run !== undefined) run.holders++;
    }
    this.join(from, to);
  }

  /** One holder less; pages without any are taken out and returned. */
  drop(index: number, n: number): PinRun[] {
    const from = this.cut(index);
    const to = this.cut(index + n);
    for (let i = from; i < to; i++) {
      const run = this.runs[i];
      if (run !== undefined) run.holders--;
    }
    return this.sweep(from, to);
  }

  /** Takes out what nobody holds within the positions, or anywhere. */
  sweep(from = 0, to = this.runs.length): PinRun[] {
    const gone: PinRun[] = [];
    const kept: PinRun[] = [];
    for (let i = from; i < to; i++) {
      const run = this.runs[i];
      if (run !== undefined) (run.holders > 0 ? kept : gone).push(run);
    }
    this.runs.splice(from, to - from, ...kept);
    this.join(from, from + kept.length);
    return gone;
  }

  /** Runs of [index, index + n), cut to that range, whatever their holders; touching frames are joined. */
  *frames(index: number, n: number): Generator<{ index: number; pfn: number; n: number }, void, undefined> {
    const end = index + n;
    let open: { index: number; pfn: number; n: number } | null = null;
    for (let at = Math.max(this.rank(index) - 1, 0); at < this.runs.length; at++) {
      const run = this.runs[at];
      if (run === undefined || run.index >= end) break;
      const first = Math.max(run.index, index);
      const stop = Math.min(run.index + run.n, end);
      if (first >= stop) continue;
      const pfn = run.pfn + (first - run.index);
      if (open !== null && open.index + open.n === first && open.pfn + open.n === pfn) open.n += stop - first;
      else {
        if (open !== null) yield open;
        open = { index: first, pfn, n: stop - first };
      }
    }
    if (open !== null) yield open;
  }

  /** Pages held now. */
  get count(): number {
    return this.runs.reduce((sum, run) => sum + run.n, 0);
  }
}
