/** What a device has: regions and interrupts. Source: linux 7.2 vfio_pci_core.c `vfio_pci_ioctl_get_*`. */
import { errno } from "../../uapi/errno.ts";
import { decode, encodeInto } from "../../uapi/codec.ts";
import { VFIO_INFO_CAP_HEADER } from "../../uapi/records.ts";
import { VFIO_DEVICE_GET_INFO, VFIO_DEVICE_GET_IRQ_INFO, VFIO_DEVICE_GET_REGION_INFO } from "../../uapi/vfio.ts";
import type { IoctlDef } from "../../uapi/layout.ts";
import type { Kernel } from "../kernel.ts";
import { PAGE_SIZE } from "../mm/const.ts";
import { copy_from_user, copy_to_user } from "../mm/uaccess.ts";
import { pci_msix_can_alloc_dyn } from "../pci/msi.ts";
import { pci_is_pcie } from "../pci/pci_dev.ts";
import {
  bar_of,
  IRQ,
  NUM_IRQS,
  NUM_REGIONS,
  REGION,
  REGION_SHIFT,
  vfio_pci_get_irq_count,
  type VfioPciDevice,
} from "./vfio_pci.ts";

const DEVICE_RESET = 1;
const DEVICE_PCI = 2;
const REGION_READ = 1;
const REGION_WRITE = 2;
const REGION_MMAP = 4;
const REGION_CAPS = 8;
const IRQ_EVENTFD = 1;
const IRQ_MASKABLE = 2;
const IRQ_AUTOMASKED = 4;
const IRQ_NORESIZE = 8;
const CAP_MSIX_MAPPABLE = 3;

/** The struct up to `min`, whose argsz must cover it. -EFAULT, -EINVAL. */
export function vfio_copy_args(k: Kernel, arg: bigint, def: IoctlDef, min = def.min): Uint8Array | number {
  const head = copy_from_user(k, arg, min);
  if (head === null) return -errno.EFAULT;
  const argsz = new DataView(head.buffer, head.byteOffset).getUint32(0, true);
  if (!k.check(argsz >= min, "argsz covers the struct", () => ({ left: `${argsz}`, right: `${min}` })))
    return -errno.EINVAL;
  const bytes = new Uint8Array(Math.max(def.size, min));
  bytes.set(head);
  return bytes;
}

export function vfio_pci_ioctl_get_info(k: Kernel, vdev: VfioPciDevice, arg: bigint): number {
  const def = VFIO_DEVICE_GET_INFO;
  const bytes = vfio_copy_args(k, arg, def);
  if (typeof bytes === "number") return bytes;
  const flags = DEVICE_PCI | (vdev.reset_works ? DEVICE_RESET : 0);
  encodeInto(def, bytes, { flags, num_regions: NUM_REGIONS, num_irqs: NUM_IRQS });
  return copy_to_user(k, arg, bytes.subarray(0, def.min)) ? 0 : -errno.EFAULT;
}

/** Flags, size and capabilities of a region; null = there is no such region. */
function region_of(vdev: VfioPciDevice, index: number): { flags: number; size: number; msix: boolean } | null {
  const { pdev } = vdev;
  if (index === REGION.CONFIG) {
    return { flags: REGION_READ | REGION_WRITE, size: pdev.hw.config.bytes.length, msix: false };
  }
  if (index > REGION.ROM) return null;
  const bar = bar_of(pdev, index);
  if (bar === undefined) return { flags: 0, size: 0, msix: false };
  const size = bar.last - bar.start + 1;
  if (index === REGION.ROM) return { flags: REGION_READ, size, msix: false };
  const mappable = bar.kind !== "io" && size >= PAGE_SIZE;
  const msix = mappable && pdev.hw.msix?.place.tableBar === index;
  return { flags: REGION_READ | REGION_WRITE | (mappable ? REGION_MMAP : 0), size, msix };
}

export function vfio_pci_ioctl_get_region_info(k: Kernel, vdev: VfioPciDevice, arg: bigint): number {
  const def = VFIO_DEVICE_GET_REGION_INFO;
  const bytes = vfio_copy_args(k, arg, def);
  if (typeof bytes === "number") return bytes;
  const { argsz, index } = decode(def, bytes);
  const region = region_of(vdev, index);
  if (!k.check(region !== null, "the device has this region") || region === null) return -errno.EINVAL;
  encodeInto(def, bytes, {
    flags: region.flags | (region.msix ? REGION_CAPS : 0),
    size: BigInt(region.size),
    offset: BigInt(index) << REGION_SHIFT,
  });
  if (region.msix) {
    const needed = def.size + VFIO_INFO_CAP_HEADER.size;
    if (argsz < needed) encodeInto(def, bytes, { argsz: needed, cap_offset: 0 });
    else {
      encodeInto(def, bytes, { cap_offset: def.size });
      const cap = new Uint8Array(VFIO_INFO_CAP_HEADER.size);
      encodeInto(VFIO_INFO_CAP_HEADER, cap, { id: CAP_MSIX_MAPPABLE, version: 1, next: 0 });
      if (!copy_to_user(k, arg + BigInt(def.size), cap)) return -errno.EFAULT;
    }
  }
  return copy_to_user(k, arg, bytes) ? 0 : -errno.EFAULT;
}

export function vfio_pci_ioctl_get_irq_info(k: Kernel, vdev: VfioPciDevice, arg: bigint): number {
  const def = VFIO_DEVICE_GET_IRQ_INFO;
  const bytes = vfio_copy_args(k, arg, def);
  if (typeof bytes === "number") return bytes;
  const { index } = decode(def, bytes);
  const known = index < NUM_IRQS && (index !== IRQ.ERR || pci_is_pcie(vdev.pdev));
  if (!k.check(known, "the device has this kind of interrupt")) return -errno.EINVAL;
  const resizes = index === IRQ.MSIX && pci_msix_can_alloc_dyn(k, vdev.pdev);
  const kind = index === IRQ.INTX ? IRQ_MASKABLE | IRQ_AUTOMASKED : resizes ? 0 : IRQ_NORESIZE;
  encodeInto(def, bytes, { flags: IRQ_EVENTFD | kind, count: vfio_pci_get_irq_count(vdev.pdev, index) });
  return copy_to_user(k, arg, bytes) ? 0 : -errno.EFAULT;
}
