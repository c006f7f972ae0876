import type { Device } from "../kernel/iommu/types.ts";
import { enforce_regions } from "../kernel/iommufd/device.ts";
import type { IoPagetable } from "../kernel/iommufd/iopt.ts";
import type { IommufdGroup } from "../kernel/iommufd/objects.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { defineKernel } from "../kernel/profile.ts";

export default defineKernel({
  id: "relaxable-reserved",
  title: "relaxable kept",
  subtitle: "as before direct-relaxable",
  base: "linux-7.2",
  date: "2026-08",
  changes:
    "Hypothetical: regions that firmware lets go once a driver has taken over are reserved all the same, as when there was no such type (before 5.3).",
  scenario: "resv-relaxable",
  expects: ["the region is left out of IOVA_RANGES, and memory of a guest is refused there"],
  objections: [
    {
      who: "The reason of the type, 2019",
      what: "Reserving what firmware used before boot makes the assignment of graphics and USB devices regress: guest memory cannot lie there.",
      ref: "adfd37382090, 20190626151248.11776-1-shameerali.kolothum.thodi@huawei.com",
    },
  ],
  unknown: ["iommufd is younger than the type: no release of it ever did this."],
  overrides: () => ({
    iopt_table_enforce_dev_resv_regions(
      k: Kernel,
      iopt: IoPagetable,
      dev: Device,
      igroup: IommufdGroup | null,
    ): number {
      const regions = k.ops
        .iommu_get_resv_regions(k, dev)
        .map((r) => (r.type === "direct-relaxable" ? Object.assign({}, r, { type: "direct" as const }) : r));
      return enforce_regions(k, iopt, dev, regions, igroup);
    },
  }),
});
