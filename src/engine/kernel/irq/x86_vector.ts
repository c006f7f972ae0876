/**
 * MSI domains of x86: entries of the interrupt remapping table where there is one, else vectors of the processor. The
 * message goes into the fixed window 0xfee00000, so no doorbell is ever mapped. Sources: linux 7.2
 * drivers/iommu/intel/irq_remapping.c, arch/x86/kernel/apic/msi.c; VT-d 4.1 5.1.2.2; Intel SDM 3A 11.11.
 *
 * Which handle or vector the real kernel would choose depends on what else runs: the lowest free one is taken. Nothing
 * receives these messages here: there is no emulated APIC.
 */
import { errno } from "../../uapi/errno.ts";
import type { Kernel } from "../kernel.ts";
import type { MsiMsg } from "./msi.ts";

/** First vector for devices, one past the last. */
const FIRST_VECTOR = 0x31;
const END_VECTOR = 0xec;
const IRTE_COUNT = 0x1_0000;
const WINDOW = 0xfee0_0000n;

export interface X86IrqState {
  /** Interrupt remapping is on: handles instead of vectors. */
  remapping: boolean;
  used: Set<number>;
}

export function x86_irq_init(remapping: boolean): X86IrqState {
  return { remapping, used: new Set() };
}

/** First of `n` (a power of two) handles or vectors. -ENOSPC: none left, or several MSIs without remapping. */
export function x86_irq_domain_alloc(k: Kernel, x86: X86IrqState, n: number): number {
  if (!k.check(n === 1 || x86.remapping, "several MSIs of one function need interrupt remapping")) return -errno.ENOSPC;
  const first = x86.remapping ? 0 : FIRST_VECTOR;
  const end = x86.remapping ? IRTE_COUNT : END_VECTOR;
  for (let at = Math.ceil(first / n) * n; at + n <= end; at += n) {
    let free = true;
    for (let i = at; i < at + n; i++) free &&= !x86.used.has(i);
    if (!free) continue;
    for (let i = at; i < at + n; i++) x86.used.add(i);
    return at;
  }
  k.check(false, "an interrupt is free");
  return -errno.ENOSPC;
}

/** Remappable format: handle bits 14:0 in 19:5, bit 15 in 2, format 4, SHV 3; else destination 0 and the vector. */
export function x86_compose_msi_msg(x86: X86IrqState, hwirq: number): MsiMsg {
  if (!x86.remapping) return { address: WINDOW, data: hwirq };
  const low = BigInt(((hwirq & 0x7fff) << 5) | 0x18 | ((hwirq >> 15) << 2));
  return { address: WINDOW | low, data: 0 };
}

export function x86_irq_domain_free(x86: X86IrqState, hwirq: number): void {
  x86.used.delete(hwirq);
}
