/** Open files. A subsystem plugs in with one frozen `FileOps` record; its state hangs on `private_data`. */
import type { ForeignApi, ForeignDevice, ForeignFile } from "./foreign_api.ts";
import type { Kernel } from "./kernel.ts";
import type { Vma } from "./mm/mm.ts";

/** Functions return a count or 0, or a negative errno. An absent one gives what the kernel gives (ENOTTY, EINVAL ...). */
export interface FileOps {
  /** What `fdt` of a recording calls it: `iommu`, `fault`, `vfio-device`. */
  readonly name: string;
  ioctl?(k: Kernel, file: File, cmd: number, arg: bigint): number;
  /** `buf` is an address of the caller, `pos` the file position of this call. */
  read?(k: Kernel, file: File, buf: bigint, count: number, pos: bigint): number;
  write?(k: Kernel, file: File, buf: bigint, count: number, pos: bigint): number;
  /** Mask of POLLIN 1, POLLOUT 4, POLLERR 8, POLLHUP 16. */
  poll?(k: Kernel, file: File): number;
  /** Fills `vma.store`, `vm_ops` and so on; the caller inserts it on 0. `offset` in bytes. */
  mmap?(k: Kernel, file: File, vma: Vma, offset: bigint): number;
  /** Memory files: pages that may be touched through a mapping. */
  size_pages?(file: File): number;
  truncate?(k: Kernel, file: File, length: bigint): number;
  /** The last reference is gone. */
  release?(k: Kernel, file: File): void;
}

export const POLLIN = 1;
export const POLLOUT = 4;
export const POLLERR = 8;
export const POLLHUP = 16;

export class File {
  readonly ops: FileOps;
  /** `/dev/iommu`, `anon_inode:[iommufd-fault]`. */
  readonly path: string;
  private_data: object | null;
  /** File descriptors, mappings and kernel objects that hold it. */
  count = 1;

  constructor(ops: FileOps, path: string, private_data: object | null) {
    this.ops = ops;
    this.path = path;
    this.private_data = private_data;
  }
}

/** A device node. `open` returns 0 and sets `file.private_data`, or a negative errno. */
export interface DevNode {
  readonly ops: FileOps;
  open(k: Kernel, file: File): number;
  /** Of a design that is not iommufd. */
  readonly api?: ForeignApi;
  /** Its open files and the devices in their hands. */
  readonly files?: readonly ForeignFile[];
  readonly bound?: readonly ForeignDevice[];
}

export function fget(file: File): File {
  file.count++;
  return file;
}

/** Gives one reference up; the last one releases the file. */
export function fput(k: Kernel, file: File): void {
  if (--file.count === 0) file.ops.release?.(k, file);
}
