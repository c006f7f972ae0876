/**
 * A second SMMUv3 translation, for tests only: slow, all bigint, one numbered step after the other as the manuals
 * give them, sharing no code with ../smmuv3. Stream table, STE, one CD, stage 1 (TTB0 and TTB1), stage 2, nested;
 * no caches, no substreams, no hardware update of flags, unprivileged data accesses.
 *
 * Sources: IHI 0070 3.3 (stream table), 5.2 (STE), 5.4 (CD), 7.3 (events); DDI 0487 D8 (translation).
 */

export type Verdict =
  | { ok: true; pa: bigint }
  /** `event` 0: terminated without a record. */
  | { ok: false; event: number; stage: 0 | 1 | 2; level: number; cls: "CD" | "TT" | "IN" };

export interface ReferenceMachine {
  /** 64-bit little-endian read; null = external abort. */
  read: (pa: bigint) => bigint | null;
  strtabBase: bigint;
  strtabBaseCfg: bigint;
  /** Output address size in bits, up to 48. */
  oas: bigint;
  recInvSid: boolean;
}

class Fault extends Error {
  readonly verdict: Verdict;
  constructor(event: number, stage: 0 | 1 | 2, level: number, cls: "CD" | "TT" | "IN") {
    super("fault");
    this.verdict = { ok: false, event, stage, level, cls };
  }
}

const bits = (word: bigint, hi: number, lo: number): bigint =>
  (word >> BigInt(lo)) & ((1n << BigInt(hi - lo + 1)) - 1n);
const bit = (word: bigint, at: number): boolean => bits(word, at, at) === 1n;
const SIZES = [32n, 36n, 40n, 42n, 44n, 48n, 52n];
const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);

type Need = "R" | "W";

interface Stage2 {
  ttb: bigint;
  t0sz: bigint;
  sl0: bigint;
  tg: bigint;
  ps: bigint;
  affd: boolean;
  ptw: boolean;
  fwb: boolean;
}

/** log2 of the page for the TG encodings of stage 2 and TTB0. */
const granuleOf = (tg: bigint): bigint => (tg === 0n ? 12n : tg === 1n ? 16n : 14n);

export function reference(m: ReferenceMachine, sid: bigint, va: bigint, need: Need): Verdict {
  try {
    return { ok: true, pa: translate(m, sid, va, need) };
  } catch (e) {
    if (e instanceof Fault) return e.verdict;
    throw e;
  }
}

/** 1. IHI 0070 3.3: find the STE. Returns its eight words. */
function findSte(m: ReferenceMachine, sid: bigint): bigint[] {
  const base = m.strtabBase & 0x000f_ffff_ffff_ffc0n;
  const log2size = bits(m.strtabBaseCfg, 5, 0);
  if (sid >= 1n << log2size) throw new Fault(m.recInvSid ? 0x02 : 0, 0, -1, "IN");
  let ste = base + sid * 64n;
  if (bits(m.strtabBaseCfg, 17, 16) === 1n) {
    const split = bits(m.strtabBaseCfg, 10, 6);
    const l1 = m.read(base + (sid >> split) * 8n);
    if (l1 === null) throw new Fault(0x03, 0, -1, "IN");
    const span = bits(l1, 4, 0);
    const index = sid & ((1n << split) - 1n);
    if (span === 0n || index >= 1n << (span - 1n)) throw new Fault(m.recInvSid ? 0x02 : 0, 0, -1, "IN");
    ste = (l1 & 0x000f_ffff_ffff_ffc0n) + index * 64n;
  }
  return words(m, ste, 8, () => new Fault(0x03, 0, -1, "IN"));
}

function words(m: ReferenceMachine, at: bigint, n: number, abort: () => Fault): bigint[] {
  return Array.from({ length: n }, (_, i) => {
    const word = m.read(at + BigInt(8 * i));
    if (word === null) throw abort();
    return word;
  });
}

const wordOf = (list: bigint[], i: number): bigint => list[i] ?? 0n;

function translate(m: ReferenceMachine, sid: bigint, va: bigint, need: Need): bigint {
  const ste = findSte(m, sid);
  // 2. IHI 0070 5.2: V, then Config.
  if (!bit(wordOf(ste, 0), 0)) throw new Fault(0x04, 0, -1, "IN");
  const config = bits(wordOf(ste, 0), 3, 1);
  if (config < 4n) throw new Fault(0, 0, -1, "IN");
  const s2: Stage2 | null = bit(config, 1) ? stage2Of(wordOf(ste, 2), wordOf(ste, 3), wordOf(ste, 1), m) : null;
  if (config === 4n) {
    if (va >= 1n << m.oas) throw new Fault(0x11, 1, -1, "IN");
    return va;
  }
  let ipa = va;
  if (bit(config, 0)) ipa = throughStage1(m, ste, s2, va, need);
  else if (va >= 1n << m.oas) throw new Fault(0x11, 1, -1, "IN");
  return s2 === null ? ipa : stage2Walk(m, s2, ipa, need, "IN");
}

function stage2Of(w2: bigint, w3: bigint, w1: bigint, m: ReferenceMachine): Stage2 {
  return {
    ttb: w3 & 0x000f_ffff_ffff_fff0n,
    t0sz: bits(w2, 37, 32),
    sl0: bits(w2, 39, 38),
    tg: bits(w2, 47, 46),
    ps: min(SIZES[Number(bits(w2, 50, 48))] ?? m.oas, m.oas),
    affd: bit(w2, 53),
    ptw: bit(w2, 54),
    fwb: bit(w1, 25),
  };
}

/** 3. The CD (linear table, substream 0), then the table that the address selects. */
function throughStage1(m: ReferenceMachine, ste: bigint[], s2: Stage2 | null, va: bigint, need: Need): bigint {
  let at = wordOf(ste, 0) & 0x000f_ffff_ffff_ffc0n;
  if (s2 !== null) at = stage2Walk(m, s2, at, "R", "CD");
  const cd = words(m, at, 8, () => new Fault(0x09, 0, -1, "CD"));
  const w0 = wordOf(cd, 0);
  if (!bit(w0, 31)) throw new Fault(0x0a, 0, -1, "IN");
  const ips = min(SIZES[Number(bits(w0, 34, 32))] ?? m.oas, m.oas);
  const upper = bit(va, 55);
  const tbi = bit(w0, upper ? 39 : 38);
  const tsz = upper ? bits(w0, 21, 16) : bits(w0, 5, 0);
  const inputBits = 64n - tsz;
  // The bits above the input size must all equal bit 55; with TBI the top byte is not looked at.
  const top = tbi ? 56n : 64n;
  const above = bits(va, Number(top) - 1, Number(inputBits));
  const expected = upper ? (1n << (top - inputBits)) - 1n : 0n;
  const g = upper ? ([0n, 14n, 12n, 16n][Number(bits(w0, 23, 22))] ?? 12n) : granuleOf(bits(w0, 7, 6));
  const start = startLevel(inputBits, g);
  if (above !== expected || bit(w0, upper ? 30 : 14)) throw new Fault(0x10, 1, -1, "IN");
  const ttb = wordOf(cd, upper ? 2 : 1) & 0x000f_ffff_ffff_fff0n;
  const affd = bit(w0, 35);
  const had = bit(wordOf(cd, upper ? 2 : 1), 1);
  const stride = g - 3n;
  let level = start;
  let indexBits = inputBits - (g + BigInt(3 - level) * stride);
  let table = ttb & ~((1n << (indexBits + 3n)) - 1n);
  let apTable = 0n;
  for (;;) {
    const shift = g + BigInt(3 - level) * stride;
    const index = (va >> shift) & ((1n << indexBits) - 1n);
    let pa = table + index * 8n;
    if (s2 !== null) pa = stage2Walk(m, s2, pa, "R", "TT");
    const d = m.read(pa);
    if (d === null) throw new Fault(0x0b, 1, level, "TT");
    if (!bit(d, 0)) throw new Fault(0x10, 1, level, "IN");
    const leaf = level === 3 ? bit(d, 1) : !bit(d, 1);
    if (level === 3 && !leaf) throw new Fault(0x10, 1, level, "IN");
    if (!leaf) {
      if (!had) apTable |= bits(d, 62, 61);
      table = d & 0x0000_ffff_ffff_ffffn & ~((1n << g) - 1n);
      if (table >= 1n << ips) throw new Fault(0x11, 1, level, "TT");
      level++;
      indexBits = stride;
      continue;
    }
    if (level < 3 && !blockAt(g, level)) throw new Fault(0x10, 1, level, "IN");
    const block = d & 0x0000_ffff_ffff_ffffn & ~((1n << shift) - 1n);
    if (block >= 1n << ips) throw new Fault(0x11, 1, level, "IN");
    if (!bit(d, 10) && !affd) throw new Fault(0x12, 1, level, "IN");
    const reachable = bit(d, 6) && (apTable & 1n) === 0n;
    const writable = !bit(d, 7) && (apTable & 2n) === 0n;
    if (!reachable || (need === "W" && !writable)) throw new Fault(0x13, 1, level, "IN");
    return block + (va & ((1n << shift) - 1n));
  }
}

function startLevel(inputBits: bigint, g: bigint): number {
  const stride = g - 3n;
  let levels = 1;
  for (let covered = g + stride; covered < inputBits; covered += stride) levels++;
  return 4 - levels;
}

function blockAt(g: bigint, level: number): boolean {
  return level === 2 || (g === 12n && level === 1);
}

/** 4. Stage 2 of one IPA. */
function stage2Walk(m: ReferenceMachine, s: Stage2, ipa: bigint, need: Need, cls: "CD" | "TT" | "IN"): bigint {
  const g = granuleOf(s.tg);
  const stride = g - 3n;
  const inputBits = 64n - s.t0sz;
  let level = g === 12n ? 2 - Number(s.sl0) : 3 - Number(s.sl0);
  if (ipa >= 1n << inputBits) throw new Fault(0x10, 2, -1, cls);
  let shift = g + BigInt(3 - level) * stride;
  // Concatenation: the first table has all index bits that are left, however many tables that makes.
  let indexBits = inputBits - shift;
  let table = s.ttb & ~((1n << (indexBits + 3n)) - 1n);
  for (;;) {
    const d = m.read(table + ((ipa >> shift) & ((1n << indexBits) - 1n)) * 8n);
    if (d === null) throw new Fault(0x0b, 2, level, cls);
    if (!bit(d, 0)) throw new Fault(0x10, 2, level, cls);
    const leaf = level === 3 ? bit(d, 1) : !bit(d, 1);
    if (level === 3 && !leaf) throw new Fault(0x10, 2, level, cls);
    if (!leaf) {
      table = d & 0x0000_ffff_ffff_ffffn & ~((1n << g) - 1n);
      if (table >= 1n << s.ps) throw new Fault(0x11, 2, level, cls);
      level++;
      shift -= stride;
      indexBits = stride;
      continue;
    }
    if (level < 3 && !blockAt(g, level)) throw new Fault(0x10, 2, level, cls);
    const block = d & 0x0000_ffff_ffff_ffffn & ~((1n << shift) - 1n);
    if (block >= 1n << s.ps) throw new Fault(0x11, 2, level, cls);
    if (!bit(d, 10) && !s.affd) throw new Fault(0x12, 2, level, cls);
    const attr = bits(d, 5, 2);
    const device = s.fwb ? (attr & 4n) === 0n : (attr & 12n) === 0n;
    if (!bit(d, need === "R" ? 6 : 7) || (cls !== "IN" && s.ptw && device)) throw new Fault(0x13, 2, level, cls);
    return block + (ipa & ((1n << shift) - 1n));
  }
}
