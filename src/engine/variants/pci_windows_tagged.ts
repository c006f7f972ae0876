import { iova_reserve_pci_windows } from "../kernel/iommu/pci_windows.ts";
import { defineKernel } from "../kernel/profile.ts";
import { all_windows, firmware_memory, relaxed, with_windows } from "./parts/pci_windows.ts";

export default defineKernel({
  id: "pci-windows-tagged",
  title: "Tagged windows",
  subtitle: "shown under a word of their own",
  base: "pci-windows-dma-only-5.4",
  date: "2020-06-01",
  ref: "iommu list, May to June 2020, in RFC: module parameter to set msi iova address",
  changes:
    "Windows are visible in sysfs as regions of another kind, and refuse no map: who cares can stay away from them.",
  scenario: "pci-windows-cautious",
  expects: [
    "sysfs lists the windows as pci-window",
    "the list of valid IOVAs and the map are those of a kernel without windows",
  ],
  objections: [
    {
      who: "Jean-Philippe Brucker, 2020",
      what: "As the windows are the DMA API's alone a user may choose an IOVA inside one without knowing; had they been common, VFIO could place the MSI window in space that is really free.",
      ref: "iommu list, May to June 2020",
    },
  ],
  unknown: ["An idea of Shameer Kolothum and Eric Auger in that thread; the word that sysfs prints is ours."],
  overrides: () => ({ ...with_windows(all_windows("pci-window"), relaxed(firmware_memory)), iova_reserve_pci_windows }),
});
