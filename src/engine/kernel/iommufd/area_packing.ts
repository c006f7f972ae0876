/**
 * Areas as numbers, so that copies of a world with very many of them share them (range_map.ts). An area goes together
 * with its page store; a store that several areas use, a dma-buf, and what does not fit a number stay objects.
 */
import type { File } from "../file.ts";
import type { IommuDomain } from "../iommu/types.ts";
import type { Mm } from "../mm/mm.ts";
import type { UserStruct } from "../mm/state.ts";
import type { Packing } from "../range_map.ts";
import type { Task } from "../task.ts";
import type { IoPagetable } from "./iopt.ts";
import { IoptArea } from "./iopt_area.ts";
import { type AccountMode, IoptPages } from "./iopt_pages.ts";

/** Smaller IOASes are copied object by object. */
const LEAST = 128;

export interface AreaShape {
  iopt: IoPagetable;
  storage_domain: IommuDomain | null;
  iommu_prot: number;
  prevent_access: boolean;
  /** Whose memory, or which file; null where the area has no pages. */
  source: Mm | File | null;
  file: boolean;
  writable: boolean;
  account_mode: AccountMode;
  source_mm: Mm | null;
  source_user: UserStruct | null;
  source_task: Task | null;
}

/** What stands behind an area, null for a store that must stay an object. */
function sourceOf({ source }: IoptPages): Mm | File | null {
  return source.kind === "user" ? source.mm : source.kind === "file" ? source.file : null;
}

const addressOf = ({ source }: IoptPages): bigint => (source.kind === "user" ? source.uptr : source.start);

/** Nobody but the area refers to its store, and all of it fits numbers. */
function packable(area: IoptArea): boolean {
  const { pages } = area;
  if (pages === null) return true;
  const inside =
    pages.areas.size === 0 ? area.storage_domain === null : pages.areas.size === 1 && pages.areas.has(area);
  return (
    pages.users === 1 &&
    inside &&
    (pages.areas.size === 1) === (area.storage_domain !== null) &&
    pages.tracks.length === 0 &&
    sourceOf(pages) !== null &&
    addressOf(pages) <= BigInt(Number.MAX_SAFE_INTEGER)
  );
}

function shape(area: IoptArea): AreaShape | null {
  const { pages, iopt, storage_domain, iommu_prot, prevent_access } = area;
  if (!packable(area)) return null;
  return {
    iopt,
    storage_domain,
    iommu_prot,
    prevent_access,
    source: pages === null ? null : sourceOf(pages),
    file: pages?.source.kind === "file",
    writable: pages?.writable ?? false,
    account_mode: pages?.account_mode ?? "none",
    source_mm: pages?.source_mm ?? null,
    source_user: pages?.source_user ?? null,
    source_task: pages?.source_task ?? null,
  };
}

function fits(area: IoptArea, s: AreaShape): boolean {
  const { pages } = area;
  if (!packable(area) || area.iopt !== s.iopt || area.storage_domain !== s.storage_domain) return false;
  if (area.iommu_prot !== s.iommu_prot || area.prevent_access !== s.prevent_access) return false;
  if (pages === null) return s.source === null;
  return (
    sourceOf(pages) === s.source &&
    pages.writable === s.writable &&
    pages.account_mode === s.account_mode &&
    pages.source_mm === s.source_mm &&
    pages.source_user === s.source_user &&
    pages.source_task === s.source_task
  );
}

/** index, index_last, page_offset, num_accesses, num_locks; with pages: address, npages, npinned, then the pinned runs. */
function write(area: IoptArea, row: number[]): void {
  row.push(area.index, area.index_last, area.page_offset, area.num_accesses, area.num_locks);
  const { pages } = area;
  if (pages === null) return;
  row.push(Number(addressOf(pages)), pages.npages, pages.npinned);
  for (const { index, pfn, n, holders } of pages.pinned.runs) row.push(index, pfn, n, holders);
}

/** What an area leads to, and how, as one number: two areas of one range are the same when it is equal. */
export function area_place(area: IoptArea): number {
  return area.index * 4096 + area.page_offset + area.iommu_prot / 64;
}

/** The same of a packed one. */
export function packed_area_place(s: AreaShape, words: Float64Array, at: number): number {
  return (words[at] ?? 0) * 4096 + (words[at + 2] ?? 0) + s.iommu_prot / 64;
}

function read(start: bigint, last: bigint, s: AreaShape, words: Float64Array, at: number, end: number): IoptArea {
  const word = (i: number): number => words[at + i] ?? 0;
  const place = { index: word(0), index_last: word(1), page_offset: word(2), iommu_prot: s.iommu_prot };
  const area = new IoptArea(s.iopt, start, last, place);
  area.num_accesses = word(3);
  area.num_locks = word(4);
  area.storage_domain = s.storage_domain;
  area.prevent_access = s.prevent_access;
  const { source, source_mm, source_user, source_task } = s;
  if (source === null || source_mm === null || source_user === null || source_task === null) return area;
  const address = BigInt(word(5));
  const from = s.file
    ? { kind: "file" as const, file: source as File, start: address }
    : { kind: "user" as const, mm: source as Mm, uptr: address };
  const pages = new IoptPages(from, word(6), s.writable, s.account_mode, source_task);
  pages.source_mm = source_mm;
  pages.source_user = source_user;
  pages.npinned = word(7);
  for (let i = 8; at + i < end; i += 4)
    pages.pinned.runs.push({ index: word(i), pfn: word(i + 1), n: word(i + 2), holders: word(i + 3) });
  if (s.storage_domain !== null) pages.areas.add(area);
  area.pages = pages;
  return area;
}

export const AREA_PACKING: Packing<IoptArea, AreaShape> = Object.freeze({ least: LEAST, shape, fits, write, read });
