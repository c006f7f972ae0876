import { enforce_regions } from "../kernel/iommufd/device.ts";
import { defineKernel } from "../kernel/profile.ts";

export default defineKernel({
  id: "resv-sw-msi-only-2023-07",
  title: "Nesting v3, SW_MSI only",
  subtitle: "nested reserves the window alone",
  base: "resv-all-nested-2023",
  date: "2023-07-24",
  ref: "20230724110406.107212-7-yi.l.liu@intel.com",
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
      who: "Kevin Tian, 28 Jun 2023",
      what: "The VMM must then find each device's regions in another way and tell its guest: what IOVA_RANGES says of the parent is not enough.",
      ref: "BN9PR11MB5276BA9BBAFB8BCC8B339AFA8C24A@BN9PR11MB5276.namprd11.prod.outlook.com",
    },
    {
      who: "Jason Gunthorpe, agreeing with Kevin Tian, 28 Jul 2023",
      what: "A nested page table has no IOAS and should not carry one: the reservation is made, and should be seen to be made, at the parent.",
      ref: "ZMP1sGvDmqVF4YRm@nvidia.com",
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
