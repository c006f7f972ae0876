/** The kernel's view of a PCI function: linux `struct pci_dev`. */
import { CAP, CMD_INTX_DISABLE, CMD_IO, CMD_MASTER, CMD_MEMORY, EXP_TYPE, PCI } from "../../../hw/pci/regs.ts";
import type { PciFunction } from "../../../hw/pci/function.ts";
import type { Device } from "../iommu/types.ts";
import type { IrqDesc } from "../irq/irqdesc.ts";

/** PCIe device/port types (`EXP_TYPE`). */
export const PCIE = Object.freeze({
  ENDPOINT: 0,
  LEGACY_ENDPOINT: 1,
  ROOT_PORT: 4,
  UPSTREAM: 5,
  DOWNSTREAM: 6,
  PCI_BRIDGE: 7,
  PCIE_BRIDGE: 8,
  RC_END: 9,
  RC_EC: 10,
}) satisfies Readonly<Record<string, keyof typeof EXP_TYPE>>;

/** Interrupt vectors that are enabled now. */
export interface PciMsi {
  kind: "msi" | "msix";
  /** One for each vector, in order. */
  irqs: IrqDesc[];
}

export interface PciDev {
  bdf: string;
  hw: PciFunction;
  dev: Device;
  /** The bridge above; null on the root bus. */
  parent: PciDev | null;
  /** One of several functions of its slot. */
  multifunction: boolean;
  /** Name of the bound driver; null = none. */
  driver: string | null;
  /** pci_enable_device calls that were not undone. */
  enable_cnt: number;
  msi: PciMsi | null;
}

export function pci_slot(pdev: PciDev): number {
  return pdev.hw.device;
}

export function pci_is_root_bus(pdev: PciDev): boolean {
  return pdev.parent === null;
}

/** -1 for conventional functions. */
export function pci_pcie_type(pdev: PciDev): number {
  return pdev.hw.expType;
}

export function pci_is_pcie(pdev: PciDev): boolean {
  return pdev.hw.expType >= 0;
}

export function pci_read_command(pdev: PciDev): number {
  return pdev.hw.config.read(PCI.COMMAND, 2);
}

export function pci_update_command(pdev: PciDev, clear: number, set: number): void {
  pdev.hw.config.write(PCI.COMMAND, 2, (pci_read_command(pdev) & ~clear) | set);
}

export function pci_set_master(pdev: PciDev): void {
  pci_update_command(pdev, 0, CMD_MASTER);
}

export function pci_clear_master(pdev: PciDev): void {
  pci_update_command(pdev, CMD_MASTER, 0);
}

/** First user switches the decoders of the BARs that the function has on; bridges above first. */
export function pci_enable_device(pdev: PciDev): void {
  if (pdev.parent !== null && pdev.parent.enable_cnt === 0) {
    pci_enable_device(pdev.parent);
    pci_set_master(pdev.parent);
  }
  if (pdev.enable_cnt++ > 0) return;
  const bars = pdev.hw.desc.bars.filter((bar) => bar.index !== 6 || pdev.hw.isBridge);
  let set = 0;
  if (bars.some((bar) => bar.kind === "io")) set |= CMD_IO;
  if (bars.some((bar) => bar.kind !== "io")) set |= CMD_MEMORY;
  if (pdev.hw.isBridge) set |= CMD_IO | CMD_MEMORY;
  pci_update_command(pdev, 0, set);
  if (pdev.hw.config.read(PCI.INTERRUPT_LINE + 1, 1) !== 0 && pdev.msi === null) pci_intx(pdev, true);
}

/** Last user: bus mastering goes off, the decoders stay. */
export function pci_disable_device(pdev: PciDev): void {
  if (--pdev.enable_cnt > 0) return;
  pci_clear_master(pdev);
}

export function pci_intx(pdev: PciDev, on: boolean): void {
  pci_update_command(pdev, on ? CMD_INTX_DISABLE : 0, on ? 0 : CMD_INTX_DISABLE);
}

/** Vectors that the function can have: MSI by its Multiple Message Capable, MSI-X by its table; 0 = it lacks it. */
export function pci_msi_vec_count(pdev: PciDev): number {
  const cap = pdev.hw.config.find(CAP.MSI);
  return cap === 0 ? 0 : 1 << ((pdev.hw.config.read(cap + 2, 2) >> 1) & 7);
}

export function pci_msix_vec_count(pdev: PciDev): number {
  return pdev.hw.msix?.place.entries ?? 0;
}
