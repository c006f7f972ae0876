/** "Make a space, map, attach" in the calls of iommufd. */
import type { SpaceAnswer, SpaceCaller, SpaceRequest } from "../../kernel/foreign_api.ts";
import { errno } from "../../uapi/errno.ts";
import { HWPT_ALLOC_FLAGS, HWPT_DATA, MAP_FLAGS, VEVENTQ_TYPE, VIOMMU_TYPE } from "../../uapi/iommufd.ts";

const DEPTH = 16n;
/** Second word of the virtual stream table entry: write-back, inner shareable. */
const S1_ATTRIBUTES = 0xd4n;
const VSTE_S1 = 0xbn;

type Out = Readonly<Record<string, number | bigint>>;

const field = (out: Out, name: string): bigint => BigInt(out[name] ?? 0);

/** The device's id, bound now if it is not yet. */
function bound(c: SpaceCaller, r: SpaceRequest): bigint | number {
  const key = `device ${r.bdf}`;
  const there = c.recall(key);
  if (there !== undefined) return there;
  const { ret, out } = c.call("VFIO_DEVICE_BIND_IOMMUFD", r.device, { iommufd: BigInt(c.fd) });
  if (ret < 0) return ret;
  const id = field(out, "out_devid");
  c.remember(key, id);
  c.master(r.bdf, undefined, Number(id));
  return id;
}

function alloc(c: SpaceCaller, r: SpaceRequest): SpaceAnswer {
  const { ret, out } = c.call("IOMMU_IOAS_ALLOC", c.fd, {});
  if (ret < 0) return { ret };
  const id = field(out, "out_ioas_id");
  if (r.faults) {
    const queue = c.call("IOMMU_FAULT_QUEUE_ALLOC", c.fd, {});
    if (queue.ret < 0) return { ret: queue.ret };
    c.remember(`faults ${id}`, field(queue.out, "out_fault_fd"));
    c.remember(`fault id ${id}`, field(queue.out, "out_fault_id"));
  }
  return { ret: 0, id };
}

/** The page table that the device goes to: the space itself, one with a fault queue, or the parent of guest tables. */
function table(c: SpaceCaller, r: SpaceRequest, dev_id: bigint): bigint | number {
  const fault_id = c.recall(`fault id ${r.space}`);
  if (!r.nest && fault_id === undefined) return r.space;
  const key = r.nest ? `parent ${r.space}` : `hwpt ${r.space} ${r.bdf}`;
  const there = c.recall(key);
  if (there !== undefined) return there;
  const { NEST_PARENT, FAULT_ID_VALID } = HWPT_ALLOC_FLAGS;
  const how = r.nest ? { flags: BigInt(NEST_PARENT) } : { flags: BigInt(FAULT_ID_VALID), fault_id: fault_id ?? 0n };
  const { ret, out } = c.call("IOMMU_HWPT_ALLOC", c.fd, { dev_id, pt_id: r.space, ...how });
  if (ret < 0) return ret;
  c.remember(key, field(out, "out_hwpt_id"));
  return field(out, "out_hwpt_id");
}

function attach(c: SpaceCaller, r: SpaceRequest): SpaceAnswer {
  const dev_id = bound(c, r);
  if (typeof dev_id === "number") return { ret: dev_id };
  const pt_id = table(c, r, dev_id);
  if (typeof pt_id === "number") return { ret: pt_id };
  return { ret: c.call("VFIO_DEVICE_ATTACH_IOMMUFD_PT", r.device, { pt_id }).ret };
}

/** Virtual StreamID = requester id, as VMMs have it. */
function vsid(bdf: string): bigint {
  const [, bus = "0", slot = "0", fn = "0"] = /^[0-9a-f]{4}:([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])$/.exec(bdf) ?? [];
  return BigInt((Number.parseInt(bus, 16) << 8) | (Number.parseInt(slot, 16) << 3) | Number(fn));
}

/** A vIOMMU once for the space, with its events; then the device's place in it and its tables. */
function nest(c: SpaceCaller, r: SpaceRequest): SpaceAnswer {
  const dev_id = bound(c, r);
  if (typeof dev_id === "number") return { ret: dev_id };
  const parent = table(c, { ...r, nest: true }, dev_id);
  if (typeof parent === "number") return { ret: parent };
  let viommu_id = c.recall(`viommu ${r.space}`);
  if (viommu_id === undefined) {
    const type = BigInt(VIOMMU_TYPE.ARM_SMMUV3);
    const made = c.call("IOMMU_VIOMMU_ALLOC", c.fd, { type, dev_id, hwpt_id: parent });
    if (made.ret < 0) return { ret: made.ret };
    viommu_id = field(made.out, "out_viommu_id");
    c.remember(`viommu ${r.space}`, viommu_id);
    const events = c.call("IOMMU_VEVENTQ_ALLOC", c.fd, {
      viommu_id,
      type: BigInt(VEVENTQ_TYPE.ARM_SMMUV3),
      veventq_depth: DEPTH,
    });
    if (events.ret >= 0) c.remember(`events of ${r.space}`, field(events.out, "out_veventq_fd"));
  }
  const vdev = c.call("IOMMU_VDEVICE_ALLOC", c.fd, { viommu_id, dev_id, virt_id: vsid(r.bdf) });
  if (vdev.ret < 0) return { ret: vdev.ret };
  const { ret, out } = c.call(
    "IOMMU_HWPT_ALLOC",
    c.fd,
    { dev_id, pt_id: viommu_id, data_type: BigInt(HWPT_DATA.ARM_SMMUV3), data_len: 16n, data_uptr: c.pointer },
    [r.cd | VSTE_S1, S1_ATTRIBUTES],
  );
  if (ret < 0) return { ret };
  const id = field(out, "out_hwpt_id");
  const joined = c.call("VFIO_DEVICE_ATTACH_IOMMUFD_PT", r.device, { pt_id: id });
  if (joined.ret < 0) return { ret: joined.ret };
  const queue = c.recall(`events of ${r.space}`);
  if (queue !== undefined) c.remember(`events ${id}`, queue);
  return { ret: 0, id };
}

export function iommufdSpace(c: SpaceCaller, op: string, r: SpaceRequest): SpaceAnswer {
  switch (op) {
    case "SPACE_ALLOC":
      return alloc(c, r);
    case "SPACE_FREE":
      return { ret: c.call("IOMMU_DESTROY", c.fd, { id: r.space }).ret };
    case "SPACE_MAP": {
      const { R, W, FIXED } = MAP_FLAGS;
      const flags = BigInt(FIXED | ((r.prot & 1) !== 0 ? R : 0) | ((r.prot & 2) !== 0 ? W : 0));
      const values = { ioas_id: r.space, iova: r.iova, length: r.length, user_va: r.va, flags };
      return { ret: c.call("IOMMU_IOAS_MAP", c.fd, values).ret };
    }
    case "SPACE_UNMAP":
      return { ret: c.call("IOMMU_IOAS_UNMAP", c.fd, { ioas_id: r.space, iova: r.iova, length: r.length }).ret };
    case "SPACE_ATTACH":
      return attach(c, r);
    case "SPACE_DETACH":
      return { ret: c.call("VFIO_DEVICE_DETACH_IOMMUFD_PT", r.device, {}).ret };
    case "SPACE_NEST":
      return nest(c, r);
    case "SPACE_INFO":
      return c.ranges("IOMMU_IOAS_IOVA_RANGES", c.fd, { ioas_id: r.space });
    default:
      return { ret: -errno.ENOTTY };
  }
}
