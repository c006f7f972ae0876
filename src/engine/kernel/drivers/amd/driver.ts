/**
 * The AMD IOMMU: geometry, regions, what user space is told and refused. Source: linux 7.2 drivers/iommu/amd/iommu.c
 * `amd_iommu_domain_alloc_paging_flags`, `amd_iommu_get_resv_regions`, `amd_iommu_capable`.
 */
import { EXT } from "../../../../hw/pci/regs.ts";
import { errno } from "../../../uapi/errno.ts";
import { HW_INFO_TYPE, HWPT_ALLOC_FLAGS } from "../../../uapi/iommufd.ts";
import type {
  Device,
  DomainType,
  IommuCap,
  IommuDomain,
  IommuDomainOps,
  IommuOps,
  IotlbGather,
  ResvRegion,
  UserData,
} from "../../iommu/types.ts";
import type { Kernel } from "../../kernel.ts";
import { NotModelled } from "../../not_modelled.ts";
import type { PciDev } from "../../pci/pci_dev.ts";
import type { AmdIommuDesc, Register64 } from "../../x86_desc.ts";
import { SoftwareTable } from "../intel/software_table.ts";

/** Bits of the upper half of EFR: enhanced PPR handling, host access and dirty bits. */
const EFR_HI_EPHSUP = 1 << 18;
const EFR_HI_HDSUP = 1 << 20;
/** Every power of two from 4 KiB on, but 512 GiB, which format v1 cannot write. */
const V1_SIZES = 0xffff_ffff_ffff_f000n & ~(1n << 39n);
const V1_LAST = 0xffff_ffff_ffff_ffffn;

/** The unit: linux `struct amd_iommu`. */
export class AmdIommu {
  readonly efr: Register64;
  readonly efr2: Register64;

  constructor({ efr, efr2 }: AmdIommuDesc) {
    this.efr = efr;
    this.efr2 = efr2;
  }
}

/** Per-device state. */
export class IommuDevData {
  readonly iommu: AmdIommu;
  readonly ats: boolean;

  constructor(iommu: AmdIommu, ats: boolean) {
    this.iommu = iommu;
    this.ats = ats;
  }
}

function data_of(dev: Device): IommuDevData {
  if (!(dev.iommu_priv instanceof IommuDevData)) throw new Error(`${dev.name} is not behind an AMD IOMMU`);
  return dev.iommu_priv;
}

function table_of(domain: IommuDomain): SoftwareTable {
  if (!(domain.priv instanceof SoftwareTable)) throw new Error("not a paging domain of the AMD driver");
  return domain.priv;
}

/** Faults are taken whether or not the device can report any. */
const attach_device = (): number => 0;

const static_ops: IommuDomainOps = Object.freeze({ attach_dev: attach_device, set_dev_pasid: (): number => 0 });

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

/** Format v1: every leaf forces coherence. */
const amdv1_ops: IommuDomainOps = Object.freeze({
  attach_dev: attach_device,
  map_range: (_k: Kernel, domain: IommuDomain, iova: bigint, pa: bigint, length: bigint, prot: number) =>
    table_of(domain).map(iova, pa, length, prot),
  unmap_range: (_k: Kernel, domain: IommuDomain, iova: bigint, length: bigint, gather: IotlbGather) =>
    table_of(domain).unmap(iova, length, gather),
  iova_to_phys: (_k: Kernel, domain: IommuDomain, iova: bigint) => table_of(domain).iova_to_phys(iova),
  enforce_cache_coherency: (): boolean => true,
});

function amd_iommu_domain_alloc_paging_flags(
  k: Kernel,
  dev: Device,
  flags: number,
  data: UserData | null,
): IommuDomain | number {
  const { NEST_PARENT, DIRTY_TRACKING, PASID } = HWPT_ALLOC_FLAGS;
  const known = (flags & ~(NEST_PARENT | DIRTY_TRACKING | PASID)) === 0 && data === null;
  if (!k.check(known, "known flags and no driver data")) return -errno.EOPNOTSUPP;
  const { hi } = data_of(dev).iommu.efr;
  const able =
    ((flags & DIRTY_TRACKING) === 0 || (hi & EFR_HI_HDSUP) !== 0) &&
    ((flags & (PASID | NEST_PARENT)) === 0 || (hi & EFR_HI_EPHSUP) !== 0);
  if (!k.check(able, "the unit has the features that the flags need")) return -errno.EOPNOTSUPP;
  if (flags !== 0) throw new NotModelled("AMD domains for dirty tracking, PASIDs or nesting");
  return {
    type: "unmanaged",
    ops: amdv1_ops,
    owner: amd_iommu_ops,
    pgsize_bitmap: V1_SIZES,
    aperture_start: 0n,
    aperture_end: V1_LAST,
    dirty_ops: null,
    cookie_type: "none",
    cookie: null,
    iopf_handler: null,
    priv: new SoftwareTable(V1_SIZES, V1_LAST),
  };
}

function amd_iommu_capable(_k: Kernel, dev: Device, cap: IommuCap): boolean {
  if (cap === "DIRTY_TRACKING") return (data_of(dev).iommu.efr.hi & EFR_HI_HDSUP) !== 0;
  if (cap === "PCI_ATS_SUPPORTED") return data_of(dev).ats;
  return cap !== "NOEXEC";
}

/** The processors' interrupt window, and HyperTransport's. */
function amd_iommu_get_resv_regions(): ResvRegion[] {
  return [
    { start: 0xfee0_0000n, length: 0x10_0000n, type: "msi", prot: 0 },
    { start: 0xfd_0000_0000n, length: 0x3_0000_0000n, type: "reserved", prot: 0 },
  ];
}

/** EFR and EFR2. -EOPNOTSUPP for another type. */
function amd_iommu_hw_info(k: Kernel, dev: Device, type: number): { type: number; data: Uint8Array } | number {
  const known = type === HW_INFO_TYPE.NONE || type === HW_INFO_TYPE.AMD;
  if (!k.check(known, "information of AMD, or the driver's own")) return -errno.EOPNOTSUPP;
  const { efr, efr2 } = data_of(dev).iommu;
  const words = [efr.lo, efr.hi, efr2.lo, efr2.hi];
  const data = new Uint8Array(16);
  const view = new DataView(data.buffer);
  for (const [i, word] of words.entries()) view.setUint32(4 * i, word, true);
  return { type: HW_INFO_TYPE.AMD, data };
}

export const amd_iommu_ops: IommuOps = Object.freeze({
  name: "amd-iommu",
  capable: amd_iommu_capable,
  get_resv_regions: amd_iommu_get_resv_regions,
  blocked_domain: static_domain("blocked"),
  identity_domain: static_domain("identity"),
  domain_alloc_paging_flags: amd_iommu_domain_alloc_paging_flags,
  domain_alloc_nested: null,
  hw_info: amd_iommu_hw_info,
  viommu_supported: null,
  viommu_init: null,
  user_pasid_table: false,
} satisfies IommuOps);

/** Puts a function behind the unit. */
export function amd_iommu_probe_device(pdev: PciDev, iommu: AmdIommu): void {
  pdev.dev.iommu_ops = amd_iommu_ops;
  pdev.dev.iommu_dev = iommu;
  pdev.dev.iommu_priv = new IommuDevData(iommu, pdev.hw.config.findExtended(EXT.ATS) !== 0);
}
