/** Dirty tracking over an IOAS, and the bitmap in user memory. Source: linux 7.2 drivers/iommu/iommufd/{io_pagetable,iova_bitmap}.c. */
import { errno } from "../../uapi/errno.ts";
import type { IommuDirtyOps, IommuDomain } from "../iommu/types.ts";
import type { Kernel } from "../kernel.ts";
import { PAGE_SIZE, ULONG_MAX } from "../mm/const.ts";
import { mm_pages } from "../mm/mm.ts";
import type { IoPagetable } from "./iopt.ts";

/** Pages of the bitmap that are looked up at a time: as many as one page can hold pointers to. */
const WINDOW_PAGES = PAGE_SIZE / 8;

/**
 * A bitmap in the caller's memory: bit i stands for iova + i * 2^shift, lowest bit of the lowest byte first. Pages of
 * it are looked up when the first bit in them is set; a page that cannot be written drops its bits silently.
 */
export class IovaBitmap {
  readonly iova: bigint;
  readonly shift: bigint;
  readonly uaddr: bigint;
  /** Number of 64-bit words. */
  readonly words: bigint;
  /** IOVA of the first bit of the window that is looked up now, and the window's pages; empty at first. */
  private base = 0n;
  private window: number[] = [];
  /** Byte offset of the window's first word in its first page. */
  private offset = 0;
  private window_last = 0n;

  constructor(iova: bigint, length: bigint, page_size: bigint, uaddr: bigint) {
    this.iova = iova;
    this.shift = BigInt((page_size & -page_size).toString(2).length - 1);
    this.uaddr = uaddr;
    this.words = (BigInt.asUintN(64, length - 1n) >> this.shift) / 64n + 1n;
  }

  private look(k: Kernel, iova: bigint): boolean {
    const word = (iova - this.iova) >> (this.shift + 6n);
    if (iova < this.iova || word >= this.words) return false;
    const addr = BigInt.asUintN(64, this.uaddr + word * 8n);
    this.offset = Number(addr & 4095n);
    const bytes = Number(this.words - word) * 8;
    // One page more than needed where the first word is inside a page, as the kernel counts.
    const wanted = Math.min(Math.ceil(bytes / PAGE_SIZE) + (this.offset === 0 ? 0 : 1), WINDOW_PAGES);
    this.window = [];
    for (let i = 0; i < wanted; i++) {
      const hit = mm_pages(k, k.current.mm, (addr & ~4095n) + BigInt(i * PAGE_SIZE), true, 1);
      if (hit === null) break;
      this.window.push(hit.pfn);
    }
    if (this.window.length === 0) return false;
    this.base = this.iova + (word << (this.shift + 6n));
    const reach = BigInt(Math.min(bytes, this.window.length * PAGE_SIZE - this.offset)) * 8n;
    this.window_last = this.base + (reach << this.shift) - 1n;
    return true;
  }

  /**
   * Sets the bits of [iova, iova + length). A length of 0 at the very start of the window wraps and sets every bit to
   * the end of it, as the kernel does.
   */
  set(k: Kernel, iova: bigint, length: bigint): void {
    let at = iova;
    let left = length;
    for (;;) {
      const inside = this.window.length > 0 && at >= this.base && at + left - 1n <= this.window_last;
      if (!inside && !this.look(k, at)) return;
      const head = BigInt(this.offset) * 8n;
      let bit = ((at - this.base) >> this.shift) + head;
      const last = BigInt.asUintN(64, BigInt.asUintN(64, at + left - 1n - this.base) >> this.shift) + head;
      const end = BigInt(this.window.length * PAGE_SIZE) * 8n - 1n;
      const stop = last < end ? last : end;
      for (; bit <= stop; bit++) this.mark(k, Number(bit));
      if (last <= end) return;
      const rest = (last - end) << this.shift;
      if (length === 0n) return;
      at += left - rest;
      left = rest;
    }
  }

  private mark(k: Kernel, bit: number): void {
    const byte = bit >>> 3;
    const pfn = this.window[Math.floor(byte / PAGE_SIZE)];
    if (pfn === undefined) return;
    const pa = pfn * PAGE_SIZE + (byte % PAGE_SIZE);
    const one = new Uint8Array(1);
    k.mem.readBytes(pa, one);
    one[0] = (one[0] ?? 0) | (1 << (bit & 7));
    k.mem.writeBytes(pa, one);
  }
}

/** The driver's walk over every area; stops with -EINVAL at a hole. */
function walk(
  k: Kernel,
  iopt: IoPagetable,
  ops: IommuDirtyOps,
  domain: IommuDomain,
  range: { iova: bigint; last: bigint },
  no_clear: boolean,
  set: ((iova: bigint, length: bigint) => void) | null,
): number {
  for (let cursor = range.iova; ;) {
    const area = iopt.areas.at(cursor);
    if (area === undefined || area.pages === null) return -errno.EINVAL;
    const stop = area.last < range.last ? area.last : range.last;
    const rc = ops.read_and_clear_dirty(k, domain, cursor, stop - cursor + 1n, no_clear, set);
    if (rc < 0 || stop === range.last) return rc;
    cursor = stop + 1n;
  }
}

export interface DirtyRange {
  iova: bigint;
  /** Bytes. */
  length: bigint;
  page_size: bigint;
  /** User address of the bitmap. */
  data: bigint;
}

/** Checks of the request that come before the walk. 0 or errno. */
export function iopt_check_dirty_range(k: Kernel, iopt: IoPagetable, range: DirtyRange): number {
  const { iova, length, page_size } = range;
  const last = BigInt.asUintN(64, length - 1n) + iova;
  if (!k.check(last <= ULONG_MAX, "the range ends inside 64 bits")) return -errno.EOVERFLOW;
  const end = BigInt.asUintN(64, last + 1n);
  const mask = iopt.iova_alignment - 1n;
  if (!k.check(((iova | end) & mask) === 0n, "the range has the IOAS's alignment")) return -errno.EINVAL;
  if (!k.check(page_size !== 0n, "the page size is not 0")) return -errno.EINVAL;
  // A mask, as if the page size were a power of two; nothing asks that it is one.
  const whole = ((iova | end) & (page_size - 1n)) === 0n;
  return k.check(whole, "the range is made of whole pages") ? 0 : -errno.EINVAL;
}

/** Fills the bitmap. A hole in the range and an unwritable bitmap are swallowed: 0. */
export function iopt_read_and_clear_dirty_data(
  k: Kernel,
  iopt: IoPagetable,
  domain: IommuDomain,
  no_clear: boolean,
  range: DirtyRange,
): number {
  const bad = k.ops.iopt_check_dirty_range(k, iopt, range);
  if (bad < 0) return bad;
  const ops = domain.dirty_ops;
  if (!k.check(ops !== null, "the hwpt tracks dirty pages") || ops === null) return -errno.EOPNOTSUPP;
  if (k.fails()) return -errno.ENOMEM;
  const bitmap = new IovaBitmap(range.iova, range.length, range.page_size, range.data);
  const last = range.iova + BigInt.asUintN(64, range.length - 1n);
  const rc = walk(k, iopt, ops, domain, { iova: range.iova, last }, no_clear, (iova, length) =>
    bitmap.set(k, iova, length),
  );
  return k.features.dirty_errors === "strict" && !k.check(rc === 0, "the range has no hole") ? rc : 0;
}

/** Switches tracking; switching it on first cleans every page. */
export function iopt_set_dirty_tracking(k: Kernel, iopt: IoPagetable, domain: IommuDomain, enable: boolean): number {
  const ops = domain.dirty_ops;
  if (!k.check(ops !== null, "the hwpt was allocated for dirty tracking") || ops === null) return -errno.EOPNOTSUPP;
  if (k.fails()) return -errno.ENOMEM;
  if (enable) {
    for (const area of iopt.areas) {
      if (area.pages !== null) ops.read_and_clear_dirty(k, domain, area.start, area.length, false, null);
    }
  }
  return ops.set_dirty_tracking(k, domain, enable);
}
