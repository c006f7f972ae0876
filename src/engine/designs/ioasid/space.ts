/** Address spaces on the IOMMU: a domain comes with the first device and goes with the last; guest tables stand on a parent. */
import { errno } from "../../uapi/errno.ts";
import { arm_vsmmu_domain_of_vste } from "../../kernel/drivers/arm_smmu_v3/iommufd.ts";
import { ArmVsmmu, dev_master } from "../../kernel/drivers/arm_smmu_v3/device.ts";
import { iommu_domain_free } from "../../kernel/iommu/core.ts";
import { dev_iommu_ops } from "../../kernel/iommu/group.ts";
import { iommu_get_msi_cookie } from "../../kernel/iommu/msi_cookie.ts";
import type { Device, IommuDomain, ViommuCore } from "../../kernel/iommu/types.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { space_drain, space_fill, space_fits } from "./dma.ts";
import type { Attachment, BoundDevice, GuestPointer, Space } from "./state.ts";

const ARM_SMMUV3 = 1;
const HWPT_NEST_PARENT = 1;
const HWPT_PASID = 8;
/** Words 2 and 3 of the entry: write-back, inner shareable; without a PASID context 0. */
const S1_ATTRIBUTES = 0xd4;
const S1DSS_SSID0 = 2;

export const dev_of = ({ vdev }: BoundDevice): Device => vdev.pdev.dev;

/** Devices of the group that are attached with their RID. */
function others(device: BoundDevice): Attachment[] {
  const { iommu_group } = dev_of(device);
  return device.ctx.devices
    .filter((d) => d !== device && dev_of(d).iommu_group === iommu_group)
    .flatMap((d) => d.attached.filter((a) => a.pasid === 0 && a.domain !== null));
}

/** Puts the device, with its whole group, on a domain. */
function set_domain(k: Kernel, device: BoundDevice, pasid: number, domain: IommuDomain): number {
  const dev = dev_of(device);
  const group = dev.iommu_group;
  if (group === null) return -errno.ENODEV;
  const handle = { domain, owner: device };
  if (pasid !== 0) return k.ops.iommu_attach_device_pasid(k, domain, dev, pasid, handle);
  const [other] = others(device);
  if (other !== undefined) {
    return k.check(other.domain === domain, "the group is on this table") ? 0 : -errno.EINVAL;
  }
  return group.rid_handle === null
    ? k.ops.iommu_attach_group_handle(k, domain, group, handle)
    : k.ops.iommu_replace_group_handle(k, group, domain, handle);
}

function leave_domain(k: Kernel, { device, pasid, domain }: Attachment): void {
  const dev = dev_of(device);
  if (dev.iommu_group === null || domain === null) return;
  if (pasid !== 0) return k.ops.iommu_detach_device_pasid(k, domain, dev, pasid);
  if (others(device).length > 0) return;
  const below = device.attached.find((a) => a.pasid === 0 && a.domain !== null && a.domain !== domain);
  if (below === undefined || below.domain === null) k.ops.iommu_detach_group_handle(k, dev.iommu_group);
  else {
    const handle = { domain: below.domain, owner: device };
    k.ops.iommu_replace_group_handle(k, dev.iommu_group, below.domain, handle);
  }
}

function alloc_domain(k: Kernel, space: Space, dev: Device, pasid: number): number {
  const flags = pasid !== 0 ? HWPT_PASID : space.nest ? HWPT_NEST_PARENT : 0;
  const ops = dev_iommu_ops(dev);
  let domain = ops.domain_alloc_paging_flags(k, dev, flags, null);
  if (domain === -errno.EOPNOTSUPP && flags === HWPT_NEST_PARENT) {
    space.nest = false;
    domain = ops.domain_alloc_paging_flags(k, dev, 0, null);
  }
  if (typeof domain === "number") return domain;
  if (space.snoop) domain.ops.enforce_cache_coherency?.(k, domain);
  const window = k.ops.iommu_get_resv_regions(k, dev).find((r) => r.type === "sw-msi");
  if (window !== undefined) iommu_get_msi_cookie(k, domain, window.start);
  space.domain = domain;
  return 0;
}

/**
 * A device joins a space. The first one brings the domain; one whose IOMMU cannot use it is refused with -EINVAL. A space
 * of guest tables takes effect once its table is bound.
 */
export function space_attach(k: Kernel, space: Space, device: BoundDevice, pasid: number): number {
  const at: Attachment = { device, space, pasid, domain: null };
  const dev = dev_of(device);
  if (space.kind === "dummy") {
    k.check(false, "the space has a table");
    return -errno.EINVAL;
  }
  if (space.snoop) {
    const can = k.ops.device_iommu_capable(k, dev, "ENFORCE_CACHE_COHERENCY");
    if (!k.check(can, "the IOMMU can make the device's traffic coherent")) return -errno.EINVAL;
  }
  space.attached.push(at);
  let rc = space.kind === "user" ? attach_table(k, at) : attach_kernel(k, at);
  if (rc === 0 && !space_fits(k, space)) rc = -errno.EINVAL;
  if (rc < 0) {
    space_leave(k, at, true);
    return rc;
  }
  device.attached.push(at);
  return 0;
}

function attach_kernel(k: Kernel, at: Attachment): number {
  const { space, device, pasid } = at;
  const first = space.domain === null;
  if (first) {
    const rc = alloc_domain(k, space, dev_of(device), pasid);
    if (rc < 0) return rc;
  }
  const { domain } = space;
  if (domain === null) return -errno.ENOMEM;
  const rc = set_domain(k, device, pasid, domain);
  if (rc < 0) return rc;
  at.domain = domain;
  return first ? space_fill(k, space) : 0;
}

/** A device of a guest's space: on its parent's table until the guest's is bound. */
function attach_table(k: Kernel, at: Attachment): number {
  const { space } = at;
  if (space.parent === null) return -errno.EINVAL;
  if (space.table !== null) return apply_table(k, at, space.table);
  return 0;
}

/** The first two 64-bit words of a stream table entry that leads to a guest's context descriptors. */
function vste_of({ address, bits }: GuestPointer): Uint32Array {
  const lo = Number(address & 0xffff_ffc0n);
  const hi = Number((address >> 32n) & 0xf_ffffn);
  const dss = bits === 0 ? 0 : S1DSS_SSID0;
  return Uint32Array.from([lo | (5 << 1) | 1, (hi | (bits << 27)) >>> 0, S1_ATTRIBUTES | dss, 0]);
}

/** The driver's part for guests' tables on this parent. -EINVAL where the parent is no table to stand on. */
function viommu_of(k: Kernel, parent: Space, dev: Device): ViommuCore | number {
  const ops = dev_iommu_ops(dev);
  if (parent.domain === null) {
    const rc = alloc_domain(k, parent, dev, 0);
    if (rc < 0) return rc;
    const filled = space_fill(k, parent);
    if (filled < 0) return filled;
  }
  if (parent.viommu !== null) return parent.viommu;
  const able = parent.nest && ops.viommu_supported?.(k, dev, ARM_SMMUV3) === true;
  if (!k.check(able, "the parent is a table that guest tables can stand on")) return -errno.EINVAL;
  const viommu: ViommuCore = {
    type: ARM_SMMUV3,
    ops: null,
    priv: null,
    iommu_dev: dev.iommu_dev ?? ops,
    vdevs: new Map(),
  };
  if (parent.domain === null) return -errno.ENOMEM;
  const rc = ops.viommu_init?.(k, viommu, parent.domain, dev, null) ?? -errno.EOPNOTSUPP;
  if (rc < 0) return rc;
  parent.viommu = viommu;
  return viommu;
}

function apply_table(k: Kernel, at: Attachment, table: GuestPointer): number {
  const dev = dev_of(at.device);
  const { parent } = at.space;
  if (parent === null) return -errno.EINVAL;
  const viommu = viommu_of(k, parent, dev);
  if (typeof viommu === "number") return viommu;
  if (!(viommu.priv instanceof ArmVsmmu)) return -errno.EINVAL;
  const sid = BigInt(dev_master(dev).streams[0] ?? 0);
  if (!viommu.vdevs.has(sid)) viommu.vdevs.set(sid, { id: 0, virt_id: sid, dev, viommu, priv: null });
  const nested = arm_vsmmu_domain_of_vste(k, viommu.priv, vste_of(table));
  if (typeof nested === "number") return -errno.EINVAL;
  const rc = set_domain(k, at.device, at.pasid, nested);
  if (rc < 0) return rc;
  at.domain = nested;
  return 0;
}

/** The guest's tables take effect for every attached device. -EINVAL: none is attached, a table is bound, bad format. */
export function space_bind_table(k: Kernel, space: Space, table: GuestPointer): number {
  if (!k.check(space.kind === "user", "the space is one of guest tables")) return -errno.EINVAL;
  if (!k.check(space.table === null, "no table is bound yet")) return -errno.EINVAL;
  const aligned = (table.address & 63n) === 0n && table.address < 1n << 52n && table.bits <= 20;
  if (!k.check(aligned, "the table is where the IOMMU can read it")) return -errno.EINVAL;
  for (const at of space.attached) {
    const rc = apply_table(k, at, table);
    if (rc === 0) continue;
    for (const done of space.attached) if (done !== at) unapply(k, done);
    return rc;
  }
  space.table = table;
  return 0;
}

function unapply(k: Kernel, at: Attachment): void {
  leave_domain(k, at);
  at.domain = null;
}

export function space_unbind_table(k: Kernel, space: Space): number {
  if (!k.check(space.table !== null, "a table is bound")) return -errno.EINVAL;
  for (const at of space.attached) unapply(k, at);
  space.table = null;
  return 0;
}

/** Commands of the guest, 16 bytes each: the number done, or an errno. */
export function space_invalidate(k: Kernel, space: Space, uptr: bigint, entry_num: number): number {
  const viommu = space.parent?.viommu ?? space.viommu;
  if (!k.check(viommu !== null, "guest tables are bound") || viommu === null) return -errno.EINVAL;
  const array = { type: ARM_SMMUV3, uptr, entry_len: 16, entry_num };
  const rc = viommu.ops?.cache_invalidate?.(k, viommu, array) ?? -errno.EINVAL;
  return rc < 0 ? rc : array.entry_num;
}

/** The device's DMA is blocked again; the last one takes the domain with it. `keep`: mappings stay for the next one. */
export function space_leave(k: Kernel, at: Attachment, keep: boolean): void {
  const { space, device } = at;
  leave_domain(k, at);
  space.attached = space.attached.filter((a) => a !== at);
  device.attached = device.attached.filter((a) => a !== at);
  if (space.attached.length === 0) space_idle(k, space, keep);
  if (space.parent !== null) space_idle(k, space.parent, keep);
}

/** Guest spaces with a device hold their parent's domain. */
function space_idle(k: Kernel, space: Space, keep: boolean): void {
  const held = space.children.some((s) => s.attached.length > 0);
  if (space.attached.length > 0 || held || space.domain === null) return;
  space_drain(k, space);
  if (!keep) space.dmas = [];
  iommu_domain_free(k, space.domain);
  space.domain = null;
  space.viommu = null;
}
