/** A PCI device in the hands of vfio-pci. Source: linux 7.2 drivers/vfio/pci/vfio_pci_core.c. */
import { CMD_MEMORY, PCI } from "../../../hw/pci/regs.ts";
import type { BarDesc } from "../../../hw/pci/function.ts";
import type { EventfdCtx } from "../eventfd.ts";
import type { IommufdDevice } from "../iommufd/objects.ts";
import type { DmaBuf } from "../iommufd/dmabuf.ts";
import type { Kernel } from "../kernel.ts";
import {
  pci_clear_master,
  pci_disable_device,
  pci_enable_device,
  pci_intx,
  pci_is_pcie,
  pci_msi_vec_count,
  pci_msix_vec_count,
  type PciDev,
} from "../pci/pci_dev.ts";
import { pci_reset_function } from "../pci/reset.ts";
import type { VfioGroup } from "./group_state.ts";
import { vfio_config_init, type Vconfig } from "./config.ts";

/** Regions by their fixed index. */
export const REGION = Object.freeze({ BAR0: 0, BAR5: 5, ROM: 6, CONFIG: 7, VGA: 8 });
export const NUM_REGIONS = 9;
/** A region's offset in the file is its index shifted by this. */
export const REGION_SHIFT = 40n;

/** Interrupt kinds by their fixed index. */
export const IRQ = Object.freeze({ INTX: 0, MSI: 1, MSIX: 2, ERR: 3, REQ: 4 });
export const NUM_IRQS = 5;

/** One vector with somebody listening. */
export interface VfioIrqCtx {
  trigger: EventfdCtx;
}

/** `struct vfio_pci_core_device` with its `struct vfio_device`. */
export class VfioPciDevice {
  readonly pdev: PciDev;
  /** /dev/vfio/devices/vfioN. */
  readonly node: string;
  /** Opened and bound once at most. */
  open_count = 0;
  /** Files of the device that are open, bound or not: as long as there are some it cannot be removed. */
  registrations = 0;
  /** It is being removed: it waits for those files. */
  unregistering = false;
  idev: IommufdDevice | null = null;
  attached = false;
  /** Its group's node; null where there is none. */
  group: VfioGroup | null = null;
  /** Opened by its group, perhaps several times; its context is then a VFIO container. */
  by_group = false;
  readonly pasids = new Set<number>();
  reset_works = false;
  vconfig: Vconfig | null = null;
  /** Enabled kind (`IRQ`), -1 = none. */
  irq_type = -1;
  /** Vector -> who listens. */
  readonly ctx = new Map<number, VfioIrqCtx>();
  intx_masked = false;
  err_trigger: EventfdCtx | null = null;
  req_trigger: EventfdCtx | null = null;
  /** Addresses that a user chose for its vectors, where a proposal lets it; no release does. */
  msi_iovas: readonly bigint[] = Object.freeze([]);
  /** Exported BAR ranges, oldest first. */
  dmabufs: DmaBuf[] = [];

  constructor(pdev: PciDev, node: string) {
    this.pdev = pdev;
    this.node = node;
  }
}

export function bar_of(pdev: PciDev, index: number): BarDesc | undefined {
  return pdev.hw.desc.bars.find((bar) => bar.index === index);
}

export function vfio_pci_memory_enabled(vdev: VfioPciDevice): boolean {
  return (vdev.pdev.hw.config.read(PCI.COMMAND, 2) & CMD_MEMORY) !== 0;
}

/** How many vectors of a kind there are; 0 = the device lacks it. */
export function vfio_pci_get_irq_count(pdev: PciDev, index: number): number {
  switch (index) {
    case IRQ.INTX:
      return pdev.hw.config.read(PCI.INTERRUPT_LINE + 1, 1) === 0 ? 0 : 1;
    case IRQ.MSI:
      return pci_msi_vec_count(pdev);
    case IRQ.MSIX:
      return pci_msix_vec_count(pdev);
    case IRQ.ERR:
      return pci_is_pcie(pdev) ? 1 : 0;
    case IRQ.REQ:
      return 1;
    default:
      return 0;
  }
}

/** First user: the device is brought into a known state. */
export function vfio_pci_core_enable(k: Kernel, vdev: VfioPciDevice): number {
  const { pdev } = vdev;
  pci_clear_master(pdev);
  pci_enable_device(pdev);
  vdev.reset_works = pci_reset_function(k, pdev);
  pci_intx(pdev, true);
  vdev.vconfig = vfio_config_init(pdev);
  return 0;
}

/** Last user: interrupts off, reset, decoders as they were. */
export function vfio_pci_core_disable(k: Kernel, vdev: VfioPciDevice): void {
  const { pdev } = vdev;
  pci_clear_master(pdev);
  k.ops.vfio_pci_disable_irqs(k, vdev);
  vdev.err_trigger = null;
  vdev.req_trigger = null;
  vdev.vconfig = null;
  if (vdev.reset_works) pci_reset_function(k, pdev);
  pci_disable_device(pdev);
}
