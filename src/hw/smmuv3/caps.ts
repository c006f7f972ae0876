/** What an SMMU implements, taken apart from its ID registers once. */
import { get } from "../base/fields.ts";
import type { Quirks } from "./quirks.ts";
import { addressBits, IDR0, IDR1, IDR3, IDR5 } from "./regs.ts";

/** ID registers as software reads them, and the named deviations. */
export interface SmmuConfig {
  idr0: number;
  idr1: number;
  idr3: number;
  idr5: number;
  iidr: number;
  aidr: number;
  quirks: Quirks;
}

/** Frozen. */
export interface Caps {
  readonly s1: boolean;
  readonly s2: boolean;
  readonly cd2l: boolean;
  readonly twoLevelStreamTable: boolean;
  /** 0 none, 1 access flag, 2 access flag and dirty state. */
  readonly httu: number;
  /** Stalling is possible at all; it is the only model. */
  readonly stall: boolean;
  readonly stallForced: boolean;
  readonly abortOnly: boolean;
  readonly littleEndianOnly: boolean;
  readonly bigEndianOnly: boolean;
  readonly aarch64: boolean;
  readonly aarch32: boolean;
  readonly msi: boolean;
  readonly ats: boolean;
  readonly pri: boolean;
  readonly hyp: boolean;
  readonly vmid16: boolean;
  readonly asid16: boolean;
  readonly sidBits: number;
  readonly ssidBits: number;
  /** STE.PRIVCFG and INSTCFG are obeyed. */
  readonly permsOverride: boolean;
  readonly had: boolean;
  readonly fwb: boolean;
  readonly xnx: boolean;
  readonly smallTables: boolean;
  readonly rangeInvalidation: boolean;
  /** Bits of an output address, 32..52. */
  readonly oas: number;
  readonly gran4k: boolean;
  readonly gran16k: boolean;
  readonly gran64k: boolean;
  /** 52-bit virtual addresses with 64 KiB granules. */
  readonly vax: boolean;
  readonly cmdqBits: number;
  readonly evtqBits: number;
  readonly priqBits: number;
  /** Transactions that can be held at the same time. */
  readonly stallMax: number;
  /** PRG responses of the SMMU itself carry the PASID of the request, whatever the STE says. */
  readonly pasidInResponse: boolean;
}

export function capsOf(config: SmmuConfig): Caps {
  const i0 = [config.idr0];
  const i1 = [config.idr1];
  const i3 = [config.idr3];
  const i5 = [config.idr5];
  const f = IDR0.f;
  const endian = get(f.TTENDIAN, i0);
  const stall = get(f.STALL_MODEL, i0);
  const ttf = get(f.TTF, i0);
  return Object.freeze({
    s1: get(f.S1P, i0) === 1,
    s2: get(f.S2P, i0) === 1,
    cd2l: get(f.CD2L, i0) === 1,
    twoLevelStreamTable: get(f.ST_LEVEL, i0) === 1,
    httu: get(f.HTTU, i0),
    stall: stall !== 1,
    stallForced: stall === 2,
    abortOnly: get(f.TERM_MODEL, i0) === 1,
    littleEndianOnly: endian === 2,
    bigEndianOnly: endian === 3,
    aarch64: (ttf & 2) !== 0,
    aarch32: (ttf & 1) !== 0,
    msi: get(f.MSI, i0) === 1,
    ats: get(f.ATS, i0) === 1,
    pri: get(f.PRI, i0) === 1,
    hyp: get(f.HYP, i0) === 1,
    vmid16: get(f.VMID16, i0) === 1,
    asid16: get(f.ASID16, i0) === 1,
    sidBits: get(IDR1.f.SIDSIZE, i1),
    ssidBits: get(IDR1.f.SSIDSIZE, i1),
    permsOverride: get(IDR1.f.ATTR_PERMS_OVR, i1) === 1,
    had: get(IDR3.f.HAD, i3) === 1,
    fwb: get(IDR3.f.FWB, i3) === 1,
    xnx: get(IDR3.f.XNX, i3) === 1,
    smallTables: get(IDR3.f.STT, i3) === 1,
    rangeInvalidation: get(IDR3.f.RIL, i3) === 1,
    oas: addressBits(get(IDR5.f.OAS, i5)),
    gran4k: get(IDR5.f.GRAN4K, i5) === 1,
    gran16k: get(IDR5.f.GRAN16K, i5) === 1,
    gran64k: get(IDR5.f.GRAN64K, i5) === 1,
    vax: get(IDR5.f.VAX, i5) === 1,
    cmdqBits: get(IDR1.f.CMDQS, i1),
    evtqBits: get(IDR1.f.EVENTQS, i1),
    priqBits: get(IDR1.f.PRIQS, i1),
    stallMax: get(IDR5.f.STALL_MAX, i5),
    pasidInResponse: get(IDR3.f.PPS, i3) === 1,
  });
}

/** Whether the SMMU walks tables of this granule (log2 of its page size). */
export function granuleSupported(caps: Caps, granule: number): boolean {
  return granule === 12 ? caps.gran4k : granule === 14 ? caps.gran16k : granule === 16 && caps.gran64k;
}
