/**
 * The VFIO structs used here. Source: linux 7.2 include/uapi/linux/vfio.h. Numbers are `_IO(';', 100 + n)`; several n are
 * shared by two kinds of file, so a command is named only together with the file it was given to.
 */
import {
  defineIoctl,
  flags,
  iova,
  length,
  ptr,
  s32,
  u32,
  u64,
  type Fields,
  type FileKind,
  type IoctlDef,
} from "./layout.ts";

const base = 0x3b64;

function vfio<const F extends Fields>(
  on: FileKind,
  name: string,
  n: number,
  struct: string,
  bytes: number,
  since: string,
  fields: F,
  min = bytes,
): IoctlDef<F> {
  return defineIoctl({ name: `VFIO_${name}`, struct, cmd: base + n, size: bytes, min, since, on }, fields);
}

const argsz = (): ReturnType<typeof u32> => u32(0, { kind: "size" });

export const DMA_FLAGS = Object.freeze({ R: 1, W: 2, VADDR: 4 });
export const IRQ_SET_FLAGS = Object.freeze({
  DATA_NONE: 1,
  DATA_BOOL: 2,
  DATA_EVENTFD: 4,
  ACTION_MASK: 8,
  ACTION_UNMASK: 16,
  ACTION_TRIGGER: 32,
});

/** Container commands; the iommufd fd answers them too (vfio_compat.c). `size` 0: the argument is a plain number. */
export const VFIO_GET_API_VERSION = vfio("vfio-container", "GET_API_VERSION", 0, "none", 0, "3.6", {});
export const VFIO_CHECK_EXTENSION = vfio("vfio-container", "CHECK_EXTENSION", 1, "int argument", 0, "3.6", {});
export const VFIO_SET_IOMMU = vfio("vfio-container", "SET_IOMMU", 2, "int argument", 0, "3.6", {});

export const VFIO_IOMMU_GET_INFO = vfio(
  "vfio-container",
  "IOMMU_GET_INFO",
  12,
  "struct vfio_iommu_type1_info",
  24,
  "3.6",
  {
    argsz: argsz(),
    flags: u32(4, { kind: "flags", dir: "out", values: { PGSIZES: 1, CAPS: 2 } }),
    iova_pgsizes: u64(8, { dir: "out", label: "pgsizes" }),
    cap_offset: u32(16, { dir: "out" }),
    pad: u32(20, { kind: "pad" }),
  },
  16,
);

export const VFIO_IOMMU_MAP_DMA = vfio(
  "vfio-container",
  "IOMMU_MAP_DMA",
  13,
  "struct vfio_iommu_type1_dma_map",
  32,
  "3.6",
  { argsz: argsz(), flags: flags(4, DMA_FLAGS), vaddr: ptr(8, "va"), iova: iova(16), size: length(24) },
);

export const VFIO_IOMMU_UNMAP_DMA = vfio(
  "vfio-container",
  "IOMMU_UNMAP_DMA",
  14,
  "struct vfio_iommu_type1_dma_unmap",
  24,
  "3.6",
  {
    argsz: argsz(),
    flags: flags(4, { GET_DIRTY_BITMAP: 1, ALL: 2, VADDR: 4 }),
    iova: iova(8),
    size: length(16, "inout"),
  },
);

export const VFIO_IOMMU_DIRTY_PAGES = vfio(
  "vfio-container",
  "IOMMU_DIRTY_PAGES",
  17,
  "struct vfio_iommu_type1_dirty_bitmap",
  8,
  "5.8",
  { argsz: argsz(), flags: flags(4, { START: 1, STOP: 2, GET_BITMAP: 4 }) },
);

export const VFIO_GROUP_GET_STATUS = vfio("vfio-group", "GROUP_GET_STATUS", 3, "struct vfio_group_status", 8, "3.6", {
  argsz: argsz(),
  flags: u32(4, { kind: "flags", dir: "out", values: { VIABLE: 1, CONTAINER_SET: 2 } }),
});
export const VFIO_GROUP_SET_CONTAINER = vfio("vfio-group", "GROUP_SET_CONTAINER", 4, "int", 4, "3.6", {
  fd: s32(0, { kind: "fd" }),
});
export const VFIO_GROUP_UNSET_CONTAINER = vfio("vfio-group", "GROUP_UNSET_CONTAINER", 5, "none", 0, "3.6", {});
export const VFIO_GROUP_GET_DEVICE_FD = vfio("vfio-group", "GROUP_GET_DEVICE_FD", 6, "char *", 0, "3.6", {});

export const VFIO_DEVICE_GET_INFO = vfio(
  "vfio-device",
  "DEVICE_GET_INFO",
  7,
  "struct vfio_device_info",
  24,
  "3.6",
  {
    argsz: argsz(),
    flags: u32(4, { kind: "flags", dir: "out", values: { RESET: 1, PCI: 2, PLATFORM: 4, AMBA: 8, CAPS: 128 } }),
    num_regions: u32(8, { dir: "out", label: "regions" }),
    num_irqs: u32(12, { dir: "out", label: "irqs" }),
    cap_offset: u32(16, { dir: "out" }),
    pad: u32(20, { kind: "pad" }),
  },
  16,
);
export const VFIO_DEVICE_GET_REGION_INFO = vfio(
  "vfio-device",
  "DEVICE_GET_REGION_INFO",
  8,
  "struct vfio_region_info",
  32,
  "3.6",
  {
    argsz: argsz(),
    flags: u32(4, { kind: "flags", dir: "out", values: { READ: 1, WRITE: 2, MMAP: 4, CAPS: 8 } }),
    index: u32(8),
    cap_offset: u32(12, { dir: "out" }),
    size: u64(16, { kind: "length", dir: "out" }),
    offset: u64(24, { kind: "length", dir: "out" }),
  },
);
export const VFIO_DEVICE_GET_IRQ_INFO = vfio(
  "vfio-device",
  "DEVICE_GET_IRQ_INFO",
  9,
  "struct vfio_irq_info",
  16,
  "3.6",
  {
    argsz: argsz(),
    flags: u32(4, { kind: "flags", dir: "out", values: { EVENTFD: 1, MASKABLE: 2, AUTOMASKED: 4, NORESIZE: 8 } }),
    index: u32(8),
    count: u32(12, { dir: "out" }),
  },
);
/** `data[]` follows the 20 bytes: nothing, one byte or one s32 (eventfd, -1 = none) a vector. */
export const VFIO_DEVICE_SET_IRQS = vfio("vfio-device", "DEVICE_SET_IRQS", 10, "struct vfio_irq_set", 20, "3.6", {
  argsz: argsz(),
  flags: flags(4, IRQ_SET_FLAGS),
  index: u32(8),
  start: u32(12),
  count: u32(16),
});
export const VFIO_DEVICE_RESET = vfio("vfio-device", "DEVICE_RESET", 11, "none", 0, "3.6", {});
export const VFIO_DEVICE_GET_PCI_HOT_RESET_INFO = vfio(
  "vfio-device",
  "DEVICE_GET_PCI_HOT_RESET_INFO",
  12,
  "struct vfio_pci_hot_reset_info",
  12,
  "3.10",
  { argsz: argsz(), flags: u32(4, { kind: "flags", dir: "out" }), count: u32(8, { dir: "out" }) },
);
export const VFIO_DEVICE_PCI_HOT_RESET = vfio(
  "vfio-device",
  "DEVICE_PCI_HOT_RESET",
  13,
  "struct vfio_pci_hot_reset",
  12,
  "3.10",
  { argsz: argsz(), flags: flags(4), count: u32(8) },
);
export const VFIO_DEVICE_FEATURE = vfio("vfio-device", "DEVICE_FEATURE", 17, "struct vfio_device_feature", 8, "5.7", {
  argsz: argsz(),
  flags: flags(4, { GET: 0x10000, SET: 0x20000, PROBE: 0x40000 }),
});
export const VFIO_DEVICE_BIND_IOMMUFD = vfio(
  "vfio-device",
  "DEVICE_BIND_IOMMUFD",
  18,
  "struct vfio_device_bind_iommufd",
  24,
  "6.6",
  {
    argsz: argsz(),
    flags: flags(4, { TOKEN: 1 }),
    iommufd: s32(8, { kind: "fd" }),
    out_devid: u32(12, { kind: "id", dir: "out", label: "dev" }),
    token_uuid_ptr: ptr(16, "token"),
  },
  16,
);
export const VFIO_DEVICE_ATTACH_IOMMUFD_PT = vfio(
  "vfio-device",
  "DEVICE_ATTACH_IOMMUFD_PT",
  19,
  "struct vfio_device_attach_iommufd_pt",
  16,
  "6.6",
  {
    argsz: argsz(),
    flags: flags(4, { PASID: 1 }),
    pt_id: u32(8, { kind: "id", dir: "inout", label: "pt" }),
    pasid: u32(12),
  },
  12,
);
export const VFIO_DEVICE_DETACH_IOMMUFD_PT = vfio(
  "vfio-device",
  "DEVICE_DETACH_IOMMUFD_PT",
  20,
  "struct vfio_device_detach_iommufd_pt",
  12,
  "6.6",
  { argsz: argsz(), flags: flags(4, { PASID: 1 }), pasid: u32(8) },
  8,
);

export const VFIO_IOCTLS: readonly IoctlDef[] = Object.freeze([
  VFIO_GET_API_VERSION,
  VFIO_CHECK_EXTENSION,
  VFIO_SET_IOMMU,
  VFIO_IOMMU_GET_INFO,
  VFIO_IOMMU_MAP_DMA,
  VFIO_IOMMU_UNMAP_DMA,
  VFIO_IOMMU_DIRTY_PAGES,
  VFIO_GROUP_GET_STATUS,
  VFIO_GROUP_SET_CONTAINER,
  VFIO_GROUP_UNSET_CONTAINER,
  VFIO_GROUP_GET_DEVICE_FD,
  VFIO_DEVICE_GET_INFO,
  VFIO_DEVICE_GET_REGION_INFO,
  VFIO_DEVICE_GET_IRQ_INFO,
  VFIO_DEVICE_SET_IRQS,
  VFIO_DEVICE_RESET,
  VFIO_DEVICE_GET_PCI_HOT_RESET_INFO,
  VFIO_DEVICE_PCI_HOT_RESET,
  VFIO_DEVICE_FEATURE,
  VFIO_DEVICE_BIND_IOMMUFD,
  VFIO_DEVICE_ATTACH_IOMMUFD_PT,
  VFIO_DEVICE_DETACH_IOMMUFD_PT,
]);
