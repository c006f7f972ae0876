/**
 * /dev/vfio/devices/vfioN: bind, attach, detach, and the device's own ioctls.
 * Source: linux 7.2 drivers/vfio/{device_cdev,iommufd,vfio_main}.c.
 */
import { errno } from "../../uapi/errno.ts";
import { decode, encodeInto } from "../../uapi/codec.ts";
import {
  VFIO_DEVICE_ATTACH_IOMMUFD_PT,
  VFIO_DEVICE_BIND_IOMMUFD,
  VFIO_DEVICE_DETACH_IOMMUFD_PT,
  VFIO_DEVICE_FEATURE,
  VFIO_DEVICE_GET_INFO,
  VFIO_DEVICE_GET_IRQ_INFO,
  VFIO_DEVICE_GET_PCI_HOT_RESET_INFO,
  VFIO_DEVICE_GET_REGION_INFO,
  VFIO_DEVICE_PCI_HOT_RESET,
  VFIO_DEVICE_RESET,
  VFIO_DEVICE_SET_IRQS,
} from "../../uapi/vfio.ts";
import type { DevNode, File, FileOps } from "../file.ts";
import {
  iommufd_device_attach,
  iommufd_device_detach,
  iommufd_device_replace,
  iommufd_device_unbind,
} from "../iommufd/device.ts";
import { iommufd_ctx_from_fd } from "../iommufd/main.ts";
import { pci_reset_function } from "../pci/reset.ts";
import type { Kernel } from "../kernel.ts";
import type { Vma } from "../mm/mm.ts";
import { copy_from_user, copy_struct_from_user, copy_to_user } from "../mm/uaccess.ts";
import { vfio_ioctl_device_feature, vfio_pci_dma_buf_cleanup } from "./dmabuf.ts";
import { vfio_pci_ioctl_get_pci_hot_reset_info, vfio_pci_ioctl_pci_hot_reset } from "./hot_reset.ts";
import {
  vfio_copy_args,
  vfio_pci_ioctl_get_info,
  vfio_pci_ioctl_get_irq_info,
  vfio_pci_ioctl_get_region_info,
} from "./info.ts";
import { vfio_pci_ioctl_set_irqs } from "./intrs.ts";
import { vfio_pci_core_mmap } from "./mmap.ts";
import { vfio_pci_read, vfio_pci_write } from "./region.ts";
import {
  vfio_pci_core_disable,
  vfio_pci_core_enable,
  vfio_pci_memory_enabled,
  type VfioPciDevice,
} from "./vfio_pci.ts";

/** Commands that came with a file for each device, in 6.6. */
const CDEV_ONLY: ReadonlySet<number> = new Set([
  VFIO_DEVICE_BIND_IOMMUFD.cmd,
  VFIO_DEVICE_ATTACH_IOMMUFD_PT.cmd,
  VFIO_DEVICE_DETACH_IOMMUFD_PT.cmd,
]);
const RID = 0;
const FLAG_TOKEN = 1;
const UUID_BYTES = 16;
/** A PASID is noted by its number, which must be an int. */
const PASID_MAX = 0x7fff_ffff;
const FLAG_PASID = 1;

/** `struct vfio_device_file`: one open of the node. */
export class VfioDeviceFile {
  readonly vdev: VfioPciDevice;
  /** Bound: the device may be used through this file. */
  access_granted = false;
  /** Opened by way of the group. */
  by_group = false;

  constructor(vdev: VfioPciDevice) {
    this.vdev = vdev;
  }
}

function file_of(file: File): VfioDeviceFile {
  if (!(file.private_data instanceof VfioDeviceFile)) throw new Error("not a vfio device file");
  return file.private_data;
}

/** Binds the device to an iommufd: its DMA is blocked, the device enabled and reset. */
function vfio_df_ioctl_bind_iommufd(k: Kernel, df: VfioDeviceFile, arg: bigint): number {
  const def = VFIO_DEVICE_BIND_IOMMUFD;
  const { vdev } = df;
  const head = copy_from_user(k, arg, 4);
  if (head === null) return -errno.EFAULT;
  const argsz = new DataView(head.buffer, head.byteOffset).getUint32(0, true);
  if (!k.check(argsz >= def.min, "argsz covers the struct")) return -errno.EINVAL;
  const bytes = copy_struct_from_user(k, arg, argsz, def.size);
  if (bytes === null) return -errno.EFAULT;
  if (bytes === "big") return -errno.E2BIG;
  const { flags, iommufd, token_uuid_ptr } = decode(def, bytes);
  if (!k.check(iommufd >= 0 && (flags & ~FLAG_TOKEN) === 0, "an fd, and known flags")) return -errno.EINVAL;
  if (!k.check(!df.by_group, "the device has a file of its own")) return -errno.EINVAL;
  const { group } = vdev;
  if (!k.check(group === null || group.opened_file === null, "the group is not open")) return -errno.EBUSY;
  if (!k.check(!df.access_granted, "this file is not bound yet")) return -errno.EINVAL;
  if ((flags & FLAG_TOKEN) !== 0) {
    const token = copy_from_user(k, token_uuid_ptr, UUID_BYTES);
    if (!k.check(token !== null, "the token can be read")) return -errno.EFAULT;
    k.check(false, "no token: the device is no virtual function");
    return -errno.EINVAL;
  }
  const ictx = iommufd_ctx_from_fd(k, iommufd);
  if (typeof ictx === "number") return ictx;
  if (!k.check(vdev.open_count === 0, "the device is not in use through another file")) return -errno.EINVAL;
  const idev = k.ops.iommufd_device_bind(k, ictx, vdev.pdev.dev);
  if (typeof idev === "number") return idev;
  const rc = vfio_pci_core_enable(k, vdev);
  if (rc < 0) {
    iommufd_device_unbind(k, idev);
    return rc;
  }
  vdev.idev = idev;
  vdev.open_count = 1;
  const out = new Uint8Array(def.size);
  encodeInto(def, out, { out_devid: idev.id });
  const { offset } = def.fields.out_devid;
  if (!copy_to_user(k, arg + BigInt(offset), out.subarray(offset, offset + 4))) {
    vfio_df_close(k, df);
    return -errno.EFAULT;
  }
  df.access_granted = true;
  return 0;
}

/** Everything that the file held is given back: interrupts, attachments, the device. */
function vfio_df_close(k: Kernel, df: VfioDeviceFile): void {
  const { vdev } = df;
  const { idev } = vdev;
  if (vdev.open_count === 0) return;
  if (vdev.by_group && --vdev.open_count > 0) return;
  vfio_pci_dma_buf_cleanup(k, vdev);
  vfio_pci_core_disable(k, vdev);
  if (idev !== null) {
    for (const pasid of vdev.pasids) iommufd_device_detach(k, idev, pasid);
    vdev.pasids.clear();
    if (vdev.attached) iommufd_device_detach(k, idev, RID);
    vdev.attached = false;
    iommufd_device_unbind(k, idev);
  } else if (vdev.group !== null) vdev.group.container_users--;
  vdev.idev = null;
  vdev.open_count = 0;
  vdev.by_group = false;
  df.access_granted = false;
}

/** Attaches the RID or a PASID; a second attach replaces. */
function vfio_df_ioctl_attach_pt(k: Kernel, vdev: VfioPciDevice, arg: bigint): number {
  const def = VFIO_DEVICE_ATTACH_IOMMUFD_PT;
  const bytes = pasid_args(k, arg, def, def.min, def.size);
  if (typeof bytes === "number") return bytes;
  const { flags, pt_id, pasid } = decode(def, bytes);
  const { idev } = vdev;
  if (idev === null) return -errno.EINVAL;
  const which = (flags & FLAG_PASID) === 0 ? RID : pasid;
  const again = (flags & FLAG_PASID) === 0 ? vdev.attached : vdev.pasids.has(pasid);
  if (!k.check(which <= PASID_MAX, "the PASID can be noted")) return -errno.ENOSPC;
  const id = again ? iommufd_device_replace(k, idev, which, pt_id) : iommufd_device_attach(k, idev, which, pt_id);
  if (id < 0) return id;
  if ((flags & FLAG_PASID) === 0) vdev.attached = true;
  else vdev.pasids.add(pasid);
  const out = new Uint8Array(4);
  new DataView(out.buffer).setUint32(0, id, true);
  if (copy_to_user(k, arg + BigInt(def.fields.pt_id.offset), out)) return 0;
  detach(k, vdev, (flags & FLAG_PASID) !== 0, pasid);
  return -errno.EFAULT;
}

function detach(k: Kernel, vdev: VfioPciDevice, has_pasid: boolean, pasid: number): void {
  if (vdev.idev === null) return;
  if (has_pasid) {
    if (vdev.pasids.delete(pasid)) iommufd_device_detach(k, vdev.idev, pasid);
    return;
  }
  if (vdev.attached) iommufd_device_detach(k, vdev.idev, RID);
  vdev.attached = false;
}

/** Attach and detach share their shape: `short` bytes, or `long` with the PASID flag. */
function pasid_args(
  k: Kernel,
  arg: bigint,
  def: typeof VFIO_DEVICE_ATTACH_IOMMUFD_PT | typeof VFIO_DEVICE_DETACH_IOMMUFD_PT,
  short: number,
  long: number,
): Uint8Array | number {
  const bytes = vfio_copy_args(k, arg, def, short);
  if (typeof bytes === "number") return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const flags = view.getUint32(4, true);
  const known = k.features.hwpt_pasid ? FLAG_PASID : 0;
  if (!k.check((flags & ~known) === 0, "known flags")) return -errno.EINVAL;
  if ((flags & FLAG_PASID) === 0) return bytes;
  if (!k.check(view.getUint32(0, true) >= long, "argsz covers the PASID")) return -errno.EINVAL;
  const whole = copy_from_user(k, arg, long);
  return whole === null ? -errno.EFAULT : whole;
}

/** Always 0 when well formed, attached or not. */
function vfio_df_ioctl_detach_pt(k: Kernel, vdev: VfioPciDevice, arg: bigint): number {
  const def = VFIO_DEVICE_DETACH_IOMMUFD_PT;
  const bytes = pasid_args(k, arg, def, def.min, def.size);
  if (typeof bytes === "number") return bytes;
  const { flags, pasid } = decode(def, bytes);
  detach(k, vdev, (flags & FLAG_PASID) !== 0, pasid);
  return 0;
}

function vfio_pci_ioctl_reset(k: Kernel, vdev: VfioPciDevice): number {
  if (!k.check(vdev.reset_works, "the device can be reset")) return -errno.EINVAL;
  k.ops.vfio_pci_dma_buf_move(k, vdev, true);
  pci_reset_function(k, vdev.pdev);
  if (vfio_pci_memory_enabled(vdev)) k.ops.vfio_pci_dma_buf_move(k, vdev, false);
  return 0;
}

export function vfio_device_fops_ioctl(k: Kernel, file: File, cmd: number, arg: bigint): number {
  const df = file_of(file);
  const { vdev } = df;
  if (!k.features.vfio_cdev && CDEV_ONLY.has(cmd)) {
    k.check(false, "this kernel knows the command", () => ({ left: `0x${cmd.toString(16)}` }));
    return -errno.ENOTTY;
  }
  if (cmd === VFIO_DEVICE_BIND_IOMMUFD.cmd) return vfio_df_ioctl_bind_iommufd(k, df, arg);
  if (!k.check(df.access_granted, "the device is bound through this file")) return -errno.EINVAL;
  if (df.by_group && CDEV_ONLY.has(cmd)) {
    k.check(false, "the device was opened by its own node", () => ({ left: `0x${cmd.toString(16)}` }));
    return -errno.ENOTTY;
  }
  switch (cmd) {
    case VFIO_DEVICE_ATTACH_IOMMUFD_PT.cmd:
      return vfio_df_ioctl_attach_pt(k, vdev, arg);
    case VFIO_DEVICE_DETACH_IOMMUFD_PT.cmd:
      return vfio_df_ioctl_detach_pt(k, vdev, arg);
    case VFIO_DEVICE_FEATURE.cmd:
      return vfio_ioctl_device_feature(k, vdev, arg);
    case VFIO_DEVICE_GET_INFO.cmd:
      return vfio_pci_ioctl_get_info(k, vdev, arg);
    case VFIO_DEVICE_GET_REGION_INFO.cmd:
      return vfio_pci_ioctl_get_region_info(k, vdev, arg);
    case VFIO_DEVICE_GET_IRQ_INFO.cmd:
      return vfio_pci_ioctl_get_irq_info(k, vdev, arg);
    case VFIO_DEVICE_SET_IRQS.cmd:
      return vfio_pci_ioctl_set_irqs(k, vdev, arg);
    case VFIO_DEVICE_RESET.cmd:
      return vfio_pci_ioctl_reset(k, vdev);
    case VFIO_DEVICE_GET_PCI_HOT_RESET_INFO.cmd:
      return vfio_pci_ioctl_get_pci_hot_reset_info(k, vdev, arg);
    case VFIO_DEVICE_PCI_HOT_RESET.cmd:
      return vfio_pci_ioctl_pci_hot_reset(k, vdev, arg);
    default:
      k.check(false, "an ioctl of this device", () => ({ left: `0x${cmd.toString(16)}` }));
      return -errno.ENOTTY;
  }
}

/** The last reference to a device's file is gone. */
export function vfio_device_fops_release(k: Kernel, file: File): void {
  const df = file_of(file);
  if (df.access_granted) vfio_df_close(k, df);
  k.ops.vfio_device_put_registration(k, df.vdev);
}

export const vfio_device_fops: FileOps = Object.freeze({
  name: "vfio-device",
  ioctl: (k: Kernel, file: File, cmd: number, arg: bigint) => k.ops.vfio_device_fops_ioctl(k, file, cmd, arg),
  read(k: Kernel, file: File, buf: bigint, count: number, pos: bigint): number {
    const df = file_of(file);
    return df.access_granted ? vfio_pci_read(k, df.vdev, buf, count, pos) : -errno.EINVAL;
  },
  write(k: Kernel, file: File, buf: bigint, count: number, pos: bigint): number {
    const df = file_of(file);
    return df.access_granted ? vfio_pci_write(k, df.vdev, buf, count, pos) : -errno.EINVAL;
  },
  mmap(k: Kernel, file: File, vma: Vma, offset: bigint): number {
    const df = file_of(file);
    return df.access_granted ? vfio_pci_core_mmap(k, df.vdev, vma, offset) : -errno.EINVAL;
  },
  release: (k: Kernel, file: File) => k.ops.vfio_device_fops_release(k, file),
});

/** The node of one device. */
export class VfioDevNode implements DevNode {
  readonly ops = vfio_device_fops;
  readonly vdev: VfioPciDevice;

  constructor(vdev: VfioPciDevice) {
    this.vdev = vdev;
  }

  open(_k: Kernel, file: File): number {
    file.private_data = new VfioDeviceFile(this.vdev);
    this.vdev.registrations++;
    return 0;
  }
}
