/** State of VFIO type1. Source: linux 7.2 drivers/vfio/vfio_iommu_type1.c. */
import type { IommuDomain } from "../iommu/types.ts";
import { PAGE_MASK_N, PAGE_SIZE_N, ULONG_MAX } from "../mm/const.ts";
import type { PinnedRun } from "../mm/gup.ts";
import type { Mm } from "../mm/mm.ts";
import type { Task } from "../task.ts";
import type { VfioGroup } from "./group_state.ts";

/** Module parameter `dma_entry_limit`. */
const DMA_ENTRY_LIMIT = 0xffff;

/** IOVAs, both ends inclusive. */
export interface Hole {
  start: bigint;
  last: bigint;
}

/** `struct vfio_dma`: one MAP_DMA. */
export interface VfioDma {
  iova: bigint;
  size: bigint;
  vaddr: bigint;
  prot: number;
  mm: Mm;
  task: Task;
  /** Pinned pages in order, once there is a domain. */
  runs: PinnedRun[];
  mapped: boolean;
}

/** `struct vfio_iommu`. */
export interface Type1 {
  v2: boolean;
  domains: { domain: IommuDomain; groups: VfioGroup[] }[];
  /** By iova. */
  dmas: VfioDma[];
  avail: number;
  pgsize_bitmap: bigint;
  /**
   * Valid IOVAs, ascending: what was reachable when the last group came or went. Later changes of a device or of the bus
   * do not arrive here.
   */
  iova_list: Hole[];
  /** Registered by the user for doorbells, where a kernel has that; null = not. */
  msi_reserved: Hole | null;
}

export function type1_init(v2: boolean): Type1 {
  const iova_list = [{ start: 0n, last: ULONG_MAX }];
  const pgsize_bitmap = ULONG_MAX ^ PAGE_MASK_N;
  return { v2, domains: [], dmas: [], avail: DMA_ENTRY_LIMIT, pgsize_bitmap, iova_list, msi_reserved: null };
}

export function update_pgsizes(iommu: Type1): void {
  let bits = ULONG_MAX ^ PAGE_MASK_N;
  for (const { domain } of iommu.domains) bits &= domain.pgsize_bitmap;
  if ((bits & PAGE_MASK_N) !== 0n) bits = (bits ^ (bits & PAGE_MASK_N)) | PAGE_SIZE_N;
  iommu.pgsize_bitmap = bits;
}
