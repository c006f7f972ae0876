/** Context descriptors. Spec: SMMUv3 IHI 0070 5.3, 5.4. */
import { bitTable } from "../base/fields.ts";

/** Level-1 context descriptor, 8 bytes: one level-2 table of 64 (4 KiB) or 1,024 (64 KiB) CDs. */
export const L1CD = bitTable("L1CD", "SMMUv3 IHI 0070 5.3", 2, {
  V: [0, 0, 0],
  "L2Ptr[31:12]": [0, 31, 12],
  "L2Ptr[51:32]": [1, 19, 0],
});

const CACHEABILITY = Object.freeze({ 0: "NC", 1: "WB RA WA", 2: "WT", 3: "WB RA" });
const SHAREABILITY = Object.freeze({ 0: "NSH", 2: "OSH", 3: "ISH" });
const SIZES = Object.freeze({ 0: "32", 1: "36", 2: "40", 3: "42", 4: "44", 5: "48", 6: "52" });

/** Context descriptor, 64 bytes. */
export const CD = bitTable("CD", "SMMUv3 IHI 0070 5.4", 16, {
  T0SZ: [0, 5, 0, null, "64 - input bits of TTB0"],
  TG0: [0, 7, 6, { 0: "4K", 1: "64K", 2: "16K" }],
  IR0: [0, 9, 8, CACHEABILITY],
  OR0: [0, 11, 10, CACHEABILITY],
  SH0: [0, 13, 12, SHAREABILITY],
  EPD0: [0, 14, 14, null, "1 = TTB0 is not walked"],
  ENDI: [0, 15, 15],
  T1SZ: [0, 21, 16],
  TG1: [0, 23, 22, { 1: "16K", 2: "4K", 3: "64K" }],
  IR1: [0, 25, 24, CACHEABILITY],
  OR1: [0, 27, 26, CACHEABILITY],
  SH1: [0, 29, 28, SHAREABILITY],
  EPD1: [0, 30, 30],
  V: [0, 31, 31],
  IPS: [1, 2, 0, SIZES],
  AFFD: [1, 3, 3, null, "access flag faults are disabled"],
  WXN: [1, 4, 4],
  UWXN: [1, 5, 5],
  TBI0: [1, 6, 6],
  TBI1: [1, 7, 7],
  PAN: [1, 8, 8],
  AA64: [1, 9, 9],
  HD: [1, 10, 10],
  HA: [1, 11, 11],
  S: [1, 12, 12, null, "faults stall"],
  R: [1, 13, 13, null, "faults are recorded"],
  A: [1, 14, 14, null, "terminated accesses abort"],
  ASET: [1, 15, 15],
  ASID: [1, 31, 16],
  NSCFG0: [2, 0, 0],
  HAD0: [2, 1, 1],
  E0PD0: [2, 2, 2],
  HAFT: [2, 3, 3],
  "TTB0[31:4]": [2, 31, 4],
  "TTB0[51:32]": [3, 19, 0],
  NSCFG1: [4, 0, 0],
  HAD1: [4, 1, 1],
  E0PD1: [4, 2, 2],
  "TTB1[31:4]": [4, 31, 4],
  "TTB1[51:32]": [5, 19, 0],
  "MAIR0[31:0]": [6, 31, 0],
  "MAIR1[63:32]": [7, 31, 0],
});
