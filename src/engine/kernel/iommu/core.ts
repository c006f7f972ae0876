/**
 * Which domain a group translates through, and who owns its DMA. Source: linux 7.2 drivers/iommu/iommu.c.
 */
import { errno } from "../../uapi/errno.ts";
import type { Kernel } from "../kernel.ts";
import { dev_iommu_ops } from "./group.ts";
import type { Device, IommuAttachHandle, IommuCap, IommuDomain, IommuGroup, ResvRegion } from "./types.ts";

export function device_iommu_capable(k: Kernel, dev: Device, cap: IommuCap): boolean {
  return dev.iommu_ops?.capable(k, dev, cap) ?? false;
}

/** The device's regions in driver order: neither sorted nor merged. */
export function iommu_get_resv_regions(k: Kernel, dev: Device): ResvRegion[] {
  return dev.iommu_ops?.get_resv_regions?.(k, dev) ?? [];
}

export function iommu_domain_free(k: Kernel, domain: IommuDomain): void {
  domain.ops.free?.(k, domain);
}

function domain_compatible(k: Kernel, domain: IommuDomain, dev: Device): boolean {
  return k.check(
    domain.owner === null || domain.owner === dev.iommu_ops,
    "the domain was made by the driver of this device's IOMMU",
    () => ({ left: domain.owner?.name ?? "any", right: dev.iommu_ops?.name ?? "none" }),
  );
}

/** Puts all members on `domain`; on a driver's refusal the ones already moved go back. */
export function iommu_group_set_domain(k: Kernel, group: IommuGroup, domain: IommuDomain): number {
  const old = group.domain;
  if (old === domain) return 0;
  for (let i = 0; i < group.devices.length; i++) {
    const dev = group.devices[i];
    if (dev === undefined) continue;
    const rc = device_set_domain(k, dev, domain, old);
    if (rc < 0) {
      for (const moved of group.devices.slice(0, i)) if (old !== null) old.ops.attach_dev(k, old, moved, domain);
      return rc;
    }
  }
  group.domain = domain;
  return 0;
}

function device_set_domain(k: Kernel, dev: Device, domain: IommuDomain, old: IommuDomain | null): number {
  const blocks = domain.type === "blocked" || domain === dev.iommu_group?.blocking_domain;
  const direct = k.features.require_direct && dev.require_direct;
  if (!k.check(!(direct && blocks), "the firmware does not require this device's DMA to go on")) {
    return -errno.EINVAL;
  }
  return domain.ops.attach_dev(k, domain, dev, old);
}

/** -EPERM: somebody else owns the group. -EBUSY: its DMA is in use. The group's DMA is blocked on success. */
export function iommu_device_claim_dma_owner(k: Kernel, dev: Device, owner: object): number {
  const group = dev.iommu_group;
  if (group === null) return -errno.ENODEV;
  if (group.owner_cnt > 0) {
    if (!k.check(group.owner === owner, "the group's DMA belongs to the same owner")) return -errno.EPERM;
    group.owner_cnt++;
    return 0;
  }
  const idle = (group.domain === null || group.domain === group.default_domain) && group.pasids.size === 0;
  if (!k.check(idle, "the group is on its default domain")) return -errno.EBUSY;
  group.blocking_domain ??= dev_iommu_ops(dev).blocked_domain;
  const rc = k.ops.iommu_group_set_domain(k, group, group.blocking_domain);
  if (rc < 0) return rc;
  group.owner = owner;
  group.owner_cnt = 1;
  return 0;
}

/** The last release puts the default domain back. */
export function iommu_device_release_dma_owner(k: Kernel, dev: Device): void {
  const group = dev.iommu_group;
  if (group === null || group.owner_cnt === 0) return;
  if (--group.owner_cnt > 0) return;
  group.owner = null;
  if (group.default_domain !== null) k.ops.iommu_group_set_domain(k, group, group.default_domain);
}

export function iommu_attach_group_handle(
  k: Kernel,
  domain: IommuDomain,
  group: IommuGroup,
  handle: IommuAttachHandle,
): number {
  if (k.fails()) return -errno.ENOMEM;
  if (!k.check(group.rid_handle === null, "the group has no attachment yet")) return -errno.EBUSY;
  const free = group.domain === null || group.domain === group.default_domain || group.domain === group.blocking_domain;
  if (!k.check(free, "the group is on its default or blocking domain")) return -errno.EBUSY;
  if (!group.devices.every((dev) => domain_compatible(k, domain, dev))) return -errno.EINVAL;
  group.rid_handle = handle;
  const rc = k.ops.iommu_group_set_domain(k, group, domain);
  if (rc < 0) group.rid_handle = null;
  return rc;
}

/** Moves the group to another domain without a gap. Nothing changes on an error. */
export function iommu_replace_group_handle(
  k: Kernel,
  group: IommuGroup,
  domain: IommuDomain,
  handle: IommuAttachHandle,
): number {
  if (k.fails()) return -errno.ENOMEM;
  if (!group.devices.every((dev) => domain_compatible(k, domain, dev))) return -errno.EINVAL;
  const rc = k.ops.iommu_group_set_domain(k, group, domain);
  if (rc < 0) return rc;
  group.rid_handle = handle;
  return 0;
}

/** Back to blocking. */
export function iommu_detach_group_handle(k: Kernel, group: IommuGroup): void {
  group.rid_handle = null;
  const to = group.owner_cnt > 0 ? group.blocking_domain : group.default_domain;
  if (to !== null) k.ops.iommu_group_set_domain(k, group, to);
}

/** Checks shared by attach and replace of a PASID. */
function pasid_allowed(k: Kernel, domain: IommuDomain, dev: Device, pasid: number): number {
  const group = dev.iommu_group;
  if (group === null) return -errno.ENODEV;
  const blocked = dev_iommu_ops(dev).blocked_domain;
  const can = domain.ops.set_dev_pasid !== undefined && blocked.ops.set_dev_pasid !== undefined;
  if (!k.check(can, "the driver attaches PASIDs")) return -errno.EOPNOTSUPP;
  if (!domain_compatible(k, domain, dev) || pasid === 0) return -errno.EINVAL;
  for (const member of group.devices) {
    const fits = member.max_pasids === 0 || pasid < member.max_pasids;
    const detail = () => ({ left: `pasid ${pasid}`, right: `${member.max_pasids} PASIDs of ${member.name}` });
    if (!k.check(fits, "the PASID is within the device's width", detail)) return -errno.EINVAL;
  }
  return 0;
}

function set_group_pasid(
  k: Kernel,
  domain: IommuDomain,
  group: IommuGroup,
  pasid: number,
  old: IommuDomain | null,
): number {
  const able = group.devices.filter((dev) => dev.max_pasids > 0);
  for (let i = 0; i < able.length; i++) {
    const dev = able[i];
    if (dev === undefined) continue;
    const rc = domain.ops.set_dev_pasid?.(k, domain, dev, pasid, old) ?? -errno.EOPNOTSUPP;
    if (rc >= 0) continue;
    for (const moved of able.slice(0, i)) {
      const back = old ?? dev_iommu_ops(moved).blocked_domain;
      back.ops.set_dev_pasid?.(k, back, moved, pasid, domain);
    }
    return rc;
  }
  return 0;
}

export function iommu_attach_device_pasid(
  k: Kernel,
  domain: IommuDomain,
  dev: Device,
  pasid: number,
  handle: IommuAttachHandle,
): number {
  const rc = pasid_allowed(k, domain, dev, pasid);
  if (rc < 0) return rc;
  const group = dev.iommu_group;
  if (group === null) return -errno.ENODEV;
  if (k.fails()) return -errno.ENOMEM;
  if (!k.check(!group.pasids.has(pasid), "the PASID is free")) return -errno.EBUSY;
  const set = set_group_pasid(k, domain, group, pasid, null);
  if (set < 0) return set;
  group.pasids.set(pasid, handle);
  return 0;
}

export function iommu_replace_device_pasid(
  k: Kernel,
  domain: IommuDomain,
  dev: Device,
  pasid: number,
  handle: IommuAttachHandle,
): number {
  const rc = pasid_allowed(k, domain, dev, pasid);
  if (rc < 0) return rc;
  const group = dev.iommu_group;
  const old = group?.pasids.get(pasid);
  if (group === null || !k.check(old !== undefined, "the PASID is attached") || old === undefined) return -errno.EINVAL;
  if (k.fails()) return -errno.ENOMEM;
  if (old.domain !== domain) {
    const set = set_group_pasid(k, domain, group, pasid, old.domain);
    if (set < 0) return set;
  }
  group.pasids.set(pasid, handle);
  return 0;
}

export function iommu_detach_device_pasid(k: Kernel, domain: IommuDomain, dev: Device, pasid: number): void {
  const group = dev.iommu_group;
  if (group === null) return;
  for (const member of group.devices) {
    if (member.max_pasids === 0) continue;
    const blocked = dev_iommu_ops(member).blocked_domain;
    blocked.ops.set_dev_pasid?.(k, blocked, member, pasid, domain);
  }
  group.pasids.delete(pasid);
}
