/**
 * What was proposed on the lists and is in no kernel, and the calls that the lab adds so that a discussion can be played.
 * Variants answer them; every release says ENOTTY, or EOPNOTSUPP for an option.
 */
import { defineIoctl, id, iova, ptr, rsvd, size, u32, type IoctlDef } from "./layout.ts";

/** IOMMU_OPTION ids of the series of 2025 that lets the user place the MSI window. */
export const OPTION_ID_PROPOSED = Object.freeze({ SW_MSI_START: 2, SW_MSI_SIZE: 3 });

/**
 * The regions of a device, DIRECT_RELAXABLE ones left out, in the driver's order and unmerged. `num_iovas`: room in,
 * number of regions out; -EMSGSIZE when they do not fit. Struct as posted on 2023-07-24; there it had the number 0x8b,
 * which is HWPT_SET_DIRTY_TRACKING now, so the lab gives it one that no release uses.
 */
export const IOMMU_RESV_IOVA_RANGES = defineIoctl(
  {
    name: "IOMMU_RESV_IOVA_RANGES",
    struct: "struct iommu_resv_iova_ranges",
    cmd: 0x3be0,
    size: 24,
    since: "no release",
    on: "iommufd",
  },
  {
    size: size(),
    dev_id: id(4, "dev"),
    num_iovas: u32(8, { dir: "inout", label: "n" }),
    __reserved: rsvd(12),
    resv_iovas: ptr(16),
  },
);

/**
 * The lab's form of the import that was asked for on the list: every region of a device that is not DIRECT_RELAXABLE is
 * reserved in the IOAS until the IOAS ends, attached or not. -EADDRINUSE: something is mapped there.
 */
export const IOMMU_IOAS_IMPORT_RESV = defineIoctl(
  {
    name: "IOMMU_IOAS_IMPORT_RESV",
    struct: "struct iommu_ioas_import_resv",
    cmd: 0x3be1,
    size: 16,
    since: "no release",
    on: "iommufd",
  },
  { size: size(), ioas_id: id(4, "ioas"), dev_id: id(8, "dev"), __reserved: rsvd(12) },
);

/**
 * The lab's form of the call that mapping a virtual ITS needs: the page of the doorbell that the device's interrupts go to is
 * mapped at `iova` in every page table of the IOAS and reserved there until the IOAS ends. -EADDRINUSE: something is there.
 */
export const IOMMU_IOAS_MAP_MSI = defineIoctl(
  {
    name: "IOMMU_IOAS_MAP_MSI",
    struct: "struct iommu_ioas_map_msi",
    cmd: 0x3be2,
    size: 24,
    since: "no release",
    on: "iommufd",
  },
  { size: size(), ioas_id: id(4, "ioas"), dev_id: id(8, "dev"), __reserved: rsvd(12), iova: iova(16, "in", "iova") },
);

/** VFIO_DEVICE_SET_IRQS: one u64 address for each vector, given before they are enabled. Bits of the RFC of 2024. */
export const IRQ_SET_PROPOSED = Object.freeze({ DATA_MSI_IOVA: 64, ACTION_PREPARE: 128 });

export const PROPOSED_IOCTLS: readonly IoctlDef[] = Object.freeze([
  IOMMU_RESV_IOVA_RANGES,
  IOMMU_IOAS_IMPORT_RESV,
  IOMMU_IOAS_MAP_MSI,
]);
