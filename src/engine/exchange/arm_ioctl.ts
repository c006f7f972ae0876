/** One recorded ioctl: made again, with its buffers, and compared byte for byte. */
import * as sys from "../kernel/syscall.ts";
import { decode, diffFields } from "../uapi/codec.ts";
import { errno, errnoName } from "../uapi/errno.ts";
import { IOMMU_IOAS_IOVA_RANGES, IOMMU_IOAS_MAP_FILE } from "../uapi/iommufd.ts";
import type { IoctlDef } from "../uapi/layout.ts";
import { ioctlDef } from "../uapi/table.ts";
import {
  IRQ_SET_FLAGS,
  VFIO_CHECK_EXTENSION,
  VFIO_DEVICE_BIND_IOMMUFD,
  VFIO_DEVICE_FEATURE,
  VFIO_DEVICE_SET_IRQS,
  VFIO_GROUP_GET_DEVICE_FD,
  VFIO_SET_IOMMU,
} from "../uapi/vfio.ts";
import { type ArmRecord, need } from "./arm_records.ts";
import { fromHex, toHex } from "./hex.ts";
import { type ArmWorld, kindOfFd } from "./replay_arm_world.ts";

/** VMMs choose this kind of container when it is there. */
const TYPE1v2 = 3n;

/** Calls whose argument is a plain number, which the traces do not have. */
export function argumentLost(record: ArmRecord): boolean {
  const cmd = Number(record.nr);
  const container = record.t === "ioctl" && kindOfFd(record.fd ?? "") === "vfio-container";
  return container && (cmd === VFIO_CHECK_EXTENSION.cmd || cmd === VFIO_SET_IOMMU.cmd);
}

/** A call as it was made again. */
export interface MadeCall {
  /** 0 or more, or a negative errno. */
  ret: number;
  def: IoctlDef | undefined;
  before: Uint8Array;
  after: Uint8Array;
  /** What the pointers of the struct led to afterwards. */
  arrays: { title: string; bytes: Uint8Array }[];
}

export interface IoctlResult {
  differences: string[];
  call: MadeCall;
  /** An IOVA_RANGES call's answer. */
  ranges: { align: bigint; list: [bigint, bigint][] } | null;
}

interface Buffer {
  name: string;
  at: bigint;
  after: Uint8Array;
}

/** Where each recorded buffer lies: the pointer fields of the struct, in order. */
function buffersOf(
  record: ArmRecord,
  def: IoctlDef | undefined,
  given: Uint8Array,
): { at: bigint; before: Uint8Array; after: Uint8Array; name: string }[] {
  if (def === undefined) return [];
  const values: Record<string, number | bigint> = decode(def, given);
  const pointers = Object.entries(def.fields)
    .filter(([, field]) => field.kind === "ptr" && field.type === "u64")
    .map(([name]) => values[name])
    .filter((at): at is bigint => typeof at === "bigint" && at !== 0n);
  return (record.arrays ?? []).flatMap((array, i) => {
    const at = pointers[i];
    return at === undefined
      ? []
      : [{ name: array.name, at, before: fromHex(array.before), after: fromHex(array.after) }];
  });
}

/** Descriptors that the struct names exist at these numbers before the call, unless it said that there is none. */
function provideFds(world: ArmWorld, def: IoctlDef | undefined, given: Uint8Array, theirs: number): void {
  if (def === VFIO_DEVICE_BIND_IOMMUFD) {
    const { iommufd } = decode(VFIO_DEVICE_BIND_IOMMUFD, given);
    if (theirs === errno.EBADF) world.closed(iommufd);
    else if (theirs !== errno.EBADFD) world.iommufdAt(iommufd);
  }
  if (def === VFIO_DEVICE_SET_IRQS) {
    const { flags, count } = decode(VFIO_DEVICE_SET_IRQS, given);
    if ((flags & IRQ_SET_FLAGS.DATA_EVENTFD) === 0) return;
    const view = new DataView(given.buffer, given.byteOffset, given.byteLength);
    for (let i = 0; i < count && 24 + 4 * i <= given.length; i++) {
      const fd = view.getInt32(20 + 4 * i, true);
      if (theirs === errno.EBADF) world.closed(fd);
      else world.eventfdAt(fd);
    }
  }
  if (def === IOMMU_IOAS_MAP_FILE) {
    const { fd } = decode(IOMMU_IOAS_MAP_FILE, given);
    if (theirs === errno.EBADF) world.closed(fd);
    else world.memfdAt(fd);
  }
}

/** Output fields that are descriptors: ours move to the recorded numbers, which our own table does not determine. */
function adoptFds(world: ArmWorld, def: IoctlDef, ours: Uint8Array, theirs: Uint8Array): void {
  for (const [name, field] of Object.entries(def.fields)) {
    if (field.kind !== "fd" || field.dir === "in") continue;
    const a: Record<string, number | bigint> = decode(def, ours);
    const b: Record<string, number | bigint> = decode(def, theirs);
    const [our, their] = [Number(a[name]), Number(b[name])];
    if (our < 0 || their < 0) continue;
    world.move(our, their);
    if (def.name === "IOMMU_VEVENTQ_ALLOC") world.fds.set("veventq", their);
    if (def.name === "IOMMU_FAULT_QUEUE_ALLOC") world.fds.set("fault", their);
    new DataView(ours.buffer, ours.byteOffset).setUint32(field.offset, their, true);
  }
}

function argument(world: ArmWorld, cmd: number, given: Uint8Array): bigint {
  if (given.length > 0) return world.arena;
  return cmd === VFIO_SET_IOMMU.cmd ? TYPE1v2 : 0n;
}

export function replayIoctl(world: ArmWorld, record: ArmRecord): IoctlResult {
  const name = need(record.fd, record, "fd");
  const kind = kindOfFd(name);
  const cmd = Number(need(record.nr, record, "nr"));
  const given = fromHex(need(record.in, record, "in"));
  const theirs = record.out === undefined || record.out === "=" ? given : fromHex(record.out);
  const def = ioctlDef(kind, cmd, given);
  world.ensureOpen(name, record.fdnum);
  provideFds(world, def, given, record.errno ?? 0);
  world.store(world.arena, given);
  const buffers = buffersOf(record, def, given);
  for (const buffer of buffers) world.store(buffer.at, buffer.before);
  const ret = sys.sys_ioctl(world.k, world.task, world.fds.get(name) ?? -1, cmd, argument(world, cmd, given));
  const ours = world.load(world.arena, given.length);
  const arrays = buffers.map((b) => ({ title: b.name, bytes: world.load(b.at, b.after.length) }));
  const call = { ret, def, before: given, after: ours, arrays };
  const result: IoctlResult = { differences: [], call, ranges: rangesOf(world, def, ours, ret) };
  compareRet(world, def, record, ret, result.differences);
  if (def !== undefined && ret >= 0 && (record.ret ?? 0) >= 0) adoptFds(world, def, ours, theirs);
  compareStruct(def, ours, theirs, result.differences);
  for (const buffer of buffers) compareBuffer(world, buffer, result.differences);
  return result;
}

function compareRet(world: ArmWorld, def: IoctlDef | undefined, record: ArmRecord, ret: number, out: string[]): void {
  const theirs = need(record.ret, record, "ret");
  if (theirs >= 0 && ret >= 0) {
    if ((def === VFIO_DEVICE_FEATURE || def === VFIO_GROUP_GET_DEVICE_FD) && ret !== theirs) world.move(ret, theirs);
    else if (ret !== theirs) out.push(`ret: ${ret}, recorded ${theirs}`);
    return;
  }
  const code = need(record.errno, record, "errno");
  const ok = ret < 0 ? -ret : 0;
  if (ok !== code) {
    const say = (n: number) => (n === 0 ? "success" : errnoName(n));
    out.push(`result: ${say(ok)}, recorded ${say(theirs < 0 ? code : 0)}`);
  }
}

function compareStruct(def: IoctlDef | undefined, ours: Uint8Array, theirs: Uint8Array, out: string[]): void {
  if (toHex(ours) === toHex(theirs)) return;
  const fields = def === undefined ? [] : diffFields(def, ours, theirs);
  if (fields.length === 0) out.push(`struct: ${toHex(ours)}, recorded ${toHex(theirs)}`);
  const show = (x: number | bigint) => `0x${x.toString(16)}`;
  for (const field of fields) out.push(`${field.name}: ${show(field.ours)}, recorded ${show(field.theirs)}`);
}

function compareBuffer(world: ArmWorld, buffer: Buffer, out: string[]): void {
  const ours = world.load(buffer.at, buffer.after.length);
  const at = buffer.after.findIndex((byte, i) => byte !== ours[i]);
  if (at < 0) return;
  const piece = (bytes: Uint8Array) => toHex(bytes.subarray(at, at + 16));
  out.push(`${buffer.name} from byte ${at}: ${piece(ours)}, recorded ${piece(buffer.after)}`);
}

const EMSGSIZE = 90;

function rangesOf(world: ArmWorld, def: IoctlDef | undefined, ours: Uint8Array, ret: number): IoctlResult["ranges"] {
  if (def !== IOMMU_IOAS_IOVA_RANGES || (ret < 0 && ret !== -EMSGSIZE)) return null;
  const { num_iovas, allowed_iovas, out_iova_alignment } = decode(IOMMU_IOAS_IOVA_RANGES, ours);
  const bytes = world.load(allowed_iovas, 16 * num_iovas);
  const view = new DataView(bytes.buffer);
  const list: [bigint, bigint][] = [];
  for (let i = 0; i < num_iovas; i++) list.push([view.getBigUint64(16 * i, true), view.getBigUint64(16 * i + 8, true)]);
  return { align: out_iova_alignment, list };
}
