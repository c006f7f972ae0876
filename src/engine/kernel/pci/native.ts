/**
 * What a function's own driver did before vfio-pci came: bus mastering and interrupts, as far as the IOMMU sees it.
 * Sources: linux 7.2 drivers/net/ethernet/intel/e1000e, drivers/nvme/host/pci.c.
 */
import { CMD_INTX_DISABLE } from "../../../hw/pci/regs.ts";
import type { Kernel } from "../kernel.ts";
import { pci_alloc_irq_vectors, pci_free_irq_vectors, pci_irq_unmask } from "./msi.ts";
import {
  pci_clear_master,
  pci_disable_device,
  pci_enable_device,
  pci_set_master,
  pci_update_command,
  type PciDev,
} from "./pci_dev.ts";

/** MSI-X vectors that a driver allocates; `listens`: it handles them from its probe on, not only once it is used. */
interface NativeDriver {
  vectors: number;
  listens: boolean;
}

/** One processor: nvme has its admin queue and one more; e1000e wants receive, transmit and the rest. */
const DRIVERS: Readonly<Record<string, NativeDriver>> = Object.freeze({
  e1000e: Object.freeze({ vectors: 3, listens: false }),
  nvme: Object.freeze({ vectors: 2, listens: true }),
});

/** Firmware and the recorded state leave nothing enabled that a driver did not enable. */
function quiesce(pdev: PciDev): void {
  const { config, msix } = pdev.hw;
  for (const cap of config.capabilities()) {
    if (cap.extended || (cap.id !== 0x05 && cap.id !== 0x11)) continue;
    const enable = cap.id === 0x05 ? 0x71 : 0xc000;
    config.write(cap.offset + 2, 2, config.read(cap.offset + 2, 2) & ~enable);
    if (cap.id === 0x05) for (let at = 4; at < 14; at += 2) config.write(cap.offset + at, 2, 0);
  }
  msix?.reset();
  pci_update_command(pdev, CMD_INTX_DISABLE, 0);
  pci_clear_master(pdev);
}

/** The driver that the machine was found with takes the function. */
export function native_probe(k: Kernel, pdev: PciDev): void {
  quiesce(pdev);
  const name = pdev.hw.desc.driver;
  const driver = DRIVERS[name];
  if (driver === undefined || pdev.dev.iommu_group === null) return;
  pci_enable_memory(pdev);
  pci_set_master(pdev);
  pdev.driver = name;
  if (pci_alloc_irq_vectors(k, pdev, "msix", driver.vectors) < 0) return;
  if (driver.listens) for (const desc of pdev.msi?.irqs ?? []) pci_irq_unmask(k, pdev, desc, true);
}

/** These drivers use memory BARs only: port decoding stays off. */
function pci_enable_memory(pdev: PciDev): void {
  const io = pdev.hw.desc.bars.some((bar) => bar.kind === "io");
  pci_enable_device(pdev);
  if (io) pci_update_command(pdev, 1, 0);
}

export function native_remove(k: Kernel, pdev: PciDev): void {
  if (pdev.driver === null) return;
  pci_free_irq_vectors(k, pdev);
  pci_disable_device(pdev);
  pdev.driver = null;
}
