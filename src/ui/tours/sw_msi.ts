/** Discussion 0, 2024: when the MSI window is reserved for a device on a nested page table. */
import type { Tour } from "./types.ts";

const OLD = "linux-6.11";
const ALLOC = "sw-msi-at-alloc-2024-07";
const VERIFY = "sw-msi-at-alloc-verify";
const MERGED = "linux-6.12";
const NEW = "linux-7.2";

export const swMsi: Tour = {
  id: "sw-msi",
  title: "SW_MSI: at allocation or at attach",
  stops: [
    {
      id: "question",
      kind: "question",
      title: "An interrupt is a write, and a write needs an address",
      text: [
        "A PCI device signals an interrupt by writing to a doorbell. On Arm the SMMU translates that write like any other DMA, so the doorbell must be mapped somewhere in the device's address space. The kernel has one place for it: the window SW_MSI, 1 MiB at 0x8000000.",
        "A VMM gives the device to a guest, and the guest has page tables of its own. Who keeps the window free, who maps the doorbell there, and when: as soon as a page table is allocated, or when a device is attached?",
      ],
      at: { scenario: "sw-msi-nested", kernel: OLD, step: 0, compare: NEW },
      answers: [],
      facts: [],
    },
    {
      id: "machine",
      kind: "world",
      title: "The machine: two devices, one SMMU, one doorbell",
      text: [
        "D1 and D2 are PCI functions behind one SMMUv3. The interrupt controller's doorbell is a register in physical memory, at 0x8090040. Nothing in the SMMU knows that this page is special: what is not mapped is not reached.",
      ],
      at: {
        scenario: "sw-msi-nested",
        kernel: OLD,
        step: 1,
        op: "VFIO_DEVICE_BIND_IOMMUFD D1",
        compare: NEW,
        select: "dev:D1",
        stage: ["machine", "attachments", "walk"],
      },
      answers: [],
      facts: [{ kernel: OLD, step: 1, check: "ok", says: "The VMM owns D1 now; its DMA is blocked." }],
    },
    {
      id: "tables",
      kind: "world",
      title: "Two tables on top of each other",
      text: [
        "The parent (stage 2) holds the guest's memory and belongs to the VMM's address space, the IOAS. The nested table (stage 1) is the guest's. D1 is attached straight to the nested one: it never meets the parent as an attachment of its own.",
        "Every address the device uses passes both. The doorbell has to be in the parent, and the guest has to map the window one to one.",
      ],
      at: {
        scenario: "sw-msi-nested",
        kernel: OLD,
        step: 9,
        op: "VFIO_DEVICE_ATTACH_IOMMUFD_PT D1 pt=N",
        compare: NEW,
        select: "hwpt:6",
        stage: ["attachments", "space", "walk"],
      },
      answers: [],
      facts: [{ kernel: OLD, step: 9, check: "ok", says: "The direct attach to the nested page table." }],
    },
    {
      id: "rule-611",
      kind: "alternative",
      title: "The rule up to 6.11: paging page tables only",
      text: [
        "Attach reserves the window and prepares the doorbell only when the page table is a paging one. A nested page table is not, so this attach does neither.",
        "The guest did everything right: it mapped the window. Its interrupt passes stage 1 and ends in stage 2, where no kernel path ever put the doorbell.",
      ],
      about: OLD,
      at: { scenario: "sw-msi-nested", kernel: OLD, step: 13, op: "MSI", compare: NEW },
      answers: [OLD, ALLOC, MERGED, NEW],
      facts: [
        { kernel: OLD, step: 10, check: "msi=0x8090040", says: "The device is given the physical doorbell." },
        {
          kernel: OLD,
          step: 13,
          check: "event=F_TRANSLATION stage=2 delivered=0",
          says: "The interrupt is lost in stage 2.",
        },
      ],
    },
    {
      id: "memory-in-window",
      kind: "consequence",
      title: "And the VMM's memory is let into the window",
      text: [
        "IOVA_RANGES offers the window, the VMM puts memory there. All is quiet until the guest switches its SMMU off and the VMM moves the device to the parent: only now does the kernel try to reserve, and it is too late.",
      ],
      at: {
        scenario: "sw-msi-nested",
        kernel: OLD,
        step: 17,
        op: "VFIO_DEVICE_ATTACH_IOMMUFD_PT D1 pt=P",
        compare: NEW,
      },
      answers: [OLD, ALLOC, MERGED, NEW],
      facts: [
        { kernel: OLD, step: 15, check: "ranges=[0x0,0xfffffffffff]", says: "The window is on offer." },
        { kernel: OLD, step: 16, check: "ok", says: "Memory is mapped over it." },
        { kernel: OLD, step: 17, check: "EADDRINUSE", says: "The move to the parent fails." },
      ],
    },
    {
      id: "july",
      kind: "alternative",
      title: "July 2024: reserve when the page table is allocated",
      text: [
        "HWPT_ALLOC names a device. The patch takes the window of that device, reserves it in the IOAS and prepares the doorbell at once, whatever is attached later and to what.",
        "The nested attach then finds everything in place, and the interrupt arrives.",
      ],
      about: ALLOC,
      at: {
        scenario: "sw-msi-nested",
        kernel: ALLOC,
        step: 3,
        op: "IOMMU_HWPT_ALLOC dev=D1 pt=I flags=NEST_PARENT",
        compare: OLD,
      },
      answers: [OLD, ALLOC, MERGED, NEW],
      facts: [
        { kernel: ALLOC, step: 10, check: "msi=0x8000040", says: "The doorbell is in the window." },
        { kernel: ALLOC, step: 13, check: "event=none delivered=1", says: "The interrupt arrives." },
        { kernel: ALLOC, step: 16, check: "EINVAL", says: "Memory over the window is refused at once." },
      ],
    },
    {
      id: "one-device",
      kind: "objection",
      title: "An allocation knows one device only",
      text: [
        "The page table was made for D1, whose window is at 0x8000000. D3, whose window is at 0x9000000, attaches to the same table and is let in. Its own window stays open to memory.",
      ],
      objection: { kernel: ALLOC, who: "Jason Gunthorpe" },
      at: { scenario: "sw-msi-verify", kernel: ALLOC, step: 8, op: "IOMMU_IOAS_MAP", compare: NEW },
      answers: [ALLOC, VERIFY, MERGED, NEW],
      facts: [
        { kernel: ALLOC, step: 7, check: "ok", says: "D3 with another window is let in." },
        { kernel: ALLOC, step: 8, check: "ok", says: "Memory is mapped over D3's window." },
        { kernel: MERGED, step: 8, check: "EINVAL", says: "The merged rule refuses this." },
      ],
    },
    {
      id: "still-kept",
      kind: "consequence",
      title: "The window outlives the device",
      text: [
        "What is reserved at allocation stays as long as the page table. The device has left and never used an interrupt; the address space is still smaller.",
      ],
      at: { scenario: "sw-msi-q4", kernel: ALLOC, step: 6, op: "IOMMU_IOAS_MAP", compare: NEW },
      answers: [OLD, ALLOC, VERIFY, MERGED, NEW],
      facts: [
        { kernel: ALLOC, step: 6, check: "EINVAL", says: "Refused, although nothing is attached." },
        { kernel: NEW, step: 6, check: "ok", says: "At attach: given back at detach." },
      ],
    },
    {
      id: "verify",
      kind: "alternative",
      title: "The amendment: allocate, and compare at each attach",
      text: [
        "The window belongs to the page table, and each attach compares the device's window with it. A device with another window is refused.",
      ],
      about: VERIFY,
      at: {
        scenario: "sw-msi-verify",
        kernel: VERIFY,
        step: 7,
        op: "VFIO_DEVICE_ATTACH_IOMMUFD_PT D3 pt=H",
        compare: ALLOC,
      },
      answers: [ALLOC, VERIFY, MERGED, NEW],
      facts: [{ kernel: VERIFY, step: 7, check: "EINVAL", says: "D3 has to go elsewhere." }],
    },
    {
      id: "two-moments",
      kind: "objection",
      title: "Two moments for one rule",
      text: [
        "Now the window is taken at one moment and checked at another. Before any device is attached the address space has already lost it; and still the attach has to look.",
      ],
      objection: { kernel: VERIFY, who: "Kevin Tian" },
      at: { scenario: "sw-msi-verify", kernel: VERIFY, step: 5, op: "IOMMU_IOAS_IOVA_RANGES", compare: NEW },
      answers: [ALLOC, VERIFY, MERGED, NEW],
      facts: [
        {
          kernel: VERIFY,
          step: 5,
          check: "ranges=[0x0,0x7ffffff][0x8100000,0xffffffffffff]",
          says: "Cut before any attach,",
        },
        { kernel: VERIFY, step: 7, check: "EINVAL", says: "and compared at the attach." },
      ],
    },
    {
      id: "merged",
      kind: "merged",
      title: "6.12: the attach looks through to the parent",
      text: [
        "What attach always did, it now does for a nested page table as well: it finds the parent, reserves the device's regions in the parent's IOAS and prepares the doorbell there.",
        "The walk below goes through both stages and ends at the doorbell.",
      ],
      about: MERGED,
      at: {
        scenario: "sw-msi-nested",
        kernel: MERGED,
        step: 13,
        op: "MSI",
        compare: OLD,
      },
      answers: [OLD, ALLOC, MERGED, NEW],
      facts: [
        { kernel: MERGED, step: 9, check: "ok", says: "The attach reserves in the parent's IOAS." },
        { kernel: MERGED, step: 13, check: "event=none delivered=1", says: "The interrupt arrives." },
        {
          kernel: MERGED,
          step: 15,
          check: "ranges=[0x0,0x7ffffff][0x8100000,0xfffffffffff]",
          says: "The window is off the list.",
        },
        { kernel: MERGED, step: 17, check: "ok", says: "The move to the parent works." },
      ],
    },
    {
      id: "shrinks",
      kind: "objection",
      title: "The price: one device's regions, another one's space",
      text: [
        "D1 has a reserved region of its own at 0x40000000 and is nested. D2 uses the parent directly and has no such region. Its memory is refused there all the same.",
      ],
      objection: { kernel: MERGED, who: "Named by Kevin Tian" },
      at: { scenario: "sw-msi-q6", kernel: MERGED, step: 11, op: "IOMMU_IOAS_MAP", compare: OLD },
      answers: [OLD, ALLOC, VERIFY, MERGED, NEW],
      facts: [
        { kernel: MERGED, step: 11, check: "EINVAL", says: "D1's region shrinks D2's space." },
        { kernel: ALLOC, step: 11, check: "ok", says: "At allocation only the window counted." },
      ],
    },
    {
      id: "switch-off",
      kind: "consequence",
      title: "Why the price was accepted",
      text: [
        "A guest may switch its SMMU off at any time. Then the device uses the parent itself, and all its regions count. A VMM that had put memory there cannot move it under a running guest: it has to respect the regions from the start anyway.",
      ],
      at: {
        scenario: "sw-msi-switch-mode",
        kernel: OLD,
        step: 10,
        op: "VFIO_DEVICE_ATTACH_IOMMUFD_PT D1 pt=P",
        compare: MERGED,
      },
      answers: [OLD, ALLOC, MERGED, NEW],
      facts: [
        { kernel: OLD, step: 9, check: "ok", says: "Memory in the region is accepted," },
        { kernel: OLD, step: 10, check: "EADDRINUSE", says: "and the switch fails for it." },
        { kernel: MERGED, step: 10, check: "ok", says: "Refused early, nothing fails late." },
      ],
    },
    {
      id: "native",
      kind: "merged",
      title: "Since 6.15: each group has its own doorbell place",
      text: [
        "Later the doorbell pages became iommufd's own business. Two devices with different windows on one page table each get their doorbell in their own window.",
      ],
      about: "linux-6.15",
      at: { scenario: "sw-msi-q5", kernel: NEW, step: 8, op: "VFIO_DEVICE_SET_IRQS D3", compare: MERGED },
      answers: [OLD, ALLOC, VERIFY, MERGED, NEW],
      facts: [
        { kernel: MERGED, step: 8, check: "msi=0x8000040", says: "6.12: in the first device's window." },
        { kernel: NEW, step: 8, check: "msi=0x9000040", says: "7.2: in its own." },
      ],
    },
    {
      id: "decide",
      kind: "decide",
      title: "Decide yourself",
      text: [
        "All alternatives side by side, on the same steps. Where would you reserve: at allocation, at attach, or at both? Press a cell to see the check that made the difference, change the scenario (E), or search for a shorter case (6).",
        "Try: what would you answer a VMM that wants the window elsewhere? The scenarios sw-msi-option-* play what was proposed in 2025.",
      ],
      at: {
        scenario: "sw-msi-nested",
        kernel: OLD,
        step: 9,
        op: "VFIO_DEVICE_ATTACH_IOMMUFD_PT D1 pt=N",
        compare: NEW,
        columns: [OLD, ALLOC, VERIFY, MERGED, NEW],
      },
      answers: [],
      facts: [],
    },
  ],
};
