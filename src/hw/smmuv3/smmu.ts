/**
 * SMMUv3: what software sees of it (registers, queues in memory) and what a device sees of it (translate).
 *
 * Every effect of a register write happens before the write returns: a command queue is consumed, an update of CR0
 * is acknowledged. Interrupt outputs are flags that stay until whoever plays the interrupt controller clears them.
 * Source: Arm IHI 0070 3 and 6.
 */
import { join } from "../base/bits.ts";
import type { HwProbe } from "../base/probe.ts";
import type { PhysMem } from "../memory.ts";
import type { SmmuConfig } from "./caps.ts";
import { CommandQueue } from "./cmdq.ts";
import { EventQueue } from "./events.ts";
import type { SmmuClient } from "./client.ts";
import { PageRequestQueue } from "./priq.ts";
import { CR0, GBPA, GERROR, IRQ_CTRL, REG } from "./regs.ts";
import { StallBuffer } from "./stall.ts";
import { Translator } from "./translate.ts";
import type { Txn, TxnResult } from "./txn.ts";

export type { SmmuConfig } from "./caps.ts";

/** Plain JSON: one SMMU of a machine description. Register values as read by software. */
export interface SmmuDesc {
  /** `smmu3.0x0000000009050000`. */
  name: string;
  base: number;
  idr0: number;
  idr1: number;
  idr3: number;
  idr5: number;
  iidr: number;
  aidr: number;
  /** What firmware calls the implementation (IORT); absent = generic. */
  model?: "hi161x" | "cn99xx";
  /** Wired interrupts as INTIDs (32 = SPI 0); -1 = not wired. */
  irq: { evtq: number; priq: number; cmdqSync: number; gerror: number };
}

/** Two 64 KiB register pages. */
const FRAME_BYTES = 0x20000;
/** Bits of CR0 that this SMMU keeps and acknowledges. */
const CR0_BITS = 0x1df;
/** Registers that only store what is written, 32-bit. */
const PLAIN: ReadonlySet<number> = new Set([
  REG.CR1,
  REG.GERROR_IRQ_CFG0,
  REG.GERROR_IRQ_CFG0 + 4,
  REG.GERROR_IRQ_CFG1,
  REG.GERROR_IRQ_CFG2,
  REG.EVENTQ_IRQ_CFG0,
  REG.EVENTQ_IRQ_CFG0 + 4,
  REG.EVENTQ_IRQ_CFG1,
  REG.EVENTQ_IRQ_CFG2,
  REG.PRIQ_IRQ_CFG0,
  REG.PRIQ_IRQ_CFG0 + 4,
  REG.PRIQ_IRQ_CFG1,
  REG.PRIQ_IRQ_CFG2,
]);

export class Smmuv3 {
  readonly name: string;
  readonly base: number;
  readonly config: SmmuConfig;
  readonly mem: PhysMem;
  /** Interrupt outputs that were raised (edge); who handles the interrupt clears its flag. */
  evtqIrq = false;
  gerrorIrq = false;
  syncIrq = false;
  priqIrq = false;
  /** Who makes the transactions: hears of resumed ones, ATS invalidations and page responses. */
  client: SmmuClient | null = null;

  cr0 = 0;
  cr2 = 0;
  gbpa = 0x1000;
  irqCtrl = 0;
  gerror = 0;
  gerrorN = 0;
  strtabLo = 0;
  strtabHi = 0;
  strtabCfg = 0;
  /** Stream table format in effect, and StreamID bits of its second level. */
  twoLevel = false;
  split = 0;
  readonly plain = new Map<number, number>();
  readonly commands: CommandQueue;
  readonly events: EventQueue;
  readonly pageRequests: PageRequestQueue;
  readonly stalled: StallBuffer;
  readonly translator: Translator;

  constructor(name: string, base: number, config: SmmuConfig, mem: PhysMem) {
    this.name = name;
    this.base = base;
    this.config = config;
    this.mem = mem;
    this.translator = new Translator(this);
    const { caps } = this.translator;
    this.commands = new CommandQueue(this, caps.cmdqBits);
    this.events = new EventQueue(this, caps.evtqBits);
    this.pageRequests = new PageRequestQueue(this, caps.priqBits);
    this.stalled = new StallBuffer(this, caps.stallMax);
  }

  get probe(): HwProbe | null {
    return this.translator.walker.probe;
  }

  set probe(probe: HwProbe | null) {
    this.translator.walker.probe = probe;
  }

  covers(pa: number): boolean {
    return pa >= this.base && pa < this.base + FRAME_BYTES;
  }

  /** 32-bit register at byte offset `off` (0 .. 0x1ffff). Reserved registers read as 0. */
  readReg(off: number): number {
    const { config } = this;
    switch (off) {
      case REG.IDR0:
        return config.idr0;
      case REG.IDR1:
        return config.idr1;
      case REG.IDR3:
        return config.idr3;
      case REG.IDR5:
        return config.idr5;
      case REG.IIDR:
        return config.iidr;
      case REG.AIDR:
        return config.aidr;
      case REG.CR0:
      case REG.CR0ACK:
        return this.cr0;
      case REG.CR2:
        return this.cr2;
      case REG.GBPA:
        return this.gbpa;
      case REG.IRQ_CTRL:
      case REG.IRQ_CTRLACK:
        return this.irqCtrl;
      case REG.GERROR:
        return this.gerror;
      case REG.GERRORN:
        return this.gerrorN;
      case REG.STRTAB_BASE:
        return this.strtabLo;
      case REG.STRTAB_BASE + 4:
        return this.strtabHi;
      case REG.STRTAB_BASE_CFG:
        return this.strtabCfg;
      case REG.CMDQ_BASE:
        return this.commands.baseLo;
      case REG.CMDQ_BASE + 4:
        return this.commands.baseHi;
      case REG.CMDQ_PROD:
        return this.commands.prod;
      case REG.CMDQ_CONS:
        return this.commands.cons;
      case REG.EVENTQ_BASE:
        return this.events.baseLo;
      case REG.EVENTQ_BASE + 4:
        return this.events.baseHi;
      case REG.EVENTQ_PROD:
      case REG.EVENTQ_PROD - REG.PAGE1:
        return this.events.prod;
      case REG.EVENTQ_CONS:
      case REG.EVENTQ_CONS - REG.PAGE1:
        return this.events.cons;
      case REG.PRIQ_BASE:
        return this.pageRequests.baseLo;
      case REG.PRIQ_BASE + 4:
        return this.pageRequests.baseHi;
      case REG.PRIQ_PROD:
        return this.pageRequests.prod;
      case REG.PRIQ_CONS:
        return this.pageRequests.cons;
    }
    return this.plain.get(off) ?? 0;
  }

  /** Writes to read-only and reserved registers are ignored. */
  writeReg(off: number, given: number): void {
    const value = given >>> 0;
    switch (off) {
      case REG.CR0:
        return this.writeCr0(value);
      case REG.CR2:
        this.cr2 = value & 15;
        return;
      case REG.GBPA:
        if (value >>> GBPA.f.Update.lo === 1) this.gbpa = value & 0x7fff_ffff;
        return;
      case REG.IRQ_CTRL:
        this.irqCtrl = value & 7;
        return;
      case REG.GERRORN:
        return this.acknowledge(value);
      case REG.STRTAB_BASE:
        this.strtabLo = value;
        return;
      case REG.STRTAB_BASE + 4:
        this.strtabHi = value;
        return;
      case REG.STRTAB_BASE_CFG:
        return this.writeStrtabCfg(value);
      case REG.CMDQ_BASE:
        this.commands.baseLo = value;
        return;
      case REG.CMDQ_BASE + 4:
        this.commands.baseHi = value;
        return;
      case REG.CMDQ_PROD:
        this.commands.prod = value;
        this.commands.run();
        return;
      case REG.CMDQ_CONS:
        this.commands.cons = value;
        return;
      case REG.EVENTQ_BASE:
        this.events.baseLo = value;
        return;
      case REG.EVENTQ_BASE + 4:
        this.events.baseHi = value;
        return;
      case REG.EVENTQ_PROD:
      case REG.EVENTQ_PROD - REG.PAGE1:
        this.events.prod = value;
        return;
      case REG.EVENTQ_CONS:
      case REG.EVENTQ_CONS - REG.PAGE1:
        this.events.cons = value;
        this.stalled.retryWaiting();
        return;
      case REG.PRIQ_BASE:
        this.pageRequests.baseLo = value;
        return;
      case REG.PRIQ_BASE + 4:
        this.pageRequests.baseHi = value;
        return;
      case REG.PRIQ_PROD:
        this.pageRequests.prod = value;
        return;
      case REG.PRIQ_CONS:
        this.pageRequests.cons = value;
        return;
    }
    if (PLAIN.has(off)) this.plain.set(off, value);
  }

  /** A 64-bit register, or two neighbouring 32-bit ones. */
  writeReg64(off: number, lo: number, hi: number): void {
    this.writeReg(off, lo);
    this.writeReg(off + 4, hi);
  }

  /** Translates one access; on a fault the record, if any, is in the event queue when this returns. */
  translate(txn: Txn, out: TxnResult): void {
    this.translator.translate(txn, out);
  }

  /** The same from memory alone and without any trace in the SMMU: no cache is read or filled, nothing is recorded. */
  explain(txn: Txn, out: TxnResult): void {
    const { walker } = this.translator;
    walker.dry = true;
    this.translator.translate(txn, out);
    walker.dry = false;
  }

  /** A global error becomes active, unless it is already. */
  raiseError(bit: number): void {
    if (!this.errorActive(bit)) this.gerror = (this.gerror ^ bit) >>> 0;
    if (((this.irqCtrl >>> IRQ_CTRL.f.GERROR.lo) & 1) === 0) return;
    if (!this.message(REG.GERROR_IRQ_CFG0, 1 << GERROR.f.MSI_GERROR_ABT_ERR.lo)) this.gerrorIrq = true;
  }

  /** The event or PRI queue has something new, if their interrupt is on. */
  queueInterrupt(queue: "event" | "pri"): void {
    const event = queue === "event";
    const enable = event ? IRQ_CTRL.f.EVENTQ.lo : IRQ_CTRL.f.PRIQ.lo;
    if (((this.irqCtrl >>> enable) & 1) === 0) return;
    const abort = event ? GERROR.f.MSI_EVENTQ_ABT_ERR.lo : GERROR.f.MSI_PRIQ_ABT_ERR.lo;
    if (this.message(event ? REG.EVENTQ_IRQ_CFG0 : REG.PRIQ_IRQ_CFG0, 1 << abort)) return;
    if (event) this.evtqIrq = true;
    else this.priqIrq = true;
  }

  /** Sends an output's MSI where software gave it an address (`cfg`: its IRQ_CFG0); false = the wire is used. */
  private message(cfg: number, abort: number): boolean {
    const reg = (off: number): number => this.plain.get(cfg + off) ?? 0;
    const address = join((reg(0) & ~3) >>> 0, reg(4) & 0xfffff);
    if (!this.translator.caps.msi || address === 0) return false;
    this.writeMsi(address, reg(8), abort);
    return true;
  }

  /** `abort`: the global error when nothing answers at the address. Only memory is reached, no interrupt controller. */
  writeMsi(address: number, data: number, abort: number): void {
    const { mem } = this;
    if (!mem.answers(address)) {
      if (!this.errorActive(abort)) this.gerror = (this.gerror ^ abort) >>> 0;
      return;
    }
    const who = mem.who;
    mem.who = this.name;
    mem.write32(address, data, "MSI");
    mem.who = who;
  }

  errorActive(bit: number): boolean {
    return ((this.gerror ^ this.gerrorN) & bit) !== 0;
  }

  private acknowledge(value: number): void {
    this.gerrorN = value;
    if (!this.errorActive(1 << GERROR.f.CMDQ_ERR.lo)) this.commands.run();
  }

  private writeCr0(value: number): void {
    const was = this.cr0;
    this.cr0 = value & CR0_BITS;
    if ((was & 1) === 1 && (value & 1) === 0) this.stalled.terminate(-1);
    if (((this.cr0 & ~was) >>> CR0.f.EVENTQEN.lo) % 2 === 1) this.stalled.retryWaiting();
    this.commands.run();
  }

  private writeStrtabCfg(value: number): void {
    this.strtabCfg = value;
    const two = ((value >>> 16) & 3) === 1 && this.translator.caps.twoLevelStreamTable;
    if (two) {
      this.twoLevel = true;
      const split = (value >>> 6) & 31;
      this.split = split === 8 || split === 10 ? split : 6;
    } else if (!this.config.quirks.fmtSticky) this.twoLevel = false;
  }
}
