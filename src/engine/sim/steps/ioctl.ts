/** Steps of the VMM that are one ioctl: the struct is built in user memory, the call made, the struct read back. */
import { copy_from_mm, copy_to_mm } from "../../kernel/mm/uaccess.ts";
import { sys_ioctl } from "../../kernel/syscall.ts";
import { decode, encode } from "../../uapi/codec.ts";
import {
  HWPT_DATA,
  INVALIDATE_TYPE,
  IOMMU_GET_HW_INFO,
  IOMMU_HWPT_ALLOC,
  IOMMU_HWPT_INVALIDATE,
  IOMMU_IOAS_ALLOW_IOVAS,
  IOMMU_IOAS_COPY,
  IOMMU_IOAS_IOVA_RANGES,
  IOMMU_IOAS_MAP,
  IOMMU_IOAS_MAP_FILE,
  IOMMU_VEVENTQ_ALLOC,
  IOMMU_VIOMMU_ALLOC,
  MAP_FLAGS,
  VEVENTQ_TYPE,
  VIOMMU_TYPE,
} from "../../uapi/iommufd.ts";
import type { IoctlDef, Layout } from "../../uapi/layout.ts";
import { IOMMU_RESV_IOVA_RANGES } from "../../uapi/proposals.ts";
import { HWPT_ARM_SMMUV3, IOVA_RANGE, VIOMMU_ARM_SMMUV3_INVALIDATE } from "../../uapi/records.ts";
import type { Args } from "../args.ts";
import type { Bare, Call } from "../result.ts";
import type { World } from "../world.ts";
import { present } from "./present.ts";

/** Where arrays behind pointers are put, from the start of the scratch memory. */
const ARRAY = 0x1000n;
/** Entries that IOVA_RANGES has room for unless the step says otherwise. */
const ROOM = 16;

export interface Answered {
  /** 0 or more, or a negative errno. */
  ret: number;
  call: Call;
  /** The struct after the call. */
  out: Record<string, number | bigint>;
}

interface UserArray {
  title: string;
  layout: Layout;
  bytes: Uint8Array;
}

/** Makes one call with a struct in user memory; `array` stands behind the struct's pointer. */
export function ioctl(world: World, fd: number, def: IoctlDef, bytes: Uint8Array, array?: UserArray): Answered {
  const { kernel: k, vmm } = world;
  copy_to_mm(k, vmm.mm, world.scratch, bytes);
  if (array !== undefined) copy_to_mm(k, vmm.mm, world.scratch + ARRAY, array.bytes);
  const ret = sys_ioctl(k, vmm, fd, def.cmd, world.scratch);
  const after = new Uint8Array(bytes.length);
  copy_from_mm(k, vmm.mm, world.scratch, after);
  const arrays: Call["arrays"] = [];
  if (array !== undefined) {
    const back = new Uint8Array(array.bytes.length);
    copy_from_mm(k, vmm.mm, world.scratch + ARRAY, back);
    arrays.push({ title: array.title, layout: array.layout, bytes: back });
  }
  return { ret, call: { def, before: bytes, after, arrays }, out: decode(def, after) };
}

/** Any iommufd ioctl, and the VFIO ones that have no data of their own. `iommufd`: the file whose ids the struct holds. */
export function runIoctl(
  world: World,
  args: Args,
  fd: number,
  iommufd: number = fd,
  given: Readonly<Record<string, bigint>> = {},
): Bare {
  const def = args.op.def;
  if (def === undefined) throw new Error(`${args.op.name} is no ioctl`);
  const values: Record<string, bigint> = { ...given };
  for (const p of args.op.params) {
    const v = p.field === undefined ? undefined : args.int(p.name);
    if (p.field !== undefined && v !== undefined) values[p.field] = v;
  }
  const array = prepare(world, args, def, values);
  const answer = ioctl(world, fd, def, encodeValues(def, values), array);
  return present(world, iommufd, values, answer);
}

function encodeValues(def: IoctlDef, values: Record<string, bigint>): Uint8Array {
  const plain: Record<string, number | bigint> = {};
  for (const [name, v] of Object.entries(values)) plain[name] = def.fields[name]?.type === "u64" ? v : Number(v);
  return encode(def, plain as Record<string, number>);
}

/** Fills what the author leaves to the operation; returns the array that a pointer leads to. */
function prepare(world: World, args: Args, def: IoctlDef, values: Record<string, bigint>): UserArray | undefined {
  const pointer = world.scratch + ARRAY;
  switch (def) {
    case IOMMU_IOAS_MAP:
    case IOMMU_IOAS_MAP_FILE:
    case IOMMU_IOAS_COPY: {
      values["flags"] ??= BigInt(MAP_FLAGS.R | MAP_FLAGS.W);
      if (values["iova"] !== undefined || values["dst_iova"] !== undefined) values["flags"] |= BigInt(MAP_FLAGS.FIXED);
      return undefined;
    }
    case IOMMU_IOAS_IOVA_RANGES: {
      const room = args.num("room", ROOM);
      values["num_iovas"] = BigInt(room);
      values["allowed_iovas"] = pointer;
      return { title: "allowed_iovas", layout: IOVA_RANGE, bytes: new Uint8Array(room * IOVA_RANGE.size) };
    }
    case IOMMU_RESV_IOVA_RANGES: {
      const room = args.num("room", ROOM);
      values["num_iovas"] = BigInt(room);
      values["resv_iovas"] = pointer;
      return { title: "resv_iovas", layout: IOVA_RANGE, bytes: new Uint8Array(room * IOVA_RANGE.size) };
    }
    case IOMMU_IOAS_ALLOW_IOVAS: {
      const ranges = args.ranges("ranges");
      values["num_iovas"] = BigInt(ranges.length);
      values["allowed_iovas"] = pointer;
      return { title: "allowed_iovas", layout: IOVA_RANGE, bytes: words(ranges.flat()) };
    }
    case IOMMU_HWPT_ALLOC: {
      const vste = args.words("vste");
      if (vste === undefined) return undefined;
      values["data_type"] ??= BigInt(HWPT_DATA.ARM_SMMUV3);
      values["data_len"] = BigInt(vste.length * 8);
      values["data_uptr"] = pointer;
      return { title: "data", layout: HWPT_ARM_SMMUV3, bytes: words(vste) };
    }
    case IOMMU_HWPT_INVALIDATE: {
      const commands = args.words("commands") ?? [];
      values["data_type"] ??= BigInt(INVALIDATE_TYPE.VIOMMU_ARM_SMMUV3);
      values["entry_len"] = 16n;
      values["entry_num"] = BigInt(commands.length >> 1);
      values["data_uptr"] = pointer;
      return { title: "commands", layout: VIOMMU_ARM_SMMUV3_INVALIDATE, bytes: words(commands) };
    }
    case IOMMU_GET_HW_INFO:
      values["data_len"] = 40n;
      values["data_uptr"] = pointer;
      return { title: "data", layout: { struct: "hw_info", size: 40, fields: {} }, bytes: new Uint8Array(40) };
    case IOMMU_VIOMMU_ALLOC:
      values["type"] ??= BigInt(VIOMMU_TYPE.ARM_SMMUV3);
      return undefined;
    case IOMMU_VEVENTQ_ALLOC:
      values["type"] ??= BigInt(VEVENTQ_TYPE.ARM_SMMUV3);
      values["veventq_depth"] ??= 16n;
      return undefined;
    default:
      return undefined;
  }
}

function words(list: readonly bigint[]): Uint8Array {
  return new Uint8Array(BigUint64Array.from(list).buffer);
}
