/** What a container tells: page sizes, and valid IOVAs as a capability. Source: linux 7.2 drivers/vfio/vfio_iommu_type1.c. */
import { decode, encode, encodeInto } from "../../uapi/codec.ts";
import { errno } from "../../uapi/errno.ts";
import { IOVA_RANGE, VFIO_CAP_DMA_AVAIL, VFIO_CAP_IOVA_RANGE_HEAD, VFIO_CAP_MIGRATION } from "../../uapi/records.ts";
import * as vfio from "../../uapi/vfio.ts";
import { min_page_size } from "../iommu/map.ts";
import type { Kernel } from "../kernel.ts";
import { copy_to_user } from "../mm/uaccess.ts";
import { vfio_copy_args } from "./info.ts";
import type { Type1 } from "./type1_state.ts";

const CAP_IOVA_RANGE = 1;
const CAP_MIGRATION = 2;
const CAP_DMA_AVAIL = 3;
const DIRTY_BITMAP_SIZE_MAX = 0x1000_0000n;
const INFO_PGSIZES = 1;
const INFO_CAPS = 2;

/** Without the list there are no capabilities at all: it brought them. */
function get_page_sizes(k: Kernel, iommu: Type1, arg: bigint, head: Uint8Array): number {
  const out = head.slice(0, vfio.VFIO_IOMMU_GET_INFO.min);
  encodeInto(vfio.VFIO_IOMMU_GET_INFO, out, { flags: INFO_PGSIZES, iova_pgsizes: iommu.pgsize_bitmap });
  return copy_to_user(k, arg, out) ? 0 : -errno.EFAULT;
}

export function vfio_iommu_type1_get_info(k: Kernel, iommu: Type1, arg: bigint): number {
  const def = vfio.VFIO_IOMMU_GET_INFO;
  const head = vfio_copy_args(k, arg, def);
  if (typeof head === "number") return head;
  if (!k.features.type1_iova_list) return get_page_sizes(k, iommu, arg, head);
  const { argsz } = decode(def, head);
  const holes = iommu.iova_list;
  const ranges = VFIO_CAP_IOVA_RANGE_HEAD.size + holes.length * IOVA_RANGE.size;
  const at = { migration: def.size, avail: def.size + VFIO_CAP_MIGRATION.size, ranges: 0 };
  at.ranges = at.avail + Math.ceil(VFIO_CAP_DMA_AVAIL.size / 8) * 8;
  const total = at.ranges + ranges;
  const bytes = new Uint8Array(argsz >= total ? total : Math.min(argsz, def.size));
  const whole = new Uint8Array(total);
  whole.set(head.subarray(0, def.size));
  const fits = argsz >= total;
  encodeInto(def, whole, {
    argsz: fits ? argsz : total,
    flags: INFO_PGSIZES | INFO_CAPS,
    iova_pgsizes: iommu.pgsize_bitmap,
    cap_offset: fits ? def.size : 0,
  });
  const pgsize = min_page_size(iommu.pgsize_bitmap);
  const migration = { pgsize_bitmap: pgsize, max_dirty_bitmap_size: DIRTY_BITMAP_SIZE_MAX };
  whole.set(encode(VFIO_CAP_MIGRATION, { id: CAP_MIGRATION, version: 1, next: at.avail, ...migration }), at.migration);
  const avail = { id: CAP_DMA_AVAIL, version: 1, next: at.ranges, avail: iommu.avail };
  whole.set(encode(VFIO_CAP_DMA_AVAIL, avail), at.avail);
  const list = { id: CAP_IOVA_RANGE, version: 1, next: 0, nr_iovas: holes.length };
  whole.set(encode(VFIO_CAP_IOVA_RANGE_HEAD, list), at.ranges);
  holes.forEach((hole, i) => {
    whole.set(encode(IOVA_RANGE, hole), at.ranges + VFIO_CAP_IOVA_RANGE_HEAD.size + i * IOVA_RANGE.size);
  });
  bytes.set(whole.subarray(0, bytes.length));
  return copy_to_user(k, arg, bytes) ? 0 : -errno.EFAULT;
}
