/**
 * MSI domains of x86: entries of the interrupt remapping table where there is one, else vectors of the processor. The
 * message goes into the fixed window 0xfee00000, so no doorbell is ever mapped. Sources: linux 7.2
 * drivers/iommu/intel/irq_remapping.c, arch/x86/kernel/apic/msi.c; VT-d 4.1 5.1.2.2; Intel SDM 3A 11.11.
 *
 * Which handle or vector the real kernel would choose depends on what else runs: the lowest free one is taken. One
 * processor, APIC 0, receives all messages.
 */
import { errno } from "../../uapi/errno.ts";
import type { Kernel } from "../kernel.ts";
import type { PciDev } from "../pci/pci_dev.ts";
import type { IrqDesc } from "./irqdesc.ts";
import type { MsiMsg } from "./msi.ts";

/** First vector for devices, one past the last. */
const FIRST_VECTOR = 0x31;
const END_VECTOR = 0xec;
const IRTE_COUNT = 0x1_0000;
const WINDOW = 0xfee0_0000n;

/** The IOMMU driver's part: entries of an emulated remapping table. */
export interface IrqRemapper {
  activate(k: Kernel, pdev: PciDev, index: number, vector: number): void;
  deactivate(k: Kernel, pdev: PciDev, index: number): void;
}

export interface X86IrqState {
  /** Interrupt remapping is on: handles instead of vectors. */
  remapping: boolean;
  /** Null: nothing writes the table (recordings), or interrupts are not remapped. */
  remapper: IrqRemapper | null;
  /** Handles, or vectors without remapping. */
  used: Set<number>;
  /** Vectors behind handles of an emulated table. */
  vectors: Set<number>;
  /** Handle -> first handle of the MSIs that were allocated with it. */
  first: Map<number, number>;
}

export function x86_irq_init(remapping: boolean, remapper: IrqRemapper | null = null): X86IrqState {
  return { remapping, remapper, used: new Set(), vectors: new Set(), first: new Map() };
}

/** First of `n` (a power of two) handles or vectors. -ENOSPC: none left, or several MSIs without remapping. */
export function x86_irq_domain_alloc(k: Kernel, x86: X86IrqState, n: number): number {
  if (!k.check(n === 1 || x86.remapping, "several MSIs of one function need interrupt remapping")) return -errno.ENOSPC;
  const first = x86.remapping ? 0 : FIRST_VECTOR;
  const at = take(x86.used, first, x86.remapping ? IRTE_COUNT : END_VECTOR, n);
  if (!k.check(at >= 0, "an interrupt is free")) return -errno.ENOSPC;
  for (let i = at; i < at + n; i++) x86.first.set(i, at);
  return at;
}

/** The vectors that a processor will get for handles from `hwirq` on: the first of `n`. -ENOSPC: none left. */
export function x86_vector_alloc(k: Kernel, x86: X86IrqState, hwirq: number, n: number): number {
  if (x86.remapper === null) return hwirq;
  const at = take(x86.vectors, FIRST_VECTOR, END_VECTOR, n);
  return k.check(at >= 0, "a vector is free") ? at : -errno.ENOSPC;
}

/** First of `n` free numbers, aligned to `n`; -1 = none. */
function take(used: Set<number>, first: number, end: number, n: number): number {
  for (let at = Math.ceil(first / n) * n; at + n <= end; at += n) {
    let free = true;
    for (let i = at; i < at + n; i++) free &&= !used.has(i);
    if (!free) continue;
    for (let i = at; i < at + n; i++) used.add(i);
    return at;
  }
  return -1;
}

/** Remappable format: handle bits 14:0 in 19:5, bit 15 in 2, format 4, SHV 3; else destination 0 and the vector. */
export function x86_compose_msi_msg(x86: X86IrqState, hwirq: number): MsiMsg {
  if (!x86.remapping) return { address: WINDOW, data: hwirq };
  const first = x86.first.get(hwirq) ?? hwirq;
  const low = BigInt(((first & 0x7fff) << 5) | 0x18 | ((first >> 15) << 2));
  return { address: WINDOW | low, data: hwirq - first };
}

/** `vector`: as `x86_vector_alloc` gave it. */
export function x86_irq_domain_free(x86: X86IrqState, hwirq: number, vector: number): void {
  x86.used.delete(hwirq);
  x86.first.delete(hwirq);
  if (x86.remapper !== null) x86.vectors.delete(vector);
}

/** Makes (or clears) the remapping entry of a vector. */
export function x86_irq_activate(k: Kernel, x86: X86IrqState, pdev: PciDev, desc: IrqDesc, on: boolean): void {
  if (on) x86.remapper?.activate(k, pdev, desc.hwirq, desc.intid);
  else x86.remapper?.deactivate(k, pdev, desc.hwirq);
}
