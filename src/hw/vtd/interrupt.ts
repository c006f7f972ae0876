/** Interrupt remapping: a write into the interrupt range becomes a vector for a processor, or a fault. Spec: VT-d 5.1. */
import { hex, join } from "../base/bits.ts";
import { get } from "../base/fields.ts";
import type { HwProbe } from "../base/probe.ts";
import type { PhysMem } from "../memory.ts";
import type { RemappedInterrupt } from "../remapping.ts";
import { REASON } from "./faults.ts";
import { IRTE } from "./irte.ts";

const WORDS = 4;

export class InterruptRemapper {
  readonly name: string;
  readonly mem: PhysMem;
  probe: HwProbe | null = null;
  /** The interrupt remapping table register in use. */
  tableLo = 0;
  tableHi = 0;
  /** Entries that were read, until they are invalidated. */
  readonly cache = new Map<number, Uint32Array>();
  /** Of the last blocked request: its faults are not recorded. */
  fpd = false;

  constructor(name: string, mem: PhysMem) {
    this.name = name;
    this.mem = mem;
  }

  /** Entries of the table. */
  get entries(): number {
    return 2 ** ((this.tableLo & 15) + 1);
  }

  /** Extended interrupt mode: 32-bit APIC IDs. */
  get extended(): boolean {
    return (this.tableLo & 0x800) !== 0;
  }

  /** One request with remapping on. `compatible`: requests in compatibility format pass. */
  remap(sid: number, lo: number, data: number, compatible: boolean, dry: boolean, out: RemappedInterrupt): void {
    this.fpd = false;
    out.index = -1;
    if ((lo & 0x10) === 0) {
      if (!compatible || this.extended) return this.block(out, REASON.IR_COMPATIBILITY);
      return passed(lo, data, out);
    }
    const shv = (lo & 8) !== 0;
    out.index = ((lo >>> 5) & 0x7fff) | ((lo & 4) << 13);
    if (shv) out.index += data & 0xffff;
    if ((lo & 3) !== 0 || (shv && data >>> 16 !== 0)) return this.block(out, REASON.IR_REQUEST_RESERVED);
    if (out.index >= this.entries) return this.block(out, REASON.IR_INDEX);
    const entry = this.entry(out.index, dry);
    if (entry === null) return this.block(out, REASON.IR_ACCESS);
    this.fpd = get(IRTE.f.FPD, entry) === 1;
    if (get(IRTE.f.P, entry) === 0) return this.block(out, REASON.IR_NOT_PRESENT);
    const reserved = (entry[0] ?? 0) & 0xff00_7000;
    const high = ((entry[2] ?? 0) & 0xfff0_0000) | (entry[3] ?? 0);
    const svt = get(IRTE.f.SVT, entry);
    if (reserved !== 0 || high !== 0 || svt === 3 || get(IRTE.f.IM, entry) === 1) {
      return this.block(out, REASON.IR_RESERVED);
    }
    if (!sourceAllowed(svt, get(IRTE.f.SQ, entry), get(IRTE.f.SID, entry), sid)) {
      return this.block(out, REASON.IR_SOURCE);
    }
    out.delivered = true;
    out.reason = 0;
    out.vector = get(IRTE.f.V, entry);
    const destination = get(IRTE.f.DST, entry);
    out.destination = this.extended ? destination : (destination >>> 8) & 0xff;
  }

  private block(out: RemappedInterrupt, reason: number): void {
    out.delivered = false;
    out.reason = reason;
  }

  private entry(index: number, dry: boolean): Uint32Array | null {
    const known = dry ? undefined : this.cache.get(index);
    if (known !== undefined) return known;
    const pa = join(this.tableLo & ~0xfff, this.tableHi & 0xf_ffff) + index * 16;
    const page = this.mem.frame(Math.floor(pa / 2 ** 32), pa | 0);
    if (page === null) return null;
    const at = (pa % 4096) >>> 2;
    const words = page.slice(at, at + WORDS);
    if (this.probe !== null) {
      this.probe.mem(this.name, false, pa, words[0] ?? 0, words[1] ?? 0, `IRTE[${hex(index)}] w0`);
      this.probe.mem(this.name, false, pa + 8, words[2] ?? 0, words[3] ?? 0, `IRTE[${hex(index)}] w1`);
    }
    if (!dry && ((words[0] ?? 0) & 1) !== 0) this.cache.set(index, words);
    return words;
  }

  /** Interrupt entry cache: all, or 2^mask entries around an index. */
  forget(index: number, mask: number): void {
    if (index < 0) this.cache.clear();
    else for (const key of [...this.cache.keys()]) if (key >>> mask === index >>> mask) this.cache.delete(key);
  }
}

/** A request that reaches the processors as it is: destination in bits 19:12, vector in the data. */
export function passed(lo: number, data: number, out: RemappedInterrupt): void {
  out.delivered = true;
  out.reason = 0;
  out.index = -1;
  out.vector = data & 0xff;
  out.destination = (lo >>> 12) & 0xff;
}

/** Function bits that SQ leaves out of the comparison. */
const SQ_MASK: readonly number[] = Object.freeze([0, 4, 6, 7]);

function sourceAllowed(svt: number, sq: number, sid: number, from: number): boolean {
  if (svt === 0) return true;
  if (svt === 2) return from >>> 8 >= sid >>> 8 && from >>> 8 <= (sid & 0xff);
  const mask = ~(SQ_MASK[sq] ?? 0);
  return (sid & mask) === (from & mask);
}
