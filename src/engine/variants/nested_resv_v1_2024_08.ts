import { defineKernel } from "../kernel/profile.ts";

export default defineKernel({
  id: "nested-resv-v1-2024-08",
  title: "Aug-2024 v1",
  subtitle: 'no IOAS counts as "the same"',
  base: "nested-resv-v2-2024-08",
  date: "2024-08-02",
  ref: "iommu list, 2024-08-02, v1 of the series that became b2f44814680b",
  changes:
    'The series merged in 6.12 in its first version: its comparison calls two IOASes "the same" when either page table has none.',
  scenario: "sw-msi-type-without-ioas",
  expects: [
    "a move from a page table without IOAS to one with an IOAS reserves nothing: the window stays on offer",
    "a move the other way leaves the regions reserved that nobody needs any more",
  ],
  objections: [
    {
      who: "Kevin Tian, Aug 2024",
      what: "The comparison breaks a future type without IOAS: moving from it to one with an IOAS would not reserve. v2 compares properly.",
      ref: "iommu list, August 2024, reply to v1 of 2024-08-02",
    },
  ],
  unknown: [
    "No page table without IOAS exists. To show the objection, a nested one whose guest entry aborts is played as one.",
  ],
  overrides: () => ({
    iommufd_hw_pagetable_compare_ioas: (k, old, hwpt) => {
      if (old === null || hwpt === null) k.note('one of the two has no IOAS: "the same", says v1');
      return old === null || hwpt === null || old.ioas === hwpt.ioas;
    },
  }),
});
