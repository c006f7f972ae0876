/** The invalidation queue: consumed when software moves its tail. Spec: VT-d 6.5.2. */
import { join } from "../base/bits.ts";
import type { HwProbe } from "../base/probe.ts";
import type { PhysMem } from "../memory.ts";
import { DESCRIPTOR, descriptorText, descriptorType } from "./descriptors.ts";
import type { InterruptRemapper } from "./interrupt.ts";
import type { VtdTranslator } from "./translate.ts";

const PAGE_SHIFT = 12;
/** Largest AM that a page-selective invalidation has. */
const AM = 0x3f;

export class InvalidationQueue {
  readonly name: string;
  readonly mem: PhysMem;
  readonly translator: VtdTranslator;
  readonly interrupts: InterruptRemapper;
  probe: HwProbe | null = null;
  /** IQA. */
  baseLo = 0;
  baseHi = 0;
  /** Offsets in bytes from the start of the queue. */
  head = 0;
  tail = 0;
  /** A descriptor was refused: the head stays there until software clears the error. */
  error = false;
  /** A wait descriptor asked for an interrupt. */
  waitIrq = false;

  constructor(name: string, mem: PhysMem, translator: VtdTranslator, interrupts: InterruptRemapper) {
    this.name = name;
    this.mem = mem;
    this.translator = translator;
    this.interrupts = interrupts;
  }

  /** Bytes of a descriptor: 32 when IQA.DW is set. */
  get bytes(): number {
    return (this.baseLo & 0x800) === 0 ? 16 : 32;
  }

  /** Bytes of the queue. */
  get size(): number {
    return 4096 << (this.baseLo & 7);
  }

  get base(): number {
    return join(this.baseLo & ~0xfff, this.baseHi & 0xf_ffff);
  }

  /** Consumes up to the tail. */
  run(): void {
    while (!this.error && this.head !== this.tail) {
      const w = [0, 0, 0, 0, 0, 0, 0, 0];
      for (let i = 0; i < this.bytes / 8; i++) {
        this.mem.fetch64(this.base + this.head + 8 * i);
        w[2 * i] = this.mem.lo;
        w[2 * i + 1] = this.mem.hi;
      }
      if (!this.execute(w)) this.error = true;
      else this.head = (this.head + this.bytes) % this.size;
    }
  }

  /** One descriptor of 4 or 8 words; false when there is none such. */
  execute(words: ArrayLike<number>): boolean {
    const w0 = words[0] ?? 0;
    const w1 = words[1] ?? 0;
    const w2 = words[2] ?? 0;
    const w3 = words[3] ?? 0;
    if (this.probe !== null) this.probe.cmd(this.name, w0, w1, w2, w3, descriptorText(w0, w1, w2, w3));
    const g = (w0 >>> 4) & 3;
    switch (descriptorType(w0)) {
      case DESCRIPTOR.CONTEXT:
        return this.context(g, w0 >>> 16, w1);
      case DESCRIPTOR.IOTLB:
        return this.iotlb(g, w0 >>> 16, w2, w3);
      case DESCRIPTOR.PASID_IOTLB:
        return this.pasidIotlb(g, w0 >>> 16, w1 & 0xf_ffff, w2, w3);
      case DESCRIPTOR.PASID:
        return this.pasid(g, w0 >>> 16, w1 & 0xf_ffff);
      case DESCRIPTOR.INTERRUPT:
        if ((w0 & 0x10) === 0) this.interrupts.forget(-1, 0);
        else this.interrupts.forget(w1 & 0xffff, w0 >>> 27);
        return true;
      case DESCRIPTOR.WAIT:
        if ((w0 & 0x20) !== 0) this.status(w1, w2, w3);
        if ((w0 & 0x10) !== 0) this.waitIrq = true;
        return true;
      case DESCRIPTOR.DEVICE_TLB:
      case DESCRIPTOR.PASID_DEVICE_TLB:
        return this.translator.reader.caps.deviceTlb;
      default:
        return false;
    }
  }

  private status(value: number, lo: number, hi: number): void {
    const who = this.mem.who;
    this.mem.who = this.name;
    this.mem.write32(join(lo & ~3, hi & 0xf_ffff), value >>> 0, "wait status");
    this.mem.who = who;
  }

  private context(g: number, did: number, w1: number): boolean {
    if (g === 1) this.translator.forgetAll();
    else if (g === 2) this.translator.forgetDomain(did);
    else if (g === 3) this.translator.forgetDevice(w1 & 0xffff, FUNCTION_MASKS[(w1 >>> 16) & 3] ?? 0);
    return g !== 0;
  }

  private iotlb(g: number, did: number, lo: number, hi: number): boolean {
    const { tlb } = this.translator;
    if (g === 1) tlb.clear();
    else if (g === 2) tlb.invalidateVmid(did, false);
    else if (g === 3) {
      const am = lo & AM;
      tlb.invalidateRange(-2, did, start(hi, lo, am).hi, start(hi, lo, am).lo, 2 ** am, false);
      tlb.invalidateVmid(did, true);
    }
    return g !== 0;
  }

  private pasidIotlb(g: number, did: number, pasid: number, lo: number, hi: number): boolean {
    const { tlb } = this.translator;
    if (g === 2) tlb.invalidateAsid(pasid, did);
    else if (g === 3) {
      const am = lo & AM;
      const from = start(hi, lo, am);
      tlb.invalidateRange(pasid, did, from.hi, from.lo, 2 ** am, false);
    }
    return g >= 2;
  }

  private pasid(g: number, did: number, pasid: number): boolean {
    const { translator } = this;
    if (g === 0) translator.forgetDomain(did);
    else if (g === 1) translator.forgetPasid(did, pasid);
    else if (g === 3) translator.forgetAll();
    return g !== 2;
  }
}

/** Function bits that FM leaves out. */
const FUNCTION_MASKS: readonly number[] = Object.freeze([0, 4, 6, 7]);

/** First address of the 2^am pages around an address. */
function start(hi: number, lo: number, am: number): { hi: number; lo: number } {
  const shift = PAGE_SHIFT + am;
  if (shift >= 64) return { hi: 0, lo: 0 };
  if (shift >= 32) return { hi: hi & -(1 << (shift - 32)), lo: 0 };
  return { hi, lo: lo & -(1 << shift) };
}
