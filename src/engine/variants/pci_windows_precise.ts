import type { Device, ResvRegion } from "../kernel/iommu/types.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { pci_p2p_ranges } from "../kernel/pci/p2p.ts";
import { the_platform } from "../kernel/platform.ts";
import { defineKernel } from "../kernel/profile.ts";
import { firmware_memory, relaxed } from "./parts/pci_windows.ts";

/** Exactly the addresses that bridges and neighbours take before the IOMMU sees them, as the registers stand now. */
function reachable_peers(k: Kernel, dev: Device): ResvRegion[] {
  const pdev = the_platform(k).pci.get(dev.name);
  const ranges = pdev === undefined ? [] : pci_p2p_ranges(k, pdev);
  return ranges.map(({ start, last }) => ({
    start: BigInt(start),
    length: BigInt(last) - BigInt(start) + 1n,
    type: "reserved",
    prot: 0,
  }));
}

export default defineKernel({
  id: "pci-windows-precise",
  title: "Precise peers",
  subtitle: "what is not redirected, no more",
  base: "pci-windows-dma-only-5.4",
  date: "2023-06-19",
  ref: "ZJBf5DP60prFH5R2@nvidia.com",
  changes:
    "A device's reserved regions are the ranges of those peers and bridges that its requests reach without ACS redirect.",
  scenario: "pci-windows-hotplug",
  expects: [
    "nothing is reserved behind ACS; behind a switch without ACS its window is, and no more of the host window",
    "a card that is plugged in, a BAR or a port that moves, ACS that is switched off: none of it reaches a list that is there",
  ],
  objections: [
    {
      who: "Alex Williamson, 2018, of any list made from topology",
      what: "Such a list would have to change with hotplug, with each neighbour's memory enable, with each BAR and bridge window that is written.",
      ref: "iommu list, February to March 2018",
    },
    {
      who: "Robin Murphy, 16 Jun 2023",
      what: "Where it matters the user owns the whole peer group and can work it out.",
      ref: "520e2be4-726f-c680-c010-a308cdddbae0@arm.com",
    },
  ],
  unknown: [
    "Nobody posted code: the computation is ours (kernel/pci/p2p.ts), tested against the routing of the emulated hardware.",
  ],
  overrides: () => ({
    iommu_dma_get_resv_regions: (k: Kernel, dev: Device) => [
      ...relaxed(firmware_memory)(k, dev),
      ...reachable_peers(k, dev),
    ],
  }),
});
