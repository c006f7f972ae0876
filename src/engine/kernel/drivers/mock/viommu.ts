/** Virtual IOMMUs of the mock. Source: linux 7.2 drivers/iommu/iommufd/selftest.c. */
import { decode, encode } from "../../../uapi/codec.ts";
import { errno } from "../../../uapi/errno.ts";
import { HW_QUEUE_TYPE, INVALIDATE_TYPE } from "../../../uapi/iommufd.ts";
import { VIOMMU_INVALIDATE_SELFTEST, VIOMMU_SELFTEST } from "../../../uapi/records.ts";
import type { Device, IommuDomain, UserData, UserDataArray, ViommuCore, ViommuOps } from "../../iommu/types.ts";
import { IommufdHwQueue, IommufdViommu } from "../../iommufd/objects.ts";
import { iommufd_alloc_mmap, iommufd_destroy_mmap, iommufd_viommu_find_dev } from "../../iommufd/viommu.ts";
import type { Kernel } from "../../kernel.ts";
import { PAGE_SIZE } from "../../mm/const.ts";
import { copy_from_user, copy_struct_from_user, copy_to_user } from "../../mm/uaccess.ts";
import { dev_iommu_ops } from "../../iommu/group.ts";
import { mock_alloc_nested } from "./nested.ts";
import { MOCK_ENTRIES, MockViommu, type MockHwQueue, QUEUES, to_mock_dev } from "./state.ts";

const ALL = 1;
/** Pages that the user may map. */
const MMAP_PAGES = 2;

function to_mock_viommu(viommu: ViommuCore): MockViommu {
  if (!(viommu.priv instanceof MockViommu)) throw new Error("not a virtual IOMMU of the mock");
  return viommu.priv;
}

export function mock_viommu_init(
  k: Kernel,
  viommu: ViommuCore,
  _parent: IommuDomain,
  dev: Device,
  data: UserData | null,
): number {
  if (!(viommu instanceof IommufdViommu)) return -errno.EINVAL;
  const mock = new MockViommu(viommu, dev_iommu_ops(dev));
  if (data !== null) {
    const rc = give_mmap(k, mock, data);
    if (rc < 0) return rc;
  }
  viommu.priv = mock;
  viommu.ops = mock_viommu_ops;
  return 0;
}

/** Echoes the caller's number and offers two pages to mmap(). */
function give_mmap(k: Kernel, mock: MockViommu, data: UserData): number {
  const sane = data.len >= 8 && data.len <= VIOMMU_SELFTEST.size;
  if (!k.check(sane, "the data has a known length")) return -errno.EINVAL;
  const bytes = copy_from_user(k, data.uptr, data.len);
  if (!k.check(bytes !== null, "the data can be read") || bytes === null) return -errno.EFAULT;
  const { in_data } = decode(VIOMMU_SELFTEST, bytes);
  const pfn = k.fails() ? -1 : k.mm.frames.alloc(MMAP_PAGES, MMAP_PAGES);
  if (pfn < 0) return -errno.ENOMEM;
  const length = BigInt(MMAP_PAGES * PAGE_SIZE);
  const offset = iommufd_alloc_mmap(k, mock.core.ictx, mock.core, pfn * PAGE_SIZE, length);
  if (typeof offset === "number") {
    k.mm.frames.release(pfn, MMAP_PAGES);
    return offset;
  }
  mock.pfn = pfn;
  mock.mmap_offset = offset;
  const out = { in_data, out_data: in_data, out_mmap_offset: offset, out_mmap_length: length };
  const ok = copy_to_user(k, data.uptr, encode(VIOMMU_SELFTEST, out).subarray(0, data.len));
  if (k.check(ok, "the data can be written back")) return 0;
  take_mmap(k, mock);
  return -errno.EFAULT;
}

function take_mmap(k: Kernel, mock: MockViommu): void {
  if (mock.pfn < 0) return;
  iommufd_destroy_mmap(mock.core.ictx, mock.mmap_offset);
  k.mm.frames.release(mock.pfn, MMAP_PAGES);
  mock.pfn = -1;
}

/** The whole array is read first; `entry_num` becomes the number of entries carried out. */
function mock_viommu_cache_invalidate(k: Kernel, viommu: ViommuCore, array: UserDataArray): number {
  const wanted = array.entry_num;
  array.entry_num = 0;
  const typed = array.type === INVALIDATE_TYPE.SELFTEST;
  if (!k.check(typed, "the entries are of the self-test's type")) return -errno.EINVAL;
  const entries: { flags: number; vdev_id: number; cache_id: number }[] = [];
  for (let i = 0; i < wanted; i++) {
    const at = array.uptr + BigInt(i * array.entry_len);
    const bytes = copy_struct_from_user(k, at, array.entry_len, VIOMMU_INVALIDATE_SELFTEST.size);
    if (!k.check(bytes !== null, `entry ${i} can be read`) || bytes === null) return -errno.EFAULT;
    if (!k.check(bytes !== "big", `entry ${i} has no unknown bytes`) || bytes === "big") return -errno.E2BIG;
    entries.push(decode(VIOMMU_INVALIDATE_SELFTEST, bytes));
  }
  for (const entry of entries) {
    if (!k.check((entry.flags & ~ALL) === 0, "only the flag ALL")) return -errno.EOPNOTSUPP;
    if (!k.check(entry.cache_id < MOCK_ENTRIES, "the cache entry exists")) return -errno.EINVAL;
    const dev = iommufd_viommu_find_dev(viommu, BigInt(entry.vdev_id));
    if (!k.check(dev !== null, "the virtual id is a device's") || dev === null) return -errno.EINVAL;
    const { cache } = to_mock_dev(dev);
    if ((entry.flags & ALL) !== 0) cache.fill(0);
    else cache[entry.cache_id] = 0;
    array.entry_num++;
  }
  return 0;
}

function mock_hw_queue_init(k: Kernel, viommu: ViommuCore, queue: object, index: number, _pa: bigint): number {
  if (!(queue instanceof IommufdHwQueue)) return -errno.EINVAL;
  const { hw_queues } = to_mock_viommu(viommu);
  if (!k.check(index < QUEUES, "the index is 0 or 1")) return -errno.EINVAL;
  if (!k.check(hw_queues[index] === null, "the queue's slot is free")) return -errno.EEXIST;
  const prev = index === 0 ? null : (hw_queues[index - 1] ?? null);
  if (!k.check(index === 0 || prev !== null, "the queue before it exists")) return -errno.EIO;
  if (prev !== null) prev.queue.users++;
  const mock: MockHwQueue = { queue, prev: prev?.queue ?? null, index: 0 };
  hw_queues[index] = mock;
  queue.priv = mock;
  return 0;
}

function mock_hw_queue_destroy(_k: Kernel, viommu: ViommuCore, queue: object): void {
  const { hw_queues } = to_mock_viommu(viommu);
  if (!(queue instanceof IommufdHwQueue)) return;
  const mock = queue.priv as MockHwQueue | null;
  if (mock === null) return;
  hw_queues[mock.index] = null;
  if (mock.prev !== null) mock.prev.users--;
}

const mock_viommu_ops: ViommuOps = Object.freeze({
  alloc_domain_nested: (k: Kernel, viommu: ViommuCore, flags: number, data: UserData) => {
    const mock = to_mock_viommu(viommu);
    return mock.owner === null ? -errno.EOPNOTSUPP : mock_alloc_nested(k, mock, flags, data, mock.owner);
  },
  cache_invalidate: mock_viommu_cache_invalidate,
  destroy: (k: Kernel, viommu: ViommuCore) => take_mmap(k, to_mock_viommu(viommu)),
  hw_queue_supported: (_k: Kernel, _viommu: ViommuCore, type: number) => type === HW_QUEUE_TYPE.SELFTEST,
  hw_queue_init: mock_hw_queue_init,
  hw_queue_destroy: mock_hw_queue_destroy,
});
