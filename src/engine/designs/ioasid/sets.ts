/**
 * PASIDs in sets (Jacob Pan's series V4 and Yi Liu's /dev/ioasid, 28 February 2021). One set a process; a PASID that the
 * guest uses is free-pending until it lets go. Page tables, devices and faults stay in VFIO.
 */
import { errno } from "../../uapi/errno.ts";
import * as uapi from "../../uapi/ioasid.ts";
import * as vfio from "../../uapi/vfio.ts";
import type { ForeignApi, SpaceCaller, SpaceRequest } from "../../kernel/foreign_api.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { Mm } from "../../kernel/mm/mm.ts";
import { VfioContainerNode } from "../../kernel/vfio/type1.ts";
import { args, type Design, type DesignNode, type DeviceCall, type FileCall, reply } from "./node.ts";
import { ENOTTY, made, numbers } from "./play.ts";
import type { ApiFile } from "./state.ts";

const IOASID_BASE = 0x6964;
const BITS = 20;
const LIMIT = 2 ** BITS;
/** PASIDs of one set; the series takes it from a cgroup. */
const QUOTA = 1000;
const TYPE1v2 = 3n;

export interface Ioasid {
  id: number;
  state: "active" | "free-pending";
  /** The guest's number for it; -1 = none. */
  private_id: number;
  /** Binds of the guest. */
  binds: number;
}

export class IoasidSet {
  /** The process is the token. */
  readonly mm: Mm;
  readonly ids = new Map<number, Ioasid>();
  quota = QUOTA;

  constructor(mm: Mm) {
    this.mm = mm;
  }
}

/** Every set of the system, and what those who registered for it were told. */
export class IoasidSets {
  sets: IoasidSet[] = [];
  notified: string[] = [];
}

function sets_of(node: DesignNode): IoasidSets {
  if (!(node.own instanceof IoasidSets)) node.own = new IoasidSets();
  return node.own instanceof IoasidSets ? node.own : new IoasidSets();
}

const set_of = (node: DesignNode, mm: Mm): IoasidSet | null => sets_of(node).sets.find((s) => s.mm === mm) ?? null;

function notify(k: Kernel, node: DesignNode, what: string): void {
  sets_of(node).notified.push(what);
  k.note(`notification: ${what}`);
}

function opened(k: Kernel, node: DesignNode, api: ApiFile): number {
  if (!k.check(set_of(node, api.mm) === null, "the process has no set yet")) return -errno.EBUSY;
  sets_of(node).sets.push(new IoasidSet(api.mm));
  return 0;
}

/** The set goes with the file; what a guest still uses too. */
function released(k: Kernel, node: DesignNode, api: ApiFile): void {
  const all = sets_of(node);
  const set = set_of(node, api.mm);
  for (const id of set?.ids.keys() ?? []) notify(k, node, `free ${id}`);
  all.sets = all.sets.filter((s) => s !== set);
}

const get_info: FileCall = (k, _node, _api, arg) => {
  const def = uapi.IOASID_GET_INFO;
  const a = args(k, arg, def);
  if (typeof a === "number") return a;
  if (!k.check(a.flags === 0, "no flags")) return -errno.EINVAL;
  return reply(k, arg, def, { ioasid: BITS });
};

/** The lowest number between `min` and `max`, both inclusive, that no set of the system has. */
const request_alloc: FileCall = (k, node, api, arg) => {
  const a = args(k, arg, uapi.IOASID_REQUEST_ALLOC);
  if (typeof a === "number") return a;
  const ordered = a.flags === 0 && a.min <= a.max && a.max < LIMIT;
  if (!k.check(ordered, "no flags, and a range within 20 bits")) return -errno.EINVAL;
  const set = set_of(node, api.mm);
  if (set === null) return -errno.EINVAL;
  const detail = () => ({ left: `${set.ids.size}`, right: `${set.quota}` });
  if (!k.check(set.ids.size < set.quota, "the set's quota leaves one", detail)) return -errno.EINVAL;
  const taken = new Set(sets_of(node).sets.flatMap((s) => Array.from(s.ids.keys())));
  let id = a.min;
  while (taken.has(id)) id++;
  if (!k.check(id <= a.max, "a number in the range is free")) return -errno.EINVAL;
  set.ids.set(id, { id, state: "active", private_id: -1, binds: 0 });
  notify(k, node, `alloc ${id}`);
  return id;
};

function drop(k: Kernel, node: DesignNode, set: IoasidSet, id: number): void {
  set.ids.delete(id);
  notify(k, node, `free ${id}`);
}

/** A number of another set, or none, is not freed, and that is no error. */
const request_free: FileCall = (k, node, api, arg) => {
  const a = args(k, arg, uapi.IOASID_REQUEST_FREE);
  if (typeof a === "number") return a;
  if (!k.check(a.ioasid >= 0, "a number")) return -errno.EINVAL;
  const set = set_of(node, api.mm);
  const one = set?.ids.get(a.ioasid);
  if (!k.check(one !== undefined, "the process's set has it") || one === undefined || set === null) return 0;
  if (one.binds === 0) drop(k, node, set, one.id);
  else {
    one.state = "free-pending";
    k.note(`${one.id} is in use: free-pending`);
  }
  return 0;
};

/** The owner, and nobody else, may run a guest's PASID on it. */
const bind: DeviceCall = (k, node, _df, arg) => {
  const a = args(k, arg, uapi.IOASID_BIND_GPASID);
  if (typeof a === "number") return a;
  const set = set_of(node, k.current.mm);
  const one = set?.ids.get(a.ioasid);
  const mine = a.flags === 0 && one?.state === "active";
  if (!k.check(mine, "the PASID is active in the process's own set") || one === undefined || set === null)
    return -errno.EINVAL;
  const taken = [...set.ids.values()].some((o) => o !== one && o.private_id === a.gpasid);
  const same = !taken && (one.private_id === -1 || one.private_id === a.gpasid);
  if (!k.check(same, "one guest PASID for one host PASID")) return -errno.EINVAL;
  one.private_id = a.gpasid;
  one.binds++;
  notify(k, node, `bind ${one.id} as ${a.gpasid}`);
  return 0;
};

const unbind: DeviceCall = (k, node, _df, arg) => {
  const a = args(k, arg, uapi.IOASID_UNBIND_GPASID);
  if (typeof a === "number") return a;
  const set = set_of(node, k.current.mm);
  const one = set?.ids.get(a.ioasid);
  if (!k.check(one !== undefined && one.binds > 0 && a.flags === 0, "a guest uses it") || !one || !set)
    return -errno.EINVAL;
  one.binds--;
  notify(k, node, `unbind ${one.id}`);
  if (one.binds === 0) one.private_id = -1;
  if (one.binds === 0 && one.state === "free-pending") drop(k, node, set, one.id);
  return 0;
};

/** VFIO as it was: a container, the device's group in it, type1v2. */
function vfio_attach(c: SpaceCaller, r: SpaceRequest): number {
  const container = Number(r.space);
  const group = c.open(c.group(r.bdf));
  if (group < 0) return group;
  const { ret } = c.call("VFIO_GROUP_SET_CONTAINER", group, { fd: r.space });
  if (ret < 0) return ret;
  if (c.first(`type1 ${container}`)) {
    const rc = c.plain(vfio.VFIO_SET_IOMMU.cmd, container, TYPE1v2);
    if (rc < 0) return rc;
  }
  const fd = c.text(vfio.VFIO_GROUP_GET_DEVICE_FD.cmd, group, r.bdf);
  if (fd < 0) return fd;
  c.master(r.bdf, fd);
  return 0;
}

const play: ForeignApi["play"] = (c, op, r) => {
  const fd = Number(r.space);
  const values = { iova: r.iova, size: r.length, vaddr: r.va, flags: BigInt(r.prot) };
  switch (op) {
    case "SPACE_ALLOC":
      return made(c.open("/dev/vfio/vfio"));
    case "SPACE_FREE":
      return { ret: c.close(fd) };
    case "SPACE_MAP":
      return { ret: c.call("VFIO_IOMMU_MAP_DMA", fd, values).ret };
    case "SPACE_UNMAP":
      return { ret: c.call("VFIO_IOMMU_UNMAP_DMA", fd, { iova: r.iova, size: r.length }).ret };
    case "SPACE_ATTACH":
      return { ret: vfio_attach(c, r) };
    default:
      return ENOTTY;
  }
};

export const SETS: Design = Object.freeze<Design>({
  path: "/dev/ioasid",
  api: Object.freeze({
    calls: numbers(
      IOASID_BASE,
      {
        IOASID_GET_API_VERSION: ["IOASID_GET_API_VERSION", 0],
        IOASID_GET_INFO: ["IOASID_GET_INFO", 1],
        IOASID_REQUEST_ALLOC: ["IOASID_REQUEST_ALLOC", 2],
        IOASID_REQUEST_FREE: ["IOASID_REQUEST_FREE", 3],
      },
      { IOASID_BIND_GPASID: ["VFIO: bind guest PASID", 30], IOASID_UNBIND_GPASID: ["VFIO: unbind guest PASID", 31] },
    ),
    record: null,
    response: null,
    play,
    faults: () => -1,
  }),
  calls: Object.freeze({
    IOASID_GET_API_VERSION: () => 0,
    IOASID_GET_INFO: get_info,
    IOASID_REQUEST_ALLOC: request_alloc,
    IOASID_REQUEST_FREE: request_free,
  }),
  vfio: Object.freeze({ IOASID_BIND_GPASID: bind, IOASID_UNBIND_GPASID: unbind }),
  keeps_mappings: false,
  unknown_call: -errno.EINVAL,
  opened,
  released,
  keeps: (k: Kernel) => {
    k.devnodes.set("/dev/vfio/vfio", new VfioContainerNode());
  },
});
