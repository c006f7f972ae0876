/** Steps on groups and containers. Descriptors stand under labels; a device's own descriptor is the world's. */
import { copy_to_mm } from "../../kernel/mm/uaccess.ts";
import { sys_close, sys_ioctl, sys_open } from "../../kernel/syscall.ts";
import { decode, encode } from "../../uapi/codec.ts";
import { IOVA_RANGE, VFIO_CAP_IOVA_RANGE_HEAD } from "../../uapi/records.ts";
import * as vfio from "../../uapi/vfio.ts";
import type { Args } from "../args.ts";
import type { Bare } from "../result.ts";
import { sizeText } from "../scenario/values.ts";
import type { World, WorldDevice } from "../world.ts";
import { answer } from "./files.ts";
import { ioctl } from "./ioctl.ts";
import { setMaster } from "./master.ts";

const INFO_BYTES = 0x800;
const CAP_IOVA_RANGE = 1;
const READ_WRITE = vfio.DMA_FLAGS.R | vfio.DMA_FLAGS.W;

/** Null where the operation is none of these. */
export function runType1(world: World, args: Args): Bare | null {
  const { kernel: k, vmm } = world;
  const fd = (name: string): number => args.num(name, -1);
  switch (args.op.name) {
    case "OPEN_CONTAINER":
      return opened(sys_open(k, vmm, "/dev/vfio/vfio"), "container");
    case "OPEN_GROUP":
      return openGroup(world, args.device());
    case "VFIO_GROUP_SET_CONTAINER": {
      const def = vfio.VFIO_GROUP_SET_CONTAINER;
      const { ret, call } = ioctl(world, fd("group"), def, encode(def, { fd: fd("container") }));
      return { ...answer(ret, "0", {}), call };
    }
    case "VFIO_GROUP_UNSET_CONTAINER":
      return answer(sys_ioctl(k, vmm, fd("group"), vfio.VFIO_GROUP_UNSET_CONTAINER.cmd, 0n), "0", {});
    case "VFIO_SET_IOMMU": {
      const type = args.big("type", 3n);
      return answer(sys_ioctl(k, vmm, fd("container"), vfio.VFIO_SET_IOMMU.cmd, type), "0", {});
    }
    case "VFIO_IOMMU_GET_INFO":
      return getInfo(world, fd("container"));
    case "VFIO_IOMMU_MAP_DMA":
      return map(world, args, fd("container"));
    case "VFIO_IOMMU_UNMAP_DMA": {
      const def = vfio.VFIO_IOMMU_UNMAP_DMA;
      const bytes = encode(def, { argsz: def.size, iova: args.big("iova", 0n), size: args.big("len", 0n) });
      const { ret, call, out } = ioctl(world, fd("container"), def, bytes);
      const size = BigInt(out["size"] ?? 0);
      return { ...answer(ret, sizeText(size), ret < 0 ? {} : { length: size }), call };
    }
    case "VFIO_GROUP_GET_DEVICE_FD":
      return getDeviceFd(world, args, fd("group"));
    default:
      return null;
  }
}

function opened(fd: number, what: string): Bare {
  return answer(fd, `${what} fd ${fd}`, fd < 0 ? {} : { id: BigInt(fd) });
}

function openGroup(world: World, device: WorldDevice): Bare {
  const id = world.kernel.platform?.pci.get(device.bdf)?.dev.iommu_group?.id;
  const path = id === undefined ? "/dev/vfio/none" : `/dev/vfio/${id}`;
  return { ...opened(sys_open(world.kernel, world.vmm, path), "group"), refs: [`dev:${device.name}`] };
}

function map(world: World, args: Args, fd: number): Bare {
  const def = vfio.VFIO_IOMMU_MAP_DMA;
  const iova = args.big("iova", 0n);
  const size = args.big("len", 0n);
  const flags = args.num("flags", READ_WRITE);
  const bytes = encode(def, { argsz: def.size, flags, vaddr: args.big("va", 0n), iova, size });
  const { ret, call } = ioctl(world, fd, def, bytes);
  const asked = {
    ref: `container:${fd}`,
    start: iova,
    last: BigInt.asUintN(64, iova + (size === 0n ? 0n : size - 1n)),
    label: `${sizeText(size)} ${ret < 0 ? "refused" : "mapped"}`,
  };
  return { ...answer(ret, "0", ret < 0 ? {} : { iova }), call, asked };
}

/** The list of valid IOVAs is one of a chain of capabilities behind the struct. */
function getInfo(world: World, fd: number): Bare {
  const def = vfio.VFIO_IOMMU_GET_INFO;
  const bytes = new Uint8Array(INFO_BYTES);
  bytes.set(encode(def, { argsz: INFO_BYTES }));
  const { ret, call } = ioctl(world, fd, def, bytes);
  const { after } = call;
  const shown = { ...call, before: call.before.slice(0, def.size), after: after.slice(0, def.size) };
  if (ret < 0) return { ...answer(ret, "", {}), call: shown };
  const { flags, cap_offset } = decode(def, after);
  const ranges: [bigint, bigint][] = [];
  const arrays: typeof call.arrays = [];
  for (let at = (flags & 2) === 0 ? 0 : cap_offset; at !== 0;) {
    const cap = decode(VFIO_CAP_IOVA_RANGE_HEAD, after, at);
    const first = at + VFIO_CAP_IOVA_RANGE_HEAD.size;
    at = cap.next;
    if (cap.id !== CAP_IOVA_RANGE) continue;
    for (let i = 0; i < cap.nr_iovas; i++) {
      const range = decode(IOVA_RANGE, after, first + i * IOVA_RANGE.size);
      ranges.push([range.start, range.last]);
    }
    const end = first + cap.nr_iovas * IOVA_RANGE.size;
    arrays.push({ title: "iova_ranges", layout: IOVA_RANGE, bytes: after.slice(first, end) });
  }
  const told = ranges.length === 0 ? "no list" : ranges.length === 1 ? "1 range" : `${ranges.length} ranges`;
  const plain = answer(ret, told, { entries: BigInt(ranges.length) });
  return {
    ...plain,
    seen: { ...plain.seen, ranges: arrays.length === 0 ? "none" : ranges },
    call: { ...shown, arrays },
  };
}

/** Takes the place of the descriptor that the world may hold of the device's own node. */
function getDeviceFd(world: World, args: Args, group: number): Bare {
  const { kernel: k, vmm, scratch } = world;
  const device = args.device();
  copy_to_mm(
    k,
    vmm.mm,
    scratch,
    Uint8Array.from(`${device.bdf}\0`, (c) => c.charCodeAt(0)),
  );
  const fd = sys_ioctl(k, vmm, group, vfio.VFIO_GROUP_GET_DEVICE_FD.cmd, scratch);
  const bare: Bare = { ...answer(fd, `fd ${fd}`, fd < 0 ? {} : { id: BigInt(fd) }), refs: [`dev:${device.name}`] };
  if (fd < 0) return bare;
  if (device.fd >= 0) sys_close(k, vmm, device.fd);
  device.fd = fd;
  setMaster(world, device);
  return bare;
}
