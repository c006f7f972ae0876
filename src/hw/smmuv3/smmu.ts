/**
 * SMMUv3: what software sees of it (registers, queues in memory) and what a device sees of it (translate).
 * Source: Arm IHI 0070, sections named beside each part.
 */
import type { HwProbe } from "../base/probe.ts";
import type { PhysMem } from "../memory.ts";
import type { Quirks } from "./quirks.ts";
import type { Txn, TxnResult } from "./txn.ts";

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
  /** Wired interrupts as INTIDs (32 = SPI 0); -1 = not wired. */
  irq: { evtq: number; priq: number; cmdqSync: number; gerror: number };
}

/** Two 64 KiB register pages. */
const FRAME_BYTES = 0x20000;

export interface SmmuConfig {
  idr0: number;
  idr1: number;
  idr3: number;
  idr5: number;
  iidr: number;
  aidr: number;
  quirks: Quirks;
}

export class Smmuv3 {
  readonly name: string;
  readonly base: number;
  readonly config: SmmuConfig;
  readonly mem: PhysMem;
  probe: HwProbe | null = null;
  /** Interrupt outputs that were raised (edge); who handles the interrupt clears its flag. */
  evtqIrq = false;
  gerrorIrq = false;
  syncIrq = false;

  constructor(name: string, base: number, config: SmmuConfig, mem: PhysMem) {
    this.name = name;
    this.base = base;
    this.config = config;
    this.mem = mem;
  }

  covers(pa: number): boolean {
    return pa >= this.base && pa < this.base + FRAME_BYTES;
  }

  /** 32-bit register at byte offset `off` (0 .. 0x1ffff). */
  readReg(_off: number): number {
    throw new Error("Smmuv3.readReg: not yet");
  }

  writeReg(_off: number, _value: number): void {
    throw new Error("Smmuv3.writeReg: not yet");
  }

  writeReg64(_off: number, _lo: number, _hi: number): void {
    throw new Error("Smmuv3.writeReg64: not yet");
  }

  /** Translates one access; on a fault the record, if any, is in the event queue when this returns. */
  translate(_txn: Txn, _out: TxnResult): void {
    throw new Error("Smmuv3.translate: not yet");
  }
}
