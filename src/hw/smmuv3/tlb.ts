/**
 * The translation cache: final results (stage 1, stage 2 or both combined), tagged by ASID and VMID.
 *
 * 256 entries in typed arrays, chained by a small hash; when it is full everything goes. An entry is keyed by the
 * block it covers and by granule and level, so a look-up tries each level of the table in use. Entries stay until an
 * invalidation hits them: software that forgets one keeps getting the old answer, as on hardware.
 * Spec: SMMUv3 IHI 0070 3.17, 4.4.
 */
import { hex64, join } from "../base/bits.ts";
import { levelShift } from "../pgtable/vmsav8.ts";

const ENTRIES = 256;
const BUCKETS = 512;
/** granule << 4 | level stays below this. */
const KINDS = 0x110;
const PAGE = 4096;
/** 4 KiB pages in 4 GiB: page number of a 64-bit address = hi * this + (lo >>> 12). */
const PAGES_PER_4G = 2 ** 20;

/** An entry is WORDS int32: the start of its block, its tags (asid -1 = a stage-2 entry), granule << 4 | level, */
const WORDS = 8;
const LO = 0;
const HI = 1;
const ASID = 2;
const VMID = 3;
const KIND = 4;
/** the output of the block's start, and flags: rights U | P << 3 | stage 2 << 6 (each R 1, W 2, X 4), then */
const OUT_LO = 5;
const OUT_HI = 6;
const FLAGS = 7;
const DEVICE = 1 << 9;
const GLOBAL = 1 << 10;
/** log2 of the block. */
const SHIFT_AT = 16;

/** `0x1000 asid 1 vmid 0`; the address in int32 halves. */
export function lookupText(hi: number, lo: number, asid: number, vmid: number): string {
  return `${hex64(lo, hi)} asid ${asid} vmid ${vmid}`;
}

export interface TlbEntry {
  hi: number;
  lo: number;
  /** -1 = an entry of stage 2 alone; from 0x10000 on those of the EL2 regime. */
  asid: number;
  vmid: number;
  granule: number;
  level: number;
  /** log2 of what it covers. */
  shift: number;
  pa: number;
  unprivileged: number;
  privileged: number;
  stage2: number;
  device: boolean;
  global: boolean;
}

export class Tlb {
  private readonly heads = new Int16Array(BUCKETS).fill(-1);
  private readonly next = new Int16Array(ENTRIES);
  /** Entries 0 .. count-1 are in use. */
  count = 0;
  /** How many entries have each `kind`, so that look-ups skip levels that have none. */
  private readonly kinds = new Int16Array(KINDS);
  private readonly entries = new Int32Array(ENTRIES * WORDS);

  /** Slot of the entry that covers an address, looking from `level` of a table of `granule` down; -1 = none. */
  find(asid: number, vmid: number, hi: number, lo: number, granule: number, level: number): number {
    if (this.count === 0) return -1;
    for (let l = level; l <= 3; l++) {
      const kind = (granule << 4) | l;
      if (this.kinds[kind] === 0) continue;
      const shift = levelShift(l, granule);
      const bhi = shift >= 32 ? hi & -(1 << (shift - 32)) : hi | 0;
      const blo = shift >= 32 ? 0 : lo & -(1 << shift);
      const slot = this.lookup(hash(asid, vmid, bhi, blo, kind), asid, vmid, bhi, blo, kind);
      if (slot >= 0) return slot;
    }
    return -1;
  }

  /** Output address of an input inside the block of a slot. */
  output(slot: number, hi: number, lo: number): number {
    const { entries } = this;
    const at = slot * WORDS;
    const shift = (entries[at + FLAGS] ?? 0) >>> SHIFT_AT;
    const outHi = entries[at + OUT_HI] ?? 0;
    const outLo = entries[at + OUT_LO] ?? 0;
    if (shift < 32) return join(outLo | (lo & ((1 << shift) - 1)), outHi);
    return join(lo, outHi | (hi & ((1 << (shift - 32)) - 1)));
  }

  /** Rights of a slot, bits R 1, W 2, X 4: by stage 1 for unprivileged or privileged accesses. */
  rights1(slot: number, privileged: boolean): number {
    return (this.flags(slot) >>> (privileged ? 3 : 0)) & 7;
  }

  /** Rights of a slot by stage 2. */
  rights2(slot: number): number {
    return (this.flags(slot) >>> 6) & 7;
  }

  isDevice(slot: number): boolean {
    return (this.flags(slot) & DEVICE) !== 0;
  }

  /** log2 of the block of a slot. */
  shiftOf(slot: number): number {
    return this.flags(slot) >>> SHIFT_AT;
  }

  private flags(slot: number): number {
    return this.entries[slot * WORDS + FLAGS] ?? 0;
  }

  /** `outHi`, `outLo`: the output of exactly this input. An entry with the same key is replaced. */
  insert(
    asid: number,
    vmid: number,
    hi: number,
    lo: number,
    granule: number,
    level: number,
    outHi: number,
    outLo: number,
    permU: number,
    permP: number,
    perm2: number,
    device: boolean,
    global: boolean,
  ): void {
    if (this.count >= ENTRIES) this.clear();
    const { entries } = this;
    const kind = (granule << 4) | level;
    const shift = levelShift(level, granule);
    const high = shift >= 32 ? -(1 << (shift - 32)) : -1;
    const low = shift >= 32 ? 0 : -(1 << shift);
    const bhi = hi & high;
    const blo = lo & low;
    const bucket = hash(asid, vmid, bhi, blo, kind);
    let slot = this.lookup(bucket, asid, vmid, bhi, blo, kind);
    if (slot < 0) {
      slot = this.count++;
      this.kinds[kind] = (this.kinds[kind] ?? 0) + 1;
      this.next[slot] = this.heads[bucket] ?? -1;
      this.heads[bucket] = slot;
    }
    const at = slot * WORDS;
    entries[at + LO] = blo;
    entries[at + HI] = bhi;
    entries[at + ASID] = asid;
    entries[at + VMID] = vmid;
    entries[at + KIND] = kind;
    entries[at + OUT_LO] = outLo & low;
    entries[at + OUT_HI] = outHi & high;
    const rights = permU | (permP << 3) | (perm2 << 6);
    entries[at + FLAGS] = rights | (device ? DEVICE : 0) | (global ? GLOBAL : 0) | (shift << SHIFT_AT);
  }

  /** The entries in use: tags, output address, and everything else as numbers. For who compares two caches. */
  list(): { asid: number; vmid: number; pa: number; rest: number[] }[] {
    return Array.from({ length: this.count }, (_, slot) => {
      const e = this.entries.subarray(slot * WORDS, (slot + 1) * WORDS);
      const rest = [e[HI] ?? 0, e[LO] ?? 0, e[KIND] ?? 0, e[FLAGS] ?? 0];
      return { asid: e[ASID] ?? 0, vmid: e[VMID] ?? 0, pa: join(e[OUT_LO] ?? 0, e[OUT_HI] ?? 0), rest };
    });
  }

  /** One entry in use, taken apart: rights are bits R 1, W 2, X 4; `hi`, `lo` u32 halves of its first input address. */
  entry(slot: number): TlbEntry {
    const flags = this.flags(slot);
    const kind = this.word(slot, KIND);
    return {
      hi: this.word(slot, HI) >>> 0,
      lo: this.word(slot, LO) >>> 0,
      asid: this.word(slot, ASID),
      vmid: this.word(slot, VMID),
      granule: kind >> 4,
      level: kind & 15,
      shift: this.shiftOf(slot),
      pa: join(this.word(slot, OUT_LO), this.word(slot, OUT_HI)),
      unprivileged: flags & 7,
      privileged: (flags >>> 3) & 7,
      stage2: (flags >>> 6) & 7,
      device: (flags & DEVICE) !== 0,
      global: (flags & GLOBAL) !== 0,
    };
  }

  clear(): void {
    this.count = 0;
    this.heads.fill(-1);
    this.kinds.fill(0);
  }

  /** TLBI by VMID: stage-1 entries only (`s1Only`), or all of the VMID. */
  invalidateVmid(vmid: number, s1Only: boolean): void {
    for (let i = this.count - 1; i >= 0; i--) {
      if (this.word(i, VMID) === vmid && !(s1Only && this.word(i, ASID) < 0)) this.drop(i);
    }
  }

  /** TLBI by ASID. */
  invalidateAsid(asid: number, vmid: number): void {
    for (let i = this.count - 1; i >= 0; i--) {
      if (this.word(i, ASID) === asid && this.word(i, VMID) === vmid) this.drop(i);
    }
  }

  /** Every entry of the EL2 regime (its tags carry 0x10000), or of one ASID there. */
  invalidateEl2(asid: number): void {
    for (let i = this.count - 1; i >= 0; i--) {
      const tag = this.word(i, ASID);
      if (tag >= 0x10000 && (asid < 0 || tag === asid + 0x10000)) this.drop(i);
    }
  }

  /**
   * TLBI by address: entries that touch `pages` 4 KiB pages from (hi, lo) on.
   * `asid`: -1 = any ASID of stage 1; -2 = stage-2 entries. `globals`: also global entries of other ASIDs.
   */
  invalidateRange(asid: number, vmid: number, hi: number, lo: number, pages: number, globals: boolean): void {
    const first = pageNumber(hi, lo);
    for (let i = this.count - 1; i >= 0; i--) {
      if (this.word(i, VMID) !== vmid) continue;
      const tag = this.word(i, ASID);
      if (asid === -2 ? tag >= 0 : tag < 0) continue;
      if (asid >= 0 && tag !== asid && !(globals && (this.flags(i) & GLOBAL) !== 0)) continue;
      const start = pageNumber(this.word(i, HI), this.word(i, LO));
      const size = 2 ** this.shiftOf(i) / PAGE;
      if (start < first + pages && first < start + size) this.drop(i);
    }
  }

  /** Removes the entry with exactly this key (halves as int32); false when there is none. */
  invalidateKey(asid: number, vmid: number, hi: number, lo: number, granule: number, level: number): boolean {
    const kind = (granule << 4) | level;
    const slot = this.lookup(hash(asid, vmid, hi, lo, kind), asid, vmid, hi, lo, kind);
    if (slot >= 0) this.drop(slot);
    return slot >= 0;
  }

  private lookup(bucket: number, asid: number, vmid: number, hi: number, lo: number, kind: number): number {
    const { entries } = this;
    let slot = this.heads[bucket] ?? -1;
    while (slot >= 0) {
      const at = slot * WORDS;
      if (
        entries[at + LO] === lo &&
        entries[at + HI] === hi &&
        entries[at + KIND] === kind &&
        entries[at + ASID] === asid &&
        entries[at + VMID] === vmid
      ) {
        return slot;
      }
      slot = this.next[slot] ?? -1;
    }
    return -1;
  }

  private word(slot: number, column: number): number {
    return this.entries[slot * WORDS + column] ?? 0;
  }

  /** Takes entry `slot` out and moves the last one into its place. */
  private drop(slot: number): void {
    this.unlink(slot);
    const kind = this.word(slot, KIND);
    this.kinds[kind] = (this.kinds[kind] ?? 0) - 1;
    const last = --this.count;
    if (slot === last) return;
    this.unlink(last);
    this.entries.copyWithin(slot * WORDS, last * WORDS, (last + 1) * WORDS);
    const bucket = this.bucketOf(slot);
    this.next[slot] = this.heads[bucket] ?? -1;
    this.heads[bucket] = slot;
  }

  /** Takes an entry out of its bucket's chain. */
  private unlink(slot: number): void {
    const bucket = this.bucketOf(slot);
    const after = this.next[slot] ?? -1;
    let at = this.heads[bucket] ?? -1;
    if (at === slot) {
      this.heads[bucket] = after;
      return;
    }
    while (this.next[at] !== slot) at = this.next[at] ?? -1;
    this.next[at] = after;
  }

  private bucketOf(slot: number): number {
    const of = (column: number): number => this.word(slot, column);
    return hash(of(ASID), of(VMID), of(HI), of(LO), of(KIND));
  }
}

/** Number of the 4 KiB page of an address. */
function pageNumber(hi: number, lo: number): number {
  return (hi >>> 0) * PAGES_PER_4G + (lo >>> 12);
}

function hash(asid: number, vmid: number, hi: number, lo: number, kind: number): number {
  let h = (lo >>> 12) ^ Math.imul(hi, 0x9e3779b1) ^ Math.imul(asid, 0x85eb) ^ Math.imul(vmid, 0xc2b3) ^ (kind << 3);
  h ^= h >>> 15;
  return (h ^ (h >>> 9)) & (BUCKETS - 1);
}
