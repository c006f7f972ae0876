/**
 * VT-d: devices, regions, what user space is told. Source: linux 7.2 drivers/iommu/intel/iommu.c
 * `intel_iommu_probe_device`, `intel_iommu_get_resv_regions`, `intel_iommu_hw_info`, `intel_iommu_capable`.
 */
import { CAP, EXT } from "../../../../hw/pci/regs.ts";
import { errno } from "../../../uapi/errno.ts";
import { HW_INFO_TYPE } from "../../../uapi/iommufd.ts";
import {
  type Device,
  type DomainType,
  type IommuCap,
  type IommuDomain,
  type IommuDomainOps,
  type IommuOps,
  IOMMU_READ,
  IOMMU_WRITE,
  type ResvRegion,
  type UserData,
} from "../../iommu/types.ts";
import type { Kernel } from "../../kernel.ts";
import type { PciDev } from "../../pci/pci_dev.ts";
import type { IntelIommuDesc } from "../../x86_desc.ts";
import { IntelIommu } from "./caps.ts";
import { DeviceDomainInfo, info_of } from "./device.ts";
import { device_block_translation, intel_iommu_domain_alloc_paging_flags, remove_dev_pasid } from "./domain.ts";
import { device_pasid_table_setup, setup_translation } from "./entries.ts";

/** Where the processors take interrupt messages. */
const IOAPIC_RANGE_START = 0xfee0_0000n;
const IOAPIC_RANGE_BYTES = 0x10_0000n;

const static_ops: IommuDomainOps = Object.freeze({
  attach_dev: (k: Kernel, domain: IommuDomain, dev: Device, old: IommuDomain | null): number => {
    device_block_translation(k, dev, old);
    const info = info_of(dev);
    const { hw } = info.iommu;
    return hw !== null && domain.type === "identity" ? setup_translation(k, hw, info, 0, null) : 0;
  },
  set_dev_pasid: (k: Kernel, domain: IommuDomain, dev: Device, pasid: number, old: IommuDomain | null): number => {
    remove_dev_pasid(k, dev, pasid, old);
    const info = info_of(dev);
    const { hw } = info.iommu;
    return hw !== null && domain.type === "identity" ? setup_translation(k, hw, info, pasid, null) : 0;
  },
});

function static_domain(type: DomainType): IommuDomain {
  return Object.freeze({
    type,
    ops: static_ops,
    owner: null,
    pgsize_bitmap: 0n,
    aperture_start: 0n,
    aperture_end: 0n,
    dirty_ops: null,
    cookie_type: "none",
    cookie: null,
    iopf_handler: null,
    priv: Object.freeze({}),
  } satisfies IommuDomain);
}

function intel_iommu_capable(_k: Kernel, dev: Device, cap: IommuCap): boolean {
  const { iommu, ats_supported } = info_of(dev);
  switch (cap) {
    case "CACHE_COHERENCY":
      return true;
    case "ENFORCE_CACHE_COHERENCY":
      return iommu.snoop_control;
    case "DIRTY_TRACKING":
      return iommu.ssads_supported;
    case "PCI_ATS_SUPPORTED":
      return ats_supported;
    case "NOEXEC":
      return false;
  }
}

/** What firmware uses by DMA, then the processors' interrupt window. */
function intel_iommu_get_resv_regions(_k: Kernel, dev: Device): ResvRegion[] {
  const prot = IOMMU_READ | IOMMU_WRITE;
  const out: ResvRegion[] = info_of(dev).rmrrs.map(({ start, last }) => ({
    start: BigInt(start),
    length: BigInt(last - start + 1),
    type: "direct",
    prot,
  }));
  out.push({ start: IOAPIC_RANGE_START, length: IOAPIC_RANGE_BYTES, type: "msi", prot: 0 });
  return out;
}

/** Read-only second-stage mappings may be written under nesting: told of every unit, whether it has the fault or not. */
const ERRATA_772415_SPR17 = 1;

/** `struct iommu_hw_info_vtd`: flags and a reserved word, CAP, ECAP. -EOPNOTSUPP for another type. */
function intel_iommu_hw_info(k: Kernel, dev: Device, type: number): { type: number; data: Uint8Array } | number {
  const known = type === HW_INFO_TYPE.NONE || type === HW_INFO_TYPE.INTEL_VTD;
  if (!k.check(known, "information of VT-d, or the driver's own")) return -errno.EOPNOTSUPP;
  const { cap, ecap } = info_of(dev).iommu;
  const data = new Uint8Array(24);
  const view = new DataView(data.buffer);
  view.setUint32(0, ERRATA_772415_SPR17, true);
  view.setUint32(8, cap.lo, true);
  view.setUint32(12, cap.hi, true);
  view.setUint32(16, ecap.lo, true);
  view.setUint32(20, ecap.hi, true);
  return { type: HW_INFO_TYPE.INTEL_VTD, data };
}

export const intel_iommu_ops: IommuOps = Object.freeze({
  name: "intel-iommu",
  capable: intel_iommu_capable,
  get_resv_regions: intel_iommu_get_resv_regions,
  blocked_domain: static_domain("blocked"),
  identity_domain: static_domain("identity"),
  domain_alloc_paging_flags: (k: Kernel, dev: Device, flags: number, data: UserData | null) =>
    intel_iommu_domain_alloc_paging_flags(k, dev, flags, data, intel_iommu_ops),
  domain_alloc_nested: null,
  hw_info: intel_iommu_hw_info,
  viommu_supported: null,
  viommu_init: null,
  user_pasid_table: true,
} satisfies IommuOps);

/** Puts a function behind the unit that covers it. */
export function intel_iommu_probe_device(k: Kernel, pdev: PciDev, iommu: IntelIommu, desc: IntelIommuDesc): void {
  const { config } = pdev.hw;
  const ats = iommu.ats && config.findExtended(EXT.ATS) !== 0;
  const pri = ats && iommu.sm_supported && iommu.prs && config.findExtended(EXT.PRI) !== 0;
  const rmrrs = desc.rmrrs.filter((region) => region.bdfs.includes(pdev.bdf));
  pdev.dev.iommu_ops = intel_iommu_ops;
  pdev.dev.iommu_dev = iommu;
  const info = new DeviceDomainInfo(iommu, pdev.bdf, { ats, pri }, rmrrs);
  pdev.dev.iommu_priv = info;
  pdev.dev.max_pasids = max_pasids(pdev, iommu);
  info.pasids = pdev.dev.max_pasids > 0;
  if (iommu.hw?.scalable === true) device_pasid_table_setup(k, iommu.hw, info);
  k.note(`${pdev.bdf}: behind ${iommu.name}`);
}

/** What the unit and the function both have; 0 without the PASID capability. */
function max_pasids(pdev: PciDev, iommu: IntelIommu): number {
  const { config } = pdev.hw;
  const at = config.find(CAP.EXP) === 0 ? 0 : config.findExtended(EXT.PASID);
  if (at === 0 || !iommu.pasid_supported) return 0;
  const width = (config.read(at + 4, 2) >> 8) & 0x1f;
  return Math.min(2 ** width, 2 ** iommu.pss);
}
