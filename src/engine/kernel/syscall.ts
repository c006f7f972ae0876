/**
 * The system calls that programs here make. Each sets the calling process and returns what the program sees: a
 * result >= 0 or a negative errno.
 */
import { errno } from "../uapi/errno.ts";
import { File, fget, fput, POLLERR, POLLHUP } from "./file.ts";
import type { Kernel } from "./kernel.ts";
import { PAGE_MASK_N, PROT_READ, PROT_WRITE } from "./mm/const.ts";
import { get_unmapped_area, mm_exit, vma_insert, vma_remove, type Vma } from "./mm/mm.ts";
import { memfd_file, type MemFileOptions } from "./mm/shmem.ts";
import { PageStore, type Placement } from "./mm/store.ts";
import { get_unused_fd, type Task } from "./task.ts";

export const MAP_SHARED = 1;
export const MAP_PRIVATE = 2;
export const MAP_FIXED = 0x10;
export const MAP_ANONYMOUS = 0x20;
export const MAP_HUGETLB = 0x40000;
export const MAP_FIXED_NOREPLACE = 0x100000;

/** Installs an open file at the lowest free descriptor. Takes the caller's reference; drops it on -EMFILE. */
export function fd_install(k: Kernel, task: Task, file: File): number {
  const fd = get_unused_fd(task);
  if (fd < 0) {
    fput(k, file);
    return fd;
  }
  task.fds.set(fd, file);
  return fd;
}

export function sys_open(k: Kernel, task: Task, path: string): number {
  k.current = task;
  const node = k.devnodes.get(path);
  if (node === undefined) return -errno.ENOENT;
  const file = new File(node.ops, path, null);
  const rc = node.open(k, file);
  return rc < 0 ? rc : fd_install(k, task, file);
}

/** `arg` is the third argument: usually the struct's address in the caller's memory. */
export function sys_ioctl(k: Kernel, task: Task, fd: number, cmd: number, arg: bigint): number {
  k.current = task;
  const file = task.fds.get(fd);
  if (file === undefined) return -errno.EBADF;
  return file.ops.ioctl?.(k, file, cmd, arg) ?? -errno.ENOTTY;
}

export function sys_read(k: Kernel, task: Task, fd: number, buf: bigint, count: number, pos = 0n): number {
  k.current = task;
  const file = task.fds.get(fd);
  if (file === undefined) return -errno.EBADF;
  return file.ops.read?.(k, file, buf, count, pos) ?? -errno.EINVAL;
}

export function sys_write(k: Kernel, task: Task, fd: number, buf: bigint, count: number, pos = 0n): number {
  k.current = task;
  const file = task.fds.get(fd);
  if (file === undefined) return -errno.EBADF;
  return file.ops.write?.(k, file, buf, count, pos) ?? -errno.EINVAL;
}

/** One descriptor, no waiting: the `revents` of poll(2), or 0. */
export function sys_poll(k: Kernel, task: Task, fd: number, events: number): number {
  k.current = task;
  const file = task.fds.get(fd);
  if (file === undefined) return 32;
  return (file.ops.poll?.(k, file) ?? 5) & (events | POLLERR | POLLHUP);
}

export function sys_close(k: Kernel, task: Task, fd: number): number {
  k.current = task;
  const file = task.fds.get(fd);
  if (file === undefined) return -errno.EBADF;
  task.fds.delete(fd);
  fput(k, file);
  return 0;
}

export function sys_dup(k: Kernel, task: Task, fd: number): number {
  k.current = task;
  const file = task.fds.get(fd);
  return file === undefined ? -errno.EBADF : fd_install(k, task, fget(file));
}

export interface MmapArgs {
  /** 0 lets the kernel choose, unless MAP_FIXED. */
  addr: bigint;
  len: bigint;
  prot: number;
  /** MAP_SHARED 1, PRIVATE 2, FIXED 0x10, ANONYMOUS 0x20, HUGETLB 0x40000, FIXED_NOREPLACE 0x100000. */
  flags: number;
  /** -1 for anonymous memory. */
  fd: number;
  offset: bigint;
  name?: string;
  placement?: Placement;
}

/** The address, or a negative errno. */
export function sys_mmap(k: Kernel, task: Task, args: MmapArgs): bigint {
  k.current = task;
  if (args.len === 0n || (args.offset & PAGE_MASK_N) !== 0n) return BigInt(-errno.EINVAL);
  const huge = (args.flags & MAP_HUGETLB) !== 0;
  const unit = huge ? 0x1f_ffffn : PAGE_MASK_N;
  const len = (args.len + unit) & ~unit;
  const start = place(task, args, len);
  if (typeof start === "number") return BigInt(start);
  const shared = (args.flags & MAP_SHARED) !== 0;
  const vma: Vma = {
    start,
    last: start + len - 1n,
    prot: args.prot,
    shared,
    store: new PageStore(huge ? "hugetlb" : shared ? "shmem" : "anon", args.placement ?? "contiguous"),
    pgoff: 0,
    file: null,
    vm_ops: null,
    vm_private: null,
    name: args.name ?? (huge ? "hugetlb" : shared ? "shared" : "anon"),
  };
  if ((args.flags & MAP_ANONYMOUS) === 0) {
    const file = task.fds.get(args.fd);
    if (file === undefined) return BigInt(-errno.EBADF);
    if (file.ops.mmap === undefined) return BigInt(-errno.ENODEV);
    vma.file = file;
    const rc = file.ops.mmap(k, file, vma, args.offset);
    if (rc < 0) return BigInt(rc);
  }
  vma_insert(k, task.mm, vma);
  return start;
}

function place(task: Task, args: MmapArgs, len: bigint): bigint | number {
  if ((args.flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) === 0) {
    const start = get_unmapped_area(task.mm, len);
    return start ?? -errno.ENOMEM;
  }
  if ((args.addr & PAGE_MASK_N) !== 0n || args.addr + len > 1n << 47n) return -errno.EINVAL;
  const taken = task.mm.vmas.first(args.addr, args.addr + len - 1n) !== undefined;
  return taken && (args.flags & MAP_FIXED_NOREPLACE) !== 0 ? -errno.EEXIST : args.addr;
}

export function sys_munmap(k: Kernel, task: Task, addr: bigint, len: bigint): number {
  k.current = task;
  if ((addr & PAGE_MASK_N) !== 0n || len === 0n) return -errno.EINVAL;
  vma_remove(k, task.mm, addr, addr + ((len + PAGE_MASK_N) & ~PAGE_MASK_N) - 1n);
  return 0;
}

/** Changes the protection of whole mappings only; a range that cuts one is refused with -EINVAL here. */
export function sys_mprotect(k: Kernel, task: Task, addr: bigint, len: bigint, prot: number): number {
  k.current = task;
  const last = addr + ((len + PAGE_MASK_N) & ~PAGE_MASK_N) - 1n;
  for (const vma of task.mm.vmas.overlapping(addr, last)) {
    if (vma.start < addr || vma.last > last) return -errno.EINVAL;
    vma.prot = prot & (PROT_READ | PROT_WRITE | 4);
  }
  return 0;
}

export function sys_memfd_create(k: Kernel, task: Task, options: MemFileOptions = {}): number {
  k.current = task;
  return fd_install(k, task, memfd_file(options));
}

export function sys_ftruncate(k: Kernel, task: Task, fd: number, length: bigint): number {
  k.current = task;
  const file = task.fds.get(fd);
  if (file === undefined) return -errno.EBADF;
  return file.ops.truncate?.(k, file, length) ?? -errno.EINVAL;
}

/** The process is gone: descriptors in ascending order, then its memory. */
export function sys_exit(k: Kernel, task: Task): void {
  k.current = task;
  for (const fd of [...task.fds.keys()].sort((a, b) => a - b)) sys_close(k, task, fd);
  mm_exit(k, task.mm);
}
