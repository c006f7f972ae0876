/**
 * Bringing an SMMU up: what the ID registers say, queues and stream table in memory, registers in order.
 * Source: linux 7.2 arm-smmu-v3.c `arm_smmu_device_hw_probe`, `arm_smmu_device_reset`.
 */
import { capsOf } from "../../../../hw/smmuv3/caps.ts";
import { ARCHITECTURE } from "../../../../hw/smmuv3/quirks.ts";
import { REG } from "../../../../hw/smmuv3/regs.ts";
import { get } from "../../../../hw/base/fields.ts";
import { IDR1 } from "../../../../hw/smmuv3/regs.ts";
import { errno } from "../../../uapi/errno.ts";
import type { Kernel } from "../../kernel.ts";
import { alloc_coherent } from "../../mm/coherent.ts";
import { PAGE_SIZE } from "../../mm/const.ts";
import { the_machine, the_platform } from "../../platform.ts";
import { arm_lpae_choose_granule, type Granule } from "../io_pgtable_arm/format.ts";
import { cmd_cfgi_all, cmd_tlbi_all, OP } from "./cmd.ts";
import { arm_smmu_cmdq_issue_cmd_with_sync } from "./cmdq.ts";
import type { ArmSmmuDevice, SmmuFeatures, SmmuQueue } from "./device.ts";
import { IdAllocator } from "./ids.ts";
import { smmu_read, smmu_write, smmu_write_base } from "./regs.ts";
import { arm_smmu_init_strtab, arm_smmu_rmr_install_bypass_ste, STRTAB_BASE_RA, STRTAB_SPLIT } from "./strtab.ts";

/** log2 of the largest queue in bytes: what one contiguous allocation gives. */
const Q_MAX_SHIFT = 20;
const CMDQ_LOG2ENT = 4;
const EVTQ_LOG2ENT = 5;
const PRIQ_LOG2ENT = 4;
/** Queue bases: read-allocate / write-allocate hint, in the upper half. */
const Q_BASE_RWA = 1 << (62 - 32);
/** Bits of a virtual address of the CPU. */
const VA_BITS = 48;

const CR0_SMMUEN = 1;
const CR0_PRIQEN = 2;
const CR0_EVTQEN = 4;
const CR0_CMDQEN = 8;
const CR0_ATSCHK = 16;
/** Tables and queues: inner shareable, write-back. */
const CR1_COHERENT = 0xd75;
/** Do not listen to broadcast invalidation; record bad StreamIDs. */
const CR2_PTM_RECINVSID = 0x6;
const IRQ_GERROR = 1;
const IRQ_PRIQ = 2;
const IRQ_EVTQ = 4;

function features_of(k: Kernel, base: number): { features: SmmuFeatures; idr: number[] } {
  const machine = the_machine(k);
  const idr = [0, 1, 2, 3, 4, 5].map((n) => machine.read32(base + REG.IDR0 + 4 * n));
  const caps = capsOf({
    idr0: idr[0] ?? 0,
    idr1: idr[1] ?? 0,
    idr3: idr[3] ?? 0,
    idr5: idr[5] ?? 0,
    iidr: 0,
    aidr: 0,
    quirks: ARCHITECTURE,
  });
  const features: SmmuFeatures = {
    two_level_strtab: caps.twoLevelStreamTable,
    two_level_cdtab: caps.cd2l,
    trans_s1: caps.s1,
    trans_s2: caps.s2,
    nesting: caps.s1 && caps.s2,
    coherency: (((idr[0] ?? 0) >>> 4) & 1) === 1,
    hd: caps.httu === 2,
    ats: caps.ats,
    pri: caps.pri,
    sev: (((idr[0] ?? 0) >>> 14) & 1) === 1,
    msi: caps.msi,
    hyp: caps.hyp,
    stalls: caps.stall,
    stall_force: caps.stallForced,
    range_inv: caps.rangeInvalidation,
    s2fwb: caps.fwb,
    attr_types_ovr: get(IDR1.f.ATTR_TYPES_OVR, [idr[1] ?? 0]) === 1,
    vax: caps.vax,
  };
  return { features, idr };
}

function init_queue(
  k: Kernel,
  regs: { base: number; prod: number; cons: number },
  bits: number,
  ent: number,
): SmmuQueue | null {
  const log2size = Math.min(bits, Q_MAX_SHIFT - ent);
  const base = alloc_coherent(k, 2 ** (log2size + ent));
  if (base === null) return null;
  return {
    base_reg: regs.base,
    prod_reg: regs.prod,
    cons_reg: regs.cons,
    base,
    log2size,
    log2ent: ent,
    prod: 0,
    cons: 0,
  };
}

/** Probes the SMMU at `base`. -ENXIO: it translates nothing; -ENOMEM. */
export function arm_smmu_device_probe(k: Kernel, hw_name: string, base: number): ArmSmmuDevice | number {
  const platform = the_platform(k);
  const machine = platform.machine;
  const { features, idr } = features_of(k, base);
  const caps = capsOf({
    idr0: idr[0] ?? 0,
    idr1: idr[1] ?? 0,
    idr3: idr[3] ?? 0,
    idr5: idr[5] ?? 0,
    iidr: 0,
    aidr: 0,
    quirks: ARCHITECTURE,
  });
  if (!k.check(features.trans_s1 || features.trans_s2, "the SMMU translates")) return -errno.ENXIO;
  const granules: Granule[] = [];
  if (caps.gran64k) granules.push(65536);
  if (caps.gran16k) granules.push(16384);
  if (caps.gran4k) granules.push(4096);
  const granule = arm_lpae_choose_granule(PAGE_SIZE, granules);
  if (!k.check(granule !== null, "the SMMU has a page size") || granule === null) return -errno.ENXIO;
  const cmdq = init_queue(
    k,
    { base: REG.CMDQ_BASE, prod: REG.CMDQ_PROD, cons: REG.CMDQ_CONS },
    caps.cmdqBits,
    CMDQ_LOG2ENT,
  );
  const evtq = init_queue(
    k,
    { base: REG.EVENTQ_BASE, prod: REG.EVENTQ_PROD, cons: REG.EVENTQ_CONS },
    caps.evtqBits,
    EVTQ_LOG2ENT,
  );
  const priq = features.pri
    ? init_queue(k, { base: REG.PRIQ_BASE, prod: REG.PRIQ_PROD, cons: REG.PRIQ_CONS }, caps.priqBits, PRIQ_LOG2ENT)
    : null;
  if (cmdq === null || evtq === null || (features.pri && priq === null)) return -errno.ENOMEM;
  const smmu: ArmSmmuDevice = {
    name: `${base.toString(16)}.smmuv3`,
    hw_name,
    base,
    features,
    idr,
    iidr: machine.read32(base + REG.IIDR),
    aidr: machine.read32(base + REG.AIDR),
    ias: Math.min(features.vax && granule === 65536 ? 52 : 48, VA_BITS),
    oas: Math.min(caps.oas, granule === 65536 ? 52 : 48),
    granules,
    granule,
    asid_bits: caps.asid16 ? 16 : 8,
    vmid_bits: caps.vmid16 ? 16 : 8,
    sid_bits: caps.sidBits,
    ssid_bits: caps.ssidBits,
    cmdq,
    evtq,
    priq,
    strtab: { two_level: false, base: 0, log2sids: 0, l1_entries: 0, l2: new Map() },
    vmid_map: new IdAllocator(1, caps.vmid16 ? 0xffff : 0xff),
    asid_map: platform.asids,
    streams: new Map(),
  };
  const rc = arm_smmu_init_strtab(k, smmu);
  if (rc < 0) return rc;
  arm_smmu_rmr_install_bypass_ste(k, smmu);
  arm_smmu_device_reset(k, smmu);
  platform.smmus.push(smmu);
  return smmu;
}

/** Programs the registers; at the end every stream that has no entry is blocked. */
function arm_smmu_device_reset(k: Kernel, smmu: ArmSmmuDevice): void {
  const f = smmu.features;
  if ((smmu_read(k, smmu, REG.CR0) & CR0_SMMUEN) !== 0) k.note(`${smmu.name}: was on, is reset`);
  smmu_write(k, smmu, REG.CR0, 0);
  smmu_write(k, smmu, REG.CR1, CR1_COHERENT);
  smmu_write(k, smmu, REG.CR2, CR2_PTM_RECINVSID);
  const t = smmu.strtab;
  smmu_write_base(k, smmu, REG.STRTAB_BASE, t.base, STRTAB_BASE_RA);
  const cfg = t.two_level ? (1 << 16) | (STRTAB_SPLIT << 6) | t.log2sids : t.log2sids;
  smmu_write(k, smmu, REG.STRTAB_BASE_CFG, cfg);
  start_queue(k, smmu, smmu.cmdq);
  let enables = CR0_CMDQEN;
  smmu_write(k, smmu, REG.CR0, enables);
  arm_smmu_cmdq_issue_cmd_with_sync(k, smmu, cmd_cfgi_all());
  if (f.hyp) arm_smmu_cmdq_issue_cmd_with_sync(k, smmu, cmd_tlbi_all(OP.TLBI_EL2_ALL, 0, 0));
  arm_smmu_cmdq_issue_cmd_with_sync(k, smmu, cmd_tlbi_all(OP.TLBI_NSNH_ALL, 0, 0));
  start_queue(k, smmu, smmu.evtq);
  enables |= CR0_EVTQEN;
  smmu_write(k, smmu, REG.CR0, enables);
  if (smmu.priq !== null) {
    start_queue(k, smmu, smmu.priq);
    enables |= CR0_PRIQEN;
    smmu_write(k, smmu, REG.CR0, enables);
  }
  if (f.ats) {
    enables |= CR0_ATSCHK;
    smmu_write(k, smmu, REG.CR0, enables);
  }
  smmu_write(k, smmu, REG.IRQ_CTRL, 0);
  smmu_write(k, smmu, REG.IRQ_CTRL, IRQ_EVTQ | IRQ_GERROR | (smmu.priq === null ? 0 : IRQ_PRIQ));
  smmu_write(k, smmu, REG.CR0, enables | CR0_SMMUEN);
}

function start_queue(k: Kernel, smmu: ArmSmmuDevice, q: SmmuQueue): void {
  smmu_write_base(k, smmu, q.base_reg, q.base + q.log2size, Q_BASE_RWA);
  smmu_write(k, smmu, q.prod_reg, q.prod);
  smmu_write(k, smmu, q.cons_reg, q.cons);
}
