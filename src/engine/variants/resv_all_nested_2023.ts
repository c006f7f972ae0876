import { defineKernel } from "../kernel/profile.ts";

export default defineKernel({
  id: "resv-all-nested-2023",
  title: "Nesting v1, v2",
  subtitle: "nested reserves everything",
  base: "linux-6.12",
  date: "2023-03-09",
  ref: "20230309080910.607396-1-yi.l.liu@intel.com; v2 20230511143844.22693-1-yi.l.liu@intel.com",
  changes:
    "A nested page table carries its parent's IOAS, so attaching to it reserves every region of the device there but the relaxable ones.",
  scenario: "resv-shrink-other-device",
  expects: ["after a nested attach of D1 memory for D2 cannot lie where D1 has a region of its own"],
  objections: [
    {
      who: "Jason Gunthorpe, 20 and 27 Jun 2023",
      what: "A stage 2 gets a device's regions while the device uses it directly, as any table does; below a nested table it gets none. Only SW_MSI is cut out whenever it is used.",
      ref: "ZJGf3sgLKr9HLZuE@nvidia.com, ZJsH1NtUJIDfUthO@nvidia.com",
    },
    {
      who: "Yi Liu and Nicolin Chen, 24 Jul 2023",
      what: "So the other regions should be told to the user instead, and SW_MSI alone be enforced on the parent.",
      ref: "20230724110406.107212-7-yi.l.liu@intel.com",
    },
  ],
  unknown: [
    "Played on 6.12, which does the same by other code, with the vIOMMU interface of 6.13; the series was made for 6.3 to 6.5.",
  ],
});
