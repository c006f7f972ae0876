/** What checking a file of expected translations gives, and how its disagreements are gathered. */

export interface WalkOptions {
  /** `qemu`: the emulated IOMMU deviates from the architecture as the recorded one did. */
  quirks: "none" | "qemu";
  /**
   * Random cases, without quirks: keep what was cached between the steps of a case. An answer from a cache may then
   * be the recorded stale one. Off, every access walks memory afresh.
   */
  caches?: boolean;
}

export interface WalkReport {
  agreed: number;
  total: number;
  /** Disagreements and counts by kind, ready to print. */
  lines: string[];
}

/** At most this many disagreements of a kind are printed in full. */
const SHOWN = 3;

/** Gathers disagreements by kind. */
export class Tally {
  agreed = 0;
  total = 0;
  private readonly kinds = new Map<string, string[]>();
  private readonly counts = new Map<string, number>();

  agree(): void {
    this.agreed++;
    this.total++;
  }

  /** `kind` groups: `pa`, `event`; `line` says what was expected and what came. */
  differ(kind: string, line: string): void {
    this.total++;
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    const lines = this.kinds.get(kind) ?? [];
    if (lines.length < SHOWN) lines.push(line);
    this.kinds.set(kind, lines);
  }

  report(): WalkReport {
    const lines: string[] = [];
    for (const [kind, shown] of this.kinds) {
      lines.push(`${kind}: ${this.counts.get(kind) ?? 0}`);
      for (const line of shown) lines.push(`  ${line}`);
    }
    return { agreed: this.agreed, total: this.total, lines };
  }
}
