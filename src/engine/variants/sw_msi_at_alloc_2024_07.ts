import { errno } from "../uapi/errno.ts";
import type { IoPagetable } from "../kernel/iommufd/iopt.ts";
import type { IommufdDevice, IommufdHwptPaging } from "../kernel/iommufd/objects.ts";
import type { Device } from "../kernel/iommu/types.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { defineKernel } from "../kernel/profile.ts";

/** A new paging domain takes the window of the device it is made for, in its own name. */
function iommufd_hwpt_paging_reserve(k: Kernel, hwpt: IommufdHwptPaging, idev: IommufdDevice): number {
  const region = k.ops.iommu_get_resv_regions(k, idev.dev).find((r) => r.type === "sw-msi");
  if (region === undefined || hwpt.domain === null) return 0;
  const last = region.start + region.length - 1n;
  const why = { label: `SW_MSI, owner hwpt ${hwpt.id}`, kind: "sw-msi" };
  const rc = k.ops.iopt_reserve_iova(k, hwpt.ioas.iopt, region.start, last, hwpt.domain, why);
  return rc < 0 ? rc : k.ops.iommu_get_msi_cookie(k, hwpt.domain, region.start);
}

/** Attach and replace reserve everything but the window; the sanity check of the windows is now made by both. */
function iopt_table_enforce_dev_resv_regions(k: Kernel, iopt: IoPagetable, dev: Device): number {
  const regions = k.ops.iommu_get_resv_regions(k, dev);
  let rc = 0;
  for (const r of regions) {
    if (rc < 0 || r.type === "direct-relaxable" || r.type === "sw-msi") continue;
    const why = { label: `${r.type} of ${dev.name}`, kind: r.type };
    rc = k.ops.iopt_reserve_iova(k, iopt, r.start, r.start + r.length - 1n, dev, why);
  }
  const sw = regions.filter((r) => r.type === "sw-msi").length;
  const hw = regions.filter((r) => r.type === "msi").length;
  if (rc === 0 && !k.check(sw <= 1 && !(sw > 0 && hw > 0), "the device has one kind of MSI window")) rc = -errno.EINVAL;
  if (rc < 0) k.ops.iopt_remove_reserved_iova(k, iopt, dev);
  return rc;
}

export default defineKernel({
  id: "sw-msi-at-alloc-2024-07",
  aliases: ["sw-msi-at-alloc"],
  title: "Jul-2024 patch",
  subtitle: "at hwpt allocation",
  base: "linux-6.11",
  date: "2024-07-28",
  ref: "20240728235106.2435208-1-nicolinc@nvidia.com",
  changes:
    "The window of the device that a paging hwpt is made for is reserved, and the MSI cookie set, when the hwpt is allocated.",
  scenario: "sw-msi-nested",
  expects: [
    "IOVA_RANGES shrinks at HWPT_ALLOC, before any attach, and stays so until the hwpt is destroyed",
    "HWPT_ALLOC fails with EADDRINUSE when memory is mapped in the window",
    "a nested attach finds the cookie on its parent: the MSI address is 0x8000040",
  ],
  objections: [
    {
      who: "Kevin Tian, 31 Jul 2024",
      what: "The Arm choice behind it needs to be told first: the kernel's cookie in stage 2 and a map one to one by the guest, in the place of a doorbell page that the VMM maps. And reserving at creation with a check at attach is more complex than doing for the parent what attach does anyway.",
      ref: "BN9PR11MB5276497781C96415272E6FED8CB12@BN9PR11MB5276.namprd11.prod.outlook.com",
    },
    {
      who: "Jason Gunthorpe, 29 Jul 2024",
      what: "Attach is the only place where all devices are known, an allocation knows one; each attached device's window must be compared there with the one at allocation. And the IOAS should change when the domain joins it, not at an attach.",
      ref: "20240729182446.GH3371438@nvidia.com",
    },
  ],
  unknown: [
    "As posted, v1 only. That a failure between reservation and linking leaks the reservation is read from the code, not tested.",
    "The MSI address in the nested case assumes the redirection to the parent that came with 6.13; without it the physical address stays.",
  ],
  overrides: () => ({
    iommufd_hwpt_paging_reserve,
    iopt_table_enforce_dev_resv_regions,
    iommufd_group_setup_msi: () => 0,
  }),
});
