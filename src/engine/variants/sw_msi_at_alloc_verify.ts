import type { Device, ResvRegion } from "../kernel/iommu/types.ts";
import type { IommufdDevice, IommufdHwpt, IommufdHwptPaging } from "../kernel/iommufd/objects.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { defineKernel } from "../kernel/profile.ts";
import { errno } from "../uapi/errno.ts";

const window_of = (k: Kernel, dev: Device): ResvRegion | undefined =>
  k.ops.iommu_get_resv_regions(k, dev).find((r) => r.type === "sw-msi");

/** The window of the device it is made for; the IOAS learns of it when the domain is linked. */
function iommufd_hwpt_paging_reserve(k: Kernel, hwpt: IommufdHwptPaging, idev: IommufdDevice): number {
  const region = window_of(k, idev.dev);
  if (region === undefined || hwpt.domain === null) return 0;
  hwpt.sw_msi_window = { start: region.start, last: region.start + region.length - 1n };
  return k.ops.iommu_get_msi_cookie(k, hwpt.domain, region.start);
}

/** Every device that comes, directly or by a nested page table, must report the window that was kept free. */
function verify(k: Kernel, hwpt: IommufdHwpt, devices: Iterable<IommufdDevice>): number {
  const kept = k.ops.find_hwpt_paging(k, hwpt).sw_msi_window;
  const text = (start: bigint | undefined) => (start === undefined ? "no window" : `window at 0x${start.toString(16)}`);
  for (const { dev } of devices) {
    const region = window_of(k, dev);
    const detail = () => ({ left: text(region?.start), right: text(kept?.start) });
    const same = region === undefined || region.start === kept?.start;
    if (!k.check(same, `${dev.name} has the MSI window of the device that the page table was made for`, detail))
      return -errno.EINVAL;
  }
  return 0;
}

export default defineKernel({
  id: "sw-msi-at-alloc-verify",
  title: "Jul-2024 + verify",
  subtitle: "at allocation, compared at attach",
  base: "sw-msi-at-alloc-2024-07",
  date: "2024-07-29",
  ref: "20240729182446.GH3371438@nvidia.com",
  changes:
    "As the July patch, but the window belongs to the page table and enters the IOAS when the domain is linked, and each attach compares the device's window with it.",
  scenario: "sw-msi-verify",
  expects: [
    "a device whose window lies elsewhere is refused at attach with EINVAL",
    "IOVA_RANGES shrinks at HWPT_ALLOC, as in the July patch",
    "an allocation that fails leaves no reservation behind",
  ],
  objections: [
    {
      who: "Kevin Tian, 31 Jul 2024",
      what: "Reserving at creation and then verifying at each attach that the device has the same address is harder than to keep the reservation per device and extend it to the parent.",
      ref: "BN9PR11MB5276497781C96415272E6FED8CB12@BN9PR11MB5276.namprd11.prod.outlook.com",
    },
  ],
  unknown: [
    "Never posted as code: written from the reply. That a nested attach and a replace are compared too, and that a device without a window passes, is our reading.",
  ],
  overrides: (base) => ({
    iommufd_hwpt_paging_reserve,
    iommufd_hwpt_link(k, hwpt) {
      const { domain, sw_msi_window: kept, ioas } = hwpt;
      if (kept === null || domain === null) return base.iommufd_hwpt_link(k, hwpt);
      const why = { label: `SW_MSI, owner hwpt ${hwpt.id}`, kind: "sw-msi" };
      let rc = k.ops.iopt_reserve_iova(k, ioas.iopt, kept.start, kept.last, domain, why);
      if (rc === 0) rc = base.iommufd_hwpt_link(k, hwpt);
      if (rc < 0) k.ops.iopt_remove_reserved_iova(k, ioas.iopt, domain);
      return rc;
    },
    iommufd_hw_pagetable_attach(k, hwpt, idev, pasid) {
      const rc = pasid === 0 ? verify(k, hwpt, [idev]) : 0;
      return rc < 0 ? rc : base.iommufd_hw_pagetable_attach(k, hwpt, idev, pasid);
    },
    iommufd_device_do_replace(k, hwpt, idev, pasid) {
      const attach = idev.igroup.pasid_attach.get(pasid);
      const rc = pasid === 0 ? verify(k, hwpt, attach?.devices.values() ?? []) : 0;
      return rc < 0 ? rc : base.iommufd_device_do_replace(k, hwpt, idev, pasid);
    },
  }),
});
