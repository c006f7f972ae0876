/** Which IOVA a mapping gets. Source: linux 7.2 drivers/iommu/iommufd/io_pagetable.c, double_span.h. */
import { errno } from "../../uapi/errno.ts";
import type { Kernel } from "../kernel.ts";
import { PAGE_SIZE_N, ULONG_MAX } from "../mm/const.ts";
import { RangeMap } from "../range_map.ts";
import type { Interval } from "../trace.ts";
import type { AllowedRange, IoPagetable } from "./iopt.ts";
import { areaInterval, reservedOverlapping, reservedUnion } from "./reserved.ts";

/** HPAGE_SIZE with 4 KiB pages. */
const HPAGE_SIZE = 0x20_0000n;

function roundup_pow2(x: bigint): bigint {
  return x <= 1n ? 1n : 1n << BigInt((x - 1n).toString(2).length);
}

/** Neighbours of a range for the picture: what ends before it and what begins after it. */
function neighbours(iopt: IoPagetable, start: bigint, last: bigint): { before?: Interval; after?: Interval } {
  const out: { before?: Interval; after?: Interval } = {};
  const below = iopt.areas.floor(start);
  const above = iopt.areas.higher(last);
  if (below !== undefined && below.last < start) out.before = areaInterval(below);
  if (above !== undefined) out.after = areaInterval(above);
  return out;
}

/** May this fixed IOVA be mapped? 0 or errno. The allowed list is not asked. */
export function iopt_check_iova(k: Kernel, iopt: IoPagetable, iova: bigint, length: bigint): number {
  const mask = iopt.iova_alignment - 1n;
  const alignment = () => ({ left: `iova 0x${iova.toString(16)}`, right: `alignment 0x${(mask + 1n).toString(16)}` });
  if (!k.check((iova & mask) === 0n, "the IOVA has the IOAS's alignment", alignment)) return -errno.EINVAL;
  const last = iova + length - 1n;
  if (!k.check(last <= ULONG_MAX, "the range ends inside 64 bits")) return -errno.EOVERFLOW;
  const range = { start: iova, last };
  const hits = reservedOverlapping(iopt, iova, last);
  if (!k.check(hits.length === 0, "the range meets no reserved IOVA", () => ({ range, hits: hits.map(named) }))) {
    return -errno.EINVAL;
  }
  const taken = () => ({
    range,
    hits: [...iopt.areas.overlapping(iova, last)].map(areaInterval),
    ...neighbours(iopt, iova, last),
  });
  if (!k.check(iopt.areas.first(iova, last) === undefined, "the range is not mapped yet", taken)) return -errno.EEXIST;
  return 0;
}

function named(range: { start: bigint; last: bigint; label: string }): Interval {
  return { start: range.start, last: range.last, label: range.label };
}

/** Where a piece of `length` bytes would start in [start, last], keeping the alignment and page offset; or null. */
function fit(start: bigint, last: bigint, length: bigint, align: bigint, page_offset: bigint): bigint | null {
  const up = start + (align - 1n);
  if (up > ULONG_MAX) return null;
  const at = (up & ~(align - 1n)) | page_offset;
  return at >= last || last - at < length - 1n ? null : at;
}

/** Allowed ranges within [P, ULONG_MAX - P], touching ones joined; all of it when there is no list. */
function allowedSpans(iopt: IoPagetable): { start: bigint; last: bigint }[] {
  const low = PAGE_SIZE_N;
  const high = ULONG_MAX - PAGE_SIZE_N;
  if (iopt.allowed.size === 0) return [{ start: low, last: high }];
  const out: { start: bigint; last: bigint }[] = [];
  for (const range of iopt.allowed) {
    const start = range.start < low ? low : range.start;
    const last = range.last > high ? high : range.last;
    if (start > last) continue;
    const top = out.at(-1);
    if (top !== undefined && top.last + 1n === start) top.last = last;
    else out.push({ start, last });
  }
  return out;
}

/**
 * First free IOVA for a mapping of `length` bytes whose first byte has user address (or file offset) `addr`: lowest
 * address first, aligned as far as that lets large pages be used. The IOVA, or a negative errno as number.
 */
export function iopt_alloc_iova(k: Kernel, iopt: IoPagetable, addr: bigint, length: bigint): bigint | number {
  const page_offset = addr % PAGE_SIZE_N;
  if (!k.check(length !== 0n && length < ULONG_MAX / 2n, "the length is less than half of the IOVA space")) {
    return -errno.EOVERFLOW;
  }
  let align = roundup_pow2(length);
  const lowest = addr & -addr;
  if (addr !== 0n && lowest < align) align = lowest;
  const cap = k.config.transparent_hugepage ? HPAGE_SIZE : PAGE_SIZE_N;
  if (align > cap) align = cap;
  const alignment = () => ({
    left: `0x${align.toString(16)}, what the user address and the length allow`,
    right: `alignment 0x${iopt.iova_alignment.toString(16)}`,
  });
  if (!k.check(align >= iopt.iova_alignment, "the alignment of the user memory suits the IOAS", alignment))
    return -errno.EINVAL;
  const reserved = reservedUnion(iopt);
  for (const span of allowedSpans(iopt)) {
    const from = fit(span.start, span.last, length, align, page_offset);
    if (from === null) continue;
    const found = firstHole(iopt, reserved, from, span.last, length, (start, last) =>
      fit(start, last, length, align, page_offset),
    );
    if (found !== null) return found;
  }
  k.check(false, "there is a hole that is large enough");
  return -errno.ENOSPC;
}

/** First hole of areas and reservations within [start, last], ascending, that `take` accepts; it takes `length` bytes. */
function firstHole(
  iopt: IoPagetable,
  reserved: readonly { start: bigint; last: bigint }[],
  start: bigint,
  last: bigint,
  length: bigint,
  take: (start: bigint, last: bigint) => bigint | null,
): bigint | null {
  let r = 0;
  for (const gap of iopt.areas.gaps(start, last, length)) {
    let cursor = gap.start;
    while ((reserved[r]?.last ?? ULONG_MAX) < cursor) r++;
    for (let range = reserved[r]; range !== undefined && range.start <= gap.last; range = reserved[++r]) {
      const at = range.start > cursor ? take(cursor, range.start - 1n) : null;
      if (at !== null) return at;
      cursor = range.last + 1n;
      if (range.last >= gap.last) break;
    }
    const at = cursor <= gap.last ? take(cursor, gap.last) : null;
    if (at !== null) return at;
  }
  return null;
}

/** Replaces the allowed list. -EADDRINUSE, and the old list stays, when one of the ranges is reserved. */
export function iopt_set_allow_iova(k: Kernel, iopt: IoPagetable, allowed: RangeMap<AllowedRange>): number {
  for (const range of allowed) {
    const hits = reservedOverlapping(iopt, range.start, range.last);
    const detail = () => ({ range: { start: range.start, last: range.last }, hits: hits.map(named) });
    if (!k.check(hits.length === 0, "the allowed range meets no reserved IOVA", detail)) return -errno.EADDRINUSE;
  }
  iopt.allowed = allowed;
  return 0;
}
