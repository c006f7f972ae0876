/** A VFIO device in the hands of a design: its DMA is blocked from then on until it is attached. */
import { EXT } from "../../../hw/pci/regs.ts";
import { errno } from "../../uapi/errno.ts";
import { fget, type File, fput } from "../../kernel/file.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { the_platform } from "../../kernel/platform.ts";
import type { VfioDeviceFile } from "../../kernel/vfio/device_cdev.ts";
import { vfio_pci_core_disable, vfio_pci_core_enable, type VfioPciDevice } from "../../kernel/vfio/vfio_pci.ts";
import { forget } from "./faults.ts";
import type { DesignNode } from "./node.ts";
import { dev_of, space_leave } from "./space.ts";
import { ApiFile, BoundDevice } from "./state.ts";

/** The open file of the design behind a descriptor of the caller. -EBADF: none; -EINVAL: another kind of file. */
export function api_from_fd(k: Kernel, fd: number): ApiFile | number {
  const file = k.current.fds.get(fd);
  if (!k.check(file !== undefined, "the descriptor is open") || file === undefined) return -errno.EBADF;
  const api = file.private_data;
  if (!k.check(api instanceof ApiFile, "the descriptor is a file of the design") || !(api instanceof ApiFile))
    return -errno.EINVAL;
  return api;
}

export function bound_to(node: DesignNode, vdev: VfioPciDevice, api: ApiFile): BoundDevice | null {
  return node.bound.find((d) => d.vdev === vdev && d.ctx === api) ?? null;
}

/** Page requests are on for devices that can make them. */
function pri(vdev: VfioPciDevice, on: boolean): void {
  const { config } = vdev.pdev.hw;
  const at = config.findExtended(EXT.PRI);
  if (at !== 0) config.write(at + 4, 2, on ? 1 : 0);
}

/**
 * Gives a device to an open file. The first file claims its DMA and enables it; a further one (where the design allows
 * that) shares it. -EPERM: the DMA is another's, or interrupts are not isolated. -EBUSY: the device is in use.
 */
export function bind(
  k: Kernel,
  node: DesignNode,
  df: VfioDeviceFile,
  api: ApiFile,
  cookie: bigint,
): BoundDevice | number {
  const { vdev } = df;
  const { dev } = vdev.pdev;
  const first = !node.bound.some((d) => d.vdev === vdev);
  if (first && !k.check(vdev.open_count === 0, "the device is not in use through another file")) return -errno.EBUSY;
  const isolated = dev.iommu_group?.devices.every((d) => d.msi_isolated) ?? false;
  const unsafe = the_platform(k).boot.allow_unsafe_interrupts;
  if (!k.check(isolated || unsafe, "interrupts of the group are isolated")) return -errno.EPERM;
  const rc = k.ops.iommu_device_claim_dma_owner(k, dev, node);
  if (rc < 0) return rc;
  if (first) {
    const enabled = vfio_pci_core_enable(k, vdev);
    if (enabled < 0) {
      k.ops.iommu_device_release_dma_owner(k, dev);
      return enabled;
    }
    vdev.open_count = 1;
    df.access_granted = true;
    pri(vdev, true);
  }
  const device = new BoundDevice(vdev, api, cookie);
  node.bound.push(device);
  api.devices.push(device);
  fget(api.file);
  return device;
}

/** Everything that the device had is given back. */
export function unbind(k: Kernel, node: DesignNode, device: BoundDevice): void {
  const { vdev, ctx } = device;
  for (const at of device.attached.toReversed()) space_leave(k, at, node.design.keeps_mappings);
  for (const api of node.files) forget(k, api, (r) => r.device === device);
  node.held = node.held.filter((r) => r.device !== device);
  node.bound = node.bound.filter((d) => d !== device);
  ctx.devices.splice(ctx.devices.indexOf(device), 1);
  k.ops.iommu_device_release_dma_owner(k, dev_of(device));
  if (!node.bound.some((d) => d.vdev === vdev)) {
    pri(vdev, false);
    vfio_pci_core_disable(k, vdev);
    vdev.open_count = 0;
  }
  fput(k, ctx.file);
}

/** The device's file is closed. False: no design had the device. */
export function unbind_all(k: Kernel, node: DesignNode, df: VfioDeviceFile): boolean {
  const mine = node.bound.filter((d) => d.vdev === df.vdev);
  if (!df.access_granted || mine.length === 0) return false;
  for (const device of mine) unbind(k, node, device);
  node.declared.delete(df.vdev);
  df.access_granted = false;
  return true;
}

/** The device behind a descriptor of the caller. -EBADF, -EINVAL. */
export function device_file(k: Kernel, fd: number, is: (f: File) => VfioDeviceFile | null): VfioDeviceFile | number {
  const file = k.current.fds.get(fd);
  if (!k.check(file !== undefined, "the descriptor is open") || file === undefined) return -errno.EBADF;
  const df = is(file);
  return k.check(df !== null, "the descriptor is a device") && df !== null ? df : -errno.EINVAL;
}
