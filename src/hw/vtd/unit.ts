/**
 * A VT-d remapping unit: what software sees of it (registers, tables and a queue in memory) and what a device sees of
 * it (`translate`, `interrupt`). Every effect of a register write happens before the write returns. Interrupt outputs
 * are flags that stay until whoever plays the interrupt controller clears them. Spec: VT-d 6, 11.
 */
import { join } from "../base/bits.ts";
import type { HwProbe } from "../base/probe.ts";
import type { PhysMem } from "../memory.ts";
import type { RemappedInterrupt, RemappingUnit } from "../remapping.ts";
import type { Txn, TxnResult } from "../smmuv3/txn.ts";
import { type Halves, type VtdCaps, vtdCaps } from "./caps.ts";
import { reasonName, reasonText } from "./faults.ts";
import { InterruptRemapper, passed } from "./interrupt.ts";
import { InvalidationQueue } from "./queue.ts";
import { VTD_ARCHITECTURE, type VtdQuirks } from "./quirks.ts";
import { GSTS, VTD_REG } from "./regs.ts";
import { VtdTranslator } from "./translate.ts";

export interface VtdConfig {
  cap: Halves;
  ecap: Halves;
  /** Bits of a physical address, 33 to 52. */
  haw: number;
  quirks?: VtdQuirks;
}

const bit = (field: { lo: number }): number => (1 << field.lo) >>> 0;
const TE = bit(GSTS.f.TES);
const SRTP = bit(GSTS.f.RTPS);
const QIE = bit(GSTS.f.QIES);
const IRE = bit(GSTS.f.IRES);
const SIRTP = bit(GSTS.f.IRTPS);
const CFI = bit(GSTS.f.CFIS);
/** What a write to GCMD switches as given; the set-pointer commands act once. */
const SWITCHES = (TE | QIE | IRE | CFI) >>> 0;

/** FSTS. */
const PFO = 1;
const PPF = 2;
const IQE = 0x10;
/** F of a fault recording register, in its last word. */
const F = 0x8000_0000;
const T_READ = 0x4000_0000;
const PP = 0x8000_0000;
const RECORD_WORDS = 4;
const BYTES = 4096;

export class VtdUnit implements RemappingUnit {
  readonly name: string;
  readonly base: number;
  readonly caps: VtdCaps;
  readonly mem: PhysMem;
  readonly translator: VtdTranslator;
  readonly remapper: InterruptRemapper;
  readonly queue: InvalidationQueue;
  gsts = 0;
  fsts = 0;
  fectl = 0x8000_0000;
  /** Message of a fault event: data, address. */
  readonly fault = new Uint32Array(3);
  rtLo = 0;
  rtHi = 0;
  irtLo = 0;
  irtHi = 0;
  /** Fault recording registers, four words each, and the one that is written next. */
  readonly records: Uint32Array;
  nextRecord = 0;
  /** Words of the last record, also of one that found no free register. */
  readonly last = new Uint32Array(RECORD_WORDS);
  /** A fault event is to be raised. */
  faultIrq = false;
  private watcher: HwProbe | null = null;

  constructor(name: string, base: number, config: VtdConfig, mem: PhysMem) {
    this.name = name;
    this.base = base;
    this.mem = mem;
    this.caps = vtdCaps(config.cap, config.ecap, config.haw);
    const quirks = config.quirks ?? VTD_ARCHITECTURE;
    this.translator = new VtdTranslator(name, mem, this.caps, quirks);
    this.remapper = new InterruptRemapper(name, mem);
    this.queue = new InvalidationQueue(name, mem, this.translator, this.remapper);
    this.records = new Uint32Array(this.caps.records * RECORD_WORDS);
  }

  set probe(probe: HwProbe | null) {
    this.watcher = probe;
    this.translator.probe = probe;
    this.remapper.probe = probe;
    this.queue.probe = probe;
  }

  /** Whether an address is one of its registers. */
  covers(pa: number): boolean {
    return pa >= this.base && pa < this.base + BYTES;
  }

  get translating(): boolean {
    return (this.gsts & TE) !== 0;
  }

  get remapping(): boolean {
    return (this.gsts & IRE) !== 0;
  }

  readReg(offset: number): number {
    const at = offset - this.caps.frcd;
    if (at >= 0 && at < this.records.length * 4) return this.records[at >>> 2] ?? 0;
    switch (offset) {
      case VTD_REG.VER:
        return 0x40;
      case VTD_REG.CAP:
        return this.caps.cap.lo;
      case VTD_REG.CAP + 4:
        return this.caps.cap.hi;
      case VTD_REG.ECAP:
        return this.caps.ecap.lo;
      case VTD_REG.ECAP + 4:
        return this.caps.ecap.hi;
      case VTD_REG.GSTS:
        return this.gsts;
      case VTD_REG.RTADDR:
        return this.rtLo;
      case VTD_REG.RTADDR + 4:
        return this.rtHi;
      case VTD_REG.FSTS:
        return this.fsts;
      case VTD_REG.FECTL:
        return this.fectl;
      case VTD_REG.FEDATA:
      case VTD_REG.FEADDR:
      case VTD_REG.FEUADDR:
        return this.fault[(offset - VTD_REG.FEDATA) / 4] ?? 0;
      case VTD_REG.IQH:
        return this.queue.head;
      case VTD_REG.IQT:
        return this.queue.tail;
      case VTD_REG.IQA:
        return this.queue.baseLo;
      case VTD_REG.IQA + 4:
        return this.queue.baseHi;
      case VTD_REG.IRTA:
        return this.irtLo;
      case VTD_REG.IRTA + 4:
        return this.irtHi;
      default:
        return 0;
    }
  }

  writeReg(offset: number, value: number): void {
    const at = offset - this.caps.frcd;
    if (at >= 0 && at < this.records.length * 4) return this.clearRecord(at >>> 2, value);
    switch (offset) {
      case VTD_REG.GCMD:
        return this.command(value >>> 0);
      case VTD_REG.RTADDR:
        this.rtLo = value >>> 0;
        return;
      case VTD_REG.RTADDR + 4:
        this.rtHi = value >>> 0;
        return;
      case VTD_REG.FSTS:
        this.fsts &= ~(value & (PFO | IQE));
        if ((value & IQE) !== 0) this.queue.error = false;
        return;
      case VTD_REG.FECTL:
        this.fectl = (value & 0x8000_0000) >>> 0;
        return;
      case VTD_REG.FEDATA:
      case VTD_REG.FEADDR:
      case VTD_REG.FEUADDR:
        this.fault[(offset - VTD_REG.FEDATA) / 4] = value;
        return;
      case VTD_REG.IQT:
        this.queue.tail = value & (this.queue.size - 16);
        return this.drain();
      case VTD_REG.IQA:
        this.queue.baseLo = value >>> 0;
        return;
      case VTD_REG.IQA + 4:
        this.queue.baseHi = value >>> 0;
        return;
      case VTD_REG.IRTA:
        this.irtLo = value >>> 0;
        return;
      case VTD_REG.IRTA + 4:
        this.irtHi = value >>> 0;
        return;
      default:
    }
  }

  writeReg64(offset: number, lo: number, hi: number): void {
    this.writeReg(offset, lo);
    this.writeReg(offset + 4, hi);
  }

  private command(value: number): void {
    let status = ((this.gsts & ~SWITCHES) | (value & SWITCHES)) >>> 0;
    if ((value & SRTP) !== 0) {
      this.translator.reader.rootLo = this.rtLo;
      this.translator.reader.rootHi = this.rtHi;
      if (this.caps.esrtps) this.forget();
      status |= SRTP;
    }
    if ((value & SIRTP) !== 0) {
      this.remapper.tableLo = this.irtLo;
      this.remapper.tableHi = this.irtHi;
      status |= SIRTP;
    }
    if ((status & QIE) !== 0 && (this.gsts & QIE) === 0) this.queue.head = 0;
    this.gsts = status >>> 0;
  }

  /** What a unit with ESRTPS does by itself when it takes a root table. */
  private forget(): void {
    this.translator.forgetAll();
    this.translator.tlb.clear();
  }

  private drain(): void {
    if ((this.gsts & QIE) === 0) return;
    this.queue.run();
    if (this.queue.error) {
      this.fsts |= IQE;
      this.raise();
    }
  }

  private clearRecord(word: number, value: number): void {
    if (word % RECORD_WORDS !== RECORD_WORDS - 1 || value >>> 31 === 0) return;
    this.records[word] = (this.records[word] ?? 0) & 0x7fff_ffff;
    const waiting = this.records.some((w, i) => i % RECORD_WORDS === RECORD_WORDS - 1 && w >>> 31 === 1);
    if (!waiting) this.fsts &= ~PPF;
  }

  /** One request of a device to memory; `out.event` is the reason of a fault, 0 = without one. */
  translate(txn: Txn, out: TxnResult): void {
    if (!this.translating) {
      Object.assign(out, PASSED);
      out.pa = join(txn.lo, txn.hi & 0xf_ffff);
      return;
    }
    this.translator.run(txn, out);
    if (out.ok || out.event === 0 || this.translator.fpd) return;
    this.record(out.event, txn.sid, txn.ssid, (txn.lo & ~0xfff) >>> 0, txn.hi, !txn.write);
  }

  /** `translate` from memory alone: no caches, no records, no flags set. */
  explain(txn: Txn, out: TxnResult): void {
    this.translator.setDry(true);
    if (this.translating) this.translator.run(txn, out);
    else this.translate(txn, out);
    this.translator.setDry(false);
  }

  /** A write of 4 bytes into the interrupt range. */
  interrupt(sid: number, lo: number, data: number, out: RemappedInterrupt): void {
    if (!this.remapping) return passed(lo, data, out);
    this.remapper.remap(sid, lo, data, (this.gsts & CFI) !== 0, false, out);
    if (out.delivered || this.remapper.fpd) return;
    this.record(out.reason, sid, -1, 0, (Math.max(out.index, 0) << 16) >>> 0, false);
  }

  eventName(reason: number): string {
    return reasonName(reason);
  }

  private record(reason: number, sid: number, pasid: number, lo: number, hi: number, read: boolean): void {
    const { last, records } = this;
    last[0] = lo;
    last[1] = hi;
    last[2] = sid | (pasid < 0 ? 0 : PP);
    last[3] = (reason | (pasid < 0 ? 0 : pasid << 8) | (read ? T_READ : 0) | F) >>> 0;
    const at = this.nextRecord * RECORD_WORDS;
    const full = (this.fsts & PFO) !== 0 || (records[at + 3] ?? 0) >>> 31 === 1;
    if (this.watcher !== null) {
      const text = `${this.name} fault ${reasonText(reason)}${full ? ", lost: no register is free" : ""}`;
      this.watcher.event(this.name, [...last], text);
    }
    if (full) {
      this.fsts |= PFO;
      return;
    }
    records.set(last, at);
    if ((this.fsts & PPF) === 0) this.fsts = ((this.fsts & ~0xff00) | (this.nextRecord << 8) | PPF) >>> 0;
    this.nextRecord = (this.nextRecord + 1) % this.caps.records;
    this.raise();
  }

  private raise(): void {
    if (this.fectl >>> 31 === 0) this.faultIrq = true;
  }
}

/** What a request is that nothing translates. */
const PASSED = Object.freeze({
  ok: true,
  shift: 12,
  device: false,
  event: 0,
  stag: -1,
  raz: false,
  stage: 0,
  level: -1,
} as const);
