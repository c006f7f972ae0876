/**
 * Domains of the VT-d driver: geometry, attaching, what a device must have. Source: linux 7.2
 * drivers/iommu/intel/iommu.c `intel_iommu_domain_alloc_paging_flags`, `paging_domain_compatible`,
 * `intel_iommu_attach_device`, drivers/iommu/intel/prq.c.
 */
import { errno } from "../../../uapi/errno.ts";
import { HWPT_ALLOC_FLAGS } from "../../../uapi/iommufd.ts";
import type { Device, IommuDomain, IommuDomainOps, IommuOps, IotlbGather, UserData } from "../../iommu/types.ts";
import type { Kernel } from "../../kernel.ts";
import { PageTableMemory } from "../../mm/coherent.ts";
import { PAGE_SIZE } from "../../mm/const.ts";
import { NotModelled } from "../../not_modelled.ts";
import type { IntelIommu } from "./caps.ts";
import { info_of } from "./device.ts";
import { clear_translation, setup_translation } from "./entries.ts";
import { HardwareTable } from "./hardware_table.ts";
import { qi_flush_range } from "./qi.ts";
import { SoftwareTable } from "./software_table.ts";

const SZ_4K = 0x1000n;
const SZ_2M = 0x20_0000n;
const SZ_1G = 0x4000_0000n;

/** linux `struct dmar_domain`. */
export class DmarDomain {
  readonly stage: "first" | "second";
  readonly table: SoftwareTable;
  /** Bits of IOVA. */
  readonly width: number;
  force_snooping = false;
  /** Devices attached on their RID. */
  readonly devices = new Set<Device>();

  constructor(stage: "first" | "second", width: number, table: SoftwareTable) {
    this.stage = stage;
    this.width = width;
    this.table = table;
  }
}

export function to_dmar_domain(domain: IommuDomain): DmarDomain {
  if (!(domain.priv instanceof DmarDomain)) throw new Error("not a paging domain of VT-d");
  return domain.priv;
}

/** Widest second stage that both SAGAW and MGAW allow; 0 = none that the driver knows. */
export function compute_vasz_lg2_ss({ sagaw, mgaw }: IntelIommu): number {
  if (mgaw > 48 && sagaw >= 8) return Math.min(57, mgaw);
  if (mgaw > 39 && sagaw >= 4) return Math.min(48, mgaw);
  if (mgaw > 30 && sagaw >= 2) return Math.min(39, mgaw);
  return 0;
}

function second_stage_sizes({ sslps }: IntelIommu): bigint {
  return SZ_4K | ((sslps & 1) !== 0 ? SZ_2M : 0n) | ((sslps & 2) !== 0 ? SZ_1G : 0n);
}

function first_stage_sizes({ fs1gp }: IntelIommu): bigint {
  return SZ_4K | SZ_2M | (fs1gp ? SZ_1G : 0n);
}

/** Last level of a first stage; addresses are canonical, of which the lower half is used. */
function first_stage_width({ fs5lp }: IntelIommu): number {
  return fs5lp ? 56 : 47;
}

function alloc_first_stage(k: Kernel, iommu: IntelIommu, flags: number): DmarDomain | number {
  if ((flags & ~HWPT_ALLOC_FLAGS.PASID) !== 0) return -errno.EOPNOTSUPP;
  if (!k.check(iommu.first_stage, "scalable mode with first-stage translation")) return -errno.EOPNOTSUPP;
  const width = first_stage_width(iommu);
  const shape = { bitmap: first_stage_sizes(iommu), last: (1n << BigInt(width)) - 1n, levels: iommu.fs5lp ? 5 : 4 };
  const table = alloc_table(k, iommu, "first", shape);
  return table === null ? -errno.ENOMEM : new DmarDomain("first", width, table);
}

function alloc_second_stage(k: Kernel, iommu: IntelIommu, flags: number): DmarDomain | number {
  const { NEST_PARENT, DIRTY_TRACKING, PASID } = HWPT_ALLOC_FLAGS;
  if ((flags & ~(NEST_PARENT | DIRTY_TRACKING | PASID)) !== 0) return -errno.EOPNOTSUPP;
  const nest = (flags & NEST_PARENT) === 0 || iommu.nested_supported;
  if (!k.check(nest, "a parent for nesting: scalable mode with nested translation")) return -errno.EOPNOTSUPP;
  const dirty = (flags & DIRTY_TRACKING) === 0 || iommu.ssads_supported;
  if (!k.check(dirty, "dirty tracking: second-stage access/dirty bits")) return -errno.EOPNOTSUPP;
  if (!k.check(iommu.second_stage, "second-stage translation")) return -errno.EOPNOTSUPP;
  if ((flags & NEST_PARENT) !== 0) throw new NotModelled("VT-d nested translation");
  if ((flags & DIRTY_TRACKING) !== 0) throw new NotModelled("VT-d dirty tracking");
  const width = compute_vasz_lg2_ss(iommu);
  if (!k.check(width > 0, "SAGAW and MGAW allow some table depth")) return -errno.EINVAL;
  const levels = width > 48 ? 5 : width > 39 ? 4 : 3;
  const shape = { bitmap: second_stage_sizes(iommu), last: (1n << BigInt(width)) - 1n, levels };
  const table = alloc_table(k, iommu, "second", shape);
  return table === null ? -errno.ENOMEM : new DmarDomain("second", width, table);
}

/** In memory where a unit will walk it. */
function alloc_table(
  k: Kernel,
  iommu: IntelIommu,
  stage: "first" | "second",
  shape: { bitmap: bigint; last: bigint; levels: number },
): SoftwareTable | null {
  if (iommu.hw === null) return new SoftwareTable(shape.bitmap, shape.last);
  const memory = new PageTableMemory(k);
  const root = memory.alloc(PAGE_SIZE);
  return root === null ? null : new HardwareTable(memory, root, { stage, ...shape });
}

/** First stage where it can, else second. User data is refused; -EOPNOTSUPP for flags that the unit cannot. */
export function intel_iommu_domain_alloc_paging_flags(
  k: Kernel,
  dev: Device,
  flags: number,
  data: UserData | null,
  owner: IommuOps,
): IommuDomain | number {
  if (!k.check(data === null, "no driver data for a paging domain")) return -errno.EOPNOTSUPP;
  const { iommu } = info_of(dev);
  let dmar = alloc_first_stage(k, iommu, flags);
  if (dmar === -errno.EOPNOTSUPP) dmar = alloc_second_stage(k, iommu, flags);
  if (typeof dmar === "number") return dmar;
  return {
    type: "unmanaged",
    ops: intel_paging_ops,
    owner,
    pgsize_bitmap: dmar.table.bitmap,
    aperture_start: 0n,
    aperture_end: dmar.table.last,
    dirty_ops: null,
    cookie_type: "none",
    cookie: null,
    iopf_handler: null,
    priv: dmar,
  };
}

/** The unit in front of a device can walk a table that was made for another one. */
export function paging_domain_compatible(k: Kernel, domain: IommuDomain, dev: Device): number {
  const dmar = to_dmar_domain(domain);
  const { iommu } = info_of(dev);
  const first = dmar.stage === "first";
  const stage = first ? iommu.first_stage : iommu.second_stage;
  if (!k.check(stage, `the unit translates with a ${dmar.stage} stage`)) return -errno.EINVAL;
  const snoop = !dmar.force_snooping || iommu.snoop_control;
  if (!k.check(snoop, "the unit can force snooping, as the domain does")) return -errno.EINVAL;
  const sizes = first ? first_stage_sizes(iommu) : second_stage_sizes(iommu);
  const width = first ? first_stage_width(iommu) : compute_vasz_lg2_ss(iommu);
  const fits = (dmar.table.bitmap & ~sizes) === 0n && dmar.width <= width;
  return k.check(fits, "the unit knows the table's page sizes and depth") ? 0 : -errno.EINVAL;
}

/** A domain that takes faults needs Page Request on the device. */
function iopf_for_domain_set(k: Kernel, domain: IommuDomain, dev: Device): number {
  if (domain.iopf_handler === null) return 0;
  if (!k.check(info_of(dev).pri_enabled, "the device has Page Request enabled")) return -errno.ENODEV;
  dev.iopf_users++;
  return 0;
}

function iopf_for_domain_remove(domain: IommuDomain | null, dev: Device): void {
  if (domain !== null && domain.iopf_handler !== null) dev.iopf_users--;
}

/** The device leaves what it was on. */
export function device_block_translation(k: Kernel, dev: Device, old: IommuDomain | null): void {
  const info = info_of(dev);
  const { hw } = info.iommu;
  if (hw !== null) clear_translation(k, hw, info, 0, old?.priv instanceof DmarDomain ? old.priv : null);
  if (old?.priv instanceof DmarDomain) old.priv.devices.delete(dev);
  iopf_for_domain_remove(old, dev);
}

function intel_iommu_attach_device(k: Kernel, domain: IommuDomain, dev: Device, old: IommuDomain | null): number {
  let rc = paging_domain_compatible(k, domain, dev);
  if (rc < 0) return rc;
  rc = iopf_for_domain_set(k, domain, dev);
  if (rc < 0) return rc;
  device_block_translation(k, dev, old);
  const dmar = to_dmar_domain(domain);
  const info = info_of(dev);
  const { hw } = info.iommu;
  if (hw !== null) rc = setup_translation(k, hw, info, 0, dmar);
  if (rc < 0) return rc;
  dmar.devices.add(dev);
  return 0;
}

/** Only reached by devices that have PASIDs. */
function intel_iommu_set_dev_pasid(
  k: Kernel,
  domain: IommuDomain,
  dev: Device,
  pasid: number,
  old: IommuDomain | null,
): number {
  const info = info_of(dev);
  const { iommu } = info;
  if (!k.check(iommu.pasid_supported && dev.max_pasids > 0, "PASIDs of the unit and the device")) {
    return -errno.EOPNOTSUPP;
  }
  const rc = paging_domain_compatible(k, domain, dev);
  if (rc < 0 || iommu.hw === null) return rc;
  remove_dev_pasid(k, dev, pasid, old);
  return setup_translation(k, iommu.hw, info, pasid, to_dmar_domain(domain));
}

/** One PASID of a device leads nowhere from now on. */
export function remove_dev_pasid(k: Kernel, dev: Device, pasid: number, old: IommuDomain | null): void {
  const info = info_of(dev);
  const { hw } = info.iommu;
  if (hw !== null) clear_translation(k, hw, info, pasid, old?.priv instanceof DmarDomain ? old.priv : null);
}

/** `cache_tag_flush_range`: on every unit where the domain has an id. Both ends inclusive. */
function flush_range(k: Kernel, dmar: DmarDomain, first: bigint, last: bigint, mapped: boolean): void {
  const done = new Set<IntelIommu>();
  for (const dev of dmar.devices) {
    const { iommu } = info_of(dev);
    const id = iommu.hw?.domains.get(dmar);
    if (iommu.hw === null || id === undefined || done.has(iommu)) continue;
    done.add(iommu);
    if (mapped && !iommu.caching_mode) continue;
    qi_flush_range(k, iommu.hw, { did: id.did, stage: dmar.stage, mamv: iommu.mamv }, first, last);
  }
}

function map_range(k: Kernel, domain: IommuDomain, iova: bigint, pa: bigint, length: bigint, prot: number): number {
  const dmar = to_dmar_domain(domain);
  const rc = dmar.table.map(iova, pa, length, prot);
  if (rc === 0) flush_range(k, dmar, iova, iova + length - 1n, true);
  return rc;
}

/** All units of the attached devices must be able to; said for good once it held. */
function intel_iommu_enforce_cache_coherency(k: Kernel, domain: IommuDomain): boolean {
  const dmar = to_dmar_domain(domain);
  if (dmar.force_snooping) return true;
  const able = [...dmar.devices].every((dev) => info_of(dev).iommu.snoop_control);
  if (!k.check(able, "every unit in use can force snooping")) return false;
  dmar.force_snooping = true;
  if (dmar.table instanceof HardwareTable) dmar.table.force_snooping = dmar.stage === "second";
  return true;
}

export const intel_paging_ops: IommuDomainOps = Object.freeze({
  attach_dev: intel_iommu_attach_device,
  set_dev_pasid: intel_iommu_set_dev_pasid,
  map_range,
  unmap_range: (_k: Kernel, domain: IommuDomain, iova: bigint, length: bigint, gather: IotlbGather) =>
    to_dmar_domain(domain).table.unmap(iova, length, gather),
  iotlb_sync: (k: Kernel, domain: IommuDomain, gather: IotlbGather) =>
    flush_range(k, to_dmar_domain(domain), gather.start, gather.end, false),
  free: (_k: Kernel, domain: IommuDomain) => to_dmar_domain(domain).table.free(),
  iova_to_phys: (_k: Kernel, domain: IommuDomain, iova: bigint) => to_dmar_domain(domain).table.iova_to_phys(iova),
  enforce_cache_coherency: intel_iommu_enforce_cache_coherency,
});
