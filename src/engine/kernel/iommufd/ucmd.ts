/** One ioctl on an iommufd file: the struct as it came in, and the way back. */
import { errno } from "../../uapi/errno.ts";
import { encodeInto } from "../../uapi/codec.ts";
import type { Layout, Values } from "../../uapi/layout.ts";
import type { Kernel } from "../kernel.ts";
import { copy_to_user } from "../mm/uaccess.ts";
import type { IommufdCtx } from "./objects.ts";

export interface Ucmd {
  ictx: IommufdCtx;
  /** The whole struct, zero-extended. */
  bytes: Uint8Array;
  /** The size that the caller gave. */
  user_size: number;
  /** Where the struct is in the caller's memory. */
  ubuffer: bigint;
}

/** Puts output fields into the struct and copies it back as far as the caller's goes. 0 or -EFAULT. */
export function iommufd_ucmd_respond<L extends Layout>(
  k: Kernel,
  ucmd: Ucmd,
  layout: L,
  out: Partial<Values<L>>,
): number {
  encodeInto(layout, ucmd.bytes, out);
  const n = Math.min(ucmd.user_size, layout.size);
  const ok = copy_to_user(k, ucmd.ubuffer, ucmd.bytes.subarray(0, n));
  return k.check(ok, "the result can be written back") ? 0 : -errno.EFAULT;
}
