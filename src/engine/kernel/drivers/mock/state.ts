/** State of the mock driver's devices and domains. */
import type { Device, IommuDomain, IommuOps } from "../../iommu/types.ts";
import type { IommufdHwQueue, IommufdViommu } from "../../iommufd/objects.ts";
import type { SlotTable } from "./slot_table.ts";
import type { MockTable } from "./table.ts";

export const MOCK_NO_DIRTY = 1;
export const MOCK_HUGE_IOVA = 2;
export const MOCK_PASID = 4;

export const MOCK_CACHE_DEFAULT = 0xbaddad;

/** Driver state of a mock device. */
export class MockDev {
  readonly flags: number;
  /** Cache entries that viommu invalidations clear. */
  readonly cache: number[] = [MOCK_CACHE_DEFAULT, MOCK_CACHE_DEFAULT, MOCK_CACHE_DEFAULT, MOCK_CACHE_DEFAULT];
  /** Virtual IOMMU that it is attached through, and its virtual id there. */
  viommu: MockViommu | null = null;
  vdev_id = 0n;
  pasid_1024_fake_error = false;

  constructor(flags: number) {
    this.flags = flags;
  }
}

/** Driver state of a paging domain. */
export class MockPaging {
  readonly table: MockTable | SlotTable;
  /** Dirty tracking is on. */
  tracking = false;

  constructor(table: MockTable | SlotTable) {
    this.table = table;
  }
}

/** Entries of an IOTLB or cache. */
export const MOCK_ENTRIES = 4;

export class MockNested {
  readonly viommu: MockViommu | null;
  readonly iotlb: number[];

  constructor(viommu: MockViommu | null, fill: number) {
    this.viommu = viommu;
    this.iotlb = Array.from({ length: MOCK_ENTRIES }, () => fill);
  }
}

/** Queues of a virtual IOMMU. */
export const QUEUES = 2;

export class MockViommu {
  readonly core: IommufdViommu;
  /** The driver that made it. */
  readonly owner: IommuOps | null;
  readonly hw_queues: (MockHwQueue | null)[] = Array.from({ length: QUEUES }, () => null);
  /** Memory behind the mmap region, and the region's offset; -1 without. */
  pfn = -1;
  mmap_offset = 0n;

  constructor(core: IommufdViommu, owner: IommuOps | null) {
    this.core = core;
    this.owner = owner;
  }
}

/** `prev`: the queue with the next lower index, which it keeps. The index itself is never stored: it stays 0. */
export interface MockHwQueue {
  queue: IommufdHwQueue;
  prev: IommufdHwQueue | null;
  index: number;
}

export function to_mock_dev(dev: Device): MockDev {
  if (!(dev.iommu_priv instanceof MockDev)) throw new Error(`${dev.name} is not a mock device`);
  return dev.iommu_priv;
}

export function to_mock_paging(domain: IommuDomain): MockPaging {
  if (!(domain.priv instanceof MockPaging)) throw new Error("not a paging domain of the mock");
  return domain.priv;
}
