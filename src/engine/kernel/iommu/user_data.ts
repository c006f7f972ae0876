/**
 * How drivers read what a program passes through iommufd. Source: linux 7.2 include/linux/iommu.h
 * `iommu_copy_struct_from_user`, `iommu_copy_struct_from_full_user_array`.
 */
import { errno } from "../../uapi/errno.ts";
import type { Kernel } from "../kernel.ts";
import { copy_from_user, copy_struct_from_user } from "../mm/uaccess.ts";
import type { UserData, UserDataArray } from "./types.ts";

/** The struct, zero-extended to `size`. -EINVAL: other type, shorter than `min` or longer than `size`; -EFAULT. */
export function iommu_copy_struct_from_user(
  k: Kernel,
  data: UserData,
  type: number,
  min: number,
  size: number,
): Uint8Array | number {
  const detail = () => ({
    left: `type ${data.type}, ${data.len} bytes`,
    right: `type ${type}, ${min} to ${size} bytes`,
  });
  const fits = data.type === type && data.len >= min && data.len <= size;
  if (!k.check(fits, "the user data is of the type and length that the driver takes", detail)) return -errno.EINVAL;
  const bytes = copy_struct_from_user(k, data.uptr, data.len, size);
  if (bytes === null) return -errno.EFAULT;
  return bytes === "big" ? -errno.E2BIG : bytes;
}

/**
 * All entries, each brought to `size` bytes, one after the other. -EINVAL: other type or no entries; -E2BIG: a longer
 * entry whose tail is not zero; -EFAULT.
 */
export function iommu_copy_struct_from_full_user_array(
  k: Kernel,
  array: UserDataArray,
  type: number,
  size: number,
): Uint8Array | number {
  if (!k.check(array.type === type, "the entries are of the type that the driver takes")) return -errno.EINVAL;
  if (!k.check(array.entry_num > 0, "there are entries")) return -errno.EINVAL;
  if (array.entry_len === size) return copy_from_user(k, array.uptr, size * array.entry_num) ?? -errno.EFAULT;
  const out = new Uint8Array(size * array.entry_num);
  for (let i = 0; i < array.entry_num; i++) {
    const at = array.uptr + BigInt(i) * BigInt(array.entry_len);
    const bytes = copy_struct_from_user(k, at, array.entry_len, size);
    if (bytes === null) return -errno.EFAULT;
    if (bytes === "big") return -errno.E2BIG;
    out.set(bytes, i * size);
  }
  return out;
}
