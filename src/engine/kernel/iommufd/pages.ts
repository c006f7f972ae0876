/**
 * From an area to page frames in domains: pinning, accounting, filling and emptying. Source: linux 7.2
 * drivers/iommu/iommufd/pages.c.
 *
 * A page of a backing store is pinned once as long as any area with a domain or any access holds it; the frames are
 * then the same for everybody.
 */
import { errno } from "../../uapi/errno.ts";
import { fput } from "../file.ts";
import { IOMMU_CACHE, IOMMU_MMIO, IOMMU_WRITE, type IommuDomain } from "../iommu/types.ts";
import type { Kernel } from "../kernel.ts";
import { PAGE_SIZE_N } from "../mm/const.ts";
import { memfd_pin_folios, pin_user_pages } from "../mm/gup.ts";
import { as_memfd } from "../mm/shmem.ts";
import { unpin_frames } from "../mm/store.ts";
import type { IoptArea } from "./iopt.ts";
import type { IoptPages } from "./iopt_pages.ts";

/** RLIMIT_MEMLOCK of a backing store's process, in pages. */
function memlock_pages(pages: IoptPages): number {
  const bytes = pages.source_task.rlimits.memlock;
  return bytes === null ? Number.POSITIVE_INFINITY : Number(bytes / PAGE_SIZE_N);
}

/** Charges `diff` pages (or gives them back when negative). -ENOMEM over the limit, nothing charged then. */
export function account_pinned(k: Kernel, pages: IoptPages, diff: number): number {
  const counter = pages.account_mode === "user" ? pages.source_user : pages.source_mm;
  if (pages.account_mode !== "none") {
    const limit = memlock_pages(pages);
    const whose = pages.account_mode === "user" ? `user ${pages.source_user.uid}` : "the address space";
    const detail = () => ({
      left: `${counter.locked_vm + diff} pages of ${whose}`,
      right: `RLIMIT_MEMLOCK ${limit} pages`,
    });
    const fits = diff <= 0 || (counter.locked_vm + diff <= limit && !k.fails());
    if (!k.check(fits, "locked memory stays within the limit", detail)) return -errno.ENOMEM;
    counter.locked_vm += diff;
  }
  pages.source_mm.pinned_vm += diff;
  return 0;
}

/** Charges what changed since the last time. */
export function iopt_pages_update_pinned(k: Kernel, pages: IoptPages): number {
  const now = pages.pinned.count;
  if (now === pages.npinned) return 0;
  const rc = account_pinned(k, pages, now - pages.npinned);
  if (rc === 0) pages.npinned = now;
  return rc;
}

/** Pins up to `n` pages from page `index` of the backing on: one run, or errno. */
function pin_source(k: Kernel, pages: IoptPages, index: number, n: number): { pfn: number; n: number } | number {
  const { source } = pages;
  if (source.kind === "user") {
    const va = source.uptr + BigInt(index) * PAGE_SIZE_N;
    const run = pin_user_pages(k, source.mm, va, n, pages.writable);
    k.check(typeof run !== "number", "the user's page can be pinned", () => ({ left: `va 0x${va.toString(16)}` }));
    return run;
  }
  if (source.kind === "dmabuf") return -errno.EINVAL;
  const mem = as_memfd(source.file);
  if (!k.check(mem !== null, "the file is a memory file") || mem === null) return -errno.EINVAL;
  const page = index + Number(source.start / PAGE_SIZE_N);
  // A page that the file ends in can be touched, but not pinned.
  const whole = Number(mem.size / PAGE_SIZE_N);
  const run = memfd_pin_folios(k, mem.store, page, n, whole);
  k.check(typeof run !== "number", "the whole page lies within the file", () => ({
    left: `page ${page}`,
    right: `${whole} whole pages`,
  }));
  return run;
}

function unpin_runs(k: Kernel, runs: readonly { pfn: number; n: number }[]): void {
  for (const run of runs) unpin_frames(k, run.pfn, run.n);
}

/** Pins what of these pages is not pinned yet and adds one holder to all. Not charged yet. */
export function iopt_pages_hold(k: Kernel, pages: IoptPages, index: number, n: number): number {
  for (const gap of pages.pinned.missing(index, n)) {
    for (let at = gap.index; at < gap.index + gap.n;) {
      const run = pin_source(k, pages, at, gap.index + gap.n - at);
      if (typeof run === "number") {
        unpin_runs(k, pages.pinned.sweep());
        return run;
      }
      pages.pinned.add(at, run.pfn, run.n);
      at += run.n;
    }
  }
  pages.pinned.hold(index, n);
  return 0;
}

/** One holder less; pages that nobody holds are unpinned and given back to the account. */
export function iopt_pages_drop(k: Kernel, pages: IoptPages, index: number, n: number): void {
  unpin_runs(k, pages.pinned.drop(index, n));
  iopt_pages_update_pinned(k, pages);
}

/** One user less of a backing store. */
export function iopt_put_pages(k: Kernel, pages: IoptPages): void {
  if (--pages.users > 0) return;
  k.iommufd.page_stores--;
  if (pages.source.kind === "file") fput(k, pages.source.file);
  if (pages.source.kind === "dmabuf") {
    pages.source.dmabuf.attached.delete(pages);
    fput(k, pages.source.file);
  }
}

/** Physical stretches behind an area, from its first byte on, cut at its end. */
function* area_runs(
  area: IoptArea,
  pages: IoptPages,
): Generator<{ offset: bigint; pa: bigint; bytes: bigint }, void, undefined> {
  const length = area.length;
  if (pages.source.kind === "dmabuf") {
    const { dmabuf, start } = pages.source;
    if (!pages.source.gone) yield { offset: 0n, pa: BigInt(dmabuf.phys) + start + area.start_byte, bytes: length };
    return;
  }
  let offset = 0n;
  let skip = BigInt(area.page_offset);
  for (const run of pages.pinned.frames(area.index, area.index_last - area.index + 1)) {
    let bytes = BigInt(run.n) * PAGE_SIZE_N - skip;
    if (bytes > length - offset) bytes = length - offset;
    yield { offset, pa: BigInt(run.pfn) * PAGE_SIZE_N + skip, bytes };
    offset += bytes;
    skip = 0n;
  }
}

/** Device memory is mapped as such only where its address comes from the exporter. */
function dmabuf_prot(area: IoptArea): number {
  return (area.iommu_prot & ~IOMMU_CACHE) | IOMMU_MMIO;
}

/**
 * Stretches of an area with the protection they are mapped with. Where an area of the same pages stands in its storage
 * domain, frames are read back from there, and what is read back is taken for memory of the CPU, device memory too.
 */
function* area_stretches(
  area: IoptArea,
  pages: IoptPages,
): Generator<{ offset: bigint; pa: bigint; bytes: bigint; prot: number }, void, undefined> {
  const device = pages.source.kind === "dmabuf";
  for (const run of area_runs(area, pages)) {
    if (!device) {
      yield { ...run, prot: area.iommu_prot };
      continue;
    }
    const held = [...pages.areas].filter((a) => a.index <= area.index_last && a.index_last >= area.index);
    const readBack = (index: number) => held.some((a) => a.index <= index && index <= a.index_last);
    const edges = held
      .flatMap((a) => [a.index, a.index_last + 1])
      .filter((i) => i > area.index && i <= area.index_last);
    const cuts = [area.index, ...new Set(edges.sort((a, b) => a - b))];
    const stretches: { from: number; prot: number }[] = [];
    for (const from of cuts) {
      const prot = readBack(from) ? area.iommu_prot : dmabuf_prot(area);
      if (stretches.at(-1)?.prot !== prot) stretches.push({ from, prot });
    }
    const byteOf = (index: number) => {
      const at = BigInt(index - area.index) * PAGE_SIZE_N - BigInt(area.page_offset);
      return at < 0n ? 0n : at;
    };
    for (const [i, { from, prot }] of stretches.entries()) {
      const next = stretches[i + 1];
      const start = byteOf(from);
      const end = next === undefined ? run.bytes : byteOf(next.from);
      yield { offset: run.offset + start, pa: run.pa + start, bytes: end - start, prot };
    }
  }
}

/** Maps an area into one domain. On an error nothing of it stays there. */
export function iopt_area_map_domain(k: Kernel, area: IoptArea, pages: IoptPages, domain: IommuDomain): number {
  let done = 0n;
  for (const { offset, pa, bytes, prot } of area_stretches(area, pages)) {
    const step = area.iopt.disable_large_pages ? PAGE_SIZE_N : bytes;
    for (let at = 0n; at < bytes; at += step) {
      const rc = k.ops.iommu_map(k, domain, area.start + offset + at, pa + at, step, prot);
      if (rc < 0) {
        if (done > 0n) k.ops.iommu_unmap(k, domain, area.start, done);
        return rc;
      }
      done += step;
    }
  }
  if (pages.source.kind === "dmabuf") pages.tracks.push({ area, domain });
  return 0;
}

/** Runs that one reading of a domain's page frames holds: 64 KiB of memory, 12 bytes a run. */
const BATCH_RUNS = 5461;

/**
 * Takes an area out of one domain; its pages stay pinned. One call for the whole area, except that the domain which
 * frames are read back from is emptied in portions that end where frames are not consecutive.
 */
export function iopt_area_unmap_domain(k: Kernel, area: IoptArea, pages: IoptPages, domain: IommuDomain): void {
  const most = area.storage_domain === domain ? BATCH_RUNS : Number.POSITIVE_INFINITY;
  let start = 0n;
  let bytes = 0n;
  let runs = 0;
  const flush = () => {
    if (bytes === 0n) return;
    const gone = k.ops.iommu_unmap(k, domain, area.start + start, bytes);
    if (gone !== bytes)
      k.note(`unmapped 0x${gone.toString(16)} of 0x${bytes.toString(16)} bytes: the domain and the area disagree`);
    start += bytes;
    bytes = 0n;
    runs = 0;
  };
  for (const run of area_runs(area, pages)) {
    bytes += run.bytes;
    if (++runs === most) flush();
  }
  flush();
  if (pages.source.kind === "dmabuf") {
    pages.tracks = pages.tracks.filter((track) => track.area !== area || track.domain !== domain);
  }
}

function area_pages(area: IoptArea): number {
  return area.index_last - area.index + 1;
}

const pinnable = (pages: IoptPages): boolean => pages.source.kind !== "dmabuf";

/** A new area into all domains of its IOAS. Errors come in the order: any page, any table, the limit. */
export function iopt_area_fill_domains(k: Kernel, area: IoptArea, pages: IoptPages): number {
  const { domains } = area.iopt;
  const [first] = domains;
  if (first === undefined) return 0;
  let rc = pinnable(pages) ? iopt_pages_hold(k, pages, area.index, area_pages(area)) : 0;
  if (rc < 0) return rc;
  let filled = 0;
  for (const domain of domains) {
    rc = iopt_area_map_domain(k, area, pages, domain);
    if (rc < 0) break;
    filled++;
  }
  if (rc === 0) rc = iopt_pages_update_pinned(k, pages);
  if (rc < 0) {
    for (const domain of domains.slice(0, filled)) iopt_area_unmap_domain(k, area, pages, domain);
    if (pinnable(pages)) iopt_pages_drop(k, pages, area.index, area_pages(area));
    return rc;
  }
  area.storage_domain = first;
  pages.areas.add(area);
  return 0;
}

/** An area out of all domains, and its pages let go. */
export function iopt_area_unfill_domains(k: Kernel, area: IoptArea, pages: IoptPages): void {
  if (area.storage_domain === null) return;
  for (const domain of area.iopt.domains) iopt_area_unmap_domain(k, area, pages, domain);
  area_let_go(k, area, pages);
}

function area_let_go(k: Kernel, area: IoptArea, pages: IoptPages): void {
  area.storage_domain = null;
  pages.areas.delete(area);
  if (pinnable(pages)) iopt_pages_drop(k, pages, area.index, area_pages(area));
}

/** An existing area into a domain that is being linked. */
export function iopt_area_fill_domain(k: Kernel, area: IoptArea, pages: IoptPages, domain: IommuDomain): number {
  const fresh = area.storage_domain === null;
  const pin = fresh && pinnable(pages);
  let rc = pin ? iopt_pages_hold(k, pages, area.index, area_pages(area)) : 0;
  if (rc < 0) return rc;
  rc = iopt_area_map_domain(k, area, pages, domain);
  if (rc === 0) {
    rc = iopt_pages_update_pinned(k, pages);
    if (rc < 0) iopt_area_unmap_domain(k, area, pages, domain);
  }
  if (rc < 0) {
    if (pin) iopt_pages_drop(k, pages, area.index, area_pages(area));
    return rc;
  }
  if (fresh) {
    area.storage_domain = domain;
    pages.areas.add(area);
  }
  return 0;
}

/** Out of one domain that is being unlinked. `next`: the domain that frames are read from afterwards, null if none. */
export function iopt_area_unfill_domain(
  k: Kernel,
  area: IoptArea,
  pages: IoptPages,
  domain: IommuDomain,
  next: IommuDomain | null,
): void {
  iopt_area_unmap_domain(k, area, pages, domain);
  if (next === null) area_let_go(k, area, pages);
  else if (area.storage_domain === domain) area.storage_domain = next;
}

/** The user asked for write access to memory that it gave read-only. */
export function writes_forbidden(pages: IoptPages, prot: number): boolean {
  return (prot & IOMMU_WRITE) !== 0 && !pages.writable;
}
