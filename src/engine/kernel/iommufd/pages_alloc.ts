/** Backing stores of new mappings: user memory, files, dma-bufs. Source: linux 7.2 drivers/iommu/iommufd/{pages,io_pagetable}.c. */
import { errno } from "../../uapi/errno.ts";
import { fget } from "../file.ts";
import { IOMMU_WRITE } from "../iommu/types.ts";
import type { Kernel } from "../kernel.ts";
import { PAGE_MASK_N, PAGE_SIZE_N, ULONG_MAX } from "../mm/const.ts";
import { releaseNumber } from "../profile.ts";
import { as_dmabuf } from "./dmabuf.ts";
import type { IoPagetable } from "./iopt.ts";
import { IoptPages, type PagesSource } from "./iopt_pages.ts";
import type { IommufdCtx } from "./objects.ts";
import { iopt_put_pages } from "./pages.ts";

/** Where a mapping goes: at `fixed`, or null for an automatic choice. */
export interface MapPlace {
  fixed: bigint | null;
  /** IOMMU_READ ... */
  prot: number;
}

function alloc_pages(
  k: Kernel,
  ictx: IommufdCtx,
  source: PagesSource,
  start_byte: bigint,
  length: bigint,
  writable: boolean,
): IoptPages | number {
  const sane = length !== 0n && length <= ULONG_MAX - PAGE_SIZE_N;
  if (!k.check(sane, "the length is between 1 and 2^64 - 1 - PAGE_SIZE")) return -errno.EINVAL;
  if (k.fails()) return -errno.ENOMEM;
  const npages = Number((length + start_byte + PAGE_MASK_N) / PAGE_SIZE_N);
  const free = source.kind === "dmabuf" || k.current.capable("CAP_IPC_LOCK");
  const mode = free ? "none" : ictx.account_mode;
  const pages = new IoptPages(source, npages, writable, mode, k.current);
  k.iommufd.page_stores++;
  return pages;
}

function map_common(
  k: Kernel,
  iopt: IoPagetable,
  pages: IoptPages,
  start_byte: bigint,
  length: bigint,
  place: MapPlace,
): bigint | number {
  const piece = { pages, start_byte, length };
  const iova = k.ops.iopt_map_pages(k, iopt, [piece], length, place.fixed, place.prot);
  iopt_put_pages(k, pages);
  return iova;
}

/** Maps user memory. The IOVA as bigint, or a negative errno. */
export function iopt_map_user_pages(
  k: Kernel,
  ictx: IommufdCtx,
  iopt: IoPagetable,
  uptr: bigint,
  length: bigint,
  place: MapPlace,
): bigint | number {
  if (!k.check(uptr + length <= ULONG_MAX, "the user range ends inside 64 bits")) return -errno.EOVERFLOW;
  const source: PagesSource = { kind: "user", mm: k.current.mm, uptr: uptr & ~PAGE_MASK_N };
  const start_byte = uptr & PAGE_MASK_N;
  const pages = alloc_pages(k, ictx, source, start_byte, length, (place.prot & IOMMU_WRITE) !== 0);
  return typeof pages === "number" ? pages : map_common(k, iopt, pages, start_byte, length, place);
}

/** The release from which IOAS_MAP_FILE looks for a dma-buf behind the descriptor. */
const MAP_FILE_DMABUF = "6.19";

function dmabuf_source(
  k: Kernel,
  fd: number,
  start: bigint,
  last: bigint,
  length: bigint,
): PagesSource | number | null {
  const file = k.current.fds.get(fd);
  const able = k.features.uapi_release >= releaseNumber(MAP_FILE_DMABUF);
  const dmabuf = file === undefined || !able ? null : as_dmabuf(file);
  if (file === undefined || dmabuf === null) return null;
  const inside = dmabuf.size > last && length / PAGE_SIZE_N < 0xffff_ffffn;
  if (!k.check(inside, "the range lies within the dma-buf")) return -errno.EINVAL;
  if (!k.check(dmabuf.exporter !== "other", "the exporter gives out its physical range")) return -errno.EOPNOTSUPP;
  if (!k.check(!dmabuf.revoked, "the dma-buf is not revoked")) return -errno.ENODEV;
  return { kind: "dmabuf", file, dmabuf, start: start & ~PAGE_MASK_N, gone: false };
}

/** Maps a stretch of a memory file or dma-buf. The IOVA as bigint, or a negative errno. */
export function iopt_map_file_pages(
  k: Kernel,
  ictx: IommufdCtx,
  iopt: IoPagetable,
  fd: number,
  start: bigint,
  length: bigint,
  place: MapPlace,
): bigint | number {
  if (!k.check(length !== 0n, "the length is not 0")) return -errno.EINVAL;
  const last = start + length - 1n;
  if (!k.check(last <= ULONG_MAX, "the file range ends inside 64 bits")) return -errno.EOVERFLOW;
  let source = dmabuf_source(k, fd, start, last, length);
  if (source === null) {
    const file = k.current.fds.get(fd);
    if (!k.check(file !== undefined, "the descriptor is open") || file === undefined) return -errno.EBADF;
    source = { kind: "file", file, start: start & ~PAGE_MASK_N };
  }
  if (typeof source === "number") return source;
  const start_byte = start & PAGE_MASK_N;
  const pages = alloc_pages(k, ictx, source, start_byte, length, (place.prot & IOMMU_WRITE) !== 0);
  if (typeof pages === "number") return pages;
  if (source.kind !== "user") fget(source.file);
  if (source.kind === "dmabuf") source.dmabuf.attached.add(pages);
  return map_common(k, iopt, pages, start_byte, length, place);
}
