import { defineKernel } from "../kernel/profile.ts";

export default defineKernel({
  id: "linux-6.11",
  title: "6.11",
  subtitle: "rule: paging attach only",
  base: "linux-6.12",
  date: "2024-09-15",
  changes:
    "Only an attach to a paging hwpt reserves the device's regions and sets an MSI cookie; a nested attach does neither.",
  scenario: "sw-msi-nested",
  expects: [
    "after the nested attach IOVA_RANGES still offers the window",
    "the MSI address is the physical doorbell 0x8090040 and the write ends in stage 1, or in stage 2 when the guest maps it",
    "memory mapped in the window makes a later attach to the parent fail with EADDRINUSE",
  ],
  objections: [
    {
      who: "Nicolin Chen, Jul 2024",
      what: "A direct attach to a nested page table bypasses both the reservation and the doorbell on the stage 2 below it.",
      ref: "20240728235106.2435208-1-nicolinc@nvidia.com",
    },
  ],
  unknown: [
    "Nesting on SMMUv3 is mainline from 6.13 on: scenarios play the rule of 6.7 to 6.11 with the vIOMMU interface of 6.13 added.",
    "A failed replace between two IOASes unwound the wrong one in 6.7 to 6.10; that is not modelled.",
  ],
  features: { nested_reserves_on_parent: false },
});
