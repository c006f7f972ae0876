/** Stream table: level-1 descriptors and stream table entries. Spec: SMMUv3 IHI 0070 5.1, 5.2. */
import { bitTable } from "../base/fields.ts";

/** Level-1 stream table descriptor, 8 bytes. */
export const L1STD = bitTable("L1STD", "SMMUv3 IHI 0070 5.1", 2, {
  Span: [0, 4, 0, { 0: "invalid" }, "the level-2 table has 2^(Span-1) entries"],
  "L2Ptr[31:6]": [0, 31, 6],
  "L2Ptr[51:32]": [1, 19, 0],
});

export const STE_CONFIG = Object.freeze({
  0: "abort",
  4: "bypass",
  5: "S1",
  6: "S2",
  7: "nested",
});

const CACHEABILITY = Object.freeze({ 0: "NC", 1: "WB RA WA", 2: "WT", 3: "WB" });
const SHAREABILITY = Object.freeze({ 0: "NSH", 1: "incoming", 2: "OSH", 3: "ISH" });
const SIZES = Object.freeze({ 0: "32", 1: "36", 2: "40", 3: "42", 4: "44", 5: "48", 6: "52" });

/** Stream table entry, 64 bytes. */
export const STE = bitTable("STE", "SMMUv3 IHI 0070 5.2", 16, {
  V: [0, 0, 0],
  Config: [0, 3, 1, STE_CONFIG],
  S1Fmt: [0, 5, 4, { 0: "linear", 1: "4K level 2", 2: "64K level 2" }],
  "S1ContextPtr[31:6]": [0, 31, 6],
  "S1ContextPtr[51:32]": [1, 19, 0],
  S1CDMax: [1, 31, 27, null, "log2 of the number of CDs"],
  S1DSS: [2, 1, 0, { 0: "terminate", 1: "bypass", 2: "SSID 0" }, "traffic without a SubstreamID"],
  S1CIR: [2, 3, 2, CACHEABILITY],
  S1COR: [2, 5, 4, CACHEABILITY],
  S1CSH: [2, 7, 6, { 0: "NSH", 2: "OSH", 3: "ISH" }],
  S2HWU: [2, 11, 8],
  DRE: [2, 12, 12],
  CONT: [2, 16, 13],
  PPAR: [2, 18, 18],
  MEV: [2, 19, 19, null, "events of this stream may be merged"],
  S2FWB: [2, 25, 25],
  S1MPAM: [2, 26, 26],
  S1STALLD: [2, 27, 27],
  EATS: [2, 29, 28, { 0: "abort", 1: "translated", 2: "S1 checked" }],
  STRW: [2, 31, 30, { 0: "NS-EL1", 2: "EL2" }],
  MemAttr: [3, 3, 0],
  MTCFG: [3, 4, 4],
  ALLOCCFG: [3, 8, 5],
  SHCFG: [3, 13, 12, SHAREABILITY],
  NSCFG: [3, 15, 14],
  PRIVCFG: [3, 17, 16, { 0: "incoming", 2: "unprivileged", 3: "privileged" }],
  INSTCFG: [3, 19, 18, { 0: "incoming", 2: "data", 3: "instruction" }],
  S2VMID: [4, 15, 0],
  S2T0SZ: [5, 5, 0, null, "64 - input bits"],
  S2SL0: [5, 7, 6],
  S2IR0: [5, 9, 8, CACHEABILITY],
  S2OR0: [5, 11, 10, CACHEABILITY],
  S2SH0: [5, 13, 12, { 0: "NSH", 2: "OSH", 3: "ISH" }],
  S2TG: [5, 15, 14, { 0: "4K", 1: "64K", 2: "16K" }],
  S2PS: [5, 18, 16, SIZES],
  S2AA64: [5, 19, 19],
  S2ENDI: [5, 20, 20],
  S2AFFD: [5, 21, 21],
  S2PTW: [5, 22, 22],
  S2HD: [5, 23, 23],
  S2HA: [5, 24, 24],
  S2S: [5, 25, 25, null, "stage-2 faults stall"],
  S2R: [5, 26, 26, null, "stage-2 faults are recorded"],
  "S2TTB[31:4]": [6, 31, 4],
  "S2TTB[51:32]": [7, 19, 0],
  S2NSW: [6, 0, 0],
});
