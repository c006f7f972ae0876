import { defineKernel } from "../kernel/profile.ts";
import { firmware_memory, relaxed } from "./parts/pci_windows.ts";

export default defineKernel({
  id: "pci-windows-dma-only-5.4",
  title: "5.4 IOVA list",
  subtitle: "real regions only",
  base: "pci-windows-dma-only",
  date: "2019-11-24",
  ref: "af029169b8fd",
  changes:
    "The list of valid IOVAs lands at last: without windows, without relaxable memory, with what the IOMMU really cannot take.",
  scenario: "pci-windows-vm-acs",
  expects: ["a map in the host window passes, one over the MSI window gives EINVAL", "GET_INFO tells the ranges"],
  objections: [
    {
      who: "Robin Murphy, 16 and 19 Jun 2023",
      what: "With ACS there is no problem, without it the user owns every peer in the group and can check; reserving windows for all was tried and taken back.",
      ref: "520e2be4-726f-c680-c010-a308cdddbae0@arm.com, 90823b33-1f44-8789-9a38-282407fd9f15@arm.com",
    },
  ],
  features: { type1_iova_list: true },
  overrides: () => ({ iommu_dma_get_resv_regions: relaxed(firmware_memory) }),
});
