/** One area of an IOAS. Source: linux 7.2 drivers/iommu/iommufd/io_pagetable.h. */
import type { IommuDomain } from "../iommu/types.ts";
import type { Ranged } from "../range_map.ts";
import type { IoPagetable } from "./iopt.ts";
import type { IoptPages } from "./iopt_pages.ts";

/** A stretch of mapped IOVA with one backing. */
export class IoptArea implements Ranged {
  start: bigint;
  last: bigint;
  readonly iopt: IoPagetable;
  /** Null while a call is still setting the area up or tearing it down; the IOVA is taken nevertheless. */
  pages: IoptPages | null = null;
  /** First and last page index in `pages`. */
  index: number;
  index_last: number;
  /** Byte offset of `start` in page `index`, 0 .. 4095. */
  page_offset: number;
  /** IOMMU_READ, WRITE, CACHE ... */
  iommu_prot: number;
  /** The domain that the page frames can be read back from; null without domains. */
  storage_domain: IommuDomain | null = null;
  /** Pinned access records over this area. */
  num_accesses = 0;
  /** Hardware queues in this area: it cannot be unmapped. */
  num_locks = 0;
  /** An unmap waits for accesses to let go; new pins fail. */
  prevent_access = false;

  constructor(
    iopt: IoPagetable,
    start: bigint,
    last: bigint,
    place: { index: number; index_last: number; page_offset: number; iommu_prot: number },
  ) {
    this.iopt = iopt;
    this.start = start;
    this.last = last;
    this.index = place.index;
    this.index_last = place.index_last;
    this.page_offset = place.page_offset;
    this.iommu_prot = place.iommu_prot;
  }

  get length(): bigint {
    return this.last - this.start + 1n;
  }

  /** Byte offset of the area's start in its backing. */
  get start_byte(): bigint {
    return BigInt(this.index) * 4096n + BigInt(this.page_offset);
  }
}
