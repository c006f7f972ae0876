/** Mappings of a container. Source: linux 7.2 drivers/vfio/vfio_iommu_type1.c `vfio_dma_do_map`, `vfio_dma_do_unmap`. */
import { decode, encodeInto } from "../../uapi/codec.ts";
import { errno } from "../../uapi/errno.ts";
import * as vfio from "../../uapi/vfio.ts";
import { min_page_size } from "../iommu/map.ts";
import { IOMMU_CACHE, IOMMU_READ, IOMMU_WRITE, type IommuDomain } from "../iommu/types.ts";
import type { Kernel } from "../kernel.ts";
import { PAGE_SIZE_N, ULONG_MAX } from "../mm/const.ts";
import { pin_user_pages } from "../mm/gup.ts";
import { unpin_frames } from "../mm/store.ts";
import { copy_to_user } from "../mm/uaccess.ts";
import { vfio_copy_args } from "./info.ts";
import type { Type1, VfioDma } from "./type1_state.ts";

/** Pins what is not pinned yet. -EFAULT, or -ENOMEM beyond RLIMIT_MEMLOCK. */
function pin_dma(k: Kernel, dma: VfioDma): number {
  if (dma.runs.length > 0) return 0;
  const pages = Number(dma.size / PAGE_SIZE_N);
  const { mm, task } = dma;
  const limit = task.rlimits.memlock === null ? Number.POSITIVE_INFINITY : Number(task.rlimits.memlock / PAGE_SIZE_N);
  const locks = task.capable("CAP_IPC_LOCK") || mm.locked_vm + pages <= limit;
  if (!k.check(locks, "the pages fit into RLIMIT_MEMLOCK")) return -errno.ENOMEM;
  for (let done = 0; done < pages;) {
    const run = pin_user_pages(k, mm, dma.vaddr + BigInt(done) * PAGE_SIZE_N, pages - done, (dma.prot & 2) !== 0);
    if (typeof run === "number") {
      for (const one of dma.runs) unpin_frames(k, one.pfn, one.n);
      dma.runs = [];
      return run;
    }
    dma.runs.push(run);
    done += run.n;
  }
  mm.locked_vm += pages;
  return 0;
}

function unpin_dma(k: Kernel, dma: VfioDma): void {
  for (const run of dma.runs) unpin_frames(k, run.pfn, run.n);
  if (dma.runs.length > 0) dma.mm.locked_vm -= Number(dma.size / PAGE_SIZE_N);
  dma.runs = [];
}

export function map_into(k: Kernel, domain: IommuDomain, dma: VfioDma): number {
  let at = dma.iova;
  for (const { pfn, n } of dma.runs) {
    const bytes = BigInt(n) * PAGE_SIZE_N;
    const rc = k.ops.iommu_map(k, domain, at, BigInt(pfn) * PAGE_SIZE_N, bytes, dma.prot | IOMMU_CACHE);
    if (rc < 0) {
      if (at > dma.iova) k.ops.iommu_unmap(k, domain, dma.iova, at - dma.iova);
      return rc;
    }
    at += bytes;
  }
  return 0;
}

export function pin_map_dma(k: Kernel, iommu: Type1, dma: VfioDma): number {
  let rc = pin_dma(k, dma);
  for (const [i, { domain }] of iommu.domains.entries()) {
    if (rc < 0) break;
    rc = map_into(k, domain, dma);
    if (rc < 0) for (const done of iommu.domains.slice(0, i)) k.ops.iommu_unmap(k, done.domain, dma.iova, dma.size);
  }
  dma.mapped = rc === 0;
  if (rc < 0) unpin_dma(k, dma);
  return rc;
}

export function remove_dma(k: Kernel, iommu: Type1, dma: VfioDma): void {
  if (dma.mapped) for (const { domain } of iommu.domains) k.ops.iommu_unmap(k, domain, dma.iova, dma.size);
  unpin_dma(k, dma);
  iommu.dmas = iommu.dmas.filter((one) => one !== dma);
  iommu.avail++;
}

/** Arguments of MAP_DMA, checked one by one. */
export interface MapRequest {
  flags: number;
  vaddr: bigint;
  iova: bigint;
  size: bigint;
}

export function vfio_iommu_type1_map_dma(k: Kernel, iommu: Type1, arg: bigint): number {
  const bytes = vfio_copy_args(k, arg, vfio.VFIO_IOMMU_MAP_DMA);
  return typeof bytes === "number" ? bytes : k.ops.vfio_dma_do_map(k, iommu, decode(vfio.VFIO_IOMMU_MAP_DMA, bytes));
}

/** -EINVAL also for IOVAs that are not in the list of valid ones (5.4 on). */
export function vfio_dma_do_map(k: Kernel, iommu: Type1, request: MapRequest): number {
  const { flags, vaddr, iova, size } = request;
  const { R, W } = vfio.DMA_FLAGS;
  const prot = ((flags & R) !== 0 ? IOMMU_READ : 0) | ((flags & W) !== 0 ? IOMMU_WRITE : 0);
  if (!k.check((flags & ~(R | W)) === 0 && prot !== 0, "READ, WRITE or both")) return -errno.EINVAL;
  const mask = min_page_size(iommu.pgsize_bitmap) - 1n;
  if (!k.check(size !== 0n && ((iova | size | vaddr) & mask) === 0n, "whole pages")) return -errno.EINVAL;
  const wraps = iova + size - 1n > ULONG_MAX || vaddr + size - 1n > ULONG_MAX;
  if (!k.check(!wraps, "no range passes the end")) return -errno.EOVERFLOW;
  const there = iommu.dmas.some((dma) => dma.iova < iova + size && dma.iova + dma.size > iova);
  if (!k.check(!there, "nothing is mapped there")) return -errno.EEXIST;
  if (!k.check(iommu.avail > 0, "mappings are left")) return -errno.ENOSPC;
  const last = iova + size - 1n;
  if (!k.ops.vfio_iommu_iova_dma_valid(k, iommu, iova, last)) return -errno.EINVAL;
  if (k.fails()) return -errno.ENOMEM;
  const task = k.current;
  const dma: VfioDma = { iova, size, vaddr, prot, mm: task.mm, task, runs: [], mapped: false };
  const rc = pin_map_dma(k, iommu, dma);
  if (rc < 0) return rc;
  iommu.avail--;
  iommu.dmas = [...iommu.dmas, dma].sort((a, b) => (a.iova < b.iova ? -1 : 1));
  return 0;
}

/** Whole mappings go. v2 refuses a range that cuts one; before, a mapping that starts in the range goes as a whole. */
export function vfio_iommu_type1_unmap_dma(k: Kernel, iommu: Type1, arg: bigint): number {
  const def = vfio.VFIO_IOMMU_UNMAP_DMA;
  const bytes = vfio_copy_args(k, arg, def);
  if (typeof bytes === "number") return bytes;
  const { flags, iova, size } = decode(def, bytes);
  const all = (flags & 2) !== 0;
  if (!k.check((flags & ~2) === 0, "no flag but ALL")) return -errno.EINVAL;
  if (!k.check(!all || (iova === 0n && size === 0n), "ALL comes with iova 0 and size 0")) return -errno.EINVAL;
  const mask = min_page_size(iommu.pgsize_bitmap) - 1n;
  const last = all ? ULONG_MAX : iova + size - 1n;
  if (!all) {
    if (!k.check(size !== 0n && ((iova | size) & mask) === 0n, "whole pages")) return -errno.EINVAL;
    if (!k.check(last <= ULONG_MAX, "the range does not pass the end")) return -errno.EOVERFLOW;
  }
  const cuts = (at: bigint) => iommu.dmas.some((dma) => dma.iova < at && at < dma.iova + dma.size);
  const whole = !iommu.v2 || all || (!cuts(iova) && !cuts(last + 1n));
  if (!k.check(whole, "no mapping is cut")) return -errno.EINVAL;
  let unmapped = 0n;
  for (const dma of [...iommu.dmas]) {
    if (dma.iova > last || dma.iova + dma.size <= iova) continue;
    if (!iommu.v2 && dma.iova < iova) break;
    unmapped += dma.size;
    remove_dma(k, iommu, dma);
  }
  encodeInto(def, bytes, { size: unmapped });
  return copy_to_user(k, arg, bytes) ? 0 : -errno.EFAULT;
}
