import { iommu_get_group_resv_regions } from "../kernel/iommu/resv.ts";
import type { Device } from "../kernel/iommu/types.ts";
import { enforce_regions } from "../kernel/iommufd/device.ts";
import type { IoPagetable } from "../kernel/iommufd/iopt.ts";
import type { IommufdDevice, IommufdGroup, IommufdHwpt } from "../kernel/iommufd/objects.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { defineKernel, releaseNumber } from "../kernel/profile.ts";
import { errno } from "../uapi/errno.ts";

export default defineKernel({
  id: "linux-6.4",
  title: "6.4",
  subtitle: "groups only, no replace",
  base: "linux-6.6",
  date: "2023-06-25",
  ref: "339fbf3ae144",
  changes:
    "A device is reached through its VFIO group only; page tables come with an attach to an IOAS, the regions of the whole group are reserved, and nothing is replaced.",
  scenario: "sw-msi-q8-move",
  expects: [
    "HWPT_ALLOC is unknown: ENOTTY",
    "an attached device that is to move gets EINVAL: it has to be detached first",
    "an interrupt that was on before the move is lost after it",
  ],
  unknown: [
    "There is no file for a device before 6.6, its group's file and the container ioctls lead to it. Scenarios use the calls of 6.6 (BIND, ATTACH, DETACH) for what opening and closing the group did; nothing else is added.",
    "That a second attach without detach gives EINVAL is concluded from the missing replace: no program could ask for it.",
    "Not modelled: the fixes of 6.5 to alignment and to unmaps that race.",
  ],
  features: { uapi_release: releaseNumber("6.4"), vfio_cdev: false, require_direct: false },
  played: { vfio_cdev: true },
  overrides: () => ({
    /** `iopt_table_enforce_group_resv_regions` of that time. */
    iopt_table_enforce_dev_resv_regions(
      k: Kernel,
      iopt: IoPagetable,
      dev: Device,
      igroup: IommufdGroup | null,
      _target: IommufdHwpt,
    ): number {
      const group = dev.iommu_group;
      return group === null ? 0 : enforce_regions(k, iopt, dev, iommu_get_group_resv_regions(k, group), igroup);
    },
    iommufd_device_do_replace(k: Kernel, _hwpt: IommufdHwpt, idev: IommufdDevice): number {
      k.check(false, "the device is not attached: this kernel cannot replace", () => ({ objects: [idev.id] }));
      return -errno.EINVAL;
    },
  }),
});
