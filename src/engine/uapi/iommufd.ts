/** Every ioctl struct of /dev/iommu. Source: linux 7.2 include/uapi/linux/iommufd.h. Numbers are `_IO(';', nr)`. */
import {
  defineIoctl,
  flags,
  id,
  iova,
  length,
  ptr,
  rsvd,
  s32,
  size,
  u16,
  u32,
  u64,
  u8,
  type IoctlDef,
} from "./layout.ts";
import { OPTION_ID_PROPOSED } from "./proposals.ts";

const base = 0x3b00;
const head = (name: string, nr: number, bytes: number, since: string, min = bytes) =>
  ({
    name: `IOMMU_${name}`,
    struct: `struct iommu_${name.toLowerCase()}`,
    cmd: base + nr,
    size: bytes,
    min,
    since,
    on: "iommufd",
  }) as const;

export const MAP_FLAGS = Object.freeze({ FIXED: 1, W: 2, R: 4 });
export const HWPT_ALLOC_FLAGS = Object.freeze({ NEST_PARENT: 1, DIRTY_TRACKING: 2, FAULT_ID_VALID: 4, PASID: 8 });
export const HWPT_DATA = Object.freeze({ NONE: 0, VTD_S1: 1, ARM_SMMUV3: 2, AMD_GUEST: 3, SELFTEST: 0xdead });
export const HW_INFO_TYPE = Object.freeze({
  NONE: 0,
  INTEL_VTD: 1,
  ARM_SMMUV3: 2,
  TEGRA241_CMDQV: 3,
  AMD: 4,
  SELFTEST: 0xfeedbeef,
});
export const HW_CAP = Object.freeze({ DIRTY_TRACKING: 1, PASID_EXEC: 2, PASID_PRIV: 4, PCI_ATS_NOT_SUPPORTED: 8 });
export const VIOMMU_TYPE = Object.freeze({ DEFAULT: 0, ARM_SMMUV3: 1, TEGRA241_CMDQV: 2, SELFTEST: 0xdeadbeef });
export const VEVENTQ_TYPE = Object.freeze({ DEFAULT: 0, ARM_SMMUV3: 1, TEGRA241_CMDQV: 2, SELFTEST: 0xbeefbeef });
export const HW_QUEUE_TYPE = Object.freeze({ DEFAULT: 0, TEGRA241_CMDQV: 1, SELFTEST: 0xdeadbeef });
export const INVALIDATE_TYPE = Object.freeze({ VTD_S1: 0, VIOMMU_ARM_SMMUV3: 1, SELFTEST: 0xdeadbeef });
export const OPTION_ID = Object.freeze({ RLIMIT_MODE: 0, HUGE_PAGES: 1 });
export const OPTION_OP = Object.freeze({ SET: 0, GET: 1 });
export const VFIO_IOAS_OP = Object.freeze({ GET: 0, SET: 1, CLEAR: 2 });

export const IOMMU_DESTROY = defineIoctl(head("DESTROY", 0x80, 8, "6.2"), { size: size(), id: id(4, "id") });

export const IOMMU_IOAS_ALLOC = defineIoctl(head("IOAS_ALLOC", 0x81, 12, "6.2"), {
  size: size(),
  flags: flags(4),
  out_ioas_id: id(8, "ioas", "out"),
});

export const IOMMU_IOAS_ALLOW_IOVAS = defineIoctl(head("IOAS_ALLOW_IOVAS", 0x82, 24, "6.2"), {
  size: size(),
  ioas_id: id(4, "ioas"),
  num_iovas: u32(8, { label: "n" }),
  __reserved: rsvd(12),
  allowed_iovas: ptr(16),
});

export const IOMMU_IOAS_COPY = defineIoctl(head("IOAS_COPY", 0x83, 40, "6.2"), {
  size: size(),
  flags: flags(4, MAP_FLAGS),
  dst_ioas_id: id(8, "dst"),
  src_ioas_id: id(12, "src"),
  length: length(16),
  dst_iova: iova(24, "inout", "dst_iova"),
  src_iova: iova(32, "in", "src_iova"),
});

export const IOMMU_IOAS_IOVA_RANGES = defineIoctl(head("IOAS_IOVA_RANGES", 0x84, 32, "6.2"), {
  size: size(),
  ioas_id: id(4, "ioas"),
  num_iovas: u32(8, { dir: "inout", label: "n" }),
  __reserved: rsvd(12),
  allowed_iovas: ptr(16),
  out_iova_alignment: u64(24, { dir: "out", label: "align" }),
});

export const IOMMU_IOAS_MAP = defineIoctl(head("IOAS_MAP", 0x85, 40, "6.2"), {
  size: size(),
  flags: flags(4, MAP_FLAGS),
  ioas_id: id(8, "ioas"),
  __reserved: rsvd(12),
  user_va: ptr(16, "va"),
  length: length(24),
  iova: iova(32, "inout"),
});

export const IOMMU_IOAS_UNMAP = defineIoctl(head("IOAS_UNMAP", 0x86, 24, "6.2"), {
  size: size(),
  ioas_id: id(4, "ioas"),
  iova: iova(8),
  length: length(16, "inout"),
});

export const IOMMU_OPTION = defineIoctl(head("OPTION", 0x87, 24, "6.2"), {
  size: size(),
  option_id: u32(4, { kind: "enum", label: "option", values: { ...OPTION_ID, ...OPTION_ID_PROPOSED } }),
  op: u16(8, { kind: "enum", values: OPTION_OP }),
  __reserved: u16(10, { kind: "reserved" }),
  object_id: id(12, "object"),
  val64: u64(16, { dir: "inout", label: "val" }),
});

export const IOMMU_VFIO_IOAS = defineIoctl(head("VFIO_IOAS", 0x88, 12, "6.2"), {
  size: size(),
  ioas_id: id(4, "ioas", "inout"),
  op: u16(8, { kind: "enum", values: VFIO_IOAS_OP }),
  __reserved: u16(10, { kind: "reserved" }),
});

export const IOMMU_HWPT_ALLOC = defineIoctl(head("HWPT_ALLOC", 0x89, 48, "6.6", 24), {
  size: size(),
  flags: flags(4, HWPT_ALLOC_FLAGS),
  dev_id: id(8, "dev"),
  pt_id: id(12, "pt"),
  out_hwpt_id: id(16, "hwpt", "out"),
  __reserved: rsvd(20),
  data_type: u32(24, { kind: "enum", label: "data", values: HWPT_DATA }),
  data_len: u32(28),
  data_uptr: ptr(32, "data_ptr"),
  fault_id: id(40, "fault"),
  __reserved2: u32(44, { kind: "pad" }),
});

export const IOMMU_GET_HW_INFO = defineIoctl(head("GET_HW_INFO", 0x8a, 40, "6.6", 32), {
  size: size(),
  flags: flags(4, { INPUT_TYPE: 1 }),
  dev_id: id(8, "dev"),
  data_len: u32(12, { dir: "inout" }),
  data_uptr: ptr(16, "data_ptr"),
  data_type: u32(24, { kind: "enum", dir: "inout", label: "type", values: HW_INFO_TYPE }),
  out_max_pasid_log2: u8(28, { dir: "out", label: "pasid_log2" }),
  __reserved0: u8(29, { kind: "reserved" }),
  __reserved1: u8(30, { kind: "reserved" }),
  __reserved2: u8(31, { kind: "reserved" }),
  out_capabilities: u64(32, { kind: "flags", dir: "out", label: "caps", values: HW_CAP }),
});

export const IOMMU_HWPT_SET_DIRTY_TRACKING = defineIoctl(head("HWPT_SET_DIRTY_TRACKING", 0x8b, 16, "6.7"), {
  size: size(),
  flags: flags(4, { ENABLE: 1 }),
  hwpt_id: id(8, "hwpt"),
  __reserved: u32(12, { kind: "pad" }),
});

export const IOMMU_HWPT_GET_DIRTY_BITMAP = defineIoctl(head("HWPT_GET_DIRTY_BITMAP", 0x8c, 48, "6.7"), {
  size: size(),
  hwpt_id: id(4, "hwpt"),
  flags: flags(8, { NO_CLEAR: 1 }),
  __reserved: rsvd(12),
  iova: iova(16),
  length: length(24),
  page_size: u64(32, { kind: "length", label: "page" }),
  data: ptr(40, "bitmap"),
});

export const IOMMU_HWPT_INVALIDATE = defineIoctl(head("HWPT_INVALIDATE", 0x8d, 32, "6.8"), {
  size: size(),
  hwpt_id: id(4, "hwpt"),
  data_uptr: ptr(8, "data_ptr"),
  data_type: u32(16, { kind: "enum", label: "type", values: INVALIDATE_TYPE }),
  entry_len: u32(20),
  entry_num: u32(24, { dir: "inout", label: "n" }),
  __reserved: rsvd(28),
});

export const IOMMU_FAULT_QUEUE_ALLOC = defineIoctl(head("FAULT_QUEUE_ALLOC", 0x8e, 16, "6.11"), {
  size: size(),
  flags: flags(4),
  out_fault_id: id(8, "fault", "out"),
  out_fault_fd: u32(12, { kind: "fd", dir: "out", label: "fd" }),
});

export const IOMMU_IOAS_MAP_FILE = defineIoctl(head("IOAS_MAP_FILE", 0x8f, 40, "6.13"), {
  size: size(),
  flags: flags(4, MAP_FLAGS),
  ioas_id: id(8, "ioas"),
  fd: s32(12, { kind: "fd" }),
  start: u64(16, { kind: "length", label: "start" }),
  length: length(24),
  iova: iova(32, "inout"),
});

export const IOMMU_VIOMMU_ALLOC = defineIoctl(head("VIOMMU_ALLOC", 0x90, 40, "6.13", 24), {
  size: size(),
  flags: flags(4),
  type: u32(8, { kind: "enum", values: VIOMMU_TYPE }),
  dev_id: id(12, "dev"),
  hwpt_id: id(16, "hwpt"),
  out_viommu_id: id(20, "viommu", "out"),
  data_len: u32(24),
  __reserved: u32(28, { kind: "pad" }),
  data_uptr: ptr(32, "data_ptr"),
});

export const IOMMU_VDEVICE_ALLOC = defineIoctl(head("VDEVICE_ALLOC", 0x91, 24, "6.13"), {
  size: size(),
  viommu_id: id(4, "viommu"),
  dev_id: id(8, "dev"),
  out_vdevice_id: id(12, "vdevice", "out"),
  virt_id: u64(16, { label: "virt_id" }),
});

export const IOMMU_IOAS_CHANGE_PROCESS = defineIoctl(head("IOAS_CHANGE_PROCESS", 0x92, 8, "6.13"), {
  size: size(),
  __reserved: rsvd(4),
});

export const IOMMU_VEVENTQ_ALLOC = defineIoctl(head("VEVENTQ_ALLOC", 0x93, 32, "6.15", 28), {
  size: size(),
  flags: flags(4),
  viommu_id: id(8, "viommu"),
  type: u32(12, { kind: "enum", values: VEVENTQ_TYPE }),
  veventq_depth: u32(16, { label: "depth" }),
  out_veventq_id: id(20, "veventq", "out"),
  out_veventq_fd: u32(24, { kind: "fd", dir: "out", label: "fd" }),
  __reserved: rsvd(28),
});

export const IOMMU_HW_QUEUE_ALLOC = defineIoctl(head("HW_QUEUE_ALLOC", 0x94, 40, "6.17"), {
  size: size(),
  flags: flags(4),
  viommu_id: id(8, "viommu"),
  type: u32(12, { kind: "enum", values: HW_QUEUE_TYPE }),
  index: u32(16),
  out_hw_queue_id: id(20, "hw_queue", "out"),
  nesting_parent_iova: iova(24),
  length: length(32),
});

/** All of the above, in the order of their numbers. */
export const IOMMUFD_IOCTLS: readonly IoctlDef[] = Object.freeze([
  IOMMU_DESTROY,
  IOMMU_IOAS_ALLOC,
  IOMMU_IOAS_ALLOW_IOVAS,
  IOMMU_IOAS_COPY,
  IOMMU_IOAS_IOVA_RANGES,
  IOMMU_IOAS_MAP,
  IOMMU_IOAS_UNMAP,
  IOMMU_OPTION,
  IOMMU_VFIO_IOAS,
  IOMMU_HWPT_ALLOC,
  IOMMU_GET_HW_INFO,
  IOMMU_HWPT_SET_DIRTY_TRACKING,
  IOMMU_HWPT_GET_DIRTY_BITMAP,
  IOMMU_HWPT_INVALIDATE,
  IOMMU_FAULT_QUEUE_ALLOC,
  IOMMU_IOAS_MAP_FILE,
  IOMMU_VIOMMU_ALLOC,
  IOMMU_VDEVICE_ALLOC,
  IOMMU_IOAS_CHANGE_PROCESS,
  IOMMU_VEVENTQ_ALLOC,
  IOMMU_HW_QUEUE_ALLOC,
]);
