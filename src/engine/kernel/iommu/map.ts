/** Mapping into a domain, and the choice of page sizes. Source: linux 7.2 drivers/iommu/iommu.c. */
import { errno } from "../../uapi/errno.ts";
import type { Kernel } from "../kernel.ts";
import type { IommuDomain, IotlbGather } from "./types.ts";

/** Smallest page of a domain in bytes; 0 for a bitmap without pages. */
export function min_page_size(bitmap: bigint): bigint {
  return bitmap & -bitmap;
}

/** Greatest power of two <= x; x > 0. */
function floor_pow2(x: bigint): bigint {
  return 1n << BigInt(x.toString(2).length - 1);
}

/** An empty collection of invalidations. */
export function iotlb_gather(): IotlbGather {
  return { start: 0xffff_ffff_ffff_ffffn, end: 0n, pgsize: 0n };
}

/** Adds [iova, iova + size) to what the next sync invalidates. */
export function iommu_iotlb_gather_add_range(gather: IotlbGather, iova: bigint, size: bigint): void {
  const end = iova + size - 1n;
  if (iova < gather.start) gather.start = iova;
  if (end > gather.end) gather.end = end;
}

/**
 * The page size for the next step, and how many pages of it: the largest page that divides the address pair and
 * fits; the count stops where a larger page becomes possible.
 */
export function iommu_pgsize(
  bitmap: bigint,
  iova: bigint,
  paddr: bigint,
  size: bigint,
): { pgsize: bigint; count: bigint } {
  const merge = iova | paddr;
  const upto = (limit: bigint) => bitmap & ((limit << 1n) - 1n);
  let sizes = upto(floor_pow2(size));
  if (merge !== 0n) sizes &= ((merge & -merge) << 1n) - 1n;
  if (sizes === 0n) throw new Error("no page size fits: the caller checks alignment first");
  const pgsize = floor_pow2(sizes);
  const larger = bitmap & ~((pgsize << 1n) - 1n);
  if (larger === 0n) return { pgsize, count: size / pgsize };
  const next = larger & -larger;
  if (((iova ^ paddr) & (next - 1n)) !== 0n) return { pgsize, count: size / pgsize };
  const offset = next - (iova & (next - 1n));
  const run = offset + next <= size ? offset : size;
  return { pgsize, count: run / pgsize };
}

/**
 * The page size for the next step of a generic page table: the largest one in the bitmap that divides both addresses
 * and fits into what remains.
 */
export function pt_pgsize(bitmap: bigint, iova: bigint, paddr: bigint, size: bigint): bigint {
  const merge = iova | paddr;
  let sizes = bitmap & ((floor_pow2(size) << 1n) - 1n);
  if (merge !== 0n) sizes &= ((merge & -merge) << 1n) - 1n;
  if (sizes === 0n) throw new Error("no page size fits: the caller checks alignment first");
  return floor_pow2(sizes);
}

/** 0 or errno; on an error nothing of this call stays mapped. `prot`: IOMMU_READ ... */
export function iommu_map(
  k: Kernel,
  domain: IommuDomain,
  iova: bigint,
  paddr: bigint,
  size: bigint,
  prot: number,
): number {
  const { ops } = domain;
  const min = min_page_size(domain.pgsize_bitmap);
  const aligned = min !== 0n && ((iova | paddr | size) & (min - 1n)) === 0n;
  const detail = () => ({
    range: { start: iova, last: iova + size - 1n },
    left: `pa 0x${paddr.toString(16)}`,
    right: `pages of 0x${min.toString(16)} bytes`,
  });
  if (!k.check(aligned, "the addresses are multiples of the smallest page", detail)) return -errno.EINVAL;
  if (ops.map_range !== undefined) return ops.map_range(k, domain, iova, paddr, size, prot);
  if (ops.map_pages === undefined) return -errno.ENODEV;
  let done = 0n;
  while (done < size) {
    const { pgsize, count } = iommu_pgsize(domain.pgsize_bitmap, iova + done, paddr + done, size - done);
    const rc = ops.map_pages(k, domain, iova + done, paddr + done, pgsize, count, prot);
    if (rc < 0) {
      if (done > 0n) k.ops.iommu_unmap(k, domain, iova, done);
      return rc;
    }
    done += pgsize * count;
  }
  return 0;
}

/** Bytes unmapped; stops at the first address where nothing is mapped. */
export function iommu_unmap(k: Kernel, domain: IommuDomain, iova: bigint, size: bigint): bigint {
  const { ops } = domain;
  const min = min_page_size(domain.pgsize_bitmap);
  if (min === 0n || ((iova | size) & (min - 1n)) !== 0n) return 0n;
  const gather = iotlb_gather();
  let done = 0n;
  if (ops.unmap_range !== undefined) done = ops.unmap_range(k, domain, iova, size, gather);
  else if (ops.unmap_pages !== undefined) {
    while (done < size) {
      const { pgsize, count } = iommu_pgsize(domain.pgsize_bitmap, iova + done, iova + done, size - done);
      const n = ops.unmap_pages(k, domain, iova + done, pgsize, count, gather);
      if (n === 0n) break;
      done += n;
    }
  }
  if (gather.start <= gather.end) ops.iotlb_sync?.(k, domain, gather);
  return done;
}

/** Null where nothing is mapped. */
export function iommu_iova_to_phys(k: Kernel, domain: IommuDomain, iova: bigint): bigint | null {
  return domain.ops.iova_to_phys?.(k, domain, iova) ?? null;
}
