/** Records of x86 traces as they stand in the files: one JSON object a line. */

import type { FileKind } from "../uapi/layout.ts";

/** What `fdt` says of a file that takes ioctls. */
export const FILE_KINDS: Readonly<Record<string, FileKind>> = Object.freeze({
  iommu: "iommufd",
  "vfio-container": "vfio-container",
  "vfio-group": "vfio-group",
  "vfio-device": "vfio-device",
  "vfio-cdev": "vfio-device",
});

export interface TraceBuf {
  /** Field that points to it: allowed_iovas, data, bitmap, uptr. */
  f: string;
  /** Address, hex. */
  p: string;
  len: number;
  /** Hex; empty with len > 0: not readable. `out` "=": unchanged. */
  in: string;
  out: string;
}

export interface TraceMmap {
  name: string;
  va: string;
  len: number;
  prot: number;
  fd: number;
  /** [page index, frame (0 = unmapped), pages]. */
  pfn: [number, number, number][];
}

/** Fields by `op`; absent ones undefined. Numbers that may exceed 2^53 are hex strings. */
export interface TraceRecord {
  op: string;
  pid?: number;
  ppid?: number;
  /** Self-test case. */
  t?: string;
  /** Call number in a random sequence. */
  i?: number;
  fd?: number;
  fdt?: string;
  cmd?: string;
  name?: string;
  top?: string;
  in?: string;
  out?: string;
  argp?: string | null;
  arg?: string;
  /** What `arg` points to, where it is no struct: a descriptor, a device's name. */
  int?: number;
  str?: string;
  ret?: number | string;
  errno?: number;
  bufs?: TraceBuf[];
  path?: string;
  len?: number;
  data?: string;
  events?: number;
  revents?: number;
  addr?: string;
  prot?: number;
  flags?: string | number;
  off?: string;
  old_len?: number;
  new_len?: number;
  vmlck_kb?: number;
  vmpin_kb?: number;
  seed?: number;
  kernel?: string;
  caps?: string;
  rlimit_memlock?: number;
  user_locked_pages?: number;
  mmaps?: TraceMmap[];
}

/** Throws with the reason when a line is no record. */
export function parseRecord(line: string): TraceRecord {
  const value: unknown = JSON.parse(line);
  if (typeof value !== "object" || value === null || !("op" in value) || typeof value.op !== "string") {
    throw new Error("a record is an object with an op");
  }
  return value as TraceRecord;
}

/** Kernel profile that a trace names in its first record: `linux-7.2`; null when it names none. */
export function traceKernel(first: TraceRecord): string | null {
  const match = /^(\d+\.\d+)/.exec(first.kernel ?? "");
  return match === null ? null : `linux-${match[1]}`;
}
