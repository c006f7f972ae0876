/** GICv2m: SPIs as messages, without isolation. Source: linux 7.2 drivers/irqchip/irq-gic-v2m.c. */
import { errno } from "../../uapi/errno.ts";
import type { Device } from "../iommu/types.ts";
import type { Kernel } from "../kernel.ts";
import { the_machine } from "../platform.ts";
import { type MsiDesc, msi_msg_addr, type MsiMsg } from "./msi.ts";

const MSI_TYPER = 0x8;
const MSI_SETSPI_NS = 0x40;

export interface V2mState {
  base: number;
  /** First interrupt id and how many. */
  spi_start: number;
  nr_spis: number;
  used: Set<number>;
}

export function gicv2m_probe(k: Kernel, base: number): V2mState {
  const typer = the_machine(k).read32(base + MSI_TYPER);
  return { base, spi_start: (typer >>> 16) & 0x3ff, nr_spis: typer & 0x3ff, used: new Set() };
}

function gicv2m_get_msi_addr(v2m: V2mState): bigint {
  return BigInt(v2m.base + MSI_SETSPI_NS);
}

/** A run of `n` (a power of two) SPIs; -ENOSPC, or what the doorbell's mapping gives: the SPIs are then lost. */
export function gicv2m_irq_domain_alloc(k: Kernel, v2m: V2mState, dev: Device, desc: MsiDesc, n: number): number {
  for (let at = 0; at + n <= v2m.nr_spis; at += n) {
    let free = true;
    for (let i = at; i < at + n; i++) free &&= !v2m.used.has(i);
    if (!free) continue;
    for (let i = at; i < at + n; i++) v2m.used.add(i);
    const rc = k.ops.iommu_dma_prepare_msi(k, desc, dev, gicv2m_get_msi_addr(v2m));
    return rc < 0 ? rc : v2m.spi_start + at;
  }
  k.check(false, "an SPI of the frame is free");
  return -errno.ENOSPC;
}

export function gicv2m_compose_msi_msg(v2m: V2mState, desc: MsiDesc, spi: number): MsiMsg {
  return { address: msi_msg_addr(desc, gicv2m_get_msi_addr(v2m)), data: spi };
}

export function gicv2m_irq_domain_free(v2m: V2mState, spi: number, n: number): void {
  for (let i = spi - v2m.spi_start; i < spi - v2m.spi_start + n; i++) v2m.used.delete(i);
}
