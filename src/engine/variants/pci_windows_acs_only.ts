import type { Device, ResvRegion } from "../kernel/iommu/types.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { pci_acs_path_enabled, REQ_ACS_FLAGS } from "../kernel/pci/acs.ts";
import { the_platform } from "../kernel/platform.ts";
import { defineKernel } from "../kernel/profile.ts";
import { all_windows, with_windows } from "./parts/pci_windows.ts";

/** Windows only where something between the device and the root may send requests to a peer. */
function without_acs(k: Kernel, dev: Device): ResvRegion[] {
  const pdev = the_platform(k).pci.get(dev.name);
  const isolated = pdev !== undefined && pci_acs_path_enabled(pdev, REQ_ACS_FLAGS);
  k.check(!isolated, `the path of ${dev.name} to the root lacks ACS`);
  return isolated ? [] : all_windows("reserved")(k, dev);
}

export default defineKernel({
  id: "pci-windows-acs-only",
  title: "ACS-only proposal",
  subtitle: "windows where ACS is missing",
  base: "pci-windows-iova-list",
  date: "2018-02-28",
  ref: "iommu list, February 2018, Shameer Kolothum",
  changes:
    "The windows are reserved only for devices whose path to the root lacks source validation, redirect or upstream forwarding.",
  scenario: "pci-windows-vm-noacs",
  expects: [
    "behind a switch with ACS the VM starts as before",
    "behind a switch without ACS the map gives EINVAL",
    "switching ACS off at a port later changes no list",
  ],
  objections: [
    {
      who: "Alex Williamson, Mar 2018",
      what: "ACS is a matter of groups: what is reachable without the IOMMU is inside the group already, and the user owns all of it. A list that depends on topology would have to follow every change of it.",
      ref: "iommu list, February to March 2018",
    },
    {
      who: "Robin Murphy, Mar 2018",
      what: "Even with ACS the root complex may end a request for its own windows; the IOMMU layer cannot find that out, firmware can say it.",
      ref: "iommu list, February to March 2018",
    },
  ],
  unknown: ["Sketched in mails, not posted as a patch that is known here: the flags are those of IOMMU groups."],
  overrides: () => with_windows(without_acs),
});
