/** Devices and the groups that the IOMMU cannot tell apart. Source: linux 7.2 drivers/iommu/iommu.c. */
import type { Kernel } from "../kernel.ts";
import type { Device, IommuGroup, IommuOps } from "./types.ts";

/** A device without a group, with the values that most devices have. */
export function device_init(name: string, fields: Partial<Omit<Device, "name">> = {}): Device {
  return {
    name,
    iommu_group: null,
    iommu_ops: null,
    iommu_dev: null,
    iommu_priv: null,
    max_pasids: 0,
    require_direct: false,
    msi_isolated: false,
    is_mock: false,
    iopf_users: 0,
    iopf_partial: [],
    ...fields,
  };
}

/** An empty group with the lowest free number. */
export function iommu_group_alloc(k: Kernel): IommuGroup {
  let id = 0;
  while (k.iommu.groups.has(id)) id++;
  const group: IommuGroup = {
    id,
    devices: [],
    domain: null,
    default_domain: null,
    blocking_domain: null,
    pasids: new Map(),
    rid_handle: null,
    owner: null,
    owner_cnt: 0,
    reasons: new Map(),
  };
  k.iommu.groups.set(id, group);
  return group;
}

/** `reason` in words: why the device is in this group. */
export function iommu_group_add_device(group: IommuGroup, dev: Device, reason: string): void {
  group.devices.push(dev);
  group.reasons.set(dev.name, reason);
  dev.iommu_group = group;
}

/** The last device takes the group with it. */
export function iommu_group_remove_device(k: Kernel, dev: Device): void {
  const group = dev.iommu_group;
  if (group === null) return;
  group.devices = group.devices.filter((member) => member !== dev);
  group.reasons.delete(dev.name);
  dev.iommu_group = null;
  if (group.devices.length === 0) k.iommu.groups.delete(group.id);
}

/** Functions of the driver behind a device; a device without IOMMU is a bug of the caller. */
export function dev_iommu_ops(dev: Device): IommuOps {
  if (dev.iommu_ops === null) throw new Error(`${dev.name} has no IOMMU driver`);
  return dev.iommu_ops;
}
