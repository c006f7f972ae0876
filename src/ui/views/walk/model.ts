/** The two-dimensional walk as cells ready to print. */
import type { WalkRead, WalkView } from "../../../engine/views/types.ts";
import { hex } from "../../draw/format.ts";

export interface WalkCell {
  read: WalkRead;
  value: string;
  /** The same word was read before in this walk: printed lighter. */
  again: boolean;
}

export interface WalkLine {
  title: string;
  sub: string;
  reached: boolean;
  /** The first row: its reads are listed, not put under stage-2 levels. */
  stream: boolean;
  s2: (WalkCell | { skipped: string } | null)[];
  entry: WalkCell | null;
  failing: string | null;
  /** What a cache answered in place of reads. */
  cached: { text: string; bad: boolean } | null;
}

export function walkLines(view: WalkView): WalkLine[] {
  const seen = new Set<number>();
  const cell = (read: WalkRead): WalkCell => {
    const again = seen.has(read.pa);
    seen.add(read.pa);
    return { read, value: word(read), again };
  };
  return view.rows.map((row, i) => {
    const stream = row.title === "Stream" || row.title === "TLB";
    const s2: WalkLine["s2"] = [];
    let block = "";
    for (const read of row.s2) {
      if (read !== null) {
        block = /block\s+(\S+)/.exec(read.decoded)?.[1] ?? "";
        s2.push(cell(read));
      } else s2.push(block === "" || stream ? null : { skipped: block });
    }
    return {
      title: row.title,
      sub: row.sub,
      reached: row.reached,
      stream,
      s2,
      entry: row.entry === null ? null : cell(row.entry),
      failing: view.failing?.row === i ? view.failing.why : null,
      cached: row.cached ?? null,
    };
  });
}

/** All reads in the order made. */
export function readsOf(view: WalkView): WalkRead[] {
  return view.rows
    .flatMap((r) => [...r.s2, r.entry])
    .filter((r): r is WalkRead => r !== null)
    .sort((a, b) => a.n - b.n);
}

/** One read in words. */
export function readWords(read: WalkRead): string {
  return `${read.what} at ${hex(read.pa)} is ${word(read)}${read.decoded === "" ? "" : `: ${read.decoded}`}`;
}

/** A 64-bit word from its halves. */
export function word(read: Pick<WalkRead, "lo" | "hi">): string {
  return hex((BigInt(read.hi >>> 0) << 32n) | BigInt(read.lo >>> 0));
}
