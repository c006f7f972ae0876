/**
 * Moving a device between domains: in which order the tables, the caches and the driver's books change.
 * Source: linux 7.2 arm-smmu-v3.c `arm_smmu_attach_*`, arm-smmu-v3-iommufd.c `arm_smmu_attach_dev_nested`.
 */
import { errno } from "../../../uapi/errno.ts";
import type { Device, IommuDomain } from "../../iommu/types.ts";
import type { Kernel } from "../../kernel.ts";
import {
  arm_smmu_alloc_cd_ptr,
  arm_smmu_clear_cd,
  arm_smmu_make_s1_cd,
  arm_smmu_ssids_in_use,
  arm_smmu_write_cd_entry,
} from "./cd.ts";
import {
  ArmSmmuDomain,
  type ArmSmmuMaster,
  ArmSmmuNestedDomain,
  dev_master,
  type MasterDomain,
  to_smmu_domain_devices,
  type Vmaster,
} from "./device.ts";
import { pci_disable_ats, pci_enable_ats } from "../../pci/ats.ts";
import { log2 } from "../io_pgtable_arm/format.ts";
import { cmd_atc_inv } from "./cmd.ts";
import { arm_smmu_cmdq_batch_add, arm_smmu_cmdq_batch_submit, type CmdqBatch } from "./cmdq.ts";
import { arm_smmu_invs_add, arm_smmu_invs_remove } from "./invs.ts";
import {
  arm_smmu_make_abort_ste,
  arm_smmu_make_bypass_ste,
  arm_smmu_make_cdtable_ste,
  arm_smmu_make_nested_domain_ste,
  arm_smmu_make_s2_domain_ste,
  CFG,
  S1DSS,
  ste_config,
} from "./ste.ts";
import { arm_smmu_install_ste_for_dev } from "./strtab.ts";

const ATC_INV_SIZE_ALL = 52;

/** Between prepare and commit. */
interface AttachState {
  master: ArmSmmuMaster;
  /** 0 = the RID. */
  ssid: number;
  old: IommuDomain | null;
  disable_ats: boolean;
  ats_enabled: boolean;
  vmaster: Vmaster | null;
}

function attach_state(master: ArmSmmuMaster, ssid: number, old: IommuDomain | null): AttachState {
  return { master, ssid, old, disable_ats: false, ats_enabled: false, vmaster: null };
}

/** The vSID under which the guest knows the device; a stage 1 of the guest cannot do without. */
function prepare_vmaster(k: Kernel, state: AttachState, nested: ArmSmmuNestedDomain): number {
  const { vsmmu } = nested;
  const vdev = [...vsmmu.core.vdevs.values()].find((it) => it.dev === state.master.dev);
  if (vdev === undefined) {
    const rule = k.features.vste_needs_vdevice;
    const needs = rule === "any" || (rule === "translate" && ste_config(nested.ste) === CFG.S1);
    return k.check(!needs, "the device has a vDEVICE in this vIOMMU, or needs none") ? 0 : -errno.ENOENT;
  }
  state.vmaster = { vsmmu, vsid: Number(vdev.virt_id) };
  return 0;
}

/** Page faults of the device go to the domain's handler. PRI is not supported: only devices that stall have any. */
function arm_smmu_enable_iopf(k: Kernel, master: ArmSmmuMaster, at: MasterDomain, domain: IommuDomain): number {
  if (domain.iopf_handler === null || !master.stall_enabled) return 0;
  if (!k.check(master.streams.length === 1, "the device has one StreamID")) return -errno.EOPNOTSUPP;
  master.dev.iopf_users++;
  at.using_iopf = true;
  return 0;
}

/** Everything that can fail; from here on invalidations of the new domain reach the device. */
function arm_smmu_attach_prepare(k: Kernel, state: AttachState, domain: IommuDomain): number {
  const { master } = state;
  const paging = to_smmu_domain_devices(domain);
  if (paging !== null) {
    const rc = prepare_domain(k, state, domain, paging);
    if (rc < 0) return rc;
  }
  if (!state.ats_enabled && master.ats_enabled && master.pdev !== null) pci_disable_ats(master.pdev);
  return 0;
}

function prepare_domain(k: Kernel, state: AttachState, domain: IommuDomain, paging: ArmSmmuDomain): number {
  const { master } = state;
  state.ats_enabled = !state.disable_ats && master.ats_supported;
  if (domain.priv instanceof ArmSmmuNestedDomain) {
    const rc = prepare_vmaster(k, state, domain.priv);
    if (rc < 0) return rc;
  }
  if (k.fails()) return -errno.ENOMEM;
  const coherent = !paging.enforce_cache_coherency || master.canwbs;
  if (!k.check(coherent, "the device's traffic can be made coherent, as the domain demands")) return -errno.EINVAL;
  const at: MasterDomain = {
    master,
    ssid: state.ssid,
    nested_ats_flush: domain.priv instanceof ArmSmmuNestedDomain && state.ats_enabled,
    using_iopf: false,
  };
  const rc = arm_smmu_enable_iopf(k, master, at, domain);
  if (rc < 0) return rc;
  paging.devices.push(at);
  arm_smmu_invs_add(paging, at);
  return 0;
}

/** The device forgets translations: all of them, or those of one SSID. */
function arm_smmu_atc_inv_master(k: Kernel, master: ArmSmmuMaster, ssid: number): void {
  const batch: CmdqBatch = { cmds: [] };
  for (const sid of master.streams) {
    arm_smmu_cmdq_batch_add(k, master.smmu, batch, cmd_atc_inv(sid, ssid, 0, ATC_INV_SIZE_ALL));
  }
  arm_smmu_cmdq_batch_submit(k, master.smmu, batch);
}

function commit_ats(k: Kernel, state: AttachState): void {
  const { master } = state;
  if (state.ats_enabled && !master.ats_enabled) {
    arm_smmu_atc_inv_master(k, master, 0);
    if (master.pdev !== null) pci_enable_ats(master.pdev, log2(master.smmu.granule));
  } else if (state.ats_enabled) arm_smmu_atc_inv_master(k, master, state.ssid);
  else if (master.ats_enabled) arm_smmu_atc_inv_master(k, master, 0);
  master.ats_enabled = state.ats_enabled;
}

function remove_master_domain(k: Kernel, master: ArmSmmuMaster, ssid: number, old: IommuDomain | null): void {
  const paging = to_smmu_domain_devices(old);
  if (paging === null) return;
  const index = paging.devices.findIndex((it) => it.master === master && it.ssid === ssid);
  const at = paging.devices[index];
  if (at === undefined) return;
  paging.devices.splice(index, 1);
  arm_smmu_invs_remove(k, paging, at);
  if (at.using_iopf && --master.dev.iopf_users === 0) master.dev.iopf_partial = [];
}

/** The books follow the tables: tags that the old domain no longer needs leave the TLB. */
function arm_smmu_attach_commit(k: Kernel, state: AttachState): void {
  const { master } = state;
  if (state.ssid === 0) master.vmaster = state.vmaster;
  commit_ats(k, state);
  remove_master_domain(k, master, state.ssid, state.old);
}

/** Paging domains, on the RID. EINVAL: made for another SMMU. EBUSY: stage 2 beside PASIDs. */
export function arm_smmu_attach_dev(k: Kernel, domain: IommuDomain, dev: Device, old: IommuDomain | null): number {
  const master = dev_master(dev);
  const paging = domain.priv;
  if (!(paging instanceof ArmSmmuDomain)) throw new Error("attach_dev of a domain that is not the driver's");
  const same = paging.smmu === master.smmu;
  if (
    !k.check(same, "the domain was made for this SMMU", () => ({ left: paging.smmu.name, right: master.smmu.name }))
  ) {
    return -errno.EINVAL;
  }
  let cd = -1;
  if (paging.stage === "s1") {
    cd = arm_smmu_alloc_cd_ptr(k, master, 0);
    if (cd < 0) return cd;
  } else if (!k.check(!arm_smmu_ssids_in_use(master), "no PASID is attached")) return -errno.EBUSY;
  const state = attach_state(master, 0, old);
  const rc = arm_smmu_attach_prepare(k, state, domain);
  if (rc < 0) return rc;
  if (paging.stage === "s1") {
    arm_smmu_write_cd_entry(k, master, 0, cd, arm_smmu_make_s1_cd(master, paging));
    arm_smmu_install_ste_for_dev(k, master, arm_smmu_make_cdtable_ste(master, state.ats_enabled, S1DSS.SSID0));
    master.cd_table.in_ste = true;
  } else {
    arm_smmu_install_ste_for_dev(k, master, arm_smmu_make_s2_domain_ste(master, paging, state.ats_enabled));
    master.cd_table.in_ste = false;
    arm_smmu_clear_cd(k, master, 0);
  }
  arm_smmu_attach_commit(k, state);
  return 0;
}

/** Domains made from a guest's STE. ENOENT: its stage 1 without a vDEVICE. */
export function arm_smmu_attach_dev_nested(
  k: Kernel,
  domain: IommuDomain,
  dev: Device,
  old: IommuDomain | null,
): number {
  const master = dev_master(dev);
  const nested = domain.priv;
  if (!(nested instanceof ArmSmmuNestedDomain)) throw new Error("attach_dev_nested of another domain");
  const parent = to_smmu_domain_devices(domain);
  if (parent === null) throw new Error("a nested domain without parent");
  if (!k.check(nested.vsmmu.smmu === master.smmu, "the vIOMMU is on this SMMU")) return -errno.EINVAL;
  if (!k.check(!arm_smmu_ssids_in_use(master), "no PASID is attached")) return -errno.EBUSY;
  const state = attach_state(master, 0, old);
  state.disable_ats = !nested.enable_ats;
  const rc = arm_smmu_attach_prepare(k, state, domain);
  if (rc < 0) return rc;
  const ste = arm_smmu_make_nested_domain_ste(master, parent, nested, state.ats_enabled);
  arm_smmu_install_ste_for_dev(k, master, ste);
  master.cd_table.in_ste = false;
  arm_smmu_attach_commit(k, state);
  return 0;
}

/** Blocked and identity: no table on the RID, but PASIDs go on through the CD table. */
function attach_dev_ste(
  k: Kernel,
  domain: IommuDomain,
  master: ArmSmmuMaster,
  old: IommuDomain | null,
  plain: Uint32Array,
  s1dss: number,
): number {
  const state = attach_state(master, 0, old);
  let ste = plain;
  if (arm_smmu_ssids_in_use(master)) {
    state.ats_enabled = master.ats_supported;
    ste = arm_smmu_make_cdtable_ste(master, state.ats_enabled, s1dss);
  }
  const rc = arm_smmu_attach_prepare(k, state, domain);
  if (rc < 0) return rc;
  arm_smmu_install_ste_for_dev(k, master, ste);
  master.cd_table.in_ste = ste !== plain;
  arm_smmu_attach_commit(k, state);
  arm_smmu_clear_cd(k, master, 0);
  return 0;
}

export function arm_smmu_attach_dev_blocked(
  k: Kernel,
  domain: IommuDomain,
  dev: Device,
  old: IommuDomain | null,
): number {
  return attach_dev_ste(k, domain, dev_master(dev), old, arm_smmu_make_abort_ste(), S1DSS.TERMINATE);
}

export function arm_smmu_attach_dev_identity(
  k: Kernel,
  domain: IommuDomain,
  dev: Device,
  old: IommuDomain | null,
): number {
  const master = dev_master(dev);
  return attach_dev_ste(k, domain, master, old, arm_smmu_make_bypass_ste(master), S1DSS.BYPASS);
}

/** A stage-1 domain on a PASID. */
export function arm_smmu_s1_set_dev_pasid(
  k: Kernel,
  domain: IommuDomain,
  dev: Device,
  pasid: number,
  old: IommuDomain | null,
): number {
  const master = dev_master(dev);
  const paging = domain.priv;
  if (!(paging instanceof ArmSmmuDomain) || !k.check(paging.stage === "s1", "the domain is stage 1"))
    return -errno.EINVAL;
  if (!k.check(paging.smmu === master.smmu, "the domain was made for this SMMU")) return -errno.EINVAL;
  const rid = dev.iommu_group?.domain ?? null;
  const fits = rid?.type === "blocked" || rid?.type === "identity" || to_smmu_domain_devices(rid)?.stage === "s1";
  if (!k.check(fits && rid?.type !== "nested", "the RID is on stage 1, identity or blocked")) return -errno.EINVAL;
  const cd = arm_smmu_alloc_cd_ptr(k, master, pasid);
  if (cd < 0) return cd;
  const state = attach_state(master, pasid, old);
  const rc = arm_smmu_attach_prepare(k, state, domain);
  if (rc < 0) return rc;
  arm_smmu_write_cd_entry(k, master, pasid, cd, arm_smmu_make_s1_cd(master, paging));
  if (!master.cd_table.in_ste) {
    const s1dss = rid?.type === "identity" ? S1DSS.BYPASS : S1DSS.TERMINATE;
    arm_smmu_install_ste_for_dev(k, master, arm_smmu_make_cdtable_ste(master, state.ats_enabled, s1dss));
    master.cd_table.in_ste = true;
  }
  arm_smmu_attach_commit(k, state);
  return 0;
}

/** The PASID's CD goes; after the last one a device without table on the RID loses its CD table too. */
export function arm_smmu_blocking_set_dev_pasid(
  k: Kernel,
  _domain: IommuDomain,
  dev: Device,
  pasid: number,
  old: IommuDomain | null,
): number {
  const master = dev_master(dev);
  arm_smmu_clear_cd(k, master, pasid);
  if (master.ats_enabled) arm_smmu_atc_inv_master(k, master, pasid);
  remove_master_domain(k, master, pasid, old);
  const rid = dev.iommu_group?.domain ?? null;
  if (!arm_smmu_ssids_in_use(master) && master.cd_table.in_ste && rid !== null) {
    if (rid.type === "blocked" || rid.type === "identity") return rid.ops.attach_dev(k, rid, dev, rid);
  }
  return 0;
}
