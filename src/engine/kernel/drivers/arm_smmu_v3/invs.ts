/**
 * What a change of a domain's tables invalidates: a list per domain, kept when devices come and go.
 * Source: linux 7.2 arm-smmu-v3.c `arm_smmu_invs`, `__arm_smmu_domain_inv_range`.
 */
import type { Kernel } from "../../kernel.ts";
import { log2 } from "../io_pgtable_arm/format.ts";
import { cmd_atc_inv, cmd_tlbi_all, cmd_tlbi_va, OP } from "./cmd.ts";
import {
  type CmdqBatch,
  arm_smmu_cmdq_batch_add,
  arm_smmu_cmdq_batch_submit,
  arm_smmu_cmdq_issue_cmd_with_sync,
} from "./cmdq.ts";
import type { ArmSmmuDevice, ArmSmmuDomain, MasterDomain } from "./device.ts";

/**
 * In the order in which they are done. `s1_clear`: combined stage 1 and 2 entries of a nest parent's VMID, which no
 * IPA finds; it comes after the stage-2 entries, in a portion of its own.
 */
export type InvType = "s1_asid" | "s2_vmid" | "s2_vmid_s1_clear" | "ats" | "ats_full";

const ORDER: readonly InvType[] = Object.freeze(["s1_asid", "s2_vmid", "s2_vmid_s1_clear", "ats", "ats_full"]);

export interface Inv {
  smmu: ArmSmmuDevice;
  type: InvType;
  /** ASID, VMID or StreamID. */
  id: number;
  ssid: number;
  /** Attachments that need it. */
  users: number;
}

/** Range invalidation: most granules that one NUM field can say. */
const RANGE_NUM_MAX = 31;
/** Without range invalidation: from this many commands on everything is invalidated at once. */
const MAX_TLBI_OPS = 512;

function build_invs(domain: ArmSmmuDomain, at: MasterDomain): Omit<Inv, "users">[] {
  const { smmu } = at.master;
  const out: Omit<Inv, "users">[] = [];
  if (domain.stage === "s1") out.push({ smmu, type: "s1_asid", id: domain.tag, ssid: 0 });
  else {
    out.push({ smmu, type: "s2_vmid", id: domain.tag, ssid: 0 });
    if (domain.nest_parent) out.push({ smmu, type: "s2_vmid_s1_clear", id: domain.tag, ssid: 0 });
  }
  if (at.master.ats_supported) {
    const type = at.nested_ats_flush ? "ats_full" : "ats";
    for (const sid of at.master.streams) out.push({ smmu, type, id: sid, ssid: at.ssid });
  }
  return out;
}

function compare(a: Omit<Inv, "users">, b: Omit<Inv, "users">): number {
  return ORDER.indexOf(a.type) - ORDER.indexOf(b.type) || a.id - b.id || a.ssid - b.ssid;
}

/** An attachment begins: the domain's invalidations now reach it. */
export function arm_smmu_invs_add(domain: ArmSmmuDomain, at: MasterDomain): void {
  for (const fresh of build_invs(domain, at)) {
    const same = domain.invs.find((inv) => inv.smmu === fresh.smmu && compare(inv, fresh) === 0);
    if (same !== undefined) same.users++;
    else domain.invs = [...domain.invs, { ...fresh, users: 1 }].sort(compare);
  }
}

/** An attachment is over: tags that nobody uses any more are flushed from the TLB at once. */
export function arm_smmu_invs_remove(k: Kernel, domain: ArmSmmuDomain, at: MasterDomain): void {
  const dead: Inv[] = [];
  for (const gone of build_invs(domain, at)) {
    const inv = domain.invs.find((it) => it.smmu === gone.smmu && compare(it, gone) === 0);
    if (inv !== undefined && --inv.users === 0) dead.push(inv);
  }
  for (const inv of dead) {
    if (inv.type === "s1_asid") {
      arm_smmu_cmdq_issue_cmd_with_sync(k, inv.smmu, cmd_tlbi_all(OP.TLBI_NH_ASID, 0, inv.id));
    } else if (inv.type === "s2_vmid") {
      arm_smmu_cmdq_issue_cmd_with_sync(k, inv.smmu, cmd_tlbi_all(OP.TLBI_S12_VMALL, inv.id, 0));
    }
  }
  domain.invs = domain.invs.filter((inv) => inv.users > 0);
}

function too_big(smmu: ArmSmmuDevice, size: number, granule: number): boolean {
  if (smmu.features.range_inv) return false;
  return size / granule >= MAX_TLBI_OPS;
}

/** Commands for [iova, iova + size) of one ASID or VMID. `granule`: leaf size; for a walk, that of the last level. */
function add_range(
  k: Kernel,
  batch: CmdqBatch,
  smmu: ArmSmmuDevice,
  op: number,
  vmid: number,
  asid: number,
  iova: number,
  size: number,
  granule: number,
  leaf: boolean,
): void {
  const end = iova + size;
  if (!smmu.features.range_inv) {
    for (let at = iova; at < end; at += granule) {
      const cmd = cmd_tlbi_va(op, vmid, asid, { iova: at, leaf, num: 0, scale: 0, ttl: 0, tg: 0 });
      arm_smmu_cmdq_batch_add(k, smmu, batch, cmd);
    }
    return;
  }
  const page_shift = log2(smmu.granule);
  let pages = size / smmu.granule;
  const ttl = leaf ? 4 - Math.floor((log2(granule) - 3) / (page_shift - 3)) : 0;
  if (!leaf && pages % (RANGE_NUM_MAX + 1) === 1) pages++;
  const tg = (page_shift - 10) / 2;
  for (let at = iova; at < end;) {
    const scale = trailing_zeros(pages);
    const num = Math.floor(pages / 2 ** scale) % (RANGE_NUM_MAX + 1);
    const cmd = cmd_tlbi_va(op, vmid, asid, { iova: at, leaf, num: num - 1, scale, ttl, tg });
    arm_smmu_cmdq_batch_add(k, smmu, batch, cmd);
    pages -= num * 2 ** scale;
    at += num * 2 ** (scale + page_shift);
  }
}

function trailing_zeros(n: number): number {
  let zeros = 0;
  for (let left = n; left % 2 === 0 && left > 0; left /= 2) zeros++;
  return zeros;
}

/** Smallest naturally aligned power-of-two span of 4 KiB pages around [iova, iova + size): address and log2 pages. */
export function atc_span(iova: number, size: number): { iova: number; log2pages: number } {
  if (size === 0) return { iova: 0, log2pages: 52 };
  const first = Math.floor(iova / 4096);
  const last = Math.floor((iova + size - 1) / 4096);
  let span = 0;
  while (Math.floor(first / 2 ** span) !== Math.floor(last / 2 ** span)) span++;
  return { iova: Math.floor(first / 2 ** span) * 2 ** span * 4096, log2pages: span };
}

/** Invalidates a range of a domain wherever it is attached, and waits. `leaf` false: walks through a table too. */
export function arm_smmu_domain_inv_range(
  k: Kernel,
  domain: ArmSmmuDomain,
  iova: number,
  size: number,
  granule: number,
  leaf: boolean,
): void {
  const batch: CmdqBatch = { cmds: [] };
  for (let i = 0; i < domain.invs.length; i++) {
    const inv = domain.invs[i];
    if (inv === undefined) continue;
    const { smmu } = inv;
    const all = too_big(smmu, size, granule);
    switch (inv.type) {
      case "s1_asid":
        if (all) arm_smmu_cmdq_batch_add(k, smmu, batch, cmd_tlbi_all(OP.TLBI_NH_ASID, 0, inv.id));
        else add_range(k, batch, smmu, OP.TLBI_NH_VA, 0, inv.id, iova, size, granule, leaf);
        break;
      case "s2_vmid":
        if (all) arm_smmu_cmdq_batch_add(k, smmu, batch, cmd_tlbi_all(OP.TLBI_S12_VMALL, inv.id, 0));
        else add_range(k, batch, smmu, OP.TLBI_S2_IPA, inv.id, 0, iova, size, granule, leaf);
        break;
      case "s2_vmid_s1_clear":
        if (!all) arm_smmu_cmdq_batch_add(k, smmu, batch, cmd_tlbi_all(OP.TLBI_NH_ALL, inv.id, 0));
        break;
      case "ats": {
        const span = atc_span(iova, size);
        arm_smmu_cmdq_batch_add(k, smmu, batch, cmd_atc_inv(inv.id, inv.ssid, span.iova, span.log2pages));
        break;
      }
      case "ats_full":
        arm_smmu_cmdq_batch_add(k, smmu, batch, cmd_atc_inv(inv.id, inv.ssid, 0, 52));
        break;
    }
    if (batch.cmds.length > 0 && ends_batch(inv, domain.invs[i + 1])) arm_smmu_cmdq_batch_submit(k, smmu, batch);
  }
}

/** Whether what follows must wait for this: another SMMU, the combined entries after the stage-2 ones, ATS after TLBs. */
function ends_batch(inv: Inv, next: Inv | undefined): boolean {
  if (next === undefined || next.smmu !== inv.smmu) return true;
  const ats = (type: InvType) => type === "ats" || type === "ats_full";
  if (ats(inv.type) !== ats(next.type)) return true;
  return inv.type === "s2_vmid" && next.type === "s2_vmid_s1_clear";
}
