/**
 * The mock's page table: AMD v1 format with a granule of 2 KiB, as the generic page-table code of linux 7.2 drives it
 * (drivers/iommu/generic_pt/fmt/iommu_mock.c). Only its leaves are kept: nothing outside the kernel ever walks it.
 */
import { errno } from "../../../uapi/errno.ts";
import { iommu_iotlb_gather_add_range, pt_pgsize } from "../../iommu/map.ts";
import { IOMMU_READ, IOMMU_WRITE, type IotlbGather } from "../../iommu/types.ts";
import { RangeMap, type Ranged } from "../../range_map.ts";

/** One leaf: a power of two of bytes, written as one or more equal entries. */
interface Leaf extends Ranged {
  pa: bigint;
  /** Bytes that one of its table entries stands for. */
  item: bigint;
  /** Some entry has the D bit. */
  dirty: boolean;
}

const GRANULE_LG2 = 11n;
/** Entries of a table: 2^9. */
const TABLE_LG2 = 9n;

/** Bytes of one entry at the level that holds leaves of `size` bytes. */
function item_size(size: bigint): bigint {
  let lg2 = GRANULE_LG2;
  while (1n << (lg2 + TABLE_LG2) <= size) lg2 += TABLE_LG2;
  return 1n << lg2;
}

export class MockTable {
  readonly leaves = new RangeMap<Leaf>();
  /** Page sizes to choose from. */
  readonly bitmap: bigint;

  constructor(bitmap: bigint) {
    this.bitmap = bitmap;
  }

  /** 0, -EINVAL for neither read nor write, -EADDRINUSE where something is mapped. Nothing stays on an error. */
  map(iova: bigint, pa: bigint, length: bigint, prot: number): number {
    if ((prot & (IOMMU_READ | IOMMU_WRITE)) === 0) return -errno.EINVAL;
    if (this.leaves.first(iova, iova + length - 1n) !== undefined) return -errno.EADDRINUSE;
    for (let done = 0n; done < length;) {
      const size = pt_pgsize(this.bitmap, iova + done, pa + done, length - done);
      const start = iova + done;
      this.leaves.insert({ start, last: start + size - 1n, pa: pa + done, item: item_size(size), dirty: false });
      done += size;
    }
    return 0;
  }

  /** Bytes unmapped from `iova` on, up to the first hole. A leaf is never split: one that begins inside goes whole. */
  unmap(iova: bigint, length: bigint, gather: IotlbGather): bigint {
    let at = iova;
    while (at < iova + length) {
      const leaf = this.leaves.at(at);
      if (leaf === undefined || leaf.start !== at) break;
      this.leaves.delete(leaf.start);
      at = leaf.last + 1n;
    }
    if (at > iova) iommu_iotlb_gather_add_range(gather, iova, at - iova);
    return at - iova;
  }

  iova_to_phys(iova: bigint): bigint | null {
    const leaf = this.leaves.at(iova);
    return leaf === undefined ? null : leaf.pa + (iova - leaf.start);
  }

  /** Sets the D bit of the entry that holds an IOVA; nothing where nothing is mapped. */
  mark_dirty(iova: bigint): void {
    const leaf = this.leaves.at(iova);
    if (leaf !== undefined) leaf.dirty = true;
  }

  /**
   * Dirty leaves of [iova, iova + size), ascending. A leaf of several entries is reported one entry short: up to the
   * start of its last entry, or of the range's end if that comes first.
   */
  read_and_clear_dirty(
    iova: bigint,
    size: bigint,
    no_clear: boolean,
    set: ((iova: bigint, length: bigint) => void) | null,
  ): void {
    const last = iova + size - 1n;
    for (const leaf of this.leaves.overlapping(iova, last)) {
      if (!leaf.dirty) continue;
      const at = leaf.start > iova ? leaf.start : iova;
      set?.(at, reported(leaf, at, last));
      if (!no_clear) leaf.dirty = false;
    }
  }
}

function reported(leaf: Leaf, at: bigint, last: bigint): bigint {
  const { item } = leaf;
  const entries = (leaf.last - leaf.start + 1n) / item;
  if (entries === 1n) return item;
  const index = (at - leaf.start) / item;
  const range_end = (last - leaf.start) / item + 1n;
  const end = range_end < entries - 1n ? range_end : entries - 1n;
  return (end - index) * item;
}
