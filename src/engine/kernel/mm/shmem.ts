/** Memory files (memfd): pages that live in a file and can be mapped, truncated and pinned without a mapping. */
import { errno } from "../../uapi/errno.ts";
import { File, type FileOps } from "../file.ts";
import type { Kernel } from "../kernel.ts";
import { PAGE_MASK_N, PAGE_SIZE_N } from "./const.ts";
import type { Vma } from "./mm.ts";
import { PageStore, type Placement, store_put, store_release } from "./store.ts";

export class MemFile {
  readonly store: PageStore;
  /** Bytes. */
  size = 0n;

  constructor(store: PageStore) {
    this.store = store;
  }
}

export interface MemFileOptions {
  hugetlb?: boolean;
  placement?: Placement;
}

/** The memory file behind an open file, or null when it is another kind of file. */
export function as_memfd(file: File): MemFile | null {
  return file.private_data instanceof MemFile ? file.private_data : null;
}

export function memfd_file(options: MemFileOptions): File {
  const store = new PageStore(options.hugetlb === true ? "hugetlb" : "shmem", options.placement ?? "contiguous");
  return new File(memfd_fops, "memfd:", new MemFile(store));
}

/** Pages that can be touched, the last one perhaps in part. */
function memfd_pages(mem: MemFile): number {
  return Number((mem.size + PAGE_MASK_N) / PAGE_SIZE_N);
}

function memfd_mmap(k: Kernel, file: File, vma: Vma, offset: bigint): number {
  const mem = as_memfd(file);
  if (mem === null) return -errno.ENODEV;
  if (!vma.shared) {
    k.note("a private mapping of a memory file is modelled as a shared one");
    vma.shared = true;
  }
  mem.store.users++;
  vma.store = mem.store;
  vma.pgoff = Number(offset / PAGE_SIZE_N);
  vma.name = "memfd";
  return 0;
}

function memfd_truncate(k: Kernel, file: File, length: bigint): number {
  const mem = as_memfd(file);
  if (mem === null) return -errno.EINVAL;
  const before = memfd_pages(mem);
  mem.size = length;
  const after = memfd_pages(mem);
  if (after < before) store_release(k, mem.store, after, before - after);
  return 0;
}

export const memfd_fops: FileOps = Object.freeze({
  name: "memfd",
  mmap: memfd_mmap,
  truncate: memfd_truncate,
  size_pages: (file: File): number => {
    const mem = as_memfd(file);
    return mem === null ? 0 : memfd_pages(mem);
  },
  release: (k: Kernel, file: File): void => {
    const mem = as_memfd(file);
    if (mem !== null) store_put(k, mem.store);
  },
} satisfies FileOps);
