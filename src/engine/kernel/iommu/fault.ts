/** Recoverable faults on their way from a device to whoever attached the domain. Source: linux 7.2 drivers/iommu/io-pgfault.c. */
import { errno } from "../../uapi/errno.ts";
import type { Kernel } from "../kernel.ts";
import type { Device, IommuAttachHandle, IopfFault, IopfGroup } from "./types.ts";

export const IOMMU_FAULT_PAGE_REQUEST_PASID_VALID = 1;
export const IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE = 2;

/** Codes of a page response. */
export const IOMMU_PAGE_RESP_SUCCESS = 0;
export const IOMMU_PAGE_RESP_INVALID = 1;
export const IOMMU_PAGE_RESP_FAILURE = 2;

function find_fault_handler(dev: Device, fault: IopfFault): IommuAttachHandle | null {
  const group = dev.iommu_group;
  if (group === null) return null;
  let handle: IommuAttachHandle | null;
  if ((fault.flags & IOMMU_FAULT_PAGE_REQUEST_PASID_VALID) === 0) handle = group.rid_handle;
  else {
    handle = group.pasids.get(fault.pasid) ?? null;
    if (handle === null && dev.iommu_ops?.user_pasid_table === true) {
      handle = group.rid_handle?.domain.type === "nested" ? group.rid_handle : null;
    }
  }
  return handle === null || handle.domain.iopf_handler === null ? null : handle;
}

/** Answers a whole group; device, PASID and group number are those of its last fault. */
export function iopf_group_response(k: Kernel, group: IopfGroup, code: number): void {
  const last = group.faults.at(-1);
  if (last !== undefined) group.dev.iommu_ops?.page_response?.(k, group.dev, last, code);
}

/** A driver met a page request. 0, or -EINVAL when nobody takes it (it is then answered INVALID). */
export function iommu_report_device_fault(k: Kernel, dev: Device, fault: IopfFault): number {
  const handle = find_fault_handler(dev, fault);
  const taken = handle !== null && dev.iopf_users > 0;
  if (!k.check(taken, "a fault handler is attached where the fault belongs") || handle === null) {
    dev.iommu_ops?.page_response?.(k, dev, fault, IOMMU_PAGE_RESP_INVALID);
    return -errno.EINVAL;
  }
  if ((fault.flags & IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE) === 0) {
    dev.iopf_partial.push(fault);
    return 0;
  }
  const faults = [...dev.iopf_partial.filter((part) => part.grpid === fault.grpid), fault];
  dev.iopf_partial = dev.iopf_partial.filter((part) => part.grpid !== fault.grpid);
  const group: IopfGroup = { dev, handle, faults };
  const rc = handle.domain.iopf_handler?.(k, group) ?? -errno.EINVAL;
  if (rc < 0) iopf_group_response(k, group, IOMMU_PAGE_RESP_FAILURE);
  return 0;
}
