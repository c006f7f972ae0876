/** Reserved IOVA of an IOAS, and the holes that are left. Source: linux 7.2 drivers/iommu/iommufd/io_pagetable.c. */
import { errno } from "../../uapi/errno.ts";
import type { Kernel } from "../kernel.ts";
import { ULONG_MAX } from "../mm/const.ts";
import type { Interval } from "../trace.ts";
import type { AllowedRange, IoPagetable, IoptArea, ReservedOwner, ReservedRange } from "./iopt.ts";

/** Why a range is taken, for people. */
export interface ReservedWhy {
  /** `SW_MSI of 0000:00:03.0`. */
  label: string;
  /** `sw-msi`, `msi`, `reserved`, `aperture`, `test`. */
  kind: string;
}

const hex = (x: bigint): string => `0x${x.toString(16)}`;

export function areaInterval(area: IoptArea): Interval {
  return { start: area.start, last: area.last, label: `area ${hex(area.start)}-${hex(area.last)}` };
}

export function allowedInterval(range: AllowedRange): Interval {
  return { start: range.start, last: range.last, label: `allowed ${hex(range.start)}-${hex(range.last)}` };
}

/** All reservations that meet [start, last], ascending. */
export function reservedOverlapping(iopt: IoPagetable, start: bigint, last: bigint): ReservedRange[] {
  return iopt.reserved.filter((range) => range.start <= last && range.last >= start);
}

/** The union of the reservations as disjoint, non-touching ranges, ascending. */
export function reservedUnion(iopt: IoPagetable): { start: bigint; last: bigint }[] {
  const out: { start: bigint; last: bigint }[] = [];
  for (const range of iopt.reserved) {
    const top = out.at(-1);
    if (top !== undefined && (top.last === ULONG_MAX || range.start <= top.last + 1n)) {
      if (range.last > top.last) top.last = range.last;
    } else out.push({ start: range.start, last: range.last });
  }
  return out;
}

/** What IOAS_IOVA_RANGES reports: the holes between reservations. Areas and the allowed list do not matter. */
export function iopt_holes(iopt: IoPagetable): { start: bigint; last: bigint }[] {
  const out: { start: bigint; last: bigint }[] = [];
  let cursor = 0n;
  for (const range of reservedUnion(iopt)) {
    if (range.start > cursor) out.push({ start: cursor, last: range.start - 1n });
    cursor = range.last + 1n;
  }
  if (cursor <= ULONG_MAX) out.push({ start: cursor, last: ULONG_MAX });
  return out;
}

/** Takes [start, last] out of the usable IOVA. -EADDRINUSE when it is in use or promised to the user. */
export function iopt_reserve_iova(
  k: Kernel,
  iopt: IoPagetable,
  start: bigint,
  last: bigint,
  owner: ReservedOwner,
  why: ReservedWhy,
): number {
  const area = iopt.areas.first(start, last);
  const clash = () => ({ range: { start, last }, hits: [...iopt.areas.overlapping(start, last)].map(areaInterval) });
  if (!k.check(area === undefined, `no mapping in the way of ${why.label}`, clash)) return -errno.EADDRINUSE;
  const allowed = iopt.allowed.first(start, last);
  const promised = () => ({
    range: { start, last },
    hits: [...iopt.allowed.overlapping(start, last)].map(allowedInterval),
  });
  if (!k.check(allowed === undefined, `no allowed range in the way of ${why.label}`, promised))
    return -errno.EADDRINUSE;
  if (k.fails()) return -errno.ENOMEM;
  const at = iopt.reserved.findLastIndex((range) => range.start <= start) + 1;
  iopt.reserved.splice(at, 0, { start, last, owner, label: why.label, kind: why.kind });
  return 0;
}

/** Removes every reservation of an owner: two of the same owner cannot be told apart. */
export function iopt_remove_reserved_iova(_k: Kernel, iopt: IoPagetable, owner: ReservedOwner): void {
  const kept = iopt.reserved.filter((range) => range.owner !== owner);
  iopt.reserved.splice(0, iopt.reserved.length, ...kept);
}
