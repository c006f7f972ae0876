/**
 * Reset of a whole bus, and who would be hit by it. Source: linux 7.2 drivers/vfio/pci/vfio_pci_core.c
 * `vfio_pci_ioctl_get_pci_hot_reset_info`, `vfio_pci_ioctl_pci_hot_reset`, drivers/vfio/iommufd.c
 * `vfio_iommufd_get_dev_id`.
 */
import { errno } from "../../uapi/errno.ts";
import { decode, encodeInto } from "../../uapi/codec.ts";
import { VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, VFIO_DEVICE_PCI_HOT_RESET } from "../../uapi/vfio.ts";
import { CAP } from "../../../hw/pci/regs.ts";
import type { IommuGroup } from "../iommu/types.ts";
import { pci_reset_function } from "../pci/reset.ts";
import type { Kernel } from "../kernel.ts";
import { copy_from_user, copy_to_user } from "../mm/uaccess.ts";
import { pci_is_root_bus, type PciDev } from "../pci/pci_dev.ts";
import { the_platform } from "../platform.ts";
import { VfioGroup } from "./group_state.ts";
import { vfio_copy_args } from "./info.ts";
import { vfio_pci_memory_enabled, type VfioPciDevice } from "./vfio_pci.ts";

/** `struct vfio_pci_dependent_device`. */
const DEPENDENT = 8;
const FLAG_DEV_ID = 1;
const FLAG_DEV_ID_OWNED = 2;
/** Not bound itself, but its group belongs to the same iommufd. */
const DEVID_OWNED = 0;
const DEVID_NOT_OWNED = -1;

/** The functions that a reset of the device's bus hits; null = the bus has no bridge that could reset it. */
function vfio_pci_dev_set(k: Kernel, { pdev }: VfioPciDevice): PciDev[] | null {
  if (pci_is_root_bus(pdev)) return null;
  return [...the_platform(k).pci.values()].filter((other) => other.hw.bus === pdev.hw.bus);
}

/** The device's id in the context of `vdev`. */
function dev_id(k: Kernel, vdev: VfioPciDevice, pdev: PciDev): number {
  const ictx = vdev.idev?.ictx;
  const { vfio } = the_platform(k);
  const other = vfio.get(pdev.bdf);
  if (ictx === undefined || other === undefined) return DEVID_NOT_OWNED;
  if (other.idev?.ictx === ictx) return other.idev.id;
  const group = pdev.dev.iommu_group;
  const shared = [...vfio.values()].some((v) => v.idev?.ictx === ictx && v.pdev.dev.iommu_group === group);
  return shared ? DEVID_OWNED : DEVID_NOT_OWNED;
}

export function vfio_pci_ioctl_get_pci_hot_reset_info(k: Kernel, vdev: VfioPciDevice, arg: bigint): number {
  const def = VFIO_DEVICE_GET_PCI_HOT_RESET_INFO;
  const bytes = vfio_copy_args(k, arg, def);
  if (typeof bytes === "number") return bytes;
  const { argsz } = decode(def, bytes);
  const devices = vfio_pci_dev_set(k, vdev);
  if (!k.check(devices !== null, "the bus can be reset") || devices === null) return -errno.ENODEV;
  const fits = k.check(devices.length <= (argsz - def.size) / DEPENDENT, "argsz covers the devices");
  let flags = 0;
  if (fits) {
    const table = new Uint8Array(devices.length * DEPENDENT);
    const view = new DataView(table.buffer);
    flags = vdev.by_group ? 0 : FLAG_DEV_ID | FLAG_DEV_ID_OWNED;
    for (const [i, pdev] of devices.entries()) {
      const id = vdev.by_group ? (pdev.dev.iommu_group?.id ?? 0) : dev_id(k, vdev, pdev);
      if (!vdev.by_group && id === DEVID_NOT_OWNED) flags &= ~FLAG_DEV_ID_OWNED;
      view.setInt32(i * DEPENDENT, id, true);
      view.setUint16(i * DEPENDENT + 4, 0, true);
      view.setUint8(i * DEPENDENT + 6, pdev.hw.bus);
      view.setUint8(i * DEPENDENT + 7, (pdev.hw.device << 3) | pdev.hw.function);
    }
    if (!copy_to_user(k, arg + BigInt(def.size), table)) return -errno.EFAULT;
  }
  encodeInto(def, bytes, { flags, count: devices.length });
  if (!copy_to_user(k, arg, bytes)) return -errno.EFAULT;
  return fits ? 0 : -errno.ENOSPC;
}

/** The groups whose files the caller shows. More files than functions hit: -EINVAL. */
function owned_groups(k: Kernel, arg: bigint, count: number, most: number): Set<IommuGroup | null> | number {
  const groups = new Set<IommuGroup | null>();
  if (!k.check(count <= most, "no more groups than functions")) return -errno.EINVAL;
  const fds = copy_from_user(k, arg + BigInt(VFIO_DEVICE_PCI_HOT_RESET.size), 4 * count);
  if (fds === null) return -errno.EFAULT;
  const view = new DataView(fds.buffer, fds.byteOffset);
  for (let i = 0; i < count; i++) {
    const file = k.current.fds.get(view.getInt32(4 * i, true));
    if (!k.check(file !== undefined, "the group's descriptor is open") || file === undefined) return -errno.EBADF;
    if (!k.check(file.private_data instanceof VfioGroup, "the descriptor is a group")) return -errno.EINVAL;
    if (file.private_data instanceof VfioGroup) groups.add(file.private_data.iommu_group);
  }
  return groups;
}

/** PCIe Link Capabilities and Status, as offsets in the capability, and their Data Link Layer bits. */
const LNKCAP = 0x0c;
const LNKCAP_DLLLARC = 0x10_0000;
const LNKSTA = 0x12;
const LNKSTA_DLLLA = 0x2000;

/**
 * Secondary bus reset by the bridge above, then the wait for its link. -ENOTTY: the bridge reports its link and the link
 * does not come up. Source: linux 7.2 drivers/pci/pci.c `pci_bridge_wait_for_secondary_bus`, `pcie_wait_for_link_delay`.
 */
function pci_reset_bus(k: Kernel, pdev: PciDev): number {
  const config = pdev.parent?.hw.config;
  const exp = config?.find(CAP.EXP) ?? 0;
  if (config === undefined || exp === 0) return 0;
  const reports = (config.read(exp + LNKCAP, 4) & LNKCAP_DLLLARC) !== 0;
  const up = !reports || (config.read(exp + LNKSTA, 2) & LNKSTA_DLLLA) !== 0;
  return k.check(up, "the link below the bridge is up again after the reset") ? 0 : -errno.ENOTTY;
}

/** Through the device's own file: no list of groups is given, every function hit must belong to the same iommufd. */
export function vfio_pci_ioctl_pci_hot_reset(k: Kernel, vdev: VfioPciDevice, arg: bigint): number {
  const def = VFIO_DEVICE_PCI_HOT_RESET;
  const bytes = vfio_copy_args(k, arg, def);
  if (typeof bytes === "number") return bytes;
  const { flags, count } = decode(def, bytes);
  if (!k.check(flags === 0, "no flags")) return -errno.EINVAL;
  const devices = vfio_pci_dev_set(k, vdev);
  if (!k.check(devices !== null, "the bus can be reset") || devices === null) return -errno.ENODEV;
  const proof = vdev.by_group ? "groups prove ownership" : "no groups: the device's file proves ownership";
  if (!k.check(count > 0 === vdev.by_group, proof)) return -errno.EINVAL;
  const groups = owned_groups(k, arg, count, devices.length);
  if (typeof groups === "number") return groups;
  const { vfio } = the_platform(k);
  const set = devices.map((pdev) => vfio.get(pdev.bdf)).filter((v) => v !== undefined);
  if (!k.check(set.length === devices.length, "vfio-pci has every function of the bus")) return -errno.EINVAL;
  const owned = devices.every((pdev) =>
    vdev.by_group ? groups.has(pdev.dev.iommu_group) : dev_id(k, vdev, pdev) !== DEVID_NOT_OWNED,
  );
  if (!k.check(owned, "every function of the bus belongs to this iommufd or the groups")) return -errno.EINVAL;
  for (const v of set) k.ops.vfio_pci_dma_buf_move(k, v, true);
  const rc = pci_reset_bus(k, vdev.pdev);
  if (rc === 0) for (const v of set) pci_reset_function(k, v.pdev);
  for (const v of set) if (vfio_pci_memory_enabled(v)) k.ops.vfio_pci_dma_buf_move(k, v, false);
  return rc;
}
