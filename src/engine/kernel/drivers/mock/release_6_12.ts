/** The mock driver and IOMMU_TEST_CMD as they were in 6.12: no virtual IOMMUs, no PASIDs, tables of 2 KiB slots. */
import { decode } from "../../../uapi/codec.ts";
import { errno } from "../../../uapi/errno.ts";
import * as uapi from "../../../uapi/iommu_test.ts";
import { HWPT_ALLOC_FLAGS, HWPT_DATA } from "../../../uapi/iommufd.ts";
import type {
  Device,
  IommuDirtyOps,
  IommuDomain,
  IommuDomainOps,
  IommuOps,
  IotlbGather,
  UserData,
} from "../../iommu/types.ts";
import { iommufd_ucmd_respond, type Ucmd } from "../../iommufd/ucmd.ts";
import type { Kernel } from "../../kernel.ts";
import { mock_domain_nop_attach } from "./attach.ts";
import { APERTURE_LAST, APERTURE_START, mock_ops } from "./driver.ts";
import { mock_alloc_nested } from "./nested.ts";
import { HUGE, SLOT, SlotTable } from "./slot_table.ts";
import { MOCK_HUGE_IOVA, MOCK_NO_DIRTY, MockPaging, to_mock_dev, to_mock_paging } from "./state.ts";
import { dev_flags, test_ops } from "./test.ts";
import { type MockKind, test_mock_domain } from "./test_device.ts";
import { test_dirty_request } from "./test_domain.ts";

const LAST_OP = 15;

function slots(domain: IommuDomain): SlotTable {
  const { table } = to_mock_paging(domain);
  if (!(table instanceof SlotTable)) throw new Error("not a domain of the 6.12 mock");
  return table;
}

const paging_ops: IommuDomainOps = Object.freeze({
  attach_dev: mock_domain_nop_attach,
  map_pages: (
    _k: Kernel,
    domain: IommuDomain,
    iova: bigint,
    pa: bigint,
    pgsize: bigint,
    count: bigint,
    _prot: number,
  ): number => {
    slots(domain).map(iova, pa, pgsize * count, pgsize !== SLOT);
    return 0;
  },
  unmap_pages: (_k: Kernel, domain: IommuDomain, iova: bigint, pgsize: bigint, count: bigint, gather: IotlbGather) =>
    slots(domain).unmap(iova, pgsize * count, gather),
  iova_to_phys: (_k: Kernel, domain: IommuDomain, iova: bigint) => slots(domain).iova_to_phys(iova),
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
    if (!to_mock_paging(domain).tracking && set !== null) return -errno.EINVAL;
    slots(domain).read_and_clear_dirty(iova, size, no_clear, set);
    return 0;
  },
});

function mock_domain_alloc_user(k: Kernel, dev: Device, flags: number, data: UserData | null): IommuDomain | number {
  const { DIRTY_TRACKING, NEST_PARENT } = HWPT_ALLOC_FLAGS;
  if (!k.check(data === null, "a paging domain takes no user data")) return -errno.EOPNOTSUPP;
  const known = (flags & ~(DIRTY_TRACKING | NEST_PARENT)) === 0;
  if (!k.check(known, "only the flags NEST_PARENT and DIRTY_TRACKING")) return -errno.EOPNOTSUPP;
  const dev_flags = to_mock_dev(dev).flags;
  const dirty = (flags & DIRTY_TRACKING) !== 0;
  if (dirty && (dev_flags & MOCK_NO_DIRTY) !== 0) return -errno.EOPNOTSUPP;
  return {
    type: "unmanaged",
    ops: paging_ops,
    owner: mock_ops_6_12,
    pgsize_bitmap: (dev_flags & MOCK_HUGE_IOVA) !== 0 ? SLOT | HUGE : SLOT,
    aperture_start: APERTURE_START,
    aperture_end: APERTURE_LAST,
    dirty_ops: dirty ? dirty_ops : null,
    cookie_type: "none",
    cookie: null,
    iopf_handler: null,
    priv: new MockPaging(new SlotTable()),
  };
}

function mock_domain_alloc_nested(k: Kernel, _dev: Device, _parent: IommuDomain, flags: number, data: UserData) {
  if (!k.check(data.type === HWPT_DATA.SELFTEST, "the data is of the self-test's type")) return -errno.EOPNOTSUPP;
  return mock_alloc_nested(k, null, flags, data, mock_ops_6_12);
}

export const mock_ops_6_12: IommuOps = Object.freeze({
  ...mock_ops,
  domain_alloc_paging_flags: mock_domain_alloc_user,
  domain_alloc_nested: mock_domain_alloc_nested,
  viommu_supported: null,
  viommu_init: null,
} satisfies IommuOps);

const KIND: MockKind = Object.freeze({ ops: mock_ops_6_12, dev_flags: MOCK_NO_DIRTY | MOCK_HUGE_IOVA });

/** Slots are numbered by the caller's page size, whatever it is; only mapped ones count. */
function test_dirty(k: Kernel, ucmd: Ucmd): number {
  const request = test_dirty_request(k, ucmd);
  if (typeof request === "number") return request;
  const { hwpt, iova, page_size, bits } = request;
  if (hwpt.domain === null) return -errno.ENOENT;
  const table = slots(hwpt.domain);
  let nr = 0n;
  for (const bit of bits) if (table.mark_dirty((iova + BigInt(bit) * page_size) / page_size)) nr++;
  return iommufd_ucmd_respond(k, ucmd, uapi.TEST_DIRTY, { out_nr_dirty: nr });
}

export function iommufd_test_6_12(k: Kernel, ucmd: Ucmd): number {
  const { op } = decode(uapi.IOMMU_TEST_CMD, ucmd.bytes);
  if (op === uapi.TEST_MOCK_DOMAIN.nr) return test_mock_domain(k, ucmd, 0, KIND);
  if (op === uapi.TEST_MOCK_DOMAIN_FLAGS.nr) return test_mock_domain(k, ucmd, dev_flags(ucmd), KIND);
  if (op === uapi.TEST_DIRTY.nr) return test_dirty(k, ucmd);
  const run = op <= LAST_OP ? test_ops.get(op) : undefined;
  if (!k.check(run !== undefined, "the operation is known", () => ({ left: `op ${op}` })) || run === undefined)
    return -errno.EOPNOTSUPP;
  return run(k, ucmd);
}
