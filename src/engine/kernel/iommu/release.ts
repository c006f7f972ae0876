/**
 * A device appears behind its IOMMU after boot, or leaves it. Source: linux 7.2 drivers/iommu/iommu.c
 * `__iommu_probe_device`, `iommu_deinit_device`.
 */
import { errno } from "../../uapi/errno.ts";
import type { Kernel } from "../kernel.ts";
import { iommu_domain_free } from "./core.ts";
import { iommu_create_device_direct_mappings, iommu_setup_default_domain } from "./default_domain.ts";
import { dev_iommu_ops, iommu_group_remove_device } from "./group.ts";
import type { Device, IommuDomain } from "./types.ts";

/** The device joins its group where that stands: on the user's tables if a user owns it, else on the default domain. */
export function iommu_join_group_domain(k: Kernel, dev: Device): number {
  const group = dev.iommu_group;
  if (group === null) return -errno.ENODEV;
  if (group.domain === null) return iommu_setup_default_domain(k, group);
  if (group.default_domain !== null) iommu_create_device_direct_mappings(k, group.default_domain, dev);
  const owned = group.owner_cnt > 0;
  const blocks = group.domain.type === "blocked" && dev.require_direct && k.features.require_direct;
  if (!k.check(!blocks, "firmware does not require DMA of a device whose group is blocked")) return -errno.EINVAL;
  k.note(`${dev.name} joins group ${group.id} on ${owned ? "its owner's domain" : "its default domain"}`);
  return group.domain.ops.attach_dev(k, group.domain, dev, null);
}

/** The device's streams are blocked, the driver forgets it, the group loses it; the last one takes the group along. */
export function iommu_release_device(k: Kernel, dev: Device): void {
  const group = dev.iommu_group;
  if (group === null) return;
  const ops = dev_iommu_ops(dev);
  const blocked = ops.blocked_domain;
  if (group.domain !== blocked) blocked.ops.attach_dev(k, blocked, dev, group.domain);
  ops.release_device?.(k, dev);
  const { default_domain } = group;
  iommu_group_remove_device(k, dev);
  dev.iommu_ops = null;
  dev.iommu_dev = null;
  dev.iommu_priv = null;
  if (group.devices.length > 0 || default_domain === null || is_static(default_domain)) return;
  iommu_domain_free(k, default_domain);
}

/** Identity and blocked domains exist once for all. */
function is_static(domain: IommuDomain): boolean {
  return domain.type === "identity" || domain.type === "blocked";
}
