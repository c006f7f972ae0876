/** Discussion 1, 2021: the designs that came before iommufd. */
import type { Tour } from "./types.ts";

const SETS = "ioasid-sets-2021-02";
const CONTAINERS = "ioasid-containers-2021-04";
const OWNERS = "ioasid-vfio-2021-04";
const RFC1 = "ioasid-rfc1-2021-05";
const RFC2 = "dev-iommu-rfc2-2021-07";
const CODE = "dev-iommu-code-2021-09";
const NEW = "linux-7.2";

export const ioasid: Tour = {
  id: "ioasid",
  title: "/dev/ioasid and what became of it",
  stops: [
    {
      id: "question",
      kind: "question",
      title: "One file for the address spaces of devices",
      text: [
        "In 2021 VFIO had containers, others were about to write their own, and guests wanted page tables and process address spaces (PASIDs) of their own. The list looked for one interface for all of them.",
        "Whose is a number, what can be done before a device is there, how many devices share a table, and whom does a fault name? Every design answered differently. Here all of them run on the same hardware.",
      ],
      at: { scenario: "ioasid-q12", kernel: NEW, step: 0, compare: RFC1 },
      answers: [],
      facts: [],
    },
    {
      id: "machine",
      kind: "world",
      title: "Two devices, one IOMMU, one program",
      text: [
        "The probe is short: make a space, map memory, attach two devices, let the second one fault. The SMMU of this machine can hold a faulting access until somebody answers.",
        "Each step is written once and played in the words of each API.",
      ],
      at: {
        scenario: "ioasid-q12",
        kernel: NEW,
        step: 1,
        op: "SPACE_ALLOC",
        compare: RFC1,
        stage: ["machine", "attachments", "walk"],
      },
      answers: [],
      facts: [{ kernel: NEW, step: 1, check: "ok", says: "A space exists; no device is in it." }],
    },
    {
      id: "sets",
      kind: "alternative",
      title: "February 2021: PASIDs in sets, one set a process",
      text: [
        "/dev/ioasid hands out PASIDs from a set with a quota. A number that the guest still uses is not free when the program frees it: it waits. Tables, devices and faults stay in VFIO's containers.",
      ],
      about: SETS,
      at: { scenario: "ioasid-sets", kernel: SETS, step: 12, op: "IOASID_REQUEST_ALLOC" },
      answers: [SETS],
      facts: [
        { kernel: SETS, step: 10, check: "ok", says: "The program frees a PASID in use." },
        { kernel: SETS, step: 12, check: "EINVAL", says: "Its number is not given out," },
        { kernel: SETS, step: 14, check: "id=10", says: "until the guest lets go." },
      ],
    },
    {
      id: "sets-process",
      kind: "objection",
      title: "A set belongs to the process that opened the file",
      text: [
        "A library in the same program opens the node again and is turned away. A file that is passed on still belongs to the one who opened it.",
      ],
      objection: { kernel: SETS, who: "Jason Gunthorpe, 31 Mar" },
      at: { scenario: "ioasid-second-open", kernel: SETS, step: 1, op: "OPEN", compare: NEW },
      answers: [SETS, CONTAINERS, RFC1, RFC2, CODE, NEW],
      facts: [
        { kernel: SETS, step: 1, check: "EBUSY", says: "One open for each process." },
        { kernel: NEW, step: 1, check: "ok", says: "iommufd: every open is its own world." },
      ],
    },
    {
      id: "containers",
      kind: "alternative",
      title: "7 April: every open is a container, and starts empty",
      text: [
        "Nothing is known of the IOMMU before a device is in the container, so no operation works before that. A container filled by map and unmap is one table for one device. Several devices may share a level 2, each with a child for its guest's tables.",
      ],
      about: CONTAINERS,
      at: { scenario: "ioasid-one-level", kernel: CONTAINERS, step: 5, op: "SPACE_ATTACH D2", compare: NEW },
      answers: [CONTAINERS, RFC1, CODE, NEW],
      facts: [
        { kernel: CONTAINERS, step: 2, check: "EINVAL", says: "No map before an attach." },
        { kernel: CONTAINERS, step: 5, check: "EINVAL", says: "No second device on one level." },
      ],
    },
    {
      id: "routing",
      kind: "consequence",
      title: "A child for each device sorts the faults",
      text: [
        "D2's guest has nothing mapped at one address, D1's guest points below what the program gave it. The first is the guest's fault and comes out of D2's child; the second is the program's and comes out of the parent.",
      ],
      at: { scenario: "ioasid-child-faults", kernel: CONTAINERS, step: 12, op: "SPACE_FAULTS space=S", compare: NEW },
      answers: [CONTAINERS, OWNERS, RFC1, RFC2, NEW],
      facts: [
        { kernel: CONTAINERS, step: 10, check: "records=1 who=D2", says: "Level 1: from the child of D2." },
        { kernel: CONTAINERS, step: 12, check: "records=1 who=D1 level=2", says: "Level 2: from the parent." },
      ],
    },
    {
      id: "painful",
      kind: "objection",
      title: "Several devices on one level 2",
      text: [
        "The author's own doubt. To share, the program must know before the first attach that it will; a child must be made for each device, and a plain second attach is refused.",
      ],
      objection: { kernel: CONTAINERS, who: "Jean-Philippe Brucker" },
      at: { scenario: "ioasid-q12", kernel: CONTAINERS, step: 4, op: "SPACE_ATTACH D2", compare: NEW },
      answers: [NEW, CONTAINERS, RFC1, RFC2, CODE],
      facts: [{ kernel: CONTAINERS, step: 4, check: "EINVAL", says: "Whoever did not plan for it may not share." }],
    },
    {
      id: "owners",
      kind: "alternative",
      title: "Same day: who owns which level?",
      text: [
        "Before a device is used its subsystem declares it: VFIO owns level 2 and ioasid level 1, or ioasid owns both. A fault goes to the owner of the level in which it happened.",
      ],
      about: OWNERS,
      at: { scenario: "ioasid-owners", kernel: OWNERS, step: 17, op: "SPACE_FAULTS space=C" },
      answers: [OWNERS],
      facts: [
        { kernel: OWNERS, step: 14, check: "ok level=2", says: "VFIO reads the level-2 fault." },
        { kernel: OWNERS, step: 17, check: "records=1 level=1 via=table", says: "ioasid reads the level-1 fault." },
      ],
    },
    {
      id: "alias",
      kind: "objection",
      title: "PASID and group alone do not tell who asked",
      text: [
        "Two devices on one table ask for the same page with the same PASID and group. In a record without the device the two are equal byte for byte. RFC v1 of May dropped the device; here is what the program then reads.",
      ],
      objection: { kernel: OWNERS, who: "Jean-Philippe Brucker" },
      at: { scenario: "ioasid-alias", kernel: RFC1, step: 6, op: "SPACE_FAULTS", compare: RFC2 },
      answers: [CONTAINERS, RFC1, RFC2],
      facts: [
        { kernel: RFC1, step: 6, check: "records=2 who=unknown", says: "Two records, nobody's." },
        { kernel: CONTAINERS, step: 6, check: "records=2 who=D1", says: "With the device: D1's first." },
      ],
    },
    {
      id: "rfc1",
      kind: "alternative",
      title: "May 2021: /dev/ioasid, RFC v1",
      text: [
        "An IOASID is an address space with one table. It takes no command before a device is attached, many devices may share it, and a fault is known by address space and address alone.",
      ],
      about: RFC1,
      at: { scenario: "ioasid-q12", kernel: RFC1, step: 2, op: "SPACE_MAP", compare: NEW },
      answers: [NEW, CONTAINERS, RFC1, RFC2, CODE],
      facts: [{ kernel: RFC1, step: 2, check: "EINVAL", says: "No map before an attach." }],
    },
    {
      id: "who-faulted",
      kind: "objection",
      title: "The guest wants to know which device it was",
      text: ["The program reads a fault and has to guess: it picks any of the attached devices and tells its guest."],
      objection: { kernel: RFC1, who: "Jean-Philippe Brucker" },
      at: { scenario: "ioasid-q12", kernel: RFC1, step: 6, op: "SPACE_FAULTS", compare: NEW },
      answers: [NEW, CONTAINERS, RFC1, RFC2, CODE],
      facts: [
        {
          kernel: RFC1,
          step: 6,
          check: "records=1 who=unknown addr=0x9000",
          says: "Address space and address, no more.",
        },
        { kernel: NEW, step: 6, check: "records=1 who=D2", says: "iommufd names the device." },
      ],
    },
    {
      id: "permitted",
      kind: "objection",
      title: "Say what may be used, not what may not",
      text: [
        "RFC v1 reports reserved ranges, and only after an attach. A VMM that lays out guest memory first wants the ranges it may use, and wants them early.",
      ],
      objection: { kernel: RFC1, who: "David Gibson" },
      at: { scenario: "ioasid-map-before-attach", kernel: RFC1, step: 5, op: "SPACE_INFO", compare: NEW },
      answers: [RFC1, RFC2, CODE, NEW],
      facts: [
        { kernel: RFC1, step: 2, check: "EINVAL", says: "Before the attach: no answer." },
        {
          kernel: RFC1,
          step: 5,
          check: "regions=[0x8000000,0x80fffff][0x40000000,0x400fffff]",
          says: "After it: what is taken.",
        },
        { kernel: NEW, step: 2, check: "ok", says: "iommufd answers at any time." },
      ],
    },
    {
      id: "rfc2",
      kind: "alternative",
      title: "July 2021: /dev/iommu, RFC v2",
      text: [
        "The program gives each device a cookie, and faults carry it. Permitted ranges are told for each device. Memory may be mapped before a device comes, and is pinned when it does.",
      ],
      about: RFC2,
      at: { scenario: "ioasid-map-before-attach", kernel: RFC2, step: 3, op: "SPACE_MAP", compare: RFC1 },
      answers: [SETS, CONTAINERS, RFC1, RFC2, CODE, NEW],
      facts: [
        { kernel: RFC2, step: 3, check: "ok", says: "Mapped before any device." },
        { kernel: RFC2, step: 6, check: "EINVAL", says: "Once one is there, its regions count." },
      ],
    },
    {
      id: "code",
      kind: "alternative",
      title: "September 2021: the first code",
      text: [
        "Twenty patches for kernel tables only: snooping is enforced, an address width is asked for, the domain comes with the first device and goes with the last, and nothing is mapped in between without one.",
      ],
      about: CODE,
      at: { scenario: "ioasid-code-rules", kernel: CODE, step: 3, op: "IOASID_ALLOC" },
      answers: [CODE],
      facts: [
        { kernel: CODE, step: 3, check: "EINVAL", says: "The snooping flag is mandatory." },
        { kernel: CODE, step: 20, check: "EINVAL", says: "Without a device nothing can be mapped." },
      ],
    },
    {
      id: "type",
      kind: "objection",
      title: "A type that stands for a whole API",
      text: [
        "The call asks for a type, and only one of them exists: everything behind it follows VFIO's type1. The other type is refused.",
      ],
      objection: { kernel: CODE, who: "Jason Gunthorpe, 22 Sep" },
      at: { scenario: "ioasid-code-rules", kernel: CODE, step: 5, op: "IOASID_ALLOC" },
      answers: [CODE],
      facts: [{ kernel: CODE, step: 5, check: "EINVAL", says: "Tables of the user: not there yet." }],
    },
    {
      id: "incompatible",
      kind: "consequence",
      title: "One space is one table, and the second device does not fit",
      text: [
        "D2 stands behind another IOMMU. In all designs of 2021 the attach fails and the program has to make a second space and map everything twice. Only later came the idea that an address space may have several tables.",
      ],
      at: { scenario: "ioasid-incompatible", kernel: RFC2, step: 4, op: "SPACE_ATTACH D2", compare: SETS },
      answers: [SETS, CONTAINERS, RFC1, RFC2, CODE, NEW],
      facts: [
        { kernel: RFC2, step: 4, check: "EINVAL", says: "A table of one IOMMU does not suit the other." },
        { kernel: NEW, step: 8, check: "ok", says: "An IOAS of iommufd makes another table." },
      ],
    },
    {
      id: "merged",
      kind: "merged",
      title: "2022: iommufd, in 6.2",
      text: [
        "What was merged took the space from the table: an IOAS holds mappings and several page tables behind it. Mapping works before any attach, permitted ranges are told at any time, every device is a file of its own, and a fault names it.",
      ],
      about: "linux-6.2",
      at: { scenario: "ioasid-q12", kernel: NEW, step: 6, op: "SPACE_FAULTS", compare: RFC1 },
      answers: [NEW, CONTAINERS, RFC1, RFC2, CODE],
      facts: [
        { kernel: NEW, step: 2, check: "ok", says: "Map before attach." },
        { kernel: NEW, step: 4, check: "ok", says: "Two devices share." },
        { kernel: NEW, step: 6, check: "records=1 who=D2", says: "The fault names D2." },
      ],
    },
    {
      id: "decide",
      kind: "decide",
      title: "Decide yourself",
      text: [
        "The same seven steps on every design. Which would you have merged, and what would it have cost the first VMM written for it? The trace of each cell says which rule answered.",
      ],
      at: {
        scenario: "ioasid-q12",
        kernel: NEW,
        step: 6,
        op: "SPACE_FAULTS",
        compare: RFC1,
        columns: [NEW, CONTAINERS, RFC1, RFC2, CODE],
      },
      answers: [],
      facts: [],
    },
  ],
};
