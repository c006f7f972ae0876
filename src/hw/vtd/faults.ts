/** Why a unit refuses a request, and the record it leaves. Spec: VT-d 7.1 (reasons), 11.4.15 (fault recording register). */
import { bitTable } from "../base/fields.ts";

/** Reasons of legacy mode, of scalable mode (0x30 and up) and of interrupt remapping (0x20 to 0x2f). */
export const REASON = Object.freeze({
  ROOT_NOT_PRESENT: 0x1,
  CONTEXT_NOT_PRESENT: 0x2,
  CONTEXT_INVALID: 0x3,
  BEYOND_WIDTH: 0x4,
  NO_WRITE: 0x5,
  NO_READ: 0x6,
  PAGING_ACCESS: 0x7,
  ROOT_ACCESS: 0x8,
  CONTEXT_ACCESS: 0x9,
  ROOT_RESERVED: 0xa,
  CONTEXT_RESERVED: 0xb,
  PAGING_RESERVED: 0xc,
  INTERRUPT_RANGE: 0xe,
  IR_REQUEST_RESERVED: 0x20,
  IR_INDEX: 0x21,
  IR_NOT_PRESENT: 0x22,
  IR_ACCESS: 0x23,
  IR_RESERVED: 0x24,
  IR_COMPATIBILITY: 0x25,
  IR_SOURCE: 0x26,
  SM_ROOT_ACCESS: 0x38,
  SM_ROOT_NOT_PRESENT: 0x39,
  SM_ROOT_RESERVED: 0x3a,
  SM_CONTEXT_ACCESS: 0x40,
  SM_CONTEXT_NOT_PRESENT: 0x41,
  SM_CONTEXT_RESERVED: 0x42,
  SM_CONTEXT_INVALID: 0x43,
  PASID_DIR_ACCESS: 0x50,
  PASID_DIR_NOT_PRESENT: 0x51,
  PASID_ACCESS: 0x58,
  PASID_NOT_PRESENT: 0x59,
  PASID_INVALID: 0x5b,
  FS_ACCESS: 0x70,
  FS_NOT_PRESENT: 0x71,
  FS_RESERVED: 0x72,
  NOT_CANONICAL: 0x80,
  FS_USER: 0x81,
  FS_NO_WRITE: 0x85,
  SM_INTERRUPT_RANGE: 0x87,
});

export const REASON_TEXT: Readonly<Record<number, string>> = Object.freeze({
  0x1: "root entry not present",
  0x2: "context entry not present",
  0x3: "context entry invalid",
  0x4: "address beyond the width of the tables",
  0x5: "no write permission",
  0x6: "no read permission",
  0x7: "nothing answers where a paging entry should be",
  0x8: "nothing answers where the root entry should be",
  0x9: "nothing answers where the context entry should be",
  0xa: "reserved bits in the root entry",
  0xb: "reserved bits in the context entry",
  0xc: "reserved bits in a paging entry",
  0xe: "translation leads into the interrupt range",
  0x20: "reserved bits in the interrupt request",
  0x21: "interrupt index beyond the remapping table",
  0x22: "interrupt remapping entry not present",
  0x23: "nothing answers where the interrupt remapping entry should be",
  0x24: "reserved bits in the interrupt remapping entry",
  0x25: "interrupt request in compatibility format is blocked",
  0x26: "interrupt request of a function that the entry does not name",
  0x38: "nothing answers where the root entry should be",
  0x39: "root entry not present",
  0x3a: "reserved bits in the root entry",
  0x40: "nothing answers where the context entry should be",
  0x41: "context entry not present",
  0x42: "reserved bits in the context entry",
  0x43: "context entry invalid",
  0x50: "nothing answers where the PASID directory should be",
  0x51: "PASID directory entry not present",
  0x58: "nothing answers where the PASID table should be",
  0x59: "PASID entry not present",
  0x5b: "PASID entry invalid",
  0x70: "nothing answers where a first-stage entry should be",
  0x71: "first-stage entry not present",
  0x72: "reserved bits in a first-stage entry",
  0x80: "address not canonical",
  0x81: "first-stage entry is not for user accesses",
  0x85: "no write permission",
  0x87: "translation leads into the interrupt range",
});

/** `NO_READ`. */
export function reasonName(reason: number): string {
  return Object.entries(REASON).find(([, value]) => value === reason)?.[0] ?? `reason 0x${reason.toString(16)}`;
}

/** `0x6 no read permission`. */
export function reasonText(reason: number): string {
  return `0x${reason.toString(16)} ${REASON_TEXT[reason] ?? "reason unknown"}`;
}

/** Fault recording register, 16 bytes. */
export const FRCD = bitTable("FRCD", "VT-d 11.4.15", 4, {
  "FI[31:12]": [0, 31, 12, null, "page of the request; of an interrupt request bits 63:48 are the index"],
  "FI[63:32]": [1, 31, 0],
  SID: [2, 15, 0, null, "bus, device, function of who asked"],
  PRIV: [2, 29, 29],
  EXE: [2, 30, 30],
  PP: [2, 31, 31, null, "the request carried a PASID"],
  FR: [3, 7, 0, REASON_TEXT],
  PV: [3, 27, 8, null, "PASID"],
  AT: [3, 29, 28],
  T: [3, 30, 30, { 0: "write", 1: "read" }],
  F: [3, 31, 31, null, "valid; software writes 1 to free the register"],
});
