/**
 * Translation control values for a table: what CDs and stage-2 STEs say about it.
 * Source: linux 7.2 io-pgtable-arm.c `arm_64_lpae_alloc_pgtable_s1/s2`.
 */
import type { ArmLpaePgtable } from "../io_pgtable_arm/table.ts";

export interface Tcr {
  /** 64 - input bits. */
  tsz: number;
  /** 0 4K, 1 64K, 2 16K. */
  tg: number;
  irgn: number;
  orgn: number;
  sh: number;
  /** Output size: 0 32, 1 36, 2 40, 3 42, 4 44, 5 48, 6 52 bits. */
  ps: number;
}

/** AttrIndx 0 non-cacheable, 1 write-back, 2 device, 3 write-back with transient hint: MAIR for every stage-1 table. */
export const MAIR = 0xf404ff44;
/** MAIR is put together as a signed number, so its unused upper half is all ones. */
export const MAIR_SIGN = 0xffffffff;

const WB_RA_WA = 1;
const NON_CACHEABLE = 0;
const SH_OUTER = 2;
const SH_INNER = 3;

const TG: Readonly<Record<number, number>> = Object.freeze({ 4096: 0, 65536: 1, 16384: 2 });
const PS: Readonly<Record<number, number>> = Object.freeze({ 32: 0, 36: 1, 40: 2, 42: 3, 44: 4, 48: 5, 52: 6 });

export function tcr_of(table: ArmLpaePgtable): Tcr {
  const { cfg } = table;
  return {
    tsz: 64 - cfg.ias,
    tg: TG[cfg.granule] ?? 0,
    irgn: cfg.coherent_walk ? WB_RA_WA : NON_CACHEABLE,
    orgn: cfg.coherent_walk ? WB_RA_WA : NON_CACHEABLE,
    sh: cfg.coherent_walk ? SH_INNER : SH_OUTER,
    ps: PS[cfg.oas] ?? 5,
  };
}

/** As above, with SL0: how many levels a stage-2 walk skips, encoded per granule. */
export function vtcr_of(table: ArmLpaePgtable): Tcr & { sl: number } {
  const start = table.geo.start_level;
  const sl = table.cfg.granule === 4096 ? ~(start + 1) & 3 : ~start & 3;
  return { ...tcr_of(table), sl };
}
