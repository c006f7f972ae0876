/**
 * The containers of the mail of 7 April 2021 (Jean-Philippe Brucker): every open of the node is one. Nothing is possible
 * before a device is attached, which binds the container to its IOMMU. One level: one device. Nesting: several devices
 * share level 2, and each one's tables are set on a child, whose faults come out of the child.
 */
import { encode } from "../../uapi/codec.ts";
import { errno } from "../../uapi/errno.ts";
import * as uapi from "../../uapi/ioasid.ts";
import { File, fput } from "../../kernel/file.ts";
import type { ForeignApi, SpaceCaller, SpaceRequest } from "../../kernel/foreign_api.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { fd_install } from "../../kernel/syscall.ts";
import { VfioDeviceFile } from "../../kernel/vfio/device_cdev.ts";
import { bind, device_file, unbind } from "./bind.ts";
import { space_map, space_unmap } from "./dma.ts";
import { forget, recoverable } from "./faults.ts";
import { args, type Design, type DesignNode, type DeviceCall, type FileCall, fops, reply } from "./node.ts";
import { cookie_of, ENOTTY, made, map, numbers, unmap } from "./play.ts";
import { space_attach, space_bind_table, space_invalidate, space_leave } from "./space.ts";
import { ApiFile, type BoundDevice, Space } from "./state.ts";

const IOASID_BASE = 0x6964;
const NESTING = 1;
const PASID = 1;

/** A container has one space; a child stands on its parent's. */
function space_in(api: ApiFile): Space | null {
  return api.spaces.get(0) ?? null;
}

/** The space with a device in it, or null: nothing is known of the IOMMU before. */
function ready(k: Kernel, api: ApiFile): Space | null {
  const space = space_in(api);
  const attached = space !== null && space.attached.length > 0;
  return k.check(attached, "a device is attached: no operation is known before") ? space : null;
}

function device_of(k: Kernel, fd: number): VfioDeviceFile | number {
  return device_file(k, fd, (f) => (f.private_data instanceof VfioDeviceFile ? f.private_data : null));
}

function in_container(node: DesignNode, df: VfioDeviceFile, space: Space): BoundDevice | null {
  return node.bound.find((d) => d.vdev === df.vdev && d.attached.some((a) => a.space === space)) ?? null;
}

/** The first device chooses the level; a second one is welcome on a level below guest tables only. */
const attach: FileCall = (k, node, api, arg) => {
  const a = args(k, arg, uapi.IOASID_ATTACH);
  if (typeof a === "number") return a;
  if (!k.check((a.flags & ~NESTING) === 0, "known flags")) return -errno.EINVAL;
  const df = device_of(k, a.device);
  if (typeof df === "number") return df;
  const there = space_in(api);
  if (!k.check(there === null || there.parent === null, "the container is no child")) return -errno.EINVAL;
  if (!k.check(!node.bound.some((d) => d.vdev === df.vdev), "the device is in no container")) return -errno.EINVAL;
  const nest = (a.flags & NESTING) !== 0;
  const shared = there === null || there.attached.length === 0 || (there.nest && nest);
  if (!k.check(shared, "the container has one level and no device yet, or is the level below guest tables"))
    return -errno.EINVAL;
  const space = there ?? new Space(api, 0, "kernel", null, nest);
  if (space.attached.length === 0) space.nest = nest;
  api.spaces.set(0, space);
  const device = bind(k, node, df, api, 0n);
  if (typeof device === "number") return device;
  const rc = space_attach(k, space, device, 0);
  if (rc < 0) {
    unbind(k, node, device);
    df.access_granted = false;
  }
  return rc;
};

const detach: FileCall = (k, node, api, arg) => {
  const a = args(k, arg, uapi.IOASID_DETACH);
  if (typeof a === "number") return a;
  const df = device_of(k, a.device);
  if (typeof df === "number") return df;
  const space = space_in(api);
  const device = space === null ? null : in_container(node, df, space);
  const mine = device !== null && a.flags === 0 && space?.parent === null;
  if (!k.check(mine, "the device is in this container") || device === null) return -errno.EINVAL;
  unbind(k, node, device);
  df.access_granted = false;
  return 0;
};

/** A child for one device of a nesting container, or for one PASID of a container with one level. Its descriptor. */
const derive: FileCall = (k, node, api, arg) => {
  const a = args(k, arg, uapi.IOASID_DERIVE);
  if (typeof a === "number") return a;
  const parent = ready(k, api);
  if (parent === null || (a.flags & ~PASID) !== 0) return -errno.EINVAL;
  const df = device_of(k, a.device);
  if (typeof df === "number") return df;
  const device = in_container(node, df, parent);
  if (!k.check(device !== null, "the device is in the parent") || device === null) return -errno.EINVAL;
  if ((a.flags & PASID) !== 0) return derive_pasid(k, node, device, parent, a.pasid);
  if (!k.check(parent.nest, "the container is the level below guest tables")) return -errno.EINVAL;
  const had = device.attached.some((at) => at.space.parent === parent);
  if (!k.check(!had, "the device has no child yet")) return -errno.EINVAL;
  return child(k, node, parent, (own) => {
    const space = new Space(own, 0, "user", parent, false);
    own.spaces.set(0, space);
    return space_attach(k, space, device, 0);
  });
};

/** A table of its own for a PASID: the host keeps the numbers, the program must have been allowed this one. */
function derive_pasid(k: Kernel, node: DesignNode, device: BoundDevice, parent: Space, pasid: number): number {
  if (!k.check(device.pasids.has(pasid), "the device may use this PASID")) return -errno.EINVAL;
  if (!k.check(!parent.nest, "the host, not a guest, has the PASIDs")) return -errno.EINVAL;
  return child(k, node, parent, (own) => {
    const space = new Space(own, 0, "kernel", null, false);
    own.spaces.set(0, space);
    return space_attach(k, space, device, pasid);
  });
}

function child(k: Kernel, node: DesignNode, parent: Space, fill: (own: ApiFile) => number): number {
  const file = new File(fops, "anon_inode:[ioasid-child]", null);
  const own = new ApiFile(file, parent.ctx.mm);
  file.private_data = own;
  node.files.push(own);
  const rc = fill(own);
  if (rc < 0) {
    fput(k, file);
    return rc;
  }
  return fd_install(k, k.current, file);
}

/** The guest's context descriptors, on the child; on the container itself while it has one device. */
const set_pasid_table: FileCall = (k, node, api, arg) => {
  const a = args(k, arg, uapi.IOASID_SET_PASID_TABLE);
  if (typeof a === "number") return a;
  const space = ready(k, api);
  if (space === null || a.flags !== 0) return -errno.EINVAL;
  const table = { address: a.table, bits: a.bits };
  if (space.kind === "user") return space_bind_table(k, space, table);
  const [only, ...more] = space.attached;
  if (!k.check(more.length === 0, "a container with several devices has its tables on children")) return -errno.EINVAL;
  if (!k.check(space.nest, "the container is the level below guest tables") || only === undefined) return -errno.EINVAL;
  const bare = node.bound.every((d) => d.attached.every((at) => at.space.parent !== space));
  if (!k.check(bare, "the device's tables are not on a child")) return -errno.EINVAL;
  const level1 = new Space(api, 1, "user", space, false);
  api.spaces.set(1, level1);
  const rc = space_attach(k, level1, only.device, 0);
  return rc < 0 ? rc : space_bind_table(k, level1, table);
};

const map_dma: FileCall = (k, _node, api, arg) => {
  const a = args(k, arg, uapi.IOASID_MAP_DMA);
  if (typeof a === "number") return a;
  const space = ready(k, api);
  if (space === null || a.ioasid !== 0) return -errno.EINVAL;
  if (!k.check(space.kind === "kernel", "the kernel builds this table")) return -errno.EINVAL;
  return space_map(k, space, { iova: a.iova, size: a.size, vaddr: a.vaddr, prot: a.flags });
};

const unmap_dma: FileCall = (k, _node, api, arg) => {
  const def = uapi.IOASID_UNMAP_DMA;
  const a = args(k, arg, def);
  if (typeof a === "number") return a;
  const space = ready(k, api);
  if (space === null || a.ioasid !== 0 || a.flags !== 0) return -errno.EINVAL;
  if (!k.check(space.kind === "kernel", "the kernel builds this table")) return -errno.EINVAL;
  const bytes = space_unmap(k, space, a.iova, a.size);
  return typeof bytes === "number" ? bytes : reply(k, arg, def, { size: bytes });
};

const invalidate: FileCall = (k, _node, api, arg) => {
  const def = uapi.IOASID_INVALIDATE_CACHE;
  const a = args(k, arg, def);
  if (typeof a === "number") return a;
  const space = api.spaces.get(1) ?? ready(k, api);
  if (space === null || a.flags !== 0 || a.ioasid !== 0) return -errno.EINVAL;
  if (!k.check(space.kind === "user", "the guest's tables are here")) return -errno.EINVAL;
  const done = space_invalidate(k, space, a.entries, a.entry_num);
  return done < 0 ? done : reply(k, arg, def, { entry_num: done });
};

const allow: DeviceCall = (k, node, df, arg) => {
  const a = args(k, arg, uapi.VFIO_DEVICE_ALLOW_IOASID);
  if (typeof a === "number") return a;
  const device = node.bound.find((d) => d.vdev === df.vdev);
  const known = device !== undefined && a.flags === 0 && a.pasid > 0 && a.pasid < 1 << 20;
  if (!k.check(known, "the device is in a container, the PASID has 20 bits") || device === undefined)
    return -errno.EINVAL;
  device.pasids.add(a.pasid);
  return 0;
};

/** A child that is closed gives its device back to the parent's table. */
function released(k: Kernel, node: DesignNode, api: ApiFile): void {
  for (const space of api.spaces.values()) {
    for (const at of [...space.attached]) {
      for (const one of node.files) forget(k, one, (r) => r.space === space);
      space_leave(k, at, true);
    }
  }
}

const play: ForeignApi["play"] = (c, op, r) => {
  const fd = Number(r.space);
  switch (op) {
    case "SPACE_ALLOC":
      return made(c.open("/dev/ioasid"));
    case "SPACE_FREE":
      return { ret: c.close(fd) };
    case "SPACE_MAP":
      return map(c, fd, r, 0n);
    case "SPACE_UNMAP":
      return unmap(c, fd, r, 0n);
    case "SPACE_ATTACH": {
      const { ret } = c.call("IOASID_ATTACH", fd, { device: BigInt(r.device), flags: r.nest ? 1n : 0n });
      if (ret === 0) c.master(r.bdf);
      return { ret };
    }
    case "SPACE_DETACH":
      return { ret: c.call("IOASID_DETACH", fd, { device: BigInt(r.device) }).ret };
    case "SPACE_NEST": {
      const { ret } = c.call("IOASID_DERIVE", fd, { device: BigInt(r.device) });
      if (ret < 0) return { ret };
      const set = c.call("IOASID_SET_PASID_TABLE", ret, { table: r.cd, bits: 0n });
      return set.ret < 0 ? { ret: set.ret } : made(ret);
    }
    default:
      return ENOTTY;
  }
};

export const CONTAINERS: Design = Object.freeze<Design>({
  path: "/dev/ioasid",
  api: Object.freeze({
    calls: numbers(
      IOASID_BASE,
      {
        IOASID_ATTACH: ["attach(container, VF)", 0],
        IOASID_DETACH: ["detach(container, VF)", 1],
        IOASID_DERIVE: ["child(container, VF)", 2],
        IOASID_SET_PASID_TABLE: ["SET_PASID_TABLE", 3],
        IOASID_MAP_DMA: ["map", 4],
        IOASID_UNMAP_DMA: ["unmap", 5],
        IOASID_INVALIDATE_CACHE: ["invalidate", 6],
      },
      { VFIO_DEVICE_ALLOW_IOASID: ["DEVICE_ALLOW_IOASID", 22] },
    ),
    record: uapi.CONTAINER_FAULT,
    response: uapi.IOASID_RESPONSE,
    play,
    faults: (_c: SpaceCaller, r: SpaceRequest) => Number(r.space),
  }),
  calls: Object.freeze({
    IOASID_ATTACH: attach,
    IOASID_DETACH: detach,
    IOASID_DERIVE: derive,
    IOASID_SET_PASID_TABLE: set_pasid_table,
    IOASID_MAP_DMA: map_dma,
    IOASID_UNMAP_DMA: unmap_dma,
    IOASID_INVALIDATE_CACHE: invalidate,
  }),
  vfio: Object.freeze({ VFIO_DEVICE_ALLOW_IOASID: allow }),
  keeps_mappings: false,
  unknown_call: -errno.EINVAL,
  released,
  queue_of: (_node, record) => record.space.ctx.queue,
  encode: (_node, r) =>
    encode(uapi.CONTAINER_FAULT, {
      flags: (r.pasid >= 0 ? 1 : 0) | (r.last ? 2 : 0) | (recoverable(r) ? 4 : 0),
      dev: Number(cookie_of(r.device.vdev.pdev.bdf)),
      pasid: Math.max(r.pasid, 0),
      grpid: Math.max(r.grpid, 0),
      perm: r.perm,
      level: r.level,
      addr: r.addr,
    }),
  answers: (_node, answer, r) =>
    answer.dev === Number(cookie_of(r.device.vdev.pdev.bdf)) &&
    answer.pasid === Math.max(r.pasid, 0) &&
    answer.grpid === Math.max(r.grpid, 0),
});
