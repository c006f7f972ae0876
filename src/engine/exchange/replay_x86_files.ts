/**
 * Descriptors of a program on a machine: its trace holds only the calls on iommufd, VFIO and memory files, so numbers
 * follow from files that are not in it. The rule: below a number that a call gave, everything is taken; a number that a
 * call gave was free, whatever unseen file had stood there.
 */
import { EventfdCtx, eventfd_fops } from "../kernel/eventfd.ts";
import { File, type FileOps } from "../kernel/file.ts";
import { NotModelled } from "../kernel/not_modelled.ts";
import type { Task } from "../kernel/task.ts";
import type { X86MachineDesc } from "../kernel/x86_desc.ts";
import { decode } from "../uapi/codec.ts";
import { IOMMU_FAULT_QUEUE_ALLOC, IOMMU_VEVENTQ_ALLOC } from "../uapi/iommufd.ts";
import {
  IRQ_SET_FLAGS,
  VFIO_DEVICE_FEATURE,
  VFIO_DEVICE_GET_INFO,
  VFIO_DEVICE_GET_IRQ_INFO,
  VFIO_DEVICE_GET_REGION_INFO,
  VFIO_DEVICE_SET_IRQS,
  VFIO_GROUP_GET_DEVICE_FD,
} from "../uapi/vfio.ts";
import { fromHex } from "./hex.ts";
import { FILE_KINDS, type TraceRecord } from "./x86_records.ts";

/** A file of which only the number is known. */
const unseen_fops: FileOps = Object.freeze({ name: "unseen" } satisfies FileOps);

/** Neither the opening nor the closing of these is in a trace. */
function isUnseen(file: File): boolean {
  return file.ops === unseen_fops || file.ops === eventfd_fops;
}

function takeBelow(task: Task, fd: number): void {
  for (let at = 0; at < fd; at++) if (!task.fds.has(at)) task.fds.set(at, new File(unseen_fops, "", null));
  const there = task.fds.get(fd);
  if (there !== undefined && isUnseen(there)) task.fds.delete(fd);
}

/** A device without bus, opened on a machine where nothing is under vfio-pci. */
function refuseMdev(record: TraceRecord, machine: X86MachineDesc): void {
  const opened =
    record.op === "open" && Number(record.ret ?? 0) >= 0 && (record.path ?? "").startsWith("/dev/vfio/devices/");
  if (opened && machine.x86.vfio.length === 0) throw new NotModelled("mediated devices (mdev)");
}

/** Before a call: the files that must exist for it to give the recorded number, and the eventfds that it names. */
export function makeRoom(task: Task, record: TraceRecord, machine: X86MachineDesc): void {
  refuseMdev(record, machine);
  const fd = givenNumber(record);
  if (fd >= 0) takeBelow(task, fd);
  if (isDevice(record) && Number(record.cmd) === VFIO_DEVICE_SET_IRQS.cmd) eventfds(task, fromHex(record.in ?? ""));
}

/** The descriptor that a call gave; -1 = none. */
function givenNumber(record: TraceRecord): number {
  const ret = Number(record.ret ?? 0);
  if (ret < 0) return -1;
  if (record.op === "open" || record.op === "memfd_create" || record.op === "dup") return ret;
  if (record.op !== "ioctl") return -1;
  const cmd = Number(record.cmd);
  if (record.fdt === "vfio-group") return cmd === VFIO_GROUP_GET_DEVICE_FD.cmd ? ret : -1;
  if (isDevice(record)) return cmd === VFIO_DEVICE_FEATURE.cmd && ret > 0 ? ret : -1;
  const out = fromHex((record.out === "=" ? record.in : record.out) ?? "");
  if (cmd === IOMMU_FAULT_QUEUE_ALLOC.cmd && out.length >= IOMMU_FAULT_QUEUE_ALLOC.size)
    return decode(IOMMU_FAULT_QUEUE_ALLOC, out).out_fault_fd;
  if (cmd === IOMMU_VEVENTQ_ALLOC.cmd && out.length >= IOMMU_VEVENTQ_ALLOC.size)
    return decode(IOMMU_VEVENTQ_ALLOC, out).out_veventq_fd;
  return -1;
}

function isDevice(record: TraceRecord): boolean {
  return FILE_KINDS[record.fdt ?? ""] === "vfio-device";
}

/** Unseen files that SET_IRQS names are eventfds. */
function eventfds(task: Task, bytes: Uint8Array): void {
  const { size } = VFIO_DEVICE_SET_IRQS;
  if (bytes.length < size) return;
  const { flags, count } = decode(VFIO_DEVICE_SET_IRQS, bytes);
  if ((flags & IRQ_SET_FLAGS.DATA_EVENTFD) === 0) return;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  for (let i = 0; i < count && size + 4 * i + 4 <= bytes.length; i++) {
    const fd = view.getInt32(size + 4 * i, true);
    const there = task.fds.get(fd);
    if (fd < 0 || (there !== undefined && there.ops !== unseen_fops)) continue;
    task.fds.set(fd, new File(eventfd_fops, "anon_inode:[eventfd]", new EventfdCtx(0n)));
  }
}

const TOLD: ReadonlySet<number> = new Set([
  VFIO_DEVICE_GET_INFO.cmd,
  VFIO_DEVICE_GET_REGION_INFO.cmd,
  VFIO_DEVICE_GET_IRQ_INFO.cmd,
]);

/** What a device says of itself: only the result of the call is compared. */
export function onlyDeviceTells(record: TraceRecord): boolean {
  return isDevice(record) && TOLD.has(Number(record.cmd));
}
