/**
 * Paging domains: making them, mapping, invalidating. Source: linux 7.2 arm-smmu-v3.c
 * `arm_smmu_domain_alloc_paging_flags`, `arm_smmu_domain_finalise`, `arm_smmu_map_pages`.
 */
import { errno } from "../../../uapi/errno.ts";
import { iommu_iotlb_gather_add_range, iotlb_gather } from "../../iommu/map.ts";
import type { Device, IommuDirtyOps, IommuDomain, IommuDomainOps, IotlbGather, UserData } from "../../iommu/types.ts";
import type { Kernel } from "../../kernel.ts";
import { PageTableMemory } from "../../mm/coherent.ts";
import type { PgtableCfg } from "../io_pgtable_arm/format.ts";
import {
  alloc_io_pgtable,
  arm_lpae_iova_to_phys,
  arm_lpae_map_pages,
  arm_lpae_unmap_pages,
  type FlushOps,
  free_io_pgtable,
} from "../io_pgtable_arm/table.ts";
import { arm_lpae_read_and_clear_dirty } from "../io_pgtable_arm/dirty.ts";
import { ArmSmmuDomain, type ArmSmmuDevice, dev_master, type SmmuStage } from "./device.ts";
import { arm_smmu_domain_inv_range } from "./invs.ts";

/** Bits of HWPT_ALLOC flags that reach the driver. */
export const HWPT_NEST_PARENT = 1;
const HWPT_DIRTY_TRACKING = 2;
const HWPT_PASID = 8;

/** The driver's part of a domain; a domain of another driver is a bug of the caller. */
function priv(domain: IommuDomain): ArmSmmuDomain {
  if (!(domain.priv instanceof ArmSmmuDomain)) throw new Error("not a paging domain of arm-smmu-v3");
  return domain.priv;
}

const flush: FlushOps = Object.freeze({
  tlb_flush_walk(k: Kernel, domain: IommuDomain, iova: number, size: number, granule: number): void {
    arm_smmu_domain_inv_range(k, priv(domain), iova, size, granule, false);
  },
  tlb_add_pages(
    k: Kernel,
    domain: IommuDomain,
    gather: IotlbGather,
    iova: number,
    pgsize: number,
    count: number,
  ): void {
    const start = BigInt(iova);
    const size = BigInt(pgsize);
    const other_size = gather.pgsize !== 0n && gather.pgsize !== size;
    const empty = gather.start > gather.end;
    const apart = !empty && (gather.end + 1n < start || start + size * BigInt(count) < gather.start);
    if (other_size || apart) {
      arm_smmu_iotlb_sync(k, domain, gather);
      Object.assign(gather, iotlb_gather());
    }
    gather.pgsize = size;
    iommu_iotlb_gather_add_range(gather, start, size * BigInt(count));
  },
});

function arm_smmu_iotlb_sync(k: Kernel, domain: IommuDomain, gather: IotlbGather): void {
  if (gather.pgsize === 0n) return;
  const size = Number(gather.end - gather.start + 1n);
  arm_smmu_domain_inv_range(k, priv(domain), Number(gather.start), size, Number(gather.pgsize), true);
}

function map_pages(
  k: Kernel,
  domain: IommuDomain,
  iova: bigint,
  paddr: bigint,
  pgsize: bigint,
  pgcount: bigint,
  prot: number,
): number {
  const { pgtable } = priv(domain);
  const at = Number(iova);
  const size = Number(pgsize);
  const done = arm_lpae_map_pages(k, pgtable, domain, flush, at, Number(paddr), size, Number(pgcount), prot);
  if (done.rc < 0 && done.bytes > 0) {
    const gather = iotlb_gather();
    arm_lpae_unmap_pages(k, pgtable, domain, flush, at, size, done.bytes / size, gather);
    arm_smmu_iotlb_sync(k, domain, gather);
  }
  return done.rc;
}

function unmap_pages(
  k: Kernel,
  domain: IommuDomain,
  iova: bigint,
  pgsize: bigint,
  pgcount: bigint,
  gather: IotlbGather,
): bigint {
  const { pgtable } = priv(domain);
  return BigInt(arm_lpae_unmap_pages(k, pgtable, domain, flush, Number(iova), Number(pgsize), Number(pgcount), gather));
}

function iova_to_phys(_k: Kernel, domain: IommuDomain, iova: bigint): bigint | null {
  const pa = arm_lpae_iova_to_phys(priv(domain).pgtable, Number(iova));
  return pa === null ? null : BigInt(pa);
}

/** Possible while every attached device's traffic can be made coherent; from then on others are refused. */
function enforce_cache_coherency(_k: Kernel, domain: IommuDomain): boolean {
  const paging = priv(domain);
  paging.enforce_cache_coherency = paging.devices.every((at) => at.master.canwbs);
  return paging.enforce_cache_coherency;
}

function arm_smmu_domain_free(_k: Kernel, domain: IommuDomain): void {
  const paging = priv(domain);
  free_io_pgtable(paging.pgtable);
  if (paging.stage === "s1") paging.smmu.asid_map.free(paging.tag);
  else paging.smmu.vmid_map.free(paging.tag);
}

const arm_smmu_paging_ops: IommuDomainOps = Object.freeze({
  attach_dev: (k: Kernel, domain: IommuDomain, dev: Device, old: IommuDomain | null) =>
    k.ops.arm_smmu_attach_dev(k, domain, dev, old),
  set_dev_pasid: (k: Kernel, domain: IommuDomain, dev: Device, pasid: number, old: IommuDomain | null) =>
    k.ops.arm_smmu_s1_set_dev_pasid(k, domain, dev, pasid, old),
  map_pages,
  unmap_pages,
  iotlb_sync: arm_smmu_iotlb_sync,
  iova_to_phys,
  enforce_cache_coherency,
  free: arm_smmu_domain_free,
});

/** The DBM state is kept all the time, so switching is free. */
const dirty_ops: IommuDirtyOps = Object.freeze({
  set_dirty_tracking: () => 0,
  read_and_clear_dirty(
    k: Kernel,
    domain: IommuDomain,
    iova: bigint,
    size: bigint,
    no_clear: boolean,
    set: ((iova: bigint, length: bigint) => void) | null,
  ): number {
    const paging = priv(domain);
    const cleared = arm_lpae_read_and_clear_dirty(paging.pgtable, Number(iova), Number(size), no_clear, set);
    if (cleared !== null && !no_clear) {
      arm_smmu_domain_inv_range(k, paging, cleared.start, cleared.end - cleared.start, cleared.pgsize, true);
    }
    return 0;
  },
});

function pgtable_cfg(k: Kernel, smmu: ArmSmmuDevice, stage: SmmuStage, hd: boolean): PgtableCfg {
  const concat = k.features.s2_concat;
  const common = { granule: smmu.granule, oas: smmu.oas, coherent_walk: smmu.features.coherency, concat };
  if (stage === "s1") return { ...common, stage: 1, ias: smmu.ias, fwb: false, hd };
  return { ...common, stage: 2, ias: smmu.oas, fwb: false, hd: false };
}

/** Table, tag and geometry. -ENOMEM, -ENOSPC (no ASID or VMID left), -EINVAL (no such table format). */
function arm_smmu_domain_finalise(
  k: Kernel,
  smmu: ArmSmmuDevice,
  stage: SmmuStage,
  flags: number,
): ArmSmmuDomain | number {
  const dirty = (flags & HWPT_DIRTY_TRACKING) !== 0;
  const nest_parent = (flags & HWPT_NEST_PARENT) !== 0;
  const cfg = pgtable_cfg(k, smmu, stage, dirty);
  if (stage === "s2" && nest_parent && smmu.features.s2fwb) cfg.fwb = true;
  if (k.fails()) return -errno.ENOMEM;
  const table = alloc_io_pgtable(cfg, new PageTableMemory(k));
  if (typeof table === "number") return table;
  const map = stage === "s1" ? smmu.asid_map : smmu.vmid_map;
  const tag = map.alloc(stage === "s1" ? 2 ** smmu.asid_bits - 1 : 2 ** smmu.vmid_bits - 1);
  if (!k.check(tag >= 0, stage === "s1" ? "an ASID is free" : "a VMID is free")) {
    free_io_pgtable(table);
    return -errno.ENOSPC;
  }
  return new ArmSmmuDomain(smmu, stage, nest_parent, table, tag);
}

/** Stage 1 by default, stage 2 for nest parents. EOPNOTSUPP: flags that the SMMU cannot do, or user data. */
export function arm_smmu_domain_alloc_paging_flags(
  k: Kernel,
  dev: Device,
  flags: number,
  data: UserData | null,
): IommuDomain | number {
  const { smmu } = dev_master(dev);
  const f = smmu.features;
  const known = HWPT_NEST_PARENT | HWPT_DIRTY_TRACKING | HWPT_PASID;
  if (!k.check((flags & ~known) === 0 && data === null, "the flags are known and there is no user data")) {
    return -errno.EOPNOTSUPP;
  }
  let stage: SmmuStage;
  switch (flags) {
    case 0:
      stage = f.trans_s1 ? "s1" : "s2";
      break;
    case HWPT_NEST_PARENT:
      if (!k.check(f.nesting, "the SMMU has both stages")) return -errno.EOPNOTSUPP;
      stage = "s2";
      break;
    case HWPT_PASID:
    case HWPT_DIRTY_TRACKING:
    case HWPT_PASID | HWPT_DIRTY_TRACKING:
      if (!k.check(f.trans_s1, "the SMMU has stage 1")) return -errno.EOPNOTSUPP;
      stage = "s1";
      break;
    default:
      k.check(false, "stage 2 goes with neither PASIDs nor dirty tracking");
      return -errno.EOPNOTSUPP;
  }
  const paging = arm_smmu_domain_finalise(k, smmu, stage, flags);
  if (typeof paging === "number") return paging;
  const tag = stage === "s1" ? "ASID" : "VMID";
  k.note(`new domain: stage ${stage.slice(1)}, ${paging.pgtable.cfg.ias} bits, ${tag} ${paging.tag}`);
  return paging_domain(paging, dev, (flags & HWPT_DIRTY_TRACKING) !== 0);
}

function paging_domain(paging: ArmSmmuDomain, dev: Device, dirty: boolean): IommuDomain {
  let bitmap = 0n;
  for (const size of paging.pgtable.geo.pgsizes) bitmap |= BigInt(size);
  return {
    type: "unmanaged",
    ops: arm_smmu_paging_ops,
    owner: dev.iommu_ops,
    pgsize_bitmap: bitmap,
    aperture_start: 0n,
    aperture_end: (1n << BigInt(paging.pgtable.cfg.ias)) - 1n,
    dirty_ops: dirty ? dirty_ops : null,
    cookie_type: "none",
    cookie: null,
    iopf_handler: null,
    priv: paging,
  };
}
