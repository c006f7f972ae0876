/**
 * What a step can say: every operation with its actor and parameters. The ioctls come from the declared structs; only
 * where a struct points to data does the operation have a parameter of its own.
 */
import { IOMMUFD_IOCTLS } from "../../uapi/iommufd.ts";
import { PROPOSED_IOCTLS } from "../../uapi/proposals.ts";
import type { Field, IoctlDef } from "../../uapi/layout.ts";
import {
  VFIO_DEVICE_ATTACH_IOMMUFD_PT,
  VFIO_DEVICE_BIND_IOMMUFD,
  VFIO_DEVICE_DETACH_IOMMUFD_PT,
  VFIO_DEVICE_RESET,
} from "../../uapi/vfio.ts";
import type { Actor } from "../../views/types.ts";
import { param, subject } from "./param.ts";

export type ParamKind =
  /** A device of the header. */
  | "device"
  /** A device of the header, or a PCI address. */
  | "bdf"
  /** A label, or a number. */
  | "id"
  | "fd"
  /** Address in the process: `RAM`, `RAM+0x1000` or a number. */
  | "va"
  | "addr"
  | "size"
  | "count"
  /** One of `values`, or a number. */
  | "enum"
  /** One of `words`, written without its name. */
  | "word"
  | "flags"
  | "words"
  | "ranges";

export interface Param {
  readonly name: string;
  readonly kind: ParamKind;
  readonly required: boolean;
  /** Written as a bare word, in this order, before the others. */
  readonly bare: boolean;
  /** Names of enum values or flag bits. */
  readonly values?: Readonly<Record<string, number>>;
  readonly words?: readonly string[];
  /** The struct field that it fills, where there is one. */
  readonly field?: string;
  /** The number of calls that the step makes (`sim/steps/many.ts`). */
  readonly repeats?: boolean;
}

export interface OpDef {
  readonly actor: Actor;
  /** `IOMMU_HWPT_ALLOC`, `S1_MAP`, `MSI`. */
  readonly name: string;
  readonly params: readonly Param[];
  /** What a label on the step names: `hwpt`, `ioas`, `device id`. */
  readonly makes?: string;
  readonly def?: IoctlDef;
  /** One sentence for help and completion. */
  readonly doc: string;
}

function kindOf(field: Field): ParamKind {
  switch (field.kind) {
    case "id":
      return "id";
    case "fd":
      return "fd";
    case "ptr":
      return "va";
    case "iova":
      return "addr";
    case "length":
      return "size";
    case "flags":
      return "flags";
    case "enum":
      return "enum";
    default:
      return "count";
  }
}

const optional = new Set([
  "flags",
  "fault_id",
  "pasid",
  "data_type",
  "virt_id",
  "type",
  "op",
  "index",
  "iova",
  "veventq_depth",
  "val64",
  "object_id",
]);
/** Fields that an operation fills from a parameter of its own. */
const hidden: Readonly<Record<string, readonly string[]>> = Object.freeze({
  IOMMU_IOAS_ALLOW_IOVAS: ["num_iovas", "allowed_iovas"],
  IOMMU_IOAS_IOVA_RANGES: ["num_iovas", "allowed_iovas"],
  IOMMU_RESV_IOVA_RANGES: ["num_iovas", "resv_iovas"],
  IOMMU_HWPT_ALLOC: ["data_len", "data_uptr"],
  IOMMU_GET_HW_INFO: ["data_len", "data_uptr"],
  IOMMU_HWPT_GET_DIRTY_BITMAP: ["data"],
  IOMMU_HWPT_INVALIDATE: ["data_uptr", "entry_len", "entry_num"],
  IOMMU_VIOMMU_ALLOC: ["data_len", "data_uptr"],
  VFIO_DEVICE_BIND_IOMMUFD: ["token_uuid_ptr"],
});
/** `count=1000 stride=8K`: so many calls, each so much further. */
const many: readonly Param[] = [param("count", "count", { repeats: true }), param("stride", "size")];
const extra: Readonly<Record<string, readonly Param[]>> = Object.freeze({
  IOMMU_IOAS_MAP: many,
  IOMMU_IOAS_UNMAP: many,
  IOMMU_IOAS_ALLOW_IOVAS: [param("ranges", "ranges", { required: true })],
  IOMMU_IOAS_IOVA_RANGES: [param("room", "count")],
  IOMMU_RESV_IOVA_RANGES: [param("room", "count")],
  IOMMU_HWPT_ALLOC: [param("vste", "words")],
  IOMMU_HWPT_INVALIDATE: [param("commands", "words", { required: true })],
});

/** The order in which arguments are printed: who, on what, where, how much, then how. */
const ORDER: readonly ParamKind[] = [
  "device",
  "word",
  "id",
  "addr",
  "size",
  "va",
  "enum",
  "count",
  "words",
  "ranges",
  "fd",
  "flags",
];

function fromStruct(def: IoctlDef, doc: string): OpDef {
  const params: Param[] = [];
  if (def.on === "vfio-device") params.push(subject);
  let makes: string | undefined;
  for (const [name, field] of Object.entries(def.fields)) {
    if (field.dir === "out") {
      if (field.kind === "id") makes ??= field.label ?? name;
      continue;
    }
    if (field.kind === "size" || field.kind === "reserved" || field.kind === "pad") continue;
    if (hidden[def.name]?.includes(name) === true) continue;
    const kind = kindOf(field);
    params.push(
      param(field.label ?? name, kind, {
        required: !optional.has(name) && kind !== "fd",
        field: name,
        ...(field.values === undefined ? {} : { values: field.values }),
      }),
    );
  }
  params.push(...(extra[def.name] ?? []));
  params.sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
  if (def.on === "iommufd") params.push(param("iommufd", "fd"));
  return Object.freeze({ actor: "vmm", name: def.name, params, def, doc, ...(makes === undefined ? {} : { makes }) });
}

const docs: Readonly<Record<string, string>> = Object.freeze({
  IOMMU_IOAS_MAP:
    "Maps user memory; with iova= at that place, without it where the kernel chooses. RW unless said. count= calls, stride= apart.",
  IOMMU_HWPT_ALLOC: "Makes a page table: paging on an IOAS, nested on a vIOMMU (vste= the guest's two words).",
  IOMMU_IOAS_IOVA_RANGES: "What the IOAS still offers.",
  IOMMU_RESV_IOVA_RANGES: "Proposed in 2023: the regions of a device. room= entries of the array.",
  IOMMU_IOAS_IMPORT_RESV: "In no kernel: reserves a device's regions in the IOAS before anything is attached.",
  IOMMU_IOAS_MAP_MSI: "In no kernel: maps the doorbell page of a device's interrupts where the guest has its own.",
  IOMMU_HWPT_INVALIDATE: "Relays the guest's invalidation commands, two 64-bit words each.",
});

const vfioMsi = Object.freeze({ INTX: 0, MSI: 1, MSIX: 2 });
const s1Flags = Object.freeze({ R: 1, W: 2, DEVICE: 4 });

const CORE: readonly OpDef[] = Object.freeze<OpDef[]>([
  ...IOMMUFD_IOCTLS.map((def) => fromStruct(def, docs[def.name] ?? `${def.struct} of linux ${def.since}.`)),
  ...PROPOSED_IOCTLS.map((def) => fromStruct(def, docs[def.name] ?? "")),
  fromStruct(VFIO_DEVICE_BIND_IOMMUFD, "Gives the device to the iommufd; a label names its device id."),
  fromStruct(VFIO_DEVICE_ATTACH_IOMMUFD_PT, "Attaches to an IOAS or a page table; when attached: replaces."),
  fromStruct(VFIO_DEVICE_DETACH_IOMMUFD_PT, "Detaches; DMA is blocked afterwards."),
  {
    actor: "vmm",
    name: "VFIO_DEVICE_SET_IRQS",
    params: [
      subject,
      param("index", "enum", { values: vfioMsi }),
      param("start", "count"),
      param("count", "count"),
      param("off", "word", { bare: true, words: ["off"] }),
    ],
    doc: "Enables MSI or MSI-X vectors with an eventfd each (start=0 count=1 unless said); off disables all.",
  },
  fromStruct(VFIO_DEVICE_RESET, "Resets the device."),
  {
    actor: "vmm",
    name: "OPEN",
    params: [param("node", "word", { bare: true, words: ["/dev/iommu", "/dev/ioasid", "/dev/vfio/vfio"] })],
    makes: "fd",
    doc: "Opens the API's node once more: /dev/iommu, or that of the kernel's design.",
  },
  {
    actor: "vmm",
    name: "CLOSE",
    params: [param("what", "fd", { required: true, bare: true })],
    doc: "Closes an iommufd, or a device's fd.",
  },
  {
    actor: "guest",
    name: "S1_TABLE",
    params: [
      param("cd", "addr", { required: true }),
      param("tables", "addr"),
      param("asid", "count"),
      param("bits", "count"),
      param("stall", "word", { bare: true, words: ["stall"] }),
    ],
    makes: "guest table",
    doc: "Writes a context descriptor at guest address cd= and an empty stage 1 behind it.",
  },
  {
    actor: "guest",
    name: "S1_MAP",
    params: [
      param("table", "id", { required: true, bare: true }),
      param("iova", "addr", { required: true }),
      param("ipa", "addr", { required: true }),
      param("len", "size", { required: true }),
      param("page", "size"),
      param("flags", "flags", { values: s1Flags }),
    ],
    doc: "Maps in the guest's stage 1, with the largest blocks that fit (page= at most that size).",
  },
  {
    actor: "guest",
    name: "S1_UNMAP",
    params: [
      param("table", "id", { required: true, bare: true }),
      param("iova", "addr", { required: true }),
      param("len", "size", { required: true }),
    ],
    doc: "Clears entries of the guest's stage 1; invalidating is another step.",
  },
  {
    actor: "device",
    name: "DMA",
    params: [
      subject,
      param("dir", "word", { required: true, bare: true, words: ["read", "write"] }),
      param("iova", "addr", { required: true }),
      param("len", "size"),
      param("value", "addr"),
      param("pasid", "count"),
    ],
    doc: "The device reads or writes memory.",
  },
  {
    actor: "device",
    name: "MSI",
    params: [subject, param("vector", "count")],
    doc: "The device raises an interrupt: a write of its MSI data to its MSI address.",
  },
  {
    actor: "admin",
    name: "RESERVED_REGIONS",
    params: [subject],
    doc: "cat /sys/bus/pci/devices/.../iommu_group/reserved_regions.",
  },
]);

/** The core operations, and those whose code has arrived (`steps/late.ts`). */
const byName = new Map<string, OpDef>();
provideOps(CORE);

/** Makes operations known. */
export function provideOps(ops: readonly OpDef[]): void {
  for (const op of ops) byName.set(`${op.actor} ${op.name}`, op);
}

export function knownOps(): OpDef[] {
  return [...byName.values()];
}

/** The operation, or undefined; `ATTACH_IOMMUFD_PT` also finds `VFIO_DEVICE_ATTACH_IOMMUFD_PT`, as `IOAS_MAP` finds its own. */
export function findOp(actor: Actor, name: string): OpDef | undefined {
  if (actor !== "vmm") return byName.get(`${actor} ${name}`);
  for (const prefix of ["", "IOMMU_", "VFIO_DEVICE_", "VFIO_"]) {
    const op = byName.get(`vmm ${prefix}${name}`);
    if (op !== undefined) return op;
  }
  return undefined;
}
