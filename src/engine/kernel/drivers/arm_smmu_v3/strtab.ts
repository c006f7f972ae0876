/** The stream table. Source: linux 7.2 arm-smmu-v3.c `arm_smmu_init_strtab`, `arm_smmu_write_ste`; IHI 0070 5.1. */
import { errno } from "../../../uapi/errno.ts";
import type { Kernel } from "../../kernel.ts";
import { iort_get_rmr_sids } from "../../iommu/iort.ts";
import { alloc_coherent } from "../../mm/coherent.ts";
import { cmd_cfgi_ste, cmd_prefetch_cfg } from "./cmd.ts";
import { arm_smmu_cmdq_issue_cmd, arm_smmu_cmdq_issue_cmd_with_sync } from "./cmdq.ts";
import type { ArmSmmuDevice, ArmSmmuMaster } from "./device.ts";
import { arm_smmu_write_entry, ENTRY_BYTES, type EntryWriter } from "./entry_writer.ts";
import {
  arm_smmu_get_ste_update_safe,
  arm_smmu_get_ste_used,
  arm_smmu_make_abort_ste,
  arm_smmu_make_bypass_ste,
} from "./ste.ts";

/** StreamID bits that a level-2 table resolves. */
export const STRTAB_SPLIT = 8;
const L2_STES = 2 ** STRTAB_SPLIT;
/** Level-1 entries at most. */
const L1_LOG2_MAX = 17;
/** STRTAB_BASE.RA, in the upper half. */
export const STRTAB_BASE_RA = 1 << (62 - 32);

/** Reserves the table (its level 1); -ENOMEM. */
export function arm_smmu_init_strtab(k: Kernel, smmu: ArmSmmuDevice): number {
  const t = smmu.strtab;
  t.two_level = smmu.features.two_level_strtab && smmu.sid_bits > STRTAB_SPLIT;
  if (t.two_level) {
    const log2l1 = Math.min(smmu.sid_bits - STRTAB_SPLIT, L1_LOG2_MAX);
    t.l1_entries = 2 ** log2l1;
    t.log2sids = log2l1 + STRTAB_SPLIT;
  } else {
    t.log2sids = smmu.sid_bits;
    t.l1_entries = 0;
  }
  const bytes = t.two_level ? t.l1_entries * 8 : 2 ** t.log2sids * ENTRY_BYTES;
  const base = alloc_coherent(k, bytes);
  if (base === null) return -errno.ENOMEM;
  t.base = base;
  if (!t.two_level) init_initial_stes(k, base, 2 ** t.log2sids);
  return 0;
}

/** Every stream starts blocked. */
function init_initial_stes(k: Kernel, pa: number, n: number): void {
  const ste = arm_smmu_make_abort_ste();
  for (let i = 0; i < n; i++) k.mem.write64(pa + i * ENTRY_BYTES, ste[0] ?? 0, ste[1] ?? 0);
}

/** Makes the level-2 table of a StreamID exist; -ENOMEM, or -ERANGE beyond the table. */
export function arm_smmu_init_sid_strtab(k: Kernel, smmu: ArmSmmuDevice, sid: number): number {
  const t = smmu.strtab;
  if (!k.check(sid < 2 ** t.log2sids, "the StreamID is within the stream table")) return -errno.ERANGE;
  const index = sid >>> STRTAB_SPLIT;
  if (!t.two_level || t.l2.has(index)) return 0;
  const l2 = alloc_coherent(k, L2_STES * ENTRY_BYTES);
  if (l2 === null) return -errno.ENOMEM;
  init_initial_stes(k, l2, L2_STES);
  t.l2.set(index, l2);
  k.mem.write64(t.base + 8 * index, ((l2 % 2 ** 32) | (STRTAB_SPLIT + 1)) >>> 0, Math.floor(l2 / 2 ** 32));
  return 0;
}

/** Streams whose memory firmware still uses (IORT RMR) pass untranslated until their devices get a domain. */
export function arm_smmu_rmr_install_bypass_ste(k: Kernel, smmu: ArmSmmuDevice): void {
  for (const sid of iort_get_rmr_sids(k, smmu.hw_name)) {
    if (arm_smmu_init_sid_strtab(k, smmu, sid) < 0) continue;
    const at = arm_smmu_get_step_for_sid(smmu, sid);
    const ste = arm_smmu_make_bypass_ste({ smmu });
    for (let w = 0; w < ste.length; w += 2) k.mem.write64(at + 4 * w, ste[w] ?? 0, ste[w + 1] ?? 0);
  }
}

/** Physical address of the STE of a StreamID, -1 where there is none. */
export function arm_smmu_get_step_for_sid(smmu: ArmSmmuDevice, sid: number): number {
  const t = smmu.strtab;
  if (!t.two_level) return sid < 2 ** t.log2sids ? t.base + sid * ENTRY_BYTES : -1;
  const l2 = t.l2.get(sid >>> STRTAB_SPLIT);
  return l2 === undefined ? -1 : l2 + (sid % L2_STES) * ENTRY_BYTES;
}

function arm_smmu_write_ste(k: Kernel, master: ArmSmmuMaster, sid: number, target: Uint32Array): void {
  const { smmu } = master;
  const writer: EntryWriter = {
    get_used: arm_smmu_get_ste_used,
    get_update_safe: arm_smmu_get_ste_update_safe,
    sync: () => arm_smmu_cmdq_issue_cmd_with_sync(k, smmu, cmd_cfgi_ste(sid, true)),
  };
  arm_smmu_write_entry(k, writer, arm_smmu_get_step_for_sid(smmu, sid), target);
  arm_smmu_cmdq_issue_cmd(k, smmu, cmd_prefetch_cfg(sid));
}

/** Gives all StreamIDs of a device the same entry. */
export function arm_smmu_install_ste_for_dev(k: Kernel, master: ArmSmmuMaster, target: Uint32Array): void {
  for (const sid of master.streams) arm_smmu_write_ste(k, master, sid, target);
}
