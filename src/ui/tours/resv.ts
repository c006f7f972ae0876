/** Discussion 3, 2023: a device's reserved regions when it is on a nested page table. */
import type { Tour } from "./types.ts";

const ALL = "resv-all-nested-2023";
const ONLY = "resv-sw-msi-only-2023-07";
const REPORT = "resv-report-2023-07";
const OLD = "linux-6.11";
const NEW = "linux-7.2";

export const resv: Tour = {
  id: "resv",
  title: "Reserved regions under nesting",
  stops: [
    {
      id: "question",
      kind: "question",
      title: "Whose regions are they, under a guest's table?",
      text: [
        "Firmware says that D1 must not be given memory at [0x40000000, 0x400fffff]. With a page table of the kernel alone that is easy: the range is cut out of the address space.",
        "Now the guest has a table of its own above it. Has the kernel's table below to keep the range free as well, or is it the guest's business? And how does a VMM learn of it?",
      ],
      at: { scenario: "resv-iova-ranges-not-enough", kernel: ONLY, step: 0, compare: NEW },
      answers: [],
      facts: [],
    },
    {
      id: "machine",
      kind: "world",
      title: "D1 has a region of its own, D2 has none",
      text: [
        "Both devices have the MSI window at 0x8000000, as every device behind this SMMU. D1 has one region more. D1 goes to a nested page table, D2 to the parent of it.",
      ],
      at: {
        scenario: "resv-shrink-other-device",
        kernel: ALL,
        step: 9,
        op: "VFIO_DEVICE_ATTACH_IOMMUFD_PT D2 pt=P",
        compare: ONLY,
        select: "dev:D1",
        stage: ["space", "attachments", "machine"],
      },
      answers: [],
      facts: [
        {
          kernel: ALL,
          step: 10,
          check: "ranges=[0x0,0x7ffffff][0x8100000,0xfffffffffff]",
          says: "For D2 alone only the window is missing.",
        },
      ],
    },
    {
      id: "all",
      kind: "alternative",
      title: "Nesting v1 and v2: reserve everything",
      text: [
        "A nested page table carries its parent's IOAS, so attaching to it reserves all regions of the device there. D2, which shares the parent, loses the range too.",
      ],
      about: ALL,
      at: { scenario: "resv-shrink-other-device", kernel: ALL, step: 13, op: "IOMMU_IOAS_MAP", compare: ONLY },
      answers: [ALL, ONLY, OLD, NEW],
      facts: [
        { kernel: ALL, step: 13, check: "EINVAL", says: "D2's memory is refused at D1's region." },
        { kernel: ONLY, step: 13, check: "ok", says: "Reserving the window alone allows it." },
      ],
    },
    {
      id: "all-jason",
      kind: "objection",
      title: "The regions belong to the stage that the user manages",
      text: [
        "D1 never uses the parent by itself: its guest's table stands in between and decides what reaches it. Only the MSI window is written to by the kernel below.",
      ],
      objection: { kernel: ALL, who: "Jason Gunthorpe" },
      at: {
        scenario: "resv-shrink-other-device",
        kernel: ALL,
        step: 14,
        op: "DMA write",
        compare: ONLY,
      },
      answers: [ALL, ONLY, OLD, NEW],
      facts: [
        { kernel: ALL, step: 14, check: "event=F_TRANSLATION", says: "D2 cannot use the address." },
        { kernel: ONLY, step: 14, check: "event=none", says: "With the window alone it can." },
      ],
    },
    {
      id: "only",
      kind: "alternative",
      title: "Nesting v3: only SW_MSI is mandatory",
      text: [
        "A nested attach reserves the window and nothing else. That is enough for the interrupt: it arrives, while memory may lie over D1's other region.",
      ],
      about: ONLY,
      at: {
        scenario: "resv-only-sw-msi-mandatory",
        kernel: ONLY,
        step: 12,
        op: "MSI",
        compare: OLD,
      },
      answers: [ONLY, OLD, NEW],
      facts: [
        { kernel: ONLY, step: 9, check: "EINVAL", says: "The window is kept free." },
        { kernel: ONLY, step: 10, check: "ok", says: "The other region is not." },
        { kernel: ONLY, step: 12, check: "event=none delivered=1", says: "The interrupt arrives." },
        { kernel: OLD, step: 12, check: "delivered=0", says: "Nothing kept, as in 6.11: lost." },
      ],
    },
    {
      id: "only-kevin",
      kind: "objection",
      title: "Then IOVA_RANGES is not enough for a VMM",
      text: [
        "The VMM lays out guest memory by what the kernel offers, and D1's region is on offer. When the guest switches its SMMU off, the device comes to the parent, every region counts, and the guest's memory is in the way.",
      ],
      objection: { kernel: ONLY, who: "Kevin Tian" },
      at: {
        scenario: "resv-iova-ranges-not-enough",
        kernel: ONLY,
        step: 13,
        op: "VFIO_DEVICE_ATTACH_IOMMUFD_PT D1 pt=P",
        compare: NEW,
      },
      answers: [ONLY, REPORT, NEW],
      facts: [
        {
          kernel: ONLY,
          step: 9,
          check: "ranges=[0x0,0x7ffffff][0x8100000,0xfffffffffff]",
          says: "The region is on offer,",
        },
        { kernel: ONLY, step: 11, check: "ok", says: "memory is put there," },
        { kernel: ONLY, step: 13, check: "EADDRINUSE", says: "and the switch fails." },
      ],
    },
    {
      id: "hole",
      kind: "consequence",
      title: "Or it does not fail, which is worse",
      text: [
        "Straight from nested to the parent, without a detach: a replace within one IOAS reserves nothing anew. The regions of D1 stay open while it uses the parent itself. This is read from the posted code.",
      ],
      at: { scenario: "resv-replace-hole", kernel: ONLY, step: 11, op: "IOMMU_IOAS_MAP", compare: NEW },
      answers: [ONLY, OLD, NEW],
      facts: [
        { kernel: ONLY, step: 9, check: "ok", says: "The replace succeeds," },
        { kernel: ONLY, step: 11, check: "ok", says: "and memory goes where firmware forbids it." },
        { kernel: NEW, step: 11, check: "EINVAL", says: "7.2 refuses." },
      ],
    },
    {
      id: "report",
      kind: "alternative",
      title: "Same series: a call that tells a device's regions",
      text: [
        "IOMMU_RESV_IOVA_RANGES gives the VMM the regions of one device, attached or not. It can keep away from them and tell its guest.",
      ],
      about: REPORT,
      at: {
        scenario: "resv-iova-ranges-not-enough",
        kernel: REPORT,
        step: 10,
        op: "IOMMU_RESV_IOVA_RANGES",
        compare: NEW,
      },
      answers: [ONLY, REPORT, NEW],
      facts: [
        {
          kernel: REPORT,
          step: 10,
          check: "regions=[0x8000000,0x80fffff][0x40000000,0x400fffff]",
          says: "The window and the region, without their kinds.",
        },
        { kernel: NEW, step: 10, check: "ENOTTY", says: "No release has the call." },
      ],
    },
    {
      id: "report-jason",
      kind: "objection",
      title: "Disallowed, where every other call says allowed",
      text: [
        "A program takes what was reported and gives it to ALLOW_IOVAS, as the names suggest. The kernel now keeps exactly those ranges usable, and the attach, which has to reserve them, fails.",
      ],
      objection: { kernel: REPORT, who: "Jason Gunthorpe, 28 Jul" },
      at: {
        scenario: "resv-report-emsgsize",
        kernel: REPORT,
        step: 10,
        op: "VFIO_DEVICE_ATTACH_IOMMUFD_PT D1 pt=I",
        compare: NEW,
      },
      answers: [REPORT, NEW],
      facts: [
        { kernel: REPORT, step: 9, check: "ok", says: "Taken as the only places to keep usable," },
        { kernel: REPORT, step: 10, check: "EADDRINUSE", says: "so the attach fails." },
      ],
    },
    {
      id: "report-kevin",
      kind: "objection",
      title: "Which of the two is the window?",
      text: [
        "The guest has to map one of the reported regions one to one for its interrupts. Nothing in the report says which. Told the wrong one, it loses its interrupt.",
      ],
      objection: { kernel: REPORT, who: "Kevin Tian, 28 Jul" },
      at: { scenario: "resv-report-unmarked", kernel: REPORT, step: 12, op: "MSI" },
      answers: [REPORT],
      facts: [
        { kernel: REPORT, step: 12, check: "event=F_TRANSLATION stage=1 delivered=0", says: "The wrong one: lost." },
        { kernel: REPORT, step: 14, check: "event=none delivered=1", says: "The right one: it arrives." },
      ],
    },
    {
      id: "import",
      kind: "alternative",
      title: "The alternative: the kernel imports the regions itself",
      text: [
        "Instead of telling details, the kernel takes all regions of a named device out of an IOAS, attached or not. What is left can be mapped one to one for that device in every mode: an identity-compatible page table.",
        "Asked for on the list and never posted; its form here is ours.",
      ],
      about: REPORT,
      at: {
        scenario: "resv-import-identity",
        kernel: REPORT,
        step: 13,
        op: "VFIO_DEVICE_ATTACH_IOMMUFD_PT D1 pt=P",
        compare: ONLY,
      },
      answers: [REPORT, ONLY],
      facts: [
        { kernel: REPORT, step: 4, check: "ok", says: "The import, before any attach." },
        { kernel: REPORT, step: 11, check: "EINVAL", says: "The VMM is told at once," },
        { kernel: REPORT, step: 13, check: "ok", says: "and the guest may switch freely." },
      ],
    },
    {
      id: "hotplug",
      kind: "consequence",
      title: "Only an import helps before a device is plugged in",
      text: [
        "Ranges of an IOAS speak of attached devices only. Memory is laid out, then D1 is plugged in and cannot be given to this guest any more. An import keeps the place of a device that is not there yet.",
      ],
      at: {
        scenario: "resv-hotplug-late",
        kernel: NEW,
        step: 6,
        op: "VFIO_DEVICE_ATTACH_IOMMUFD_PT D1 pt=I",
        compare: REPORT,
      },
      answers: [REPORT, NEW],
      facts: [
        { kernel: NEW, step: 6, check: "EADDRINUSE", says: "Too late." },
        { kernel: REPORT, step: 11, check: "ok", says: "Imported beforehand: it fits." },
      ],
    },
    {
      id: "merged",
      kind: "merged",
      title: "Dropped in v4; since 6.12 the first answer again",
      text: [
        "Both patches left the series in August 2023, and nested attaches reserved nothing. In 2024 the question came back with the lost interrupt, and was answered as in v1: a nested attach reserves every region in the parent's IOAS.",
        "There is no reporting call and no import to this day.",
      ],
      about: "linux-6.12",
      at: {
        scenario: "resv-iova-ranges-not-enough",
        kernel: NEW,
        step: 13,
        op: "VFIO_DEVICE_ATTACH_IOMMUFD_PT D1 pt=P",
        compare: ONLY,
      },
      answers: [ONLY, REPORT, NEW],
      facts: [
        {
          kernel: NEW,
          step: 9,
          check: "ranges=[0x0,0x7ffffff][0x8100000,0x3fffffff][0x40100000,0xfffffffffff]",
          says: "IOVA_RANGES leaves the region out.",
        },
        { kernel: NEW, step: 11, check: "EINVAL", says: "Memory there is refused," },
        { kernel: NEW, step: 13, check: "ok", says: "and the switch works." },
      ],
    },
    {
      id: "decide",
      kind: "decide",
      title: "Decide yourself",
      text: [
        "Cut everything and take space from others; cut the window and leave a VMM in the dark; tell, or import. Compare the layouts, and then plug a device in (resv-hotplug-late): which answer would you build a VMM on?",
      ],
      at: {
        scenario: "resv-iova-ranges-not-enough",
        kernel: ONLY,
        step: 13,
        op: "VFIO_DEVICE_ATTACH_IOMMUFD_PT D1 pt=P",
        compare: NEW,
        columns: [ALL, ONLY, REPORT, OLD, NEW],
      },
      answers: [],
      facts: [],
    },
  ],
};
