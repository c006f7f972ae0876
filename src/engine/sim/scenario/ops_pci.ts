/** What an administrator, or somebody with a screwdriver, does to the PCI bus. `steps/pci.ts` runs them. */
import type { OpDef } from "./ops.ts";
import { param, subject } from "./param.ts";

export const PCI_OPS: readonly OpDef[] = Object.freeze<OpDef[]>([
  {
    actor: "admin",
    name: "PCI_HOTPLUG",
    params: [subject],
    doc: "Plugs a card of the machine's drawer into its slot; the kernel finds it, groups it, binds vfio-pci. id = its group.",
  },
  {
    actor: "admin",
    name: "PCI_REMOVE",
    params: [subject, param("how", "word", { bare: true, words: ["orderly", "surprise"] })],
    doc: "Removes a device: by `remove` in sysfs (orderly), or by pulling the card first. Open files make it wait.",
  },
  {
    actor: "admin",
    name: "SETPCI",
    params: [
      param("at", "bdf", { required: true, bare: true }),
      param("reg", "addr", { required: true }),
      param("size", "count"),
      param("value", "addr", { required: true }),
    ],
    doc: "setpci: writes 1, 2 or 4 (unless said) bytes of a function's configuration space behind the kernel's back.",
  },
  {
    actor: "admin",
    name: "IOMMU_GROUP",
    params: [subject],
    doc: "ls .../iommu_group/devices: the group's number (id) and how many functions it has (members).",
  },
]);
