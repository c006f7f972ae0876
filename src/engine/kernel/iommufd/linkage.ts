/**
 * When a paging domain is in its IOAS: from its allocation to its end (6.4 on), or while a device is attached to its
 * hwpt (6.2, 6.3: "deferred"). Source: linux 6.2 and 6.4 drivers/iommu/iommufd/{device,hw_pagetable}.c.
 */
import type { Kernel } from "../kernel.ts";
import { hwpt_label } from "./hw_pagetable.ts";
import type { IommufdHwpt, IommufdHwptPaging } from "./objects.ts";

/** Devices attached to this very hwpt, on any PASID. */
export function hwpt_devices(hwpt: IommufdHwpt): number {
  let n = 0;
  for (const igroup of hwpt.ictx.groups.values())
    for (const attach of igroup.pasid_attach.values()) if (attach.hwpt === hwpt) n += attach.devices.size;
  return n;
}

/**
 * Deferred linkage: how many attachments count for the link between a hwpt's paging domain and the IOAS. A list of
 * devices for each hwpt, as in 6.2: a nested hwpt and its parent do not know of each other.
 */
export function iommufd_hwpt_devices_users(_k: Kernel, hwpt: IommufdHwpt): number {
  return hwpt_devices(hwpt);
}

/** Every map of the IOAS is in the domain from now on, and the domain's aperture limits the IOAS. */
export function iommufd_hwpt_link(k: Kernel, hwpt: IommufdHwptPaging): number {
  if (hwpt.domain === null) return 0;
  const rc = k.ops.iopt_table_add_domain(k, hwpt.ioas.iopt, hwpt.domain, hwpt_label(hwpt));
  if (rc === 0) hwpt.ioas.hwpt_list.push(hwpt);
  return rc;
}

/** Nothing happens when it is not linked. */
export function iommufd_hwpt_unlink(k: Kernel, hwpt: IommufdHwptPaging): void {
  const at = hwpt.ioas.hwpt_list.indexOf(hwpt);
  if (at < 0 || hwpt.domain === null) return;
  hwpt.ioas.hwpt_list.splice(at, 1);
  k.ops.iopt_table_remove_domain(k, hwpt.ioas.iopt, hwpt.domain);
}

/** Deferred linkage, asked before a device comes to `hwpt`: whether its coming links the domain. */
export function first_for_link(k: Kernel, hwpt: IommufdHwpt): boolean {
  return k.features.hwpt_linkage === "attach" && k.ops.iommufd_hwpt_devices_users(k, hwpt) === 0;
}

/** Deferred linkage, after the driver has attached the first device: until now the domain was empty. */
export function link_for_first(k: Kernel, hwpt: IommufdHwpt): number {
  k.note(`first device of ${hwpt_label(hwpt)}: its domain is linked to the IOAS now`);
  return k.ops.iommufd_hwpt_link(k, k.ops.find_hwpt_paging(k, hwpt));
}

/** Deferred linkage, after a device has left `hwpt`. */
export function unlink_with_last(k: Kernel, hwpt: IommufdHwpt): void {
  if (k.features.hwpt_linkage !== "attach" || k.ops.iommufd_hwpt_devices_users(k, hwpt) > 0) return;
  k.note(`last device of ${hwpt_label(hwpt)}: its domain leaves the IOAS`);
  k.ops.iommufd_hwpt_unlink(k, k.ops.find_hwpt_paging(k, hwpt));
}
