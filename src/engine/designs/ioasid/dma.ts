/** Map and unmap as VFIO's type1v2 has them, on the one domain of a space. Pages are pinned once a device is attached. */
import { errno } from "../../uapi/errno.ts";
import { IOMMU_CACHE, IOMMU_READ, IOMMU_WRITE } from "../../kernel/iommu/types.ts";
import { min_page_size } from "../../kernel/iommu/map.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { PAGE_SIZE_N, ULONG_MAX } from "../../kernel/mm/const.ts";
import { pin_user_pages, type PinnedRun } from "../../kernel/mm/gup.ts";
import type { Mm } from "../../kernel/mm/mm.ts";
import { unpin_frames } from "../../kernel/mm/store.ts";
import type { Dma, Registered, Space } from "./state.ts";

const PROT = 3;

export interface Range {
  start: bigint;
  last: bigint;
}

/** Regions that the attached devices may not use, in driver order. */
export function reserved_of(k: Kernel, space: Space): Range[] {
  return space.attached.flatMap(({ device }) =>
    k.ops
      .iommu_get_resv_regions(k, device.vdev.pdev.dev)
      .filter((r) => r.type !== "direct-relaxable")
      .map((r) => ({ start: r.start, last: r.start + r.length - 1n })),
  );
}

/** What is left of the aperture without these regions; ascending. */
export function permitted(first: bigint, last: bigint, regions: readonly Range[]): Range[] {
  const out: Range[] = [];
  let at = first;
  for (const r of regions.toSorted((a, b) => (a.start < b.start ? -1 : 1))) {
    if (r.start > last) break;
    if (r.start > at) out.push({ start: at, last: r.start - 1n });
    if (r.last >= at) at = r.last + 1n;
  }
  if (at <= last) out.push({ start: at, last });
  return out;
}

function aperture(space: Space): Range {
  const width = space.addr_width === 0 ? 64n : BigInt(space.addr_width);
  const wide = (1n << width) - 1n;
  const { domain } = space;
  if (domain === null) return { start: 0n, last: wide };
  return { start: domain.aperture_start, last: domain.aperture_end < wide ? domain.aperture_end : wide };
}

export function reachable(k: Kernel, space: Space): Range[] {
  const { start, last } = aperture(space);
  return permitted(start, last, reserved_of(k, space));
}

/** All pages of a user range, or -EFAULT with nothing pinned. */
function pin_all(k: Kernel, mm: Mm, vaddr: bigint, pages: number, write: boolean): PinnedRun[] | number {
  const runs: PinnedRun[] = [];
  for (let done = 0; done < pages;) {
    const run = pin_user_pages(k, mm, vaddr + BigInt(done) * PAGE_SIZE_N, pages - done, write);
    if (typeof run === "number") {
      for (const one of runs) unpin_frames(k, one.pfn, one.n);
      return run;
    }
    runs.push(run);
    done += run.n;
  }
  return runs;
}

function locks(k: Kernel, pages: number): boolean {
  const { rlimits, mm } = k.current;
  const limit = rlimits.memlock === null ? Number.POSITIVE_INFINITY : Number(rlimits.memlock / PAGE_SIZE_N);
  const fits = k.current.capable("CAP_IPC_LOCK") || mm.locked_vm + pages <= limit;
  return k.check(fits, "the pages fit into RLIMIT_MEMLOCK");
}

/** Pins, counts and maps one entry in the space's domain. -EFAULT, -ENOMEM; nothing stays on an error. */
function fill(k: Kernel, space: Space, dma: Dma): number {
  const { domain } = space;
  if (domain === null || dma.runs.length > 0) return 0;
  const pages = Number(dma.size / PAGE_SIZE_N);
  if (dma.accounted && !locks(k, pages)) return -errno.ENOMEM;
  const runs = pin_all(k, dma.mm, dma.vaddr, pages, (dma.prot & 2) !== 0);
  if (typeof runs === "number") return runs;
  dma.runs = runs;
  if (dma.accounted) dma.mm.locked_vm += pages;
  const prot = ((dma.prot & 1) !== 0 ? IOMMU_READ : 0) | ((dma.prot & 2) !== 0 ? IOMMU_WRITE : 0) | IOMMU_CACHE;
  let at = dma.iova;
  for (const { pfn, n } of runs) {
    const bytes = BigInt(n) * PAGE_SIZE_N;
    const rc = k.ops.iommu_map(k, domain, at, BigInt(pfn) * PAGE_SIZE_N, bytes, prot);
    if (rc < 0) {
      if (at > dma.iova) k.ops.iommu_unmap(k, domain, dma.iova, at - dma.iova);
      unpin(k, dma);
      return rc;
    }
    at += bytes;
  }
  return 0;
}

function unpin(k: Kernel, dma: Dma): void {
  for (const run of dma.runs) unpin_frames(k, run.pfn, run.n);
  if (dma.runs.length > 0 && dma.accounted) dma.mm.locked_vm -= Number(dma.size / PAGE_SIZE_N);
  dma.runs = [];
}

/** The first device has come: everything that was mapped before goes into the domain. */
export function space_fill(k: Kernel, space: Space): number {
  for (const dma of space.dmas) {
    const rc = fill(k, space, dma);
    if (rc < 0) {
      space_drain(k, space);
      return rc;
    }
  }
  return 0;
}

/** Nothing stays in the domain, nothing pinned; the entries stay. */
export function space_drain(k: Kernel, space: Space): void {
  for (const dma of space.dmas) {
    if (space.domain !== null && dma.runs.length > 0) k.ops.iommu_unmap(k, space.domain, dma.iova, dma.size);
    unpin(k, dma);
  }
}

/** Whether the devices' regions leave room for what is mapped. */
export function space_fits(k: Kernel, space: Space): boolean {
  const holes = reachable(k, space);
  const out = space.dmas.find((d) => !holes.some((h) => h.start <= d.iova && d.iova + d.size - 1n <= h.last));
  return k.check(out === undefined, "the device can reach everything that is mapped", () => ({
    ...(out === undefined ? {} : { range: { start: out.iova, last: out.iova + out.size - 1n } }),
  }));
}

function page_mask(space: Space): bigint {
  return min_page_size(space.domain?.pgsize_bitmap ?? PAGE_SIZE_N) - 1n;
}

/** -EINVAL, -EOVERFLOW, -EEXIST, -EFAULT, -ENOMEM. */
export function space_map(
  k: Kernel,
  space: Space,
  m: { iova: bigint; size: bigint; vaddr: bigint; prot: number },
): number {
  const { iova, size, vaddr, prot } = m;
  if (!k.check((prot & ~PROT) === 0 && prot !== 0, "READ, WRITE or both")) return -errno.EINVAL;
  const mask = page_mask(space);
  if (!k.check(size !== 0n && ((iova | size | vaddr) & mask) === 0n, "whole pages")) return -errno.EINVAL;
  const last = iova + size - 1n;
  if (!k.check(last <= ULONG_MAX && vaddr + size - 1n <= ULONG_MAX, "no range passes the end")) return -errno.EOVERFLOW;
  const there = space.dmas.find((d) => d.iova <= last && d.iova + d.size > iova);
  if (!k.check(there === undefined, "nothing is mapped there", () => ({ range: { start: iova, last } })))
    return -errno.EEXIST;
  const inside = reachable(k, space).some((h) => h.start <= iova && last <= h.last);
  if (!k.check(inside, "all attached devices can reach the range", () => ({ range: { start: iova, last } })))
    return -errno.EINVAL;
  if (k.fails()) return -errno.ENOMEM;
  const known = space.ctx.registered.some((r) => r.vaddr <= vaddr && vaddr + size <= r.vaddr + r.size);
  const dma: Dma = { iova, size, vaddr, prot, mm: k.current.mm, runs: [], accounted: !known };
  const rc = fill(k, space, dma);
  if (rc < 0) return rc;
  space.dmas = [...space.dmas, dma].sort((a, b) => (a.iova < b.iova ? -1 : 1));
  return 0;
}

/** Whole entries go; a range that cuts one is -EINVAL. Bytes that are gone. */
export function space_unmap(k: Kernel, space: Space, iova: bigint, size: bigint): bigint | number {
  const mask = page_mask(space);
  if (!k.check(size !== 0n && ((iova | size) & mask) === 0n, "whole pages")) return -errno.EINVAL;
  const last = iova + size - 1n;
  if (!k.check(last <= ULONG_MAX, "the range does not pass the end")) return -errno.EOVERFLOW;
  const cuts = (at: bigint): boolean => space.dmas.some((d) => d.iova < at && at < d.iova + d.size);
  if (!k.check(!cuts(iova) && !cuts(last + 1n), "no mapping is cut")) return -errno.EINVAL;
  const gone = space.dmas.filter((d) => d.iova >= iova && d.iova <= last);
  let bytes = 0n;
  for (const dma of gone) {
    if (space.domain !== null && dma.runs.length > 0) k.ops.iommu_unmap(k, space.domain, dma.iova, dma.size);
    unpin(k, dma);
    bytes += dma.size;
  }
  space.dmas = space.dmas.filter((d) => !gone.includes(d));
  return bytes;
}

/** Pins and counts memory once; mappings inside it are not counted again. -EINVAL, -EFAULT, -ENOMEM. */
export function register_memory(
  k: Kernel,
  space_file: { registered: Registered[] },
  vaddr: bigint,
  size: bigint,
): number {
  if (!k.check(size !== 0n && ((vaddr | size) & (PAGE_SIZE_N - 1n)) === 0n, "whole pages")) return -errno.EINVAL;
  const pages = Number(size / PAGE_SIZE_N);
  if (!locks(k, pages)) return -errno.ENOMEM;
  const runs = pin_all(k, k.current.mm, vaddr, pages, true);
  if (typeof runs === "number") return runs;
  k.current.mm.locked_vm += pages;
  space_file.registered.push({ vaddr, size, runs });
  return 0;
}

/** -EINVAL unless exactly this range was registered. */
export function unregister_memory(
  k: Kernel,
  space_file: { registered: Registered[]; mm: Mm },
  vaddr: bigint,
  size: bigint,
): number {
  const found = space_file.registered.find((r) => r.vaddr === vaddr && r.size === size);
  if (!k.check(found !== undefined, "this range was registered") || found === undefined) return -errno.EINVAL;
  for (const run of found.runs) unpin_frames(k, run.pfn, run.n);
  space_file.mm.locked_vm -= Number(size / PAGE_SIZE_N);
  space_file.registered = space_file.registered.filter((r) => r !== found);
  return 0;
}
