/** Structs that are not ioctl arguments: arrays behind pointers, user data of drivers, records of event files. */
import { defineLayout, flags, iova, u16, u32, u64 } from "./layout.ts";

/** Both ends inclusive. */
export const IOVA_RANGE = defineLayout("struct iommu_iova_range", 16, {
  start: iova(0, "inout", "start"),
  last: iova(8, "inout", "last"),
});

export const PGFAULT_FLAGS = Object.freeze({ PASID_VALID: 1, LAST_PAGE: 2 });
export const PGFAULT_PERM = Object.freeze({ R: 1, W: 2, X: 4, PRIV: 8 });

/** Read from a fault queue fd. */
export const HWPT_PGFAULT = defineLayout("struct iommu_hwpt_pgfault", 40, {
  flags: flags(0, PGFAULT_FLAGS),
  dev_id: u32(4, { kind: "id", label: "dev" }),
  pasid: u32(8),
  grpid: u32(12),
  perm: flags(16, PGFAULT_PERM),
  __reserved: u32(20, { kind: "reserved" }),
  addr: iova(24, "out", "addr"),
  length: u32(32),
  cookie: u32(36),
});

/** Written to a fault queue fd. */
export const HWPT_PAGE_RESPONSE = defineLayout("struct iommu_hwpt_page_response", 8, {
  cookie: u32(0),
  code: u32(4, { kind: "enum", values: { SUCCESS: 0, INVALID: 1 } }),
});

/** Head of each record of a veventq fd. */
export const VEVENT_HEADER = defineLayout("struct iommufd_vevent_header", 8, {
  flags: flags(0, { LOST_EVENTS: 1 }),
  sequence: u32(4),
});
export const VEVENT_SELFTEST = defineLayout("struct iommu_viommu_event_selftest", 4, { virt_id: u32(0) });
export const VEVENT_ARM_SMMUV3 = defineLayout("struct iommu_vevent_arm_smmuv3", 32, {
  evt0: u64(0),
  evt1: u64(8),
  evt2: u64(16),
  evt3: u64(24),
});

/** GET_HW_INFO payloads. */
export const HW_INFO_SELFTEST = defineLayout("struct iommu_test_hw_info", 8, { flags: flags(0), test_reg: u32(4) });
export const HW_INFO_ARM_SMMUV3 = defineLayout("struct iommu_hw_info_arm_smmuv3", 40, {
  flags: flags(0),
  __reserved: u32(4, { kind: "reserved" }),
  idr0: u32(8),
  idr1: u32(12),
  idr2: u32(16),
  idr3: u32(20),
  idr4: u32(24),
  idr5: u32(28),
  iidr: u32(32),
  aidr: u32(36),
});
export const HW_INFO_VTD = defineLayout("struct iommu_hw_info_vtd", 24, {
  flags: flags(0, { ERRATA_772415_SPR17: 1 }),
  __reserved: u32(4, { kind: "reserved" }),
  cap_reg: u64(8),
  ecap_reg: u64(16),
});

/** HWPT_ALLOC user data. */
export const HWPT_SELFTEST = defineLayout("struct iommu_hwpt_selftest", 8, { iotlb: u32(0), pagetable_type: u32(4) });
export const HWPT_ARM_SMMUV3 = defineLayout("struct iommu_hwpt_arm_smmuv3", 16, { ste0: u64(0), ste1: u64(8) });
export const HWPT_VTD_S1 = defineLayout("struct iommu_hwpt_vtd_s1", 24, {
  flags: u64(0, { kind: "flags", values: { SRE: 1, EAFE: 2, WPE: 4 } }),
  pgtbl_addr: u64(8, { kind: "ptr" }),
  addr_width: u32(16),
  __reserved: u32(20, { kind: "reserved" }),
});

/** HWPT_INVALIDATE entries. */
export const INVALIDATE_SELFTEST = defineLayout("struct iommu_hwpt_invalidate_selftest", 8, {
  flags: flags(0, { ALL: 1 }),
  iotlb_id: u32(4),
});
export const VIOMMU_INVALIDATE_SELFTEST = defineLayout("struct iommu_viommu_invalidate_selftest", 12, {
  flags: flags(0, { ALL: 1 }),
  vdev_id: u32(4),
  cache_id: u32(8),
});
export const VIOMMU_ARM_SMMUV3_INVALIDATE = defineLayout("struct iommu_viommu_arm_smmuv3_invalidate", 16, {
  cmd0: u64(0),
  cmd1: u64(8),
});
export const HWPT_VTD_S1_INVALIDATE = defineLayout("struct iommu_hwpt_vtd_s1_invalidate", 24, {
  addr: iova(0, "in", "addr"),
  npages: u64(8),
  flags: flags(16, { LEAF: 1 }),
  __reserved: u32(20, { kind: "reserved" }),
});

/** VIOMMU_ALLOC user data of the mock driver; in/out. */
export const VIOMMU_SELFTEST = defineLayout("struct iommu_viommu_selftest", 24, {
  in_data: u32(0),
  out_data: u32(4, { dir: "out" }),
  out_mmap_offset: u64(8, { dir: "out" }),
  out_mmap_length: u64(16, { kind: "length", dir: "out" }),
});

/** Capability chain of VFIO_IOMMU_GET_INFO and friends; `next` counts from the start of the info struct. */
export const VFIO_INFO_CAP_HEADER = defineLayout("struct vfio_info_cap_header", 8, {
  id: u16(0),
  version: u16(2),
  next: u32(4),
});
export const VFIO_CAP_IOVA_RANGE_HEAD = defineLayout("struct vfio_iommu_type1_info_cap_iova_range", 16, {
  id: u16(0),
  version: u16(2),
  next: u32(4),
  nr_iovas: u32(8),
  reserved: u32(12, { kind: "reserved" }),
});
export const VFIO_CAP_DMA_AVAIL = defineLayout("struct vfio_iommu_type1_info_dma_avail", 12, {
  id: u16(0),
  version: u16(2),
  next: u32(4),
  avail: u32(8),
});
export const VFIO_CAP_MIGRATION = defineLayout("struct vfio_iommu_type1_info_cap_migration", 32, {
  id: u16(0),
  version: u16(2),
  next: u32(4),
  flags: u32(8),
  pgsize_bitmap: u64(16),
  max_dirty_bitmap_size: u64(24),
});

/** Argument of the self-test's SYZ flag: the n-th area by address, and a byte offset in it. */
export const SYZ_IOVA = defineLayout("u64", 8, { nth_area: u32(0), offset: u32(4) });
