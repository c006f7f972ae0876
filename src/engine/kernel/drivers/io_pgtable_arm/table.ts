/**
 * A VMSAv8-64 table in physical memory: map, unmap and look up, entry by entry as the CPU would write it.
 * Source: linux 7.2 drivers/iommu/io-pgtable-arm.c.
 */
import type { IommuDomain, IotlbGather } from "../../iommu/types.ts";
import type { Kernel } from "../../kernel.ts";
import {
  addr_hi,
  addr_lo,
  arm_lpae_prot_to_pte,
  is_leaf,
  is_table,
  LAST_LEVEL,
  type LeafAttrs,
  leaf_type,
  pte_addr,
  table_hi,
  table_lo,
} from "./descriptor.ts";
import {
  arm_lpae_block_size,
  arm_lpae_entries,
  arm_lpae_geometry,
  arm_lpae_index,
  arm_lpae_pgd_size,
  type Geometry,
  type PgtableCfg,
} from "./format.ts";
import { IOMMU_READ, IOMMU_WRITE } from "../../iommu/types.ts";
import { errno } from "../../../uapi/errno.ts";

/** What the tables need from the machine: words of memory, and pages to build tables in. */
export interface TableMemory {
  read32(pa: number): number;
  write64(pa: number, lo: number, hi: number): void;
  /** Zeroed, physically contiguous, aligned to its size; `null` when memory is out. */
  alloc(bytes: number): number | null;
  free(pa: number, bytes: number): void;
}

/** `struct iommu_flush_ops`: how the driver invalidates. One frozen object per driver. */
export interface FlushOps {
  /** Entries and walks of [iova, iova + size) that lead through a table that goes away; synchronous. */
  tlb_flush_walk(k: Kernel, domain: IommuDomain, iova: number, size: number, granule: number): void;
  /** `count` leaves of `pgsize` bytes are gone: collected until iotlb_sync. */
  tlb_add_pages(k: Kernel, domain: IommuDomain, gather: IotlbGather, iova: number, pgsize: number, count: number): void;
}

/** `struct arm_lpae_io_pgtable`. */
export class ArmLpaePgtable {
  readonly cfg: PgtableCfg;
  readonly geo: Geometry;
  readonly mem: TableMemory;
  /** Physical address of the top table, aligned to its size (64 bytes at least). */
  readonly pgd: number;

  constructor(cfg: PgtableCfg, geo: Geometry, mem: TableMemory, pgd: number) {
    this.cfg = cfg;
    this.geo = geo;
    this.mem = mem;
    this.pgd = pgd;
  }
}

/** Builds an empty table: ENOMEM without memory, EINVAL where the format has no such sizes. */
export function alloc_io_pgtable(cfg: PgtableCfg, mem: TableMemory): ArmLpaePgtable | number {
  const geo = arm_lpae_geometry(cfg);
  if (geo === null) return -errno.EINVAL;
  const pgd = mem.alloc(Math.max(arm_lpae_pgd_size(geo), 64));
  if (pgd === null) return -errno.ENOMEM;
  return new ArmLpaePgtable(cfg, geo, mem, pgd);
}

function table_size(t: ArmLpaePgtable, level: number): number {
  return level === t.geo.start_level ? Math.max(arm_lpae_pgd_size(t.geo), 64) : t.cfg.granule;
}

/** Gives a table and everything below it back. */
function free_pgtable(t: ArmLpaePgtable, level: number, table: number): void {
  if (level !== LAST_LEVEL) {
    for (let i = 0; i < arm_lpae_entries(t.geo, level); i++) {
      const at = table + i * 8;
      const lo = t.mem.read32(at);
      if (is_table(lo, level)) free_pgtable(t, level + 1, pte_addr(t.cfg, lo, t.mem.read32(at + 4)));
    }
  }
  t.mem.free(table, table_size(t, level));
}

export function free_io_pgtable(t: ArmLpaePgtable): void {
  free_pgtable(t, t.geo.start_level, t.pgd);
}

/** What a map or unmap run works on. */
interface Run {
  k: Kernel;
  t: ArmLpaePgtable;
  domain: IommuDomain;
  flush: FlushOps;
}

/** Bytes that [iova, ...) of `count` leaves have in the table of `level` that holds the first of them. */
function entries_here(t: ArmLpaePgtable, iova: number, level: number, count: number): number {
  return Math.min(count, arm_lpae_entries(t.geo, level) - arm_lpae_index(t.geo, iova, level));
}

function init_pte(
  run: Run,
  table: number,
  level: number,
  iova: number,
  paddr: number,
  attrs: LeafAttrs,
  count: number,
) {
  const { k, t } = run;
  const size = arm_lpae_block_size(t.geo, level);
  const first = table + arm_lpae_index(t.geo, iova, level) * 8;
  for (let i = 0; i < count; i++) {
    const at = first + i * 8;
    const lo = t.mem.read32(at);
    if (!k.check(!is_leaf(lo, level), "entry is free")) return -errno.EEXIST;
    if (is_table(lo, level)) drop_table(run, at, level, iova + i * size);
  }
  const type = leaf_type(level);
  for (let i = 0; i < count; i++) {
    const pa = paddr + i * size;
    t.mem.write64(first + i * 8, (addr_lo(t.cfg, pa) | attrs.lo | type) >>> 0, (addr_hi(pa) | attrs.hi) >>> 0);
  }
  return count * size;
}

/** Clears the table entry at `at`, invalidates walks through it and frees what it led to. */
function drop_table(run: Run, at: number, level: number, iova: number): void {
  const { k, t } = run;
  const next = pte_addr(t.cfg, t.mem.read32(at), t.mem.read32(at + 4));
  t.mem.write64(at, 0, 0);
  run.flush.tlb_flush_walk(k, run.domain, iova, arm_lpae_block_size(t.geo, level), t.cfg.granule);
  free_pgtable(t, level + 1, next);
}

/** Maps up to `count` leaves of `pgsize` that share a table; bytes mapped, or errno. */
function lpae_map(
  run: Run,
  table: number,
  level: number,
  iova: number,
  paddr: number,
  pgsize: number,
  count: number,
  attrs: LeafAttrs,
): number {
  const { t } = run;
  if (pgsize === arm_lpae_block_size(t.geo, level))
    return init_pte(run, table, level, iova, paddr, attrs, entries_here(t, iova, level, count));
  if (level === LAST_LEVEL) return -errno.EINVAL;
  const at = table + arm_lpae_index(t.geo, iova, level) * 8;
  const lo = t.mem.read32(at);
  const hi = t.mem.read32(at + 4);
  let next: number;
  if (lo === 0 && hi === 0) {
    const fresh = run.k.fails() ? null : t.mem.alloc(t.cfg.granule);
    if (fresh === null) return -errno.ENOMEM;
    t.mem.write64(at, table_lo(t.cfg, fresh), table_hi(t.cfg, fresh));
    next = fresh;
  } else if (run.k.check(!is_leaf(lo, level), "no block above")) {
    next = pte_addr(t.cfg, lo, hi);
  } else {
    return -errno.EEXIST;
  }
  return lpae_map(run, next, level + 1, iova, paddr, pgsize, count, attrs);
}

/** Bytes mapped when the call ended, and its errno (0 = all). */
export interface Mapped {
  bytes: number;
  rc: number;
}

/**
 * Maps `pgcount` leaves of `pgsize` bytes. EINVAL: size not offered, or neither read nor write; ERANGE: address
 * outside the table's input or output; EEXIST: an entry is in use; ENOMEM. What was mapped before an error stays.
 */
export function arm_lpae_map_pages(
  k: Kernel,
  t: ArmLpaePgtable,
  domain: IommuDomain,
  flush: FlushOps,
  iova: number,
  paddr: number,
  pgsize: number,
  pgcount: number,
  prot: number,
): Mapped {
  if (!t.geo.pgsizes.includes(pgsize)) return { bytes: 0, rc: -errno.EINVAL };
  if (iova >= 2 ** t.cfg.ias || paddr >= 2 ** t.cfg.oas) return { bytes: 0, rc: -errno.ERANGE };
  if ((prot & (IOMMU_READ | IOMMU_WRITE)) === 0) return { bytes: 0, rc: -errno.EINVAL };
  const attrs = arm_lpae_prot_to_pte(t.cfg, prot);
  const run: Run = { k, t, domain, flush };
  const total = pgcount * pgsize;
  let bytes = 0;
  while (bytes < total) {
    const left = (total - bytes) / pgsize;
    const rc = lpae_map(run, t.pgd, t.geo.start_level, iova + bytes, paddr + bytes, pgsize, left, attrs);
    if (rc < 0) return { bytes, rc };
    bytes += rc;
  }
  return { bytes, rc: 0 };
}

function lpae_unmap(
  run: Run,
  gather: IotlbGather | null,
  table: number,
  level: number,
  iova: number,
  size: number,
  count: number,
): number {
  const { k, t } = run;
  const index = arm_lpae_index(t.geo, iova, level);
  const at = table + index * 8;
  const lo = t.mem.read32(at);
  if (!k.check((lo & 3) !== 0, "entry is mapped")) return 0;
  if (size === arm_lpae_block_size(t.geo, level)) {
    const most = entries_here(t, iova, level, count);
    let n = 0;
    for (; n < most; n++) {
      const entry = t.mem.read32(at + n * 8);
      if (!k.check((entry & 3) !== 0, "entry is mapped")) break;
      if (is_table(entry, level)) drop_table(run, at + n * 8, level, iova + n * size);
    }
    for (let i = 0; i < n; i++) t.mem.write64(at + i * 8, 0, 0);
    if (gather !== null && n > 0) run.flush.tlb_add_pages(k, run.domain, gather, iova, size, n);
    return n * size;
  }
  if (!k.check(level !== LAST_LEVEL && !is_leaf(lo, level), "whole block is unmapped")) return 0;
  return lpae_unmap(run, gather, pte_addr(t.cfg, lo, t.mem.read32(at + 4)), level + 1, iova, size, count);
}

/** Unmaps `pgcount` leaves of `pgsize`; bytes unmapped, fewer at an empty entry or inside a larger block. */
export function arm_lpae_unmap_pages(
  k: Kernel,
  t: ArmLpaePgtable,
  domain: IommuDomain,
  flush: FlushOps,
  iova: number,
  pgsize: number,
  pgcount: number,
  gather: IotlbGather | null,
): number {
  if (!t.geo.pgsizes.includes(pgsize) || iova >= 2 ** t.cfg.ias) return 0;
  const run: Run = { k, t, domain, flush };
  const total = pgsize * pgcount;
  let bytes = 0;
  while (bytes < total) {
    const done = lpae_unmap(run, gather, t.pgd, t.geo.start_level, iova + bytes, pgsize, (total - bytes) / pgsize);
    if (done === 0) break;
    bytes += done;
  }
  return bytes;
}

/** The leaf that maps `iova`. */
export interface Leaf {
  /** Physical address of the descriptor. */
  at: number;
  lo: number;
  hi: number;
  level: number;
  /** Bytes it maps. */
  size: number;
}

/** Finds the leaf of `iova`, as the driver does it without the hardware; `null` where nothing is mapped. */
export function arm_lpae_leaf(t: ArmLpaePgtable, iova: number): Leaf | null {
  if (iova >= 2 ** t.cfg.ias) return null;
  let table = t.pgd;
  for (let level = t.geo.start_level; level <= LAST_LEVEL; level++) {
    const at = table + arm_lpae_index(t.geo, iova, level) * 8;
    const lo = t.mem.read32(at);
    if ((lo & 3) === 0) return null;
    const hi = t.mem.read32(at + 4);
    if (is_leaf(lo, level)) return { at, lo, hi, level, size: arm_lpae_block_size(t.geo, level) };
    if (!is_table(lo, level)) return null;
    table = pte_addr(t.cfg, lo, hi);
  }
  return null;
}

/** `iova_to_phys`: the address that `iova` goes to, or `null`. */
export function arm_lpae_iova_to_phys(t: ArmLpaePgtable, iova: number): number | null {
  const leaf = arm_lpae_leaf(t, iova);
  if (leaf === null) return null;
  const base = pte_addr(t.cfg, leaf.lo, leaf.hi);
  return base - (base % leaf.size) + (iova % leaf.size);
}
