/** BARs exported as dma-bufs, and taken back. Source: linux 7.2 drivers/vfio/pci/vfio_pci_dmabuf.c. */
import { errno } from "../../uapi/errno.ts";
import { decode } from "../../uapi/codec.ts";
import { defineLayout, u32, u64 } from "../../uapi/layout.ts";
import { VFIO_DEVICE_FEATURE } from "../../uapi/vfio.ts";
import { File } from "../file.ts";
import { DmaBuf, dmabuf_fops, dmabuf_revoke } from "../iommufd/dmabuf.ts";
import type { Kernel } from "../kernel.ts";
import { PAGE_SIZE_N } from "../mm/const.ts";
import { copy_from_user } from "../mm/uaccess.ts";
import { the_platform } from "../platform.ts";
import { fd_install } from "../syscall.ts";
import { vfio_copy_args } from "./info.ts";
import { bar_of, REGION, vfio_pci_memory_enabled, type VfioPciDevice } from "./vfio_pci.ts";

const FEATURE_MASK = 0xffff;
const FEATURE_GET = 0x10000;
const FEATURE_SET = 0x20000;
const FEATURE_PROBE = 0x40000;
const FEATURE_DMA_BUF = 11;

/** `struct vfio_device_feature_dma_buf`, without its ranges. */
const DMA_BUF = defineLayout("struct vfio_device_feature_dma_buf", 16, {
  region_index: u32(0),
  open_flags: u32(4),
  flags: u32(8),
  nr_ranges: u32(12),
});
const RANGE = defineLayout("struct vfio_region_dma_range", 16, { offset: u64(0), length: u64(8) });

/** VFIO_DEVICE_FEATURE: -ENOTTY for what the device does not have. */
export function vfio_ioctl_device_feature(k: Kernel, vdev: VfioPciDevice, arg: bigint): number {
  const head = vfio_copy_args(k, arg, VFIO_DEVICE_FEATURE);
  if (typeof head === "number") return head;
  const { argsz, flags } = decode(VFIO_DEVICE_FEATURE, head);
  if ((flags & ~(FEATURE_MASK | FEATURE_GET | FEATURE_SET | FEATURE_PROBE)) !== 0) return -errno.EINVAL;
  const both = (flags & FEATURE_SET) !== 0 && (flags & FEATURE_GET) !== 0;
  if ((flags & FEATURE_PROBE) === 0 && both) return -errno.EINVAL;
  const known = (flags & FEATURE_MASK) === FEATURE_DMA_BUF && the_platform(k).boot.vfio_pci_dmabuf;
  const detail = () => ({ left: `feature ${flags & FEATURE_MASK}` });
  if (!k.check(known, "the device has this feature", detail)) return -errno.ENOTTY;
  if ((flags & FEATURE_SET) !== 0) return -errno.EINVAL;
  if ((flags & FEATURE_PROBE) !== 0) return 0;
  if ((flags & FEATURE_GET) === 0 || argsz < VFIO_DEVICE_FEATURE.size + DMA_BUF.size) return -errno.EINVAL;
  return export_bar(k, vdev, arg + BigInt(VFIO_DEVICE_FEATURE.size));
}

function export_bar(k: Kernel, vdev: VfioPciDevice, arg: bigint): number {
  const head = copy_from_user(k, arg, DMA_BUF.size);
  if (head === null) return -errno.EFAULT;
  const { region_index, flags, nr_ranges } = decode(DMA_BUF, head);
  if (!k.check(nr_ranges > 0 && flags === 0, "at least one range, no flags")) return -errno.EINVAL;
  if (!k.check(region_index < REGION.ROM, "the region is a BAR")) return -errno.ENODEV;
  const bar = bar_of(vdev.pdev, region_index);
  const bytes = copy_from_user(k, arg + BigInt(DMA_BUF.size), RANGE.size * nr_ranges);
  if (bytes === null) return -errno.EFAULT;
  const size = bar === undefined ? 0n : BigInt(bar.last - bar.start + 1);
  const range = decode(RANGE, bytes);
  for (let i = 0; i < nr_ranges; i++) {
    const { offset, length } = decode(RANGE, bytes, i * RANGE.size);
    const fits = length > 0n && (offset | length) % PAGE_SIZE_N === 0n && offset + length <= size;
    if (!k.check(fits, "whole pages inside the BAR")) return -errno.EINVAL;
  }
  if (!k.check(bar?.kind !== "io", "a memory BAR")) return -errno.EINVAL;
  if (nr_ranges > 1) k.note("several ranges: iommufd accepts one only");
  const phys = vdev.pdev.hw.barAddress(region_index) + Number(range.offset);
  const buf = new DmaBuf(nr_ranges === 1 ? "vfio-pci" : "other", phys, range.length);
  if (!vfio_pci_memory_enabled(vdev)) buf.revoked = true;
  vdev.dmabufs.push(buf);
  return fd_install(k, k.current, new File(dmabuf_fops, "dma_buf", buf));
}

/** Takes every exported range back (decoding goes off, reset), or allows new mappings again. */
export function vfio_pci_dma_buf_move(k: Kernel, vdev: VfioPciDevice, revoked: boolean): void {
  for (const buf of vdev.dmabufs) {
    if (buf.revoked === revoked) continue;
    dmabuf_revoke(k, buf, revoked);
  }
}

/** The device is closed: what it exported is gone for good. */
export function vfio_pci_dma_buf_cleanup(k: Kernel, vdev: VfioPciDevice): void {
  vfio_pci_dma_buf_move(k, vdev, true);
  vdev.dmabufs = [];
}
