/**
 * What a VT-d page table maps, kept as leaves in a map. The kernel's side of it (leaf sizes, what unmap takes,
 * iova_to_phys) is that of linux 7.2 drivers/iommu/generic_pt with the formats vtdss and x86_64. By itself it serves
 * recordings, where no unit walks it; hardware_table.ts puts the same leaves into memory.
 */
import { errno } from "../../../uapi/errno.ts";
import { iommu_iotlb_gather_add_range, iotlb_gather, pt_pgsize } from "../../iommu/map.ts";
import { IOMMU_READ, IOMMU_WRITE, type IotlbGather } from "../../iommu/types.ts";
import { NotModelled } from "../../not_modelled.ts";
import { RangeMap, type Ranged } from "../../range_map.ts";

interface Leaf extends Ranged {
  pa: bigint;
  prot: number;
}

export class SoftwareTable {
  readonly leaves = new RangeMap<Leaf>();
  /** Page sizes to choose from. */
  readonly bitmap: bigint;
  /** Last IOVA that the table can hold. */
  readonly last: bigint;
  /** Depth of the table in memory; 0 = it is not in memory. */
  readonly levels: number = 0;

  constructor(bitmap: bigint, last: bigint) {
    this.bitmap = bitmap;
    this.last = last;
  }

  /** 0; -EINVAL for neither read nor write, -ERANGE beyond the table, -EADDRINUSE where something is mapped, -ENOMEM. */
  map(iova: bigint, pa: bigint, length: bigint, prot: number): number {
    if ((prot & (IOMMU_READ | IOMMU_WRITE)) === 0) return -errno.EINVAL;
    if (iova + length - 1n > this.last) return -errno.ERANGE;
    if (this.leaves.first(iova, iova + length - 1n) !== undefined) return -errno.EADDRINUSE;
    for (let done = 0n; done < length;) {
      const size = pt_pgsize(this.bitmap, iova + done, pa + done, length - done);
      const start = iova + done;
      const rc = this.leaf_set(start, size, pa + done, prot);
      if (rc < 0) {
        this.unmap(iova, done, iotlb_gather());
        return rc;
      }
      this.leaves.insert({ start, last: start + size - 1n, pa: pa + done, prot });
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
      this.leaf_clear(leaf.start, leaf.last - leaf.start + 1n);
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

  /** A leaf of `size` bytes is wanted; 0 or -ENOMEM. */
  protected leaf_set(_iova: bigint, _size: bigint, _pa: bigint, _prot: number): number {
    return 0;
  }

  /** A leaf goes. */
  protected leaf_clear(_iova: bigint, _size: bigint): void {}

  /** The domain is gone. */
  free(): void {}

  /** Physical address of the top table, for a unit's context or PASID entry. */
  hardware_root(): number {
    throw new NotModelled("VT-d page tables in memory: no unit can walk this domain");
  }
}
