/** Event files: fault queues and the event queues of virtual IOMMUs. Source: linux 7.2 drivers/iommu/iommufd/eventq.c. */
import { decode, encode } from "../../uapi/codec.ts";
import { errno } from "../../uapi/errno.ts";
import { IOMMU_FAULT_QUEUE_ALLOC, IOMMU_VEVENTQ_ALLOC } from "../../uapi/iommufd.ts";
import { HWPT_PAGE_RESPONSE, HWPT_PGFAULT, VEVENT_HEADER } from "../../uapi/records.ts";
import { fget, File, type FileOps, fput, POLLIN, POLLOUT } from "../file.ts";
import { IOMMU_PAGE_RESP_INVALID, IOMMU_PAGE_RESP_SUCCESS, iopf_group_response } from "../iommu/fault.ts";
import type { IommuAttachHandle, IopfGroup, ViommuCore } from "../iommu/types.ts";
import type { Kernel } from "../kernel.ts";
import { copy_from_user, copy_to_user } from "../mm/uaccess.ts";
import { get_unused_fd } from "../task.ts";
import { iommufd_get_object, iommufd_object_abort, iommufd_object_alloc, iommufd_object_finalize } from "./object.ts";
import {
  IommufdAttachHandle,
  IommufdFault,
  type IommufdHwpt,
  IommufdVeventq,
  IommufdViommu,
  type QueuedFault,
  type Vevent,
} from "./objects.ts";
import { iommufd_ucmd_respond, type Ucmd } from "./ucmd.ts";

/** Largest depth of a veventq. */
const MAX_DEPTH = 1 << 19;
const SEQUENCE_MASK = 0x7fff_ffff;

/** A complete fault group for a domain with a fault queue. */
export function iommufd_fault_iopf_handler(_k: Kernel, group: IopfGroup): number {
  const { handle } = group;
  if (!(handle instanceof IommufdAttachHandle)) return -errno.EINVAL;
  handle.hwpt.fault?.deliver.push({ group, cookie: 0 });
  return 0;
}

/** Everything that waits on an attachment is answered INVALID: nobody will answer it any more. */
export function iommufd_auto_response_faults(k: Kernel, hwpt: IommufdHwpt, handle: IommuAttachHandle): void {
  const { fault } = hwpt;
  if (fault === null) return;
  const mine = (one: QueuedFault): boolean => one.group.handle === handle;
  const drop = [...fault.deliver.filter(mine), ...[...fault.response.values()].filter(mine)];
  fault.deliver = fault.deliver.filter((one) => !mine(one));
  for (const [cookie, one] of fault.response) if (mine(one)) fault.response.delete(cookie);
  for (const one of drop) iopf_group_response(k, one.group, IOMMU_PAGE_RESP_INVALID);
}

export function iommufd_fault_destroy(k: Kernel, fault: IommufdFault): void {
  for (const one of [...fault.deliver, ...fault.response.values()])
    iopf_group_response(k, one.group, IOMMU_PAGE_RESP_INVALID);
  fault.deliver = [];
  fault.response.clear();
}

function fault_records(one: QueuedFault): Uint8Array {
  const { faults, handle } = one.group;
  const out = new Uint8Array(faults.length * HWPT_PGFAULT.size);
  const dev_id = handle instanceof IommufdAttachHandle ? handle.owner.id : 0;
  faults.forEach((fault, i) => {
    const { flags, pasid, grpid, perm, addr } = fault;
    out.set(
      encode(HWPT_PGFAULT, { flags, dev_id, pasid, grpid, perm, addr, cookie: one.cookie }),
      i * HWPT_PGFAULT.size,
    );
  });
  return out;
}

function fault_read(k: Kernel, file: File, buf: bigint, count: number, pos: bigint): number {
  const fault = file.private_data;
  if (!(fault instanceof IommufdFault) || pos !== 0n || count % HWPT_PGFAULT.size !== 0) return -errno.ESPIPE;
  let done = 0;
  for (let one = fault.deliver[0]; one !== undefined; one = fault.deliver[0]) {
    const bytes = one.group.faults.length * HWPT_PGFAULT.size;
    if (bytes > count - done) return done > 0 ? done : -errno.EINVAL;
    let cookie = 1;
    while (fault.response.has(cookie)) cookie++;
    if (k.fails()) return done > 0 ? done : -errno.ENOMEM;
    one.cookie = cookie;
    if (!copy_to_user(k, buf + BigInt(done), fault_records(one))) return done > 0 ? done : -errno.EFAULT;
    fault.deliver.shift();
    fault.response.set(cookie, one);
    done += bytes;
  }
  return done;
}

function fault_write(k: Kernel, file: File, buf: bigint, count: number, pos: bigint): number {
  const fault = file.private_data;
  if (!(fault instanceof IommufdFault) || pos !== 0n || count % HWPT_PAGE_RESPONSE.size !== 0) return -errno.ESPIPE;
  for (let done = 0; done < count; done += HWPT_PAGE_RESPONSE.size) {
    const rc = answer(k, fault, buf + BigInt(done));
    if (rc < 0) return done > 0 ? done : rc;
  }
  return count;
}

function answer(k: Kernel, fault: IommufdFault, at: bigint): number {
  const bytes = copy_from_user(k, at, HWPT_PAGE_RESPONSE.size);
  if (bytes === null) return -errno.EFAULT;
  const { cookie, code } = decode(HWPT_PAGE_RESPONSE, bytes);
  const known = code === IOMMU_PAGE_RESP_SUCCESS || code === IOMMU_PAGE_RESP_INVALID;
  if (!k.check(known, "the code is SUCCESS or INVALID")) return -errno.EINVAL;
  const one = fault.response.get(cookie);
  if (!k.check(one !== undefined, "the cookie waits for an answer") || one === undefined) return -errno.EINVAL;
  fault.response.delete(cookie);
  iopf_group_response(k, one.group, code);
  return 0;
}

const fault_fops: FileOps = Object.freeze({
  name: "fault",
  read: fault_read,
  write: fault_write,
  poll: (_k: Kernel, file: File): number => {
    const fault = file.private_data;
    return POLLOUT | (fault instanceof IommufdFault && fault.deliver.length > 0 ? POLLIN : 0);
  },
  release: release_eventq,
} satisfies FileOps);

function release_eventq(k: Kernel, file: File): void {
  const eventq = file.private_data;
  if (!(eventq instanceof IommufdFault || eventq instanceof IommufdVeventq)) return;
  eventq.file = null;
  eventq.users--;
  if (eventq.ictx.file !== null) fput(k, eventq.ictx.file);
}

/** An open file for an event queue; it keeps the queue and the context. Not installed yet. */
function eventq_file(eventq: IommufdFault | IommufdVeventq, ops: FileOps): File {
  const file = new File(ops, `anon_inode:[iommufd-${ops.name}]`, eventq);
  eventq.file = file;
  eventq.users++;
  if (eventq.ictx.file !== null) fget(eventq.ictx.file);
  return file;
}

/** Gives a half-made event queue up again. */
function abort_eventq(k: Kernel, eventq: IommufdFault | IommufdVeventq, file: File): void {
  fput(k, file);
  k.ops.iommufd_object_destroy(k, eventq);
  iommufd_object_abort(eventq);
}

export function iommufd_fault_alloc(k: Kernel, ucmd: Ucmd): number {
  const cmd = decode(IOMMU_FAULT_QUEUE_ALLOC, ucmd.bytes);
  if (!k.check(cmd.flags === 0, "no flag is set")) return -errno.EOPNOTSUPP;
  const fault = new IommufdFault(ucmd.ictx);
  let rc = iommufd_object_alloc(k, fault);
  if (rc < 0) return rc;
  const fd = get_unused_fd(k.current);
  if (fd < 0) {
    iommufd_object_abort(fault);
    return fd;
  }
  const file = eventq_file(fault, fault_fops);
  rc = iommufd_ucmd_respond(k, ucmd, IOMMU_FAULT_QUEUE_ALLOC, { out_fault_id: fault.id, out_fault_fd: fd });
  if (rc < 0) {
    abort_eventq(k, fault, file);
    return rc;
  }
  k.current.fds.set(fd, file);
  iommufd_object_finalize(fault);
  return 0;
}

/** An event of the hardware for the guest. -EOPNOTSUPP when the virtual IOMMU has no queue of this type. */
export function iommufd_viommu_report_event(k: Kernel, viommu: ViommuCore, type: number, data: Uint8Array): number {
  if (!(viommu instanceof IommufdViommu)) return -errno.EOPNOTSUPP;
  const veventq = viommu.veventqs.find((one) => one.type === type);
  if (!k.check(veventq !== undefined, "the virtual IOMMU has an event queue of this type") || veventq === undefined) {
    return -errno.EOPNOTSUPP;
  }
  if (veventq.num_events >= veventq.depth || k.fails()) report_event(k, veventq, null);
  else report_event(k, veventq, data.slice());
  return 0;
}

function report_event(k: Kernel, veventq: IommufdVeventq, data: Uint8Array | null): void {
  const sequence = veventq.sequence;
  veventq.sequence = (veventq.sequence + 1) & SEQUENCE_MASK;
  if (veventq.events.at(-1)?.data === null) veventq.events.pop();
  if (data === null) k.note(`the event queue is full: event ${sequence} is lost`);
  else veventq.num_events++;
  veventq.events.push({ sequence, data });
}

function vevent_record(event: Vevent): Uint8Array {
  const out = new Uint8Array(VEVENT_HEADER.size + (event.data?.length ?? 0));
  out.set(encode(VEVENT_HEADER, { flags: event.data === null ? 1 : 0, sequence: event.sequence }));
  if (event.data !== null) out.set(event.data, VEVENT_HEADER.size);
  return out;
}

function veventq_read(k: Kernel, file: File, buf: bigint, count: number, pos: bigint): number {
  const veventq = file.private_data;
  if (!(veventq instanceof IommufdVeventq) || pos !== 0n) return -errno.ESPIPE;
  if (count < VEVENT_HEADER.size) return -errno.EINVAL;
  let done = 0;
  for (let event = veventq.events[0]; event !== undefined; event = veventq.events[0]) {
    const bytes = vevent_record(event);
    if (bytes.length > count - done) return no_room(veventq, event, done);
    if (!copy_to_user(k, buf + BigInt(done), bytes)) return done > 0 ? done : -errno.EFAULT;
    veventq.events.shift();
    if (event.data !== null) veventq.num_events--;
    done += bytes.length;
  }
  return done;
}

/** The next record does not fit. A lost-events header stays only when nothing else is queued. */
function no_room(veventq: IommufdVeventq, event: Vevent, done: number): number {
  if (event.data === null) {
    if (veventq.events.length > 1) veventq.events.shift();
    return done;
  }
  return done > 0 ? done : -errno.EINVAL;
}

const veventq_fops: FileOps = Object.freeze({
  name: "veventq",
  read: veventq_read,
  poll: (_k: Kernel, file: File): number => {
    const veventq = file.private_data;
    return veventq instanceof IommufdVeventq && veventq.events.length > 0 ? POLLIN : 0;
  },
  release: release_eventq,
} satisfies FileOps);

export function iommufd_veventq_destroy(_k: Kernel, veventq: IommufdVeventq): void {
  const { viommu } = veventq;
  const at = viommu.veventqs.indexOf(veventq);
  if (at >= 0) viommu.veventqs.splice(at, 1);
  veventq.events = [];
  veventq.num_events = 0;
  viommu.users--;
}

export function iommufd_veventq_alloc(k: Kernel, ucmd: Ucmd): number {
  const cmd = decode(IOMMU_VEVENTQ_ALLOC, ucmd.bytes);
  const known = cmd.flags === 0 && cmd.__reserved === 0 && cmd.type !== 0;
  if (!k.check(known, "no flag is set and the type is not DEFAULT")) return -errno.EOPNOTSUPP;
  const depth = cmd.veventq_depth;
  if (!k.check(depth > 0 && depth <= MAX_DEPTH, "the depth is between 1 and 2^19")) return -errno.EINVAL;
  const viommu = iommufd_get_object(k, ucmd.ictx, cmd.viommu_id, "VIOMMU");
  if (viommu === null) return -errno.ENOENT;
  const free = viommu.veventqs.every((one) => one.type !== cmd.type);
  if (!k.check(free, "the virtual IOMMU has no queue of this type yet")) return -errno.EEXIST;
  const veventq = new IommufdVeventq(ucmd.ictx, viommu, cmd.type, depth);
  let rc = iommufd_object_alloc(k, veventq);
  if (rc < 0) return rc;
  const fd = get_unused_fd(k.current);
  if (fd < 0) {
    iommufd_object_abort(veventq);
    return fd;
  }
  viommu.users++;
  viommu.veventqs.push(veventq);
  const file = eventq_file(veventq, veventq_fops);
  rc = iommufd_ucmd_respond(k, ucmd, IOMMU_VEVENTQ_ALLOC, { out_veventq_id: veventq.id, out_veventq_fd: fd });
  if (rc < 0) {
    abort_eventq(k, veventq, file);
    return rc;
  }
  k.current.fds.set(fd, file);
  iommufd_object_finalize(veventq);
  return 0;
}
