import { defineKernel } from "../kernel/profile.ts";
import { all_windows, BEFORE_IOMMUFD, NOT_PLAYED, with_windows } from "./parts/pci_windows.ts";

export default defineKernel({
  id: "pci-windows-generic",
  title: "4.12 windows",
  subtitle: "windows for all, nobody checks",
  base: "linux-6.2",
  date: "2017-07-02",
  ref: "273df9635385",
  changes:
    "The host bridge's MEM windows are reserved regions of every PCI device, shown in sysfs; VFIO looks at them only to find the MSI window.",
  scenario: "pci-windows-vm-acs",
  expects: [
    "sysfs lists the windows as reserved",
    "GET_INFO tells no list of valid IOVAs",
    "guest memory in the window is mapped, and behind ACS the device reaches it",
  ],
  objections: [
    {
      who: "Robin Murphy, 2018",
      what: "A region that is called reserved should be one that cannot be used, not one that may or may not work; windows belong where the kernel alone chooses addresses.",
      ref: "iommu list, February to March 2018",
    },
  ],
  unknown: [NOT_PLAYED, "Release numbers 4.12 to 4.17 are from memory."],
  features: BEFORE_IOMMUFD,
  overrides: () => with_windows(all_windows("reserved")),
});
