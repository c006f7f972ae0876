import type { Kernel } from "../kernel/kernel.ts";
import { pci_acs_enabled, REQ_ACS_FLAGS } from "../kernel/pci/acs.ts";
import type { GroupChoice } from "../kernel/pci/group.ts";
import { pci_pcie_type, PCIE, type PciDev } from "../kernel/pci/pci_dev.ts";
import { the_platform } from "../kernel/platform.ts";
import { defineKernel } from "../kernel/profile.ts";

/** The ports of the switch that a function hangs below, or is one of; nearest the root first. */
function switches_above(k: Kernel, pdev: PciDev): PciDev[][] {
  const out: PciDev[][] = [];
  for (let at: PciDev | null = pdev; at !== null; at = at.parent) {
    const { parent }: PciDev = at;
    if (pci_pcie_type(at) !== PCIE.DOWNSTREAM || parent === null) continue;
    out.unshift(
      [...the_platform(k).pci.values()].filter((p) => p.parent === parent && pci_pcie_type(p) === PCIE.DOWNSTREAM),
    );
  }
  return out;
}

/** One port that does not redirect lets what is below it reach into every other port: all of them are one group. */
function pci_device_group(base: (k: Kernel, pdev: PciDev) => GroupChoice, k: Kernel, pdev: PciDev): GroupChoice {
  for (const ports of switches_above(k, pdev)) {
    const open = ports.find((port) => !pci_acs_enabled(port, REQ_ACS_FLAGS));
    const group = ports.find((port) => port.dev.iommu_group !== null)?.dev.iommu_group ?? null;
    if (open === undefined || group === null) continue;
    return { group, reason: `what is below ${open.bdf}, a port without ACS, reaches into every port of the switch` };
  }
  return base(k, pdev);
}

export default defineKernel({
  id: "pci-egress-groups-2025",
  title: "Groups by egress",
  subtitle: "who can reach in counts too",
  base: "linux-7.2",
  date: "2025-06-30",
  ref: "0-v1-74184c5043c6+195-pcie_switch_groups_jgg@nvidia.com",
  changes:
    "ACS says where a port lets requests out, not who comes in: all ports of a switch are one group as soon as one of them does not redirect.",
  scenario: "alias-egress-groups",
  expects: [
    "two devices below two ports of a switch without ACS are in one group; the second cannot go to another user: EPERM",
    "on the released kernels they are in two groups, and the DMA of one lands in the BAR of the other",
  ],
  objections: [
    {
      who: "Alex Williamson, 2018, on lists of windows",
      what: "If programming in one group can affect a transaction of another, then the groups are drawn wrongly: that is where to mend it, not in a list of addresses.",
      ref: "iommu list, February to March 2018",
    },
  ],
  unknown: [
    "Only the rule for switches is modelled, not the series' treatment of multi-function devices and of root ports.",
  ],
  overrides: (base) => ({
    pci_device_group: (k: Kernel, pdev: PciDev) => pci_device_group(base.pci_device_group, k, pdev),
  }),
});
