/**
 * Sparse physical memory, the one door to it, little endian.
 *
 * Addresses are plain numbers. A page exists once something was written to it; an absent page reads as zero.
 * `ram` says which addresses answer at all; hardware that masters the bus asks `answers(pa)` first and takes an
 * external abort where nothing does. Every word access is told to the probe; the bulk functions are told as one.
 */
import { TWO32 } from "./base/bits.ts";
import type { HwProbe } from "./base/probe.ts";
import type { SelfCopying } from "./base/self_copying.ts";

const PAGE_SHIFT = 12;
const PAGE_BYTES = 1 << PAGE_SHIFT;
/** Pages that are found without the Map, by the low bits of their number; tags of the others stay below 2^31. */
const RECENT_BITS = 9;
const RECENT = 1 << RECENT_BITS;

/** So many bytes are copied one by one: views on them cost more. */
const FEW = 64;

/** Both ends inclusive, bytes. */
export interface Range {
  start: number;
  last: number;
}

export class PhysMem implements SelfCopying {
  /** Page frame number (pa / 4096) -> 1,024 words. Copies of a memory share pages until one of them writes. */
  readonly pages: Map<number, Uint32Array>;
  /** Pages that no copy shares. */
  private readonly own = new Set<number>();
  /** Where memory answers; empty = everywhere. */
  readonly ram: Range[];
  probe: HwProbe | null = null;
  /** Who is accessing, for the probe: `cpu`, an SMMU's name, a device's bdf. */
  who = "cpu";
  /** What an absent page reads as; never written. */
  private readonly empty = new Uint32Array(PAGE_BYTES >>> 2);
  /** Pages that `frame` found last, and the upper bits of their numbers; -1 = none. */
  private readonly recent: Uint32Array[] = Array.from({ length: RECENT }, () => this.empty);
  private readonly recentTag = new Int32Array(RECENT).fill(-1);
  /** Halves of the last read64. */
  lo = 0;
  hi = 0;

  constructor(ram: Range[] = [], pages = new Map<number, Uint32Array>()) {
    this.ram = ram;
    this.pages = pages;
  }

  /** A memory with the same content; neither sees what is written to the other from now on. */
  selfCopy(ref: (value: unknown) => unknown): PhysMem {
    this.own.clear();
    const copy = new PhysMem(this.ram, new Map(this.pages));
    copy.probe = ref(this.probe) as HwProbe | null;
    copy.who = this.who;
    copy.lo = this.lo;
    copy.hi = this.hi;
    return copy;
  }

  selfState(): Record<string, unknown> {
    return { ram: this.ram, pages: this.pages, who: this.who, probe: this.probe };
  }

  /** The pages as they are now: from here on a write goes to a copy of its page. */
  selfSave(): Map<number, Uint32Array> {
    this.own.clear();
    return new Map(this.pages);
  }

  /** Back to what `selfSave` gave, which may be restored again. */
  selfRestore(saved: Map<number, Uint32Array>): void {
    this.own.clear();
    this.pages.clear();
    for (const [pfn, page] of saved) this.pages.set(pfn, page);
    this.recentTag.fill(-1);
  }

  /** Whether a bus access to this address completes. */
  answers(pa: number): boolean {
    const ram = this.ram;
    if (ram.length === 0) return true;
    for (let i = 0; i < ram.length; i++) {
      const r = ram[i] as Range;
      if (pa >= r.start && pa <= r.last) return true;
    }
    return false;
  }

  /** 4-byte aligned. */
  read32(pa: number, what = ""): number {
    const page = this.pages.get(Math.floor(pa / PAGE_BYTES));
    const v = page === undefined ? 0 : (page[(pa % PAGE_BYTES) >>> 2] ?? 0);
    if (this.probe !== null) this.probe.mem(this.who, false, pa, v, 0, what);
    return v;
  }

  /** 4-byte aligned. */
  write32(pa: number, v: number, what = ""): void {
    this.page(pa)[(pa % PAGE_BYTES) >>> 2] = v;
    if (this.probe !== null) this.probe.mem(this.who, true, pa, v >>> 0, 0, what);
  }

  /** 8-byte aligned; the result is in `lo` and `hi`. */
  read64(pa: number, what = ""): void {
    this.fetch64(pa);
    if (this.probe !== null) this.probe.mem(this.who, false, pa, this.lo, this.hi, what);
  }

  /** 8-byte aligned. */
  write64(pa: number, lo: number, hi: number, what = ""): void {
    const page = this.page(pa);
    const i = (pa % PAGE_BYTES) >>> 2;
    page[i] = lo;
    page[i + 1] = hi;
    if (this.probe !== null) this.probe.mem(this.who, true, pa, lo >>> 0, hi >>> 0, what);
  }

  /** read64 without the probe: for hardware that builds its `what` only when somebody watches, and for views. */
  fetch64(pa: number): void {
    const page = this.pages.get(Math.floor(pa / PAGE_BYTES));
    if (page === undefined) {
      this.lo = 0;
      this.hi = 0;
      return;
    }
    const i = (pa % PAGE_BYTES) >>> 2;
    this.lo = page[i] ?? 0;
    this.hi = page[i + 1] ?? 0;
  }

  /** fetch64 for a bus master: false where nothing answers. */
  load64(pa: number): boolean {
    const page = this.frame(Math.floor(pa / TWO32), pa | 0);
    if (page === null) return false;
    const i = (pa % PAGE_BYTES) >>> 2;
    this.lo = page[i] ?? 0;
    this.hi = page[i + 1] ?? 0;
    return true;
  }

  /** The words of the page around an address in halves (`hi` below 2^20), null where nothing answers. Not to be written. */
  frame(hi: number, lo: number): Uint32Array | null {
    const slot = (lo >>> PAGE_SHIFT) & (RECENT - 1);
    if (this.recentTag[slot] === tagOf(hi, lo)) return this.recent[slot] as Uint32Array;
    return this.lookUp(hi, lo, slot);
  }

  private lookUp(hi: number, lo: number, slot: number): Uint32Array | null {
    const pfn = hi * (TWO32 / PAGE_BYTES) + (lo >>> PAGE_SHIFT);
    const words = this.pages.get(pfn);
    if (words === undefined) return this.answers(pfn * PAGE_BYTES) ? this.empty : null;
    this.recentTag[slot] = tagOf(hi, lo);
    this.recent[slot] = words;
    return words;
  }

  /** Any alignment and length. */
  readBytes(pa: number, out: Uint8Array, what = ""): void {
    for (let done = 0; done < out.length;) {
      const at = pa + done;
      const offset = at % PAGE_BYTES;
      const n = Math.min(out.length - done, PAGE_BYTES - offset);
      const page = this.pages.get(Math.floor(at / PAGE_BYTES));
      if (page === undefined) out.fill(0, done, done + n);
      else if (n <= FEW)
        for (let i = 0; i < n; i++) out[done + i] = (page[(offset + i) >>> 2] ?? 0) >>> (((offset + i) & 3) * 8);
      else out.set(bytesIn(page).subarray(offset, offset + n), done);
      done += n;
    }
    if (this.probe !== null) this.probe.mem(this.who, false, pa, word(out, 0), word(out, 4), sized(what, out.length));
  }

  /** Any alignment and length. */
  writeBytes(pa: number, bytes: Uint8Array, what = ""): void {
    for (let done = 0; done < bytes.length;) {
      const at = pa + done;
      const offset = at % PAGE_BYTES;
      const n = Math.min(bytes.length - done, PAGE_BYTES - offset);
      const page = this.page(at);
      if (n <= FEW) for (let i = 0; i < n; i++) putByte(page, offset + i, bytes[done + i] ?? 0);
      else bytesIn(page).set(bytes.subarray(done, done + n), offset);
      done += n;
    }
    if (this.probe !== null)
      this.probe.mem(this.who, true, pa, word(bytes, 0), word(bytes, 4), sized(what, bytes.length));
  }

  /** Fills with zero; whole pages are given back. */
  zero(pa: number, length: number): void {
    for (let done = 0; done < length;) {
      const at = pa + done;
      const offset = at % PAGE_BYTES;
      const n = Math.min(length - done, PAGE_BYTES - offset);
      const pfn = Math.floor(at / PAGE_BYTES);
      if (n === PAGE_BYTES) this.drop(pfn);
      else {
        if (this.pages.has(pfn)) bytesIn(this.page(at)).fill(0, offset, offset + n);
      }
      done += n;
    }
  }

  private drop(pfn: number): void {
    this.pages.delete(pfn);
    this.own.delete(pfn);
    this.recentTag[pfn & (RECENT - 1)] = -1;
  }

  /** The page around `pa`, to be written. */
  private page(pa: number): Uint32Array {
    const pfn = Math.floor(pa / PAGE_BYTES);
    const found = this.pages.get(pfn);
    if (found !== undefined && this.own.has(pfn)) return found;
    const page = found === undefined ? new Uint32Array(PAGE_BYTES >>> 2) : found.slice();
    this.pages.set(pfn, page);
    this.own.add(pfn);
    this.recentTag[pfn & (RECENT - 1)] = -1;
    return page;
  }
}

/** The page number of an address above its RECENT_BITS low bits; `hi` has 20. */
function tagOf(hi: number, lo: number): number {
  return (hi << (32 - PAGE_SHIFT - RECENT_BITS)) | (lo >>> (PAGE_SHIFT + RECENT_BITS));
}

function bytesIn(page: Uint32Array): Uint8Array {
  return new Uint8Array(page.buffer, page.byteOffset, page.byteLength);
}

function putByte(page: Uint32Array, at: number, value: number): void {
  const shift = (at & 3) * 8;
  page[at >>> 2] = ((page[at >>> 2] ?? 0) & ~(0xff << shift)) | (value << shift);
}

function word(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)) >>> 0
  );
}

function sized(what: string, length: number): string {
  return what === "" ? `${length} bytes` : `${what}, ${length} bytes`;
}
