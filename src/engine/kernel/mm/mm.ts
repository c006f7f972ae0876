/** Address spaces: virtual memory areas and the pages behind them. */
import { errno } from "../../uapi/errno.ts";
import { type File, fput } from "../file.ts";
import type { Kernel } from "../kernel.ts";
import { RangeMap } from "../range_map.ts";
import { PAGE_MASK_N, PAGE_SHIFT, PROT_READ, PROT_WRITE } from "./const.ts";
import { type PageStore, store_copy, store_put, store_release, store_run } from "./store.ts";

/** Called with the object that the mapping holds, when the last piece of it is unmapped. */
export interface VmOps {
  open(k: Kernel, vma: Vma): void;
  close(k: Kernel, vma: Vma): void;
}

export interface Vma {
  /** Page aligned. */
  start: bigint;
  /** Inclusive. */
  last: bigint;
  /** PROT_READ 1, PROT_WRITE 2, PROT_EXEC 4. */
  prot: number;
  shared: boolean;
  store: PageStore;
  /** Page of `store` at `start`. */
  pgoff: number;
  /** The mapped file, which the mapping keeps open. */
  file: File | null;
  vm_ops: VmOps | null;
  vm_private: object | null;
  /** For people: `anon`, `memfd`, `guest RAM`. */
  name: string;
}

export class Mm {
  readonly vmas = new RangeMap<Vma>();
  /** Pages charged against RLIMIT_MEMLOCK of this address space (VmLck). */
  locked_vm = 0;
  /** Pages pinned for devices, whatever the accounting mode (VmPin). */
  pinned_vm = 0;
  /** The last process of it is gone; only what is pinned can still be reached. */
  exited = false;
  /** Exclusive upper end of the next automatic mapping. */
  mmap_top = 0x7fff_f7ff_f000n;
}

/** Lowest page-aligned start for `length` bytes, top down below `mmap_top`; null when there is no hole. */
export function get_unmapped_area(mm: Mm, length: bigint): bigint | null {
  let top = mm.mmap_top;
  while (top >= length + 0x10000n) {
    const start = top - length;
    const hit = mm.vmas.floor(top - 1n);
    if (hit === undefined || hit.last < start) return start;
    top = hit.start;
  }
  return null;
}

/** Puts a mapping in, replacing what was there. Takes one use of `store` over from the caller. */
export function vma_insert(k: Kernel, mm: Mm, vma: Vma): void {
  vma_remove(k, mm, vma.start, vma.last);
  mm.vmas.insert(vma);
  if (vma.file !== null) vma.file.count++;
}

/** Unmaps [start, last]; mappings that reach beyond are cut. */
export function vma_remove(k: Kernel, mm: Mm, start: bigint, last: bigint): void {
  for (let vma = mm.vmas.first(start, last); vma !== undefined; vma = mm.vmas.first(start, last)) {
    mm.vmas.delete(vma.start);
    const pieces: Vma[] = [];
    if (vma.start < start) pieces.push({ ...vma, last: start - 1n });
    if (vma.last > last) {
      pieces.push({ ...vma, start: last + 1n, pgoff: vma.pgoff + Number((last + 1n - vma.start) >> 12n) });
    }
    for (const piece of pieces) {
      piece.store.users++;
      if (piece.file !== null) piece.file.count++;
      mm.vmas.insert(piece);
      piece.vm_ops?.open(k, piece);
    }
    if (!vma.shared) {
      const from = start > vma.start ? start : vma.start;
      const to = last < vma.last ? last : vma.last;
      const index = vma.pgoff + Number((from - vma.start) >> 12n);
      store_release(k, vma.store, index, Number((to - from + 1n) >> 12n));
    }
    vma_close(k, vma);
  }
}

function vma_close(k: Kernel, vma: Vma): void {
  vma.vm_ops?.close(k, vma);
  store_put(k, vma.store);
  if (vma.file !== null) fput(k, vma.file);
}

/** Drops the whole address space. */
export function mm_exit(k: Kernel, mm: Mm): void {
  mm.exited = true;
  vma_remove(k, mm, 0n, 0xffff_ffff_ffff_ffffn);
}

/** A child's address space: shared pages are shared, private ones copied. -ENOMEM when memory is used up. */
export function mm_dup(k: Kernel, from: Mm): Mm | number {
  const mm = new Mm();
  mm.mmap_top = from.mmap_top;
  const copies = new Map<PageStore, PageStore>();
  for (const vma of from.vmas) {
    let store = vma.store;
    if (!vma.shared) {
      const copied = copies.get(store) ?? store_copy(k, store);
      if (copied === null) {
        mm_exit(k, mm);
        return -errno.ENOMEM;
      }
      if (copies.has(store)) copied.users++;
      copies.set(store, copied);
      store = copied;
    } else store.users++;
    const copy = { ...vma, store };
    mm.vmas.insert(copy);
    if (copy.file !== null) copy.file.count++;
    copy.vm_ops?.open(k, copy);
  }
  return mm;
}

/** Frames behind a user address: `n` consecutive ones from the page of `va` on. */
export interface PageHit {
  pfn: number;
  n: number;
  vma: Vma;
}

/**
 * Faults in and returns up to `max` pages from the page of `va` on. Null where nothing is mapped, the protection
 * forbids the access, the file ends before, or memory is used up: -EFAULT for the caller.
 */
export function mm_pages(k: Kernel, mm: Mm, va: bigint, write: boolean, max: number): PageHit | null {
  const vma = mm.vmas.at(va);
  if (vma === undefined || (vma.prot & (write ? PROT_WRITE : PROT_READ)) === 0) return null;
  if (vma.store.kind === "device") return null;
  const page = va & ~PAGE_MASK_N;
  const index = vma.pgoff + Number((page - vma.start) >> BigInt(PAGE_SHIFT));
  let n = Math.min(max, Number((vma.last - page + 1n) >> BigInt(PAGE_SHIFT)));
  const limit = vma.file?.ops.size_pages?.(vma.file) ?? Number.POSITIVE_INFINITY;
  n = Math.min(n, limit - index);
  const run = n > 0 ? store_run(k, vma.store, index, n) : null;
  return run === null ? null : { pfn: run.pfn, n: run.n, vma };
}
