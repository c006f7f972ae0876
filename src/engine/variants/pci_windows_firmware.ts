import { iommu_dma_get_resv_regions } from "../kernel/iommu/dma_iommu.ts";
import { defineKernel } from "../kernel/profile.ts";
import { relaxed } from "./parts/pci_windows.ts";

export default defineKernel({
  id: "pci-windows-firmware",
  title: "Firmware says it",
  subtitle: "only real limits, declared",
  base: "pci-windows-dma-only-5.4",
  date: "2018-03-06",
  ref: "iommu list, March 2018, Robin Murphy",
  changes:
    "A root complex that does not take requests for its own windows is described by firmware; the IOMMU driver reports exactly that.",
  scenario: "pci-windows-limit",
  expects: [
    "on a machine whose root complex ends such requests the map gives EINVAL instead of DMA that goes nowhere",
    "on a machine that passes them nothing is reserved and the map works",
  ],
  objections: [
    {
      who: "Alex Williamson, Mar 2018",
      what: "Agreed as to what the list is for: addresses that do not get through to the IOMMU, whoever the neighbours are.",
      ref: "iommu list, February to March 2018",
    },
  ],
  unknown: ["Device trees got a way to say it (iommu-addresses) in 2023: the machine of the scenario says it so."],
  overrides: () => ({ iommu_dma_get_resv_regions: relaxed(iommu_dma_get_resv_regions) }),
});
