/** SMMUv3 registers: offsets and bits. Spec: IHI 0070 6.3. */
import { bitTable } from "../base/fields.ts";

/** Byte offsets. Queue pointers of the event and PRI queue lie in page 1. */
export const REG = Object.freeze({
  IDR0: 0x0,
  IDR1: 0x4,
  IDR2: 0x8,
  IDR3: 0xc,
  IDR4: 0x10,
  IDR5: 0x14,
  IIDR: 0x18,
  AIDR: 0x1c,
  CR0: 0x20,
  CR0ACK: 0x24,
  CR1: 0x28,
  CR2: 0x2c,
  GBPA: 0x44,
  IRQ_CTRL: 0x50,
  IRQ_CTRLACK: 0x54,
  GERROR: 0x60,
  GERRORN: 0x64,
  GERROR_IRQ_CFG0: 0x68,
  GERROR_IRQ_CFG1: 0x70,
  GERROR_IRQ_CFG2: 0x74,
  STRTAB_BASE: 0x80,
  STRTAB_BASE_CFG: 0x88,
  CMDQ_BASE: 0x90,
  CMDQ_PROD: 0x98,
  CMDQ_CONS: 0x9c,
  EVENTQ_BASE: 0xa0,
  EVENTQ_IRQ_CFG0: 0xb0,
  EVENTQ_IRQ_CFG1: 0xb8,
  EVENTQ_IRQ_CFG2: 0xbc,
  PRIQ_BASE: 0xc0,
  PRIQ_IRQ_CFG0: 0xd0,
  PRIQ_IRQ_CFG1: 0xd8,
  PRIQ_IRQ_CFG2: 0xdc,
  PAGE1: 0x10000,
  EVENTQ_PROD: 0x100a8,
  EVENTQ_CONS: 0x100ac,
  PRIQ_PROD: 0x100c8,
  PRIQ_CONS: 0x100cc,
});

/** Names for the trace and the inspector, by offset. */
export const REG_NAMES: Readonly<Record<number, string>> = Object.freeze(
  Object.fromEntries(Object.entries(REG).map(([name, off]) => [off, name])),
);

const SIZES = Object.freeze({ 0: "32", 1: "36", 2: "40", 3: "42", 4: "44", 5: "48", 6: "52" });

export const IDR0 = bitTable("IDR0", "IHI 0070 6.3.1", 1, {
  S2P: [0, 0, 0],
  S1P: [0, 1, 1],
  TTF: [0, 3, 2, { 1: "AArch32", 2: "AArch64", 3: "both" }],
  COHACC: [0, 4, 4],
  BTM: [0, 5, 5],
  HTTU: [0, 7, 6, { 0: "none", 1: "access flag", 2: "access flag and dirty" }],
  DORMHINT: [0, 8, 8],
  HYP: [0, 9, 9],
  ATS: [0, 10, 10],
  NS1ATS: [0, 11, 11],
  ASID16: [0, 12, 12],
  MSI: [0, 13, 13],
  SEV: [0, 14, 14],
  ATOS: [0, 15, 15],
  PRI: [0, 16, 16],
  VMW: [0, 17, 17],
  VMID16: [0, 18, 18],
  CD2L: [0, 19, 19],
  VATOS: [0, 20, 20],
  TTENDIAN: [0, 22, 21, { 0: "mixed", 2: "little", 3: "big" }],
  ATSRECERR: [0, 23, 23],
  STALL_MODEL: [0, 25, 24, { 0: "stall and terminate", 1: "terminate only", 2: "stall only" }],
  TERM_MODEL: [0, 26, 26, { 0: "abort or RAZ/WI", 1: "abort" }],
  ST_LEVEL: [0, 28, 27, { 0: "linear", 1: "linear and 2-level" }],
  RME_IMPL: [0, 30, 30],
});

export const IDR1 = bitTable("IDR1", "IHI 0070 6.3.2", 1, {
  SIDSIZE: [0, 5, 0],
  SSIDSIZE: [0, 10, 6],
  PRIQS: [0, 15, 11],
  EVENTQS: [0, 20, 16],
  CMDQS: [0, 25, 21],
  ATTR_PERMS_OVR: [0, 26, 26],
  ATTR_TYPES_OVR: [0, 27, 27],
  REL: [0, 28, 28],
  QUEUES_PRESET: [0, 29, 29],
  TABLES_PRESET: [0, 30, 30],
  ECMDQ: [0, 31, 31],
});

export const IDR3 = bitTable("IDR3", "IHI 0070 6.3.4", 1, {
  HAD: [0, 2, 2],
  PBHA: [0, 3, 3],
  XNX: [0, 4, 4],
  PPS: [0, 5, 5],
  MPAM: [0, 7, 7],
  FWB: [0, 8, 8],
  STT: [0, 9, 9],
  RIL: [0, 10, 10],
  BBML: [0, 12, 11],
  E0PD: [0, 13, 13],
  PTWNNC: [0, 14, 14],
});

export const IDR5 = bitTable("IDR5", "IHI 0070 6.3.6", 1, {
  OAS: [0, 2, 0, SIZES],
  GRAN4K: [0, 4, 4],
  GRAN16K: [0, 5, 5],
  GRAN64K: [0, 6, 6],
  VAX: [0, 11, 10, { 0: "48", 1: "52" }],
  STALL_MAX: [0, 31, 16],
});

export const CR0 = bitTable("CR0", "IHI 0070 6.3.9", 1, {
  SMMUEN: [0, 0, 0],
  PRIQEN: [0, 1, 1],
  EVENTQEN: [0, 2, 2],
  CMDQEN: [0, 3, 3],
  ATSCHK: [0, 4, 4],
  VMW: [0, 8, 6],
});

export const CR1 = bitTable("CR1", "IHI 0070 6.3.11", 1, {
  QUEUE_IC: [0, 1, 0],
  QUEUE_OC: [0, 3, 2],
  QUEUE_SH: [0, 5, 4],
  TABLE_IC: [0, 7, 6],
  TABLE_OC: [0, 9, 8],
  TABLE_SH: [0, 11, 10],
});

export const CR2 = bitTable("CR2", "IHI 0070 6.3.12", 1, {
  E2H: [0, 0, 0],
  RECINVSID: [0, 1, 1],
  PTM: [0, 2, 2],
  REC_CFG_ATS: [0, 3, 3],
});

export const GBPA = bitTable("GBPA", "IHI 0070 6.3.15", 1, {
  MTCFG: [0, 4, 4],
  ALLOCCFG: [0, 11, 8],
  SHCFG: [0, 13, 12],
  PRIVCFG: [0, 17, 16],
  INSTCFG: [0, 19, 18],
  ABORT: [0, 20, 20],
  Update: [0, 31, 31],
});

export const IRQ_CTRL = bitTable("IRQ_CTRL", "IHI 0070 6.3.17", 1, {
  GERROR: [0, 0, 0],
  PRIQ: [0, 1, 1],
  EVENTQ: [0, 2, 2],
});

/** GERROR and GERRORN: an error is active while the two differ. */
export const GERROR = bitTable("GERROR", "IHI 0070 6.3.19", 1, {
  CMDQ_ERR: [0, 0, 0],
  EVENTQ_ABT_ERR: [0, 2, 2],
  PRIQ_ABT_ERR: [0, 3, 3],
  MSI_CMDQ_ABT_ERR: [0, 4, 4],
  MSI_EVENTQ_ABT_ERR: [0, 5, 5],
  MSI_PRIQ_ABT_ERR: [0, 6, 6],
  MSI_GERROR_ABT_ERR: [0, 7, 7],
  SFM_ERR: [0, 8, 8],
});

export const STRTAB_BASE = bitTable("STRTAB_BASE", "IHI 0070 6.3.23", 2, {
  "Addr[31:6]": [0, 31, 6],
  "Addr[51:32]": [1, 19, 0],
  RA: [1, 30, 30],
});

export const STRTAB_BASE_CFG = bitTable("STRTAB_BASE_CFG", "IHI 0070 6.3.24", 1, {
  LOG2SIZE: [0, 5, 0, null, "log2 of the number of StreamIDs"],
  SPLIT: [0, 10, 6, null, "StreamID bits resolved by a level-2 table: 6, 8, 10; others act as 6"],
  FMT: [0, 17, 16, { 0: "linear", 1: "2-level" }],
});

/** CMDQ_BASE, EVENTQ_BASE, PRIQ_BASE. */
export const QUEUE_BASE = bitTable("Q_BASE", "IHI 0070 6.3.25", 2, {
  LOG2SIZE: [0, 4, 0],
  "Addr[31:5]": [0, 31, 5],
  "Addr[51:32]": [1, 19, 0],
  RWA: [1, 30, 30],
});

/** log2 of an output address size by its encoding (IDR5.OAS, CD.IPS, STE.S2PS); reserved values act as 52. */
export function addressBits(encoding: number): number {
  switch (encoding) {
    case 0:
      return 32;
    case 1:
      return 36;
    case 2:
      return 40;
    case 3:
      return 42;
    case 4:
      return 44;
    case 5:
      return 48;
    default:
      return 52;
  }
}
