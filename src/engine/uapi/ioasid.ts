/**
 * The structs of the 2021 designs for /dev/ioasid and /dev/iommu. Posted ones (the sets of February, the code of
 * September) are as posted; the mails between them name calls and what they carry, and one layout for each stands here.
 * Numbers differ between the designs: src/engine/designs/ioasid has them.
 */
import {
  defineIoctl,
  defineLayout,
  type Fields,
  type FileKind,
  flags,
  iova,
  type IoctlDef,
  length,
  ptr,
  s32,
  u32,
  u64,
} from "./layout.ts";

function call<const F extends Fields>(
  name: string,
  size: number,
  fields: F,
  on: FileKind = "iommufd",
  min = size,
): IoctlDef<F> {
  return defineIoctl({ name, struct: `struct ${name.toLowerCase()}`, cmd: 0, size, min, since: "2021", on }, fields);
}

const argsz = (): ReturnType<typeof u32> => u32(0, { kind: "size" });
const none = (): ReturnType<typeof flags> => flags(4);
const ioasid = (offset: number): ReturnType<typeof s32> => s32(offset, { kind: "id", label: "ioasid" });
const pad = (offset: number): ReturnType<typeof u32> => u32(offset, { kind: "pad" });
const PASID = Object.freeze({ PASID: 1 });

export const IOASID_GET_API_VERSION = call("IOASID_GET_API_VERSION", 0, {});
/** The sets answer with the width in bits where the others take the address space. */
export const IOASID_GET_INFO = call(
  "IOASID_GET_INFO",
  24,
  { argsz: argsz(), flags: none(), ioasid: s32(8, { dir: "inout" }), num_iovas: u32(12), iovas: ptr(16, "iovas") },
  "iommufd",
  12,
);
export const IOASID_REQUEST_ALLOC = call("IOASID_REQUEST_ALLOC", 16, {
  argsz: argsz(),
  flags: none(),
  min: u32(8),
  max: u32(12),
});
export const IOASID_REQUEST_FREE = call("IOASID_REQUEST_FREE", 4, { ioasid: ioasid(0) });
/** Guest PASID `gpasid` runs on host PASID `ioasid`. */
export const IOASID_BIND_GPASID = call(
  "IOASID_BIND_GPASID",
  16,
  {
    argsz: argsz(),
    flags: none(),
    ioasid: ioasid(8),
    gpasid: u32(12),
  },
  "vfio-device",
);
export const IOASID_UNBIND_GPASID = call(
  "IOASID_UNBIND_GPASID",
  16,
  {
    argsz: argsz(),
    flags: none(),
    ioasid: ioasid(8),
    pad: pad(12),
  },
  "vfio-device",
);
export const IOASID_CHECK_EXTENSION = call("IOASID_CHECK_EXTENSION", 0, {});
export const IOASID_REGISTER_MEMORY = call("IOASID_REGISTER_MEMORY", 24, {
  argsz: argsz(),
  flags: none(),
  vaddr: ptr(8, "va"),
  size: length(16),
});
export const IOASID_UNREGISTER_MEMORY = call("IOASID_UNREGISTER_MEMORY", 24, IOASID_REGISTER_MEMORY.fields);
export const IOASID_ALLOC = call(
  "IOASID_ALLOC",
  32,
  {
    argsz: argsz(),
    flags: flags(4, { ENFORCE_SNOOP: 1 }),
    type: u32(8, { kind: "enum", values: { KERNEL_TYPE1V2: 1, USER: 2, DUMMY: 3 } }),
    addr_width: u32(12),
    parent: s32(16, { kind: "id", label: "parent" }),
    bits: u32(20),
    table: iova(24, "in", "table"),
  },
  "iommufd",
  16,
);
export const IOASID_FREE = call("IOASID_FREE", 4, { ioasid: ioasid(0) });
export const IOASID_MAP_DMA = call("IOASID_MAP_DMA", 48, {
  argsz: argsz(),
  reserved: u32(4, { kind: "reserved" }),
  ioasid: ioasid(8),
  pad: pad(12),
  data_argsz: u32(16, { kind: "pad" }),
  flags: flags(20, { R: 1, W: 2 }),
  vaddr: ptr(24, "va"),
  iova: iova(32),
  size: length(40),
});
export const IOASID_UNMAP_DMA = call("IOASID_UNMAP_DMA", 40, {
  argsz: argsz(),
  flags: none(),
  ioasid: ioasid(8),
  pad: pad(12),
  data_argsz: u32(16, { kind: "pad" }),
  data_flags: u32(20, { kind: "reserved" }),
  iova: iova(24),
  size: length(32, "inout"),
});
export const IOASID_CREATE_NESTING = call("IOASID_CREATE_NESTING", 16, {
  argsz: argsz(),
  flags: none(),
  parent: s32(8, { kind: "id", label: "parent" }),
  pad: pad(12),
});
const bind = { argsz: argsz(), flags: none(), ioasid: ioasid(8), bits: u32(12), table: iova(16, "in", "table") };
const unbind = { argsz: argsz(), flags: none(), ioasid: ioasid(8), pad: pad(12) };
export const IOASID_BIND_PGTABLE = call("IOASID_BIND_PGTABLE", 24, bind);
export const IOASID_UNBIND_PGTABLE = call("IOASID_UNBIND_PGTABLE", 16, unbind);
export const IOASID_BIND_PASID_TABLE = call("IOASID_BIND_PASID_TABLE", 24, bind);
export const IOASID_UNBIND_PASID_TABLE = call("IOASID_UNBIND_PASID_TABLE", 16, unbind);
export const IOASID_INVALIDATE_CACHE = call("IOASID_INVALIDATE_CACHE", 24, {
  argsz: argsz(),
  flags: none(),
  ioasid: ioasid(8),
  entry_num: u32(12, { dir: "inout" }),
  entries: ptr(16, "entries"),
});
export const IOASID_DEVICE_GET_INFO = call("IOASID_DEVICE_GET_INFO", 32, {
  argsz: argsz(),
  flags: u32(4, { dir: "out", kind: "flags", values: { ENFORCE_SNOOP: 1 } }),
  cookie: u64(8),
  addr_width: u32(16, { dir: "out" }),
  num_iovas: u32(20),
  iovas: ptr(24, "iovas"),
});
/** The containers of April: every open of the node is one. NESTING: to be the level below guest tables. */
export const IOASID_ATTACH = call("IOASID_ATTACH", 16, {
  argsz: argsz(),
  flags: flags(4, { NESTING: 1 }),
  device: s32(8, { kind: "fd" }),
  pad: pad(12),
});
export const IOASID_DETACH = call("IOASID_DETACH", 16, IOASID_ATTACH.fields);
/** A child for the tables of one device, or (PASID) for a table of one address space. Gives its descriptor. */
export const IOASID_DERIVE = call("IOASID_DERIVE", 16, {
  argsz: argsz(),
  flags: flags(4, PASID),
  device: s32(8, { kind: "fd" }),
  pasid: u32(12),
});
export const IOASID_SET_PASID_TABLE = call("IOASID_SET_PASID_TABLE", 24, {
  argsz: argsz(),
  flags: none(),
  bits: u32(8),
  pad: pad(12),
  table: iova(16, "in", "table"),
});

export const VFIO_BIND_IOASID_FD = call(
  "VFIO_BIND_IOASID_FD",
  24,
  { argsz: argsz(), flags: none(), fd: s32(8, { kind: "fd" }), pad: pad(12), cookie: u64(16) },
  "vfio-device",
  12,
);
export const VFIO_UNBIND_IOASID_FD = call(
  "VFIO_UNBIND_IOASID_FD",
  16,
  { argsz: argsz(), flags: none(), fd: s32(8, { kind: "fd" }), pad: pad(12) },
  "vfio-device",
  12,
);
export const VFIO_ATTACH_IOASID = call(
  "VFIO_ATTACH_IOASID",
  24,
  {
    argsz: argsz(),
    flags: flags(4, PASID),
    fd: s32(8, { kind: "fd" }),
    ioasid: ioasid(12),
    pasid: u32(16),
    pad: pad(20),
  },
  "vfio-device",
  16,
);
export const VFIO_DETACH_IOASID = call("VFIO_DETACH_IOASID", 24, VFIO_ATTACH_IOASID.fields, "vfio-device", 16);
/** Who owns which level of the device's tables, and whether VFIO takes every fault first. */
export const VFIO_DEVICE_ALLOW_PASID = call(
  "VFIO_DEVICE_ALLOW_PASID",
  16,
  {
    argsz: argsz(),
    flags: none(),
    config: u32(8),
    handler: u32(12, { kind: "enum", values: { TABLE: 0, DEVICE: 1 } }),
  },
  "vfio-device",
);
export const VFIO_DEVICE_ALLOW_IOASID = call(
  "VFIO_DEVICE_ALLOW_IOASID",
  16,
  { argsz: argsz(), flags: none(), pasid: u32(8), pad: pad(12) },
  "vfio-device",
);
/** Map and unmap where VFIO owns level 2. */
export const VFIO_DEVICE_MAP_DMA = call("VFIO_DEVICE_MAP_DMA", 48, IOASID_MAP_DMA.fields, "vfio-device");
export const VFIO_DEVICE_UNMAP_DMA = call("VFIO_DEVICE_UNMAP_DMA", 40, IOASID_UNMAP_DMA.fields, "vfio-device");
/** The oldest fault that VFIO holds for the device: `-EAGAIN` without one. */
export const VFIO_DEVICE_GET_FAULT = call(
  "VFIO_DEVICE_GET_FAULT",
  40,
  {
    argsz: argsz(),
    flags: u32(4, { dir: "out", kind: "flags" }),
    ioasid: s32(8, { dir: "out" }),
    dev: s32(12, { dir: "out" }),
    pasid: u32(16, { dir: "out" }),
    grpid: u32(20, { dir: "out" }),
    perm: u32(24, { dir: "out" }),
    level: u32(28, { dir: "out" }),
    addr: iova(32, "out", "addr"),
  },
  "vfio-device",
);

/** What comes out of a container's queue: who, which PASID, which group. `dev`: the device's requester id. */
export const CONTAINER_FAULT = defineLayout("container fault", 40, {
  flags: flags(0, { PASID_VALID: 1, LAST_PAGE: 2, RECOVERABLE: 4 }),
  dev: s32(4),
  pasid: u32(8),
  grpid: u32(12),
  perm: u32(16),
  level: u32(20),
  addr: iova(24, "out", "addr"),
  pad: u64(32),
});
/** Table and device: the record of the mail on ownership. VIA_VFIO: VFIO took it first and passed it on. */
export const OWNER_FAULT = defineLayout("owner fault", 40, {
  flags: flags(0, { PASID_VALID: 1, LAST_PAGE: 2, RECOVERABLE: 4, VIA_VFIO: 8 }),
  ioasid: s32(4),
  dev: s32(8),
  pasid: u32(12),
  grpid: u32(16),
  perm: u32(20),
  level: u32(24),
  pad: u32(28, { kind: "pad" }),
  addr: iova(32, "out", "addr"),
});
/** The ring of RFC v1: address space and address, nothing else. */
export const RFC1_FAULT = defineLayout("rfc v1 fault", 16, {
  ioasid: s32(0),
  pad: u32(4, { kind: "pad" }),
  addr: iova(8, "out", "addr"),
});
export const RFC2_FAULT = defineLayout("rfc v2 fault", 24, {
  ioasid: s32(0),
  perm: u32(4),
  cookie: u64(8),
  addr: iova(16, "out", "addr"),
});
/** Written as an answer. What a design does not identify a fault by must be 0. */
export const IOASID_RESPONSE = defineLayout("fault response", 32, {
  ioasid: s32(0),
  dev: s32(4),
  pasid: u32(8),
  grpid: u32(12),
  cookie: u64(16),
  code: u32(24, { kind: "enum", values: { SUCCESS: 0, INVALID: 1 } }),
  pad: u32(28, { kind: "pad" }),
});
