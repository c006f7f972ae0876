/**
 * /dev/iommu of the second RFC (9 July 2021) and of the code (Yi Liu, 19 September 2021): devices are known by a cookie
 * that the program chose, what a space is like is said when it is made.
 */
import { encode } from "../../uapi/codec.ts";
import { errno } from "../../uapi/errno.ts";
import * as uapi from "../../uapi/ioasid.ts";
import type { ForeignApi, SpaceCaller } from "../../kernel/foreign_api.ts";
import { iommu_domain_free } from "../../kernel/iommu/core.ts";
import { dev_iommu_ops } from "../../kernel/iommu/group.ts";
import type { Device, IommuDomain } from "../../kernel/iommu/types.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { api_from_fd, bind, bound_to } from "./bind.ts";
import { permitted, space_map, space_unmap } from "./dma.ts";
import { args, type Design, type DeviceCall, type FileCall, reply, space_by_id } from "./node.ts";
import { bind_attach, cookie_of, ENOTTY, made, map, numbers, unmap } from "./play.ts";
import { attach_with, copy_ranges, detach, free, RFC_CALLS, vfio_unbind } from "./rfc.ts";
import { dev_of, space_attach, space_leave } from "./space.ts";
import { type ApiFile, type BoundDevice, lowest_free, Space } from "./state.ts";

const IOMMU_BASE = 0x3b64;
const ENFORCE_SNOOP = 1;
const TYPE = Object.freeze({ KERNEL_TYPE1V2: 1, USER: 2, DUMMY: 3 });
const EXT_MAP_TYPE1V2 = 1n;

/** A domain of the device, made to look at its geometry. */
function geometry(k: Kernel, dev: Device): { start: bigint; last: bigint } {
  const domain: IommuDomain | number = dev_iommu_ops(dev).domain_alloc_paging_flags(k, dev, 0, null);
  if (typeof domain === "number") return { start: 0n, last: 0n };
  const found = { start: domain.aperture_start, last: domain.aperture_end };
  iommu_domain_free(k, domain);
  return found;
}

const width_of = (last: bigint): number => last.toString(2).length;

function by_cookie(k: Kernel, api: ApiFile, cookie: bigint): BoundDevice | null {
  const device = api.devices.find((d) => d.cookie === cookie) ?? null;
  return k.check(device !== null, "a device of this file has the cookie") ? device : null;
}

/** What a device's IOMMU can do and reach: *permitted* ranges, where RFC v1 named the forbidden ones. */
function device_info(ranges: boolean): FileCall {
  return (k, _node, api, arg) => {
    const def = uapi.IOASID_DEVICE_GET_INFO;
    const a = args(k, arg, def);
    if (typeof a === "number") return a;
    const device = by_cookie(k, api, a.cookie);
    if (device === null) return -errno.EINVAL;
    const dev = dev_of(device);
    const { start, last } = geometry(k, dev);
    const flags = k.ops.device_iommu_capable(k, dev, "ENFORCE_CACHE_COHERENCY") ? ENFORCE_SNOOP : 0;
    const told = { flags, addr_width: width_of(last) };
    if (!ranges) return reply(k, arg, def, told);
    const regions = k.ops
      .iommu_get_resv_regions(k, dev)
      .filter((r) => r.type !== "direct-relaxable")
      .map((r) => ({ start: r.start, last: r.start + r.length - 1n }));
    const free_ranges = permitted(start, last, regions);
    return copy_ranges(k, free_ranges, a.num_iovas, a.iovas, (n) => reply(k, arg, def, { ...told, num_iovas: n }));
  };
}

/** RFC v2: format, owner, parent and coherency are attributes. Numbers start at 1, so that parent 0 means none. */
const alloc2: FileCall = (k, _node, api, arg) => {
  const a = args(k, arg, uapi.IOASID_ALLOC);
  if (typeof a === "number") return a;
  const known = (a.flags & ~ENFORCE_SNOOP) === 0 && a.type >= TYPE.KERNEL_TYPE1V2 && a.type <= TYPE.DUMMY;
  if (!k.check(known, "known flags and type")) return -errno.EINVAL;
  const parent = a.parent === 0 ? null : space_by_id(k, api, a.parent);
  if (a.parent !== 0 && parent === null) return -errno.EINVAL;
  if (a.type === TYPE.USER) {
    const stands = parent?.kind === "kernel";
    if (!k.check(stands, "the root of what a guest builds is managed by the kernel")) return -errno.EINVAL;
  } else if (parent !== null && parent.kind !== "dummy") {
    k.check(false, "kernel tables nest in a dummy root only: software nesting is not modelled");
    return -errno.EINVAL;
  }
  const id = lowest_free(api.spaces, 1);
  const kind = a.type === TYPE.USER ? "user" : a.type === TYPE.DUMMY ? "dummy" : "kernel";
  const space = new Space(api, id, kind, parent, kind === "kernel");
  space.snoop = (a.flags & ENFORCE_SNOOP) !== 0;
  space.addr_width = a.addr_width;
  if (kind === "user") space.table = { address: a.table, bits: a.bits };
  api.spaces.set(id, space);
  return id;
};

/** The code: one type, one mandatory flag; the lowest free number from 0 on. */
const alloc3: FileCall = (k, _node, api, arg) => {
  const a = args(k, arg, uapi.IOASID_ALLOC);
  if (typeof a === "number") return a;
  if (!k.check(a.type === TYPE.KERNEL_TYPE1V2, "the type is KERNEL_TYPE1V2")) return -errno.EINVAL;
  if (!k.check(a.flags === ENFORCE_SNOOP, "the flag is ENFORCE_SNOOP: no other way is supported")) return -errno.EINVAL;
  if (!k.check(a.addr_width !== 0, "an address width is given")) return -errno.EINVAL;
  const id = lowest_free(api.spaces, 0);
  const space = new Space(api, id, "kernel", null, false);
  space.snoop = true;
  space.addr_width = a.addr_width;
  api.spaces.set(id, space);
  return id;
};

const free3: FileCall = (k, _node, api, arg) => {
  const a = args(k, arg, uapi.IOASID_FREE);
  if (typeof a === "number") return a;
  const space = space_by_id(k, api, a.ioasid);
  if (space === null) return -errno.EINVAL;
  if (!k.check(space.attached.length === 0, "no device is attached")) return -errno.EBUSY;
  api.spaces.delete(space.id);
  return 0;
};

/** A space that map and unmap work on. `early`: also before a device is attached; memory is pinned when one comes. */
function target(k: Kernel, api: ApiFile, id: number, early: boolean): Space | null {
  const space = space_by_id(k, api, id);
  if (space === null || !k.check(space.kind === "kernel", "the kernel builds this table")) return null;
  return early || k.check(space.attached.length > 0, "a device is attached") ? space : null;
}

function map_dma(early: boolean): FileCall {
  return (k, _node, api, arg) => {
    const a = args(k, arg, uapi.IOASID_MAP_DMA);
    if (typeof a === "number") return a;
    const space = a.reserved === 0 ? target(k, api, a.ioasid, early) : null;
    if (space === null) return -errno.EINVAL;
    return space_map(k, space, { iova: a.iova, size: a.size, vaddr: a.vaddr, prot: a.flags });
  };
}

function unmap_dma(early: boolean): FileCall {
  return (k, _node, api, arg) => {
    const def = uapi.IOASID_UNMAP_DMA;
    const a = args(k, arg, def);
    if (typeof a === "number") return a;
    const space = a.flags === 0 && a.data_flags === 0 ? target(k, api, a.ioasid, early) : null;
    if (space === null) return -errno.EINVAL;
    const bytes = space_unmap(k, space, a.iova, a.size);
    return typeof bytes === "number" ? bytes : reply(k, arg, def, { size: bytes });
  };
}

/** RFC v2 lets a device be bound to several files; the code to one. */
function bind_with(several: boolean): DeviceCall {
  return (k, node, df, arg) => {
    const a = args(k, arg, uapi.VFIO_BIND_IOASID_FD);
    if (typeof a === "number") return a;
    if (!k.check(a.flags === 0 && a.fd >= 0, "no flags, and a descriptor")) return -errno.EINVAL;
    const there = node.bound.filter((d) => d.vdev === df.vdev);
    if (!several && !k.check(there.length === 0, "the device is bound to no file yet")) return -errno.EBUSY;
    const api = api_from_fd(k, a.fd);
    if (typeof api === "number") return api;
    if (several && !k.check(bound_to(node, df.vdev, api) === null, "not yet to this file")) return -errno.EINVAL;
    const taken = api.devices.some((d) => d.cookie === a.cookie);
    if (!k.check(!taken, "no other device of the file has the cookie")) return several ? -errno.EINVAL : -errno.EBUSY;
    const device = bind(k, node, df, api, a.cookie);
    return typeof device === "number" ? device : 0;
  };
}

/** The code: one space a device, and the IOMMU must do what the space was made for. */
const attach3: DeviceCall = (k, node, df, arg) => {
  const a = args(k, arg, uapi.VFIO_ATTACH_IOASID);
  if (typeof a === "number") return a;
  if (!k.check(a.flags === 0 && a.fd >= 0 && a.ioasid >= 0, "no flags, a descriptor, a number")) return -errno.EINVAL;
  const api = api_from_fd(k, a.fd);
  const device = typeof api === "number" ? null : bound_to(node, df.vdev, api);
  if (!k.check(device !== null, "the device is bound to this file") || device === null) return -errno.EINVAL;
  const space = space_by_id(k, device.ctx, a.ioasid);
  if (space === null) return -errno.EINVAL;
  if (!k.check(device.attached.length === 0, "the device is attached to no space")) return -errno.EBUSY;
  const width = width_of(geometry(k, dev_of(device)).last);
  const detail = () => ({ left: `${width} bits`, right: `${space.addr_width} bits` });
  if (!k.check(width >= space.addr_width, "the IOMMU's addresses are as wide as the space", detail))
    return -errno.EINVAL;
  return space_attach(k, space, device, 0);
};

const detach3: DeviceCall = (k, node, df, arg) => {
  const a = args(k, arg, uapi.VFIO_DETACH_IOASID);
  if (typeof a === "number") return a;
  if (!k.check(a.flags === 0 && a.fd >= 0 && a.ioasid >= 0, "no flags, a descriptor, a number")) return -errno.EINVAL;
  const at = node.bound.filter((d) => d.vdev === df.vdev).flatMap((d) => d.attached)[0];
  const here = at !== undefined && at.space.id === a.ioasid;
  if (!k.check(here, "the device is attached to this space") || at === undefined) return -errno.EINVAL;
  space_leave(k, at, false);
  return 0;
};

function calls(device: Readonly<Record<string, readonly [string, number]>>): ForeignApi["calls"] {
  return numbers(
    IOMMU_BASE,
    {
      IOASID_CHECK_EXTENSION: ["IOMMU_CHECK_EXTENSION", 0],
      IOASID_DEVICE_GET_INFO: ["IOMMU_DEVICE_GET_INFO", 1],
      IOASID_ALLOC: ["IOMMU_IOASID_ALLOC", 2],
      IOASID_FREE: ["IOMMU_IOASID_FREE", 3],
      IOASID_MAP_DMA: ["IOMMU_MAP_DMA", 4],
      IOASID_UNMAP_DMA: ["IOMMU_UNMAP_DMA", 5],
      IOASID_INVALIDATE_CACHE: ["IOMMU_INVALIDATE_CACHE", 6],
    },
    device,
  );
}

function play(width: bigint, nests: boolean): ForeignApi["play"] {
  return (c, op, r) => {
    switch (op) {
      case "SPACE_ALLOC":
        return made(c.call("IOASID_ALLOC", c.fd, { type: 1n, flags: 1n, addr_width: width }).ret);
      case "SPACE_FREE":
        return { ret: c.call("IOASID_FREE", c.fd, { ioasid: r.space }).ret };
      case "SPACE_MAP":
        return map(c, c.fd, r, r.space);
      case "SPACE_UNMAP":
        return unmap(c, c.fd, r, r.space);
      case "SPACE_ATTACH":
        return bind_attach(c, r, cookie_of(r.bdf), r.space);
      case "SPACE_DETACH":
        return { ret: c.call("VFIO_DETACH_IOASID", r.device, { fd: BigInt(c.fd), ioasid: r.space }).ret };
      case "SPACE_INFO": {
        if (r.device < 0) return ENOTTY;
        return c.ranges("IOASID_DEVICE_GET_INFO", c.fd, { cookie: cookie_of(r.bdf) });
      }
      case "SPACE_NEST": {
        const { ret } = c.call("IOASID_ALLOC", c.fd, nests ? { type: 2n, parent: r.space, table: r.cd } : { type: 2n });
        if (ret < 0) return { ret };
        const joined = bind_attach(c, r, cookie_of(r.bdf), BigInt(ret));
        return joined.ret < 0 ? joined : made(ret);
      }
      default:
        return ENOTTY;
    }
  };
}

export const RFC2: Design = Object.freeze<Design>({
  path: "/dev/iommu",
  api: Object.freeze({
    calls: calls({
      VFIO_BIND_IOASID_FD: ["VFIO_BIND_IOMMU_FD", 22],
      VFIO_ATTACH_IOASID: ["VFIO_ATTACH_IOASID", 23],
      VFIO_DETACH_IOASID: ["VFIO_DETACH_IOASID", 24],
      VFIO_UNBIND_IOASID_FD: ["VFIO_UNBIND_IOMMU_FD", 25],
    }),
    record: uapi.RFC2_FAULT,
    response: uapi.IOASID_RESPONSE,
    play: play(0n, true),
    faults: (c: SpaceCaller) => c.fd,
  }),
  calls: Object.freeze({
    IOASID_CHECK_EXTENSION: RFC_CALLS["IOASID_CHECK_EXTENSION"] ?? free,
    IOASID_DEVICE_GET_INFO: device_info(true),
    IOASID_ALLOC: alloc2,
    IOASID_FREE: free,
    IOASID_MAP_DMA: map_dma(true),
    IOASID_UNMAP_DMA: unmap_dma(true),
    IOASID_INVALIDATE_CACHE: RFC_CALLS["IOASID_INVALIDATE_CACHE"] ?? free,
  }),
  vfio: Object.freeze({
    VFIO_BIND_IOASID_FD: bind_with(true),
    VFIO_UNBIND_IOASID_FD: vfio_unbind,
    VFIO_ATTACH_IOASID: attach_with(() => 0),
    VFIO_DETACH_IOASID: detach,
  }),
  keeps_mappings: true,
  unknown_call: -errno.ENOTTY,
  queue_of: (_node, record) => record.space.ctx.queue,
  encode: (_node, r) =>
    encode(uapi.RFC2_FAULT, { ioasid: r.space.id, cookie: r.device.cookie, addr: r.addr, perm: r.perm }),
  answers: (_node, answer, r) =>
    answer.ioasid === r.space.id &&
    answer.cookie === r.device.cookie &&
    answer.dev === 0 &&
    answer.pasid === 0 &&
    answer.grpid === 0,
});

/** The posted code has no faults and no guest tables. */
export const CODE: Design = Object.freeze<Design>({
  path: "/dev/iommu",
  api: Object.freeze({
    calls: calls({
      VFIO_BIND_IOASID_FD: ["VFIO_DEVICE_BIND_IOMMUFD", 19],
      VFIO_ATTACH_IOASID: ["VFIO_DEVICE_ATTACH_IOASID", 21],
      VFIO_DETACH_IOASID: ["VFIO_DEVICE_DETACH_IOASID", 22],
    }),
    record: null,
    response: null,
    play: play(44n, false),
    faults: () => -1,
  }),
  calls: Object.freeze({
    IOASID_CHECK_EXTENSION: (_k: Kernel, _node: unknown, _api: ApiFile, arg: bigint) =>
      arg === EXT_MAP_TYPE1V2 ? 1 : 0,
    IOASID_DEVICE_GET_INFO: device_info(false),
    IOASID_ALLOC: alloc3,
    IOASID_FREE: free3,
    IOASID_MAP_DMA: map_dma(false),
    IOASID_UNMAP_DMA: unmap_dma(false),
  }),
  vfio: Object.freeze({
    VFIO_BIND_IOASID_FD: bind_with(false),
    VFIO_ATTACH_IOASID: attach3,
    VFIO_DETACH_IOASID: detach3,
  }),
  keeps_mappings: false,
  unknown_call: -errno.EINVAL,
});
