/** eventfd: a counter that the kernel raises and a program reads. Source: linux 7.2 fs/eventfd.c. */
import { errno } from "../uapi/errno.ts";
import { File, type FileOps, POLLIN, POLLOUT } from "./file.ts";
import type { Kernel } from "./kernel.ts";
import { copy_from_user, copy_to_user } from "./mm/uaccess.ts";
import { fd_install } from "./syscall.ts";
import type { Task } from "./task.ts";

const MAX = 0xffff_ffff_ffff_fffen;

export class EventfdCtx {
  count: bigint;

  constructor(count: bigint) {
    this.count = count;
  }
}

export function eventfd_signal(ctx: EventfdCtx): void {
  if (ctx.count < MAX) ctx.count++;
}

/** The counter behind a descriptor. -EBADF: none; -EINVAL: another kind of file. */
export function eventfd_ctx_fdget(task: Task, fd: number): EventfdCtx | number {
  const file = task.fds.get(fd);
  if (file === undefined) return -errno.EBADF;
  return file.private_data instanceof EventfdCtx ? file.private_data : -errno.EINVAL;
}

function ctx_of(file: File): EventfdCtx {
  if (!(file.private_data instanceof EventfdCtx)) throw new Error("not an eventfd");
  return file.private_data;
}

/** Non-blocking: -EAGAIN while the counter is 0. */
function eventfd_read(k: Kernel, file: File, buf: bigint, count: number): number {
  const ctx = ctx_of(file);
  if (count < 8) return -errno.EINVAL;
  if (ctx.count === 0n) return -errno.EAGAIN;
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, ctx.count, true);
  if (!copy_to_user(k, buf, bytes)) return -errno.EFAULT;
  ctx.count = 0n;
  return 8;
}

function eventfd_write(k: Kernel, file: File, buf: bigint, count: number): number {
  const ctx = ctx_of(file);
  if (count < 8) return -errno.EINVAL;
  const bytes = copy_from_user(k, buf, 8);
  if (bytes === null) return -errno.EFAULT;
  const add = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (add > MAX) return -errno.EINVAL;
  if (ctx.count + add > MAX) return -errno.EAGAIN;
  ctx.count += add;
  return 8;
}

export const eventfd_fops: FileOps = Object.freeze({
  name: "eventfd",
  read: eventfd_read,
  write: eventfd_write,
  poll: (_k: Kernel, file: File) => (ctx_of(file).count > 0n ? POLLIN | POLLOUT : POLLOUT),
});

/** A new descriptor, or -EMFILE. */
export function sys_eventfd(k: Kernel, task: Task, count = 0n): number {
  k.current = task;
  return fd_install(k, task, new File(eventfd_fops, "anon_inode:[eventfd]", new EventfdCtx(count)));
}
