/**
 * The pointer pair of a queue in memory: index in the low bits, a wrap bit above it, bit 31 for overflow.
 * Spec: SMMUv3 IHI 0070 3.5.
 */
import { alignDown, join } from "../base/bits.ts";

export class Queue {
  /** Halves of the base register. */
  baseLo = 0;
  baseHi = 0;
  prod = 0;
  cons = 0;
  readonly entryBytes: number;
  /** Largest log2 size that the SMMU has. */
  readonly maxBits: number;

  constructor(entryBytes: number, maxBits: number) {
    this.entryBytes = entryBytes;
    this.maxBits = maxBits;
  }

  get log2(): number {
    return Math.min(this.baseLo & 31, this.maxBits);
  }

  /** Address of entry 0; aligned to the size of the queue. */
  get base(): number {
    const bytes = this.log2 + Math.log2(this.entryBytes);
    return alignDown(join(this.baseLo & ~31, this.baseHi & 0xfffff), Math.max(bytes, 5));
  }

  private get mask(): number {
    return (1 << this.log2) - 1;
  }

  /** Address of the entry that a pointer means. */
  at(pointer: number): number {
    return this.base + (pointer & this.mask) * this.entryBytes;
  }

  index(pointer: number): number {
    return pointer & this.mask;
  }

  get empty(): boolean {
    const all = (this.mask << 1) | 1;
    return ((this.prod ^ this.cons) & all) === 0;
  }

  get full(): boolean {
    const { mask } = this;
    return ((this.prod ^ this.cons) & ((mask << 1) | 1)) === mask + 1;
  }

  /** The pointer one entry on, bits above the wrap bit kept. */
  step(pointer: number): number {
    const all = (this.mask << 1) | 1;
    return ((pointer & ~all) | ((pointer + 1) & all)) >>> 0;
  }
}
