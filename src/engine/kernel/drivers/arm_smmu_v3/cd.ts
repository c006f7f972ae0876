/**
 * Context descriptors and the table that holds a device's. Source: linux 7.2 arm-smmu-v3.c `arm_smmu_make_s1_cd`,
 * `arm_smmu_alloc_cd_ptr`, `arm_smmu_write_cd_entry`; SMMUv3 IHI 0070 5.4.
 */
import { mask32 } from "../../../../hw/base/bits.ts";
import { set } from "../../../../hw/base/fields.ts";
import { CD } from "../../../../hw/smmuv3/cd.ts";
import { errno } from "../../../uapi/errno.ts";
import type { Kernel } from "../../kernel.ts";
import { alloc_coherent } from "../../mm/coherent.ts";
import { cmd_cfgi_cd } from "./cmd.ts";
import { arm_smmu_cmdq_batch_add, arm_smmu_cmdq_batch_submit, type CmdqBatch } from "./cmdq.ts";
import type { ArmSmmuDomain, ArmSmmuMaster } from "./device.ts";
import { arm_smmu_write_entry, ENTRY_BYTES, ENTRY_WORDS, type EntryWriter } from "./entry_writer.ts";
import { MAIR, MAIR_SIGN, tcr_of } from "./tcr.ts";

const f = CD.f;

/** CDs that one level-2 table holds: 64 KiB of them. */
const L2_CDS = 1024;

export function arm_smmu_make_s1_cd(master: ArmSmmuMaster, domain: ArmSmmuDomain): Uint32Array {
  const tcr = tcr_of(domain.pgtable);
  const cd = new Uint32Array(ENTRY_WORDS);
  set(f.T0SZ, cd, tcr.tsz);
  set(f.TG0, cd, tcr.tg);
  set(f.IR0, cd, tcr.irgn);
  set(f.OR0, cd, tcr.orgn);
  set(f.SH0, cd, tcr.sh);
  set(f.EPD1, cd, 1);
  set(f.V, cd, 1);
  set(f.IPS, cd, tcr.ps);
  set(f.AA64, cd, 1);
  if (domain.pgtable.cfg.hd) {
    set(f.HA, cd, 1);
    set(f.HD, cd, 1);
  }
  if (master.stall_enabled) set(f.S, cd, 1);
  set(f.R, cd, 1);
  set(f.A, cd, 1);
  set(f.ASET, cd, 1);
  set(f.ASID, cd, domain.tag);
  set(f["TTB0[31:4]"], cd, (domain.pgtable.pgd % 2 ** 32) >>> 4);
  set(f["TTB0[51:32]"], cd, Math.floor(domain.pgtable.pgd / 2 ** 32));
  set(f["MAIR0[31:0]"], cd, MAIR);
  set(f["MAIR1[63:32]"], cd, MAIR_SIGN);
  return cd;
}

/** Bits that the hardware looks at: only V in an invalid CD; with EPD0 not what describes TTB0. */
function get_used(cd: Uint32Array): Uint32Array {
  const used = new Uint32Array(ENTRY_WORDS);
  if (((cd[0] ?? 0) & (1 << 31)) === 0) {
    used[0] = 1 << 31;
    return used;
  }
  used.fill(0xffffffff);
  if (((cd[0] ?? 0) & (1 << 14)) !== 0) {
    for (const field of [f.T0SZ, f.TG0, f.IR0, f.OR0, f.SH0, f["TTB0[31:4]"], f["TTB0[51:32]"]]) {
      used[field.word] = (used[field.word] ?? 0) & ~(mask32(field.hi - field.lo + 1) << field.lo);
    }
  }
  return used;
}

function nothing_safe(): Uint32Array {
  return new Uint32Array(ENTRY_WORDS);
}

/** Tells every stream of the device to forget the CD of `ssid`, and waits. */
function arm_smmu_sync_cd(k: Kernel, master: ArmSmmuMaster, ssid: number, leaf: boolean): void {
  const batch: CmdqBatch = { cmds: [] };
  for (const sid of master.streams) arm_smmu_cmdq_batch_add(k, master.smmu, batch, cmd_cfgi_cd(sid, ssid, leaf));
  arm_smmu_cmdq_batch_submit(k, master.smmu, batch);
}

/** Physical address of the CD of `ssid`, -1 when its table does not exist. */
function arm_smmu_get_cd_ptr(master: ArmSmmuMaster, ssid: number): number {
  const t = master.cd_table;
  if (t.base < 0) return -1;
  if (!t.two_level) return t.base + ssid * ENTRY_BYTES;
  const l2 = t.l2.get(Math.floor(ssid / L2_CDS));
  return l2 === undefined ? -1 : l2 + (ssid % L2_CDS) * ENTRY_BYTES;
}

/** As above, building what is missing; -ENOMEM. */
export function arm_smmu_alloc_cd_ptr(k: Kernel, master: ArmSmmuMaster, ssid: number): number {
  const t = master.cd_table;
  if (t.base < 0) {
    const contexts = 2 ** t.s1cdmax;
    t.two_level = master.smmu.features.two_level_cdtab && contexts > L2_CDS;
    const bytes = t.two_level ? Math.ceil(contexts / L2_CDS) * 8 : contexts * ENTRY_BYTES;
    const base = alloc_coherent(k, bytes);
    if (base === null) return -errno.ENOMEM;
    t.base = base;
  }
  if (t.two_level && !t.l2.has(Math.floor(ssid / L2_CDS))) {
    const l2 = alloc_coherent(k, L2_CDS * ENTRY_BYTES);
    if (l2 === null) return -errno.ENOMEM;
    const index = Math.floor(ssid / L2_CDS);
    t.l2.set(index, l2);
    k.mem.write64(t.base + 8 * index, ((l2 % 2 ** 32) | 1) >>> 0, Math.floor(l2 / 2 ** 32));
    arm_smmu_sync_cd(k, master, ssid, false);
  }
  return arm_smmu_get_cd_ptr(master, ssid);
}

/** Replaces the CD of `ssid`. */
export function arm_smmu_write_cd_entry(
  k: Kernel,
  master: ArmSmmuMaster,
  ssid: number,
  pa: number,
  target: Uint32Array,
): void {
  const valid = (word: number) => (word & (1 << 31)) !== 0;
  const now = valid(k.mem.read32(pa));
  const then = valid(target[0] ?? 0);
  if (ssid !== 0 && now !== then) master.cd_table.used_ssids += then ? 1 : -1;
  const writer: EntryWriter = {
    get_used,
    get_update_safe: nothing_safe,
    sync: () => arm_smmu_sync_cd(k, master, ssid, true),
  };
  arm_smmu_write_entry(k, writer, pa, target);
}

export function arm_smmu_clear_cd(k: Kernel, master: ArmSmmuMaster, ssid: number): void {
  const pa = arm_smmu_get_cd_ptr(master, ssid);
  if (pa >= 0) arm_smmu_write_cd_entry(k, master, ssid, pa, new Uint32Array(ENTRY_WORDS));
}

/** Some SSID other than the RID's is attached. */
export function arm_smmu_ssids_in_use(master: ArmSmmuMaster): boolean {
  return master.cd_table.used_ssids > 0;
}
