/**
 * Functions that come and go while the kernel runs. Sources: linux 7.2 drivers/pci/hotplug/pciehp_pci.c,
 * drivers/pci/{probe,remove}.c, drivers/vfio/{vfio_main,group}.c `vfio_unregister_group_dev`.
 */
import { errno } from "../../uapi/errno.ts";
import { eventfd_signal } from "../eventfd.ts";
import { iommu_join_group_domain } from "../iommu/release.ts";
import type { Kernel } from "../kernel.ts";
import { the_platform } from "../platform.ts";
import type { VfioPciDevice } from "../vfio/vfio_pci.ts";
import { pci_enable_acs } from "./acs_setup.ts";
import { iommu_probe_pci, pci_set_msi_isolated, pci_setup_device } from "./enumerate.ts";
import { native_probe, native_remove } from "./native.ts";
import type { PciDev } from "./pci_dev.ts";
import { pci_assign_unassigned_resources } from "./resources.ts";

/**
 * A card was plugged in: it is found, gets addresses, ACS, its place behind the IOMMU and in a group, and a driver: its own,
 * unless a user owns the group's DMA, then vfio-pci, as at boot. -EBUSY: the kernel still holds what was there before.
 */
export function pciehp_configure_device(k: Kernel, bdf: string): PciDev | number {
  const platform = the_platform(k);
  const hw = platform.machine.pci.byBdf.get(bdf);
  if (hw === undefined) return -errno.ENODEV;
  if (!k.check(!platform.pci.has(bdf), `what was at ${bdf} before is gone`)) return -errno.EBUSY;
  const pdev = pci_setup_device(k, hw);
  if (platform.smmus.length > 0) pci_enable_acs(k, pdev, platform.boot.cmdline);
  pci_assign_unassigned_resources(k, pdev);
  pci_set_msi_isolated(k, pdev);
  if (iommu_probe_pci(k, pdev) === 0 && pdev.dev.iommu_group !== null) {
    const rc = iommu_join_group_domain(k, pdev.dev);
    if (rc < 0) {
      k.ops.iommu_release_device(k, pdev.dev);
      k.note(`${bdf}: no IOMMU: its DMA is expected to be broken`);
    }
  }
  const group = pdev.dev.iommu_group;
  const free = group === null || group.owner_cnt === 0;
  if (k.check(free, "nobody owns the group's DMA, so that the function's own driver may have it"))
    native_probe(k, pdev);
  if (platform.boot.vfio && group !== null) k.ops.vfio_pci_bind(k, pdev);
  return pdev;
}

/**
 * Takes a function out. 0 = it is gone; the number of files that a user still holds otherwise: the removal waits for them
 * to be closed, the user having been asked to.
 */
export function pci_stop_and_remove_bus_device(k: Kernel, pdev: PciDev): number {
  const { pci, vfio } = the_platform(k);
  for (const child of [...pci.values()]) if (child.parent === pdev) pci_stop_and_remove_bus_device(k, child);
  const vdev = vfio.get(pdev.bdf);
  if (vdev !== undefined) {
    vfio_unregister_group_dev(k, vdev);
    const idle = k.check(vdev.registrations === 0, `no file of ${pdev.bdf} is open`, () => ({
      left: `${vdev.registrations} files`,
    }));
    if (!idle) return vdev.registrations;
  }
  finish(k, pdev);
  return 0;
}

/** No new opens; who has the device is asked to let go (VFIO_PCI_REQ_IRQ_INDEX), again every ten seconds. */
function vfio_unregister_group_dev(k: Kernel, vdev: VfioPciDevice): void {
  vdev.unregistering = true;
  k.devnodes.delete(vdev.node);
  if (vdev.registrations === 0) return;
  if (vdev.req_trigger !== null) eventfd_signal(vdev.req_trigger);
  k.note(
    `${vdev.pdev.bdf}: ${vdev.req_trigger === null ? "nobody listens to the request" : "the user is asked"} to let go`,
  );
}

/** A file of a device was closed: the last one lets a removal that waits go on. */
export function vfio_device_put_registration(k: Kernel, vdev: VfioPciDevice): void {
  vdev.registrations--;
  if (!vdev.unregistering || vdev.registrations > 0) return;
  k.note(`${vdev.pdev.bdf}: the removal that waited goes on`);
  finish(k, vdev.pdev);
}

function finish(k: Kernel, pdev: PciDev): void {
  const platform = the_platform(k);
  const vdev = platform.vfio.get(pdev.bdf);
  platform.vfio.delete(pdev.bdf);
  if (vdev !== undefined) k.ops.vfio_device_remove_group(k, vdev);
  if (pdev.driver !== null && vdev === undefined) native_remove(k, pdev);
  pdev.driver = null;
  k.ops.iommu_release_device(k, pdev.dev);
  platform.pci.delete(pdev.bdf);
  const { machine } = platform;
  if (!pdev.hw.config.absent) machine.pull(pdev.bdf);
}
