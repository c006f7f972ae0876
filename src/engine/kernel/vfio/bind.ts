/** A function goes from its own driver to vfio-pci, as the administrator has it. Source: linux 7.2 drivers/vfio/pci/vfio_pci.c. */
import type { Kernel } from "../kernel.ts";
import { native_remove } from "../pci/native.ts";
import type { PciDev } from "../pci/pci_dev.ts";
import { the_platform } from "../platform.ts";
import { VfioDevNode } from "./device_cdev.ts";
import { vfio_register_group_dev } from "./group.ts";
import { VfioPciDevice } from "./vfio_pci.ts";

/** The native driver goes (its interrupts and bus mastering with it), vfio-pci comes. */
export function vfio_pci_bind(k: Kernel, pdev: PciDev): VfioPciDevice {
  const platform = the_platform(k);
  native_remove(k, pdev);
  pdev.driver = "vfio-pci";
  const vdev = new VfioPciDevice(pdev, `/dev/vfio/devices/vfio${platform.vfio_next++}`);
  if (k.features.vfio_cdev) k.devnodes.set(vdev.node, new VfioDevNode(vdev));
  platform.vfio.set(pdev.bdf, vdev);
  vfio_register_group_dev(k, vdev);
  return vdev;
}
