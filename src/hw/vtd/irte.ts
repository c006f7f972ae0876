/** Interrupt remapping table entry (remapped format) and the two formats of a request. Spec: VT-d 9.9, 5.1.2. */
import { bitTable } from "../base/fields.ts";

/** 16 bytes. */
export const IRTE = bitTable("IRTE", "VT-d 9.9", 4, {
  P: [0, 0, 0],
  FPD: [0, 1, 1, null, "faults of this entry are not recorded"],
  DM: [0, 2, 2, { 0: "physical", 1: "logical" }],
  RH: [0, 3, 3],
  TM: [0, 4, 4, { 0: "edge", 1: "level" }],
  DLM: [0, 7, 5, { 0: "fixed", 1: "lowest priority", 2: "SMI", 4: "NMI", 5: "INIT", 7: "ExtINT" }],
  AVAIL: [0, 11, 8],
  IM: [0, 15, 15, { 0: "remapped", 1: "posted" }],
  V: [0, 23, 16, null, "vector"],
  DST: [1, 31, 0, null, "APIC ID"],
  SID: [2, 15, 0, null, "source the request must come from"],
  SQ: [2, 17, 16, { 0: "all bits", 1: "without bit 2", 2: "without bits 2:1", 3: "without bits 2:0" }],
  SVT: [2, 19, 18, { 0: "any source", 1: "SID with SQ", 2: "bus in SID's range" }],
});

/** Address of a request in remappable format: low word. */
export const REMAPPABLE = bitTable("interrupt request", "VT-d 5.1.2.2", 1, {
  "Index[15]": [0, 2, 2],
  SHV: [0, 3, 3, null, "the data is added to the index"],
  Format: [0, 4, 4, { 0: "compatibility", 1: "remappable" }],
  "Index[14:0]": [0, 19, 5],
  FEE: [0, 31, 20],
});
