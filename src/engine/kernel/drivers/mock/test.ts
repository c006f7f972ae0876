/** IOMMU_TEST_CMD of linux 7.2. Source: drivers/iommu/iommufd/selftest.c. */
import { decode } from "../../../uapi/codec.ts";
import { errno } from "../../../uapi/errno.ts";
import * as uapi from "../../../uapi/iommu_test.ts";
import type { Ucmd } from "../../iommufd/ucmd.ts";
import type { Kernel } from "../../kernel.ts";
import { mock_ops } from "./driver.ts";
import { MOCK_NO_DIRTY, MOCK_PASID } from "./state.ts";
import {
  test_access_pages,
  test_access_replace_ioas,
  test_access_rw,
  test_create_access,
  test_destroy_access_pages,
} from "./test_access.ts";
import {
  type MockKind,
  test_dev_check_cache,
  test_mock_domain,
  test_mock_domain_replace,
  test_pasid_attach,
  test_pasid_check_hwpt,
  test_pasid_detach,
  test_pasid_replace,
  test_trigger_iopf,
  test_trigger_vevent,
} from "./test_device.ts";
import { test_dmabuf_get, test_dmabuf_revoke } from "./test_dmabuf.ts";
import {
  test_add_reserved,
  test_dirty,
  test_md_check_iotlb,
  test_md_check_map,
  test_md_check_refs,
} from "./test_domain.ts";

const KIND: MockKind = Object.freeze({ ops: mock_ops, dev_flags: MOCK_NO_DIRTY | MOCK_PASID });

/** Smallest size of temporary buffers that the kernel accepts, bytes. It changes no answer. */
const MIN_TEMP_LIMIT = 12;

export type TestOp = (k: Kernel, ucmd: Ucmd) => number;

/** Operation number -> function. */
export const test_ops: ReadonlyMap<number, TestOp> = new Map<number, TestOp>([
  [uapi.TEST_ADD_RESERVED.nr, test_add_reserved],
  [uapi.TEST_MOCK_DOMAIN.nr, (k, ucmd) => test_mock_domain(k, ucmd, 0, KIND)],
  [uapi.TEST_MD_CHECK_MAP.nr, test_md_check_map],
  [uapi.TEST_MD_CHECK_REFS.nr, test_md_check_refs],
  [uapi.TEST_CREATE_ACCESS.nr, test_create_access],
  [uapi.TEST_DESTROY_ACCESS_PAGES.nr, test_destroy_access_pages],
  [uapi.TEST_ACCESS_PAGES.nr, test_access_pages],
  [uapi.TEST_ACCESS_RW.nr, test_access_rw],
  [uapi.TEST_SET_TEMP_MEMORY_LIMIT.nr, test_set_temp_memory_limit],
  [uapi.TEST_MOCK_DOMAIN_REPLACE.nr, test_mock_domain_replace],
  [uapi.TEST_ACCESS_REPLACE_IOAS.nr, test_access_replace_ioas],
  [uapi.TEST_MOCK_DOMAIN_FLAGS.nr, (k, ucmd) => test_mock_domain(k, ucmd, dev_flags(ucmd), KIND)],
  [uapi.TEST_DIRTY.nr, test_dirty],
  [uapi.TEST_MD_CHECK_IOTLB.nr, test_md_check_iotlb],
  [uapi.TEST_TRIGGER_IOPF.nr, test_trigger_iopf],
  [uapi.TEST_DEV_CHECK_CACHE.nr, test_dev_check_cache],
  [uapi.TEST_TRIGGER_VEVENT.nr, test_trigger_vevent],
  [uapi.TEST_PASID_ATTACH.nr, test_pasid_attach],
  [uapi.TEST_PASID_REPLACE.nr, test_pasid_replace],
  [uapi.TEST_PASID_DETACH.nr, test_pasid_detach],
  [uapi.TEST_PASID_CHECK_HWPT.nr, test_pasid_check_hwpt],
  [uapi.TEST_DMABUF_GET.nr, test_dmabuf_get],
  [uapi.TEST_DMABUF_REVOKE.nr, test_dmabuf_revoke],
]);

export function dev_flags(ucmd: Ucmd): number {
  return decode(uapi.TEST_MOCK_DOMAIN_FLAGS, ucmd.bytes).dev_flags;
}

function test_set_temp_memory_limit(k: Kernel, ucmd: Ucmd): number {
  const { limit } = decode(uapi.TEST_SET_TEMP_MEMORY_LIMIT, ucmd.bytes);
  return k.check(limit >= MIN_TEMP_LIMIT, "the limit is at least 12 bytes") ? 0 : -errno.EINVAL;
}

export function iommufd_test(k: Kernel, ucmd: Ucmd): number {
  const { op } = decode(uapi.IOMMU_TEST_CMD, ucmd.bytes);
  const run = test_ops.get(op);
  if (!k.check(run !== undefined, "the operation is known", () => ({ left: `op ${op}` })) || run === undefined)
    return -errno.EOPNOTSUPP;
  return run(k, ucmd);
}
