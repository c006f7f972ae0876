/** The two calls of the 2023 discussion on telling regions to the user. */
import type { Entry } from "../../kernel/iommufd/main.ts";
import { iommufd_get_object } from "../../kernel/iommufd/object.ts";
import { iommufd_ucmd_respond, type Ucmd } from "../../kernel/iommufd/ucmd.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { copy_to_user } from "../../kernel/mm/uaccess.ts";
import { decode, encode } from "../../uapi/codec.ts";
import { errno } from "../../uapi/errno.ts";
import { IOMMU_IOAS_IMPORT_RESV, IOMMU_RESV_IOVA_RANGES } from "../../uapi/proposals.ts";
import { IOVA_RANGE } from "../../uapi/records.ts";

function iommufd_resv_iova_ranges(k: Kernel, ucmd: Ucmd): number {
  const cmd = decode(IOMMU_RESV_IOVA_RANGES, ucmd.bytes);
  if (!k.check(cmd.__reserved === 0, "the reserved field is 0")) return -errno.EOPNOTSUPP;
  const idev = iommufd_get_object(k, ucmd.ictx, cmd.dev_id, "DEVICE");
  if (idev === null) return -errno.ENOENT;
  const list = k.ops.iommu_get_resv_regions(k, idev.dev).filter((r) => r.type !== "direct-relaxable");
  for (const [i, r] of list.slice(0, cmd.num_iovas).entries()) {
    const range = encode(IOVA_RANGE, { start: r.start, last: r.start + r.length - 1n });
    const ok = copy_to_user(k, cmd.resv_iovas + BigInt(i * IOVA_RANGE.size), range);
    if (!k.check(ok, "the array can be written")) return -errno.EFAULT;
  }
  const rc = iommufd_ucmd_respond(k, ucmd, IOMMU_RESV_IOVA_RANGES, { num_iovas: list.length });
  if (rc < 0) return rc;
  const detail = () => ({ left: `${list.length} regions`, right: `room for ${cmd.num_iovas}` });
  return k.check(list.length <= cmd.num_iovas, "all regions fit into the array", detail) ? 0 : -errno.EMSGSIZE;
}

/** The owner is the import itself: attaching and detaching the device does not touch it. */
function iommufd_ioas_import_resv(k: Kernel, ucmd: Ucmd): number {
  const cmd = decode(IOMMU_IOAS_IMPORT_RESV, ucmd.bytes);
  if (!k.check(cmd.__reserved === 0, "the reserved field is 0")) return -errno.EOPNOTSUPP;
  const ioas = iommufd_get_object(k, ucmd.ictx, cmd.ioas_id, "IOAS");
  const idev = iommufd_get_object(k, ucmd.ictx, cmd.dev_id, "DEVICE");
  if (ioas === null || idev === null) return -errno.ENOENT;
  const owner = { imported: idev.dev.name };
  for (const r of k.ops.iommu_get_resv_regions(k, idev.dev)) {
    if (r.type === "direct-relaxable") continue;
    const why = { label: `${r.type} of ${idev.dev.name}, imported`, kind: r.type };
    const rc = k.ops.iopt_reserve_iova(k, ioas.iopt, r.start, r.start + r.length - 1n, owner, why);
    if (rc === 0) continue;
    k.ops.iopt_remove_reserved_iova(k, ioas.iopt, owner);
    return rc;
  }
  return 0;
}

/** Command number -> declaration and handler. */
export const RESV_IOCTLS: ReadonlyMap<number, Entry> = new Map<number, Entry>([
  [IOMMU_RESV_IOVA_RANGES.cmd, { def: IOMMU_RESV_IOVA_RANGES, run: iommufd_resv_iova_ranges }],
  [IOMMU_IOAS_IMPORT_RESV.cmd, { def: IOMMU_IOAS_IMPORT_RESV, run: iommufd_ioas_import_resv }],
]);
