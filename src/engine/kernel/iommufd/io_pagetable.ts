/**
 * The IOVA space of an IOAS: areas, linked domains, alignment. Source: linux 7.2 drivers/iommu/iommufd/io_pagetable.c.
 *
 * Vocabulary: `start`/`last` are inclusive IOVAs; an index is a page of a backing store; a piece is one part of a
 * mapping request, with a backing of its own.
 */
import { errno } from "../../uapi/errno.ts";
import { min_page_size } from "../iommu/map.ts";
import type { IommuDomain } from "../iommu/types.ts";
import type { Kernel } from "../kernel.ts";
import { PAGE_SIZE_N, ULONG_MAX } from "../mm/const.ts";
import { IoptArea, type IoPagetable } from "./iopt.ts";
import type { IoptPages } from "./iopt_pages.ts";
import {
  iopt_area_fill_domain,
  iopt_area_fill_domains,
  iopt_area_unfill_domain,
  iopt_area_unfill_domains,
  iopt_put_pages,
  writes_forbidden,
} from "./pages.ts";
import { areaInterval } from "./reserved.ts";

/** One part of a mapping: `length` bytes of `pages` from byte `start_byte` on. */
export interface PagesPiece {
  pages: IoptPages;
  start_byte: bigint;
  length: bigint;
}

/** -EADDRINUSE when an existing area does not have this alignment in IOVA, length or page offset. */
export function iopt_check_alignment(k: Kernel, iopt: IoPagetable, align: bigint): number {
  const mask = align - 1n;
  for (const area of iopt.areas) {
    const ok = ((area.start | area.length | BigInt(area.page_offset)) & mask) === 0n;
    const detail = () => ({
      range: { start: area.start, last: area.last },
      hits: [areaInterval(area)],
      right: `alignment 0x${align.toString(16)}`,
    });
    if (!k.check(ok, "existing areas have the new alignment", detail)) return -errno.EADDRINUSE;
  }
  return 0;
}

/** Alignment that the linked domains, attached accesses and the large-page switch ask for. */
export function iopt_calculate_iova_alignment(k: Kernel, iopt: IoPagetable): number {
  let align = iopt.disable_large_pages ? PAGE_SIZE_N : 1n;
  const raise = (to: bigint) => {
    if (to > align) align = to;
  };
  for (const domain of iopt.domains) raise(min_page_size(domain.pgsize_bitmap));
  for (const access of iopt.access_list) if (access !== null) raise(access.iova_alignment);
  if (align > iopt.iova_alignment) {
    const rc = iopt_check_alignment(k, iopt, align);
    if (rc < 0) return rc;
  }
  iopt.iova_alignment = align;
  return 0;
}

/** Links a domain: its aperture limits the IOAS, all areas are mapped into it. Nothing changes on an error. */
export function iopt_table_add_domain(k: Kernel, iopt: IoPagetable, domain: IommuDomain, label: string): number {
  if (!k.check(!iopt.domains.includes(domain), "the domain is not linked yet")) return -errno.EEXIST;
  const smallest = min_page_size(domain.pgsize_bitmap);
  const fits = smallest !== 0n && smallest <= PAGE_SIZE_N;
  const detail = () => ({ left: `smallest page 0x${smallest.toString(16)}`, right: "PAGE_SIZE 0x1000" });
  if (!k.check(fits, "the domain's smallest page is not larger than the CPU's", detail)) return -errno.EINVAL;
  const align = smallest > iopt.iova_alignment ? smallest : iopt.iova_alignment;
  let rc = align === iopt.iova_alignment ? 0 : iopt_check_alignment(k, iopt, align);
  if (rc < 0) return rc;
  const why = { label: `aperture of ${label}`, kind: "aperture" };
  if (domain.aperture_start !== 0n) rc = k.ops.iopt_reserve_iova(k, iopt, 0n, domain.aperture_start - 1n, domain, why);
  if (rc === 0 && domain.aperture_end !== ULONG_MAX) {
    rc = k.ops.iopt_reserve_iova(k, iopt, domain.aperture_end + 1n, ULONG_MAX, domain, why);
  }
  if (rc === 0 && k.fails()) rc = -errno.ENOMEM;
  if (rc === 0) rc = iopt_fill_domain(k, iopt, domain);
  if (rc < 0) {
    k.ops.iopt_remove_reserved_iova(k, iopt, domain);
    return rc;
  }
  iopt.iova_alignment = align;
  iopt.domains.push(domain);
  return 0;
}

function iopt_fill_domain(k: Kernel, iopt: IoPagetable, domain: IommuDomain): number {
  const filled: { area: IoptArea; pages: IoptPages }[] = [];
  for (const area of iopt.areas) {
    const { pages } = area;
    if (pages === null) continue;
    const rc = iopt_area_fill_domain(k, area, pages, domain);
    if (rc < 0) {
      for (const one of filled) iopt_area_unfill_domain(k, one.area, one.pages, domain, iopt.domains[0] ?? null);
      return rc;
    }
    filled.push({ area, pages });
  }
  return 0;
}

/** Unlinks a domain; the last one linked moves into its place. */
export function iopt_table_remove_domain(k: Kernel, iopt: IoPagetable, domain: IommuDomain): void {
  const at = iopt.domains.indexOf(domain);
  if (at < 0) return;
  const tail = iopt.domains.pop();
  if (tail !== undefined && tail !== domain) iopt.domains[at] = tail;
  const next = iopt.domains[0] ?? null;
  for (const area of iopt.areas) {
    if (area.pages !== null) iopt_area_unfill_domain(k, area, area.pages, domain, next);
  }
  k.ops.iopt_remove_reserved_iova(k, iopt, domain);
  iopt_calculate_iova_alignment(k, iopt);
}

function insert_area(k: Kernel, iopt: IoPagetable, piece: PagesPiece, iova: bigint, prot: number): IoptArea | number {
  const { pages, start_byte, length } = piece;
  if (!k.check(!writes_forbidden(pages, prot), "the backing was given with write access")) return -errno.EPERM;
  const page_offset = Number(start_byte % PAGE_SIZE_N);
  const aligned = (BigInt(page_offset) & (iopt.iova_alignment - 1n)) === 0n;
  const detail = () => ({
    left: `page offset 0x${page_offset.toString(16)}`,
    right: `alignment 0x${iopt.iova_alignment.toString(16)}`,
  });
  if (!k.check(aligned, "the memory has the IOAS's alignment", detail)) return -errno.EINVAL;
  const area = new IoptArea(iopt, iova, iova + length - 1n, {
    index: Number(start_byte / PAGE_SIZE_N),
    index_last: Number((start_byte + length - 1n) / PAGE_SIZE_N),
    page_offset,
    iommu_prot: prot,
  });
  iopt.areas.insert(area);
  return area;
}

/** User address or file offset of a piece's first byte: what the automatic choice aligns to. */
function piece_addr(piece: PagesPiece): bigint {
  const { source } = piece.pages;
  return piece.start_byte + (source.kind === "user" ? source.uptr : source.start);
}

function choose_iova(
  k: Kernel,
  iopt: IoPagetable,
  pieces: readonly PagesPiece[],
  length: bigint,
  fixed: bigint | null,
): bigint | number {
  for (let i = 0; i < pieces.length; i++) if (k.fails()) return -errno.ENOMEM;
  const aligned = length !== 0n && (length & (iopt.iova_alignment - 1n)) === 0n;
  const detail = () => ({
    left: `length 0x${length.toString(16)}`,
    right: `alignment 0x${iopt.iova_alignment.toString(16)}`,
  });
  if (!k.check(aligned, "the length has the IOAS's alignment", detail)) return -errno.EINVAL;
  const [first] = pieces;
  if (fixed !== null || first === undefined) {
    const iova = fixed ?? 0n;
    const rc = k.ops.iopt_check_iova(k, iopt, iova, length);
    return rc < 0 ? rc : iova;
  }
  return k.ops.iopt_alloc_iova(k, iopt, piece_addr(first), length);
}

/**
 * Maps the pieces one after the other at `fixed`, or where there is room (`null`). Returns the IOVA as bigint or a
 * negative errno. On success each area holds one use of its backing; the caller's uses stay the caller's.
 */
export function iopt_map_pages(
  k: Kernel,
  iopt: IoPagetable,
  pieces: readonly PagesPiece[],
  length: bigint,
  fixed: bigint | null,
  prot: number,
): bigint | number {
  const start = choose_iova(k, iopt, pieces, length, fixed);
  if (typeof start === "number") return start;
  const areas: { area: IoptArea; pages: IoptPages }[] = [];
  let rc = 0;
  let iova = start;
  for (const piece of pieces) {
    const area = insert_area(k, iopt, piece, iova, prot);
    if (typeof area === "number") {
      rc = area;
      break;
    }
    areas.push({ area, pages: piece.pages });
    iova += piece.length;
  }
  let filled = 0;
  for (const { area, pages } of areas) {
    if (rc === 0) rc = iopt_area_fill_domains(k, area, pages);
    if (rc < 0) break;
    filled++;
  }
  if (rc < 0) {
    for (const { area, pages } of areas.slice(0, filled)) iopt_area_unfill_domains(k, area, pages);
    for (const { area } of areas) iopt.areas.delete(area.start);
    return rc;
  }
  for (const { area, pages } of areas) {
    area.pages = pages;
    pages.users++;
  }
  return start;
}

/**
 * The backings behind [iova, iova + length), one piece for each area crossed, each with a use taken.
 * -ENOENT when the range is not wholly mapped.
 */
export function iopt_get_pages(k: Kernel, iopt: IoPagetable, iova: bigint, length: bigint): PagesPiece[] | number {
  if (!k.check(length !== 0n, "the length is not 0")) return -errno.EINVAL;
  const last = iova + length - 1n;
  if (!k.check(last <= ULONG_MAX, "the range ends inside 64 bits")) return -errno.EOVERFLOW;
  const pieces: PagesPiece[] = [];
  let cursor = iova;
  while (cursor <= last) {
    const area = iopt.areas.at(cursor);
    const mapped = area !== undefined && area.pages !== null;
    const hole = () => ({ range: { start: iova, last }, left: `0x${cursor.toString(16)} is not mapped` });
    if (!k.check(mapped, "the source is mapped without a hole", hole) || area === undefined || area.pages === null)
      return -errno.ENOENT;
    if (k.fails()) return -errno.ENOMEM;
    const stop = area.last < last ? area.last : last;
    pieces.push({ pages: area.pages, start_byte: area.start_byte + (cursor - area.start), length: stop - cursor + 1n });
    cursor = stop + 1n;
  }
  for (const piece of pieces) piece.pages.users++;
  return pieces;
}

export interface Unmapped {
  rc: number;
  /** Bytes unmapped, also before an error. */
  bytes: bigint;
}

/** Removes all areas within [start, last], ascending, and stops at the first one that it may not remove. */
export function iopt_unmap_iova(k: Kernel, iopt: IoPagetable, start: bigint, last: bigint): Unmapped {
  let cursor = start;
  let tries = 0;
  let bytes = 0n;
  for (;;) {
    const area = iopt.areas.first(cursor, last);
    if (area === undefined) return { rc: 0, bytes };
    const { pages } = area;
    const detail = () => ({ range: { start, last }, hits: [areaInterval(area)] });
    if (!k.check(pages !== null, "the area is not being set up or torn down", detail) || pages === null) {
      return { rc: -errno.EBUSY, bytes };
    }
    if (!k.check(area.num_locks === 0, "no hardware queue lies in the area", detail))
      return { rc: -errno.EBUSY, bytes };
    const whole = area.start >= start && area.last <= last;
    if (!k.check(whole, "the range covers whole areas", detail)) return { rc: -errno.ENOENT, bytes };
    if (area.start !== cursor) tries = 0;
    if (area.num_accesses > 0) {
      cursor = area.start;
      area.prevent_access = true;
      k.ops.iommufd_access_notify_unmap(k, iopt, area.start, area.length);
      if (!k.check(++tries <= 100, "the in-kernel users of the area let go", detail))
        return { rc: -errno.EDEADLOCK, bytes };
      continue;
    }
    iopt_remove_area(k, iopt, area, pages);
    bytes += area.length;
    if (area.last >= last) return { rc: 0, bytes };
    cursor = area.last + 1n;
  }
}

function iopt_remove_area(k: Kernel, iopt: IoPagetable, area: IoptArea, pages: IoptPages): void {
  area.pages = null;
  iopt_area_unfill_domains(k, area, pages);
  iopt.areas.delete(area.start);
  iopt_put_pages(k, pages);
}

/** Everything, as DESTROY of the IOAS does. */
export function iopt_unmap_all(k: Kernel, iopt: IoPagetable): Unmapped {
  return k.ops.iopt_unmap_iova(k, iopt, 0n, ULONG_MAX);
}

/** Cuts areas so that each byte in `cuts` is the last of its area, for VFIO type1 containers. */
export function iopt_cut_iova(k: Kernel, iopt: IoPagetable, cuts: readonly bigint[]): number {
  for (const cut of cuts) {
    const area = iopt.areas.at(cut);
    if (area === undefined) continue;
    const rc = iopt_area_split(k, iopt, area, cut);
    if (rc < 0) return rc;
  }
  return 0;
}

function iopt_area_split(k: Kernel, iopt: IoPagetable, area: IoptArea, cut: bigint): number {
  const { pages } = area;
  if (cut === area.start || cut === area.last) return 0;
  const detail = () => ({ hits: [areaInterval(area)], left: `cut after 0x${cut.toString(16)}` });
  if (!k.check(pages !== null && !area.prevent_access, "the area is not busy", detail) || pages === null)
    return -errno.EBUSY;
  if (!k.check(pages.source.kind !== "dmabuf", "the area is not a dma-buf", detail)) return -errno.EOPNOTSUPP;
  const byte = area.start_byte + (cut + 1n - area.start);
  const aligned = ((cut + 1n) & (iopt.iova_alignment - 1n)) === 0n && (byte & (iopt.iova_alignment - 1n)) === 0n;
  if (!k.check(aligned, "the cut has the IOAS's alignment", detail)) return -errno.EINVAL;
  if (!k.check(area.num_accesses === 0, "no in-kernel user pins the area", detail)) return -errno.EINVAL;
  const small = area.storage_domain === null || iopt.disable_large_pages;
  if (!k.check(small, "large pages are disabled, or nothing is mapped yet", detail)) return -errno.EINVAL;
  if (k.fails() || k.fails()) return -errno.ENOMEM;
  const right = new IoptArea(iopt, cut + 1n, area.last, {
    index: Number(byte / PAGE_SIZE_N),
    index_last: area.index_last,
    page_offset: Number(byte % PAGE_SIZE_N),
    iommu_prot: area.iommu_prot,
  });
  right.pages = pages;
  right.storage_domain = area.storage_domain;
  area.last = cut;
  area.index_last = Number((byte - 1n) / PAGE_SIZE_N);
  pages.users++;
  if (right.storage_domain !== null) pages.areas.add(right);
  iopt.areas.insert(right);
  return 0;
}

/** -EINVAL when the IOAS has both a domain and a mapping: their pages may be large already. */
export function iopt_disable_large_pages(k: Kernel, iopt: IoPagetable): number {
  if (iopt.disable_large_pages) return 0;
  const free = iopt.domains.length === 0 || iopt.areas.size === 0;
  if (!k.check(free, "no mapping is in a domain yet")) return -errno.EINVAL;
  iopt.disable_large_pages = true;
  const rc = iopt_calculate_iova_alignment(k, iopt);
  if (rc < 0) iopt.disable_large_pages = false;
  return rc;
}

export function iopt_enable_large_pages(k: Kernel, iopt: IoPagetable): number {
  if (!iopt.disable_large_pages) return 0;
  iopt.disable_large_pages = false;
  return iopt_calculate_iova_alignment(k, iopt);
}
