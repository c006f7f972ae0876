import { defineKernel } from "../kernel/profile.ts";

export default defineKernel({
  id: "deferred-linkage-2023",
  title: "deferred linkage",
  subtitle: "linked from first to last device",
  base: "linux-7.2",
  date: "2023-01-28",
  ref: "linux 6.2 drivers/iommu/iommufd/device.c; c1c65ce093a3b585546dd17a77949efbe03a81d9.1674939002.git.nicolinc@nvidia.com",
  changes:
    "The rule of 6.2 on a kernel that has HWPT_ALLOC and replace: a page table's domain joins the IOAS when the first device comes to that page table, and leaves with the last.",
  scenario: "replace-deferred-late-window",
  expects: [
    "memory beyond the page table's aperture is accepted, and the replace fails for it: the limit comes too late",
    "memory in the MSI window is found out by the replace, with EADDRINUSE",
    "a second page table on the same parent fails with EEXIST: the parent would be linked twice",
  ],
  objections: [
    {
      who: "Jason Gunthorpe, 1 Feb 2023",
      what: "Only automatic page tables may attach first and be filled then. A replace starts from one that was allocated, and that one must be in the IOAS already.",
      ref: "Y9rE6L8Nr0xShiKy@nvidia.com",
    },
    {
      who: "Nicolin Chen, 1 Feb 2023",
      what: "The window for MSIs is then reserved after the user has mapped: a conflict, and a reason to link when the page table is allocated.",
      ref: "Y9rW01eROepZuMt3@Asurada-Nvidia",
    },
    {
      who: "Yi Liu and Nicolin Chen, 28 Jan 2023",
      what: "With one list of devices for each page table, a parent would be linked several times, or unlinked while others still use it.",
      ref: "c1c65ce093a3b585546dd17a77949efbe03a81d9.1674939002.git.nicolinc@nvidia.com",
    },
  ],
  unknown: [
    "6.2 had neither HWPT_ALLOC nor replace. In which order a replace would link is our choice: reserve, switch to the empty table, then fill it.",
    "The window is also found late by a replace between IOASes on 7.2; only the aperture is known earlier there.",
  ],
  features: { hwpt_linkage: "attach" },
});
