/**
 * What a program wants, played in the words of the kernel's API: iommufd's calls (space_iommufd.ts), or those of the
 * kernel's design. The result names the calls that were made.
 */
import type { SpaceAnswer, SpaceCaller, SpaceRequest } from "../../kernel/foreign_api.ts";
import { copy_from_mm, copy_to_mm } from "../../kernel/mm/uaccess.ts";
import { sys_close, sys_ioctl, sys_open, sys_read, sys_write } from "../../kernel/syscall.ts";
import { decode } from "../../uapi/codec.ts";
import { errnoName } from "../../uapi/errno.ts";
import type { IoctlDef, Layout } from "../../uapi/layout.ts";
import { HWPT_PGFAULT, IOVA_RANGE, VEVENT_ARM_SMMUV3, VEVENT_HEADER } from "../../uapi/records.ts";
import { VFIO_IOCTLS } from "../../uapi/vfio.ts";
import { foreignApi } from "../api_node.ts";
import type { Args } from "../args.ts";
import { devRef } from "../refs.ts";
import type { Bare, Seen } from "../result.ts";
import { findOp } from "../scenario/ops.ts";
import type { World } from "../world.ts";
import { encodeValues, numbered } from "./ioasid.ts";
import { rangesIn } from "./ranges.ts";
import { ioctl } from "./ioctl.ts";
import { iommufdSpace } from "./space_iommufd.ts";
import { setMaster } from "./master.ts";

const ARRAY = 0x1000n;
const ROOM = 16;
const QUEUE_BYTES = 0x800;

/** The program's hand: every call goes through the same system calls as a step's own. */
class Caller implements SpaceCaller {
  readonly world: World;
  readonly fd: number;
  readonly pointer: bigint;
  /** Names of the calls that were made, in order. */
  readonly made: string[] = [];

  constructor(world: World) {
    this.world = world;
    this.fd = world.iommufd;
    this.pointer = world.scratch + ARRAY;
  }

  private def(op: string): IoctlDef {
    const found = findOp("vmm", op)?.def ?? VFIO_IOCTLS.find((d) => d.name === op);
    if (found === undefined) throw new Error(`no call ${op}`);
    return found.since === "2021" ? numbered(this.world.kernel, found) : found;
  }

  call(op: string, fd: number, values: Readonly<Record<string, bigint>>, data?: readonly bigint[]) {
    const def = this.def(op);
    const array =
      data === undefined
        ? undefined
        : { title: "data", layout: DATA, bytes: new Uint8Array(BigUint64Array.from(data).buffer) };
    const { ret, out } = ioctl(this.world, fd, def, encodeValues(def, values), array);
    this.made.push(def.name);
    return { ret, out };
  }

  ranges(op: string, fd: number, values: Readonly<Record<string, bigint>>) {
    const def = this.def(op);
    const field = "allowed_iovas" in def.fields ? "allowed_iovas" : "iovas";
    const bytes = new Uint8Array(ROOM * IOVA_RANGE.size);
    const given = encodeValues(def, { ...values, num_iovas: BigInt(ROOM), [field]: this.pointer });
    const { ret, out, call } = ioctl(this.world, fd, def, given, { title: field, layout: IOVA_RANGE, bytes });
    this.made.push(def.name);
    return { ret, ranges: ret < 0 ? [] : rangesIn(bytes.length, call.arrays[0]?.bytes, out) };
  }

  plain(cmd: number, fd: number, value: bigint): number {
    this.made.push(VFIO_IOCTLS.find((d) => d.cmd === cmd)?.name ?? `0x${cmd.toString(16)}`);
    return sys_ioctl(this.world.kernel, this.world.vmm, fd, cmd, value);
  }

  text(cmd: number, fd: number, value: string): number {
    const { kernel: k, vmm, scratch } = this.world;
    copy_to_mm(
      k,
      vmm.mm,
      scratch,
      Uint8Array.from(`${value}\0`, (c) => c.charCodeAt(0)),
    );
    return this.plain(cmd, fd, scratch);
  }

  group(bdf: string): string {
    const group = this.world.kernel.platform?.vfio.get(bdf)?.group ?? null;
    return group === null ? "/dev/vfio/none" : `/dev/vfio/${group.iommu_group.id}`;
  }

  open(path: string): number {
    this.made.push(`open ${path}`);
    return sys_open(this.world.kernel, this.world.vmm, path);
  }

  close(fd: number): number {
    this.made.push("close");
    return sys_close(this.world.kernel, this.world.vmm, fd);
  }

  first(key: string): boolean {
    const { noted } = this.world;
    if (noted.has(key)) return false;
    noted.set(key, 1n);
    return true;
  }

  recall(key: string): bigint | undefined {
    return this.world.noted.get(key);
  }

  remember(key: string, value: bigint): void {
    this.world.noted.set(key, value);
  }

  master(bdf: string, fd?: number, id?: number): void {
    for (const d of this.world.devices.values()) {
      if (d.bdf !== bdf) continue;
      if (fd !== undefined) d.fd = fd;
      if (id !== undefined) d.id = id;
      setMaster(this.world, d);
    }
  }
}

const DATA: Layout = Object.freeze({ struct: "data", size: 8, fields: Object.freeze({}) });

function requestOf(args: Args): SpaceRequest {
  const device = args.word("dev") === undefined ? null : args.device();
  const flags = args.has("flags") ? Number(args.big("flags", 3n)) : 3;
  return {
    space: args.big("space", 0n),
    device: device?.fd ?? -1,
    bdf: device?.bdf ?? "",
    iova: args.big("iova", 0n),
    length: args.big("len", 0n),
    va: args.big("va", 0n),
    prot: flags,
    nest: args.word("nest") === "nest",
    faults: args.word("faults") === "faults",
    cd: args.big("cd", 0n),
  };
}

export function runSpace(world: World, args: Args): Bare {
  const caller = new Caller(world);
  const request = requestOf(args);
  const device = args.word("dev") === undefined ? null : args.device();
  const refs = device === null ? [] : [devRef(world, device.bdf)];
  const { name } = args.op;
  if (name === "SPACE_FAULTS") return faults(world, caller, request, refs);
  if (name === "SPACE_RESPOND") return respond(world, caller, request, args.num("code", 0), refs);
  const play = foreignApi(world.kernel)?.play ?? iommufdSpace;
  const a: SpaceAnswer = play(caller, name, request);
  const errno = a.ret < 0 ? errnoName(a.ret) : "ok";
  const seen: Record<string, Seen> = { ret: BigInt(a.ret), errno };
  if (a.ret >= 0 && a.id !== undefined) seen["id"] = a.id;
  if (a.ret >= 0 && a.ranges !== undefined) seen["ranges"] = a.ranges;
  if (a.ret >= 0 && a.regions !== undefined) seen["regions"] = a.regions;
  const calls = caller.made.join(", ");
  if (calls !== "") world.kernel.note(calls);
  const summary = a.ret < 0 ? failedBy(errno, caller.made.at(-1)) : calls === "" ? "0" : calls;
  return { outcome: a.ret < 0 ? "errno" : "ok", errno, summary, seen, refs };
}

function failedBy(errno: string, call: string | undefined): string {
  return call === undefined ? errno : `${errno} (${call})`;
}

/** The oldest record and how many there were. */
function faults(world: World, caller: Caller, request: SpaceRequest, refs: string[]): Bare {
  const api = foreignApi(world.kernel);
  const fd = api === null ? Number(caller.recall(`faults ${request.space}`) ?? -1n) : api.faults(caller, request);
  const layout = api === null ? HWPT_PGFAULT : api.record;
  let records = layout === null ? [] : drain(world, fd, layout);
  let kind = "fault";
  if (api === null && records.length === 0) {
    records = vevents(world, Number(caller.recall(`events ${request.space}`) ?? -1n));
    kind = "event";
  }
  const [first] = records;
  const seen: Record<string, Seen> = { ret: 0n, errno: "ok", records: BigInt(records.length) };
  if (first !== undefined) {
    seen["who"] = whoIs(world, first);
    for (const key of ["pasid", "grpid", "addr", "perm", "ioasid", "cookie", "level"]) {
      const v = first[key];
      if (v !== undefined) seen[key] = BigInt(v);
    }
    if ((layout?.fields["flags"]?.values?.["VIA_VFIO"] ?? 0) !== 0) seen["via"] = viaOf(first);
    world.noted.set(`last ${request.space}`, BigInt(records.length));
    for (const [key, v] of Object.entries(first)) world.noted.set(`last ${request.space} ${key}`, BigInt(v));
  }
  const what = records.length === 1 ? `1 ${kind}` : `${records.length} ${kind}s`;
  const of = first === undefined ? "" : `, ${String(seen["who"])}`;
  return { outcome: "ok", errno: "ok", summary: `${what}${of}`, seen, refs };
}

type Decoded = Record<string, number | bigint>;

const viaOf = (r: Decoded): string => ((Number(r["flags"] ?? 0) & 8) !== 0 ? "vfio" : "table");

/** The device that a record names, as far as it does. */
function whoIs(world: World, record: Decoded): string {
  for (const d of world.devices.values()) {
    const rid = requesterId(d.bdf);
    const own = record["dev_id"] !== undefined && Number(record["dev_id"]) === d.id;
    const named = record["dev"] !== undefined && Number(record["dev"]) === rid;
    const cookie =
      record["cookie"] !== undefined && record["dev_id"] === undefined && BigInt(record["cookie"]) === BigInt(rid);
    if (own || named || cookie) return d.name;
  }
  return "unknown";
}

function requesterId(bdf: string): number {
  const [, bus = "0", slot = "0", fn = "0"] = /^[0-9a-f]{4}:([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])$/.exec(bdf) ?? [];
  return (Number.parseInt(bus, 16) << 8) | (Number.parseInt(slot, 16) << 3) | Number(fn);
}

function bytesRead(world: World, fd: number): Uint8Array {
  const { kernel: k, vmm, scratch } = world;
  const n = fd < 0 ? 0 : sys_read(k, vmm, fd, scratch, QUEUE_BYTES - (QUEUE_BYTES % 40));
  const out = new Uint8Array(Math.max(n, 0));
  copy_from_mm(k, vmm.mm, scratch, out);
  return out;
}

function drain(world: World, fd: number, layout: Layout): Decoded[] {
  const bytes = bytesRead(world, fd);
  return Array.from({ length: Math.floor(bytes.length / layout.size) }, (_, i) =>
    decode(layout, bytes, i * layout.size),
  );
}

/** Events of a vIOMMU carry the virtual StreamID, which the program made from the requester id. */
function vevents(world: World, fd: number): Decoded[] {
  const bytes = bytesRead(world, fd);
  const size = VEVENT_HEADER.size + VEVENT_ARM_SMMUV3.size;
  return Array.from({ length: Math.floor(bytes.length / size) }, (_, i) => {
    const e = decode(VEVENT_ARM_SMMUV3, bytes, i * size + VEVENT_HEADER.size);
    const ssv = (e.evt0 >> 11n) & 1n;
    return {
      dev: Number(e.evt0 >> 32n),
      addr: e.evt2,
      perm: ((e.evt1 >> 35n) & 1n) === 1n ? 1 : 2,
      level: 1,
      ...(ssv === 1n ? { pasid: Number((e.evt0 >> 12n) & 0xfffffn) } : {}),
    };
  });
}

/** Writes the answer to the record that was read first; what identifies it comes from the record. */
function respond(world: World, caller: Caller, request: SpaceRequest, code: number, refs: string[]): Bare {
  const { kernel: k, vmm, scratch } = world;
  const api = foreignApi(k);
  const fd = api === null ? Number(caller.recall(`faults ${request.space}`) ?? -1n) : api.faults(caller, request);
  const last = (key: string): bigint => world.noted.get(`last ${request.space} ${key}`) ?? 0n;
  let bytes = new Uint8Array(BigUint64Array.from([last("cookie") | (BigInt(code) << 32n)]).buffer);
  if (api !== null && api.response !== null) {
    const names = Object.keys(api.response.fields).filter((n) => api.record?.fields[n] !== undefined && n !== "pad");
    const values = Object.fromEntries(names.map((n) => [n, last(n)]));
    bytes = new Uint8Array(encodeValues({ ...api.response, ...NO_CALL }, { ...values, code: BigInt(code) }));
  }
  copy_to_mm(k, vmm.mm, scratch, bytes);
  const ret = sys_write(k, vmm, fd, scratch, bytes.length);
  const errno = ret < 0 ? errnoName(ret) : "ok";
  const seen: Record<string, Seen> = { ret: BigInt(ret), errno };
  return { outcome: ret < 0 ? "errno" : "ok", errno, summary: ret < 0 ? errno : "answered", seen, refs };
}

const NO_CALL = Object.freeze({ name: "", cmd: 0, min: 0, since: "2021", on: "iommufd" as const });
