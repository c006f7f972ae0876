/**
 * The mock's table up to 6.18: one slot for each 2 KiB of IOVA, some of them part of a 1 MiB page. Neighbouring slots
 * of one mapping are kept as a run.
 */
import type { IotlbGather } from "../../iommu/types.ts";
import { iommu_iotlb_gather_add_range } from "../../iommu/map.ts";
import { RangeMap, type Ranged } from "../../range_map.ts";

export const SLOT = 0x800n;
export const HUGE = 0x10_0000n;

interface SlotRun extends Ranged {
  pa: bigint;
  /** Its slots belong to 1 MiB pages. */
  huge: boolean;
}

export class SlotTable {
  readonly runs = new RangeMap<SlotRun>();
  /** Numbers (IOVA / 2 KiB) of dirty slots, all of them mapped. */
  readonly dirty = new Set<number>();

  map(iova: bigint, pa: bigint, length: bigint, huge: boolean): void {
    this.runs.insert({ start: iova, last: iova + length - 1n, pa, huge });
  }

  /** Empties all slots of the range, whatever was in them. */
  unmap(iova: bigint, length: bigint, gather: IotlbGather): bigint {
    const last = iova + length - 1n;
    for (let run = this.runs.first(iova, last); run !== undefined; run = this.runs.first(iova, last)) {
      this.runs.delete(run.start);
      if (run.start < iova) this.runs.insert({ ...run, last: iova - 1n });
      if (run.last > last) this.runs.insert({ ...run, start: last + 1n, pa: run.pa + (last + 1n - run.start) });
    }
    if (this.dirty.size > 0) for (let at = iova; at <= last; at += SLOT) this.dirty.delete(Number(at / SLOT));
    iommu_iotlb_gather_add_range(gather, iova, length);
    return length;
  }

  iova_to_phys(iova: bigint): bigint | null {
    const run = this.runs.at(iova);
    return run === undefined ? null : run.pa + (iova - run.start);
  }

  /** False where the slot is not mapped. */
  mark_dirty(slot: bigint): boolean {
    if (this.runs.at(slot * SLOT) === undefined) return false;
    this.dirty.add(Number(slot));
    return true;
  }

  read_and_clear_dirty(
    iova: bigint,
    size: bigint,
    no_clear: boolean,
    set: ((iova: bigint, length: bigint) => void) | null,
  ): void {
    if (this.dirty.size === 0) return;
    for (let at = iova; at < iova + size;) {
      const run = this.runs.at(at);
      const page = run?.huge === true ? HUGE : SLOT;
      if (run !== undefined && this.test_and_clear(at & ~(page - 1n), page, no_clear)) set?.(at, page);
      at += page;
    }
  }

  private test_and_clear(head: bigint, page: bigint, no_clear: boolean): boolean {
    let found = false;
    for (let at = head; at < head + page; at += SLOT) {
      const slot = Number(at / SLOT);
      if (!this.dirty.has(slot)) continue;
      found = true;
      if (!no_clear) this.dirty.delete(slot);
    }
    return found;
  }
}
