import { iova_reserve_pci_windows } from "../kernel/iommu/pci_windows.ts";
import { defineKernel } from "../kernel/profile.ts";
import { all_windows, firmware_memory, relaxed, with_windows } from "./parts/pci_windows.ts";

export default defineKernel({
  id: "pci-windows-tagged",
  title: "Tagged windows",
  subtitle: "shown under a word of their own",
  base: "pci-windows-dma-only-5.4",
  date: "2020-05-28",
  ref: "9aeb1cd5-48de-f581-1212-5c7b95fd8338@redhat.com",
  changes:
    "Windows are visible in sysfs as regions of another kind, and refuse no map: who cares can stay away from them.",
  scenario: "pci-windows-cautious",
  expects: [
    "sysfs lists the windows as pci-window",
    "the list of valid IOVAs and the map are those of a kernel without windows",
  ],
  objections: [
    {
      who: "Shameer Kolothum, 28 May 2020",
      what: "Possible, but the list is for what the IOMMU can or cannot translate, and the windows are not of that kind. Eric Auger agrees: sysfs alone could show them.",
      ref: "f62731300adc4def97418f0bc2f5010e@huawei.com, faa75a1c-72e7-af6d-401f-58ee867e6369@redhat.com",
    },
    {
      who: "Jean-Philippe Brucker, 28 May 2020",
      what: "As the windows are the DMA API's alone a user may choose an IOVA inside one without knowing; had they been common, VFIO could place the MSI window in space that is really free.",
      ref: "20200528072308.GA414784@myrica, 20200528083851.GB414784@myrica",
    },
  ],
  unknown: ["An idea of Eric Auger in the thread on msi_iova_base; the word that sysfs prints is ours."],
  overrides: () => ({ ...with_windows(all_windows("pci-window"), relaxed(firmware_memory)), iova_reserve_pci_windows }),
});
