/**
 * The /dev/ioasid of the first RFC (Kevin Tian, 27 May 2021) and, with declared ownership, of the mail before it
 * (7 April 2021). One address space a number; no command before the first attach; guest tables are bound to a child.
 */
import { encode } from "../../uapi/codec.ts";
import { errno } from "../../uapi/errno.ts";
import * as uapi from "../../uapi/ioasid.ts";
import { IOVA_RANGE } from "../../uapi/records.ts";
import type { ForeignApi, SpaceCaller, SpaceRequest } from "../../kernel/foreign_api.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { copy_to_user } from "../../kernel/mm/uaccess.ts";
import type { VfioDeviceFile } from "../../kernel/vfio/device_cdev.ts";
import { api_from_fd, bind, bound_to, unbind } from "./bind.ts";
import { register_memory, reserved_of, space_map, space_unmap, unregister_memory } from "./dma.ts";
import { args, type Design, type DesignNode, type DeviceCall, type FileCall, reply, space_by_id } from "./node.ts";
import { forget } from "./faults.ts";
import { bind_attach, cookie_of, ENOTTY, made, map, numbers, unmap } from "./play.ts";
import { space_attach, space_bind_table, space_invalidate, space_leave, space_unbind_table } from "./space.ts";
import { type ApiFile, lowest_free, Space } from "./state.ts";

const RFC1_BASE = 0x3b64;
const EXTENSIONS = 3;

/** The space, unless nothing is attached to it: the design takes no command then. */
function ready(k: Kernel, api: ApiFile, id: number): Space | null {
  const space = space_by_id(k, api, id);
  if (space === null) return null;
  return k.check(space.attached.length > 0, "a device is attached: no command before") ? space : null;
}

export const check_extension: FileCall = (_k, _node, _api, arg) => (arg > 0n && arg <= BigInt(EXTENSIONS) ? 1 : 0);

const alloc: FileCall = (k, _node, api, arg) => {
  const a = args(k, arg, uapi.IOASID_ALLOC);
  if (typeof a === "number") return a;
  const plain = a.flags === 0 && a.type === 0 && a.addr_width === 0 && a.parent === 0 && a.table === 0n;
  if (!k.check(plain, "an address space has no attributes when it is made")) return -errno.EINVAL;
  const id = lowest_free(api.spaces, 0);
  api.spaces.set(id, new Space(api, id, "kernel", null, true));
  return id;
};

export const free: FileCall = (k, _node, api, arg) => {
  const a = args(k, arg, uapi.IOASID_FREE);
  if (typeof a === "number") return a;
  const space = space_by_id(k, api, a.ioasid);
  if (space === null) return -errno.EINVAL;
  const idle = space.attached.length === 0 && space.children.length === 0;
  if (!k.check(idle, "nothing is attached to it or nested in it")) return -errno.EINVAL;
  const { parent } = space;
  if (parent !== null) parent.children = parent.children.filter((s) => s !== space);
  forget(k, api, (r) => r.space === space);
  api.spaces.delete(space.id);
  return 0;
};

/** Reserved ranges, and only once a device is attached. */
const get_info: FileCall = (k, _node, api, arg) => {
  const def = uapi.IOASID_GET_INFO;
  const a = args(k, arg, def);
  if (typeof a === "number") return a;
  const space = ready(k, api, a.ioasid);
  if (space === null || a.flags !== 0) return -errno.EINVAL;
  const regions = reserved_of(k, space);
  return copy_ranges(k, regions, a.num_iovas, a.iovas, (n) => reply(k, arg, def, { num_iovas: n }));
};

/** As many as there is room for; the whole number goes back. */
export function copy_ranges(
  k: Kernel,
  ranges: readonly { start: bigint; last: bigint }[],
  room: number,
  to: bigint,
  count: (n: number) => number,
): number {
  for (const [i, r] of ranges.slice(0, room).entries()) {
    if (!copy_to_user(k, to + BigInt(i * IOVA_RANGE.size), encode(IOVA_RANGE, r))) return -errno.EFAULT;
  }
  return count(ranges.length);
}

const map_dma: FileCall = (k, _node, api, arg) => {
  const a = args(k, arg, uapi.IOASID_MAP_DMA);
  if (typeof a === "number") return a;
  const space = ready(k, api, a.ioasid);
  if (space === null) return -errno.EINVAL;
  if (!k.check(space.kind === "kernel", "the kernel builds this table")) return -errno.EINVAL;
  if (!k.check(space.owner === "ioasid", "VFIO does not own this level")) return -errno.EINVAL;
  return space_map(k, space, { iova: a.iova, size: a.size, vaddr: a.vaddr, prot: a.flags });
};

const unmap_dma: FileCall = (k, _node, api, arg) => {
  const def = uapi.IOASID_UNMAP_DMA;
  const a = args(k, arg, def);
  if (typeof a === "number") return a;
  const space = ready(k, api, a.ioasid);
  if (space === null || a.flags !== 0) return -errno.EINVAL;
  if (!k.check(space.kind === "kernel" && space.owner === "ioasid", "the design builds this table"))
    return -errno.EINVAL;
  const bytes = space_unmap(k, space, a.iova, a.size);
  return typeof bytes === "number" ? bytes : reply(k, arg, def, { size: bytes });
};

const create_nesting: FileCall = (k, _node, api, arg) => {
  const a = args(k, arg, uapi.IOASID_CREATE_NESTING);
  if (typeof a === "number") return a;
  const parent = ready(k, api, a.parent);
  if (parent === null || a.flags !== 0) return -errno.EINVAL;
  if (!k.check(parent.kind === "kernel", "the parent is a table of the kernel")) return -errno.EINVAL;
  const id = lowest_free(api.spaces, 0);
  api.spaces.set(id, new Space(api, id, "user", parent, false));
  return id;
};

/** Each guest page table by itself: an SMMUv3 reads context descriptors, which lie in guest memory. */
const bind_pgtable: FileCall = (k, _node, api, arg) => {
  const a = args(k, arg, uapi.IOASID_BIND_PGTABLE);
  if (typeof a === "number") return a;
  if (ready(k, api, a.ioasid) === null) return -errno.EINVAL;
  k.check(false, "the IOMMU takes single guest page tables", () => ({ left: "SMMUv3: tables of context descriptors" }));
  return -errno.EINVAL;
};

const bind_pasid_table: FileCall = (k, _node, api, arg) => {
  const a = args(k, arg, uapi.IOASID_BIND_PASID_TABLE);
  if (typeof a === "number") return a;
  const space = ready(k, api, a.ioasid);
  if (space === null || a.flags !== 0) return -errno.EINVAL;
  return space_bind_table(k, space, { address: a.table, bits: a.bits });
};

const unbind_table: FileCall = (k, _node, api, arg) => {
  const a = args(k, arg, uapi.IOASID_UNBIND_PASID_TABLE);
  if (typeof a === "number") return a;
  const space = ready(k, api, a.ioasid);
  return space === null || a.flags !== 0 ? -errno.EINVAL : space_unbind_table(k, space);
};

const invalidate: FileCall = (k, _node, api, arg) => {
  const def = uapi.IOASID_INVALIDATE_CACHE;
  const a = args(k, arg, def);
  if (typeof a === "number") return a;
  const space = ready(k, api, a.ioasid);
  if (space === null || a.flags !== 0) return -errno.EINVAL;
  const done = space_invalidate(k, space, a.entries, a.entry_num);
  return done < 0 ? done : reply(k, arg, def, { entry_num: done });
};

const register: FileCall = (k, _node, api, arg) => {
  const a = args(k, arg, uapi.IOASID_REGISTER_MEMORY);
  if (typeof a === "number") return a;
  return a.flags === 0 ? register_memory(k, api, a.vaddr, a.size) : -errno.EINVAL;
};

const unregister: FileCall = (k, _node, api, arg) => {
  const a = args(k, arg, uapi.IOASID_UNREGISTER_MEMORY);
  if (typeof a === "number") return a;
  return a.flags === 0 ? unregister_memory(k, api, a.vaddr, a.size) : -errno.EINVAL;
};

export const RFC_CALLS: Readonly<Record<string, FileCall>> = Object.freeze({
  IOASID_CHECK_EXTENSION: check_extension,
  IOASID_REGISTER_MEMORY: register,
  IOASID_UNREGISTER_MEMORY: unregister,
  IOASID_ALLOC: alloc,
  IOASID_FREE: free,
  IOASID_GET_INFO: get_info,
  IOASID_MAP_DMA: map_dma,
  IOASID_UNMAP_DMA: unmap_dma,
  IOASID_CREATE_NESTING: create_nesting,
  IOASID_BIND_PGTABLE: bind_pgtable,
  IOASID_UNBIND_PGTABLE: unbind_table,
  IOASID_BIND_PASID_TABLE: bind_pasid_table,
  IOASID_UNBIND_PASID_TABLE: unbind_table,
  IOASID_INVALIDATE_CACHE: invalidate,
});

const vfio_bind: DeviceCall = (k, node, df, arg) => {
  const a = args(k, arg, uapi.VFIO_BIND_IOASID_FD);
  if (typeof a === "number") return a;
  if (a.flags !== 0) return -errno.EINVAL;
  const api = api_from_fd(k, a.fd);
  if (typeof api === "number") return api;
  const free_device = !node.bound.some((d) => d.vdev === df.vdev);
  if (!k.check(free_device, "the device is bound to no file yet")) return -errno.EINVAL;
  const device = bind(k, node, df, api, 0n);
  return typeof device === "number" ? device : 0;
};

export const vfio_unbind: DeviceCall = (k, node, df, arg) => {
  const a = args(k, arg, uapi.VFIO_UNBIND_IOASID_FD);
  if (typeof a === "number") return a;
  const api = api_from_fd(k, a.fd);
  if (typeof api === "number") return api;
  const device = bound_to(node, df.vdev, api);
  if (!k.check(device !== null, "the device is bound to this file") || device === null || a.flags !== 0)
    return -errno.EINVAL;
  unbind(k, node, device);
  df.access_granted = node.bound.some((d) => d.vdev === df.vdev);
  return 0;
};

/** Finds the device and the space that an attach or a detach names. */
function named(
  k: Kernel,
  node: DesignNode,
  df: VfioDeviceFile,
  a: { flags: number; fd: number; ioasid: number; pasid: number },
) {
  const pasid = (a.flags & 1) === 0 ? 0 : a.pasid;
  if (!k.check((a.flags & ~1) === 0 && ((a.flags & 1) === 0 || pasid > 0), "known flags, a PASID above 0")) return null;
  const api = api_from_fd(k, a.fd);
  if (typeof api === "number") return null;
  const device = bound_to(node, df.vdev, api);
  if (!k.check(device !== null, "the device is bound to this file") || device === null) return null;
  const space = space_by_id(k, api, a.ioasid);
  return space === null ? null : { device, space, pasid };
}

/** `late`: what the design still asks before the device joins. */
export function attach_with(
  late: (k: Kernel, node: DesignNode, df: VfioDeviceFile, space: Space) => number,
): DeviceCall {
  return (k, node, df, arg) => {
    const a = args(k, arg, uapi.VFIO_ATTACH_IOASID);
    if (typeof a === "number") return a;
    const who = named(k, node, df, a);
    if (who === null) return -errno.EINVAL;
    const { device, space, pasid } = who;
    const there = device.attached.filter((at) => at.pasid === pasid).map((at) => at.space);
    const free_place = there.length === 0 || (space.kind === "user" && there.every((s) => s === space.parent));
    if (!k.check(free_place, "the device is attached nowhere, or to the parent")) return -errno.EINVAL;
    const rc = late(k, node, df, space);
    return rc < 0 ? rc : space_attach(k, space, device, pasid);
  };
}

export const detach: DeviceCall = (k, node, df, arg) => {
  const a = args(k, arg, uapi.VFIO_DETACH_IOASID);
  if (typeof a === "number") return a;
  const who = named(k, node, df, a);
  const at = who?.device.attached.find((one) => one.space === who.space && one.pasid === who.pasid);
  if (!k.check(at !== undefined, "the device is attached to this space") || at === undefined) return -errno.EINVAL;
  const above = at.device.attached.some((one) => one.space.parent === at.space && one.pasid === at.pasid);
  if (!k.check(!above, "no guest table of the device stands on it")) return -errno.EINVAL;
  for (const api of node.files) forget(k, api, (r) => r.device === at.device && r.space === at.space);
  space_leave(k, at, node.design.keeps_mappings);
  return 0;
};

export const RFC_VFIO: Readonly<Record<string, DeviceCall>> = Object.freeze({
  VFIO_BIND_IOASID_FD: vfio_bind,
  VFIO_UNBIND_IOASID_FD: vfio_unbind,
  VFIO_ATTACH_IOASID: attach_with(() => 0),
  VFIO_DETACH_IOASID: detach,
});

/** Nesting as three calls; the label names the child. */
function nest(c: SpaceCaller, r: SpaceRequest) {
  const { ret } = c.call("IOASID_CREATE_NESTING", c.fd, { parent: r.space });
  if (ret < 0) return { ret };
  const ioasid = BigInt(ret);
  const joined = bind_attach(c, r, 0n, ioasid);
  if (joined.ret < 0) return joined;
  const bound = c.call("IOASID_BIND_PASID_TABLE", c.fd, { ioasid, table: r.cd, bits: 0n });
  return bound.ret < 0 ? { ret: bound.ret } : made(ret);
}

/** `before`: what a program does with a device before it is bound. */
export function rfc_play(before: (c: SpaceCaller, r: SpaceRequest) => number): ForeignApi["play"] {
  return (c, op, r) => {
    switch (op) {
      case "SPACE_ALLOC":
        return made(c.call("IOASID_ALLOC", c.fd, {}).ret);
      case "SPACE_FREE":
        return { ret: c.call("IOASID_FREE", c.fd, { ioasid: r.space }).ret };
      case "SPACE_MAP":
        return map(c, c.fd, r, r.space);
      case "SPACE_UNMAP":
        return unmap(c, c.fd, r, r.space);
      case "SPACE_ATTACH": {
        const ret = before(c, r);
        return ret < 0 ? { ret } : bind_attach(c, r, cookie_of(r.bdf), r.space);
      }
      case "SPACE_DETACH":
        return { ret: c.call("VFIO_DETACH_IOASID", r.device, { fd: BigInt(c.fd), ioasid: r.space }).ret };
      case "SPACE_NEST": {
        const ret = before(c, r);
        return ret < 0 ? { ret } : nest(c, r);
      }
      case "SPACE_INFO": {
        const { ret, ranges } = c.ranges("IOASID_GET_INFO", c.fd, { ioasid: r.space });
        return { ret, regions: ranges };
      }
      default:
        return ENOTTY;
    }
  };
}

const api: ForeignApi = Object.freeze({
  calls: numbers(
    RFC1_BASE,
    {
      IOASID_CHECK_EXTENSION: ["IOASID_CHECK_EXTENSION", 0],
      IOASID_REGISTER_MEMORY: ["IOASID_REGISTER_MEMORY", 1],
      IOASID_UNREGISTER_MEMORY: ["IOASID_UNREGISTER_MEMORY", 2],
      IOASID_ALLOC: ["IOASID_ALLOC", 3],
      IOASID_FREE: ["IOASID_FREE", 4],
      IOASID_GET_INFO: ["IOASID_GET_INFO", 5],
      IOASID_MAP_DMA: ["IOASID_MAP_DMA", 6],
      IOASID_UNMAP_DMA: ["IOASID_UNMAP_DMA", 7],
      IOASID_CREATE_NESTING: ["IOASID_CREATE_NESTING", 8],
      IOASID_BIND_PGTABLE: ["IOASID_BIND_PGTABLE", 9],
      IOASID_UNBIND_PGTABLE: ["IOASID_UNBIND_PGTABLE", 10],
      IOASID_BIND_PASID_TABLE: ["IOASID_BIND_PASID_TABLE", 11],
      IOASID_UNBIND_PASID_TABLE: ["IOASID_UNBIND_PASID_TABLE", 12],
      IOASID_INVALIDATE_CACHE: ["IOASID_INVALIDATE_CACHE", 13],
    },
    {
      VFIO_BIND_IOASID_FD: ["VFIO_BIND_IOASID_FD", 22],
      VFIO_UNBIND_IOASID_FD: ["VFIO_UNBIND_IOASID_FD", 23],
      VFIO_ATTACH_IOASID: ["VFIO_ATTACH_IOASID", 24],
      VFIO_DETACH_IOASID: ["VFIO_DETACH_IOASID", 25],
    },
  ),
  record: uapi.RFC1_FAULT,
  response: uapi.IOASID_RESPONSE,
  play: rfc_play(() => 0),
  faults: (c: SpaceCaller) => c.fd,
});

/** RFC v1: a fault is known by its address space and address; an answer by the address space. */
export const RFC1: Design = Object.freeze<Design>({
  path: "/dev/ioasid",
  api,
  calls: RFC_CALLS,
  vfio: RFC_VFIO,
  keeps_mappings: false,
  unknown_call: -errno.ENOTTY,
  queue_of: (_node, record) => record.space.ctx.queue,
  encode: (_node, record) => encode(uapi.RFC1_FAULT, { ioasid: record.space.id, addr: record.addr }),
  answers: (_node, answer, record) =>
    answer.ioasid === record.space.id &&
    answer.dev === 0 &&
    answer.pasid === 0 &&
    answer.grpid === 0 &&
    answer.cookie === 0n,
});
