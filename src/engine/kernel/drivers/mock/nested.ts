/** Nested domains of the mock: an IOTLB of four numbers. Source: linux 7.2 drivers/iommu/iommufd/selftest.c. */
import { decode } from "../../../uapi/codec.ts";
import { errno } from "../../../uapi/errno.ts";
import { HWPT_ALLOC_FLAGS, HWPT_DATA, INVALIDATE_TYPE } from "../../../uapi/iommufd.ts";
import { HWPT_SELFTEST, INVALIDATE_SELFTEST } from "../../../uapi/records.ts";
import type { IommuDomain, IommuDomainOps, IommuOps, UserData, UserDataArray } from "../../iommu/types.ts";
import type { Kernel } from "../../kernel.ts";
import { copy_from_user } from "../../mm/uaccess.ts";
import { mock_domain_nop_attach, mock_domain_set_dev_pasid_nop } from "./attach.ts";
import { MOCK_ENTRIES, MockNested, type MockViommu } from "./state.ts";

const ALL = 1;

/** User data of a domain. -EOPNOTSUPP for another type, -EINVAL for a wrong length. */
export function mock_user_cfg(k: Kernel, data: UserData): { iotlb: number; pagetable_type: number } | number {
  if (!k.check(data.type === HWPT_DATA.SELFTEST, "the data is of the self-test's type")) return -errno.EOPNOTSUPP;
  if (!k.check(data.len >= 4 && data.len <= HWPT_SELFTEST.size, "the data has a known length")) return -errno.EINVAL;
  const bytes = copy_from_user(k, data.uptr, data.len);
  if (!k.check(bytes !== null, "the data can be read") || bytes === null) return -errno.EFAULT;
  return decode(HWPT_SELFTEST, bytes);
}

/** Entries one by one; `entry_num` becomes the number of good ones before the first bad one. */
function mock_cache_invalidate_user(k: Kernel, domain: IommuDomain, array: UserDataArray): number {
  const wanted = array.entry_num;
  array.entry_num = 0;
  const nested = domain.priv;
  if (!(nested instanceof MockNested)) return -errno.EINVAL;
  if (!k.check(array.type === INVALIDATE_TYPE.SELFTEST, "the entries are of the self-test's type"))
    return -errno.EINVAL;
  for (; array.entry_num < wanted; array.entry_num++) {
    const rc = invalidate_one(k, nested, array, array.entry_num);
    if (rc < 0) return rc;
  }
  return 0;
}

function invalidate_one(k: Kernel, nested: MockNested, array: UserDataArray, index: number): number {
  if (!k.check(array.entry_len === INVALIDATE_SELFTEST.size, "an entry has a known length")) return -errno.EINVAL;
  const bytes = copy_from_user(k, array.uptr + BigInt(index * array.entry_len), array.entry_len);
  if (!k.check(bytes !== null, `entry ${index} can be read`) || bytes === null) return -errno.EFAULT;
  const entry = decode(INVALIDATE_SELFTEST, bytes);
  if (!k.check((entry.flags & ~ALL) === 0, `entry ${index} has only known flags`)) return -errno.EOPNOTSUPP;
  if (!k.check(entry.iotlb_id < MOCK_ENTRIES, `entry ${index} names an IOTLB entry`)) return -errno.EINVAL;
  if ((entry.flags & ALL) !== 0) nested.iotlb.fill(0);
  else nested.iotlb[entry.iotlb_id] = 0;
  return 0;
}

const nested_ops: IommuDomainOps = Object.freeze({
  attach_dev: mock_domain_nop_attach,
  set_dev_pasid: mock_domain_set_dev_pasid_nop,
  cache_invalidate_user: mock_cache_invalidate_user,
});

/** A nested domain, through a virtual IOMMU or (null) directly on a paging one. */
export function mock_alloc_nested(
  k: Kernel,
  viommu: MockViommu | null,
  flags: number,
  data: UserData,
  owner: IommuOps,
): IommuDomain | number {
  if ((flags & ~HWPT_ALLOC_FLAGS.PASID) !== 0) return -errno.EOPNOTSUPP;
  const cfg = mock_user_cfg(k, data);
  if (typeof cfg === "number") return cfg;
  return {
    type: "nested",
    ops: nested_ops,
    owner,
    pgsize_bitmap: 0n,
    aperture_start: 0n,
    aperture_end: 0n,
    dirty_ops: null,
    cookie_type: "none",
    cookie: null,
    iopf_handler: null,
    priv: new MockNested(viommu, cfg.iotlb),
  };
}
