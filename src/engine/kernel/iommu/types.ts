/**
 * The data that the IOMMU core shares between drivers (below) and iommufd, VFIO and the irq code (above).
 * Source: linux 7.2 include/linux/iommu.h, drivers/iommu/iommu.c.
 *
 * Conventions of the whole kernel model: every function takes the `Kernel` first; a function that can fail
 * returns a negative errno; one that makes an object returns `T | number`, the number being the negative errno.
 */
import type { Kernel } from "../kernel.ts";

/** `IOMMU_RESV_*`, in the kernel's order of values. */
export type ResvType =
  | "direct"
  | "direct-relaxable"
  | "reserved"
  | "msi"
  | "sw-msi"
  /** Proposed in 2018: kept free by the careful (the DMA API), not shown to users and no limit for them. */
  | "cautious"
  /** Proposed in 2020: a host bridge's window, shown to users under a word of its own and no limit for them. */
  | "pci-window";

/** One reserved region of a device: `length` in bytes. */
export interface ResvRegion {
  start: bigint;
  length: bigint;
  type: ResvType;
  /** IOMMU_READ 1, WRITE 2, CACHE 4, NOEXEC 8, MMIO 16, PRIV 32. */
  prot: number;
}

export const IOMMU_READ = 1;
export const IOMMU_WRITE = 2;
export const IOMMU_CACHE = 4;
export const IOMMU_NOEXEC = 8;
export const IOMMU_MMIO = 16;
export const IOMMU_PRIV = 32;

export type IommuCap =
  | "CACHE_COHERENCY"
  | "ENFORCE_CACHE_COHERENCY"
  | "DIRTY_TRACKING"
  | "PCI_ATS_SUPPORTED"
  | "NOEXEC";

/** struct device with its dev_iommu part. Drivers hang their own state on `iommu_priv`. */
export interface Device {
  /** `0000:00:03.0`, `iommufd_mock0`. Unique in a kernel. */
  name: string;
  iommu_group: IommuGroup | null;
  iommu_ops: IommuOps | null;
  /** Identity of the physical IOMMU instance: two devices are behind the same one when this is the same object. */
  iommu_dev: object | null;
  /** The driver's per-device state (arm_smmu_master, mock_dev). */
  iommu_priv: object | null;
  /** Number of PASIDs, 0 when the device has none. */
  max_pasids: number;
  /** A region of type `direct` exists: domains of type blocked are refused. */
  require_direct: boolean;
  /** The interrupt domain isolates MSIs of this device (ITS, interrupt remapping). Mock devices are not asked. */
  msi_isolated: boolean;
  is_mock: boolean;
  /** Attachments that asked for page faults; 0 = the device reports none. */
  iopf_users: number;
  /** Page requests of groups whose last request has not come yet, in the order of arrival. */
  iopf_partial: IopfFault[];
}

/** What an attachment to (group, pasid) carries upward: linux `struct iommu_attach_handle`. */
export interface IommuAttachHandle {
  domain: IommuDomain;
  /** iommufd's own part (idev, list of outstanding faults); opaque to the core. */
  owner: object;
}

export interface IommuGroup {
  id: number;
  devices: Device[];
  /** Domain on the RID of every member now; `null` before the first default domain. */
  domain: IommuDomain | null;
  default_domain: IommuDomain | null;
  blocking_domain: IommuDomain | null;
  /** PASID -> attachment; the RID's handle has its own field. */
  pasids: Map<number, IommuAttachHandle>;
  rid_handle: IommuAttachHandle | null;
  /** DMA ownership: who claimed it (the iommufd context) and how often. */
  owner: object | null;
  owner_cnt: number;
  /** Why each member is here, in words, device name -> reason. For the picture. */
  reasons: Map<string, string>;
}

export type DomainType = "blocked" | "identity" | "unmanaged" | "dma" | "nested";

/** Which subsystem hangs MSI state on the domain: linux `enum iommu_domain_cookie_type`. */
export type CookieType = "none" | "dma-iova" | "dma-msi" | "iommufd";

export interface IommuDomain {
  type: DomainType;
  /** Functions of this domain; one frozen object per driver and kind. */
  ops: IommuDomainOps;
  /** Driver that made it; attach to a device of another driver is EINVAL. `null` for static domains shared by all. */
  owner: IommuOps | null;
  /** Bit n set: pages of 2^n bytes. */
  pgsize_bitmap: bigint;
  /** Legal IOVAs, both ends inclusive. */
  aperture_start: bigint;
  aperture_end: bigint;
  /** Drivers that need the device first: the aperture that the first attach will give (inclusive); [0, 0] until then. */
  finalised_aperture?: { start: bigint; end: bigint };
  dirty_ops: IommuDirtyOps | null;
  cookie_type: CookieType;
  /** The iommufd hwpt above this domain, when cookie_type is `iommufd`; opaque to the core. */
  cookie: object | null;
  /** Called with a complete fault group; `null` = faults on this domain are answered INVALID. */
  iopf_handler: ((k: Kernel, group: IopfGroup) => number) | null;
  /** The driver's own state. */
  priv: object;
}

/** A complete group of page requests as the core hands it up. */
export interface IopfGroup {
  dev: Device;
  handle: IommuAttachHandle;
  faults: IopfFault[];
}

export interface IopfFault {
  /** PASID_VALID 1, LAST_PAGE 2. */
  flags: number;
  pasid: number;
  grpid: number;
  /** READ 1, WRITE 2, EXEC 4, PRIV 8. */
  perm: number;
  addr: bigint;
}

export interface IommuDirtyOps {
  set_dirty_tracking(k: Kernel, domain: IommuDomain, enable: boolean): number;
  /**
   * Walks [iova, iova + size) and calls `set(iova, length)` for each dirty stretch found, in ascending order.
   * `size` in bytes. `no_clear` leaves the bits in the table.
   */
  read_and_clear_dirty(
    k: Kernel,
    domain: IommuDomain,
    iova: bigint,
    size: bigint,
    no_clear: boolean,
    set: ((iova: bigint, length: bigint) => void) | null,
  ): number;
}

export interface IommuDomainOps {
  attach_dev(k: Kernel, domain: IommuDomain, dev: Device, old: IommuDomain | null): number;
  set_dev_pasid?(k: Kernel, domain: IommuDomain, dev: Device, pasid: number, old: IommuDomain | null): number;
  /**
   * io-pgtable drivers: maps `pgcount` pages of `pgsize` bytes (the core chose the size). Returns 0 or errno;
   * on error nothing of this call stays mapped.
   */
  map_pages?(
    k: Kernel,
    domain: IommuDomain,
    iova: bigint,
    paddr: bigint,
    pgsize: bigint,
    pgcount: bigint,
    prot: number,
  ): number;
  /** Unmaps; returns bytes unmapped. `gather` collects what iotlb_sync invalidates. */
  unmap_pages?(
    k: Kernel,
    domain: IommuDomain,
    iova: bigint,
    pgsize: bigint,
    pgcount: bigint,
    gather: IotlbGather,
  ): bigint;
  /** generic_pt drivers: the format chooses leaf sizes itself over the whole run. */
  map_range?(k: Kernel, domain: IommuDomain, iova: bigint, paddr: bigint, length: bigint, prot: number): number;
  unmap_range?(k: Kernel, domain: IommuDomain, iova: bigint, length: bigint, gather: IotlbGather): bigint;
  iotlb_sync?(k: Kernel, domain: IommuDomain, gather: IotlbGather): void;
  /** Physical address, or `null` where nothing is mapped. */
  iova_to_phys?(k: Kernel, domain: IommuDomain, iova: bigint): bigint | null;
  enforce_cache_coherency?(k: Kernel, domain: IommuDomain): boolean;
  /** Up to 6.14: the domain whose table MSI doorbells go into (6.13 on: a nested domain's parent). */
  get_msi_mapping_domain?(domain: IommuDomain): IommuDomain;
  /** Nested domains of drivers that invalidate without a viommu (VT-d, mock). */
  cache_invalidate_user?(k: Kernel, domain: IommuDomain, array: UserDataArray): number;
  free?(k: Kernel, domain: IommuDomain): void;
}

/** linux `struct iommu_iotlb_gather`; `end` inclusive; empty when start > end. */
export interface IotlbGather {
  start: bigint;
  end: bigint;
  pgsize: bigint;
}

/** User data of an allocation, already known to be `len` bytes at `uptr` in the caller's memory. */
export interface UserData {
  type: number;
  uptr: bigint;
  len: number;
}

/** `entry_num` is in/out: entries handled. */
export interface UserDataArray {
  type: number;
  uptr: bigint;
  entry_len: number;
  entry_num: number;
}

/** Driver functions: one frozen object per driver. */
export interface IommuOps {
  name: string;
  capable(k: Kernel, dev: Device, cap: IommuCap): boolean;
  /** `null`: no region callback. */
  get_resv_regions: ((k: Kernel, dev: Device) => ResvRegion[]) | null;
  blocked_domain: IommuDomain;
  identity_domain: IommuDomain | null;
  /** Paging domain for a device. `flags` as HWPT_ALLOC (NEST_PARENT 1, DIRTY 2, PASID 8). */
  domain_alloc_paging_flags(k: Kernel, dev: Device, flags: number, data: UserData | null): IommuDomain | number;
  domain_alloc_nested:
    | ((k: Kernel, dev: Device, parent: IommuDomain, flags: number, data: UserData) => IommuDomain | number)
    | null;
  /** hw_info bytes for the requested type (0 = the driver's default), or errno; `null`: driver has no hook. */
  hw_info: ((k: Kernel, dev: Device, type: number) => { type: number; data: Uint8Array } | number) | null;
  /** 0 when the driver does not know this viommu type. */
  viommu_supported: ((k: Kernel, dev: Device, type: number) => boolean) | null;
  /** Fills `viommu.ops` and `viommu.priv`, or errno. `data` may be null. */
  viommu_init:
    | ((k: Kernel, viommu: ViommuCore, parent: IommuDomain, dev: Device, data: UserData | null) => number)
    | null;
  /** The driver keeps PASID tables in user hands under nesting, so a fault of an unattached PASID goes to the RID. */
  user_pasid_table: boolean;
  page_response?(k: Kernel, dev: Device, fault: IopfFault, code: number): void;
  /** The device is gone; its group has blocked it before. Absent: the driver keeps nothing of it. */
  release_device?(k: Kernel, dev: Device): void;
}

/** The part of IOMMUFD_OBJ_VIOMMU that drivers see. iommufd's object extends it. */
export interface ViommuCore {
  type: number;
  ops: ViommuOps | null;
  priv: object | null;
  iommu_dev: object;
  /** Virtual id -> vdevice. */
  vdevs: Map<bigint, VdeviceCore>;
}

export interface VdeviceCore {
  id: number;
  virt_id: bigint;
  dev: Device;
  viommu: ViommuCore;
  priv: object | null;
}

export interface ViommuOps {
  alloc_domain_nested?(k: Kernel, viommu: ViommuCore, flags: number, data: UserData): IommuDomain | number;
  cache_invalidate?(k: Kernel, viommu: ViommuCore, array: UserDataArray): number;
  vdevice_init?(k: Kernel, vdev: VdeviceCore): number;
  destroy?(k: Kernel, viommu: ViommuCore): void;
  /** HW queues; absent = EOPNOTSUPP. See uapi HW_QUEUE_ALLOC. */
  hw_queue_supported?(k: Kernel, viommu: ViommuCore, type: number): boolean;
  hw_queue_init?(k: Kernel, viommu: ViommuCore, queue: object, index: number, pa: bigint): number;
  hw_queue_destroy?(k: Kernel, viommu: ViommuCore, queue: object): void;
  vdevice_destroy?(k: Kernel, vdev: VdeviceCore): void;
}
