/** Steps of the 2021 designs: one call with the number that the kernel's design gives it. */
import type { Kernel } from "../../kernel/kernel.ts";
import { sys_ioctl } from "../../kernel/syscall.ts";
import { encode } from "../../uapi/codec.ts";
import { errnoName } from "../../uapi/errno.ts";
import type { IoctlDef } from "../../uapi/layout.ts";
import { IOVA_RANGE } from "../../uapi/records.ts";
import { foreignApi } from "../api_node.ts";
import type { Args } from "../args.ts";
import type { Bare, Seen } from "../result.ts";
import type { World, WorldDevice } from "../world.ts";
import { ioctl } from "./ioctl.ts";
import { rangesIn } from "./ranges.ts";
import { setMaster } from "./master.ts";

/** Where arrays behind pointers are put, from the start of the scratch memory. */
const ARRAY = 0x1000n;
const ROOM = 16;
/** A number that no file knows: the call of a design on a kernel without it. */
const NOBODYS = 0x69ff;

/** The call as this kernel numbers it. */
export function numbered(k: Kernel, def: IoctlDef): IoctlDef {
  const call = foreignApi(k)?.calls[def.name];
  return call === undefined ? { ...def, cmd: NOBODYS } : { ...def, name: call.name, cmd: call.cmd };
}

export function runIoasid(world: World, args: Args): Bare {
  const { op } = args;
  if (op.def === undefined) throw new Error(`${op.name} is no call`);
  const def = numbered(world.kernel, op.def);
  const device = def.on === "vfio-device" ? args.device() : null;
  const fd = device === null ? args.num("file", world.iommufd) : device.fd;
  const refs = device === null ? [] : [`dev:${device.name}`];
  if (def.size === 0) {
    const ret = sys_ioctl(world.kernel, world.vmm, fd, def.cmd, args.big("ext", 0n));
    return result(ret, {}, refs);
  }
  const values: Record<string, bigint> = {};
  for (const p of op.params) {
    const v = p.field === undefined ? undefined : args.int(p.name);
    if (p.field !== undefined && v !== undefined) values[p.field] = v;
  }
  if ("fd" in def.fields) values["fd"] ??= BigInt(world.iommufd);
  if (op.name.endsWith("_MAP_DMA")) values["flags"] ??= 3n;
  if (def.fields["flags"]?.values?.["PASID"] === 1 && (values["pasid"] ?? 0n) > 0n) values["flags"] ??= 1n;
  const array = pointed(world, args, def, values);
  const { ret, out, call } = ioctl(world, fd, def, encodeValues(def, values), array);
  if (ret === 0 && GIVES_DEVICE.has(op.name)) master(world, device, Number(values["device"] ?? -1n));
  const seen: Record<string, Seen> = {};
  if (ret >= 0) {
    for (const [name, field] of Object.entries(def.fields))
      if (field.dir !== "in" && name !== "flags") seen[name] = BigInt(out[name] ?? 0);
    if (array !== undefined && "num_iovas" in def.fields)
      seen["ranges"] = rangesIn(array.bytes.length, call.arrays[0]?.bytes, out);
  }
  if (ret >= 0 && op.makes !== undefined) seen["id"] = BigInt(ret);
  return { ...result(ret, seen, refs), call };
}

/** Calls after which the program has the device. */
const GIVES_DEVICE: ReadonlySet<string> = new Set(["VFIO_BIND_IOASID_FD", "IOASID_ATTACH"]);

function master(world: World, named: WorldDevice | null, fd: number): void {
  const device = named ?? [...world.devices.values()].find((d) => d.fd === fd);
  if (device !== undefined) setMaster(world, device);
}

function result(ret: number, seen: Record<string, Seen>, refs: string[]): Bare {
  const errno = ret < 0 ? errnoName(ret) : "ok";
  const id = seen["id"];
  return {
    outcome: ret < 0 ? "errno" : "ok",
    errno,
    summary: ret < 0 ? errno : typeof id === "bigint" ? `number ${id}` : String(ret),
    seen: { ret: BigInt(ret), errno, ...seen },
    refs,
  };
}

export function encodeValues(def: IoctlDef, values: Readonly<Record<string, bigint>>): Uint8Array {
  const plain: Record<string, number | bigint> = {};
  for (const [name, v] of Object.entries(values)) plain[name] = def.fields[name]?.type === "u64" ? v : Number(v);
  return encode(def, plain as Record<string, number>);
}

/** What a pointer of the struct leads to. */
function pointed(world: World, args: Args, def: IoctlDef, values: Record<string, bigint>) {
  const at = world.scratch + ARRAY;
  if ("iovas" in def.fields) {
    values["num_iovas"] = BigInt(ROOM);
    values["iovas"] = at;
    return { title: "iovas", layout: IOVA_RANGE, bytes: new Uint8Array(ROOM * IOVA_RANGE.size) };
  }
  if (!("entries" in def.fields)) return undefined;
  const words = args.words("commands") ?? [];
  values["entries"] = at;
  values["entry_num"] = BigInt(words.length >> 1);
  const bytes = new Uint8Array(BigUint64Array.from(words).buffer);
  return { title: "entries", layout: { struct: "command", size: 16, fields: {} }, bytes };
}
