/**
 * Who owns which level (Kevin Tian, 7 April 2021), on the calls of the RFC that followed: before a device may be used its
 * subsystem declares the configuration. 1: VFIO owns level 2, ioasid level 1. 3: ioasid owns both. And whether faults come
 * to a handler of the device, VFIO's, which passes level 1 on, or straight to the handler of each page table.
 */
import { encode } from "../../uapi/codec.ts";
import { errno } from "../../uapi/errno.ts";
import * as uapi from "../../uapi/ioasid.ts";
import type { ForeignApi, SpaceCaller } from "../../kernel/foreign_api.ts";
import { space_map, space_unmap } from "./dma.ts";
import { recoverable } from "./faults.ts";
import { args, type Design, type DesignNode, type DeviceCall, reply } from "./node.ts";
import { cookie_of } from "./play.ts";
import { attach_with, detach, RFC1, RFC_CALLS, RFC_VFIO, rfc_play } from "./rfc.ts";
import type { FaultRecord, Space } from "./state.ts";

const CONFIG = Object.freeze({ VFIO_LEVEL_2: 1, IOASID_BOTH: 3 });
const VIA_VFIO = 8;

const allow: DeviceCall = (k, node, df, arg) => {
  const a = args(k, arg, uapi.VFIO_DEVICE_ALLOW_PASID);
  if (typeof a === "number") return a;
  const known =
    a.flags === 0 && (a.config === CONFIG.VFIO_LEVEL_2 || a.config === CONFIG.IOASID_BOTH) && a.handler <= 1;
  if (!k.check(known, "a permitted configuration: 1 or 3")) return -errno.EINVAL;
  const idle = node.bound.every((d) => d.vdev !== df.vdev || d.attached.length === 0);
  if (!k.check(idle, "the device is attached nowhere")) return -errno.EINVAL;
  node.declared.set(df.vdev, { config: a.config, per_device: a.handler === 1 });
  return 0;
};

/** Level 2 belongs to whom the first device declared; all others must say the same. */
const attach = attach_with((k, node, df, space) => {
  const declared = node.declared.get(df.vdev);
  if (!k.check(declared !== undefined, "the subsystem declared who owns which level") || declared === undefined)
    return -errno.EINVAL;
  if (space.kind === "user") return 0;
  const owner = declared.config === CONFIG.VFIO_LEVEL_2 ? "vfio" : "ioasid";
  if (space.attached.length === 0) space.owner = owner;
  return k.check(space.owner === owner, "all devices of a space declare the same owner") ? 0 : -errno.EINVAL;
});

/** The level 2 that VFIO owns: its own map and unmap, on the device's file. */
function vfio_space(node: DesignNode, vdev: object, ioasid: number): Space | null {
  const at = node.bound
    .filter((d) => d.vdev === vdev)
    .flatMap((d) => d.attached)
    .find(({ space }) => space.id === ioasid);
  return at?.space.owner === "vfio" && at.space.kind === "kernel" ? at.space : null;
}

const vfio_map: DeviceCall = (k, node, df, arg) => {
  const a = args(k, arg, uapi.IOASID_MAP_DMA);
  if (typeof a === "number") return a;
  const space = vfio_space(node, df.vdev, a.ioasid);
  if (!k.check(space !== null, "VFIO owns this level") || space === null) return -errno.EINVAL;
  return space_map(k, space, { iova: a.iova, size: a.size, vaddr: a.vaddr, prot: a.flags });
};

const vfio_unmap: DeviceCall = (k, node, df, arg) => {
  const def = uapi.IOASID_UNMAP_DMA;
  const a = args(k, arg, def);
  if (typeof a === "number") return a;
  const space = vfio_space(node, df.vdev, a.ioasid);
  if (!k.check(space !== null, "VFIO owns this level") || space === null) return -errno.EINVAL;
  const bytes = space_unmap(k, space, a.iova, a.size);
  return typeof bytes === "number" ? bytes : reply(k, arg, def, { size: bytes });
};

function fields(node: DesignNode, r: FaultRecord) {
  return {
    flags: (r.pasid >= 0 ? 1 : 0) | (r.last ? 2 : 0) | (recoverable(r) ? 4 : 0) | (via_vfio(node, r) ? VIA_VFIO : 0),
    ioasid: r.space.id,
    dev: Number(cookie_of(r.device.vdev.pdev.bdf)),
    pasid: Math.max(r.pasid, 0),
    grpid: Math.max(r.grpid, 0),
    perm: r.perm,
    level: r.level,
    addr: r.addr,
  };
}

const via_vfio = (node: DesignNode, r: FaultRecord): boolean =>
  node.declared.get(r.device.vdev)?.per_device === true && r.space.owner !== "vfio";

const get_fault: DeviceCall = (k, node, df, arg) => {
  const record = node.held.find((r) => r.device.vdev === df.vdev);
  if (!k.check(record !== undefined, "VFIO holds a fault of this device") || record === undefined) return -errno.EAGAIN;
  const rc = reply(k, arg, uapi.VFIO_DEVICE_GET_FAULT, fields(node, record));
  if (rc < 0) return rc;
  node.held = node.held.filter((r) => r !== record);
  if (recoverable(record)) record.space.ctx.waiting.push(record);
  return 0;
};

const calls: ForeignApi["calls"] = Object.freeze({
  ...RFC1.api.calls,
  VFIO_DEVICE_ALLOW_PASID: Object.freeze({ name: "VFIO_DEVICE_ALLOW_PASID", cmd: 0x3b64 + 26 }),
  VFIO_DEVICE_GET_FAULT: Object.freeze({ name: "VFIO_DEVICE_GET_FAULT", cmd: 0x3b64 + 27 }),
  VFIO_DEVICE_MAP_DMA: Object.freeze({ name: "VFIO_IOMMU_MAP_DMA", cmd: 0x3b64 + 28 }),
  VFIO_DEVICE_UNMAP_DMA: Object.freeze({ name: "VFIO_IOMMU_UNMAP_DMA", cmd: 0x3b64 + 29 }),
});

/** A program that declares nothing itself has ioasid own both levels. */
const before = (c: SpaceCaller, r: { device: number; bdf: string }): number =>
  c.first(`allow ${r.bdf}`) ? c.call("VFIO_DEVICE_ALLOW_PASID", r.device, { config: 3n }).ret : 0;

export const OWNERS: Design = Object.freeze<Design>({
  path: "/dev/ioasid",
  api: Object.freeze({
    calls,
    record: uapi.OWNER_FAULT,
    response: uapi.IOASID_RESPONSE,
    play: rfc_play(before),
    faults: (c: SpaceCaller) => c.fd,
  }),
  calls: RFC_CALLS,
  vfio: Object.freeze({
    ...RFC_VFIO,
    VFIO_ATTACH_IOASID: attach,
    VFIO_DETACH_IOASID: detach,
    VFIO_DEVICE_ALLOW_PASID: allow,
    VFIO_DEVICE_GET_FAULT: get_fault,
    VFIO_DEVICE_MAP_DMA: vfio_map,
    VFIO_DEVICE_UNMAP_DMA: vfio_unmap,
  }),
  keeps_mappings: false,
  unknown_call: -errno.ENOTTY,
  queue_of: (node, record) => (record.space.owner === "vfio" ? node.held : record.space.ctx.queue),
  encode: (node, record) => encode(uapi.OWNER_FAULT, fields(node, record)),
  answers: (_node, answer, r) =>
    answer.ioasid === r.space.id &&
    answer.dev === Number(cookie_of(r.device.vdev.pdev.bdf)) &&
    answer.pasid === Math.max(r.pasid, 0) &&
    answer.grpid === Math.max(r.grpid, 0),
});
