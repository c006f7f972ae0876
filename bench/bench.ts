/** What a benchmark is, and timing. */

export interface Bench {
  /** `walk-nested`. */
  name: string;
  /** `M/s`. */
  unit: string;
  higher_is_better: boolean;
  ours(): number | Promise<number>;
  /** The same work by somebody else; a text says why there is no figure. */
  peer(): number | string | Promise<number | string>;
}

/** Largest of three rates, millions of calls a second of CPU time. `batch` does `size` calls; each rate takes at least `ms`. */
export function rate(batch: () => void, size: number, ms = 700): number {
  batch();
  let best = 0;
  for (let round = 0; round < 3; round++) {
    let calls = 0;
    const start = process.cpuUsage();
    let used = 0;
    while (used < ms * 1000) {
      batch();
      calls += size;
      const { user, system } = process.cpuUsage(start);
      used = user + system;
    }
    best = Math.max(best, calls / used);
  }
  return best;
}
