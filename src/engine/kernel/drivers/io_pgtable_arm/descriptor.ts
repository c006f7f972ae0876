/**
 * Bits of a VMSAv8-64 descriptor as io-pgtable-arm writes them, in two 32-bit halves.
 * Source: linux 7.2 drivers/iommu/io-pgtable-arm.c; Arm ARM D8.3.
 */
import { IOMMU_CACHE, IOMMU_MMIO, IOMMU_NOEXEC, IOMMU_PRIV, IOMMU_READ, IOMMU_WRITE } from "../../iommu/types.ts";
import type { PgtableCfg } from "./format.ts";

/** Last level of every table. */
export const LAST_LEVEL = 3;

/* Low half. */
const TYPE_MASK = 3;
const TYPE_BLOCK = 1;
/** A table in levels 0-2, a page in level 3. */
const TYPE_TABLE = 3;
const AF = 1 << 10;
const SH_OUTER = 2 << 8;
const SH_INNER = 3 << 8;
/* Low half, stage 1. */
const AP_UNPRIV = 1 << 6;
const AP_READ_ONLY = 1 << 7;
const NOT_GLOBAL = 1 << 11;
/** AttrIndx for MAIR 0xf404ff44: 0 non-cacheable, 1 write-back, 2 device. */
const ATTR_CACHE = 1 << 2;
const ATTR_DEVICE = 2 << 2;
/* Low half, stage 2. */
const S2_READ = 1 << 6;
const S2_WRITE = 1 << 7;
const MEM_DEVICE = 0x1 << 2;
const MEM_NONCACHE = 0x5 << 2;
const MEM_WRITEBACK = 0xf << 2;
const MEM_FWB_WRITEBACK = 0x6 << 2;
/* High half. */
const DBM_HI = 1 << (51 - 32);
const XN_HI = 3 << (53 - 32);
const SW_SYNC_HI = 1 << (55 - 32);

/** Attribute bits of a leaf, without address and type. */
export interface LeafAttrs {
  lo: number;
  hi: number;
}

/** Attributes for `IOMMU_*` prot bits. */
export function arm_lpae_prot_to_pte(cfg: PgtableCfg, prot: number): LeafAttrs {
  let lo = AF | (prot & IOMMU_CACHE ? SH_INNER : SH_OUTER);
  let hi = prot & IOMMU_NOEXEC ? XN_HI : 0;
  if (cfg.stage === 1) {
    lo |= NOT_GLOBAL;
    if (prot & IOMMU_READ && !(prot & IOMMU_WRITE)) lo |= AP_READ_ONLY;
    else if (cfg.hd) hi |= DBM_HI;
    if (!(prot & IOMMU_PRIV)) lo |= AP_UNPRIV;
    if (prot & IOMMU_MMIO) lo |= ATTR_DEVICE;
    else if (prot & IOMMU_CACHE) lo |= ATTR_CACHE;
  } else {
    if (prot & IOMMU_READ) lo |= S2_READ;
    if (prot & IOMMU_WRITE) lo |= S2_WRITE;
    if (prot & IOMMU_MMIO) lo |= MEM_DEVICE;
    else if (prot & IOMMU_CACHE) lo |= cfg.fwb ? MEM_FWB_WRITEBACK : MEM_WRITEBACK;
    else lo |= MEM_NONCACHE;
  }
  return { lo, hi };
}

/** Low half of the address part of a descriptor. With 64K granule, PA[51:48] stand in bits 15:12. */
export function addr_lo(cfg: PgtableCfg, pa: number): number {
  const low = pa % 2 ** 32;
  return cfg.granule === 65536 ? (low | (Math.floor(pa / 2 ** 48) << 12)) >>> 0 : low;
}

/** High half of the address part. */
export function addr_hi(pa: number): number {
  return Math.floor(pa / 2 ** 32) & 0xffff;
}

/** Output or next-table address of a descriptor. */
export function pte_addr(cfg: PgtableCfg, lo: number, hi: number): number {
  if (cfg.granule === 65536) {
    const top = (lo >>> 12) & 0xf;
    return top * 2 ** 48 + (hi & 0xffff) * 2 ** 32 + ((lo & 0xffff0000) >>> 0);
  }
  return (hi & 0xffff) * 2 ** 32 + ((lo & 0xfffff000) >>> 0);
}

/** Type bits of a leaf at `level`. */
export function leaf_type(level: number): number {
  return level === LAST_LEVEL ? TYPE_TABLE : TYPE_BLOCK;
}

export function is_leaf(lo: number, level: number): boolean {
  return (lo & TYPE_MASK) === leaf_type(level);
}

export function is_table(lo: number, level: number): boolean {
  return level !== LAST_LEVEL && (lo & TYPE_MASK) === TYPE_TABLE;
}

/** Halves of a descriptor that points to the table at `pa`. */
export function table_lo(cfg: PgtableCfg, pa: number): number {
  return (addr_lo(cfg, pa) | TYPE_TABLE) >>> 0;
}

export function table_hi(cfg: PgtableCfg, pa: number): number {
  return addr_hi(pa) | (cfg.coherent_walk ? 0 : SW_SYNC_HI);
}

/** Writable with DBM and AP[2] clear: written since the last look. */
export function is_dirty(lo: number, hi: number): boolean {
  return (hi & DBM_HI) !== 0 && (lo & AP_READ_ONLY) === 0;
}

/** Low half of the same leaf in the "writable, clean" state. */
export function make_clean(lo: number): number {
  return (lo | AP_READ_ONLY) >>> 0;
}
