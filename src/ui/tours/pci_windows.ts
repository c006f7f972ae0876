/** Discussion 2, 2018: windows of the host bridge as reserved regions. */
import type { Tour } from "./types.ts";

const GENERIC = "pci-windows-generic";
const LIST = "pci-windows-iova-list";
const RELAXABLE = "pci-windows-relaxable";
const ACS = "pci-windows-acs-only";
const DMA = "pci-windows-dma-only";
const DMA54 = "pci-windows-dma-only-5.4";
const FIRMWARE = "pci-windows-firmware";
const CAUTIOUS = "pci-windows-cautious";
const PRECISE = "pci-windows-precise";
const EGRESS = "pci-egress-groups-2025";
const NEW = "linux-7.2";

export const pciWindows: Tour = {
  id: "pci-windows",
  title: "PCI windows and ACS",
  stops: [
    {
      id: "question",
      kind: "question",
      title: "An address that may belong to a neighbour",
      text: [
        "A PCI bridge looks at the address of every request. One that lies in a neighbour's window may be sent there directly and never reach the IOMMU. ACS, where a switch has it, sends all requests upwards.",
        "A VMM puts guest memory at 0x40000000, where the host bridge of this machine has its memory window. Should the kernel call that window reserved and refuse, for every device, for some, or for none?",
      ],
      at: {
        scenario: "pci-windows-vm-acs",
        kernel: GENERIC,
        step: 0,
        compare: LIST,
      },
      answers: [],
      facts: [],
    },
    {
      id: "machine",
      kind: "world",
      title: "The machine: a switch, two cards, one window",
      text: [
        "The device D1 hangs below a switch. This machine exists twice in the library: with ACS at the ports of the switch, and without. The tree shows windows, BARs and ACS bits as the registers hold them.",
      ],
      at: {
        scenario: "pci-windows-vm-acs",
        kernel: GENERIC,
        step: 1,
        op: "RESERVED_REGIONS D1",
        compare: LIST,
        stage: ["machine", "space"],
      },
      answers: [],
      facts: [{ kernel: GENERIC, step: 1, check: "kinds=msi.reserved.reserved", says: "sysfs lists the window." }],
    },
    {
      id: "generic",
      kind: "alternative",
      title: "4.12: reserved for all, and nobody looks",
      text: [
        "The windows are reserved regions of every PCI device and stand in sysfs. VFIO reads the regions only to find the MSI window: guest memory goes where the VMM wants it, and behind ACS that works.",
      ],
      about: GENERIC,
      at: {
        scenario: "pci-windows-vm-acs",
        kernel: GENERIC,
        step: 7,
        op: "VFIO_IOMMU_MAP_DMA container=C iova=0x40000000",
        compare: LIST,
      },
      answers: [GENERIC, LIST, ACS, DMA, DMA54, PRECISE],
      facts: [
        { kernel: GENERIC, step: 7, check: "ok", says: "Memory in the window is mapped," },
        { kernel: GENERIC, step: 10, check: "event=none peer=none", says: "and the device reaches it." },
      ],
    },
    {
      id: "generic-robin",
      kind: "objection",
      title: "Reserved should mean: cannot be used",
      text: ["The region is called reserved, and yet the DMA into it works. Who reads the list learns too much."],
      objection: { kernel: GENERIC, who: "Robin Murphy" },
      at: { scenario: "pci-windows-vm-acs", kernel: GENERIC, step: 10, op: "DMA write", compare: LIST },
      answers: [GENERIC, LIST, ACS, DMA54],
      facts: [
        { kernel: GENERIC, step: 1, check: "kinds=msi.reserved.reserved", says: "Called reserved," },
        { kernel: GENERIC, step: 10, check: "event=none peer=none", says: "and it works." },
      ],
    },
    {
      id: "list",
      kind: "alternative",
      title: "February 2018: VFIO keeps a list and refuses",
      text: [
        "VFIO takes the reserved regions of all groups out of a list of valid IOVAs, tells the list, and refuses maps outside it. Together with the windows for all, the VM does not start any more.",
      ],
      about: LIST,
      at: {
        scenario: "pci-windows-vm-acs",
        kernel: LIST,
        step: 7,
        op: "VFIO_IOMMU_MAP_DMA container=C iova=0x40000000",
        compare: GENERIC,
      },
      answers: [GENERIC, LIST, ACS, DMA, DMA54, PRECISE],
      facts: [
        { kernel: LIST, step: 7, check: "EINVAL", says: "The VM does not start." },
        { kernel: LIST, step: 8, check: "EINVAL", says: "Memory over the MSI window is refused, too: wanted." },
      ],
    },
    {
      id: "list-shameer",
      kind: "objection",
      title: "It takes away what worked",
      text: [
        "A host window where QEMU puts memory, behind ACS: the DMA used to arrive. With the list it is not even mapped.",
      ],
      objection: { kernel: LIST, who: "Shameer Kolothum" },
      at: { scenario: "pci-windows-vm-acs", kernel: LIST, step: 10, op: "DMA write", compare: GENERIC },
      answers: [GENERIC, LIST, ACS, DMA54],
      facts: [
        { kernel: GENERIC, step: 10, check: "event=none", says: "Before: it arrives." },
        { kernel: LIST, step: 10, check: "event=F_TRANSLATION", says: "With the list: nothing is mapped." },
      ],
    },
    {
      id: "list-rmrr",
      kind: "objection",
      title: "Firmware's buffers would block VMs as well",
      text: [
        "The list cannot tell a doorbell, which must be avoided, from a buffer that firmware used for a USB keyboard at boot. Every VM with such a controller would stop starting. The type direct-relaxable came out of this.",
      ],
      objection: { kernel: LIST, who: "Alex Williamson, 5 Jun 2018" },
      at: { scenario: "pci-windows-rmrr", kernel: LIST, step: 6, op: "VFIO_IOMMU_MAP_DMA", compare: RELAXABLE },
      answers: [GENERIC, LIST, RELAXABLE, DMA54],
      facts: [
        { kernel: LIST, step: 6, check: "EINVAL", says: "The VM does not start." },
        { kernel: RELAXABLE, step: 6, check: "ok", says: "With the type of its own it does." },
      ],
    },
    {
      id: "acs-only",
      kind: "alternative",
      title: "The ACS-only rule",
      text: [
        "Reserve the windows only for devices whose way to the root lacks ACS. Behind ACS the VM starts; below a switch without it the map is refused. The second machine of the library is such a one.",
      ],
      about: ACS,
      at: {
        scenario: "pci-windows-vm-noacs",
        kernel: ACS,
        step: 6,
        op: "VFIO_IOMMU_MAP_DMA container=C iova=0x40000000",
        compare: DMA54,
        stage: ["machine", "space"],
      },
      answers: [GENERIC, LIST, ACS, DMA, DMA54, PRECISE],
      facts: [
        { kernel: ACS, step: 6, check: "EINVAL", says: "Without ACS: refused." },
        { kernel: GENERIC, step: 10, check: "peer=D2", says: "There, a write really goes to the neighbour." },
      ],
    },
    {
      id: "acs-topology",
      kind: "objection",
      title: "A list of topology grows old",
      text: [
        "A list that follows the topology has to follow hotplug, memory decoding, BARs and bridge windows. Even the most precise list, of just those peers that are reachable, is made once. A card is plugged in below; the list stays as it was, and the mapped write goes to the new card.",
      ],
      objection: { kernel: PRECISE, who: "Alex Williamson" },
      at: {
        scenario: "pci-windows-hotplug",
        kernel: PRECISE,
        step: 13,
        op: "DMA write",
        compare: DMA54,
        stage: ["machine", "space"],
      },
      answers: [LIST, ACS, DMA54, PRECISE],
      facts: [
        { kernel: PRECISE, step: 2, check: "ok", says: "Valid by the list, and mapped." },
        { kernel: PRECISE, step: 6, check: "ok", says: "A card is plugged in." },
        { kernel: PRECISE, step: 13, check: "event=none peer=D2", says: "The new card takes the write." },
      ],
    },
    {
      id: "acs-groups",
      kind: "objection",
      title: "Then the groups are drawn wrongly",
      text: [
        "If one device can reach another without the IOMMU, no list of addresses is the answer: the two must not have two owners. Below this switch the released kernels still give them to two VMs.",
      ],
      objection: { kernel: EGRESS, who: "Alex Williamson" },
      at: {
        scenario: "alias-egress-groups",
        kernel: NEW,
        step: 8,
        op: "DMA write",
        compare: EGRESS,
        stage: ["machine", "space"],
      },
      answers: ["linux-6.12", NEW, EGRESS],
      facts: [
        { kernel: NEW, step: 4, check: "ok", says: "Another VM takes the second card," },
        { kernel: NEW, step: 8, check: "peer=D2", says: "and the first one writes into it." },
        { kernel: EGRESS, step: 4, check: "EPERM", says: "Groups by who can come in: one owner." },
      ],
    },
    {
      id: "root",
      kind: "objection",
      title: "ACS does not say what the root complex does",
      text: [
        "On this machine ACS sends every request up, and the root complex ends those for its own window. The ACS-only rule allows the map, and the data is gone without a record.",
      ],
      objection: { kernel: ACS, who: "Robin Murphy" },
      at: { scenario: "pci-windows-limit", kernel: ACS, step: 8, op: "DMA write", compare: FIRMWARE },
      answers: [LIST, ACS, DMA54, PRECISE, FIRMWARE, NEW],
      facts: [
        { kernel: ACS, step: 7, check: "ok", says: "The map is accepted," },
        { kernel: ACS, step: 8, check: "event=silent", says: "the write goes nowhere." },
      ],
    },
    {
      id: "firmware",
      kind: "alternative",
      title: "Let firmware say it",
      text: [
        "Only firmware knows what this root complex does. Where it describes the limit, the IOMMU driver reports exactly that, and nothing on machines that pass such requests on.",
      ],
      about: FIRMWARE,
      at: { scenario: "pci-windows-limit", kernel: FIRMWARE, step: 7, op: "VFIO_IOMMU_MAP_DMA", compare: ACS },
      answers: [LIST, ACS, DMA54, PRECISE, FIRMWARE, NEW],
      facts: [
        { kernel: FIRMWARE, step: 7, check: "EINVAL", says: "Refused before data is lost." },
        { kernel: NEW, step: 7, check: "EINVAL", says: "A release of today reads it, too." },
      ],
    },
    {
      id: "cautious",
      kind: "alternative",
      title: "A type that users never see",
      text: [
        "Windows as regions of a cautious type: the kernel's own DMA API keeps away from them, sysfs hides them, VFIO ignores them.",
      ],
      about: CAUTIOUS,
      at: { scenario: "pci-windows-cautious", kernel: CAUTIOUS, step: 7, op: "VFIO_IOMMU_MAP_DMA", compare: LIST },
      answers: [LIST, DMA54, CAUTIOUS],
      facts: [
        { kernel: CAUTIOUS, step: 1, check: "kinds=msi", says: "sysfs shows the MSI window alone." },
        { kernel: CAUTIOUS, step: 7, check: "ok", says: "The map passes." },
      ],
    },
    {
      id: "cautious-robin",
      kind: "objection",
      title: "The same can be had without a type",
      text: ["The author's own remark. Everything a user can see equals a kernel that has no such type."],
      objection: { kernel: CAUTIOUS, who: "Robin Murphy" },
      at: { scenario: "pci-windows-cautious", kernel: CAUTIOUS, step: 6, op: "VFIO_IOMMU_GET_INFO", compare: DMA54 },
      answers: [LIST, DMA54, CAUTIOUS],
      facts: [
        {
          kernel: DMA54,
          step: 6,
          check: "ranges=[0x0,0x7ffffff][0x8100000,0xffffffffffff]",
          says: "The list without the type,",
        },
        {
          kernel: CAUTIOUS,
          step: 6,
          check: "ranges=[0x0,0x7ffffff][0x8100000,0xffffffffffff]",
          says: "and with it.",
        },
      ],
    },
    {
      id: "merged",
      kind: "merged",
      title: "4.18 and 5.4: windows are the DMA API's business",
      text: [
        "In 4.18 the windows left the reserved regions: the kernel avoids them when it chooses addresses itself, users neither see nor miss them. In 5.4 the list of valid IOVAs came after all, of what the IOMMU really cannot take.",
      ],
      about: DMA54,
      at: {
        scenario: "pci-windows-vm-acs",
        kernel: DMA54,
        step: 7,
        op: "VFIO_IOMMU_MAP_DMA container=C iova=0x40000000",
        compare: LIST,
      },
      answers: [GENERIC, LIST, ACS, DMA, DMA54, PRECISE],
      facts: [
        { kernel: DMA54, step: 1, check: "kinds=msi", says: "No window in sysfs." },
        { kernel: DMA54, step: 7, check: "ok", says: "The VM starts." },
        { kernel: DMA54, step: 8, check: "EINVAL", says: "The MSI window is refused." },
      ],
    },
    {
      id: "hidden",
      kind: "objection",
      title: "Hidden, and found the hard way",
      text: [
        "Below a switch without ACS the map is accepted, no list warns, and the neighbour's BAR takes the write. In 2023 the question came up again.",
      ],
      objection: { kernel: DMA, who: "Jason Gunthorpe" },
      at: {
        scenario: "pci-windows-vm-noacs",
        kernel: DMA54,
        step: 10,
        op: "DMA write iova=0x40700000",
        compare: PRECISE,
        stage: ["machine", "space"],
      },
      answers: [GENERIC, LIST, ACS, DMA54, PRECISE],
      facts: [
        { kernel: DMA54, step: 7, check: "ok", says: "Mapped over the neighbour's BAR," },
        { kernel: DMA54, step: 10, check: "peer=D2", says: "and the neighbour takes it." },
        { kernel: PRECISE, step: 7, check: "EINVAL", says: "A precise list would have refused." },
      ],
    },
    {
      id: "decide",
      kind: "decide",
      title: "Decide yourself",
      text: [
        "The same VM below a switch without ACS, on every proposal. What should a kernel refuse, and what should it only tell? Open the other machine (pci-windows-vm-acs), move a BAR (pci-windows-bar-move), and see which answer you would still defend.",
      ],
      at: {
        scenario: "pci-windows-vm-noacs",
        kernel: DMA54,
        step: 7,
        op: "VFIO_IOMMU_MAP_DMA container=C iova=0x40600000",
        compare: PRECISE,
        columns: [GENERIC, LIST, ACS, DMA54, CAUTIOUS, PRECISE],
      },
      answers: [],
      facts: [],
    },
  ],
};
