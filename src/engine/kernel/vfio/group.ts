/**
 * /dev/vfio/N: the older way to a device, by its IOMMU group and a container: an iommufd, or VFIO's own (type1.ts).
 * Source: linux 7.2 drivers/vfio/{group,iommufd,vfio_main}.c, drivers/iommu/iommufd/vfio_compat.c
 * `iommufd_vfio_compat_ioas_create`.
 */
import { decode, encodeInto } from "../../uapi/codec.ts";
import { errno } from "../../uapi/errno.ts";
import {
  VFIO_GROUP_GET_DEVICE_FD,
  VFIO_GROUP_GET_STATUS,
  VFIO_GROUP_SET_CONTAINER,
  VFIO_GROUP_UNSET_CONTAINER,
} from "../../uapi/vfio.ts";
import { type DevNode, File, type FileOps } from "../file.ts";
import { iommufd_device_attach, iommufd_device_unbind } from "../iommufd/device.ts";
import { iommufd_object_alloc, iommufd_object_finalize } from "../iommufd/object.ts";
import { IommufdCtx, IommufdIoas } from "../iommufd/objects.ts";
import type { Kernel } from "../kernel.ts";
import { copy_from_user, copy_to_user } from "../mm/uaccess.ts";
import { the_platform } from "../platform.ts";
import { fd_install } from "../syscall.ts";
import { vfio_device_fops, VfioDeviceFile } from "./device_cdev.ts";
import { VfioContainer, VfioGroup } from "./group_state.ts";
import { vfio_copy_args } from "./info.ts";
import { vfio_container_attach_group, vfio_container_detach_group } from "./type1.ts";
import { vfio_pci_core_disable, vfio_pci_core_enable, type VfioPciDevice } from "./vfio_pci.ts";

const STATUS_VIABLE = 1;
const STATUS_CONTAINER_SET = 2;
/** Longest device name that is read, with its end. */
const NAME_BYTES = 4096;
const RID = 0;

function group_of(file: File): VfioGroup {
  if (!(file.private_data instanceof VfioGroup)) throw new Error("not a vfio group file");
  return file.private_data;
}

/** The first device of a group under VFIO brings the node. */
export function vfio_register_group_dev(k: Kernel, vdev: VfioPciDevice): void {
  const { iommu_group } = vdev.pdev.dev;
  if (iommu_group === null) return;
  const path = `/dev/vfio/${iommu_group.id}`;
  const there = k.devnodes.get(path);
  const node = there instanceof VfioGroupNode ? there : new VfioGroupNode(new VfioGroup(iommu_group));
  k.devnodes.set(path, node);
  vdev.group = node.group;
}

function members(k: Kernel, group: VfioGroup): VfioPciDevice[] {
  return [...the_platform(k).vfio.values()].filter((vdev) => vdev.group === group);
}

function get_status(k: Kernel, group: VfioGroup, arg: bigint): number {
  const def = VFIO_GROUP_GET_STATUS;
  const bytes = vfio_copy_args(k, arg, def);
  if (typeof bytes === "number") return bytes;
  let flags = 0;
  if (group.iommufd !== null || group.container !== null) flags = STATUS_CONTAINER_SET | STATUS_VIABLE;
  else if (group.iommu_group.owner_cnt === 0) flags = STATUS_VIABLE;
  encodeInto(def, bytes, { flags });
  return copy_to_user(k, arg, bytes) ? 0 : -errno.EFAULT;
}

/** The IOAS behind the container's own ioctls; one that is there already is kept. */
function iommufd_vfio_compat_ioas_create(k: Kernel, ictx: IommufdCtx): number {
  if (ictx.vfio_ioas !== null) return 0;
  const ioas = new IommufdIoas(ictx);
  const rc = iommufd_object_alloc(k, ioas);
  if (rc < 0) return rc;
  ictx.vfio_ioas = ioas;
  iommufd_object_finalize(ioas);
  return 0;
}

function set_container(k: Kernel, group: VfioGroup, arg: bigint): number {
  const bytes = copy_from_user(k, arg, 4);
  if (bytes === null) return -errno.EFAULT;
  const { fd } = decode(VFIO_GROUP_SET_CONTAINER, bytes);
  if (!k.check(fd >= 0, "a descriptor")) return -errno.EINVAL;
  const file = k.current.fds.get(fd);
  if (!k.check(file !== undefined, "the descriptor is open") || file === undefined) return -errno.EBADF;
  const free = group.iommufd === null && group.container === null;
  if (!k.check(free, "the group has no container yet")) return -errno.EINVAL;
  if (file.private_data instanceof VfioContainer) return set_vfio_container(k, group, file, file.private_data);
  const ictx = file.private_data;
  if (!k.check(ictx instanceof IommufdCtx, "the descriptor is a container") || !(ictx instanceof IommufdCtx)) {
    return -errno.EBADFD;
  }
  const rc = iommufd_vfio_compat_ioas_create(k, ictx);
  if (rc < 0) return rc;
  file.count++;
  group.iommufd = ictx;
  return 0;
}

function set_vfio_container(k: Kernel, group: VfioGroup, file: File, own: VfioContainer): number {
  const rc = vfio_container_attach_group(k, own, group);
  if (rc < 0) return rc;
  file.count++;
  group.container = { own, file };
  return 0;
}

/** Gives the container back. */
function detach_container(k: Kernel, group: VfioGroup): void {
  if (group.container !== null) vfio_container_detach_group(k, group.container.own, group);
  const file = group.iommufd?.file ?? group.container?.file ?? null;
  group.iommufd = null;
  group.container = null;
  if (file !== null && --file.count === 0) file.ops.release?.(k, file);
}

/** A device leaves its group; the last one takes the node, and the container is let go. */
export function vfio_device_remove_group(k: Kernel, vdev: VfioPciDevice): void {
  const { group } = vdev;
  vdev.group = null;
  if (group === null || members(k, group).some((other) => other !== vdev)) return;
  if (group.iommufd !== null || group.container !== null) detach_container(k, group);
  k.devnodes.delete(`/dev/vfio/${group.iommu_group.id}`);
}

function unset_container(k: Kernel, group: VfioGroup): number {
  const has = group.iommufd !== null || group.container !== null;
  if (!k.check(has, "the group has a container")) return -errno.EINVAL;
  if (!k.check(group.container_users === 0, "no device of the group is open")) return -errno.EBUSY;
  detach_container(k, group);
  return 0;
}

/** A name up to its zero byte. -EFAULT, -EINVAL when it does not end. */
function strndup_user(k: Kernel, arg: bigint): string | number {
  let text = "";
  for (let at = 0; at < NAME_BYTES; at++) {
    const byte = copy_from_user(k, arg + BigInt(at), 1)?.[0];
    if (byte === undefined) return -errno.EFAULT;
    if (byte === 0) return text;
    text += String.fromCharCode(byte);
  }
  return -errno.EINVAL;
}

function get_device_fd(k: Kernel, group: VfioGroup, arg: bigint): number {
  const name = strndup_user(k, arg);
  if (typeof name === "number") return name;
  const vdev = members(k, group).find((one) => one.pdev.bdf === name && !one.unregistering);
  if (!k.check(vdev !== undefined, "a device of the group has this name") || vdev === undefined) return -errno.ENODEV;
  const { iommufd, container } = group;
  if (!k.check(iommufd !== null || container !== null, "the group has a container")) return -errno.EINVAL;
  const rc = iommufd === null ? vfio_df_container_open(k, vdev, group) : vfio_df_group_open(k, vdev, iommufd);
  if (rc < 0) return rc;
  const df = new VfioDeviceFile(vdev);
  df.access_granted = true;
  df.by_group = true;
  vdev.registrations++;
  return fd_install(k, k.current, new File(vfio_device_fops, "anon_inode:[vfio-device]", df));
}

/** The first open binds the device to the container and attaches it to its IOAS; later ones share that. */
function vfio_df_group_open(k: Kernel, vdev: VfioPciDevice, ictx: IommufdCtx): number {
  if (vdev.open_count > 0) {
    vdev.open_count++;
    return 0;
  }
  const idev = k.ops.iommufd_device_bind(k, ictx, vdev.pdev.dev);
  if (typeof idev === "number") return idev;
  let rc = vfio_pci_core_enable(k, vdev);
  if (rc === 0) {
    const ioas = ictx.vfio_ioas;
    k.check(ioas !== null, "the container has an IOAS");
    rc = ioas === null ? -errno.ENODEV : iommufd_device_attach(k, idev, RID, ioas.id);
  }
  if (rc < 0) {
    if (vdev.vconfig !== null) vfio_pci_core_disable(k, vdev);
    iommufd_device_unbind(k, idev);
    return rc;
  }
  vdev.idev = idev;
  vdev.attached = true;
  vdev.by_group = true;
  vdev.open_count = 1;
  return 0;
}

/** With VFIO's own container the device is where its group is: nothing is bound or attached. */
function vfio_df_container_open(k: Kernel, vdev: VfioPciDevice, group: VfioGroup): number {
  const chosen = group.container?.own.type1 ?? null;
  if (!k.check(chosen !== null, "the container has an IOMMU")) return -errno.EINVAL;
  if (vdev.open_count === 0) {
    const rc = vfio_pci_core_enable(k, vdev);
    if (rc < 0) return rc;
    vdev.by_group = true;
    group.container_users++;
  }
  vdev.open_count++;
  return 0;
}

function vfio_group_fops_ioctl(k: Kernel, file: File, cmd: number, arg: bigint): number {
  const group = group_of(file);
  switch (cmd) {
    case VFIO_GROUP_GET_STATUS.cmd:
      return get_status(k, group, arg);
    case VFIO_GROUP_SET_CONTAINER.cmd:
      return set_container(k, group, arg);
    case VFIO_GROUP_UNSET_CONTAINER.cmd:
      return unset_container(k, group);
    case VFIO_GROUP_GET_DEVICE_FD.cmd:
      return get_device_fd(k, group, arg);
    default:
      k.check(false, "an ioctl of a group", () => ({ left: `0x${cmd.toString(16)}` }));
      return -errno.ENOTTY;
  }
}

const vfio_group_fops: FileOps = Object.freeze({
  name: "vfio-group",
  ioctl: vfio_group_fops_ioctl,
  release(k: Kernel, file: File): void {
    const group = group_of(file);
    detach_container(k, group);
    group.opened_file = null;
  },
});

/** The node of one group: open once at a time, and not while a device of it is bound through its own node. */
class VfioGroupNode implements DevNode {
  readonly ops = vfio_group_fops;
  readonly group: VfioGroup;

  constructor(group: VfioGroup) {
    this.group = group;
  }

  open(k: Kernel, file: File): number {
    const bound = members(k, this.group).some((vdev) => vdev.open_count > 0 && !vdev.by_group);
    if (!k.check(!bound, "no device of the group is bound through its own file")) return -errno.EBUSY;
    if (!k.check(this.group.opened_file === null, "the group is not open yet")) return -errno.EBUSY;
    this.group.opened_file = file;
    file.private_data = this.group;
    return 0;
  }
}
