/**
 * What the SMMU keeps of an STE and its CD: the part of them that a translation needs, taken apart once and cached
 * until a CFGI command removes it. Spec: SMMUv3 IHI 0070 5.2, 5.4 (validity), 3.21 (configuration caching).
 */
import { alignDown, high, join, POW2 } from "../base/bits.ts";
import { get } from "../base/fields.ts";
import { levelShift, startLevel } from "../pgtable/vmsav8.ts";
import { type Caps, granuleSupported } from "./caps.ts";
import { CD } from "./cd.ts";
import { EVENT } from "./evtq.ts";
import type { Quirks } from "./quirks.ts";
import { addressBits } from "./regs.ts";
import { STE } from "./ste.ts";

/** One stage-1 translation table. */
export class TableInfo {
  enabled = false;
  /** log2 of the page size; 0 while disabled. */
  granule = 0;
  inputBits = 0;
  start = 0;
  /** Base as in the CD: an IPA when stage 2 is on, else a PA. */
  ttb = 0;
  /** The same aligned to the table's size, int32 halves; under the quirk nestedTtb the PA it was translated to. */
  baseHi = 0;
  baseLo = 0;
  /** log2 of what one entry of the first table covers, and mask of the index into it. */
  shift = 0;
  mask = 0;
  /** Of every table but the first: mask of the index, and of the low word of its address. */
  below = 0;
  low = 0;
  /** Its entries hold 52 bits of address. */
  wide = false;
  /** Lowest high half of an address beyond IPS, which counts up to 48 bits but for 64 KiB granules. */
  ipsTop = 0;
  /** Bit n set: blocks are accepted at level n. */
  blocks = 0;
  tbi = false;
  /** Hierarchical permissions off. */
  had = false;
}

export type StreamKind = "abort" | "bypass" | "translate";

/** Flat on purpose: read on every translation. */
export class StreamConfig {
  sid = 0;
  ssid = -1;
  kind: StreamKind = "abort";
  s1 = false;
  s2 = false;
  /** TLB tag of stage-1 entries: ASID, plus 0x10000 in the EL2 regime; -1 = stage 2 only. */
  asid = -1;
  /** The EL2 regime has one privilege level and no VMID. */
  el2 = false;
  readonly tt0 = new TableInfo();
  readonly tt1 = new TableInfo();
  ipsBits = 0;
  /** Lowest high half of an address beyond ipsBits; before a CD was read that of the SMMU's output size. */
  ipsTop = 0;
  affd = false;
  record1 = false;
  stall1 = false;
  /** Terminated stage-1 faults read as zero and ignore writes (CD.A = 0). */
  raz1 = false;
  /** Hardware updates of access flag and dirty state, by stage. */
  ha1 = false;
  hd1 = false;
  ha2 = false;
  hd2 = false;
  /** STE.PPAR. */
  ppar = false;
  /** STE.EATS. */
  eats = 0;
  /** Stage 1 only, and skipped for traffic without SubstreamID (S1DSS = bypass). */
  skipped = false;
  wxn = false;
  mair0 = 0;
  mair1 = 0;
  /** STE words that the CD fetch needs. */
  contextPtr = 0;
  s1Fmt = 0;
  s1CdMax = 0;
  s1Dss = 0;
  s1StallDisabled = false;
  vmid = 0;
  granule2 = 0;
  inputBits2 = 0;
  /** Lowest high half of an input that is too large; at least 1. */
  topHi2 = 0;
  start2 = 0;
  ttb2 = 0;
  /** Aligned to the table's size, int32 halves. */
  base2Hi = 0;
  base2Lo = 0;
  shift2 = 0;
  mask2 = 0;
  /** Of every table but the first: mask of the index, and of the low word of its address. */
  below2 = 0;
  low2 = 0;
  /** Its entries hold 52 bits of address. */
  wide2 = false;
  /** Bit n set: blocks are accepted at level n. */
  blocks2 = 0;
  psBits = 0;
  psTop = 0;
  affd2 = false;
  ptw2 = false;
  fwb2 = false;
  /** XN of a stage-2 leaf has two bits: execution by privilege. */
  xnx = false;
  record2 = false;
  stall2 = false;
  pan = false;
  /** STE.PRIVCFG, INSTCFG: 0 as the transaction says. */
  privCfg = 0;
  instCfg = 0;
}

/** S2SL0 -> start level by granule; -1 = reserved. */
function stage2Start(sl0: number, granule: number): number {
  if (sl0 === 3) return -1;
  return granule === 12 ? 2 - sl0 : 3 - sl0;
}

/**
 * Takes an STE apart. Returns 0, or the event that its violation of a rule gives.
 * `words`: 16 u32.
 */
export function decodeSte(c: StreamConfig, words: ArrayLike<number>, caps: Caps, q: Quirks): number {
  const f = STE.f;
  if (get(f.V, words) === 0) return EVENT.C_BAD_STE;
  const config = get(f.Config, words);
  if ((config & 4) === 0) {
    c.kind = "abort";
    return 0;
  }
  if (config === 4) {
    c.kind = "bypass";
    return 0;
  }
  c.kind = "translate";
  c.ipsTop = 2 ** (caps.oas - 32);
  c.s1 = (config & 1) !== 0;
  c.s2 = (config & 2) !== 0;
  if ((c.s1 && !caps.s1) || (c.s2 && !caps.s2)) return EVENT.C_BAD_STE;
  const strw = get(f.STRW, words);
  c.el2 = c.s1 && !c.s2 && caps.hyp && strw === 2;
  c.vmid = caps.s2 && !c.el2 ? get(f.S2VMID, words) : 0;
  c.eats = caps.ats ? get(f.EATS, words) : 0;
  c.ppar = get(f.PPAR, words) === 1;
  c.privCfg = caps.permsOverride ? get(f.PRIVCFG, words) : 0;
  c.instCfg = caps.permsOverride ? get(f.INSTCFG, words) : 0;
  if (c.s2) {
    const bad = decodeStage2(c, words, caps, q);
    if (bad !== 0) return bad;
  }
  c.s1CdMax = get(f.S1CDMax, words);
  c.s1StallDisabled = get(f.S1STALLD, words) === 1;
  if (q.s1cdmax && c.s1CdMax !== 0) return EVENT.C_BAD_STE;
  if (c.s1StallDisabled && (!caps.stall || caps.stallForced) && (c.s1 || q.s1cdmax)) return EVENT.C_BAD_STE;
  if (!c.s1) return 0;
  if (!c.s2 && caps.hyp && (strw & 1) === 1) return EVENT.C_BAD_STE;
  if (caps.ssidBits === 0) c.s1CdMax = 0;
  c.s1Fmt = get(f.S1Fmt, words);
  c.s1Dss = get(f.S1DSS, words);
  c.contextPtr = join((get(f["S1ContextPtr[31:6]"], words) << 6) >>> 0, get(f["S1ContextPtr[51:32]"], words));
  if (c.s1CdMax > caps.ssidBits) return EVENT.C_BAD_STE;
  if (c.s1CdMax > 0) {
    if (c.s1Fmt === 3 || (c.s1Fmt !== 0 && !caps.cd2l)) return EVENT.C_BAD_STE;
    if (c.s1Dss === 3) return EVENT.C_BAD_STE;
  }
  return 0;
}

function decodeStage2(c: StreamConfig, words: ArrayLike<number>, caps: Caps, q: Quirks): number {
  const f = STE.f;
  const bad = EVENT.C_BAD_STE;
  if (get(f.S2AA64, words) === 0) return bad;
  const tg = get(f.S2TG, words);
  if (tg === 3) return bad;
  c.granule2 = tg === 0 ? 12 : tg === 1 ? 16 : 14;
  if (!granuleSupported(caps, c.granule2)) return bad;
  const sl0 = get(f.S2SL0, words);
  c.start2 = stage2Start(sl0, c.granule2);
  if (c.start2 < 0) return bad;
  if (sl0 === 2 && caps.oas < (c.granule2 === 14 ? 42 : 44)) return bad;
  c.psBits = Math.min(addressBits(get(f.S2PS, words)), caps.oas, c.granule2 === 16 ? 52 : 48);
  c.ttb2 = join((get(f["S2TTB[31:4]"], words) << 4) >>> 0, get(f["S2TTB[51:32]"], words));
  if (c.ttb2 >= 2 ** c.psBits) return bad;
  const t0sz = get(f.S2T0SZ, words);
  c.inputBits2 = 64 - t0sz;
  const widest = q.s2t0szPs ? c.psBits : Math.min(caps.oas, c.granule2 === 16 ? 52 : 48);
  if (t0sz > 39 || c.inputBits2 > widest) return bad;
  const resolved = levelShift(c.start2, c.granule2);
  const stride = c.granule2 - 3;
  if (c.inputBits2 > resolved + stride + 4) return bad;
  if (c.inputBits2 < resolved + 1 && !q.s2sl0Min) return bad;
  c.shift2 = resolved;
  c.mask2 = 2 ** (q.s2Concat ? stride : Math.max(c.inputBits2 - resolved, 0)) - 1;
  c.below2 = (1 << stride) - 1;
  c.low2 = -(1 << c.granule2);
  c.wide2 = caps.oas === 52 && c.granule2 === 16;
  c.blocks2 = blocksOf(c.granule2, caps, q);
  const base = tableBase(c.ttb2, c.inputBits2 - resolved + 3);
  c.base2Hi = high(base);
  c.base2Lo = base | 0;
  c.topHi2 = 2 ** Math.max(c.inputBits2 - 32, 0);
  c.psTop = 2 ** (c.psBits - 32);
  if (wrongEndian(get(f.S2ENDI, words), caps)) return bad;
  c.stall2 = get(f.S2S, words) === 1;
  if (c.stall2 && !caps.stall) return bad;
  if (!q.s2haIgnored) {
    const ha = get(f.S2HA, words);
    const hd = get(f.S2HD, words);
    if ((ha === 1 && caps.httu === 0) || (hd === 1 && (caps.httu < 2 || ha === 0))) return bad;
    c.ha2 = ha === 1;
    c.hd2 = hd === 1;
  }
  c.affd2 = get(f.S2AFFD, words) === 1;
  c.record2 = get(f.S2R, words) === 1;
  c.ptw2 = get(f.S2PTW, words) === 1 && !q.s2ptw;
  c.fwb2 = get(f.S2FWB, words) === 1 && caps.fwb;
  c.xnx = caps.xnx;
  return 0;
}

/** Bit n set: blocks are accepted at level n. */
function blocksOf(granule: number, caps: Caps, q: Quirks): number {
  if (q.blockLevel) return 0b111;
  return granule === 12 ? 0b110 : granule === 16 && caps.oas === 52 ? 0b110 : 0b100;
}

function wrongEndian(big: number, caps: Caps): boolean {
  return big === 1 ? caps.littleEndianOnly : caps.bigEndianOnly;
}

const TG0_GRANULE: readonly number[] = Object.freeze([12, 16, 14, 0]);
const TG1_GRANULE: readonly number[] = Object.freeze([0, 14, 12, 16]);

/** Takes the common part of a CD apart; its two tables follow with decodeTable. Returns 0 or an event. */
export function decodeCd(c: StreamConfig, words: ArrayLike<number>, caps: Caps, q: Quirks): number {
  const f = CD.f;
  const bad = EVENT.C_BAD_CD;
  if (get(f.V, words) === 0) return bad;
  if (get(f.AA64, words) === 0) return bad;
  if (get(f.A, words) === 0 && caps.abortOnly) return bad;
  c.stall1 = get(f.S, words) === 1;
  if (c.stall1 && (!caps.stall || c.s1StallDisabled)) return bad;
  if (!c.stall1 && caps.stallForced) return bad;
  const ha = get(f.HA, words);
  const hd = get(f.HD, words);
  if ((ha === 1 && caps.httu === 0) || (hd === 1 && caps.httu < 2)) return bad;
  c.ha1 = ha === 1;
  c.hd1 = hd === 1 && ha === 1;
  c.raz1 = get(f.A, words) === 0;
  if (!q.endiEpd && wrongEndian(get(f.ENDI, words), caps)) return bad;
  c.ipsBits = Math.min(addressBits(get(f.IPS, words)), caps.oas);
  c.ipsTop = 2 ** (c.ipsBits - 32);
  c.affd = get(f.AFFD, words) === 1;
  c.record1 = get(f.R, words) === 1;
  c.wxn = get(f.WXN, words) === 1;
  c.pan = get(f.PAN, words) === 1;
  c.asid = get(f.ASID, words) + (c.el2 ? 0x10000 : 0);
  c.mair0 = get(f["MAIR0[31:0]"], words);
  c.mair1 = get(f["MAIR1[63:32]"], words);
  return 0;
}

/** Takes table `i` (0: TTB0, 1: TTB1) of a CD apart. Returns 0 or an event. */
export function decodeTable(c: StreamConfig, i: number, words: ArrayLike<number>, caps: Caps, q: Quirks): number {
  const f = CD.f;
  const bad = EVENT.C_BAD_CD;
  const tt = i === 0 ? c.tt0 : c.tt1;
  tt.enabled = get(i === 0 ? f.EPD0 : f.EPD1, words) === 0 && !(i === 1 && c.el2);
  tt.tbi = get(i === 0 || q.tbi1 ? f.TBI0 : f.TBI1, words) === 1;
  if (!tt.enabled) return 0;
  const tsz = get(i === 0 ? f.T0SZ : f.T1SZ, words);
  const tg = get(i === 0 ? f.TG0 : f.TG1, words);
  const granule = (i === 0 ? TG0_GRANULE : TG1_GRANULE)[tg] ?? 0;
  const smallest = caps.vax && granule === 16 ? 12 : 16;
  if (tsz < smallest || tsz > (caps.smallTables ? 48 : 39)) return bad;
  if (!granuleSupported(caps, granule) || wrongEndian(get(f.ENDI, words), caps)) return bad;
  const sizeBits = granule === 16 ? c.ipsBits : Math.min(c.ipsBits, 48);
  tt.granule = granule;
  tt.inputBits = 64 - tsz;
  tt.start = startLevel(tt.inputBits, granule);
  tt.shift = levelShift(tt.start, granule);
  tt.mask = 2 ** (tt.inputBits - tt.shift) - 1;
  tt.below = (1 << (granule - 3)) - 1;
  tt.low = -(1 << granule);
  tt.wide = caps.oas === 52 && granule === 16;
  tt.blocks = blocksOf(granule, caps, q);
  tt.had = caps.had && get(i === 0 ? f.HAD0 : f.HAD1, words) === 1;
  const low = get(i === 0 ? f["TTB0[31:4]"] : f["TTB1[31:4]"], words);
  tt.ttb = join((low << 4) >>> 0, get(i === 0 ? f["TTB0[51:32]"] : f["TTB1[51:32]"], words));
  setBase(tt, tt.ttb);
  tt.ipsTop = 2 ** (sizeBits - 32);
  return beyond(tt.ttb, sizeBits) ? bad : 0;
}

/** Makes `address` the base that table `tt` is walked from. */
export function setBase(tt: TableInfo, address: number): void {
  const base = tableBase(address, tt.inputBits - tt.shift + 3);
  tt.baseHi = high(base);
  tt.baseLo = base | 0;
}

/** A base register aligned down to its table of 2^log2 bytes; a table of less than one byte aligns everything away. */
function tableBase(address: number, log2: number): number {
  return log2 < 0 ? 0 : alignDown(address, log2);
}

/** Whether an address does not fit into `n` bits; n 0..63. */
function beyond(address: number, n: number): boolean {
  return address >= (POW2[n] ?? 0);
}

/** The table that an address belongs to, null when it lies between the two or its table is off. */
export function selectTable(c: StreamConfig, hi: number, lo: number): TableInfo | null {
  const upper = ((hi >>> 23) & 1) === 1 && !c.el2;
  const tt = upper ? c.tt1 : c.tt0;
  if (!tt.enabled) return null;
  const sign = upper ? -1 : 0;
  const top = tt.tbi ? (hi << 8) >> 8 : hi | 0;
  const n = tt.inputBits;
  if (n >= 32) return top >> (n - 32) === sign ? tt : null;
  return top === sign && (lo | 0) >> n === sign ? tt : null;
}

/** Level from which a look-up with the other granule starts: that of a table over the same input. */
export function lookupStart(tt: TableInfo, granule: number): number {
  return Math.max(4 - Math.ceil((tt.inputBits - granule) / (granule - 3)), 0);
}
