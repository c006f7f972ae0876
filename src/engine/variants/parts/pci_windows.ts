/** What the kernels of the discussion on host bridge windows share: VFIO's own container, and who reports what. */
import { PCI } from "../../../hw/pci/regs.ts";
import { iommu_dma_get_resv_regions } from "../../kernel/iommu/dma_iommu.ts";
import { pci_window_regions } from "../../kernel/iommu/pci_windows.ts";
import type { Device, ResvRegion, ResvType } from "../../kernel/iommu/types.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { KernelOps } from "../../kernel/ops.ts";
import type { Features } from "../../kernel/profile.ts";
import { the_platform } from "../../kernel/platform.ts";

/** Before iommufd: groups and containers only. */
export const BEFORE_IOMMUFD: Partial<Features> = Object.freeze({
  vfio_container: "type1",
  vfio_cdev: false,
  require_direct: false,
  type1_iova_list: false,
});

export const NOT_PLAYED =
  "Only the rules on regions, the container and its list are those of the time; the rest of the kernel is the oldest release there is here.";

type Regions = (k: Kernel, dev: Device) => ResvRegion[];

/** Memory that firmware demands; that it may also exclude addresses (`iommu-addresses` without memory) came later. */
export function firmware_memory(k: Kernel, dev: Device): ResvRegion[] {
  return iommu_dma_get_resv_regions(k, dev).filter((r) => r.type !== "reserved");
}

/** A device's own regions, and windows of a type: what the DMA API then reserves, it reserves because of these. */
export function with_windows(
  windows: (k: Kernel, dev: Device) => ResvRegion[],
  own: Regions = firmware_memory,
): Partial<KernelOps> {
  return {
    iommu_dma_get_resv_regions: (k: Kernel, dev: Device) => [...own(k, dev), ...windows(k, dev)],
    iova_reserve_pci_windows: () => [],
  };
}

/** Every MEM window of the host bridge, for every function. */
export function all_windows(type: ResvType): Regions {
  return (k, dev) => pci_window_regions(k, dev, type);
}

/** Firmware's memory of USB and display controllers may be given up once a driver, or a user, has the device (5.3 on). */
export function relaxed(regions: Regions): Regions {
  return (k, dev) => {
    const config = the_platform(k).pci.get(dev.name)?.hw.config;
    const usb = config?.read(PCI.CLASS + 2, 2) === 0x0c03;
    const display = config?.read(PCI.CLASS + 3, 1) === 0x03;
    const type = (r: ResvRegion): ResvType => ((usb || display) && r.type === "direct" ? "direct-relaxable" : r.type);
    return regions(k, dev).map((r): ResvRegion => Object.assign(r, { type: type(r) }));
  };
}
