/** The table walks of the reference (reference.ts): DDI 0487 D8.2 to D8.6 step by step in bigint, for tests only. */

export type FaultClass = "CD" | "TT" | "IN";
export type Need = "R" | "W";

export interface Memory {
  /** 64-bit little-endian read; null = external abort. */
  read: (pa: bigint) => bigint | null;
  write: (pa: bigint, word: bigint) => void;
}

export class Fault extends Error {
  readonly event: number;
  readonly stage: 0 | 1 | 2;
  readonly level: number;
  readonly cls: FaultClass;
  /** IPA or fetch address for the record. */
  readonly address: bigint;
  /** Recorded and terminated whatever the structures say. */
  readonly always: boolean;
  constructor(event: number, stage: 0 | 1 | 2, level: number, cls: FaultClass, address: bigint, always = false) {
    super("fault");
    this.event = event;
    this.stage = stage;
    this.level = level;
    this.cls = cls;
    this.address = address;
    this.always = always;
  }
}

export const bits = (word: bigint, hi: number, lo: number): bigint =>
  (word >> BigInt(lo)) & ((1n << BigInt(hi - lo + 1)) - 1n);
export const bit = (word: bigint, at: number): boolean => bits(word, at, at) === 1n;
const least = (...list: bigint[]): bigint => list.reduce((a, b) => (a < b ? a : b));
const SIZES = [32n, 36n, 40n, 42n, 44n, 48n, 52n];

/** Effective size of a stage's output: IPS or S2PS, the SMMU's own, and 48 bits but for 64 KiB granules. */
export function effective(encoding: bigint, oas: bigint, granule: bigint): bigint {
  return least(SIZES[Number(encoding)] ?? 52n, oas, granule === 16n ? 52n : 48n);
}

/** log2 of the page for the TG encodings of stage 2 and TTB0. */
export const granuleOf = (tg: bigint): bigint => (tg === 0n ? 12n : tg === 1n ? 16n : 14n);

export interface Table {
  enabled: boolean;
  inputBits: bigint;
  granule: bigint;
  /** Descriptors hold address bits 51:48 in their bits 15:12. */
  wide: boolean;
  ips: bigint;
  tbi: boolean;
  had: boolean;
  ttb: bigint;
}

export interface Stage1 {
  /** TTB0, TTB1. */
  tables: [Table, Table];
  affd: boolean;
  ha: boolean;
  hd: boolean;
  stall: boolean;
  record: boolean;
  abort: boolean;
}

export interface Stage2 {
  ttb: bigint;
  inputBits: bigint;
  sl0: bigint;
  granule: bigint;
  wide: boolean;
  ps: bigint;
  affd: boolean;
  ptw: boolean;
  fwb: boolean;
  ha: boolean;
  hd: boolean;
  stall: boolean;
  record: boolean;
}

/** The address in a descriptor, of which the low `log2` bits do not count. */
function addressIn(d: bigint, log2: bigint, wide: boolean): bigint {
  const top = wide ? bits(d, 15, 12) << 48n : 0n;
  return top | (((d & 0x0000_ffff_ffff_ffffn) >> log2) << log2);
}

const shiftOf = (granule: bigint, level: number): bigint => granule + BigInt(3 - level) * (granule - 3n);

/** Blocks: 4 KiB levels 1 and 2; 16 KiB level 2; 64 KiB level 2, and 1 where addresses have 52 bits. */
function blockAt(granule: bigint, level: number, wide: boolean): boolean {
  return level === 2 || (level === 1 && (granule === 12n || wide));
}

type Kind = "invalid" | "table" | "leaf";

function kindOf(d: bigint, granule: bigint, level: number, wide: boolean): Kind {
  if (!bit(d, 0)) return "invalid";
  if (level === 3) return bit(d, 1) ? "leaf" : "invalid";
  if (bit(d, 1)) return "table";
  return blockAt(granule, level, wide) ? "leaf" : "invalid";
}

const AF = 1n << 10n;
const AP2 = 1n << 7n;
const DBM = 51;

/** Stage 1 of one VA: the IPA, or the PA where stage 2 is off. */
export function stage1Walk(m: Memory, cd: Stage1, s2: Stage2 | null, va: bigint, need: Need): bigint {
  // 1. Bit 55 selects the table; the bits above the input size must all equal it, less the top byte with TBI.
  const upper = bit(va, 55);
  const t = cd.tables[upper ? 1 : 0];
  const nothing = new Fault(0x10, 1, -1, "IN", 0n);
  if (!t.enabled) throw nothing;
  const top = t.tbi ? 56n : 64n;
  const width = top - t.inputBits;
  if (bits(va, Number(top) - 1, Number(t.inputBits)) !== (upper ? (1n << width) - 1n : 0n)) throw nothing;
  // 2. The start level is the last one at which a single table covers the input.
  let level = 3;
  while (shiftOf(t.granule, level) + t.granule - 3n < t.inputBits) level--;
  let indexBits = t.inputBits - shiftOf(t.granule, level);
  let table = (t.ttb >> (indexBits + 3n)) << (indexBits + 3n);
  let apTable = 0n;
  for (;;) {
    const shift = shiftOf(t.granule, level);
    const ipa = table + ((va >> shift) & ((1n << indexBits) - 1n)) * 8n;
    const pa = s2 === null ? ipa : stage2Walk(m, s2, ipa, "R", "TT");
    const d = m.read(pa);
    if (d === null) throw new Fault(0x0b, 1, level, "TT", pa);
    const kind = kindOf(d, t.granule, level, t.wide);
    if (kind === "invalid") throw new Fault(0x10, 1, level, "IN", 0n);
    if (kind === "table") {
      if (!t.had) apTable |= bits(d, 62, 61);
      table = addressIn(d, t.granule, t.wide);
      if (table >= 1n << t.ips) throw new Fault(0x11, 1, level, "TT", 0n);
      level++;
      indexBits = t.granule - 3n;
      continue;
    }
    // 3. Address size, access flag, permission, in this order.
    const block = addressIn(d, shift, t.wide);
    if (block >= 1n << t.ips) throw new Fault(0x11, 1, level, "IN", 0n);
    if (!bit(d, 10) && !cd.affd && !cd.ha) throw new Fault(0x12, 1, level, "IN", 0n);
    const reachable = bit(d, 6) && !bit(apTable, 0);
    const dirties = need === "W" && cd.hd && bit(d, 7) && bit(d, DBM);
    const writable = (!bit(d, 7) || dirties) && !bit(apTable, 1);
    if (!reachable || (need === "W" && !writable)) throw new Fault(0x13, 1, level, "IN", 0n);
    // 4. Hardware update of the descriptor, which stage 2 sees as a write by the walk.
    const now = (cd.ha ? d | AF : d) & ~(dirties ? AP2 : 0n);
    if (now !== d) m.write(s2 === null ? ipa : stage2Walk(m, s2, ipa, "W", "TT"), now);
    return block + (va & ((1n << shift) - 1n));
  }
}

/** Start level and the bits that it resolves by S2SL0, for a STE check and a walk. */
function stage2Start(s: Stage2): number {
  return s.granule === 12n ? 2 - Number(s.sl0) : 3 - Number(s.sl0);
}

/** IHI 0070 5.2: S2T0SZ, S2SL0 and S2TTB belong together, at most 16 concatenated tables. */
export function checkStage2(s: Stage2, oas: bigint): boolean {
  if (s.sl0 === 3n || (s.hd && !s.ha)) return false;
  const covered = s.inputBits - shiftOf(s.granule, stage2Start(s));
  const most = least(oas, s.granule === 16n ? 52n : 48n);
  const fits = covered >= 1n && covered <= s.granule - 3n + 4n;
  return fits && s.inputBits >= 25n && s.inputBits <= most && s.ttb < 1n << s.ps;
}

/** Stage 2 of one IPA. */
export function stage2Walk(m: Memory, s: Stage2, ipa: bigint, need: Need, cls: FaultClass): bigint {
  // A record has IPA[51:12].
  const page = bits(ipa, 51, 12) << 12n;
  let level = stage2Start(s);
  if (ipa >= 1n << s.inputBits) throw new Fault(0x10, 2, -1, cls, page);
  // Concatenation: the first table has all index bits that are left, however many tables that makes.
  let indexBits = s.inputBits - shiftOf(s.granule, level);
  let table = (s.ttb >> (indexBits + 3n)) << (indexBits + 3n);
  for (;;) {
    const shift = shiftOf(s.granule, level);
    const pa = table + ((ipa >> shift) & ((1n << indexBits) - 1n)) * 8n;
    const d = m.read(pa);
    if (d === null) throw new Fault(0x0b, 2, level, cls, pa);
    const kind = kindOf(d, s.granule, level, s.wide);
    if (kind === "invalid") throw new Fault(0x10, 2, level, cls, page);
    if (kind === "table") {
      table = addressIn(d, s.granule, s.wide);
      if (table >= 1n << s.ps) throw new Fault(0x11, 2, level, cls, page);
      level++;
      indexBits = s.granule - 3n;
      continue;
    }
    const block = addressIn(d, shift, s.wide);
    if (block >= 1n << s.ps) throw new Fault(0x11, 2, level, cls, page);
    if (!bit(d, 10) && !s.affd && !s.ha) throw new Fault(0x12, 2, level, cls, page);
    const attr = bits(d, 5, 2);
    const device = s.fwb ? !bit(attr, 2) : bits(attr, 3, 2) === 0n;
    const dirties = need === "W" && s.hd && !bit(d, 7) && bit(d, DBM);
    const allowed = need === "R" ? bit(d, 6) : bit(d, 7) || dirties;
    if (!allowed || (cls !== "IN" && s.ptw && device)) throw new Fault(0x13, 2, level, cls, page);
    const now = (s.ha ? d | AF : d) | (dirties ? AP2 : 0n);
    if (now !== d) m.write(pa, now);
    return block + (ipa & ((1n << shift) - 1n));
  }
}
