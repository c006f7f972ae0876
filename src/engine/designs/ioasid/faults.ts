/** From the SMMU's queues to the space whose table a fault is about, and the answers back. Who reads it is the design's. */
import { get } from "../../../hw/base/fields.ts";
import { EVENT, EVT } from "../../../hw/smmuv3/evtq.ts";
import { PRI } from "../../../hw/smmuv3/priq.ts";
import { cmd_pri_resp } from "../../kernel/drivers/arm_smmu_v3/cmd.ts";
import { arm_smmu_cmdq_issue_cmd } from "../../kernel/drivers/arm_smmu_v3/cmdq.ts";
import { type ArmSmmuDevice, dev_master } from "../../kernel/drivers/arm_smmu_v3/device.ts";
import {
  IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE,
  IOMMU_PAGE_RESP_INVALID,
  IOMMU_PAGE_RESP_SUCCESS,
} from "../../kernel/iommu/fault.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { dev_of } from "./space.ts";
import type { BoundDevice, FaultRecord, Space } from "./state.ts";

/** Records that wait at most; what comes then is answered INVALID. */
export const QUEUE_DEPTH = 64;

const PRI_RESP = Object.freeze({ INVALID: 1, SUCCESS: 2 });
const READ = 1;
const WRITE = 2;
const EXEC = 4;
const PRIV = 8;

/** Events that tell of one access or configuration of a device. */
const REPORTED: readonly number[] = Object.freeze([
  EVENT.C_BAD_STE,
  EVENT.F_STREAM_DISABLED,
  EVENT.C_BAD_SUBSTREAMID,
  EVENT.C_BAD_CD,
  EVENT.F_TRANSLATION,
  EVENT.F_ADDR_SIZE,
  EVENT.F_ACCESS,
  EVENT.F_PERMISSION,
]);

const address = (words: ArrayLike<number>, low: number): bigint =>
  (BigInt((words[low + 1] ?? 0) >>> 0) << 32n) | BigInt((words[low] ?? 0) >>> 0);

/** The space whose table a fault of this level is about; null where the device is attached to nothing. */
function space_of(device: BoundDevice, pasid: number, level: 1 | 2): Space | null {
  const by = (p: number): Space[] =>
    device.attached.filter((a) => a.pasid === p && a.domain !== null).map((a) => a.space);
  const own = pasid > 0 ? by(pasid) : [];
  const spaces = own.length > 0 ? own : by(0);
  const child = spaces.find((s) => s.kind === "user");
  if (child === undefined) return spaces[0] ?? null;
  return level === 1 ? child : child.parent;
}

type Deliver = (k: Kernel, record: FaultRecord) => boolean;

/** One record of the event queue. False: the device is in no program's hands. */
export function handle_event(
  k: Kernel,
  devices: readonly BoundDevice[],
  smmu: ArmSmmuDevice,
  words: Uint32Array,
  deliver: Deliver,
): boolean {
  const f = EVT.f;
  const master = smmu.streams.get(get(f.StreamID, words));
  const device = devices.find((d) => dev_of(d) === master?.dev && d.attached.some((a) => a.domain !== null));
  if (device === undefined || !REPORTED.includes(get(f.Event, words))) return false;
  const level = get(f.S2, words) === 1 ? 2 : 1;
  const pasid = get(f.SSV, words) === 1 ? get(f.SubstreamID, words) : -1;
  const space = space_of(device, pasid, level);
  if (space === null) return false;
  let perm = get(f.RnW, words) === 1 ? READ : WRITE;
  if (get(f.InD, words) === 1) perm |= EXEC;
  if (get(f.PnU, words) === 1) perm |= PRIV;
  const addr = address(words, 4);
  const stalled = get(f.Stall, words) === 1;
  const grpid = stalled ? get(f.STAG, words) : -1;
  const fault = stalled
    ? { flags: IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE, pasid: Math.max(pasid, 0), grpid, perm, addr }
    : null;
  send(k, { device, space, level, pasid, grpid, perm, addr, last: true, pri: false, fault }, deliver);
  return true;
}

/** One page request. It does not say which level lacks the page: the guest's tables come first. */
export function handle_ppr(
  k: Kernel,
  devices: readonly BoundDevice[],
  smmu: ArmSmmuDevice,
  words: Uint32Array,
  deliver: Deliver,
): boolean {
  const f = PRI.f;
  const master = smmu.streams.get(get(f.StreamID, words));
  const device = devices.find((d) => dev_of(d) === master?.dev && d.attached.some((a) => a.domain !== null));
  if (device === undefined) return false;
  const pasid = get(f.SSV, words) === 1 ? get(f.SubstreamID, words) : -1;
  const space = space_of(device, pasid, 1);
  if (space === null) return false;
  const bit = (field: (typeof f)["Read"], value: number): number => (get(field, words) === 1 ? value : 0);
  const perm = bit(f.Read, READ) | bit(f.Write, WRITE) | bit(f.Exec, EXEC) | bit(f.Priv, PRIV);
  const record: FaultRecord = {
    device,
    space,
    level: space.kind === "user" ? 1 : 2,
    pasid,
    grpid: get(f.PRGIndex, words),
    perm,
    addr: (BigInt(words[3] ?? 0) << 32n) | BigInt(((words[2] ?? 0) & 0xffff_f000) >>> 0),
    last: get(f.Last, words) === 1,
    pri: true,
    fault: null,
  };
  send(k, record, deliver);
  return true;
}

/** To whoever owns the table; a request that nobody takes is answered at once. */
function send(k: Kernel, record: FaultRecord, deliver: Deliver): void {
  if (k.check(deliver(k, record), "somebody takes faults of this table")) return;
  respond(k, record, false);
}

/** The answer goes to the device, which alone makes PASID and group unique. */
export function respond(k: Kernel, record: FaultRecord, success: boolean): void {
  const dev = dev_of(record.device);
  const { fault, pri, last, pasid, grpid } = record;
  if (fault !== null) {
    const code = success ? IOMMU_PAGE_RESP_SUCCESS : IOMMU_PAGE_RESP_INVALID;
    dev.iommu_ops?.page_response?.(k, dev, fault, code);
  } else if (pri && last) {
    const master = dev_master(dev);
    const code = success ? PRI_RESP.SUCCESS : PRI_RESP.INVALID;
    const cmd = cmd_pri_resp(master.streams[0] ?? 0, Math.max(pasid, 0), pasid >= 0, grpid, code);
    arm_smmu_cmdq_issue_cmd(k, master.smmu, cmd);
  }
}

/** Whether the device waits for an answer. */
export const recoverable = (r: FaultRecord): boolean => r.fault !== null || r.pri;

/** What waits for a space or a device that goes away is answered INVALID; the rest stays. */
export function forget(
  k: Kernel,
  file: { queue: FaultRecord[]; waiting: FaultRecord[] },
  gone: (r: FaultRecord) => boolean,
): void {
  for (const r of [...file.queue, ...file.waiting]) if (gone(r) && recoverable(r)) respond(k, r, false);
  file.queue = file.queue.filter((r) => !gone(r));
  file.waiting = file.waiting.filter((r) => !gone(r));
}
