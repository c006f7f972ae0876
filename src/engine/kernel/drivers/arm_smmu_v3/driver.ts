/**
 * arm-smmu-v3 as the IOMMU core sees it. Source: linux 7.2 arm-smmu-v3.c `arm_smmu_ops`.
 */
import { errno } from "../../../uapi/errno.ts";
import {
  IOMMU_MMIO,
  IOMMU_NOEXEC,
  IOMMU_WRITE,
  type Device,
  type IommuCap,
  type IommuDomain,
  type IommuDomainOps,
  type IommuOps,
  type IopfFault,
  type ResvRegion,
  type UserData,
  type ViommuCore,
} from "../../iommu/types.ts";
import type { Kernel } from "../../kernel.ts";
import { pci_ats_supported, pci_enable_pasid, pci_max_pasids } from "../../pci/ats.ts";
import type { PciDev } from "../../pci/pci_dev.ts";
import { the_platform } from "../../platform.ts";
import { type ArmSmmuDevice, type ArmSmmuMaster, dev_master } from "./device.ts";
import { arm_smmu_hw_info, arm_smmu_viommu_supported, arm_vsmmu_init } from "./iommufd.ts";
import { arm_smmu_init_sid_strtab } from "./strtab.ts";

/** Window for MSI doorbells. */
const MSI_IOVA_BASE = 0x8000000n;
const MSI_IOVA_LENGTH = 0x100000n;

function arm_smmu_capable(_k: Kernel, dev: Device, cap: IommuCap): boolean {
  const master = dev_master(dev);
  switch (cap) {
    case "CACHE_COHERENCY":
      return master.smmu.features.coherency;
    case "ENFORCE_CACHE_COHERENCY":
      return master.canwbs;
    case "NOEXEC":
      return true;
    case "DIRTY_TRACKING":
      return master.smmu.features.hd && master.smmu.features.coherency;
    case "PCI_ATS_SUPPORTED":
      return master.ats_supported;
  }
}

/** The doorbell window, then what firmware says about the device. */
export function arm_smmu_get_resv_regions(k: Kernel, dev: Device): ResvRegion[] {
  const window: ResvRegion = {
    start: MSI_IOVA_BASE,
    length: MSI_IOVA_LENGTH,
    type: "sw-msi",
    prot: IOMMU_WRITE | IOMMU_NOEXEC | IOMMU_MMIO,
  };
  const told = k.ops.iommu_dma_get_resv_regions(k, dev);
  return told.some((r) => r.type === "sw-msi") ? told : [window, ...told];
}

const blocked_ops: IommuDomainOps = Object.freeze({
  attach_dev: (k: Kernel, domain: IommuDomain, dev: Device, old: IommuDomain | null) =>
    k.ops.arm_smmu_attach_dev_blocked(k, domain, dev, old),
  set_dev_pasid: (k: Kernel, domain: IommuDomain, dev: Device, pasid: number, old: IommuDomain | null) =>
    k.ops.arm_smmu_blocking_set_dev_pasid(k, domain, dev, pasid, old),
});

const identity_ops: IommuDomainOps = Object.freeze({
  attach_dev: (k: Kernel, domain: IommuDomain, dev: Device, old: IommuDomain | null) =>
    k.ops.arm_smmu_attach_dev_identity(k, domain, dev, old),
});

/** The two domains that exist once for all devices; they are never changed. */
function static_domain(type: "blocked" | "identity", ops: IommuDomainOps): IommuDomain {
  return Object.freeze({
    type,
    ops,
    owner: null,
    pgsize_bitmap: 0n,
    aperture_start: 0n,
    aperture_end: (1n << 64n) - 1n,
    dirty_ops: null,
    cookie_type: "none",
    cookie: null,
    iopf_handler: null,
    priv: Object.freeze({}),
  });
}

const arm_smmu_ops: IommuOps = Object.freeze({
  name: "arm-smmu-v3",
  capable: arm_smmu_capable,
  get_resv_regions: (k: Kernel, dev: Device) => k.ops.arm_smmu_get_resv_regions(k, dev),
  blocked_domain: static_domain("blocked", blocked_ops),
  identity_domain: static_domain("identity", identity_ops),
  domain_alloc_paging_flags: (k: Kernel, dev: Device, flags: number, data: UserData | null) =>
    k.ops.arm_smmu_domain_alloc_paging_flags(k, dev, flags, data),
  domain_alloc_nested: null,
  hw_info: arm_smmu_hw_info,
  viommu_supported: arm_smmu_viommu_supported,
  viommu_init: (k: Kernel, viommu: ViommuCore, parent: IommuDomain, dev: Device, data: UserData | null) =>
    arm_vsmmu_init(k, viommu, parent, dev, data),
  user_pasid_table: true,
  page_response: (k: Kernel, dev: Device, fault: IopfFault, code: number) =>
    k.ops.arm_smmu_page_response(k, dev, fault, code),
  release_device: arm_smmu_release_device,
});

/** Nobody has these streams any more; their entries stay and block. */
function arm_smmu_release_device(_k: Kernel, dev: Device): void {
  const { smmu, streams } = dev_master(dev);
  for (const sid of streams) if (smmu.streams.get(sid)?.dev === dev) smmu.streams.delete(sid);
}

/** Switches PASIDs on in the function and gives the SSID bits that its CD table resolves. */
function arm_smmu_enable_pasid(k: Kernel, smmu: ArmSmmuDevice, pdev: PciDev | null): number {
  const pasids = pdev === null ? 0 : pci_max_pasids(pdev);
  if (pdev === null || pasids <= 0 || pci_enable_pasid(k, pdev) < 0) return 0;
  return Math.min(Math.log2(pasids), smmu.ssid_bits);
}

/**
 * A device appears behind an SMMU: its stream table entries exist from now on. -ENODEV: one of its StreamIDs belongs
 * to another device already.
 */
export function arm_smmu_probe_device(k: Kernel, dev: Device, smmu: ArmSmmuDevice, sids: readonly number[]): number {
  const streams = [...new Set(sids)].sort((a, b) => a - b);
  for (const sid of streams) {
    const rc = arm_smmu_init_sid_strtab(k, smmu, sid);
    if (rc < 0) return rc;
  }
  for (const sid of streams) {
    const other = smmu.streams.get(sid);
    const free = other === undefined || other.dev === dev;
    const detail = () => ({ left: `StreamID 0x${sid.toString(16)}`, right: other?.dev.name ?? "" });
    if (!k.check(free, "no other device has this StreamID", detail)) return -errno.ENODEV;
  }
  const { boot, pci } = the_platform(k);
  const pdev = pci.get(dev.name) ?? null;
  const s1cdmax = arm_smmu_enable_pasid(k, smmu, pdev);
  const f = smmu.features;
  const master: ArmSmmuMaster = {
    smmu,
    dev,
    pdev,
    streams: Object.freeze(streams),
    cd_table: { base: -1, two_level: false, s1cdmax, l2: new Map(), used_ssids: 0, in_ste: false },
    vmaster: null,
    ats_supported: f.ats && boot.ats && pdev !== null && pci_ats_supported(pdev),
    ats_enabled: false,
    stall_enabled: f.stall_force || (f.stalls && boot.dma_can_stall.includes(dev.name)),
    canwbs: boot.canwbs,
  };
  const pasids = pdev === null ? 0 : pci_max_pasids(pdev);
  dev.max_pasids = pasids > 0 ? Math.min(pasids, 2 ** smmu.ssid_bits) : 0;
  for (const sid of streams) smmu.streams.set(sid, master);
  dev.iommu_ops = arm_smmu_ops;
  dev.iommu_dev = smmu;
  dev.iommu_priv = master;
  return 0;
}
