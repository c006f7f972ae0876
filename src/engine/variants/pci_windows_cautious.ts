import { defineKernel } from "../kernel/profile.ts";
import { all_windows, firmware_memory, relaxed, with_windows } from "./parts/pci_windows.ts";

export default defineKernel({
  id: "pci-windows-cautious",
  title: "Cautious type",
  subtitle: "a region that users never see",
  base: "pci-windows-dma-only-5.4",
  date: "2018-03-05",
  ref: "iommu list, March 2018, Robin Murphy",
  changes:
    "Windows are regions again, of a type that means reserve if you are careful: the DMA API does, sysfs hides it, VFIO ignores it.",
  scenario: "pci-windows-cautious",
  expects: [
    "sysfs and the list of valid IOVAs are those of a kernel without windows",
    "the map in the window passes",
    "the DMA API still keeps its own addresses out of it",
  ],
  objections: [
    {
      who: "Robin Murphy, Mar 2018, of his own idea",
      what: "Named as something in between; moving the windows back to the DMA path does the same without a new type.",
      ref: "iommu list, March 2018",
    },
  ],
  unknown: ["An idea in a mail; the type's name is ours."],
  overrides: () => with_windows(all_windows("cautious"), relaxed(firmware_memory)),
});
