/** The device node of a design: opening, dispatch by the design's own numbers, the queue of faults, devices of VFIO. */
import { decode, encode } from "../../uapi/codec.ts";
import { errno } from "../../uapi/errno.ts";
import { IOASID_RESPONSE } from "../../uapi/ioasid.ts";
import type { IoctlDef, Layout, Values } from "../../uapi/layout.ts";
import type { ArmSmmuDevice } from "../../kernel/drivers/arm_smmu_v3/device.ts";
import { type DevNode, type File, type FileOps, POLLIN, POLLOUT } from "../../kernel/file.ts";
import type { ForeignApi } from "../../kernel/foreign_api.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { copy_from_user, copy_to_user } from "../../kernel/mm/uaccess.ts";
import { unpin_frames } from "../../kernel/mm/store.ts";
import type { KernelOps } from "../../kernel/ops.ts";
import { VfioDeviceFile } from "../../kernel/vfio/device_cdev.ts";
import type { VfioPciDevice } from "../../kernel/vfio/vfio_pci.ts";
import {
  VFIO_DEVICE_ATTACH_IOMMUFD_PT,
  VFIO_DEVICE_BIND_IOMMUFD,
  VFIO_DEVICE_DETACH_IOMMUFD_PT,
} from "../../uapi/vfio.ts";
import { unbind_all } from "./bind.ts";
import { space_drain } from "./dma.ts";
import { handle_event, handle_ppr, QUEUE_DEPTH, recoverable, respond } from "./faults.ts";
import { ApiFile, type BoundDevice, type Declared, type FaultRecord, type Space } from "./state.ts";

export type FileCall = (k: Kernel, node: DesignNode, api: ApiFile, arg: bigint) => number;
export type DeviceCall = (k: Kernel, node: DesignNode, df: VfioDeviceFile, arg: bigint) => number;

/** What makes one design different; frozen. */
export interface Design {
  readonly path: string;
  readonly api: ForeignApi;
  /** By the names of `api.calls`. */
  readonly calls: Readonly<Record<string, FileCall>>;
  readonly vfio: Readonly<Record<string, DeviceCall>>;
  /** For a number that the node does not know. */
  readonly unknown_call: number;
  /** Runs when the node is opened: 0 or an errno. */
  readonly opened?: (k: Kernel, node: DesignNode, api: ApiFile) => number;
  readonly released?: (k: Kernel, node: DesignNode, api: ApiFile) => void;
  /** The queue that a fault goes to; null = nobody takes it. */
  readonly queue_of?: (node: DesignNode, record: FaultRecord) => FaultRecord[] | null;
  readonly encode?: (node: DesignNode, record: FaultRecord) => Uint8Array;
  /** Whether an answer is about this fault. */
  readonly answers?: (node: DesignNode, answer: Values<typeof IOASID_RESPONSE>, record: FaultRecord) => boolean;
  /** Mappings outlive the last device of a space. */
  readonly keeps_mappings: boolean;
  /** What the design puts beside its node. */
  readonly keeps?: (k: Kernel) => void;
}

export class DesignNode implements DevNode {
  readonly design: Design;
  /** Every open file, oldest first. */
  files: ApiFile[] = [];
  /** Devices in somebody's hands, in the order of binding. */
  bound: BoundDevice[] = [];
  /** What VFIO declared, by device. */
  readonly declared = new Map<VfioPciDevice, Declared>();
  /** Faults that VFIO holds. */
  held: FaultRecord[] = [];
  /** State that only this design has. */
  own: object | null = null;

  constructor(design: Design) {
    this.design = design;
  }

  get ops(): FileOps {
    return fops;
  }

  get api(): ForeignApi {
    return this.design.api;
  }

  open(k: Kernel, file: File): number {
    const api = new ApiFile(file, k.current.mm);
    const rc = this.design.opened?.(k, this, api) ?? 0;
    if (rc < 0) return rc;
    file.private_data = api;
    this.files.push(api);
    return 0;
  }
}

/** The design's node; a kernel with a design has exactly one. */
export function node_of(k: Kernel): DesignNode {
  for (const path of ["/dev/ioasid", "/dev/iommu"]) {
    const node = k.devnodes.get(path);
    if (node instanceof DesignNode) return node;
  }
  throw new Error("this kernel has no design");
}

export function api_of(file: File): ApiFile {
  if (!(file.private_data instanceof ApiFile)) throw new Error("not a file of the design");
  return file.private_data;
}

/** The struct, as far as the caller's `argsz` goes, zeroes after it. -EFAULT, -EINVAL: shorter than the design takes. */
export function args<L extends IoctlDef>(k: Kernel, arg: bigint, def: L): Values<L> | number {
  const sized = Object.values(def.fields).some((f) => f.kind === "size");
  const head = copy_from_user(k, arg, sized ? 4 : def.size);
  if (head === null) return -errno.EFAULT;
  if (!sized) return decode(def, head);
  const argsz = new DataView(head.buffer, head.byteOffset).getUint32(0, true);
  const detail = () => ({ left: `${argsz}`, right: `${def.min}` });
  if (!k.check(argsz >= def.min, "argsz covers the struct", detail)) return -errno.EINVAL;
  const bytes = copy_from_user(k, arg, Math.min(argsz, def.size));
  return bytes === null ? -errno.EFAULT : decode(def, bytes);
}

/** Puts some fields of the struct back. */
export function reply<L extends Layout>(k: Kernel, arg: bigint, def: L, values: Partial<Values<L>>): number {
  const bytes = encode(def, values);
  for (const name of Object.keys(values)) {
    const field = def.fields[name];
    if (field === undefined) continue;
    const size = field.type === "u64" ? 8 : 4;
    if (!copy_to_user(k, arg + BigInt(field.offset), bytes.subarray(field.offset, field.offset + size)))
      return -errno.EFAULT;
  }
  return 0;
}

/** Spaces by id; an unknown one is null. */
export function space_by_id(k: Kernel, api: ApiFile, id: number): Space | null {
  const space = api.spaces.get(id) ?? null;
  return k.check(space !== null, `address space ${id} exists`) ? space : null;
}

function ioctl(k: Kernel, file: File, cmd: number, arg: bigint): number {
  const node = node_of(k);
  const { calls } = node.api;
  const name = Object.keys(node.design.calls).find((one) => calls[one]?.cmd === cmd);
  const call = name === undefined ? undefined : node.design.calls[name];
  if (!k.check(call !== undefined, "the design has this call", () => ({ left: `0x${cmd.toString(16)}` })) || !call)
    return node.design.unknown_call;
  k.note(calls[name ?? ""]?.name ?? "");
  return call(k, node, api_of(file), arg);
}

function read(k: Kernel, file: File, buf: bigint, count: number): number {
  const node = node_of(k);
  const api = api_of(file);
  const { record } = node.api;
  if (!k.check(record !== null, "the design has a queue of faults") || record === null) return -errno.EINVAL;
  if (!k.check(count >= record.size, "a record fits")) return -errno.EINVAL;
  let done = 0;
  while (count - done >= record.size) {
    const [first] = api.queue;
    const bytes = first === undefined ? null : (node.design.encode?.(node, first) ?? null);
    if (first === undefined || bytes === null) break;
    if (!copy_to_user(k, buf + BigInt(done), bytes)) return done > 0 ? done : -errno.EFAULT;
    api.queue.shift();
    if (recoverable(first)) api.waiting.push(first);
    done += bytes.length;
  }
  return done;
}

function write(k: Kernel, file: File, buf: bigint, count: number): number {
  const node = node_of(k);
  const api = api_of(file);
  const { size } = IOASID_RESPONSE;
  if (!k.check(count >= size && count % size === 0, "whole answers")) return -errno.EINVAL;
  let done = 0;
  for (; done < count; done += size) {
    const bytes = copy_from_user(k, buf + BigInt(done), size);
    if (bytes === null) return done > 0 ? done : -errno.EFAULT;
    const answer = decode(IOASID_RESPONSE, bytes);
    const record = api.waiting.find((r) => node.design.answers?.(node, answer, r) === true);
    const good = answer.code <= 1 && record !== undefined;
    if (!k.check(good, "the answer is about a fault that waits") || record === undefined)
      return done > 0 ? done : -errno.EINVAL;
    api.waiting = api.waiting.filter((r) => r !== record);
    respond(k, record, answer.code === 0);
  }
  return done;
}

function release(k: Kernel, file: File): void {
  const node = node_of(k);
  const api = api_of(file);
  for (const space of api.spaces.values()) {
    space_drain(k, space);
    const { parent } = space;
    if (parent !== null) parent.children = parent.children.filter((s) => s !== space);
  }
  for (const one of api.registered) {
    for (const run of one.runs) unpin_frames(k, run.pfn, run.n);
    api.mm.locked_vm -= Number(one.size / 4096n);
  }
  api.registered = [];
  node.design.released?.(k, node, api);
  node.files = node.files.filter((one) => one !== api);
}

export const fops: FileOps = Object.freeze({
  name: "iommu",
  ioctl,
  read,
  write,
  poll: (_k: Kernel, file: File) => (api_of(file).queue.length > 0 ? POLLIN : 0) | POLLOUT,
  release,
});

function deliver(k: Kernel, record: FaultRecord): boolean {
  const node = node_of(k);
  const queue = node.design.queue_of?.(node, record) ?? null;
  if (queue === null || queue.length >= QUEUE_DEPTH) return false;
  queue.push(record);
  return true;
}

/** iommufd's calls on a device's file: they come years later. */
const LATER = Object.freeze(
  new Set([VFIO_DEVICE_BIND_IOMMUFD.cmd, VFIO_DEVICE_ATTACH_IOMMUFD_PT.cmd, VFIO_DEVICE_DETACH_IOMMUFD_PT.cmd]),
);

/** The kernel's functions that a design replaces. */
export function design_ops(design: Design, base: KernelOps): Partial<KernelOps> {
  return {
    iommufd_init(k: Kernel): void {
      k.devnodes.set(design.path, new DesignNode(design));
      design.keeps?.(k);
    },
    vfio_device_fops_ioctl(k: Kernel, file: File, cmd: number, arg: bigint): number {
      const node = node_of(k);
      const { calls } = node.api;
      const name = Object.keys(design.vfio).find((one) => calls[one]?.cmd === cmd);
      const call = name === undefined ? undefined : design.vfio[name];
      if (call !== undefined && file.private_data instanceof VfioDeviceFile) {
        k.note(calls[name ?? ""]?.name ?? "");
        return call(k, node, file.private_data, arg);
      }
      if (LATER.has(cmd)) return -errno.ENOTTY;
      return base.vfio_device_fops_ioctl(k, file, cmd, arg);
    },
    vfio_device_fops_release(k: Kernel, file: File): void {
      const df = file.private_data;
      if (df instanceof VfioDeviceFile && unbind_all(k, node_of(k), df)) return;
      base.vfio_device_fops_release(k, file);
    },
    arm_smmu_handle_event(k: Kernel, smmu: ArmSmmuDevice, words: Uint32Array): void {
      if (!handle_event(k, node_of(k).bound, smmu, words, deliver)) base.arm_smmu_handle_event(k, smmu, words);
    },
    arm_smmu_handle_ppr(k: Kernel, smmu: ArmSmmuDevice, words: Uint32Array): void {
      if (!handle_ppr(k, node_of(k).bound, smmu, words, deliver)) base.arm_smmu_handle_ppr(k, smmu, words);
    },
  };
}
