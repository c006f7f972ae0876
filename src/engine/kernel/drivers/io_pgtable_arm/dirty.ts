/** Dirty state that the hardware keeps in the tables (DBM). Source: linux 7.2 io-pgtable-arm.c `arm_lpae_read_and_clear_dirty`. */
import { is_dirty, make_clean } from "./descriptor.ts";
import { arm_lpae_leaf, type ArmLpaePgtable } from "./table.ts";

/** Addresses whose TLB entries are out of date; `end` exclusive. */
export interface Cleared {
  start: number;
  end: number;
  /** Smallest leaf that was cleared, bytes. */
  pgsize: number;
}

/** Reports every dirty leaf of [iova, iova + size) and, unless `no_clear`, makes it clean. */
export function arm_lpae_read_and_clear_dirty(
  t: ArmLpaePgtable,
  iova: number,
  size: number,
  no_clear: boolean,
  set: ((iova: bigint, length: bigint) => void) | null,
): Cleared | null {
  let cleared: Cleared | null = null;
  for (let at = iova; at < iova + size;) {
    const leaf = arm_lpae_leaf(t, at);
    const step = leaf === null ? t.cfg.granule : leaf.size - (at % leaf.size);
    if (leaf !== null && is_dirty(leaf.lo, leaf.hi)) {
      set?.(BigInt(at), BigInt(Math.min(step, iova + size - at)));
      if (!no_clear) {
        t.mem.write64(leaf.at, make_clean(leaf.lo), leaf.hi);
        const start = at - (at % leaf.size);
        if (cleared === null) cleared = { start, end: start + leaf.size, pgsize: leaf.size };
        cleared.end = start + leaf.size;
        cleared.pgsize = Math.min(cleared.pgsize, leaf.size);
      }
    }
    at += step;
  }
  return cleared;
}
