/**
 * The host bridge's windows as addresses that a device should not use. Source: linux 7.2 drivers/iommu/dma-iommu.c
 * `iova_reserve_pci_windows`, `iova_reserve_iommu_regions`; as regions of every user: linux 4.12 to 4.17, `iommu_dma_get_resv_regions`.
 */
import type { Kernel } from "../kernel.ts";
import { the_platform } from "../platform.ts";
import type { Device, ResvRegion, ResvType } from "./types.ts";

/** Both ends inclusive. */
export interface IovaRange {
  start: bigint;
  last: bigint;
}

/** MEM windows at their PCI addresses. */
export function pci_host_windows(k: Kernel): IovaRange[] {
  const { windows } = the_platform(k).machine.desc;
  return windows
    .filter((w) => w.kind !== "io")
    .map((w) => ({ start: BigInt(w.pci), last: BigInt(w.pci) + BigInt(w.last) - BigInt(w.start) }));
}

/** What the DMA API, and only it, keeps free for a PCI function (4.18 on): its own IOVAs must not look like peers. */
export function iova_reserve_pci_windows(k: Kernel, dev: Device): IovaRange[] {
  return the_platform(k).pci.has(dev.name) ? pci_host_windows(k) : [];
}

/** What the DMA API leaves out for a device: the windows, and every region but the one whose content it places itself. */
export function iova_reserve_iommu_regions(k: Kernel, dev: Device): IovaRange[] {
  const regions = k.ops.iommu_get_resv_regions(k, dev).filter((r) => r.type !== "sw-msi");
  const ranges = regions.map((r) => ({ start: r.start, last: r.start + r.length - 1n }));
  return [...k.ops.iova_reserve_pci_windows(k, dev), ...ranges];
}

/** The windows as regions of a PCI function. */
export function pci_window_regions(k: Kernel, dev: Device, type: ResvType): ResvRegion[] {
  if (!the_platform(k).pci.has(dev.name)) return [];
  return pci_host_windows(k).map(({ start, last }) => ({ start, length: last - start + 1n, type, prot: 0 }));
}
