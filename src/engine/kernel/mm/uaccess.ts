/** Copies between the kernel and the calling process's memory. */
import type { Kernel } from "../kernel.ts";
import { PAGE_SIZE } from "./const.ts";
import { type Mm, mm_pages } from "./mm.ts";

/** Bytes copied before the first one that could not be; `bytes.length` on success. */
export function copy_from_mm(k: Kernel, mm: Mm, uaddr: bigint, bytes: Uint8Array): number {
  return transfer(k, mm, uaddr, bytes, false);
}

/** Bytes copied before the first one that could not be; `bytes.length` on success. */
export function copy_to_mm(k: Kernel, mm: Mm, uaddr: bigint, bytes: Uint8Array): number {
  return transfer(k, mm, uaddr, bytes, true);
}

function transfer(k: Kernel, mm: Mm, uaddr: bigint, bytes: Uint8Array, write: boolean): number {
  let done = 0;
  while (done < bytes.length) {
    const va = BigInt.asUintN(64, uaddr + BigInt(done));
    const offset = Number(va & 4095n);
    const pages = Math.ceil((offset + bytes.length - done) / PAGE_SIZE);
    const hit = mm_pages(k, mm, va, write, pages);
    if (hit === null) return done;
    const n = Math.min(bytes.length - done, hit.n * PAGE_SIZE - offset);
    const part = n === bytes.length ? bytes : bytes.subarray(done, done + n);
    if (write) k.mem.writeBytes(hit.pfn * PAGE_SIZE + offset, part);
    else k.mem.readBytes(hit.pfn * PAGE_SIZE + offset, part);
    done += n;
  }
  return done;
}

/** `len` bytes of the caller's memory, or null: -EFAULT. */
export function copy_from_user(k: Kernel, uaddr: bigint, len: number): Uint8Array | null {
  const bytes = new Uint8Array(len);
  return copy_from_mm(k, k.current.mm, uaddr, bytes) === len ? bytes : null;
}

/** False: -EFAULT; bytes before the unwritable one have been written. */
export function copy_to_user(k: Kernel, uaddr: bigint, bytes: Uint8Array): boolean {
  return copy_to_mm(k, k.current.mm, uaddr, bytes) === bytes.length;
}

/** Writes `len` zero bytes; false: -EFAULT. */
export function clear_user(k: Kernel, uaddr: bigint, len: number): boolean {
  const chunk = new Uint8Array(Math.min(len, 16 * PAGE_SIZE));
  for (let done = 0; done < len; done += chunk.length) {
    if (!copy_to_user(k, uaddr + BigInt(done), chunk.subarray(0, Math.min(chunk.length, len - done)))) return false;
  }
  return true;
}

/**
 * linux `copy_struct_from_user`: a shorter user struct is zero-extended, a longer one must end in zeroes.
 * Null: -EFAULT; `"big"`: -E2BIG.
 */
export function copy_struct_from_user(
  k: Kernel,
  uaddr: bigint,
  usize: number,
  ksize: number,
): Uint8Array | null | "big" {
  if (usize > ksize) {
    const tail = new Uint8Array(Math.min(usize - ksize, 16 * PAGE_SIZE));
    for (let done = 0; done < usize - ksize; done += tail.length) {
      const part = tail.subarray(0, Math.min(tail.length, usize - ksize - done));
      const n = copy_from_mm(k, k.current.mm, uaddr + BigInt(ksize + done), part);
      if (part.subarray(0, n).some((byte) => byte !== 0)) return "big";
      if (n < part.length) return null;
    }
  }
  const out = new Uint8Array(ksize);
  const head = copy_from_user(k, uaddr, Math.min(usize, ksize));
  if (head === null) return null;
  out.set(head);
  return out;
}
