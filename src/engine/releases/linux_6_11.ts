import { defineKernel, releaseNumber } from "../kernel/profile.ts";

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
      who: "Nicolin Chen, 28 Jul 2024",
      what: "A direct attach to a nested page table bypasses both the reservation and the doorbell on the stage 2 below it.",
      ref: "20240728235106.2435208-1-nicolinc@nvidia.com",
    },
  ],
  unknown: [
    "Nesting on SMMUv3 is mainline from 6.13 on: scenarios play the rule of 6.11 with the vIOMMU interface of 6.13 added.",
    "Up to 6.11 an automatic IOVA at the very top of the space could wrap in its alignment; that is not modelled.",
  ],
  features: {
    uapi_release: releaseNumber("6.11"),
    nested_reserves_on_parent: false,
    compat_unmap_empty: "ENOENT",
  },
  played: { uapi_release: releaseNumber("6.13") },
});
