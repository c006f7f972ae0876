/**
 * The translation cache: final results (stage 1, stage 2 or both combined), tagged by ASID and VMID.
 *
 * 256 entries in typed arrays, chained by a small hash; when it is full everything goes. An entry is keyed by the
 * block it covers and by granule and level, so a look-up tries each level of the table in use. Entries stay until an
 * invalidation hits them: software that forgets one keeps getting the old answer, as on hardware.
 * Spec: SMMUv3 IHI 0070 3.17, 4.4.
 */
import { hex64, TWO32 } from "../base/bits.ts";
import { levelShift } from "../pgtable/vmsav8.ts";

const ENTRIES = 256;
const BUCKETS = 512;
/** granule << 4 | level stays below this. */
const KINDS = 0x110;
const PAGE = 4096;
/** 4 KiB pages in 4 GiB: page number of a 64-bit address = hi * this + (lo >>> 12). */
const PAGES_PER_4G = 2 ** 20;

/** `0x1000 asid 1 vmid 0`; the address in int32 halves. */
export function lookupText(hi: number, lo: number, asid: number, vmid: number): string {
  return `${hex64(lo, hi)} asid ${asid} vmid ${vmid}`;
}

export class Tlb {
  private readonly heads = new Int16Array(BUCKETS).fill(-1);
  private readonly next = new Int16Array(ENTRIES);
  /** Entries 0 .. count-1 are in use. */
  count = 0;
  /** How many entries have each `kind`, so that look-ups skip levels that have none. */
  private readonly kinds = new Int16Array(KINDS);
  /** -1 = a stage-2 entry. */
  readonly asid = new Int32Array(ENTRIES);
  readonly vmid = new Int32Array(ENTRIES);
  /** Block start, int32 halves. */
  readonly hi = new Int32Array(ENTRIES);
  readonly lo = new Int32Array(ENTRIES);
  /** granule << 4 | level. */
  readonly kind = new Uint16Array(ENTRIES);
  /** log2 of the block. */
  readonly shift = new Uint8Array(ENTRIES);
  /** Output address of the block start. */
  readonly pa = new Float64Array(ENTRIES);
  /** Rights: stage 1 unprivileged, stage 1 privileged, stage 2 (bits R 1, W 2, X 4). */
  readonly permU = new Uint8Array(ENTRIES);
  readonly permP = new Uint8Array(ENTRIES);
  readonly perm2 = new Uint8Array(ENTRIES);
  readonly device = new Uint8Array(ENTRIES);
  readonly global = new Uint8Array(ENTRIES);

  /** Slot of the entry that covers an address, looking from `level` of a table of `granule` down; -1 = none. */
  find(asid: number, vmid: number, hi: number, lo: number, granule: number, level: number): number {
    if (this.count === 0) return -1;
    for (let l = level; l <= 3; l++) {
      if (this.kinds[(granule << 4) | l] === 0) continue;
      const shift = levelShift(l, granule);
      const bhi = shift >= 32 ? hi & -(1 << (shift - 32)) : hi;
      const blo = shift >= 32 ? 0 : lo & -(1 << shift);
      const slot = this.lookup(asid, vmid, bhi, blo, (granule << 4) | l);
      if (slot >= 0) return slot;
    }
    return -1;
  }

  /** Output address of an input inside the block of a slot. */
  output(slot: number, hi: number, lo: number): number {
    return (this.pa[slot] ?? 0) + inside(hi, lo, this.shift[slot] ?? 0);
  }

  /** `out`: the output of exactly this input. An entry with the same key is replaced. */
  insert(
    asid: number,
    vmid: number,
    hi: number,
    lo: number,
    granule: number,
    level: number,
    shift: number,
    out: number,
    permU: number,
    permP: number,
    perm2: number,
    device: boolean,
    global: boolean,
  ): void {
    if (this.count >= ENTRIES) this.clear();
    const bhi = shift >= 32 ? hi & -(1 << (shift - 32)) : hi;
    const blo = shift >= 32 ? 0 : lo & -(1 << shift);
    const kind = (granule << 4) | level;
    let slot = this.lookup(asid, vmid, bhi, blo, kind);
    if (slot < 0) {
      slot = this.count++;
      this.kinds[kind] = (this.kinds[kind] ?? 0) + 1;
      const bucket = hash(asid, vmid, bhi, blo, kind);
      this.next[slot] = this.heads[bucket] ?? -1;
      this.heads[bucket] = slot;
    }
    this.asid[slot] = asid;
    this.vmid[slot] = vmid;
    this.hi[slot] = bhi;
    this.lo[slot] = blo;
    this.kind[slot] = kind;
    this.shift[slot] = shift;
    this.pa[slot] = out - inside(hi, lo, shift);
    this.permU[slot] = permU;
    this.permP[slot] = permP;
    this.perm2[slot] = perm2;
    this.device[slot] = device ? 1 : 0;
    this.global[slot] = global ? 1 : 0;
  }

  clear(): void {
    this.count = 0;
    this.heads.fill(-1);
    this.kinds.fill(0);
  }

  /** TLBI by VMID: stage-1 entries only (`s1Only`), or all of the VMID. */
  invalidateVmid(vmid: number, s1Only: boolean): void {
    for (let i = this.count - 1; i >= 0; i--) {
      if (this.vmid[i] === vmid && !(s1Only && (this.asid[i] ?? 0) < 0)) this.drop(i);
    }
  }

  /** TLBI by ASID. */
  invalidateAsid(asid: number, vmid: number): void {
    for (let i = this.count - 1; i >= 0; i--) if (this.asid[i] === asid && this.vmid[i] === vmid) this.drop(i);
  }

  /** Every entry of the EL2 regime (its tags carry 0x10000), or of one ASID there. */
  invalidateEl2(asid: number): void {
    for (let i = this.count - 1; i >= 0; i--) {
      const tag = this.asid[i] ?? 0;
      if (tag >= 0x10000 && (asid < 0 || tag === asid + 0x10000)) this.drop(i);
    }
  }

  /**
   * TLBI by address: entries that touch `pages` 4 KiB pages from (hi, lo) on.
   * `asid`: -1 = any ASID of stage 1; -2 = stage-2 entries. `globals`: also global entries of other ASIDs.
   */
  invalidateRange(asid: number, vmid: number, hi: number, lo: number, pages: number, globals: boolean): void {
    const first = (hi >>> 0) * PAGES_PER_4G + (lo >>> 12);
    for (let i = this.count - 1; i >= 0; i--) {
      if (this.vmid[i] !== vmid) continue;
      const tag = this.asid[i] ?? 0;
      if (asid === -2 ? tag >= 0 : tag < 0) continue;
      if (asid >= 0 && tag !== asid && !(globals && this.global[i] === 1)) continue;
      const start = ((this.hi[i] ?? 0) >>> 0) * PAGES_PER_4G + ((this.lo[i] ?? 0) >>> 12);
      const size = 2 ** (this.shift[i] ?? 0) / PAGE;
      if (start < first + pages && first < start + size) this.drop(i);
    }
  }

  /** Removes the entry with exactly this key (halves as int32); false when there is none. */
  invalidateKey(asid: number, vmid: number, hi: number, lo: number, granule: number, level: number): boolean {
    const slot = this.lookup(asid, vmid, hi, lo, (granule << 4) | level);
    if (slot >= 0) this.drop(slot);
    return slot >= 0;
  }

  private lookup(asid: number, vmid: number, hi: number, lo: number, kind: number): number {
    let slot = this.heads[hash(asid, vmid, hi, lo, kind)] ?? -1;
    while (slot >= 0) {
      if (
        this.lo[slot] === lo &&
        this.hi[slot] === hi &&
        this.kind[slot] === kind &&
        this.asid[slot] === asid &&
        this.vmid[slot] === vmid
      ) {
        return slot;
      }
      slot = this.next[slot] ?? -1;
    }
    return -1;
  }

  /** Takes entry `slot` out and moves the last one into its place. */
  private drop(slot: number): void {
    this.unlink(slot);
    const kind = this.kind[slot] ?? 0;
    this.kinds[kind] = (this.kinds[kind] ?? 0) - 1;
    const last = --this.count;
    if (slot === last) return;
    this.unlink(last);
    for (const column of [this.asid, this.vmid, this.hi, this.lo, this.kind, this.shift, this.pa])
      column.copyWithin(slot, last, last + 1);
    for (const column of [this.permU, this.permP, this.perm2, this.device, this.global])
      column.copyWithin(slot, last, last + 1);
    const bucket = this.bucketOf(slot);
    this.next[slot] = this.heads[bucket] ?? -1;
    this.heads[bucket] = slot;
  }

  private unlink(slot: number): void {
    const bucket = this.bucketOf(slot);
    let at = this.heads[bucket] ?? -1;
    if (at === slot) {
      this.heads[bucket] = this.next[slot] ?? -1;
      return;
    }
    while (at >= 0) {
      const after = this.next[at] ?? -1;
      if (after === slot) {
        this.next[at] = this.next[slot] ?? -1;
        return;
      }
      at = after;
    }
  }

  private bucketOf(slot: number): number {
    const { asid, vmid, hi, lo, kind } = this;
    return hash(asid[slot] ?? 0, vmid[slot] ?? 0, hi[slot] ?? 0, lo[slot] ?? 0, kind[slot] ?? 0);
  }
}

/** The low `shift` bits of an address. */
function inside(hi: number, lo: number, shift: number): number {
  if (shift < 32) return (lo & ((1 << shift) - 1)) >>> 0;
  return (hi & ((1 << (shift - 32)) - 1)) * TWO32 + (lo >>> 0);
}

function hash(asid: number, vmid: number, hi: number, lo: number, kind: number): number {
  let h = (lo >>> 12) ^ Math.imul(hi, 0x9e3779b1) ^ Math.imul(asid, 0x85eb) ^ Math.imul(vmid, 0xc2b3) ^ (kind << 3);
  h ^= h >>> 15;
  return (h ^ (h >>> 9)) & (BUCKETS - 1);
}
