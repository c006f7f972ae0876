/** Commands, 16 bytes each. Spec: SMMUv3 IHI 0070 4. */
import { hex, hex64 } from "../base/bits.ts";
import { bitTable, type BitTable, get } from "../base/fields.ts";

export const OP = Object.freeze({
  PREFETCH_CONFIG: 0x01,
  PREFETCH_ADDR: 0x02,
  CFGI_STE: 0x03,
  CFGI_STE_RANGE: 0x04,
  CFGI_CD: 0x05,
  CFGI_CD_ALL: 0x06,
  CFGI_VMS_PIDM: 0x07,
  TLBI_NH_ALL: 0x10,
  TLBI_NH_ASID: 0x11,
  TLBI_NH_VA: 0x12,
  TLBI_NH_VAA: 0x13,
  TLBI_EL3_ALL: 0x18,
  TLBI_EL3_VA: 0x1a,
  TLBI_EL2_ALL: 0x20,
  TLBI_EL2_ASID: 0x21,
  TLBI_EL2_VA: 0x22,
  TLBI_EL2_VAA: 0x23,
  TLBI_S12_VMALL: 0x28,
  TLBI_S2_IPA: 0x2a,
  TLBI_NSNH_ALL: 0x30,
  ATC_INV: 0x40,
  PRI_RESP: 0x41,
  RESUME: 0x44,
  STALL_TERM: 0x45,
  SYNC: 0x46,
});

export const OP_NAMES: Readonly<Record<number, string>> = Object.freeze(
  Object.fromEntries(Object.entries(OP).map(([name, code]) => [code, name])),
);

const CODE = [0, 7, 0, OP_NAMES] as const;

/** CFGI_*, PREFETCH_CONFIG. */
export const CMD_CFGI = bitTable("CMD_CFGI", "SMMUv3 IHI 0070 4.3", 4, {
  Op: CODE,
  SSec: [0, 10, 10],
  SSID: [0, 31, 12],
  SID: [1, 31, 0],
  Leaf: [2, 0, 0],
});

export const CMD_CFGI_STE_RANGE = bitTable("CMD_CFGI_STE_RANGE", "SMMUv3 IHI 0070 4.3.2", 4, {
  Op: CODE,
  SSec: [0, 10, 10],
  SID: [1, 31, 0],
  Range: [2, 4, 0, { 31: "all" }, "2^(Range+1) StreamIDs"],
});

/** TLBI_*. */
export const CMD_TLBI = bitTable("CMD_TLBI", "SMMUv3 IHI 0070 4.4", 4, {
  Op: CODE,
  NUM: [0, 16, 12, null, "range of (NUM + 1) * 2^SCALE pages when TG is not 0"],
  SCALE: [0, 25, 20],
  VMID: [1, 15, 0],
  ASID: [1, 31, 16],
  Leaf: [2, 0, 0],
  TTL: [2, 9, 8, null, "level of the leaf, 0 = any"],
  TG: [2, 11, 10, { 0: "single", 1: "4K", 2: "16K", 3: "64K" }],
  "Address[31:12]": [2, 31, 12],
  "Address[63:32]": [3, 31, 0],
});

export const CMD_ATC_INV = bitTable("CMD_ATC_INV", "SMMUv3 IHI 0070 4.5.1", 4, {
  Op: CODE,
  Global: [0, 9, 9],
  SSec: [0, 10, 10],
  SSV: [0, 11, 11],
  SSID: [0, 31, 12],
  SID: [1, 31, 0],
  Size: [2, 5, 0, { 52: "all" }, "log2 of 4K pages"],
  "Address[31:12]": [2, 31, 12],
  "Address[63:32]": [3, 31, 0],
});

export const CMD_PRI_RESP = bitTable("CMD_PRI_RESP", "SMMUv3 IHI 0070 4.5.2", 4, {
  Op: CODE,
  SSV: [0, 11, 11],
  SSID: [0, 31, 12],
  SID: [1, 31, 0],
  PRGIndex: [2, 8, 0],
  Resp: [2, 13, 12, { 0: "deny", 1: "failure", 2: "success" }],
});

export const CMD_RESUME = bitTable("CMD_RESUME", "SMMUv3 IHI 0070 4.6.1", 4, {
  Op: CODE,
  Response: [0, 13, 12, { 0: "terminate", 1: "retry", 2: "abort" }],
  SID: [1, 31, 0],
  STAG: [2, 15, 0],
});

export const CMD_SYNC = bitTable("CMD_SYNC", "SMMUv3 IHI 0070 4.7.3", 4, {
  Op: CODE,
  CS: [0, 13, 12, { 0: "none", 1: "interrupt", 2: "event" }],
  MSH: [0, 23, 22],
  MSIAttr: [0, 27, 24],
  MSIData: [1, 31, 0],
  "MSIAddress[31:2]": [2, 31, 2],
  "MSIAddress[51:32]": [3, 19, 0],
});

/** The table that a command is drawn with. */
export function commandTable(op: number): BitTable {
  if (op === OP.CFGI_STE_RANGE) return CMD_CFGI_STE_RANGE;
  if (op === OP.SYNC) return CMD_SYNC;
  if (op === OP.ATC_INV) return CMD_ATC_INV;
  if (op === OP.PRI_RESP) return CMD_PRI_RESP;
  if (op === OP.RESUME || op === OP.STALL_TERM) return CMD_RESUME;
  return op >= 0x10 && op <= 0x3f ? CMD_TLBI : CMD_CFGI;
}

/** One line: `TLBI_NH_VA asid 17 vmid 0 0x10000 leaf`. */
export function commandText(words: ArrayLike<number>): string {
  const op = (words[0] ?? 0) & 0xff;
  const name = OP_NAMES[op] ?? `command ${hex(op)}`;
  const table = commandTable(op);
  if (table === CMD_SYNC) return name;
  if (table === CMD_CFGI_STE_RANGE) {
    const range = get(CMD_CFGI_STE_RANGE.f.Range, words);
    return range === 31 ? "CFGI_ALL" : `${name} sid ${hex(get(CMD_CFGI.f.SID, words))} range ${range}`;
  }
  if (table !== CMD_TLBI) {
    const ssid = op === OP.CFGI_CD ? ` ssid ${get(CMD_CFGI.f.SSID, words)}` : "";
    return `${name} sid ${hex(get(CMD_CFGI.f.SID, words))}${ssid}`;
  }
  const f = CMD_TLBI.f;
  let text = name;
  if (op === OP.TLBI_NH_ASID || op === OP.TLBI_NH_VA || op === OP.TLBI_EL2_ASID || op === OP.TLBI_EL2_VA) {
    text += ` asid ${get(f.ASID, words)}`;
  }
  if ((op & 0xf0) === 0x10 || op === OP.TLBI_S12_VMALL || op === OP.TLBI_S2_IPA) text += ` vmid ${get(f.VMID, words)}`;
  if (op !== OP.TLBI_NH_VA && op !== OP.TLBI_NH_VAA && op !== OP.TLBI_S2_IPA && op !== OP.TLBI_EL2_VA) return text;
  text += ` ${hex64(((words[2] ?? 0) & ~0xfff) >>> 0, words[3] ?? 0)}`;
  if (get(f.TG, words) !== 0)
    text += ` +${(get(f.NUM, words) + 1) * 2 ** get(f.SCALE, words)} pages of ${["", "4K", "16K", "64K"][get(f.TG, words)]}`;
  return get(f.Leaf, words) === 1 ? `${text} leaf` : text;
}
