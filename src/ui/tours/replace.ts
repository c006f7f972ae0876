/** Discussion 4, 2023: when a page table is linked to its IOAS, and what a replace needs. */
import type { Tour } from "./types.ts";

const DEFERRED = "deferred-linkage-2023";
const USERS = "devices-users-2023-01";
const UNFINAL = "created-linked-unfinalised";
const FIXED = "replace-keeps-reservations";
const NEW = "linux-7.2";

export const replace: Tour = {
  id: "replace",
  title: "Replace, auto domains, late linkage",
  stops: [
    {
      id: "question",
      kind: "question",
      title: "Moving a device without a gap",
      text: [
        "A VMM prepares a second address space and moves a running device there. In between, no DMA may be lost: the new table has to be complete before the switch.",
        "A table is complete when it is linked to its address space, the IOAS: then mappings go into it, and its limits become the IOAS's limits. When does that happen: at the allocation, or when the first device comes? And does the driver already know enough by then?",
      ],
      at: { scenario: "replace-created-linked", kernel: NEW, step: 0, compare: DEFERRED },
      answers: [],
      facts: [],
    },
    {
      id: "objects",
      kind: "world",
      title: "Two address spaces, two page tables, one device",
      text: [
        "D1 is on page table A of the IOAS I. B is a page table of J, with memory, and nobody uses it yet. Look at the line between a page table and its IOAS: that is the link.",
      ],
      at: {
        scenario: "replace-created-linked",
        kernel: NEW,
        step: 8,
        op: "IOMMU_IOAS_MAP ioas=J",
        compare: DEFERRED,
        stage: ["attachments", "space", "walk"],
      },
      answers: [],
      facts: [{ kernel: NEW, step: 8, check: "ok", says: "The map goes straight into B." }],
    },
    {
      id: "deferred",
      kind: "alternative",
      title: "6.2's rule: linked from the first device to the last",
      text: [
        "The page table joins the IOAS when the first device comes to it. Until then the IOAS knows nothing of it: B ends at 2^48, and memory beyond that is accepted.",
        "The limit comes with the link, and the link with the device: the move fails for memory that was mapped long before.",
      ],
      about: DEFERRED,
      at: {
        scenario: "replace-deferred-late-window",
        kernel: DEFERRED,
        step: 9,
        op: "VFIO_DEVICE_ATTACH_IOMMUFD_PT D1 pt=B",
        compare: NEW,
      },
      answers: [DEFERRED, USERS, NEW],
      facts: [
        { kernel: DEFERRED, step: 8, check: "ok", says: "Memory beyond the table's end is accepted," },
        { kernel: DEFERRED, step: 9, check: "EADDRINUSE", says: "and the move fails for it." },
        { kernel: NEW, step: 8, check: "EINVAL", says: "Linked at once: refused at once." },
      ],
    },
    {
      id: "late-window",
      kind: "objection",
      title: "The MSI window comes last of all",
      text: [
        "Nothing is attached to J, so the window is not reserved there and memory may go into it. With the move the window is wanted, and collides. Between two IOASes this is so on 7.2 as well: only the aperture is known earlier.",
      ],
      objection: { kernel: DEFERRED, who: "Nicolin Chen" },
      at: {
        scenario: "replace-deferred-late-window",
        kernel: DEFERRED,
        step: 14,
        op: "VFIO_DEVICE_ATTACH_IOMMUFD_PT D1 pt=B",
        compare: NEW,
      },
      answers: [DEFERRED, USERS, NEW],
      facts: [
        { kernel: DEFERRED, step: 13, check: "ok", says: "Memory in the window is accepted," },
        { kernel: DEFERRED, step: 14, check: "EADDRINUSE", says: "the move fails," },
        { kernel: DEFERRED, step: 16, check: "delivered=1", says: "and the device stays where it was." },
      ],
    },
    {
      id: "parent-twice",
      kind: "objection",
      title: "A parent that is linked twice",
      text: [
        "D1 is on a nested page table, D2 goes to its parent. With a list of devices for each page table, D2 is the first one on the parent's list, and links what D1's attach had linked already.",
      ],
      objection: { kernel: DEFERRED, who: "Yi Liu" },
      at: {
        scenario: "replace-devices-users",
        kernel: DEFERRED,
        step: 12,
        op: "VFIO_DEVICE_ATTACH_IOMMUFD_PT D2 pt=P",
        compare: USERS,
      },
      answers: [DEFERRED, USERS, NEW],
      facts: [
        { kernel: DEFERRED, step: 12, check: "EEXIST", says: "Linked already." },
        { kernel: DEFERRED, step: 13, check: "event=silent", says: "D2 is cut off." },
      ],
    },
    {
      id: "users",
      kind: "alternative",
      title: "January 2023: one count for the family",
      text: [
        "A parent and the nested page tables on it share one count of devices. The first of all links the parent, the last of all unlinks it.",
      ],
      about: USERS,
      at: {
        scenario: "replace-devices-users",
        kernel: USERS,
        step: 15,
        op: "IOMMU_IOAS_IOVA_RANGES",
        compare: DEFERRED,
      },
      answers: [DEFERRED, USERS, NEW],
      facts: [
        { kernel: USERS, step: 12, check: "ok", says: "Any order works." },
        {
          kernel: USERS,
          step: 15,
          check: "ranges=[0x0,0x7ffffff][0x8100000,0xfffffffffff]",
          says: "D1 left, D2 keeps the parent linked.",
        },
      ],
    },
    {
      id: "users-jason",
      kind: "objection",
      title: "Link at the allocation, and there is nothing to count",
      text: [
        "The count mends who links, but not when: the limits still come with the device. On the same steps a page table that was linked at its allocation refuses the memory in time.",
      ],
      objection: { kernel: USERS, who: "Jason Gunthorpe" },
      at: {
        scenario: "replace-deferred-late-window",
        kernel: USERS,
        step: 9,
        op: "VFIO_DEVICE_ATTACH_IOMMUFD_PT D1 pt=B",
        compare: NEW,
      },
      answers: [DEFERRED, USERS, NEW],
      facts: [
        { kernel: USERS, step: 9, check: "EADDRINUSE", says: "With the count: still too late." },
        { kernel: NEW, step: 9, check: "ok", says: "Linked at allocation: the move works." },
      ],
    },
    {
      id: "unfinalised",
      kind: "alternative",
      title: "Linked at allocation, by a driver that does not know the device yet",
      text: [
        "If the driver finishes a page table only when it sees a device, its aperture is empty until then. Linked like that, it leaves no place for memory that is there; and an empty IOAS becomes unusable.",
      ],
      about: UNFINAL,
      at: {
        scenario: "replace-unfinalised",
        kernel: UNFINAL,
        step: 7,
        op: "IOMMU_IOAS_IOVA_RANGES",
        compare: NEW,
      },
      answers: [UNFINAL, NEW],
      facts: [
        { kernel: UNFINAL, step: 4, check: "EADDRINUSE", says: "With memory there: no allocation." },
        { kernel: UNFINAL, step: 7, check: "ranges=[0x0,0x0]", says: "Without: one byte is left of the IOAS." },
      ],
    },
    {
      id: "unfinalised-jason",
      kind: "objection",
      title: "Unusable for good",
      text: [
        "Even an attach, with which the driver finishes the table, does not tell the IOAS. Every map fails until the page table is destroyed.",
      ],
      objection: { kernel: UNFINAL, who: "Jason Gunthorpe, 1 Feb" },
      at: { scenario: "replace-unfinalised", kernel: UNFINAL, step: 11, op: "IOMMU_IOAS_MAP", compare: NEW },
      answers: [UNFINAL, NEW],
      facts: [
        { kernel: UNFINAL, step: 8, check: "ENOSPC", says: "The kernel finds no address," },
        { kernel: UNFINAL, step: 9, check: "EINVAL", says: "a chosen one is refused," },
        { kernel: UNFINAL, step: 11, check: "EINVAL", says: "after the attach as before." },
      ],
    },
    {
      id: "auto",
      kind: "consequence",
      title: "Why attaching to the IOAS itself always worked",
      text: [
        "Attached to an IOAS, the device gets a page table that the kernel makes: allocated, attached while it is empty, and only then filled. The driver knows the device before the IOAS knows the table.",
        "Empty is fine for a first attach. A replace must not go through an empty table, so the trick does not carry over.",
      ],
      at: {
        scenario: "replace-auto-domain",
        kernel: UNFINAL,
        step: 4,
        op: "VFIO_DEVICE_ATTACH_IOMMUFD_PT D1 pt=I",
        compare: NEW,
      },
      answers: [UNFINAL, DEFERRED, NEW],
      facts: [
        { kernel: UNFINAL, step: 4, check: "ok", says: "The first attach works," },
        { kernel: UNFINAL, step: 9, check: "EADDRINUSE", says: "the move to another IOAS does not." },
      ],
    },
    {
      id: "deferred-jason",
      kind: "objection",
      title: "A replace starts from a table that must be full already",
      text: [
        "The move to the second IOAS: only a page table that is in its IOAS before the switch is full at the switch. The driver must be able to finish it when it is allocated for a device.",
      ],
      objection: { kernel: DEFERRED, who: "Jason Gunthorpe" },
      at: {
        scenario: "replace-auto-domain",
        kernel: UNFINAL,
        step: 9,
        op: "VFIO_DEVICE_ATTACH_IOMMUFD_PT D1 pt=J",
        compare: NEW,
      },
      answers: [UNFINAL, DEFERRED, NEW],
      facts: [
        { kernel: UNFINAL, step: 10, check: "event=F_TRANSLATION", says: "The device is still on the old table." },
        { kernel: NEW, step: 10, check: "event=none", says: "Finished at allocation: it moved." },
      ],
    },
    {
      id: "merged",
      kind: "merged",
      title: "6.4 and 6.6: finished and linked at the allocation",
      text: [
        "HWPT_ALLOC names a device, the driver finishes the page table for it, and it is linked at once. A replace switches from one full table to another; the interrupt goes on arriving.",
      ],
      about: "linux-6.6",
      at: {
        scenario: "replace-created-linked",
        kernel: NEW,
        step: 9,
        op: "VFIO_DEVICE_ATTACH_IOMMUFD_PT D1 pt=B",
        compare: DEFERRED,
      },
      answers: [NEW, DEFERRED],
      facts: [
        { kernel: NEW, step: 9, check: "ok", says: "One switch," },
        { kernel: NEW, step: 10, check: "event=none", says: "DMA goes on," },
        { kernel: NEW, step: 11, check: "delivered=1", says: "and so do interrupts." },
      ],
    },
    {
      id: "left-over",
      kind: "consequence",
      title: "What is left: a failed move takes the reservations with it",
      text: [
        "A replace within one IOAS is refused by the driver, and the device stays where it was. But what was reserved for it is taken back, although its attachment goes on: from 6.6 to 7.2. Nobody has posted the fix that stands beside it here.",
      ],
      at: {
        scenario: "replace-same-ioas-fails",
        kernel: NEW,
        step: 11,
        op: "VFIO_DEVICE_SET_IRQS D1",
        compare: FIXED,
      },
      answers: ["linux-6.15", NEW, FIXED],
      facts: [
        { kernel: NEW, step: 8, check: "ENOENT", says: "The move is refused," },
        { kernel: NEW, step: 9, check: "ranges=[0x0,0xfffffffffff]", says: "and the window is on offer," },
        { kernel: NEW, step: 11, check: "ENOSPC", says: "so the doorbell has no place." },
        { kernel: FIXED, step: 11, check: "ok", says: "With the fix it has." },
      ],
    },
    {
      id: "decide",
      kind: "decide",
      title: "Decide yourself",
      text: [
        "Linked with the device, counted over the family, linked at once by a driver that knows, or by one that does not. Follow the second address space row by row: which kernel tells the VMM earliest that its memory is in the wrong place?",
      ],
      at: {
        scenario: "replace-deferred-late-window",
        kernel: NEW,
        step: 9,
        op: "VFIO_DEVICE_ATTACH_IOMMUFD_PT D1 pt=B",
        compare: DEFERRED,
        columns: [DEFERRED, USERS, UNFINAL, NEW],
      },
      answers: [],
      facts: [],
    },
  ],
};
