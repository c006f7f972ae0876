/**
 * The driver's state: one SMMU, one device behind it, one domain.
 * Source: linux 7.2 drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.h.
 */
import type { Granule } from "../io_pgtable_arm/format.ts";
import type { ArmLpaePgtable } from "../io_pgtable_arm/table.ts";
import type { Device, IommuDomain, ViommuCore } from "../../iommu/types.ts";
import type { PciDev } from "../../pci/pci_dev.ts";
import type { IdAllocator } from "./ids.ts";
import type { Inv } from "./invs.ts";

/** What the ID registers allow, under the names of `ARM_SMMU_FEAT_*`. */
export interface SmmuFeatures {
  two_level_strtab: boolean;
  two_level_cdtab: boolean;
  trans_s1: boolean;
  trans_s2: boolean;
  /** Both stages: nest parents are possible. */
  nesting: boolean;
  coherency: boolean;
  /** Dirty state kept by hardware. */
  hd: boolean;
  ats: boolean;
  pri: boolean;
  sev: boolean;
  msi: boolean;
  hyp: boolean;
  /** The SMMU may stall; `force`: it always does. */
  stalls: boolean;
  stall_force: boolean;
  range_inv: boolean;
  s2fwb: boolean;
  /** STE.SHCFG must say "incoming" in bypass. */
  attr_types_ovr: boolean;
  /** 52-bit input addresses with the 64K granule. */
  vax: boolean;
}

/** A queue in memory. Positions carry the wrap bit above the index, as the registers do. */
export interface SmmuQueue {
  /** Register offsets from the SMMU's base. */
  base_reg: number;
  prod_reg: number;
  cons_reg: number;
  base: number;
  /** log2 of the number of entries. */
  log2size: number;
  /** log2 of the bytes of one. */
  log2ent: number;
  prod: number;
  cons: number;
}

export interface SmmuStrtab {
  two_level: boolean;
  base: number;
  /** Linear: log2 of the number of STEs. Two-level: number of L1 descriptors. */
  log2sids: number;
  l1_entries: number;
  /** L1 index -> physical address of the 256 STEs. */
  l2: Map<number, number>;
}

/** `struct arm_smmu_device`. */
export interface ArmSmmuDevice {
  /** `9050000.smmuv3`. */
  name: string;
  /** The emulated SMMU's name in the machine. */
  hw_name: string;
  base: number;
  features: SmmuFeatures;
  /** Register values that GET_HW_INFO reports. */
  idr: readonly number[];
  iidr: number;
  aidr: number;
  ias: number;
  oas: number;
  granules: readonly Granule[];
  /** The granule its tables use, bytes. */
  granule: Granule;
  asid_bits: number;
  vmid_bits: number;
  sid_bits: number;
  ssid_bits: number;
  cmdq: SmmuQueue;
  evtq: SmmuQueue;
  priq: SmmuQueue | null;
  strtab: SmmuStrtab;
  vmid_map: IdAllocator;
  /** Shared by all SMMUs of a kernel. */
  asid_map: IdAllocator;
  streams: Map<number, ArmSmmuMaster>;
}

/** `struct arm_smmu_ctx_desc_cfg`. */
export interface CdTable {
  /** Physical address of the CD table, or of its L1; -1 = not built yet. */
  base: number;
  two_level: boolean;
  /** log2 of the number of contexts. */
  s1cdmax: number;
  /** Two-level: L1 index -> physical address of 1,024 CDs. */
  l2: Map<number, number>;
  /** SSIDs other than 0 that have a valid CD. */
  used_ssids: number;
  in_ste: boolean;
}

/** Who gets this device's stage-1 events: `struct arm_smmu_vmaster`. */
export interface Vmaster {
  vsmmu: ArmVsmmu;
  vsid: number;
}

/** `struct arm_smmu_master`. */
export interface ArmSmmuMaster {
  smmu: ArmSmmuDevice;
  dev: Device;
  /** Ascending, without duplicates. */
  streams: readonly number[];
  cd_table: CdTable;
  vmaster: Vmaster | null;
  ats_supported: boolean;
  ats_enabled: boolean;
  /** The device may be stalled: firmware says so. */
  stall_enabled: boolean;
  /** The root complex forces write-back memory attributes (IORT CANWBS). */
  canwbs: boolean;
  /** Its function, null = a device that is not on PCI. */
  pdev: PciDev | null;
}

export type SmmuStage = "s1" | "s2";

/** One attachment to a domain: (device, SSID); 0 = the RID. */
export interface MasterDomain {
  master: ArmSmmuMaster;
  ssid: number;
  /** Attached through a nested domain, whose own ATS choice this is. */
  nested_ats_flush: boolean;
  /** Counted in the device's `iopf_users`. */
  using_iopf: boolean;
}

/** `struct arm_smmu_domain`: the driver's part of a paging domain. */
export class ArmSmmuDomain {
  readonly smmu: ArmSmmuDevice;
  readonly stage: SmmuStage;
  readonly nest_parent: boolean;
  readonly pgtable: ArmLpaePgtable;
  /** ASID of stage 1, VMID of stage 2. */
  readonly tag: number;
  devices: MasterDomain[] = [];
  /** What an unmap has to invalidate, in the order the driver does it. */
  invs: Inv[] = [];
  enforce_cache_coherency = false;

  constructor(smmu: ArmSmmuDevice, stage: SmmuStage, nest_parent: boolean, pgtable: ArmLpaePgtable, tag: number) {
    this.smmu = smmu;
    this.stage = stage;
    this.nest_parent = nest_parent;
    this.pgtable = pgtable;
    this.tag = tag;
  }
}

/** `struct arm_vsmmu`: the driver's part of a vIOMMU. */
export class ArmVsmmu {
  readonly core: ViommuCore;
  readonly smmu: ArmSmmuDevice;
  /** The nest parent. */
  readonly s2_parent: IommuDomain;
  readonly vmid: number;

  constructor(core: ViommuCore, smmu: ArmSmmuDevice, s2_parent: IommuDomain, vmid: number) {
    this.core = core;
    this.smmu = smmu;
    this.s2_parent = s2_parent;
    this.vmid = vmid;
  }
}

/** `struct arm_smmu_nested_domain`: what the guest may say in its STE. */
export class ArmSmmuNestedDomain {
  readonly vsmmu: ArmVsmmu;
  /** The first two 64-bit words of the virtual STE as four u32; without EATS. */
  readonly ste: Uint32Array;
  readonly enable_ats: boolean;

  constructor(vsmmu: ArmVsmmu, ste: Uint32Array, enable_ats: boolean) {
    this.vsmmu = vsmmu;
    this.ste = ste;
    this.enable_ats = enable_ats;
  }
}

/** The driver's state of a device; a device of another driver is a bug of the caller. */
export function dev_master(dev: Device): ArmSmmuMaster {
  if (dev.iommu_priv === null || !("cd_table" in dev.iommu_priv)) throw new Error(`${dev.name} is not behind an SMMU`);
  return dev.iommu_priv as ArmSmmuMaster;
}

/** The paging domain behind a domain that a device attaches to: itself, the parent of a nested one, or none. */
export function to_smmu_domain_devices(domain: IommuDomain | null): ArmSmmuDomain | null {
  if (domain === null) return null;
  if (domain.priv instanceof ArmSmmuDomain) return domain.priv;
  if (domain.priv instanceof ArmSmmuNestedDomain) return to_smmu_domain_devices(domain.priv.vsmmu.s2_parent);
  return null;
}
