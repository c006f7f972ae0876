import { enforce_regions } from "../kernel/iommufd/device.ts";
import { defineKernel } from "../kernel/profile.ts";

export default defineKernel({
  id: "resv-sw-msi-only-2023-07",
  title: "Nesting v3, SW_MSI only",
  subtitle: "nested reserves the window alone",
  base: "resv-all-nested-2023",
  date: "2023-07-24",
  ref: "iommu list, 2023-07-24, nesting series v3, patch 06/17",
  changes:
    "Attaching to a nested page table reserves only the SW_MSI window on the parent's IOAS; the other regions are the business of the guest's stage 1.",
  scenario: "resv-only-sw-msi-mandatory",
  expects: [
    "after a nested attach of D1 memory for D2 may lie where D1 has a region of its own",
    "after a nested attach the window is cut out of the IOAS",
    "a replace from nested to the parent, within one IOAS, leaves the other regions unreserved",
  ],
  objections: [
    {
      who: "Kevin Tian, Jul 2023",
      what: "The VMM must then find each device's regions in another way and tell its guest: what IOVA_RANGES says of the parent is not enough.",
      ref: "iommu list, July 2023, replies to v3 06/17 and 07/17",
    },
  ],
  unknown: [
    "That hole (a replace reserves only when the IOAS changes) is read from the posted code, not tested. Dropped in v4 of the series (August 2023).",
  ],
  overrides: () => ({
    iopt_table_enforce_dev_resv_regions(k, iopt, dev, igroup, target) {
      const nested = target.kind === "HWPT_NESTED";
      const regions = k.ops.iommu_get_resv_regions(k, dev);
      return enforce_regions(k, iopt, dev, regions, igroup, (r) => !nested || r.type === "sw-msi");
    },
  }),
});
