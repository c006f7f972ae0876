/**
 * VMSAv8-64 translation table descriptors, as two u32 words. Source: Arm ARM DDI 0487 D8.3.
 * The address fields are those of the 4 KiB granule; larger granules ignore the lower address bits of the field.
 */
import { bitTable } from "../base/fields.ts";

/** Bits 1:0 of a descriptor above level 3; at level 3 only 3 (page) is valid. */
export const DESC_TYPE = Object.freeze({ 0: "invalid", 1: "block", 2: "invalid", 3: "table or page" });

const SHAREABILITY = Object.freeze({ 0: "non-shareable", 2: "outer", 3: "inner" });

/** Table descriptor of either stage; stage 2 has no hierarchical attributes. */
export const TABLE_DESC = bitTable("table descriptor", "DDI 0487 D8.3.1", 2, {
  Type: [0, 1, 0, DESC_TYPE],
  "NextTable[31:12]": [0, 31, 12],
  "NextTable[47:32]": [1, 15, 0],
  SwSync: [1, 23, 23, null, "bit 55, ignored by hardware: Linux has made the entry visible"],
  PXNTable: [1, 27, 27],
  XNTable: [1, 28, 28],
  APTable: [1, 30, 29, { 0: "no limit", 1: "no unprivileged", 2: "read-only", 3: "read-only, no unprivileged" }],
  NSTable: [1, 31, 31],
});

/** Block or page descriptor, stage 1. */
export const S1_LEAF = bitTable("stage 1 leaf", "DDI 0487 D8.3.1", 2, {
  Type: [0, 1, 0, DESC_TYPE],
  AttrIndx: [0, 4, 2, null, "index into CD.MAIR"],
  NS: [0, 5, 5],
  AP: [0, 7, 6, { 0: "RW privileged", 1: "RW", 2: "RO privileged", 3: "RO" }],
  SH: [0, 9, 8, SHAREABILITY],
  AF: [0, 10, 10],
  nG: [0, 11, 11],
  "Output[31:12]": [0, 31, 12],
  "Output[47:32]": [1, 15, 0],
  GP: [1, 18, 18],
  DBM: [1, 19, 19, null, "bit 51: writes may set AP[2]=0"],
  Contiguous: [1, 20, 20],
  PXN: [1, 21, 21],
  UXN: [1, 22, 22],
  Software: [1, 26, 23],
});

/** Block or page descriptor, stage 2. */
export const S2_LEAF = bitTable("stage 2 leaf", "DDI 0487 D8.3.1", 2, {
  Type: [0, 1, 0, DESC_TYPE],
  MemAttr: [0, 5, 2, { 1: "Device nGnRE", 5: "Normal NC", 6: "Normal WB (FWB)", 15: "Normal WB" }],
  S2AP: [0, 7, 6, { 0: "none", 1: "R", 2: "W", 3: "RW" }],
  SH: [0, 9, 8, SHAREABILITY],
  AF: [0, 10, 10],
  "Output[31:12]": [0, 31, 12],
  "Output[47:32]": [1, 15, 0],
  DBM: [1, 19, 19],
  Contiguous: [1, 20, 20],
  XN: [1, 22, 21],
  Software: [1, 26, 23],
});

/** Size of a granule's page as log2: 12, 14 or 16. */
export type GranuleShift = 12 | 14 | 16;

/** Low bit of the index of a level (0..3): the log2 of what one entry there covers. */
export function levelShift(level: number, granule: number): number {
  return granule + (3 - level) * (granule - 3);
}

/** Start level of a stage-1 walk over `inputBits` bits. */
export function startLevel(inputBits: number, granule: number): number {
  return 4 - Math.ceil((inputBits - granule) / (granule - 3));
}
