/**
 * Data of the IOVA side of an IOAS. Source: linux 7.2 drivers/iommu/iommufd/{iommufd_private,io_pagetable}.h.
 * `start`/`last` are inclusive; all numbers are 64 bit and ULONG_MAX is a legal last.
 */
import type { IommuDomain } from "../iommu/types.ts";
import { RangeMap, type Ranged } from "../range_map.ts";
import { AREA_PACKING, type AreaShape } from "./area_packing.ts";
import type { IoptArea } from "./iopt_area.ts";
import type { IommufdAccess } from "./objects.ts";

export { IoptArea } from "./iopt_area.ts";

/** Who made a reservation; removal is by owner. A device, a domain, or nobody (the self-test). */
export type ReservedOwner = object | null;

export interface ReservedRange extends Ranged {
  owner: ReservedOwner;
  /** Who and why, in words, for "Why" and pictures: `SW_MSI of 0000:00:03.0`, `aperture of hwpt 3`. */
  label: string;
  /** Kind of region for pictures: `sw-msi`, `msi`, `reserved`, `aperture`, `test`. */
  kind: string;
}

export interface AllowedRange extends Ranged {
  start: bigint;
  last: bigint;
}

/** One object id's IOVA space. */
export class IoPagetable {
  readonly areas = new RangeMap<IoptArea, AreaShape>(AREA_PACKING);
  allowed = new RangeMap<AllowedRange>();
  /** Sorted by start, then by age; ranges may overlap and repeat. */
  readonly reserved: ReservedRange[] = [];
  /** Linked domains; removing one moves the last into its place. */
  readonly domains: IommuDomain[] = [];
  /** Attached accesses, by their slot. */
  readonly access_list: (IommufdAccess | null)[] = [];
  /** Power of two, 1 at first. */
  iova_alignment = 1n;
  disable_large_pages = false;
}
