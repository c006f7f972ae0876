import { defineKernel, releaseNumber } from "../kernel/profile.ts";

export default defineKernel({
  id: "linux-6.13",
  title: "6.13",
  subtitle: "nesting on SMMUv3 begins",
  base: "linux-6.14",
  date: "2025-01-19",
  changes: "The first release with vIOMMUs; nothing else is known to differ from 6.14 in what a program sees.",
  scenario: "sw-msi-q1",
  expects: [
    "the doorbell is mapped in the parent of the nested page table: the MSI address is 0x8000040 and the interrupt arrives",
  ],
  unknown: [
    "6.14 fixed the padding and the handling of fault records; what stood in the padding before is not known, here it is 0.",
  ],
  features: { uapi_release: releaseNumber("6.13") },
});
