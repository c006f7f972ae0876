import { defineKernel } from "../kernel/profile.ts";

export default defineKernel({
  id: "resv-all-nested-2023",
  title: "Nesting v1, v2",
  subtitle: "nested reserves everything",
  base: "linux-6.12",
  date: "2023-03-09",
  ref: "iommu list, 2023-03-09, the series of 20230309080910.607396-9-yi.l.liu@intel.com",
  changes:
    "A nested page table carries its parent's IOAS, so attaching to it reserves every region of the device there but the relaxable ones.",
  scenario: "resv-shrink-other-device",
  expects: ["after a nested attach of D1 memory for D2 cannot lie where D1 has a region of its own"],
  objections: [
    {
      who: "Jason Gunthorpe, 2023",
      what: "With nesting the device's regions belong to the stage 1 that the user manages; only SW_MSI has to be cut out of the parent whenever it is used.",
      ref: "iommu list, June and July 2023",
    },
    {
      who: "Yi Liu and Nicolin Chen, Jul 2023",
      what: "So the other regions should be told to the user instead, and SW_MSI alone be enforced on the parent.",
      ref: "iommu list, 2023-07-24, nesting series v3, patch 06/17",
    },
  ],
  unknown: [
    "Played on 6.12, which does the same by other code, with the vIOMMU interface of 6.13; the series was made for 6.3 to 6.5.",
  ],
});
