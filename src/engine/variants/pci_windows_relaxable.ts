import { defineKernel } from "../kernel/profile.ts";
import { all_windows, firmware_memory, relaxed, with_windows } from "./parts/pci_windows.ts";

export default defineKernel({
  id: "pci-windows-relaxable",
  title: "IOVA list + RELAXABLE",
  subtitle: "RMRRs of USB and graphics ignored",
  base: "pci-windows-iova-list",
  date: "2019-06-03",
  ref: "adfd37382090",
  changes: "Firmware's memory of USB and display controllers is of type direct-relaxable, which VFIO's list leaves in.",
  scenario: "pci-windows-rmrr",
  expects: [
    "guest memory over the RMRR of a USB controller is mapped",
    "sysfs says direct-relaxable where it said direct",
  ],
  objections: [
    {
      who: "Eric Auger, in the commit",
      what: "Without a type of its own such memory blocks any check: nothing tells a doorbell, which has to be avoided, from a legacy buffer that nobody needs any more.",
      ref: "adfd37382090",
    },
  ],
  unknown: [
    "In Linux the type came in 5.3, when the windows were no longer reported (4.18): this kernel keeps them, to show the one change alone.",
    "The rule is VT-d's; here it is applied to the memory that firmware names on an Arm machine.",
  ],
  overrides: () => with_windows(all_windows("reserved"), relaxed(firmware_memory)),
});
