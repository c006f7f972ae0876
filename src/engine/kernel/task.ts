/** Processes. */
import { errno } from "../uapi/errno.ts";
import type { File } from "./file.ts";
import type { Mm } from "./mm/mm.ts";
import type { UserStruct } from "./mm/state.ts";

/** The capabilities that anything here asks for. */
export type Capability = "CAP_IPC_LOCK" | "CAP_SYS_RESOURCE" | "CAP_SYS_RAWIO" | "CAP_SYS_ADMIN";

export const ALL_CAPS: readonly Capability[] = Object.freeze([
  "CAP_IPC_LOCK",
  "CAP_SYS_RESOURCE",
  "CAP_SYS_RAWIO",
  "CAP_SYS_ADMIN",
]);

export interface Rlimits {
  /** RLIMIT_MEMLOCK in bytes; null = unlimited. */
  memlock: bigint | null;
  /** RLIMIT_NOFILE: first descriptor number that is too large. */
  nofile: number;
}

export class Task {
  readonly pid: number;
  mm: Mm;
  readonly fds = new Map<number, File>();
  caps: Set<Capability>;
  rlimits: Rlimits;
  user: UserStruct;

  constructor(pid: number, mm: Mm, user: UserStruct, caps: readonly Capability[], rlimits: Rlimits) {
    this.pid = pid;
    this.mm = mm;
    this.user = user;
    this.caps = new Set(caps);
    this.rlimits = rlimits;
  }

  capable(cap: Capability): boolean {
    return this.caps.has(cap);
  }
}

/** Lowest free descriptor, not yet taken; -EMFILE when there is none. */
export function get_unused_fd(task: Task): number {
  let fd = 0;
  while (task.fds.has(fd)) fd++;
  return fd < task.rlimits.nofile ? fd : -errno.EMFILE;
}
