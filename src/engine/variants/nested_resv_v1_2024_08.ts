import { defineKernel } from "../kernel/profile.ts";

export default defineKernel({
  id: "nested-resv-v1-2024-08",
  title: "Aug-2024 v1",
  subtitle: 'no IOAS counts as "the same"',
  base: "nested-resv-v2-2024-08",
  date: "2024-08-02",
  ref: "20240802053458.2754673-1-nicolinc@nvidia.com",
  changes:
    'The series merged in 6.12 in its first version: its comparison calls two IOASes "the same" when either page table has none.',
  scenario: "sw-msi-type-without-ioas",
  expects: [
    "a move from a page table without IOAS to one with an IOAS reserves nothing: the window stays on offer",
    "a move the other way leaves the regions reserved that nobody needs any more",
  ],
  objections: [
    {
      who: "Kevin Tian, 5 and 6 Aug 2024",
      what: "The comparison is tied to the two types there are: with a type that has no IOAS, a move from it to a page table with one would not reserve. Better reserve unless both belong to the same IOAS. v2 compares so.",
      ref: "BN9PR11MB5276B6D6A75FFDF7DB14CAC18CBE2@BN9PR11MB5276.namprd11.prod.outlook.com, BN9PR11MB527682A9FBDDE82439A3F7E28CBF2@BN9PR11MB5276.namprd11.prod.outlook.com",
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
