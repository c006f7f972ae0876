/** Reads and writes of the device file: configuration space and BARs. Source: linux 7.2 vfio_pci_rdwr.c. */
import { errno } from "../../uapi/errno.ts";
import type { Kernel } from "../kernel.ts";
import { copy_from_user, copy_to_user } from "../mm/uaccess.ts";
import { MSIX_ENTRY_BYTES } from "../../../hw/pci/msi.ts";
import { vfio_config_read } from "./config.ts";
import { bar_of, REGION, REGION_SHIFT, vfio_pci_memory_enabled, type VfioPciDevice } from "./vfio_pci.ts";

const OFFSET_MASK = (1n << REGION_SHIFT) - 1n;

/** The MSI-X table stays with the host: reads give ones, writes are dropped. */
function in_msix_table(vdev: VfioPciDevice, index: number, offset: number): boolean {
  const place = vdev.pdev.hw.msix?.place;
  if (place === undefined || place.tableBar !== index) return false;
  return offset >= place.tableOffset && offset < place.tableOffset + place.entries * MSIX_ENTRY_BYTES;
}

/** Bytes of a BAR as this machine has them: registers of devices are not modelled and read as zero. */
function bar_bytes(k: Kernel, vdev: VfioPciDevice, index: number, offset: number, n: number): Uint8Array {
  const out = new Uint8Array(n);
  if (vdev.pdev.hw.config.absent) return out.fill(0xff);
  const base = vdev.pdev.hw.barAddress(index);
  k.mem.readBytes(base + offset, out);
  for (let i = 0; i < n; i++) if (in_msix_table(vdev, index, offset + i)) out[i] = 0xff;
  return out;
}

/** Bytes that an access may have, or errno. */
function clip(vdev: VfioPciDevice, index: number, offset: number, count: number): number {
  const bar = bar_of(vdev.pdev, index);
  if (bar === undefined) return -errno.EINVAL;
  const size = bar.last - bar.start + 1;
  if (offset >= size) return -errno.EINVAL;
  if (bar.kind !== "io" && !vfio_pci_memory_enabled(vdev)) return -errno.EIO;
  return Math.min(count, size - offset);
}

export function vfio_pci_read(k: Kernel, vdev: VfioPciDevice, buf: bigint, count: number, pos: bigint): number {
  const index = Number(pos >> REGION_SHIFT);
  const offset = Number(pos & OFFSET_MASK);
  let bytes: Uint8Array;
  if (index === REGION.CONFIG) {
    bytes = vfio_config_read(vdev, offset, count);
    if (bytes.length === 0 && count > 0) return -errno.EFAULT;
  } else {
    if (index > REGION.ROM) return -errno.EINVAL;
    const n = clip(vdev, index, offset, count);
    if (n < 0) return n;
    bytes = bar_bytes(k, vdev, index, offset, n);
  }
  return copy_to_user(k, buf, bytes) ? bytes.length : -errno.EFAULT;
}

export function vfio_pci_write(k: Kernel, vdev: VfioPciDevice, buf: bigint, count: number, pos: bigint): number {
  const index = Number(pos >> REGION_SHIFT);
  const offset = Number(pos & OFFSET_MASK);
  const data = copy_from_user(k, buf, count);
  if (data === null) return -errno.EFAULT;
  if (index === REGION.CONFIG) return k.ops.vfio_config_write(k, vdev, offset, data);
  if (index >= REGION.ROM) return -errno.EINVAL;
  const n = clip(vdev, index, offset, count);
  if (n < 0) return n;
  const base = vdev.pdev.hw.barAddress(index);
  for (let i = 0; i < n && !vdev.pdev.hw.config.absent; i++) {
    if (!in_msix_table(vdev, index, offset + i)) k.mem.writeBytes(base + offset + i, data.subarray(i, i + 1));
  }
  return n;
}
