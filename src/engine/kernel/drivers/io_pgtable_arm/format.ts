/**
 * Geometry of VMSAv8-64 tables as the IOMMU drivers build them.
 * Source: linux 7.2 drivers/iommu/io-pgtable-arm.c; Arm ARM D8.2.
 *
 * Everything is a plain number: an input address has at most 52 bits, so it is exact.
 */

export type Granule = 4096 | 16384 | 65536;

/** `struct io_pgtable_cfg`, the part that decides the shape of the tables. */
export interface PgtableCfg {
  stage: 1 | 2;
  granule: Granule;
  /** Bits of the input and of the output address. */
  ias: number;
  oas: number;
  /** The walker snoops the CPU caches: no software sync bit in table descriptors. */
  coherent_walk: boolean;
  /** Stage 2 memory types in the FEAT_S2FWB encoding. */
  fwb: boolean;
  /** Writable leaves get DBM: the SMMU keeps the dirty state (HTTU). */
  hd: boolean;
  /** Concatenated stage-2 starts: only where the architecture demands them (6.13 on), or wherever they fit. */
  concat: "mandatory" | "opportunistic";
}

/** `struct arm_lpae_io_pgtable`: what follows from the configuration. */
export interface Geometry {
  /** log2 of the granule. */
  pg_shift: number;
  bits_per_level: number;
  start_level: number;
  /** log2 of the number of entries of the top table, concatenated tables included. */
  pgd_bits: number;
  /** Leaf sizes that a driver may use, ascending, in bytes. */
  pgsizes: readonly number[];
}

const MAX_LEVELS = 4;
/** Most stage-2 top tables that may be concatenated. */
const MAX_CONCAT = 16;

export function log2(power: number): number {
  return Math.round(Math.log2(power));
}

/** The granule Linux takes: the CPU's page size if the hardware has it, else the largest smaller one, else the smallest larger. */
export function arm_lpae_choose_granule(cpu_page: number, supported: readonly Granule[]): Granule | null {
  const sorted = supported.toSorted((a, b) => a - b);
  return sorted.find((g) => g === cpu_page) ?? sorted.findLast((g) => g < cpu_page) ?? sorted[0] ?? null;
}

function pgsizes_of(granule: Granule, oas: number): readonly number[] {
  switch (granule) {
    case 4096:
      return Object.freeze([2 ** 12, 2 ** 21, 2 ** 30]);
    case 16384:
      return Object.freeze([2 ** 14, 2 ** 25]);
    case 65536:
      return Object.freeze(oas > 48 ? [2 ** 16, 2 ** 29, 2 ** 42] : [2 ** 16, 2 ** 29]);
  }
}

/** True when the architecture has no encoding for the unconcatenated start level of this stage-2 table. */
function concat_mandatory(cfg: PgtableCfg, start_level: number): boolean {
  if (cfg.granule === 16384 && start_level === 0) return cfg.oas === 48 || cfg.ias === 48;
  if (cfg.granule === 4096 && start_level === 0) return cfg.oas === 40 || cfg.oas === 42;
  return cfg.granule === 16384 && start_level === 1 && cfg.oas === 40;
}

/** Shape of the tables for a configuration; `null` where the sizes cannot be expressed. */
export function arm_lpae_geometry(cfg: PgtableCfg): Geometry | null {
  const most = cfg.granule === 65536 ? 52 : 48;
  if (cfg.ias > most || cfg.oas > most) return null;
  const pg_shift = log2(cfg.granule);
  const bits_per_level = pg_shift - 3;
  const va_bits = cfg.ias - pg_shift;
  if (va_bits <= 0) return null;
  const levels = Math.ceil(va_bits / bits_per_level);
  if (levels > MAX_LEVELS) return null;
  let start_level = MAX_LEVELS - levels;
  let pgd_bits = va_bits - bits_per_level * (levels - 1);
  if (cfg.stage === 2) {
    const concat =
      cfg.concat === "mandatory"
        ? concat_mandatory(cfg, start_level)
        : start_level === 0 && 2 ** pgd_bits <= MAX_CONCAT;
    if (concat) {
      pgd_bits += bits_per_level;
      start_level++;
    }
  }
  return Object.freeze({ pg_shift, bits_per_level, start_level, pgd_bits, pgsizes: pgsizes_of(cfg.granule, cfg.oas) });
}

/** Bytes of the top table. */
export function arm_lpae_pgd_size(geo: Geometry): number {
  return 2 ** (geo.pgd_bits + 3);
}

/** Bytes that one entry of `level` maps. */
export function arm_lpae_block_size(geo: Geometry, level: number): number {
  return 2 ** (geo.pg_shift + (MAX_LEVELS - 1 - level) * geo.bits_per_level);
}

/** Entries in a table of `level`; the top one may be shorter, or longer when concatenated. */
export function arm_lpae_entries(geo: Geometry, level: number): number {
  return level === geo.start_level ? 2 ** geo.pgd_bits : 2 ** geo.bits_per_level;
}

/** Index of `iova` in its table of `level`. */
export function arm_lpae_index(geo: Geometry, iova: number, level: number): number {
  return Math.floor(iova / arm_lpae_block_size(geo, level)) % arm_lpae_entries(geo, level);
}
