/** Paging entries of both stages, 8 bytes each; 512 a table. Spec: VT-d 9.7 (first stage), 9.8 (second stage). */
import { bitTable } from "../base/fields.ts";

/** Second stage, any level. */
export const SS_ENTRY = bitTable("second-stage entry", "VT-d 9.8", 2, {
  R: [0, 0, 0],
  W: [0, 1, 1],
  X: [0, 2, 2],
  EMT: [0, 5, 3],
  IPAT: [0, 6, 6],
  PS: [0, 7, 7, null, "a page of this level's size, not a table"],
  A: [0, 8, 8],
  D: [0, 9, 9],
  SNP: [0, 11, 11, null, "accesses snoop the caches whatever the device asks"],
  "Address[31:12]": [0, 31, 12],
  "Address[51:32]": [1, 19, 0],
});

/** First stage, any level: the processor's own format. */
export const FS_ENTRY = bitTable("first-stage entry", "VT-d 9.7", 2, {
  P: [0, 0, 0],
  RW: [0, 1, 1, { 0: "read-only", 1: "writable" }],
  US: [0, 2, 2, { 0: "supervisor", 1: "user" }],
  PWT: [0, 3, 3],
  PCD: [0, 4, 4],
  A: [0, 5, 5],
  D: [0, 6, 6],
  PS: [0, 7, 7, null, "a page of this level's size, not a table"],
  G: [0, 8, 8],
  EA: [0, 10, 10, null, "extended accessed flag"],
  "Address[31:12]": [0, 31, 12],
  "Address[51:32]": [1, 19, 0],
  XD: [1, 31, 31],
});
