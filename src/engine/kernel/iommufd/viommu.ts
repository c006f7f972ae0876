/** Virtual IOMMUs and what hangs on them. Source: linux 7.2 drivers/iommu/iommufd/{viommu,driver}.c. */
import { decode } from "../../uapi/codec.ts";
import { errno } from "../../uapi/errno.ts";
import { IOMMU_HW_QUEUE_ALLOC, IOMMU_VDEVICE_ALLOC, IOMMU_VIOMMU_ALLOC, VIOMMU_TYPE } from "../../uapi/iommufd.ts";
import { dev_iommu_ops } from "../iommu/group.ts";
import type { Device, ViommuCore } from "../iommu/types.ts";
import type { Kernel } from "../kernel.ts";
import { PAGE_MASK_N, PAGE_SIZE, PAGE_SIZE_N, ULONG_MAX } from "../mm/const.ts";
import {
  iommufd_access_change_ioas,
  iommufd_access_create,
  iommufd_access_destroy,
  iommufd_access_pin_pages,
  iommufd_access_unpin_pages,
} from "./access.ts";
import { iommufd_get_object, iommufd_object_abort, iommufd_object_alloc, iommufd_object_finalize } from "./object.ts";
import { type IommufdCtx, IommufdHwQueue, IommufdVdevice, IommufdViommu } from "./objects.ts";
import { iommufd_ucmd_respond, type Ucmd } from "./ucmd.ts";

export function iommufd_viommu_destroy(k: Kernel, viommu: IommufdViommu): void {
  viommu.ops?.destroy?.(k, viommu);
  viommu.hwpt.users--;
}

export function iommufd_viommu_alloc_ioctl(k: Kernel, ucmd: Ucmd): number {
  const cmd = decode(IOMMU_VIOMMU_ALLOC, ucmd.bytes);
  const known = cmd.flags === 0 && cmd.type !== VIOMMU_TYPE.DEFAULT;
  if (!k.check(known, "no flag is set and the type is not DEFAULT")) return -errno.EOPNOTSUPP;
  const idev = iommufd_get_object(k, ucmd.ictx, cmd.dev_id, "DEVICE");
  if (idev === null) return -errno.ENOENT;
  const ops = dev_iommu_ops(idev.dev);
  const able = ops.viommu_init !== null && ops.viommu_supported?.(k, idev.dev, cmd.type) === true;
  if (!k.check(able, "the driver has virtual IOMMUs of this type")) return -errno.EOPNOTSUPP;
  const hwpt = iommufd_get_object(k, ucmd.ictx, cmd.hwpt_id, "HWPT_PAGING");
  if (hwpt === null || hwpt.domain === null || ops.viommu_init === null) return -errno.ENOENT;
  if (!k.check(hwpt.nest_parent, "the hwpt is a nesting parent", () => ({ objects: [hwpt.id] }))) return -errno.EINVAL;
  const viommu = new IommufdViommu(ucmd.ictx, cmd.type, hwpt, idev.dev.iommu_dev ?? idev.dev);
  let rc = iommufd_object_alloc(k, viommu);
  if (rc < 0) return rc;
  hwpt.users++;
  const data = cmd.data_len === 0 ? null : { type: cmd.type, uptr: cmd.data_uptr, len: cmd.data_len };
  rc = k.fails() ? -errno.ENOMEM : ops.viommu_init(k, viommu, hwpt.domain, idev.dev, data);
  if (!k.check(rc === 0, "the driver takes this nesting parent and this data")) {
    hwpt.users--;
    iommufd_object_abort(viommu);
    return rc;
  }
  rc = iommufd_ucmd_respond(k, ucmd, IOMMU_VIOMMU_ALLOC, { out_viommu_id: viommu.id });
  if (rc < 0) {
    iommufd_viommu_destroy(k, viommu);
    iommufd_object_abort(viommu);
  } else iommufd_object_finalize(viommu);
  return rc;
}

export function iommufd_vdevice_destroy(k: Kernel, vdev: IommufdVdevice): void {
  const { viommu } = vdev;
  viommu.ops?.vdevice_destroy?.(k, vdev);
  if (viommu.vdevs.get(vdev.virt_id) === vdev) viommu.vdevs.delete(vdev.virt_id);
  vdev.idev.vdev = null;
  vdev.idev.users--;
  viommu.users--;
}

export function iommufd_vdevice_alloc_ioctl(k: Kernel, ucmd: Ucmd): number {
  const cmd = decode(IOMMU_VDEVICE_ALLOC, ucmd.bytes);
  const viommu = iommufd_get_object(k, ucmd.ictx, cmd.viommu_id, "VIOMMU");
  if (viommu === null) return -errno.ENOENT;
  const idev = iommufd_get_object(k, ucmd.ictx, cmd.dev_id, "DEVICE");
  if (idev === null) return -errno.ENOENT;
  const same = viommu.iommu_dev === idev.dev.iommu_dev;
  if (!k.check(same, "the device is behind the virtual IOMMU's physical one")) return -errno.EINVAL;
  if (!k.check(!idev.destroying, "the device is not being unbound")) return -errno.ENOENT;
  const detail = () => ({ objects: idev.vdev === null ? [] : [idev.vdev.id] });
  if (!k.check(idev.vdev === null, "the device has no vdevice yet", detail)) return -errno.EEXIST;
  const vdev = new IommufdVdevice(ucmd.ictx, viommu, idev, cmd.virt_id);
  let rc = iommufd_object_alloc(k, vdev);
  if (rc < 0) return rc;
  if (!k.check(!viommu.vdevs.has(cmd.virt_id), "the virtual id is free")) {
    iommufd_object_abort(vdev);
    return -errno.EEXIST;
  }
  viommu.users++;
  idev.users++;
  idev.vdev = vdev;
  rc = k.fails() ? -errno.ENOMEM : (viommu.ops?.vdevice_init?.(k, vdev) ?? 0);
  if (rc === 0) {
    viommu.vdevs.set(cmd.virt_id, vdev);
    rc = iommufd_ucmd_respond(k, ucmd, IOMMU_VDEVICE_ALLOC, { out_vdevice_id: vdev.id });
    if (rc < 0) iommufd_vdevice_destroy(k, vdev);
  } else {
    k.check(false, "the driver takes this vdevice");
    viommu.users--;
    idev.users--;
    idev.vdev = null;
  }
  if (rc < 0) iommufd_object_abort(vdev);
  else iommufd_object_finalize(vdev);
  return rc;
}

export function iommufd_hw_queue_destroy(k: Kernel, queue: IommufdHwQueue): void {
  queue.viommu.ops?.hw_queue_destroy?.(k, queue.viommu, queue);
  if (queue.access !== null) {
    unpin_queue(k, queue);
    iommufd_access_destroy(k, queue.access);
    queue.access = null;
  }
  queue.viommu.users--;
}

/** Whole pages around a queue. */
function queue_pages(queue: IommufdHwQueue): { iova: bigint; length: bigint } {
  const iova = queue.base_addr & ~PAGE_MASK_N;
  const end = (queue.base_addr + queue.length + PAGE_MASK_N) & ~PAGE_MASK_N;
  return { iova, length: end - iova };
}

function unpin_queue(k: Kernel, queue: IommufdHwQueue): void {
  const { iova, length } = queue_pages(queue);
  if (queue.access !== null) iommufd_access_unpin_pages(k, queue.access, iova, length);
}

/** The list of the queue's pages, 8 bytes each, is one allocation, which the kernel never makes longer than INT_MAX. */
const MAX_QUEUE_PAGES = 0x7fff_ffffn / 8n;

/** -ERANGE: the bytes from the first page's start to the last page's end are more than 64 bits can say. */
function check_queue_pages(k: Kernel, queue: IommufdHwQueue): number {
  const rounded = (queue.base_addr & PAGE_MASK_N) + queue.length + PAGE_MASK_N;
  if (!k.check(rounded <= ULONG_MAX, "the size of the whole pages around the range fits into 64 bits"))
    return -errno.ERANGE;
  const listed = rounded / PAGE_SIZE_N <= MAX_QUEUE_PAGES;
  return k.check(listed, "the list of the queue's pages can be allocated") ? 0 : -errno.ENOMEM;
}

/** Pins the queue's memory through an access of its own. Physical address of its first byte, or errno. */
function pin_queue(k: Kernel, queue: IommufdHwQueue): bigint | number {
  const { viommu, base_addr } = queue;
  const bad = check_queue_pages(k, queue);
  if (bad < 0) return bad;
  const access = iommufd_access_create(k, queue.ictx, null, null, true);
  if (typeof access === "number") return access;
  const rc = iommufd_access_change_ioas(k, access, viommu.hwpt.ioas);
  if (rc < 0) {
    iommufd_access_destroy(k, access);
    return rc;
  }
  const { iova, length } = queue_pages(queue);
  const frames = iommufd_access_pin_pages(k, access, iova, length, false);
  if (typeof frames === "number") {
    iommufd_access_destroy(k, access);
    return frames;
  }
  queue.access = access;
  const [first = 0] = frames;
  const contiguous = frames.every((pfn, i) => pfn === first + i);
  if (!k.check(contiguous, "the queue's pages are contiguous in physical memory")) {
    unpin_queue(k, queue);
    iommufd_access_destroy(k, access);
    queue.access = null;
    return -errno.EFAULT;
  }
  return BigInt(first * PAGE_SIZE) + (base_addr & PAGE_MASK_N);
}

export function iommufd_hw_queue_alloc_ioctl(k: Kernel, ucmd: Ucmd): number {
  const cmd = decode(IOMMU_HW_QUEUE_ALLOC, ucmd.bytes);
  if (!k.check(cmd.flags === 0 && cmd.type !== 0, "no flag is set and the type is not DEFAULT"))
    return -errno.EOPNOTSUPP;
  if (!k.check(cmd.length !== 0n, "the length is not 0")) return -errno.EINVAL;
  const last = cmd.nesting_parent_iova + cmd.length - 1n;
  if (!k.check(last <= ULONG_MAX, "the range ends inside 64 bits")) return -errno.EOVERFLOW;
  const viommu = iommufd_get_object(k, ucmd.ictx, cmd.viommu_id, "VIOMMU");
  if (viommu === null) return -errno.ENOENT;
  const { ops } = viommu;
  const able = ops?.hw_queue_init !== undefined && ops.hw_queue_supported?.(k, viommu, cmd.type) === true;
  if (!k.check(able, "the virtual IOMMU has queues of this type")) return -errno.EOPNOTSUPP;
  const queue = new IommufdHwQueue(ucmd.ictx, viommu, cmd.type, cmd.nesting_parent_iova, cmd.length);
  let rc = iommufd_object_alloc(k, queue);
  if (rc < 0) return rc;
  viommu.users++;
  const pa = pin_queue(k, queue);
  if (typeof pa === "number") {
    viommu.users--;
    iommufd_object_abort(queue);
    return pa;
  }
  rc = k.fails() ? -errno.ENOMEM : (ops?.hw_queue_init?.(k, viommu, queue, cmd.index, pa) ?? -errno.EOPNOTSUPP);
  if (!k.check(rc === 0, "the driver takes this queue")) {
    unpin_queue(k, queue);
    if (queue.access !== null) iommufd_access_destroy(k, queue.access);
    viommu.users--;
    iommufd_object_abort(queue);
    return rc;
  }
  rc = iommufd_ucmd_respond(k, ucmd, IOMMU_HW_QUEUE_ALLOC, { out_hw_queue_id: queue.id });
  if (rc < 0) {
    iommufd_hw_queue_destroy(k, queue);
    iommufd_object_abort(queue);
  } else iommufd_object_finalize(queue);
  return rc;
}

/** Offers a stretch of MMIO to mmap() on the iommufd file. The offset, or errno. Offsets are multiples of `length`. */
export function iommufd_alloc_mmap(
  k: Kernel,
  ictx: IommufdCtx,
  owner: IommufdViommu,
  mmio_addr: number,
  length: bigint,
): bigint | number {
  if (k.fails()) return -errno.ENOMEM;
  let start = PAGE_SIZE_N;
  for (const region of ictx.mmap_regions) {
    if (region.start - start >= length) break;
    start = region.last + 1n;
  }
  ictx.mmap_regions.insert({ start, last: start + length - 1n, owner, mmio_addr });
  return start;
}

export function iommufd_destroy_mmap(ictx: IommufdCtx, offset: bigint): void {
  ictx.mmap_regions.delete(offset);
}

/** Device with this virtual id, for drivers that translate guest commands. */
export function iommufd_viommu_find_dev(viommu: ViommuCore, virt_id: bigint): Device | null {
  return viommu.vdevs.get(virt_id)?.dev ?? null;
}

/** Virtual id of a device at a virtual IOMMU; null when it has none there. */
export function iommufd_viommu_get_vdev_id(viommu: ViommuCore, dev: Device): bigint | null {
  for (const vdev of viommu.vdevs.values()) if (vdev.dev === dev) return vdev.virt_id;
  return null;
}
