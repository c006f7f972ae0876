/** Root, context and PASID entries. Spec: VT-d 9.1 to 9.6. */
import { bitTable } from "../base/fields.ts";

/** Root entry, 16 bytes; one for each bus. */
export const ROOT = bitTable("root entry", "VT-d 9.1", 4, {
  P: [0, 0, 0],
  "ContextTable[31:12]": [0, 31, 12],
  "ContextTable[63:32]": [1, 31, 0],
});

/** Root entry of scalable mode, 16 bytes: functions 0..127 and 128..255 of a bus have a table each. */
export const SM_ROOT = bitTable("root entry", "VT-d 9.2", 4, {
  LP: [0, 0, 0],
  "LowerTable[31:12]": [0, 31, 12],
  "LowerTable[63:32]": [1, 31, 0],
  UP: [2, 0, 0],
  "UpperTable[31:12]": [2, 31, 12],
  "UpperTable[63:32]": [3, 31, 0],
});

const WIDTHS = Object.freeze({ 1: "39 bit, 3 levels", 2: "48 bit, 4 levels", 3: "57 bit, 5 levels" });

/** Context entry of legacy mode, 16 bytes; one for each function of a bus. */
export const CONTEXT = bitTable("context entry", "VT-d 9.3", 4, {
  P: [0, 0, 0],
  FPD: [0, 1, 1, null, "faults of this function are not recorded"],
  TT: [0, 3, 2, { 0: "second stage", 1: "second stage, device TLB", 2: "pass-through" }],
  "Table[31:12]": [0, 31, 12],
  "Table[63:32]": [1, 31, 0],
  AW: [2, 2, 0, WIDTHS],
  AVAIL: [2, 6, 3],
  DID: [2, 23, 8, null, "domain id, the tag of cached entries"],
});

/** Context entry of scalable mode, 32 bytes. */
export const SM_CONTEXT = bitTable("context entry", "VT-d 9.4", 8, {
  P: [0, 0, 0],
  FPD: [0, 1, 1, null, "faults of this function are not recorded"],
  DTE: [0, 2, 2, null, "device TLB: translation requests are answered"],
  PASIDE: [0, 3, 3, null, "requests with PASID are allowed"],
  PRE: [0, 4, 4, null, "page requests are allowed"],
  PDTS: [0, 11, 9, null, "the directory has 2^(PDTS+7) entries"],
  "Directory[31:12]": [0, 31, 12],
  "Directory[63:32]": [1, 31, 0],
  RID_PASID: [2, 19, 0, null, "PASID of requests without one"],
  RID_PRIV: [2, 20, 20],
});

/** Entry of the PASID directory, 8 bytes; each leads to 64 PASIDs. */
export const PASID_DIR = bitTable("PASID directory entry", "VT-d 9.5", 2, {
  P: [0, 0, 0],
  FPD: [0, 1, 1],
  "Table[31:12]": [0, 31, 12],
  "Table[63:32]": [1, 31, 0],
});

export const PGTT = Object.freeze({ FIRST: 1, SECOND: 2, NESTED: 3, PASS: 4 });

/** PASID table entry, 64 bytes. */
export const PASID_ENTRY = bitTable("PASID entry", "VT-d 9.6", 16, {
  P: [0, 0, 0],
  FPD: [0, 1, 1],
  AW: [0, 4, 2, WIDTHS],
  SSEE: [0, 5, 5],
  PGTT: [0, 8, 6, { 1: "first stage", 2: "second stage", 3: "nested", 4: "pass-through" }],
  SSADE: [0, 9, 9, null, "second stage: accessed and dirty flags are set"],
  "SSPTPTR[31:12]": [0, 31, 12],
  "SSPTPTR[63:32]": [1, 31, 0],
  DID: [2, 15, 0, null, "domain id, the tag of cached entries"],
  PWSNP: [2, 23, 23, null, "table reads snoop the caches"],
  PGSNP: [2, 24, 24, null, "accesses to the page snoop the caches"],
  CD: [2, 25, 25],
  EMTE: [2, 26, 26],
  SRE: [4, 0, 0],
  ERE: [4, 1, 1],
  FSPM: [4, 3, 2, { 0: "4 levels", 1: "5 levels" }],
  WPE: [4, 4, 4],
  NXE: [4, 5, 5],
  SMEP: [4, 6, 6],
  EAFE: [4, 7, 7, null, "first stage: the extended accessed flag is set"],
  "FSPTPTR[31:12]": [4, 31, 12],
  "FSPTPTR[63:32]": [5, 31, 0],
});
