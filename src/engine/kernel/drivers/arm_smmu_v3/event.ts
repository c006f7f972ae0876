/**
 * The event queue and where its records go. Source: linux 7.2 arm-smmu-v3.c `arm_smmu_evtq_thread`,
 * `arm_smmu_handle_event`, arm-smmu-v3-iommufd.c `arm_vmaster_report_event`.
 */
import { get } from "../../../../hw/base/fields.ts";
import { EVENT, EVENT_NAMES, EVT } from "../../../../hw/smmuv3/evtq.ts";
import { REG } from "../../../../hw/smmuv3/regs.ts";
import {
  IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE,
  IOMMU_FAULT_PAGE_REQUEST_PASID_VALID,
  IOMMU_PAGE_RESP_FAILURE,
  IOMMU_PAGE_RESP_INVALID,
  IOMMU_PAGE_RESP_SUCCESS,
} from "../../iommu/fault.ts";
import type { Device, IopfFault } from "../../iommu/types.ts";
import type { Kernel } from "../../kernel.ts";
import { cmd_pri_resp, cmd_resume } from "./cmd.ts";
import { arm_smmu_cmdq_issue_cmd, arm_smmu_gerror_ack, queue_entry, queue_next } from "./cmdq.ts";
import { type ArmSmmuDevice, type ArmSmmuMaster, dev_master } from "./device.ts";
import { IOMMU_VIOMMU_TYPE_ARM_SMMUV3 } from "./iommufd.ts";
import { smmu_read, smmu_write } from "./regs.ts";

const f = EVT.f;
const EVT_WORDS = 8;
const PRI_WORDS = 4;

/** Kinds that concern a device: the others are only logged. */
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

const PERM_READ = 1;
const PERM_WRITE = 2;
const PERM_EXEC = 4;
const PERM_PRIV = 8;

/** `F_TRANSLATION sid 0x18 iova 0x4000`. */
function event_text(words: ArrayLike<number>): string {
  const id = get(f.Event, words);
  const name = EVENT_NAMES[id] ?? `event 0x${id.toString(16)}`;
  const iova = (BigInt(words[5] ?? 0) << 32n) | BigInt((words[4] ?? 0) >>> 0);
  return `${name} sid 0x${get(f.StreamID, words).toString(16)} iova 0x${iova.toString(16)}`;
}

function page_request(words: Uint32Array): IopfFault {
  const ssv = get(f.SSV, words) === 1;
  let perm = get(f.RnW, words) === 1 ? PERM_READ : PERM_WRITE;
  if (get(f.InD, words) === 1) perm |= PERM_EXEC;
  if (get(f.PnU, words) === 1) perm |= PERM_PRIV;
  return {
    flags: IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE | (ssv ? IOMMU_FAULT_PAGE_REQUEST_PASID_VALID : 0),
    pasid: ssv ? get(f.SubstreamID, words) : 0,
    grpid: get(f.STAG, words),
    perm,
    addr: (BigInt(words[5] ?? 0) << 32n) | BigInt(words[4] ?? 0),
  };
}

/** The record with the guest's StreamID, into the vIOMMU's event queue. */
function arm_vmaster_report_event(k: Kernel, master: ArmSmmuMaster, words: Uint32Array): number {
  const { vmaster } = master;
  if (vmaster === null) return -1;
  const bytes = new Uint8Array(4 * EVT_WORDS);
  const view = new DataView(bytes.buffer);
  for (let w = 0; w < EVT_WORDS; w++) {
    view.setUint32(4 * w, w === f.StreamID.word ? vmaster.vsid : (words[w] ?? 0), true);
  }
  return k.ops.iommufd_viommu_report_event(k, vmaster.vsmmu.core, IOMMU_VIOMMU_TYPE_ARM_SMMUV3, bytes);
}

/** One record: to a fault queue (stalled), to the guest (its stage 1 or configuration), or into the log. */
export function arm_smmu_handle_event(k: Kernel, smmu: ArmSmmuDevice, words: Uint32Array): void {
  const text = event_text(words);
  if (!k.check(REPORTED.includes(get(f.Event, words)), `${text}: a kind that concerns a device`))
    return log(k, smmu, text);
  const master = smmu.streams.get(get(f.StreamID, words));
  if (!k.check(master !== undefined, "the StreamID belongs to a device") || master === undefined)
    return log(k, smmu, text);
  if (get(f.Stall, words) === 1) {
    k.ops.iommu_report_device_fault(k, master.dev, page_request(words));
    return;
  }
  const guest = master.vmaster !== null && get(f.S2, words) === 0;
  if (k.check(guest, "stage 1 or configuration of a device with a vDEVICE")) {
    if (arm_vmaster_report_event(k, master, words) === 0) return;
  }
  log(k, smmu, text);
}

function log(k: Kernel, smmu: ArmSmmuDevice, text: string): void {
  k.note(`${smmu.name}: ${text}: kernel log only`);
}

/** Reads what is in the event queue and gives the space back. Returns the records, oldest first. */
export function arm_smmu_evtq_thread(k: Kernel, smmu: ArmSmmuDevice): Uint32Array[] {
  const q = smmu.evtq;
  const wrap = 2 ** (q.log2size + 1);
  const records: Uint32Array[] = [];
  const prod = smmu_read(k, smmu, q.prod_reg);
  while (q.cons % wrap !== prod % wrap) {
    const words = new Uint32Array(EVT_WORDS);
    const at = queue_entry(q, q.cons % wrap);
    for (let w = 0; w < EVT_WORDS; w++) words[w] = k.mem.read32(at + 4 * w);
    q.cons = queue_next(q, q.cons % wrap);
    records.push(words);
    k.ops.arm_smmu_handle_event(k, smmu, words);
  }
  const overflow = prod >>> 31;
  if (overflow === 1) k.note(`${smmu.name}: event queue overflow, records lost`);
  smmu_write(k, smmu, q.cons_reg, (q.cons | (overflow << 31)) >>> 0);
  return records;
}

/** PRI is not supported: a request is logged, and the last one of its group denied. */
export function arm_smmu_handle_ppr(k: Kernel, smmu: ArmSmmuDevice, words: Uint32Array): void {
  const [sid = 0, flags = 0, group = 0] = words;
  k.note(`${smmu.name}: unexpected page request of StreamID 0x${sid.toString(16)}`);
  const last = (flags >>> 30) & 1;
  const ssv = flags >>> 31 === 1;
  if (last === 1) arm_smmu_cmdq_issue_cmd(k, smmu, cmd_pri_resp(sid, flags & 0xfffff, ssv, group & 0x1ff, 0));
}

/** Empties the queue of page requests. */
export function arm_smmu_priq_thread(k: Kernel, smmu: ArmSmmuDevice): void {
  const q = smmu.priq;
  if (q === null) return;
  const wrap = 2 ** (q.log2size + 1);
  const prod = smmu_read(k, smmu, q.prod_reg);
  while (q.cons % wrap !== prod % wrap) {
    const at = queue_entry(q, q.cons % wrap);
    const words = Uint32Array.from({ length: PRI_WORDS }, (_, w) => k.mem.read32(at + 4 * w));
    k.ops.arm_smmu_handle_ppr(k, smmu, words);
    q.cons = queue_next(q, q.cons % wrap);
  }
  smmu_write(k, smmu, q.cons_reg, (q.cons | ((prod >>> 31) << 31)) >>> 0);
}

/** The answer to a stalled access: retry, abort or terminate. */
export function arm_smmu_page_response(k: Kernel, dev: Device, fault: IopfFault, code: number): void {
  const master = dev_master(dev);
  const sid = master.streams[0] ?? 0;
  const resp =
    code === IOMMU_PAGE_RESP_SUCCESS ? 1 : code === IOMMU_PAGE_RESP_INVALID || code === IOMMU_PAGE_RESP_FAILURE ? 2 : 0;
  arm_smmu_cmdq_issue_cmd(k, master.smmu, cmd_resume(sid, fault.grpid, resp));
}

/** Global errors: noted and acknowledged. */
export function arm_smmu_gerror_handler(k: Kernel, smmu: ArmSmmuDevice): void {
  const active = smmu_read(k, smmu, REG.GERROR) ^ smmu_read(k, smmu, REG.GERRORN);
  if (active === 0) return;
  k.note(`${smmu.name}: global error 0x${active.toString(16)}`);
  arm_smmu_gerror_ack(k, smmu);
}
