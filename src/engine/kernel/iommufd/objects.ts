/**
 * Everything that has an id on an iommufd file. Source: linux 7.2 drivers/iommu/iommufd/iommufd_private.h.
 * `users` counts references from other objects and attachments, 1 for existing at all; DESTROY needs exactly 1.
 */
import type { File } from "../file.ts";
import type { Kernel } from "../kernel.ts";
import type {
  Device,
  IommuAttachHandle,
  IommuDomain,
  IommuGroup,
  IopfGroup,
  VdeviceCore,
  ViommuCore,
  ViommuOps,
} from "../iommu/types.ts";
import { ULONG_MAX } from "../mm/const.ts";
import { RangeMap, type Ranged } from "../range_map.ts";
import { IoPagetable } from "./iopt.ts";
import type { AccountMode } from "./iopt_pages.ts";

export type ObjectKind =
  | "IOAS"
  | "DEVICE"
  | "HWPT_PAGING"
  | "HWPT_NESTED"
  | "ACCESS"
  | "FAULT"
  | "VIOMMU"
  | "VDEVICE"
  | "VEVENTQ"
  | "HW_QUEUE"
  | "SELFTEST";

abstract class ObjectBase {
  abstract readonly kind: ObjectKind;
  readonly ictx: IommufdCtx;
  /** 0 until an id is given. */
  id = 0;
  users = 1;

  constructor(ictx: IommufdCtx) {
    this.ictx = ictx;
  }
}

/** One doorbell page that this file has handed to some group: the same IOVA in every hwpt with this window. */
export interface SwMsiMap {
  /** Bit in `present_sw_msi` / `required_sw_msi`; never reused. */
  id: number;
  sw_msi_start: bigint;
  /** Physical address of the page. */
  msi_addr: bigint;
  /** Page number in the window. */
  pgoff: bigint;
}

/** A stretch of the iommufd file that mmap() accepts. */
export interface MmapRegion extends Ranged {
  owner: IommufdViommu;
  /** Physical address of its first byte. */
  mmio_addr: number;
}

/** Where the user of a proposal of 2025 wants the MSI window; nobody said anything: start U64_MAX, size 0. */
export interface SwMsiOption {
  start: bigint;
  size: bigint;
}

/** One open /dev/iommu. */
export class IommufdCtx {
  file: File | null = null;
  /** Objects that can be looked up. */
  readonly objects = new Map<number, IommufdObject>();
  /** Ids given out to objects that a call is still making. */
  readonly reserved = new Set<number>();
  /** Ids of vdevices that died with their device: never given out again. */
  readonly tombstones = new Set<number>();
  readonly groups = new Map<IommuGroup, IommufdGroup>();
  account_mode: Exclude<AccountMode, "none"> = "user";
  no_iommu_mode = false;
  /** The IOAS behind the VFIO container ioctls. */
  vfio_ioas: IommufdIoas | null = null;
  readonly sw_msi_list: SwMsiMap[] = [];
  sw_msi_id = 0;
  /** SW_MSI_START and SIZE of the whole file, in proposals. */
  readonly sw_msi_option: SwMsiOption = { start: ULONG_MAX, size: 0n };
  readonly mmap_regions = new RangeMap<MmapRegion>();
}

export class IommufdIoas extends ObjectBase {
  readonly kind = "IOAS";
  readonly iopt = new IoPagetable();
  /** In the order of creation. */
  readonly hwpt_list: IommufdHwptPaging[] = [];
}

export class IommufdHwptPaging extends ObjectBase {
  readonly kind = "HWPT_PAGING";
  readonly ioas: IommufdIoas;
  /** Null only while it is being made. */
  domain: IommuDomain | null = null;
  fault: IommufdFault | null = null;
  /** Made by attaching to an IOAS; goes with its last attachment. */
  auto_domain = false;
  enforce_cache_coherency = false;
  nest_parent = false;
  /** Allocated with the PASID flag. */
  pasid_compat = false;
  /** Doorbell pages mapped here, bit = SwMsiMap.id. */
  present_sw_msi = 0n;
  /** Releases up to 6.14: an MSI cookie was set on the domain. */
  msi_cookie = false;
  /** The window of the device that it was made for, in proposals. */
  sw_msi_window: { start: bigint; last: bigint } | null = null;

  constructor(ictx: IommufdCtx, ioas: IommufdIoas) {
    super(ictx);
    this.ioas = ioas;
  }
}

export class IommufdHwptNested extends ObjectBase {
  readonly kind = "HWPT_NESTED";
  readonly parent: IommufdHwptPaging;
  /** Allocated through it; it then holds the parent. */
  readonly viommu: IommufdViommu | null;
  domain: IommuDomain | null = null;
  fault: IommufdFault | null = null;
  pasid_compat = false;

  constructor(ictx: IommufdCtx, parent: IommufdHwptPaging, viommu: IommufdViommu | null) {
    super(ictx);
    this.parent = parent;
    this.viommu = viommu;
  }
}

export type IommufdHwpt = IommufdHwptPaging | IommufdHwptNested;

/** The attachment as the IOMMU core holds it; `owner` is the device that made it or was replaced last. */
export class IommufdAttachHandle implements IommuAttachHandle {
  readonly domain: IommuDomain;
  readonly owner: IommufdDevice;
  readonly hwpt: IommufdHwpt;

  constructor(domain: IommuDomain, owner: IommufdDevice, hwpt: IommufdHwpt) {
    this.domain = domain;
    this.owner = owner;
    this.hwpt = hwpt;
  }
}

/** What a group translates through on one PASID (0 = the device's own requests), and for which devices. */
export interface IommufdAttach {
  hwpt: IommufdHwpt;
  /** Object id of the device -> device, in the order of attaching. */
  devices: Map<number, IommufdDevice>;
  handle: IommufdAttachHandle;
}

/** A group as one iommufd file knows it. */
export class IommufdGroup {
  readonly group: IommuGroup;
  readonly ictx: IommufdCtx;
  readonly pasid_attach = new Map<number, IommufdAttach>();
  /** Start of the window that the first attach with an SW_MSI region saw; never forgotten. */
  sw_msi_start: bigint | null = null;
  /** Doorbell pages that any device of the group asked for, bit = SwMsiMap.id. */
  required_sw_msi = 0n;
  /** Bound devices. */
  users = 0;

  constructor(ictx: IommufdCtx, group: IommuGroup) {
    this.ictx = ictx;
    this.group = group;
  }
}

export class IommufdDevice extends ObjectBase {
  readonly kind = "DEVICE";
  readonly dev: Device;
  readonly igroup: IommufdGroup;
  vdev: IommufdVdevice | null = null;
  /** The IOMMU can make this device's no-snoop requests coherent. */
  enforce_cache_coherency = false;
  /** Being unbound: no vdevice may be made for it. */
  destroying = false;
  /** SW_MSI_START and SIZE of this device, in proposals. */
  readonly sw_msi_option: SwMsiOption = { start: ULONG_MAX, size: 0n };

  constructor(ictx: IommufdCtx, dev: Device, igroup: IommufdGroup) {
    super(ictx);
    this.dev = dev;
    this.igroup = igroup;
  }
}

/** How an in-kernel user of an IOAS is told that pages go away. */
export interface AccessOps {
  readonly needs_pin_pages: boolean;
  /** Unpins whatever it holds in [iova, iova + length). */
  unmap(k: Kernel, access: IommufdAccess, iova: bigint, length: bigint): void;
}

export class IommufdAccess extends ObjectBase {
  readonly kind = "ACCESS";
  readonly ops: AccessOps | null;
  /** The user's own state. */
  readonly priv: object | null;
  ioas: IommufdIoas | null = null;
  /** Kept while the unmap callback of a detach or replace runs, so that it can unpin. */
  ioas_unpin: IommufdIoas | null = null;
  iova_alignment = 1n;
  /** Slot in the IOAS's access_list. */
  slot = -1;
  /** Made by a hardware queue: locks areas instead of being asked to unpin. */
  readonly internal: boolean;

  constructor(ictx: IommufdCtx, ops: AccessOps | null, priv: object | null, internal = false) {
    super(ictx);
    this.ops = ops;
    this.priv = priv;
    this.internal = internal;
  }
}

/** A complete fault group in a queue. The cookie is given at read time. */
export interface QueuedFault {
  group: IopfGroup;
  cookie: number;
}

export class IommufdFault extends ObjectBase {
  readonly kind = "FAULT";
  file: File | null = null;
  /** Not yet read, oldest first. */
  deliver: QueuedFault[] = [];
  /** Cookie -> read and not yet answered. */
  readonly response = new Map<number, QueuedFault>();
}

export class IommufdViommu extends ObjectBase implements ViommuCore {
  readonly kind = "VIOMMU";
  readonly type: number;
  readonly hwpt: IommufdHwptPaging;
  readonly iommu_dev: object;
  ops: ViommuOps | null = null;
  priv: object | null = null;
  readonly vdevs = new Map<bigint, VdeviceCore>();
  readonly veventqs: IommufdVeventq[] = [];

  constructor(ictx: IommufdCtx, type: number, hwpt: IommufdHwptPaging, iommu_dev: object) {
    super(ictx);
    this.type = type;
    this.hwpt = hwpt;
    this.iommu_dev = iommu_dev;
  }
}

export class IommufdVdevice extends ObjectBase implements VdeviceCore {
  readonly kind = "VDEVICE";
  readonly viommu: IommufdViommu;
  readonly idev: IommufdDevice;
  readonly dev: Device;
  readonly virt_id: bigint;
  priv: object | null = null;

  constructor(ictx: IommufdCtx, viommu: IommufdViommu, idev: IommufdDevice, virt_id: bigint) {
    super(ictx);
    this.viommu = viommu;
    this.idev = idev;
    this.dev = idev.dev;
    this.virt_id = virt_id;
  }
}

/** `data` null: the header that says events were lost. */
export interface Vevent {
  sequence: number;
  data: Uint8Array | null;
}

export class IommufdVeventq extends ObjectBase {
  readonly kind = "VEVENTQ";
  readonly viommu: IommufdViommu;
  readonly type: number;
  readonly depth: number;
  file: File | null = null;
  /** Oldest first; at most one lost-events header, and only at the end. */
  events: Vevent[] = [];
  /** Normal events in `events`. */
  num_events = 0;
  /** Number of the next event, 31 bits. */
  sequence = 0;

  constructor(ictx: IommufdCtx, viommu: IommufdViommu, type: number, depth: number) {
    super(ictx);
    this.viommu = viommu;
    this.type = type;
    this.depth = depth;
  }
}

export class IommufdHwQueue extends ObjectBase {
  readonly kind = "HW_QUEUE";
  readonly viommu: IommufdViommu;
  readonly type: number;
  /** IOVA of the queue in the nesting parent, and its bytes. */
  readonly base_addr: bigint;
  readonly length: bigint;
  access: IommufdAccess | null = null;
  /** The driver's state. */
  priv: object | null = null;

  constructor(ictx: IommufdCtx, viommu: IommufdViommu, type: number, base_addr: bigint, length: bigint) {
    super(ictx);
    this.viommu = viommu;
    this.type = type;
    this.base_addr = base_addr;
    this.length = length;
  }
}

/** A mock device of the self-test, bound and attached. */
export class IommufdSelftest extends ObjectBase {
  readonly kind = "SELFTEST";
  readonly dev: Device;
  /** Null only while it is being made. */
  idev: IommufdDevice | null = null;

  constructor(ictx: IommufdCtx, dev: Device) {
    super(ictx);
    this.dev = dev;
  }
}

export type IommufdObject =
  | IommufdIoas
  | IommufdDevice
  | IommufdHwptPaging
  | IommufdHwptNested
  | IommufdAccess
  | IommufdFault
  | IommufdViommu
  | IommufdVdevice
  | IommufdVeventq
  | IommufdHwQueue
  | IommufdSelftest;

export type ObjectOf<K extends ObjectKind> = Extract<IommufdObject, { kind: K }>;
