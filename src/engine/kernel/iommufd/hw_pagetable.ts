/** Page tables with an id. Source: linux 7.2 drivers/iommu/iommufd/hw_pagetable.c. */
import { encodeInto, decode } from "../../uapi/codec.ts";
import { errno } from "../../uapi/errno.ts";
import {
  HWPT_ALLOC_FLAGS,
  HWPT_DATA,
  IOMMU_FAULT_QUEUE_ALLOC,
  IOMMU_HWPT_ALLOC,
  IOMMU_HWPT_GET_DIRTY_BITMAP,
  IOMMU_HWPT_INVALIDATE,
  IOMMU_HWPT_SET_DIRTY_TRACKING,
  IOMMU_VIOMMU_ALLOC,
} from "../../uapi/iommufd.ts";
import { iommu_domain_free } from "../iommu/core.ts";
import { dev_iommu_ops } from "../iommu/group.ts";
import type { IopfGroup, UserData, UserDataArray } from "../iommu/types.ts";
import type { Kernel } from "../kernel.ts";
import { copy_to_user } from "../mm/uaccess.ts";
import { releaseNumber } from "../profile.ts";
import { iopt_read_and_clear_dirty_data, iopt_set_dirty_tracking } from "./dirty.ts";
import { defer_finalise } from "./finalise.ts";
import {
  iommufd_get_any,
  iommufd_get_object,
  iommufd_object_abort,
  iommufd_object_alloc,
  iommufd_object_finalize,
} from "./object.ts";
import {
  type IommufdCtx,
  type IommufdDevice,
  type IommufdHwpt,
  IommufdHwptNested,
  IommufdHwptPaging,
  type IommufdIoas,
  type IommufdViommu,
} from "./objects.ts";
import { iommufd_ucmd_respond, type Ucmd } from "./ucmd.ts";

const { NEST_PARENT, DIRTY_TRACKING, FAULT_ID_VALID, PASID } = HWPT_ALLOC_FLAGS;

/** The paging hwpt whose IOAS an attachment to `hwpt` uses: itself, or the parent of a nested one. */
export function find_hwpt_paging(_k: Kernel, hwpt: IommufdHwpt): IommufdHwptPaging {
  if (hwpt.kind === "HWPT_PAGING") return hwpt;
  return hwpt.viommu?.hwpt ?? hwpt.parent;
}

/** For pictures and "Why". */
export function hwpt_label(hwpt: IommufdHwpt): string {
  return `hwpt ${hwpt.id}`;
}

/** A paging domain over an IOAS; every map of the IOAS is in it from now on. Its id is not published yet. */
export function iommufd_hwpt_paging_alloc(
  k: Kernel,
  ictx: IommufdCtx,
  ioas: IommufdIoas,
  idev: IommufdDevice,
  pasid: number,
  flags: number,
  immediate_attach: boolean,
  data: UserData | null,
): IommufdHwptPaging | number {
  const ops = dev_iommu_ops(idev.dev);
  const valid = NEST_PARENT | DIRTY_TRACKING | FAULT_ID_VALID | (k.features.hwpt_pasid ? PASID : 0);
  if (!k.check((flags & ~valid) === 0, "only known flags are set")) return -errno.EOPNOTSUPP;
  const dirty = (flags & DIRTY_TRACKING) === 0 || k.ops.device_iommu_capable(k, idev.dev, "DIRTY_TRACKING");
  if (!k.check(dirty, "the device's IOMMU tracks dirty pages")) return -errno.EOPNOTSUPP;
  const both = FAULT_ID_VALID | NEST_PARENT;
  if (k.features.paging_fault_queue && !k.check((flags & both) !== both, "a nesting parent has no fault queue"))
    return -errno.EOPNOTSUPP;
  const hwpt = new IommufdHwptPaging(ictx, ioas);
  let rc = iommufd_object_alloc(k, hwpt);
  if (rc < 0) return rc;
  ioas.users++;
  hwpt.nest_parent = (flags & NEST_PARENT) !== 0;
  hwpt.pasid_compat = (flags & PASID) !== 0;
  const passed = k.features.paging_fault_queue ? flags & ~FAULT_ID_VALID : flags;
  const domain = k.fails() ? -errno.ENOMEM : ops.domain_alloc_paging_flags(k, idev.dev, passed, data);
  if (typeof domain === "number") {
    k.check(false, "the driver makes such a domain");
    abort_paging(k, hwpt);
    return domain;
  }
  hwpt.domain = domain;
  if (!hwpt.nest_parent) defer_finalise(k, domain);
  if (k.features.sw_msi === "native") {
    domain.cookie_type = "iommufd";
    domain.cookie = hwpt;
  }
  if (idev.enforce_cache_coherency)
    hwpt.enforce_cache_coherency = domain.ops.enforce_cache_coherency?.(k, domain) ?? false;
  rc = k.ops.iommufd_hwpt_paging_reserve(k, hwpt, idev);
  if (rc < 0) {
    abort_paging(k, hwpt);
    return rc;
  }
  if (immediate_attach) {
    rc = k.ops.iommufd_hw_pagetable_attach(k, hwpt, idev, pasid);
    if (rc < 0) {
      abort_paging(k, hwpt);
      return rc;
    }
  }
  if (k.features.hwpt_linkage === "allocation") {
    rc = k.ops.iommufd_hwpt_link(k, hwpt);
    if (rc < 0) {
      if (immediate_attach) k.ops.iommufd_hw_pagetable_detach(k, idev, pasid);
      abort_paging(k, hwpt);
      return rc;
    }
  }
  return hwpt;
}

/**
 * A seam for proposals, not a function of any release: what a new domain keeps free of its IOAS before it is attached
 * or linked. On an error nothing is linked yet, so what was reserved stays.
 */
export function iommufd_hwpt_paging_reserve(_k: Kernel, _hwpt: IommufdHwptPaging, _idev: IommufdDevice): number {
  return 0;
}

function abort_paging(k: Kernel, hwpt: IommufdHwptPaging): void {
  iommufd_hwpt_paging_destroy(k, hwpt);
  iommufd_object_abort(hwpt);
}

/** Unlinks and frees the domain. Does not give the id back. */
export function iommufd_hwpt_paging_destroy(k: Kernel, hwpt: IommufdHwptPaging): void {
  const { ioas, domain } = hwpt;
  if (domain !== null) {
    k.ops.iommufd_hwpt_unlink(k, hwpt);
    iommu_domain_free(k, domain);
    hwpt.domain = null;
  }
  if (hwpt.fault !== null) hwpt.fault.users--;
  hwpt.fault = null;
  ioas.users--;
}

export function iommufd_hwpt_nested_destroy(k: Kernel, hwpt: IommufdHwptNested): void {
  if (hwpt.domain !== null) iommu_domain_free(k, hwpt.domain);
  hwpt.domain = null;
  if (hwpt.fault !== null) hwpt.fault.users--;
  hwpt.fault = null;
  if (hwpt.viommu !== null) hwpt.viommu.users--;
  else hwpt.parent.users--;
}

/** Flags that a nested hwpt may have. */
function nested_flags(k: Kernel): number {
  const faults = k.features.uapi_release >= releaseNumber(IOMMU_FAULT_QUEUE_ALLOC.since) ? FAULT_ID_VALID : 0;
  return faults | (k.features.hwpt_pasid ? PASID : 0);
}

function new_nested(
  k: Kernel,
  parent: IommufdHwptPaging,
  viommu: IommufdViommu | null,
  flags: number,
): IommufdHwptNested | number {
  const hwpt = new IommufdHwptNested(parent.ictx, parent, viommu);
  const rc = iommufd_object_alloc(k, hwpt);
  if (rc < 0) return rc;
  (viommu ?? parent).users++;
  hwpt.pasid_compat = (flags & PASID) !== 0;
  return hwpt;
}

function abort_nested(k: Kernel, hwpt: IommufdHwptNested, rc: number): number {
  k.check(false, "the driver makes such a nested domain");
  iommufd_hwpt_nested_destroy(k, hwpt);
  iommufd_object_abort(hwpt);
  return rc;
}

/** A nested domain directly on a paging hwpt. */
export function iommufd_hwpt_nested_alloc(
  k: Kernel,
  parent: IommufdHwptPaging,
  idev: IommufdDevice,
  flags: number,
  data: UserData | null,
): IommufdHwptNested | number {
  const ops = dev_iommu_ops(idev.dev);
  const able = (flags & ~nested_flags(k)) === 0 && data !== null && ops.domain_alloc_nested !== null;
  if (!k.check(able, "the driver nests directly on a hwpt, with these flags and user data") || data === null) {
    return -errno.EOPNOTSUPP;
  }
  const fits = parent.nest_parent && !parent.auto_domain && parent.domain?.owner === ops;
  if (!k.check(fits, "the hwpt is a nesting parent of the same driver", () => ({ objects: [parent.id] })))
    return -errno.EINVAL;
  const hwpt = new_nested(k, parent, null, flags);
  if (typeof hwpt === "number") return hwpt;
  if (parent.domain === null || ops.domain_alloc_nested === null) return abort_nested(k, hwpt, -errno.EOPNOTSUPP);
  const domain = k.fails()
    ? -errno.ENOMEM
    : ops.domain_alloc_nested(k, idev.dev, parent.domain, flags & ~FAULT_ID_VALID, data);
  if (typeof domain === "number") return abort_nested(k, hwpt, domain);
  return publish_nested(k, hwpt, domain);
}

function publish_nested(
  k: Kernel,
  hwpt: IommufdHwptNested,
  domain: NonNullable<IommufdHwpt["domain"]>,
): IommufdHwptNested {
  hwpt.domain = domain;
  if (k.features.sw_msi === "native") {
    domain.cookie_type = "iommufd";
    domain.cookie = hwpt;
  }
  return hwpt;
}

/** A nested domain through a virtual IOMMU. */
export function iommufd_viommu_alloc_hwpt_nested(
  k: Kernel,
  viommu: IommufdViommu,
  flags: number,
  data: UserData | null,
): IommufdHwptNested | number {
  const known = (flags & ~nested_flags(k)) === 0 && data !== null;
  if (!k.check(known, "only the flags FAULT and PASID, with user data") || data === null) return -errno.EOPNOTSUPP;
  const { ops } = viommu;
  if (!k.check(ops?.alloc_domain_nested !== undefined, "the virtual IOMMU nests")) return -errno.EOPNOTSUPP;
  const hwpt = new_nested(k, viommu.hwpt, viommu, flags);
  if (typeof hwpt === "number") return hwpt;
  const domain = k.fails()
    ? -errno.ENOMEM
    : (ops?.alloc_domain_nested?.(k, viommu, flags & ~FAULT_ID_VALID, data) ?? -errno.EOPNOTSUPP);
  if (typeof domain === "number") return abort_nested(k, hwpt, domain);
  return publish_nested(k, hwpt, domain);
}

/** Undoes an allocation whose call failed after it was made. */
function abort_hwpt(k: Kernel, hwpt: IommufdHwpt): void {
  k.ops.iommufd_object_destroy(k, hwpt);
  iommufd_object_abort(hwpt);
}

function alloc_on(
  k: Kernel,
  ucmd: Ucmd,
  idev: IommufdDevice,
  pt_id: number,
  flags: number,
  data: UserData | null,
): IommufdHwpt | number {
  const pt = iommufd_get_any(k, ucmd.ictx, pt_id);
  switch (pt?.kind) {
    case "IOAS":
      return k.ops.iommufd_hwpt_paging_alloc(k, ucmd.ictx, pt, idev, 0, flags, false, data);
    case "HWPT_PAGING":
      return k.ops.iommufd_hwpt_nested_alloc(k, pt, idev, flags, data);
    case "VIOMMU": {
      const same = pt.iommu_dev === idev.dev.iommu_dev;
      if (
        !k.check(same, "the device is behind the virtual IOMMU's physical one", () => ({ objects: [pt.id, idev.id] }))
      ) {
        return -errno.EINVAL;
      }
      return k.ops.iommufd_viommu_alloc_hwpt_nested(k, pt, flags, data);
    }
    default:
      k.check(false, "pt_id is an IOAS, a paging hwpt or a virtual IOMMU", () => ({
        objects: [pt_id],
        left: pt?.kind ?? "nothing",
      }));
      return -errno.EINVAL;
  }
}

/** What domains keep: it asks for the function of the kernel that runs, so that the function stays replaceable. */
const fault_handler = (k: Kernel, group: IopfGroup): number => k.ops.iommufd_fault_iopf_handler(k, group);

export function iommufd_hwpt_alloc(k: Kernel, ucmd: Ucmd): number {
  const cmd = decode(IOMMU_HWPT_ALLOC, ucmd.bytes);
  if (!k.check(cmd.__reserved === 0, "the reserved field is 0")) return -errno.EOPNOTSUPP;
  const some = cmd.data_type !== HWPT_DATA.NONE;
  if (!k.check(some === (cmd.data_len !== 0), "a data type and a data length go together")) return -errno.EINVAL;
  const idev = iommufd_get_object(k, ucmd.ictx, cmd.dev_id, "DEVICE");
  if (idev === null) return -errno.ENOENT;
  const data = some ? { type: cmd.data_type, uptr: cmd.data_uptr, len: cmd.data_len } : null;
  const hwpt = alloc_on(k, ucmd, idev, cmd.pt_id, cmd.flags, data);
  if (typeof hwpt === "number") return hwpt;
  if ((cmd.flags & FAULT_ID_VALID) !== 0) {
    const fault = iommufd_get_object(k, ucmd.ictx, cmd.fault_id, "FAULT");
    if (fault === null) {
      abort_hwpt(k, hwpt);
      return -errno.ENOENT;
    }
    hwpt.fault = fault;
    fault.users++;
    if (hwpt.domain !== null) hwpt.domain.iopf_handler = fault_handler;
  }
  const rc = iommufd_ucmd_respond(k, ucmd, IOMMU_HWPT_ALLOC, { out_hwpt_id: hwpt.id });
  if (rc < 0) abort_hwpt(k, hwpt);
  else iommufd_object_finalize(hwpt);
  return rc;
}

export function iommufd_hwpt_set_dirty_tracking(k: Kernel, ucmd: Ucmd): number {
  const cmd = decode(IOMMU_HWPT_SET_DIRTY_TRACKING, ucmd.bytes);
  if (!k.check((cmd.flags & ~1) === 0, "only the flag ENABLE")) return -errno.EOPNOTSUPP;
  const hwpt = iommufd_get_object(k, ucmd.ictx, cmd.hwpt_id, "HWPT_PAGING");
  if (hwpt === null || hwpt.domain === null) return -errno.ENOENT;
  return iopt_set_dirty_tracking(k, hwpt.ioas.iopt, hwpt.domain, (cmd.flags & 1) !== 0);
}

export function iommufd_hwpt_get_dirty_bitmap(k: Kernel, ucmd: Ucmd): number {
  const cmd = decode(IOMMU_HWPT_GET_DIRTY_BITMAP, ucmd.bytes);
  const known = (cmd.flags & ~1) === 0 && cmd.__reserved === 0;
  if (!k.check(known, "only the flag NO_CLEAR, and the reserved field is 0")) return -errno.EOPNOTSUPP;
  const hwpt = iommufd_get_object(k, ucmd.ictx, cmd.hwpt_id, "HWPT_PAGING");
  if (hwpt === null || hwpt.domain === null) return -errno.ENOENT;
  return iopt_read_and_clear_dirty_data(k, hwpt.ioas.iopt, hwpt.domain, (cmd.flags & 1) !== 0, cmd);
}

/** Entries handled are written back whatever happened. */
export function iommufd_hwpt_invalidate(k: Kernel, ucmd: Ucmd): number {
  const cmd = decode(IOMMU_HWPT_INVALIDATE, ucmd.bytes);
  const array: UserDataArray = {
    type: cmd.data_type,
    uptr: cmd.data_uptr,
    entry_len: cmd.entry_len,
    entry_num: cmd.entry_num,
  };
  let done = 0;
  let rc = invalidate_checks(k, cmd);
  if (rc === 0) {
    rc = invalidate(k, ucmd, cmd.hwpt_id, array);
    done = array.entry_num;
  }
  encodeInto(IOMMU_HWPT_INVALIDATE, ucmd.bytes, { entry_num: done });
  const n = Math.min(ucmd.user_size, IOMMU_HWPT_INVALIDATE.size);
  return copy_to_user(k, ucmd.ubuffer, ucmd.bytes.subarray(0, n)) ? rc : -errno.EFAULT;
}

function invalidate_checks(
  k: Kernel,
  cmd: { __reserved: number; entry_num: number; entry_len: number; data_uptr: bigint },
): number {
  if (!k.check(cmd.__reserved === 0, "the reserved field is 0")) return -errno.EOPNOTSUPP;
  if (cmd.entry_num === 0) return 0;
  const sane = cmd.data_uptr !== 0n && cmd.entry_len > 0 && cmd.entry_len <= 4096 && cmd.entry_num <= 1 << 19;
  return k.check(sane, "the array has an address and sane sizes") ? 0 : -errno.EINVAL;
}

function invalidate(k: Kernel, ucmd: Ucmd, id: number, array: UserDataArray): number {
  const none = (rc: number): number => {
    array.entry_num = 0;
    return rc;
  };
  const viommus = k.features.uapi_release >= releaseNumber(IOMMU_VIOMMU_ALLOC.since);
  const obj = viommus ? iommufd_get_any(k, ucmd.ictx, id) : iommufd_get_object(k, ucmd.ictx, id, "HWPT_NESTED");
  if (obj === null) return none(-errno.ENOENT);
  if (obj.kind === "HWPT_NESTED" && obj.domain !== null) {
    const { ops } = obj.domain;
    const able = ops.cache_invalidate_user !== undefined;
    if (!k.check(able, "the driver invalidates nested hwpts")) return none(-errno.EOPNOTSUPP);
    return ops.cache_invalidate_user?.(k, obj.domain, array) ?? 0;
  }
  if (obj.kind === "VIOMMU") {
    const able = obj.ops?.cache_invalidate !== undefined;
    if (!k.check(able, "the virtual IOMMU takes invalidations")) return none(-errno.EOPNOTSUPP);
    return obj.ops?.cache_invalidate?.(k, obj, array) ?? 0;
  }
  k.check(false, "the object is a nested hwpt or a virtual IOMMU", () => ({ objects: [id], left: obj.kind }));
  return none(-errno.EINVAL);
}
