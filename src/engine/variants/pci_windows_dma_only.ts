import { iova_reserve_pci_windows } from "../kernel/iommu/pci_windows.ts";
import { defineKernel } from "../kernel/profile.ts";
import { firmware_memory } from "./parts/pci_windows.ts";

export default defineKernel({
  id: "pci-windows-dma-only",
  title: "4.18 DMA API only",
  subtitle: "windows nowhere to be seen",
  base: "pci-windows-generic",
  date: "2018-08-12",
  ref: "cd2c9fcf5c66",
  changes: "Windows are kept free by the DMA API alone, for its own addresses; users neither see nor miss them.",
  scenario: "pci-windows-vm-acs",
  expects: [
    "sysfs lists the MSI window and nothing else",
    "a map in the window passes, and a map over the MSI window as well: nobody checks before 5.4",
  ],
  objections: [
    {
      who: "Alexander Duyck, 20 Jun 2023",
      what: "Addresses that the kernel avoids and sysfs does not show are hard to find out about for whoever debugs a device.",
      ref: "CAKgT0UccM=_D-gJdzjqeUmRZWnSHVaUABjgQBEamLYauE8WTCA@mail.gmail.com",
    },
    {
      who: "Jason Gunthorpe, 16 Jun 2023",
      what: "Userspace should be told what it can really use: where windows and missing ACS make addresses unusable, VFIO and iommufd should leave them out. To work it out from lspci is no interface.",
      ref: "ZIyxFpzh3WG+ifws@nvidia.com",
    },
  ],
  overrides: () => ({ iommu_dma_get_resv_regions: firmware_memory, iova_reserve_pci_windows }),
});
