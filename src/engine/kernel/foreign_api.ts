/**
 * What a design that was never merged tells a program about its interface: which number each call has, and how "make a
 * space, map, attach" is said in it. The kernel never looks at it; scenarios do, so that one of them runs on every design.
 */
import type { Layout } from "../uapi/layout.ts";
import type { File } from "./file.ts";
import type { Device, IommuDomain } from "./iommu/types.ts";

/** One call of a design. */
export interface ForeignCall {
  /** As the mails call it: `IOASID_MAP_DMA`. */
  readonly name: string;
  /** Whole command number. */
  readonly cmd: number;
}

/** What a program asks for, whatever the API: a part of it is absent where the operation has no use for it. */
export interface SpaceRequest {
  /** What SPACE_ALLOC gave: an object id, or a descriptor. */
  readonly space: bigint;
  /** Descriptor of the device, -1 where none is named. */
  readonly device: number;
  /** PCI address of the device. */
  readonly bdf: string;
  readonly iova: bigint;
  readonly length: bigint;
  readonly va: bigint;
  /** READ 1, WRITE 2. */
  readonly prot: number;
  /** The space is to be the level below a guest's tables. */
  readonly nest: boolean;
  /** Faults of the space are wanted. */
  readonly faults: boolean;
  /** Guest-physical address of the guest's context descriptors. */
  readonly cd: bigint;
}

/** How a program talks to the design. */
export interface SpaceCaller {
  /** The API's file, open from the start; negative where it could not be opened. */
  readonly fd: number;
  /** One call with named fields, as a scenario's step of that name makes it. */
  call(
    op: string,
    fd: number,
    values: Readonly<Record<string, bigint>>,
    data?: readonly bigint[],
  ): { ret: number; out: Record<string, number | bigint> };
  /** One call that fills an array of ranges, both ends inclusive. */
  ranges(
    op: string,
    fd: number,
    values: Readonly<Record<string, bigint>>,
  ): { ret: number; ranges: readonly (readonly [bigint, bigint])[] };
  /** A call whose argument is a plain number. */
  plain(cmd: number, fd: number, value: bigint): number;
  /** A call whose argument is a text. */
  text(cmd: number, fd: number, value: string): number;
  /** Node of the device's group. */
  group(bdf: string): string;
  open(path: string): number;
  close(fd: number): number;
  /** True the first time for this key in the world. */
  first(key: string): boolean;
  /** What the program noted under a key before. */
  recall(key: string): bigint | undefined;
  remember(key: string, value: bigint): void;
  /** Where `data` of a call stands. */
  readonly pointer: bigint;
  /** Lets the device master the bus, as a VMM does once it has it. */
  master(bdf: string, fd?: number, id?: number): void;
}

export interface SpaceAnswer {
  /** 0 or more, or a negative errno. */
  ret: number;
  /** What a label names. */
  id?: bigint;
  ranges?: readonly (readonly [bigint, bigint])[];
  /** Regions that may not be used, in a design that reports those instead. */
  regions?: readonly (readonly [bigint, bigint])[];
}

export interface ForeignApi {
  /** By the name of the scenario's operation. */
  readonly calls: Readonly<Record<string, ForeignCall>>;
  /** Records that a read of the queue gives; null = the design has no queue. */
  readonly record: Layout | null;
  /** What a write to the queue takes. */
  readonly response: Layout | null;
  /** Plays `SPACE_ALLOC`, `SPACE_MAP` ... */
  readonly play: (caller: SpaceCaller, op: string, request: SpaceRequest) => SpaceAnswer;
  /** Descriptor whose read gives the faults of a space, negative where there is none. */
  readonly faults: (caller: SpaceCaller, request: SpaceRequest) => number;
}

/** What pictures see of a device in the hands of a design's file. */
export interface ForeignDevice {
  readonly vdev: { readonly pdev: { readonly dev: Device } };
  readonly ctx: ForeignFile;
  readonly cookie: bigint;
}

/** What pictures see of an address space of a design. */
export interface ForeignSpace {
  readonly ctx: ForeignFile;
  readonly id: number;
  /** `user`: a guest's tables above the parent. `dummy`: for accounting only. */
  readonly kind: "kernel" | "user" | "dummy";
  readonly parent: ForeignSpace | null;
  readonly nest: boolean;
  readonly domain: IommuDomain | null;
  readonly dmas: readonly { iova: bigint; size: bigint; vaddr: bigint; prot: number }[];
  /** pasid 0 = the RID. */
  readonly attached: readonly { readonly device: ForeignDevice; readonly pasid: number }[];
  /** Where a guest keeps its context descriptors, guest-physical. */
  readonly table: { readonly address: bigint } | null;
}

/** What pictures see of one open of a design's node. */
export interface ForeignFile {
  readonly file: File;
  readonly spaces: ReadonlyMap<number, ForeignSpace>;
  /** Faults not read yet, and read but not answered. */
  readonly queue: readonly object[];
  readonly waiting: readonly object[];
}
