/** Error numbers of the asm-generic table (arm64, x86-64 and riscv share it). Kernel functions return them negated. */
export const errno = Object.freeze({
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ENOTTY: 25,
  EFBIG: 27,
  ENOSPC: 28,
  ESPIPE: 29,
  ERANGE: 34,
  EDEADLOCK: 35,
  EBADE: 52,
  EBADFD: 77,
  EOVERFLOW: 75,
  EMSGSIZE: 90,
  EOPNOTSUPP: 95,
  EADDRINUSE: 98,
  ETIMEDOUT: 110,
});

const names = new Map<number, string>(Object.entries(errno).map(([name, value]) => [value, name]));

/** `EINVAL` for 22 or -22; `errno 77777` where the table has no name. */
export function errnoName(value: number): string {
  const magnitude = Math.abs(value);
  return names.get(magnitude) ?? `errno ${magnitude}`;
}
