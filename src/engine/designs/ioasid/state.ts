/** What a design keeps: open files, address spaces, devices given to them, faults that wait. Plain state, copied with the world. */
import type { File } from "../../kernel/file.ts";
import type { IommuDomain, IopfFault, ViommuCore } from "../../kernel/iommu/types.ts";
import type { PinnedRun } from "../../kernel/mm/gup.ts";
import type { Mm } from "../../kernel/mm/mm.ts";
import type { VfioPciDevice } from "../../kernel/vfio/vfio_pci.ts";

/** One MAP_DMA. `runs` is empty while nothing is pinned: no device is attached yet. */
export interface Dma {
  iova: bigint;
  size: bigint;
  vaddr: bigint;
  prot: number;
  mm: Mm;
  runs: PinnedRun[];
  /** Counted against RLIMIT_MEMLOCK by itself; false inside memory registered before. */
  accounted: boolean;
}

/** Memory pinned and counted once for all spaces of a file. */
export interface Registered {
  vaddr: bigint;
  size: bigint;
  runs: PinnedRun[];
}

/** Where a guest keeps its context descriptors. */
export interface GuestPointer {
  /** Guest-physical. */
  address: bigint;
  /** log2 of their number. */
  bits: number;
}

/** `kernel`: built by map and unmap. `user`: a guest's tables above a parent. `dummy`: only for accounting. */
export type SpaceKind = "kernel" | "user" | "dummy";

export interface Attachment {
  device: BoundDevice;
  space: Space;
  /** 0 = the RID. */
  pasid: number;
  /** The domain that the device is on; null while a guest's tables are not bound yet. */
  domain: IommuDomain | null;
}

export class Space {
  readonly ctx: ApiFile;
  readonly id: number;
  readonly kind: SpaceKind;
  readonly parent: Space | null;
  /** To be the level below guest tables. */
  nest: boolean;
  snoop = false;
  /** Bits; 0 = as wide as the IOMMU's. */
  addr_width = 0;
  domain: IommuDomain | null = null;
  /** By iova. */
  dmas: Dma[] = [];
  attached: Attachment[] = [];
  table: GuestPointer | null = null;
  /** Spaces of guest tables on this one. */
  children: Space[] = [];
  /** The driver's part of what guests' tables stand on; on the parent. */
  viommu: ViommuCore | null = null;
  /** Who takes the faults of this level and maps in it. */
  owner: "ioasid" | "vfio" = "ioasid";

  constructor(ctx: ApiFile, id: number, kind: SpaceKind, parent: Space | null, nest: boolean) {
    this.ctx = ctx;
    this.id = id;
    this.kind = kind;
    this.parent = parent;
    this.nest = nest;
    parent?.children.push(this);
  }
}

/** A device in the hands of one open file. */
export class BoundDevice {
  readonly vdev: VfioPciDevice;
  readonly ctx: ApiFile;
  /** Chosen by the program. */
  readonly cookie: bigint;
  attached: Attachment[] = [];
  /** PASIDs that the program may use. */
  readonly pasids = new Set<number>();

  constructor(vdev: VfioPciDevice, ctx: ApiFile, cookie: bigint) {
    this.vdev = vdev;
    this.ctx = ctx;
    this.cookie = cookie;
  }
}

/** What VFIO declared for a device: who owns which level, and whether it takes every fault first. */
export interface Declared {
  config: number;
  per_device: boolean;
}

export interface FaultRecord {
  device: BoundDevice;
  /** The space whose table it is about. */
  space: Space;
  level: 1 | 2;
  /** -1 = none. */
  pasid: number;
  /** Stall tag or page request group; -1 where nothing has to be answered. */
  grpid: number;
  perm: number;
  addr: bigint;
  last: boolean;
  /** Came as a page request (PRI), not by a stall. */
  pri: boolean;
  /** For the answer to a stall. */
  fault: IopfFault | null;
}

/** One open of the device node. */
export class ApiFile {
  readonly file: File;
  readonly mm: Mm;
  readonly spaces = new Map<number, Space>();
  readonly devices: BoundDevice[] = [];
  registered: Registered[] = [];
  /** Not read yet. */
  queue: FaultRecord[] = [];
  /** Read and not answered yet. */
  waiting: FaultRecord[] = [];

  constructor(file: File, mm: Mm) {
    this.file = file;
    this.mm = mm;
  }
}

/** Lowest free number from `from` on. */
export function lowest_free(taken: ReadonlyMap<number, unknown>, from: number): number {
  let id = from;
  while (taken.has(id)) id++;
  return id;
}
