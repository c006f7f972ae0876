/** Devices on an iommufd file: bind, attach, replace, detach. Source: linux 7.2 drivers/iommu/iommufd/device.c. */
import { errno } from "../../uapi/errno.ts";
import type { Device, IommuGroup, ResvRegion } from "../iommu/types.ts";
import { resv_excludes } from "../iommu/resv.ts";
import { fget, fput } from "../file.ts";
import type { Kernel } from "../kernel.ts";
import { finalise_at_attach } from "./finalise.ts";
import { hwpt_label } from "./hw_pagetable.ts";
import type { IoPagetable } from "./iopt.ts";
import { first_for_link, link_for_first, unlink_with_last } from "./linkage.ts";
import { iommufd_get_any, iommufd_object_abort, iommufd_object_alloc, iommufd_object_finalize } from "./object.ts";
import {
  type IommufdAttach,
  IommufdAttachHandle,
  type IommufdCtx,
  IommufdDevice,
  IommufdGroup,
  type IommufdHwpt,
  type IommufdHwptPaging,
  type IommufdIoas,
} from "./objects.ts";

/** PASID 0 stands for the device's own requests. */
export const IOMMU_NO_PASID = 0;

function get_group(k: Kernel, ictx: IommufdCtx, group: IommuGroup): IommufdGroup | number {
  let igroup = ictx.groups.get(group);
  if (igroup === undefined) {
    if (k.fails()) return -errno.ENOMEM;
    igroup = new IommufdGroup(ictx, group);
    ictx.groups.set(group, igroup);
  }
  igroup.users++;
  return igroup;
}

function put_group(igroup: IommufdGroup): void {
  if (--igroup.users === 0) igroup.ictx.groups.delete(igroup.group);
}

/** Gives a device to an iommufd file: its DMA is blocked until it is attached. The object, or errno. */
export function iommufd_device_bind(k: Kernel, ictx: IommufdCtx, dev: Device): IommufdDevice | number {
  const coherent = k.ops.device_iommu_capable(k, dev, "CACHE_COHERENCY");
  if (!k.check(coherent, "the IOMMU keeps DMA coherent with the caches")) return -errno.EINVAL;
  const { iommu_group } = dev;
  if (!k.check(iommu_group !== null, "the device is in an IOMMU group") || iommu_group === null) return -errno.ENODEV;
  const igroup = get_group(k, ictx, iommu_group);
  if (typeof igroup === "number") return igroup;
  const isolated =
    dev.is_mock || k.config.allow_unsafe_interrupts || iommu_group.devices.every((one) => one.msi_isolated);
  let rc = k.check(isolated, "interrupts of the group are isolated, or allow_unsafe_interrupts is set")
    ? 0
    : -errno.EPERM;
  if (rc === 0) rc = k.ops.iommu_device_claim_dma_owner(k, dev, ictx);
  if (rc < 0) {
    put_group(igroup);
    return rc;
  }
  const idev = new IommufdDevice(ictx, dev, igroup);
  rc = iommufd_object_alloc(k, idev);
  if (rc < 0) {
    k.ops.iommu_device_release_dma_owner(k, dev);
    put_group(igroup);
    return rc;
  }
  idev.enforce_cache_coherency = k.ops.device_iommu_capable(k, dev, "ENFORCE_CACHE_COHERENCY");
  // The driver's own reference: a user cannot DESTROY the device.
  idev.users++;
  iommufd_object_finalize(idev);
  if (!dev.is_mock && ictx.file !== null) fget(ictx.file);
  return idev;
}

/** The device leaves; a vdevice of it dies and its id is never used again. It must be detached. */
export function iommufd_device_unbind(k: Kernel, idev: IommufdDevice): void {
  const { ictx, dev } = idev;
  idev.destroying = true;
  if (idev.vdev !== null) {
    const { vdev } = idev;
    k.ops.iommufd_object_destroy(k, vdev);
    iommufd_object_abort(vdev);
    ictx.tombstones.add(vdev.id);
  }
  idev.users--;
  if (idev.users !== 1) {
    k.note(`device ${idev.id} is still attached on some PASID: the object leaks`);
    return;
  }
  iommufd_device_destroy(k, idev);
  iommufd_object_abort(idev);
  if (!dev.is_mock && ictx.file !== null) fput(k, ictx.file);
}

/** Gives ownership of the group's DMA back. */
export function iommufd_device_destroy(k: Kernel, idev: IommufdDevice): void {
  k.ops.iommu_device_release_dma_owner(k, idev.dev);
  put_group(idev.igroup);
}

/**
 * Reserves a device's regions in an IOAS; with `igroup`, remembers where its SW_MSI window starts and checks it.
 * `_target`: what the device is being attached to, for proposals in which that matters.
 */
export function iopt_table_enforce_dev_resv_regions(
  k: Kernel,
  iopt: IoPagetable,
  dev: Device,
  igroup: IommufdGroup | null,
  _target: IommufdHwpt,
): number {
  return enforce_regions(k, iopt, dev, k.ops.iommu_get_resv_regions(k, dev), igroup);
}

/** The same with a list of regions; `wanted` says which of them are reserved, all of them are looked at. */
export function enforce_regions(
  k: Kernel,
  iopt: IoPagetable,
  dev: Device,
  regions: readonly ResvRegion[],
  igroup: IommufdGroup | null,
  wanted: (region: ResvRegion) => boolean = () => true,
): number {
  let hw = 0;
  let sw = 0;
  let rc = 0;
  for (const region of regions) {
    if (!resv_excludes(region.type)) {
      k.note(`${region.type} region of ${dev.name} is not reserved`);
      continue;
    }
    if (igroup !== null && region.type === "msi") hw++;
    if (igroup !== null && region.type === "sw-msi") {
      sw++;
      igroup.sw_msi_start = region.start;
    }
    if (!wanted(region)) {
      k.note(`${region.type} region of ${dev.name} is not reserved`);
      continue;
    }
    const word = region.type === "sw-msi" ? "SW_MSI" : region.type === "msi" ? "MSI" : region.type;
    const why = { label: `${word} of ${dev.name}`, kind: region.type };
    rc = k.ops.iopt_reserve_iova(k, iopt, region.start, region.start + region.length - 1n, dev, why);
    if (rc < 0) break;
  }
  if (rc === 0 && !k.check(!(sw > 0 && hw > 0) && sw <= 1, "the device has one kind of MSI window")) rc = -errno.EINVAL;
  if (rc < 0) k.ops.iopt_remove_reserved_iova(k, iopt, dev);
  return rc;
}

/** Regions and doorbells of one device on the IOAS of `hwpt`, which it is about to use by attaching to `target`. */
export function iommufd_device_attach_reserved_iova(
  k: Kernel,
  idev: IommufdDevice,
  hwpt: IommufdHwptPaging,
  target: IommufdHwpt,
): number {
  const { igroup } = idev;
  let rc = k.ops.iopt_table_enforce_dev_resv_regions(k, hwpt.ioas.iopt, idev.dev, igroup, target);
  if (rc < 0) return rc;
  if (!igroup.pasid_attach.has(IOMMU_NO_PASID)) {
    rc = k.ops.iommufd_group_setup_msi(k, igroup, hwpt);
    if (rc < 0) k.ops.iopt_remove_reserved_iova(k, hwpt.ioas.iopt, idev.dev);
  }
  return rc;
}

/** The paging hwpt whose IOAS takes the reservations of an attachment, if this kernel makes any. */
function reserving_hwpt(k: Kernel, hwpt: IommufdHwpt, pasid: number): IommufdHwptPaging | null {
  return pasid === IOMMU_NO_PASID ? k.ops.find_hwpt_resv(k, hwpt) : null;
}

/** A seam, not a function of any release: where the device's regions are reserved when it is attached to `hwpt`. */
export function find_hwpt_resv(k: Kernel, hwpt: IommufdHwpt): IommufdHwptPaging | null {
  if (hwpt.kind === "HWPT_PAGING") return hwpt;
  if (k.features.nested_reserves_on_parent) return k.ops.find_hwpt_paging(k, hwpt);
  k.note("attaching to a nested hwpt reserves nothing and sets up no MSI on its parent");
  return null;
}

/** Whether what is reserved for one also serves the other; named after the function of the 2024 series. */
export function iommufd_hw_pagetable_compare_ioas(
  _k: Kernel,
  old: IommufdHwptPaging | null,
  hwpt: IommufdHwptPaging | null,
): boolean {
  return old !== null && hwpt !== null && old.ioas === hwpt.ioas;
}

function pasid_compat(k: Kernel, igroup: IommufdGroup, hwpt: IommufdHwpt, pasid: number): number {
  const other = [...igroup.pasid_attach.keys()].some((key) => key !== IOMMU_NO_PASID);
  const detail = () => ({ objects: [hwpt.id] });
  if (pasid === IOMMU_NO_PASID) {
    const ok = hwpt.pasid_compat || !other;
    return k.check(ok, "no PASID is attached, or the hwpt was allocated for PASIDs", detail) ? 0 : -errno.EINVAL;
  }
  if (!k.check(hwpt.pasid_compat, "the hwpt was allocated for PASIDs", detail)) return -errno.EINVAL;
  const rid = igroup.pasid_attach.get(IOMMU_NO_PASID);
  const ok = rid === undefined || rid.hwpt.pasid_compat;
  return k.check(ok, "the device's own hwpt was allocated for PASIDs", detail) ? 0 : -errno.EINVAL;
}

/** Tells the driver. The new handle, or errno. */
function attach_device(k: Kernel, hwpt: IommufdHwpt, idev: IommufdDevice, pasid: number): IommufdAttachHandle | number {
  const { domain } = hwpt;
  if (domain === null) return -errno.EINVAL;
  const compat = pasid_compat(k, idev.igroup, hwpt, pasid);
  if (compat < 0) return compat;
  if (k.fails()) return -errno.ENOMEM;
  const handle = new IommufdAttachHandle(domain, idev, hwpt);
  const rc =
    pasid === IOMMU_NO_PASID
      ? k.ops.iommu_attach_group_handle(k, domain, idev.igroup.group, handle)
      : k.ops.iommu_attach_device_pasid(k, domain, idev.dev, pasid, handle);
  if (rc < 0) return rc;
  finalise_at_attach(k, domain);
  return handle;
}

/** Attaches a device, and with its first device the group, to a hwpt. */
export function iommufd_hw_pagetable_attach(k: Kernel, hwpt: IommufdHwpt, idev: IommufdDevice, pasid: number): number {
  const { igroup } = idev;
  const attach = igroup.pasid_attach.get(pasid);
  if (k.fails()) return -errno.ENOMEM;
  const again = attach?.devices.has(idev.id) === true;
  if (!k.check(!again, "the device is not attached yet", () => ({ objects: [idev.id] }))) return -errno.EBUSY;
  const same = attach === undefined || attach.hwpt === hwpt;
  const detail = () => ({ left: hwpt_label(hwpt), right: attach === undefined ? "none" : hwpt_label(attach.hwpt) });
  if (!k.check(same, "the group uses no other hwpt", detail)) return -errno.EINVAL;
  const reserve = reserving_hwpt(k, hwpt, pasid);
  let rc = reserve === null ? 0 : k.ops.iommufd_device_attach_reserved_iova(k, idev, reserve, hwpt);
  if (rc < 0) return rc;
  const first = first_for_link(k, hwpt);
  if (attach === undefined) {
    const handle = attach_device(k, hwpt, idev, pasid);
    if (typeof handle === "number") rc = handle;
    else igroup.pasid_attach.set(pasid, { hwpt, devices: new Map([[idev.id, idev]]), handle });
  } else attach.devices.set(idev.id, idev);
  if (rc === 0 && first) {
    rc = link_for_first(k, hwpt);
    if (rc < 0) forget_attach(k, hwpt, idev, pasid);
  }
  if (rc < 0) {
    if (reserve !== null) k.ops.iopt_remove_reserved_iova(k, reserve.ioas.iopt, idev.dev);
    return rc;
  }
  hwpt.users++;
  return 0;
}

/** The device leaves the slot; with the last one the driver, the faults and the slot go too. */
function forget_attach(k: Kernel, hwpt: IommufdHwpt, idev: IommufdDevice, pasid: number): void {
  const { igroup } = idev;
  const attach = igroup.pasid_attach.get(pasid);
  if (attach === undefined || !attach.devices.delete(idev.id) || attach.devices.size > 0) return;
  if (pasid === IOMMU_NO_PASID) k.ops.iommu_detach_group_handle(k, igroup.group);
  else if (hwpt.domain !== null) k.ops.iommu_detach_device_pasid(k, hwpt.domain, idev.dev, pasid);
  k.ops.iommufd_auto_response_faults(k, hwpt, attach.handle);
  igroup.pasid_attach.delete(pasid);
}

/** Detaches; the hwpt that was used is returned for `hwpt_put`, null when the device was not attached. */
export function iommufd_hw_pagetable_detach(k: Kernel, idev: IommufdDevice, pasid: number): IommufdHwpt | null {
  const { igroup } = idev;
  const attach = igroup.pasid_attach.get(pasid);
  if (attach === undefined || !attach.devices.has(idev.id)) return null;
  const { hwpt } = attach;
  forget_attach(k, hwpt, idev, pasid);
  unlink_with_last(k, hwpt);
  const reserve = reserving_hwpt(k, hwpt, pasid);
  if (reserve !== null) k.ops.iopt_remove_reserved_iova(k, reserve.ioas.iopt, idev.dev);
  hwpt.users--;
  return hwpt;
}

/** An automatic hwpt goes with its last attachment. */
export function iommufd_hw_pagetable_put(k: Kernel, hwpt: IommufdHwpt): void {
  if (hwpt.kind !== "HWPT_PAGING" || !hwpt.auto_domain || hwpt.users !== 1) return;
  k.ops.iommufd_object_destroy(k, hwpt);
  iommufd_object_abort(hwpt);
}

export function drop_group_reservations(k: Kernel, attach: IommufdAttach, hwpt: IommufdHwptPaging): void {
  for (const one of attach.devices.values()) k.ops.iopt_remove_reserved_iova(k, hwpt.ioas.iopt, one.dev);
}

/**
 * A seam, not a function of any release: a replace to `to` failed, before (`switching` false) or when the driver was
 * asked to switch. Undone by owner: within one IOAS that also takes the reservations of the attachment that stays.
 */
export function iommufd_group_unwind_reserved_iova(
  k: Kernel,
  attach: IommufdAttach,
  to: IommufdHwptPaging,
  _switching: boolean,
): void {
  drop_group_reservations(k, attach, to);
}

/** Reservations of the whole group on the IOAS it is about to move to, and its doorbells in the new hwpt. */
export function iommufd_group_do_replace_reserved_iova(
  k: Kernel,
  igroup: IommufdGroup,
  attach: IommufdAttach,
  hwpt: IommufdHwptPaging,
  target: IommufdHwpt,
): number {
  const old = reserving_hwpt(k, attach.hwpt, IOMMU_NO_PASID);
  let rc = 0;
  if (!k.ops.iommufd_hw_pagetable_compare_ioas(k, old, hwpt)) {
    for (const one of attach.devices.values()) {
      rc = k.ops.iopt_table_enforce_dev_resv_regions(k, hwpt.ioas.iopt, one.dev, null, target);
      if (rc < 0) break;
    }
  }
  if (rc === 0) rc = k.ops.iommufd_group_setup_msi(k, igroup, hwpt);
  if (rc < 0) k.ops.iommufd_group_unwind_reserved_iova(k, attach, hwpt, false);
  return rc;
}

/** Moves the whole group of `idev` on this PASID to another hwpt. Returns the old one, or errno. */
export function iommufd_device_do_replace(
  k: Kernel,
  hwpt: IommufdHwpt,
  idev: IommufdDevice,
  pasid: number,
): IommufdHwpt | number {
  const { igroup } = idev;
  const attach = igroup.pasid_attach.get(pasid);
  const attached = attach?.devices.has(idev.id) === true;
  if (!k.check(attached, "the device is attached", () => ({ objects: [idev.id] })) || attach === undefined)
    return -errno.EINVAL;
  const old = attach.hwpt;
  if (old === hwpt) return old;
  const to = reserving_hwpt(k, hwpt, pasid);
  let rc = to === null ? 0 : k.ops.iommufd_group_do_replace_reserved_iova(k, igroup, attach, to, hwpt);
  if (rc < 0) return rc;
  const first = first_for_link(k, hwpt);
  const handle = replace_device(k, hwpt, idev, pasid);
  if (typeof handle === "number") rc = handle;
  else if (first) {
    rc = link_for_first(k, hwpt);
    if (rc < 0) attach.handle = replace_back(k, attach, idev, pasid);
  }
  if (typeof handle === "number" || rc < 0) {
    if (to !== null) k.ops.iommufd_group_unwind_reserved_iova(k, attach, to, true);
    return rc;
  }
  k.ops.iommufd_auto_response_faults(k, old, attach.handle);
  const from = reserving_hwpt(k, old, pasid);
  if (from !== null && !k.ops.iommufd_hw_pagetable_compare_ioas(k, from, to)) drop_group_reservations(k, attach, from);
  attach.hwpt = hwpt;
  attach.handle = handle;
  hwpt.users += attach.devices.size;
  old.users -= attach.devices.size;
  unlink_with_last(k, old);
  return old;
}

/** Deferred linkage: the new domain could not be filled, so the group goes back to where it came from. */
function replace_back(k: Kernel, attach: IommufdAttach, idev: IommufdDevice, pasid: number): IommufdAttachHandle {
  const handle = replace_device(k, attach.hwpt, idev, pasid);
  return typeof handle === "number" ? attach.handle : handle;
}

function replace_device(
  k: Kernel,
  hwpt: IommufdHwpt,
  idev: IommufdDevice,
  pasid: number,
): IommufdAttachHandle | number {
  const { domain } = hwpt;
  if (domain === null) return -errno.EINVAL;
  const compat = pasid_compat(k, idev.igroup, hwpt, pasid);
  if (compat < 0) return compat;
  if (k.fails()) return -errno.ENOMEM;
  const handle = new IommufdAttachHandle(domain, idev, hwpt);
  const rc =
    pasid === IOMMU_NO_PASID
      ? k.ops.iommu_replace_group_handle(k, idev.igroup.group, domain, handle)
      : k.ops.iommu_replace_device_pasid(k, domain, idev.dev, pasid, handle);
  if (rc < 0) return rc;
  finalise_at_attach(k, domain);
  return handle;
}

/** What a caller gets from attach and replace: the id of the hwpt used now, and the hwpt left behind. */
interface Changed {
  hwpt_id: number;
  old: IommufdHwpt | null;
}

function change(k: Kernel, hwpt: IommufdHwpt, idev: IommufdDevice, pasid: number, attach: boolean): Changed | number {
  if (attach) {
    const rc = k.ops.iommufd_hw_pagetable_attach(k, hwpt, idev, pasid);
    return rc < 0 ? rc : { hwpt_id: hwpt.id, old: null };
  }
  const old = k.ops.iommufd_device_do_replace(k, hwpt, idev, pasid);
  return typeof old === "number" ? old : { hwpt_id: hwpt.id, old: old === hwpt ? null : old };
}

/** An IOAS as target: the first automatic hwpt of it that suits the device, else a new one. */
export function iommufd_device_auto_get_domain(
  k: Kernel,
  idev: IommufdDevice,
  pasid: number,
  ioas: IommufdIoas,
  attach: boolean,
): Changed | number {
  for (const hwpt of ioas.hwpt_list.slice()) {
    if (!hwpt.auto_domain) continue;
    const done = change(k, hwpt, idev, pasid, attach);
    if (done !== -errno.EINVAL) return done;
    k.note(`automatic ${hwpt_label(hwpt)} does not suit the device: next`);
  }
  const hwpt = k.ops.iommufd_hwpt_paging_alloc(k, idev.ictx, ioas, idev, pasid, 0, attach, null);
  if (typeof hwpt === "number") return hwpt;
  let done: Changed | number = { hwpt_id: hwpt.id, old: null };
  if (!attach) {
    done = change(k, hwpt, idev, pasid, attach);
    if (typeof done === "number") {
      k.ops.iommufd_object_destroy(k, hwpt);
      iommufd_object_abort(hwpt);
      return done;
    }
  }
  hwpt.auto_domain = true;
  iommufd_object_finalize(hwpt);
  return done;
}

/** Attaches (or replaces) to whatever `pt_id` names. The id of the hwpt used, or a negative errno. */
export function iommufd_device_change_pt(
  k: Kernel,
  idev: IommufdDevice,
  pasid: number,
  pt_id: number,
  attach: boolean,
): number {
  const pt = iommufd_get_any(k, idev.ictx, pt_id);
  if (pt === null) return -errno.ENOENT;
  let done: Changed | number;
  if (pt.kind === "IOAS") done = k.ops.iommufd_device_auto_get_domain(k, idev, pasid, pt, attach);
  else if (pt.kind === "HWPT_PAGING" || pt.kind === "HWPT_NESTED") done = change(k, pt, idev, pasid, attach);
  else {
    k.check(false, "pt_id is an IOAS or a hwpt", () => ({ objects: [pt_id], left: pt.kind }));
    return -errno.EINVAL;
  }
  if (typeof done === "number") return done;
  if (done.old !== null) iommufd_hw_pagetable_put(k, done.old);
  return done.hwpt_id;
}

/** The id of the hwpt used, or a negative errno. */
export function iommufd_device_attach(k: Kernel, idev: IommufdDevice, pasid: number, pt_id: number): number {
  const id = iommufd_device_change_pt(k, idev, pasid, pt_id, true);
  if (id >= 0) idev.users++;
  return id;
}

/** The id of the hwpt used, or a negative errno. */
export function iommufd_device_replace(k: Kernel, idev: IommufdDevice, pasid: number, pt_id: number): number {
  return iommufd_device_change_pt(k, idev, pasid, pt_id, false);
}

/** Nothing happens when the device is not attached on this PASID. */
export function iommufd_device_detach(k: Kernel, idev: IommufdDevice, pasid: number): void {
  const hwpt = k.ops.iommufd_hw_pagetable_detach(k, idev, pasid);
  if (hwpt === null) return;
  iommufd_hw_pagetable_put(k, hwpt);
  idev.users--;
}
