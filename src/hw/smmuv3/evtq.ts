/** Event queue records (32 bytes). Spec: SMMUv3 IHI 0070 7.3. */
import { hex, hex64 } from "../base/bits.ts";
import { bitTable, get, nameOf } from "../base/fields.ts";

/** Event numbers. */
export const EVENT = Object.freeze({
  F_UUT: 0x01,
  C_BAD_STREAMID: 0x02,
  F_STE_FETCH: 0x03,
  C_BAD_STE: 0x04,
  F_BAD_ATS_TREQ: 0x05,
  F_STREAM_DISABLED: 0x06,
  F_TRANSL_FORBIDDEN: 0x07,
  C_BAD_SUBSTREAMID: 0x08,
  F_CD_FETCH: 0x09,
  C_BAD_CD: 0x0a,
  F_WALK_EABT: 0x0b,
  F_TRANSLATION: 0x10,
  F_ADDR_SIZE: 0x11,
  F_ACCESS: 0x12,
  F_PERMISSION: 0x13,
  F_TLB_CONFLICT: 0x20,
  F_CFG_CONFLICT: 0x21,
  E_PAGE_REQUEST: 0x24,
  F_VMS_FETCH: 0x25,
});

export const EVENT_NAMES: Readonly<Record<number, string>> = Object.freeze(
  Object.fromEntries(Object.entries(EVENT).map(([name, id]) => [id, name])),
);

/** What the faulting access was for. */
export const CLASS_NAMES = Object.freeze({ 0: "CD", 1: "TT", 2: "IN" });

/** The superset layout; kinds that carry no address leave those words 0. */
export const EVT = bitTable("EVT", "SMMUv3 IHI 0070 7.3", 8, {
  Event: [0, 7, 0, EVENT_NAMES],
  SSV: [0, 11, 11],
  SubstreamID: [0, 31, 12],
  StreamID: [1, 31, 0],
  STAG: [2, 15, 0],
  Stall: [2, 31, 31],
  PnU: [3, 1, 1],
  InD: [3, 2, 2],
  RnW: [3, 3, 3],
  NSIPA: [3, 4, 4],
  S2: [3, 7, 7],
  CLASS: [3, 9, 8, CLASS_NAMES],
  TTRnW: [3, 12, 12],
  "InputAddr[31:0]": [4, 31, 0],
  "InputAddr[63:32]": [5, 31, 0],
  "IPA[31:3]": [6, 31, 3, null, "IPA[31:12] of a stage-2 fault, FetchAddr[31:3] of an external abort"],
  "IPA[51:32]": [7, 19, 0],
});

const NO_ADDRESS: ReadonlySet<number> = new Set([
  EVENT.C_BAD_STREAMID,
  EVENT.C_BAD_STE,
  EVENT.F_STREAM_DISABLED,
  EVENT.C_BAD_SUBSTREAMID,
  EVENT.C_BAD_CD,
  EVENT.F_STE_FETCH,
  EVENT.F_CD_FETCH,
]);

/** Whether records of this kind carry the input address and the fields of word 3. */
export function hasInput(event: number): boolean {
  return !NO_ADDRESS.has(event);
}

/** One line for the reader: `F_TRANSLATION sid 0x18 iova 0x4000 read S1 IN`. */
export function eventText(words: ArrayLike<number>): string {
  const event = get(EVT.f.Event, words);
  let text = `${nameOf(EVT.f.Event, event)} sid ${hex(get(EVT.f.StreamID, words))}`;
  if (get(EVT.f.SSV, words) === 1) text += ` ssid ${hex(get(EVT.f.SubstreamID, words))}`;
  const third = hex64((words[6] ?? 0) >>> 0, words[7] ?? 0);
  if (hasInput(event)) {
    const s2 = get(EVT.f.S2, words) === 1;
    const input = hex64(get(EVT.f["InputAddr[31:0]"], words), get(EVT.f["InputAddr[63:32]"], words));
    text += ` iova ${input} ${get(EVT.f.RnW, words) === 1 ? "read" : "write"} S${s2 ? 2 : 1}`;
    text += ` ${nameOf(EVT.f.CLASS, get(EVT.f.CLASS, words))}`;
    if (event === EVENT.F_WALK_EABT) text += ` fetch ${third}`;
    else if (s2) text += ` ipa ${third}`;
    if (get(EVT.f.Stall, words) === 1) text += ` stalled, tag ${get(EVT.f.STAG, words)}`;
  } else if (event === EVENT.F_STE_FETCH || event === EVENT.F_CD_FETCH) text += ` fetch ${third}`;
  return text;
}
