import type { Device } from "../kernel/iommu/types.ts";
import { enforce_regions } from "../kernel/iommufd/device.ts";
import type { IoPagetable } from "../kernel/iommufd/iopt.ts";
import type { IommufdGroup } from "../kernel/iommufd/objects.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { defineKernel } from "../kernel/profile.ts";

export default defineKernel({
  id: "msi-hw-wins",
  title: "hardware MSI wins",
  subtitle: "as VFIO type1 decides",
  base: "linux-7.2",
  date: "2026-08",
  changes:
    "Hypothetical: a device with a hardware MSI window and a software one is attached, and the hardware one decides, as in VFIO type1; iommufd refuses it.",
  scenario: "msi-hw-and-sw-window",
  expects: [
    "the attach succeeds and both windows are left out",
    "the device writes to the physical doorbell, and the interrupt arrives: the SMMU does not translate it",
  ],
  unknown: ["Nobody has posted this for iommufd: it is the rule of VFIO type1 in its place."],
  overrides: () => ({
    iopt_table_enforce_dev_resv_regions(
      k: Kernel,
      iopt: IoPagetable,
      dev: Device,
      igroup: IommufdGroup | null,
    ): number {
      const regions = k.ops.iommu_get_resv_regions(k, dev);
      const hw = regions.some((region) => region.type === "msi");
      if (hw) k.note("a hardware MSI window: no software window is looked for");
      return enforce_regions(k, iopt, dev, regions, hw ? null : igroup);
    },
  }),
});
