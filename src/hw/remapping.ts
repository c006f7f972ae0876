/**
 * What a machine sees of a remapping unit whose code is not part of every machine (VT-d): it comes with the machine that
 * has it, and is attached when that is booted.
 */
import type { HwProbe } from "./base/probe.ts";
import type { Txn, TxnResult } from "./smmuv3/txn.ts";

/** What became of a write into the processors' interrupt range. */
export interface RemappedInterrupt {
  /** False: blocked, for `reason`. */
  delivered: boolean;
  reason: number;
  /** Index of the remapping entry, -1 = the request passed as it was (compatibility format, or remapping is off). */
  index: number;
  vector: number;
  /** APIC ID. */
  destination: number;
}

export interface RemappingUnit {
  readonly name: string;
  readonly base: number;
  /** Written only. */
  probe: HwProbe | null;
  covers(pa: number): boolean;
  readReg(offset: number): number;
  writeReg(offset: number, value: number): void;
  writeReg64(offset: number, lo: number, hi: number): void;
  /** `out.event` is the reason of a fault, 0 = ended without a record. */
  translate(txn: Txn, out: TxnResult): void;
  /** From memory alone: no caches, no records, no flags set. */
  explain(txn: Txn, out: TxnResult): void;
  /** A write of 4 bytes to 0xfeexxxxx; `lo` is the low word of its address. */
  interrupt(sid: number, lo: number, data: number, out: RemappedInterrupt): void;
  /** Name of a fault reason: `NO_READ`. */
  eventName(reason: number): string;
}

/** 0xfee00000 .. 0xfeefffff: where x86 processors take interrupts. */
export function isInterruptAddress(hi: number, lo: number): boolean {
  return hi === 0 && lo >>> 20 === 0xfee;
}
