/**
 * In-kernel users of an IOAS: mediated devices, hardware queues, the self-test. Source: linux 7.2
 * drivers/iommu/iommufd/device.c (iommufd_access_*), pages.c.
 */
import { errno } from "../../uapi/errno.ts";
import { IOMMU_READ, IOMMU_WRITE } from "../iommu/types.ts";
import type { Kernel } from "../kernel.ts";
import { PAGE_SIZE, PAGE_SIZE_N, ULONG_MAX } from "../mm/const.ts";
import { pin_user_pages } from "../mm/gup.ts";
import { copy_from_mm, copy_to_mm } from "../mm/uaccess.ts";
import { unpin_frames } from "../mm/store.ts";
import { iopt_calculate_iova_alignment } from "./io_pagetable.ts";
import type { IoPagetable, IoptArea } from "./iopt.ts";
import type { IoptPages } from "./iopt_pages.ts";
import { fget, fput } from "../file.ts";
import { iommufd_get_object, iommufd_object_alloc, iommufd_object_abort, iommufd_object_finalize } from "./object.ts";
import { type AccessOps, IommufdAccess, type IommufdCtx, type IommufdIoas } from "./objects.ts";
import { iopt_pages_drop, iopt_pages_hold, iopt_pages_update_pinned } from "./pages.ts";
import { areaInterval } from "./reserved.ts";

/** As linux `IOMMUFD_ACCESS_RW_*`. */
export const ACCESS_RW_WRITE = 1;
/** Tests: take the way of another process's memory. */
export const ACCESS_RW_SLOW = 4;

/** A new access with an id of its own, attached to nothing. It keeps the context alive unless internal. */
export function iommufd_access_create(
  k: Kernel,
  ictx: IommufdCtx,
  ops: AccessOps | null,
  priv: object | null,
  internal = false,
): IommufdAccess | number {
  const access = new IommufdAccess(ictx, ops, priv, internal);
  const rc = iommufd_object_alloc(k, access);
  if (rc < 0) return rc;
  access.iova_alignment = internal || ops?.needs_pin_pages === true ? PAGE_SIZE_N : 1n;
  // The driver's own reference: a user cannot DESTROY the access.
  access.users++;
  iommufd_object_finalize(access);
  if (!internal && ictx.file !== null) fget(ictx.file);
  return access;
}

/** Detaches and gives the id back. */
export function iommufd_access_destroy(k: Kernel, access: IommufdAccess): void {
  const { ictx, internal } = access;
  if (access.ioas !== null) iommufd_access_change_ioas(k, access, null);
  iommufd_object_abort(access);
  if (!internal && ictx.file !== null) fput(k, ictx.file);
}

function iopt_add_access(k: Kernel, iopt: IoPagetable, access: IommufdAccess): number {
  if (k.fails()) return -errno.ENOMEM;
  const free = iopt.access_list.indexOf(null);
  const slot = free < 0 ? iopt.access_list.length : free;
  iopt.access_list[slot] = access;
  const rc = iopt_calculate_iova_alignment(k, iopt);
  if (rc < 0) iopt.access_list[slot] = null;
  else access.slot = slot;
  return rc;
}

/** Moves an access to another IOAS, or to none. What it pinned in the old one is let go through its callback. */
export function iommufd_access_change_ioas(k: Kernel, access: IommufdAccess, to: IommufdIoas | null): number {
  const from = access.ioas;
  if (from === to) return 0;
  const old_slot = access.slot;
  if (to !== null) {
    const rc = iopt_add_access(k, to.iopt, access);
    if (rc < 0) return rc;
    to.users++;
  }
  const new_slot = access.slot;
  access.ioas = null;
  access.ioas_unpin = from;
  if (from !== null) {
    if (access.ops?.needs_pin_pages === true) access.ops.unmap(k, access, 0n, ULONG_MAX);
    from.iopt.access_list[old_slot] = null;
    while (from.iopt.access_list.at(-1) === null) from.iopt.access_list.pop();
    iopt_calculate_iova_alignment(k, from.iopt);
    from.users--;
  }
  access.slot = to === null ? -1 : new_slot;
  access.ioas = to;
  access.ioas_unpin = to;
  return 0;
}

export function iommufd_access_attach(k: Kernel, access: IommufdAccess, ioas_id: number): number {
  if (!k.check(access.ioas_unpin === null, "the access is not attached yet")) return -errno.EINVAL;
  const ioas = iommufd_get_object(k, access.ictx, ioas_id, "IOAS");
  return ioas === null ? -errno.ENOENT : iommufd_access_change_ioas(k, access, ioas);
}

export function iommufd_access_replace(k: Kernel, access: IommufdAccess, ioas_id: number): number {
  if (!k.check(access.ioas !== null, "the access is attached")) return -errno.ENOENT;
  const ioas = iommufd_get_object(k, access.ictx, ioas_id, "IOAS");
  return ioas === null ? -errno.ENOENT : iommufd_access_change_ioas(k, access, ioas);
}

/** Tells every access that [iova, iova + length) goes away. */
export function iommufd_access_notify_unmap(k: Kernel, iopt: IoPagetable, iova: bigint, length: bigint): void {
  for (const access of iopt.access_list.slice()) access?.ops?.unmap(k, access, iova, length);
}

/** One area of a contiguous range, and the part of the range in it. */
interface ContigPart {
  area: IoptArea;
  pages: IoptPages;
  start: bigint;
  last: bigint;
}

/** The areas of [iova, last] one by one, stopping at the first hole; -ENOENT when there is one. */
function contig(
  k: Kernel,
  iopt: IoPagetable,
  iova: bigint,
  last: bigint,
  each: (part: ContigPart, final: boolean) => number,
): number {
  for (let cursor = iova; ;) {
    const area = iopt.areas.at(cursor);
    const hole = () => ({ range: { start: iova, last }, left: `0x${cursor.toString(16)} is not mapped` });
    if (!k.check(area !== undefined && area.pages !== null, "the range is mapped without a hole", hole))
      return -errno.ENOENT;
    if (area === undefined || area.pages === null) return -errno.ENOENT;
    const final = area.last >= last;
    const rc = each({ area, pages: area.pages, start: cursor, last: final ? last : area.last }, final);
    if (rc < 0 || final) return rc;
    cursor = area.last + 1n;
  }
}

function check_range(k: Kernel, iova: bigint, length: bigint): number {
  if (!k.check(length !== 0n, "the length is not 0")) return -errno.EINVAL;
  return k.check(iova + length - 1n <= ULONG_MAX, "the range ends inside 64 bits") ? 0 : -errno.EOVERFLOW;
}

function allowed(k: Kernel, part: ContigPart, write: boolean): number {
  const { area, pages } = part;
  const detail = () => ({ hits: [areaInterval(area)] });
  const prot = write ? IOMMU_WRITE : IOMMU_READ;
  if (!k.check((area.iommu_prot & prot) !== 0, `the area may be ${write ? "written" : "read"}`, detail))
    return -errno.EPERM;
  if (!k.check(!write || pages.writable, "the backing was given with write access", detail)) return -errno.EPERM;
  return k.check(pages.source.kind !== "dmabuf", "the area is memory", detail) ? 0 : -errno.EINVAL;
}

/** Index of the page that holds an IOVA of an area, in the area's backing. */
function page_index(area: IoptArea, iova: bigint): number {
  return Number((area.start_byte + (iova - area.start)) / PAGE_SIZE_N);
}

/** Frames of the pinned pages in order, or errno. Unpin with the same range. */
export function iommufd_access_pin_pages(
  k: Kernel,
  access: IommufdAccess,
  iova: bigint,
  length: bigint,
  write: boolean,
): number[] | number {
  const bad = check_range(k, iova, length);
  if (bad < 0) return bad;
  if (!k.check(access.ioas !== null, "the access is attached") || access.ioas === null) return -errno.ENOENT;
  const frames: number[] = [];
  const done: ContigPart[] = [];
  const last = iova + length - 1n;
  const rc = contig(k, access.ioas.iopt, iova, last, (part, final) => {
    const { area, pages, start } = part;
    const byte = (at: bigint): bigint => (area.start_byte + (at - area.start)) % PAGE_SIZE_N;
    const aligned = byte(start) === 0n && (final || byte(area.last) === PAGE_SIZE_N - 1n);
    const ready = !area.prevent_access && aligned;
    if (!k.check(ready, "the area is page aligned and not going away", () => ({ hits: [areaInterval(area)] }))) {
      return -errno.EINVAL;
    }
    const may = allowed(k, part, write);
    if (may < 0) return may;
    const index = page_index(area, start);
    const n = page_index(area, part.last) - index + 1;
    const held = hold_charged(k, pages, index, n);
    if (held < 0) return held;
    area.num_accesses++;
    if (access.internal) area.num_locks++;
    done.push(part);
    for (let i = 0; i < n; i++) frames.push(pages.pinned.get(index + i));
    return 0;
  });
  if (rc === 0) return frames;
  for (const part of done) unpin_part(k, access, part);
  return rc;
}

function hold_charged(k: Kernel, pages: IoptPages, index: number, n: number): number {
  const rc = iopt_pages_hold(k, pages, index, n);
  if (rc < 0) return rc;
  const charged = iopt_pages_update_pinned(k, pages);
  if (charged < 0) iopt_pages_drop(k, pages, index, n);
  return charged;
}

function unpin_part(k: Kernel, access: IommufdAccess, part: ContigPart): void {
  const { area, pages, start, last } = part;
  const index = page_index(area, start);
  area.num_accesses--;
  if (access.internal) area.num_locks--;
  iopt_pages_drop(k, pages, index, page_index(area, last) - index + 1);
}

/** The range must be one that was pinned. */
export function iommufd_access_unpin_pages(k: Kernel, access: IommufdAccess, iova: bigint, length: bigint): void {
  const ioas = access.ioas_unpin;
  if (ioas === null || length === 0n) return;
  contig(k, ioas.iopt, iova, iova + length - 1n, (part) => {
    unpin_part(k, access, part);
    return 0;
  });
}

/** Copies between `data` and IOVA. Bytes before a failing area have been transferred. */
export function iommufd_access_rw(
  k: Kernel,
  access: IommufdAccess,
  iova: bigint,
  data: Uint8Array,
  flags: number,
): number {
  const length = BigInt(data.length);
  const bad = check_range(k, iova, length);
  if (bad < 0) return bad;
  if (!k.check(access.ioas !== null, "the access is attached") || access.ioas === null) return -errno.ENOENT;
  const write = (flags & ACCESS_RW_WRITE) !== 0;
  return contig(k, access.ioas.iopt, iova, iova + length - 1n, (part) => {
    if (!k.check(!part.area.prevent_access, "the area is not going away")) return -errno.EINVAL;
    const may = allowed(k, part, write);
    if (may < 0) return may;
    const bytes = data.subarray(Number(part.start - iova), Number(part.last - iova) + 1);
    const byte = part.area.start_byte + (part.start - part.area.start);
    return iopt_pages_rw_access(k, part.pages, byte, bytes, flags);
  });
}

function iopt_pages_rw_access(k: Kernel, pages: IoptPages, byte: bigint, data: Uint8Array, flags: number): number {
  const { source } = pages;
  const write = (flags & ACCESS_RW_WRITE) !== 0;
  if (source.kind === "user") {
    const first = byte / PAGE_SIZE_N;
    const one_page = first === (byte + BigInt(data.length) - 1n) / PAGE_SIZE_N;
    const remote = (flags & ACCESS_RW_SLOW) !== 0 || source.mm !== k.current.mm;
    if (!remote) {
      const copy = write ? copy_to_mm : copy_from_mm;
      const n = copy(k, source.mm, source.uptr + byte, data);
      return k.check(n === data.length, "the user's memory can be reached") ? 0 : -errno.EFAULT;
    }
    if (one_page && !source.mm.exited) return rw_page(k, pages, Number(first), Number(byte % PAGE_SIZE_N), data, write);
  }
  return rw_slow(k, pages, byte, data, write);
}

function rw_page(k: Kernel, pages: IoptPages, index: number, offset: number, data: Uint8Array, write: boolean): number {
  if (pages.source.kind !== "user") return -errno.EINVAL;
  const run = pin_user_pages(k, pages.source.mm, pages.source.uptr + BigInt(index) * PAGE_SIZE_N, 1, write);
  if (typeof run === "number") return run;
  copy_frame(k, run.pfn, offset, data, write);
  unpin_frames(k, run.pfn, 1);
  return 0;
}

function rw_slow(k: Kernel, pages: IoptPages, byte: bigint, data: Uint8Array, write: boolean): number {
  const first = Number(byte / PAGE_SIZE_N);
  const n = Number((byte + BigInt(data.length) - 1n) / PAGE_SIZE_N) - first + 1;
  const rc = iopt_pages_hold(k, pages, first, n);
  if (rc < 0) return rc;
  let offset = Number(byte % PAGE_SIZE_N);
  let at = 0;
  for (let i = 0; i < n; i++) {
    const bytes = Math.min(PAGE_SIZE - offset, data.length - at);
    copy_frame(k, pages.pinned.get(first + i), offset, data.subarray(at, at + bytes), write);
    at += bytes;
    offset = 0;
  }
  for (const run of pages.pinned.drop(first, n)) unpin_frames(k, run.pfn, run.n);
  return 0;
}

function copy_frame(k: Kernel, pfn: number, offset: number, data: Uint8Array, write: boolean): void {
  const pa = pfn * PAGE_SIZE + offset;
  if (write) k.mem.writeBytes(pa, data);
  else k.mem.readBytes(pa, data);
}
