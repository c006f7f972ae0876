/** Mock devices and the mock IOMMU driver of linux 7.2. Source: drivers/iommu/iommufd/selftest.c. */
import { encode } from "../../../uapi/codec.ts";
import { errno } from "../../../uapi/errno.ts";
import { HW_INFO_TYPE, HWPT_ALLOC_FLAGS, VIOMMU_TYPE } from "../../../uapi/iommufd.ts";
import { HW_INFO_SELFTEST } from "../../../uapi/records.ts";
import {
  device_init,
  iommu_group_add_device,
  iommu_group_alloc,
  iommu_group_remove_device,
} from "../../iommu/group.ts";
import type {
  Device,
  IommuCap,
  IommuDirtyOps,
  IommuDomain,
  IommuDomainOps,
  IommuOps,
  IotlbGather,
  UserData,
} from "../../iommu/types.ts";
import type { Kernel } from "../../kernel.ts";
import { mock_blocking_domain, mock_domain_nop_attach, mock_domain_set_dev_pasid_nop } from "./attach.ts";
import { mock_alloc_nested, mock_user_cfg } from "./nested.ts";
import { MOCK_NO_DIRTY, MOCK_PASID, MockDev, MockPaging, to_mock_dev, to_mock_paging } from "./state.ts";
import { MockTable } from "./table.ts";
import { mock_viommu_init } from "./viommu.ts";

export const APERTURE_START = 0x100_0000n;
export const APERTURE_LAST = 0x7fff_ffffn;
/** Widest IOVA of three levels of 512 entries over 2 KiB. */
const TOP_LAST = (1n << 38n) - 1n;
/** 2 KiB to 64 GiB: every power of two that the format can write. */
const DEFAULT_SIZES = 0x1f_ffff_f800n;
const HUGE_SIZES = 0x10_1000n;
const PASID_WIDTH = 20;

/** The table of a domain that this driver made. */
export function leaves(domain: IommuDomain): MockTable {
  const { table } = to_mock_paging(domain);
  if (!(table instanceof MockTable)) throw new Error("not a domain of the 7.2 mock");
  return table;
}

const paging_ops: IommuDomainOps = Object.freeze({
  attach_dev: mock_domain_nop_attach,
  set_dev_pasid: mock_domain_set_dev_pasid_nop,
  map_range: (_k: Kernel, domain: IommuDomain, iova: bigint, pa: bigint, length: bigint, prot: number) =>
    leaves(domain).map(iova, pa, length, prot),
  unmap_range: (_k: Kernel, domain: IommuDomain, iova: bigint, length: bigint, gather: IotlbGather) =>
    leaves(domain).unmap(iova, length, gather),
  iova_to_phys: (_k: Kernel, domain: IommuDomain, iova: bigint) => leaves(domain).iova_to_phys(iova),
});

const dirty_ops: IommuDirtyOps = Object.freeze({
  set_dirty_tracking: (_k: Kernel, domain: IommuDomain, enable: boolean): number => {
    to_mock_paging(domain).tracking = enable;
    return 0;
  },
  read_and_clear_dirty: (
    _k: Kernel,
    domain: IommuDomain,
    iova: bigint,
    size: bigint,
    no_clear: boolean,
    set: ((iova: bigint, length: bigint) => void) | null,
  ): number => {
    leaves(domain).read_and_clear_dirty(iova, size, no_clear, set);
    return 0;
  },
});

function mock_capable(_k: Kernel, dev: Device, cap: IommuCap): boolean {
  if (cap === "CACHE_COHERENCY") return true;
  return cap === "DIRTY_TRACKING" && (to_mock_dev(dev).flags & MOCK_NO_DIRTY) === 0;
}

function mock_hw_info(_k: Kernel, _dev: Device, type: number): { type: number; data: Uint8Array } | number {
  if (type !== HW_INFO_TYPE.NONE && type !== HW_INFO_TYPE.SELFTEST) return -errno.EOPNOTSUPP;
  return { type: HW_INFO_TYPE.SELFTEST, data: encode(HW_INFO_SELFTEST, { flags: 0, test_reg: 0xdead_beef }) };
}

function mock_domain_alloc_paging_flags(
  k: Kernel,
  dev: Device,
  flags: number,
  data: UserData | null,
): IommuDomain | number {
  const { DIRTY_TRACKING, NEST_PARENT, PASID } = HWPT_ALLOC_FLAGS;
  const dirty = (flags & DIRTY_TRACKING) !== 0;
  if ((flags & ~(DIRTY_TRACKING | NEST_PARENT | PASID)) !== 0) return -errno.EOPNOTSUPP;
  if (dirty && (to_mock_dev(dev).flags & MOCK_NO_DIRTY) !== 0) return -errno.EOPNOTSUPP;
  const cfg = data === null ? { pagetable_type: 0 } : mock_user_cfg(k, data);
  if (typeof cfg === "number") return cfg;
  if (!k.check(cfg.pagetable_type <= 1, "the page table type is known")) return -errno.EOPNOTSUPP;
  const huge = cfg.pagetable_type === 1;
  const bitmap = huge ? HUGE_SIZES : DEFAULT_SIZES;
  return {
    type: "unmanaged",
    ops: paging_ops,
    owner: mock_ops,
    pgsize_bitmap: bitmap,
    aperture_start: huge ? 0n : APERTURE_START,
    aperture_end: huge ? TOP_LAST : APERTURE_LAST,
    dirty_ops: dirty ? dirty_ops : null,
    cookie_type: "none",
    cookie: null,
    iopf_handler: null,
    priv: new MockPaging(new MockTable(bitmap)),
  };
}

export const mock_ops: IommuOps = Object.freeze({
  name: "mock",
  capable: mock_capable,
  get_resv_regions: null,
  blocked_domain: mock_blocking_domain,
  identity_domain: null,
  domain_alloc_paging_flags: mock_domain_alloc_paging_flags,
  domain_alloc_nested: (k: Kernel, _dev: Device, _parent: IommuDomain, flags: number, data: UserData) =>
    mock_alloc_nested(k, null, flags, data, mock_ops),
  hw_info: mock_hw_info,
  viommu_supported: (_k: Kernel, _dev: Device, type: number) => type === VIOMMU_TYPE.SELFTEST,
  viommu_init: mock_viommu_init,
  user_pasid_table: true,
} satisfies IommuOps);

/** The one mock IOMMU; its devices are all behind it. Carries no state. */
const mock_iommu_device = Object.freeze({ name: "iommufd_selftest_iommu" });

/** A mock device in a group of its own. -EINVAL for an unknown flag. */
export function mock_dev_create(k: Kernel, flags: number, ops: IommuOps, valid: number): Device | number {
  if (!k.check((flags & ~valid) === 0, "the device flags are known")) return -errno.EINVAL;
  if (k.fails()) return -errno.ENOMEM;
  const state = k.iommufd;
  let id = 0;
  while (state.mock_ids.has(id)) id++;
  state.mock_ids.add(id);
  const dev = device_init(`iommufd_mock${id}`, {
    iommu_ops: ops,
    iommu_dev: mock_iommu_device,
    iommu_priv: new MockDev(flags),
    max_pasids: (flags & MOCK_PASID & valid) !== 0 ? 1 << PASID_WIDTH : 1,
    is_mock: true,
  });
  const group = iommu_group_alloc(k);
  group.default_domain = mock_blocking_domain;
  group.domain = mock_blocking_domain;
  iommu_group_add_device(group, dev, "every mock device has a group of its own");
  return dev;
}

export function mock_dev_destroy(k: Kernel, dev: Device): void {
  k.iommufd.mock_ids.delete(Number(dev.name.slice("iommufd_mock".length)));
  iommu_group_remove_device(k, dev);
}
