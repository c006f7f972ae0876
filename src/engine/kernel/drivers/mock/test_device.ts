/** Mock devices in the hands of the self-test. Source: linux 7.2 drivers/iommu/iommufd/selftest.c. */
import { decode, encode } from "../../../uapi/codec.ts";
import { errno } from "../../../uapi/errno.ts";
import * as uapi from "../../../uapi/iommu_test.ts";
import { VEVENTQ_TYPE } from "../../../uapi/iommufd.ts";
import { VEVENT_SELFTEST } from "../../../uapi/records.ts";
import { IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE, IOMMU_FAULT_PAGE_REQUEST_PASID_VALID } from "../../iommu/fault.ts";
import type { IommuOps } from "../../iommu/types.ts";
import {
  iommufd_device_attach,
  iommufd_device_detach,
  iommufd_device_replace,
  iommufd_device_unbind,
} from "../../iommufd/device.ts";
import {
  iommufd_get_any,
  iommufd_get_object,
  iommufd_object_abort,
  iommufd_object_alloc,
  iommufd_object_finalize,
} from "../../iommufd/object.ts";
import { IommufdAttachHandle, type IommufdCtx, IommufdSelftest } from "../../iommufd/objects.ts";
import { iommufd_ucmd_respond, type Ucmd } from "../../iommufd/ucmd.ts";
import type { Kernel } from "../../kernel.ts";
import { mock_dev_create, mock_dev_destroy } from "./driver.ts";
import { MOCK_ENTRIES, to_mock_dev } from "./state.ts";

/** The driver and the device flags of a release's mock. */
export interface MockKind {
  readonly ops: IommuOps;
  readonly dev_flags: number;
}

/** A device, bound and attached to `id`. */
export function test_mock_domain(k: Kernel, ucmd: Ucmd, flags: number, kind: MockKind): number {
  const cmd = decode(uapi.TEST_MOCK_DOMAIN, ucmd.bytes);
  const dev = mock_dev_create(k, flags, kind.ops, kind.dev_flags);
  if (typeof dev === "number") return dev;
  // The object takes its id before the device is bound; it becomes whole afterwards.
  const sobj = new IommufdSelftest(ucmd.ictx, dev);
  let rc = iommufd_object_alloc(k, sobj);
  if (rc < 0) {
    mock_dev_destroy(k, dev);
    return rc;
  }
  const idev = k.ops.iommufd_device_bind(k, ucmd.ictx, dev);
  if (typeof idev === "number") rc = idev;
  else {
    sobj.idev = idev;
    const pt_id = iommufd_device_attach(k, idev, 0, cmd.id);
    if (pt_id >= 0) {
      const out = { out_hwpt_id: pt_id, out_stdev_id: sobj.id, out_idev_id: idev.id };
      rc = iommufd_ucmd_respond(k, ucmd, uapi.TEST_MOCK_DOMAIN, out);
      if (rc < 0) iommufd_device_detach(k, idev, 0);
    } else rc = pt_id;
    if (rc < 0) iommufd_device_unbind(k, idev);
  }
  if (rc < 0) {
    iommufd_object_abort(sobj);
    mock_dev_destroy(k, dev);
    return rc;
  }
  iommufd_object_finalize(sobj);
  return 0;
}

/** DESTROY of a mock device: the RID is detached, other PASIDs are not. */
export function iommufd_selftest_destroy(k: Kernel, sobj: IommufdSelftest): void {
  if (sobj.idev !== null) {
    iommufd_device_detach(k, sobj.idev, 0);
    iommufd_device_unbind(k, sobj.idev);
  }
  mock_dev_destroy(k, sobj.dev);
}

function get_idev(k: Kernel, ictx: IommufdCtx, id: number): NonNullable<IommufdSelftest["idev"]> | null {
  return iommufd_get_object(k, ictx, id, "SELFTEST")?.idev ?? null;
}

export function test_mock_domain_replace(k: Kernel, ucmd: Ucmd): number {
  const cmd = decode(uapi.TEST_MOCK_DOMAIN_REPLACE, ucmd.bytes);
  const idev = get_idev(k, ucmd.ictx, cmd.id);
  if (idev === null) return -errno.ENOENT;
  const pt_id = iommufd_device_replace(k, idev, 0, cmd.pt_id);
  return pt_id < 0 ? pt_id : iommufd_ucmd_respond(k, ucmd, uapi.TEST_MOCK_DOMAIN_REPLACE, { pt_id });
}

export function test_pasid_attach(k: Kernel, ucmd: Ucmd): number {
  const cmd = decode(uapi.TEST_PASID_ATTACH, ucmd.bytes);
  const idev = get_idev(k, ucmd.ictx, cmd.id);
  if (idev === null) return -errno.ENOENT;
  const pt_id = iommufd_device_attach(k, idev, cmd.pasid, cmd.pt_id);
  if (pt_id < 0) return pt_id;
  const rc = iommufd_ucmd_respond(k, ucmd, uapi.TEST_PASID_ATTACH, { pt_id });
  if (rc < 0) iommufd_device_detach(k, idev, cmd.pasid);
  return rc;
}

export function test_pasid_replace(k: Kernel, ucmd: Ucmd): number {
  const cmd = decode(uapi.TEST_PASID_REPLACE, ucmd.bytes);
  const idev = get_idev(k, ucmd.ictx, cmd.id);
  if (idev === null) return -errno.ENOENT;
  const pt_id = iommufd_device_replace(k, idev, cmd.pasid, cmd.pt_id);
  return pt_id < 0 ? pt_id : iommufd_ucmd_respond(k, ucmd, uapi.TEST_PASID_REPLACE, { pt_id });
}

export function test_pasid_detach(k: Kernel, ucmd: Ucmd): number {
  const cmd = decode(uapi.TEST_PASID_DETACH, ucmd.bytes);
  const idev = get_idev(k, ucmd.ictx, cmd.id);
  if (idev === null) return -errno.ENOENT;
  iommufd_device_detach(k, idev, cmd.pasid);
  return 0;
}

export function test_pasid_check_hwpt(k: Kernel, ucmd: Ucmd): number {
  const cmd = decode(uapi.TEST_PASID_CHECK_HWPT, ucmd.bytes);
  const idev = get_idev(k, ucmd.ictx, cmd.id);
  if (idev === null) return -errno.ENOENT;
  const { group } = idev.igroup;
  const handle = cmd.pasid === 0 ? group.rid_handle : (group.pasids.get(cmd.pasid) ?? null);
  if (cmd.hwpt_id === 0) return k.check(handle === null, "nothing is attached on the PASID") ? 0 : -errno.EINVAL;
  const hwpt = iommufd_get_any(k, ucmd.ictx, cmd.hwpt_id);
  if (hwpt === null) return -errno.ENOENT;
  const typed = hwpt.kind === "HWPT_PAGING" || hwpt.kind === "HWPT_NESTED";
  if (!k.check(typed, "the object is a hwpt")) return -errno.EINVAL;
  const same = handle instanceof IommufdAttachHandle && handle.hwpt === hwpt;
  return k.check(same, "the PASID is attached to this hwpt") ? 0 : -errno.EINVAL;
}

export function test_trigger_iopf(k: Kernel, ucmd: Ucmd): number {
  const cmd = decode(uapi.TEST_TRIGGER_IOPF, ucmd.bytes);
  const idev = iommufd_get_object(k, ucmd.ictx, cmd.dev_id, "DEVICE");
  if (idev === null) return -errno.ENOENT;
  const valid = cmd.pasid === 0 ? 0 : IOMMU_FAULT_PAGE_REQUEST_PASID_VALID;
  k.ops.iommu_report_device_fault(k, idev.dev, {
    flags: IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE | valid,
    pasid: cmd.pasid,
    grpid: cmd.grpid,
    perm: cmd.perm,
    addr: cmd.addr,
  });
  return 0;
}

export function test_trigger_vevent(k: Kernel, ucmd: Ucmd): number {
  const cmd = decode(uapi.TEST_TRIGGER_VEVENT, ucmd.bytes);
  const idev = iommufd_get_object(k, ucmd.ictx, cmd.dev_id, "DEVICE");
  if (idev === null) return -errno.ENOENT;
  const { viommu, vdev_id } = to_mock_dev(idev.dev);
  const through = viommu !== null && vdev_id !== 0n;
  if (!k.check(through, "the device is attached through a virtual IOMMU") || viommu === null) return -errno.ENOENT;
  const data = encode(VEVENT_SELFTEST, { virt_id: Number(BigInt.asUintN(32, vdev_id)) });
  return k.ops.iommufd_viommu_report_event(k, viommu.core, VEVENTQ_TYPE.SELFTEST, data);
}

export function test_dev_check_cache(k: Kernel, ucmd: Ucmd): number {
  const cmd = decode(uapi.TEST_DEV_CHECK_CACHE, ucmd.bytes);
  const idev = iommufd_get_object(k, ucmd.ictx, cmd.id, "DEVICE");
  if (idev === null) return -errno.ENOENT;
  const { cache } = to_mock_dev(idev.dev);
  const same = cmd.cache_id < MOCK_ENTRIES && cache[cmd.cache_id] === cmd.cache;
  return k.check(same, "the cache entry exists and has this value") ? 0 : -errno.EINVAL;
}
