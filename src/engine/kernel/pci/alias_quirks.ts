/**
 * Functions that send requests under another function's ID, and bridges that do not alias as the specification says.
 * Source: linux 7.2 drivers/pci/quirks.c `quirk_dma_func0_alias`, `quirk_dma_func1_alias`, `quirk_fixed_dma_alias`,
 * `quirk_mic_x200_dma_alias`, `quirk_pex_vca_alias`, `quirk_use_pcie_bridge_dma_alias` (by behaviour).
 */
import { PCI } from "../../../hw/pci/regs.ts";
import { pci_is_pcie, pci_pcie_type, PCIE, type PciDev } from "./pci_dev.ts";

/** `vendor << 16 | device` of functions that use the ID of function 0 of their slot: Ricoh's card readers. */
const FUNCTION0: readonly number[] = Object.freeze([0x1180_e832, 0x1180_e476]);

const MARVELL = [
  0x9120, 0x9123, 0x9125, 0x9128, 0x9130, 0x9170, 0x9172, 0x917a, 0x9182, 0x9183, 0x91a0, 0x9215, 0x9220, 0x9230,
  0x9235,
];
/** The same for function 1: Marvell's SATA controllers and others with their chip, JMicron's JMB388, Lite-On's. */
const FUNCTION1: readonly number[] = Object.freeze([
  ...MARVELL.map((id) => 0x1b4b_0000 + id),
  0x1103_0642,
  0x1103_0645,
  0x197b_2392,
  0x1c28_0122,
]);

const devfn = (slot: number, fn: number): number => (slot << 3) | fn;

/** Xeon Phi x200. */
const MIC_X200: readonly number[] = Object.freeze([0x8086_2260, 0x8086_2264]);
const MIC_X200_ALIASES: readonly number[] = Object.freeze([devfn(0x10, 0), devfn(0x11, 0), devfn(0x12, 3)]);
/** PLX switches on Visual Compute Accelerators: five functions of each slot. */
const PEX_VCA: readonly number[] = Object.freeze([
  0x8086_2954, 0x8086_2955, 0x8086_2956, 0x8086_2958, 0x8086_2959, 0x8086_295a,
]);
const PEX_VCA_ALIASES: readonly number[] = Object.freeze(
  Array.from({ length: 0x20 }, (_, slot) => [0, 1, 2, 3, 4].map((fn) => devfn(slot, fn))).flat(),
);

/** Adaptec's RAID controllers by subsystem. */
const ADAPTEC = 0x9005_0285;
const ADAPTEC_SUBSYSTEMS: readonly number[] = Object.freeze([0x9005_02bb, 0x9005_02bc]);

/** Conventional bridges whose requests carry (secondary bus, 0, 0): ASMedia, Tundra, ITE, Intel. */
const SECONDARY_BRIDGES: readonly number[] = Object.freeze([
  0x1b21_1080, 0x10e3_8113, 0x1283_8892, 0x1283_8893, 0x8086_244e,
]);
/** ThunderX2: what passes these bridges has its ID by the time it reaches the IOMMU. */
const ROOT_BRIDGES: readonly number[] = Object.freeze([0x14e4_9000, 0x14e4_9084]);

function ids(pdev: PciDev, vendor: number, device: number): number {
  return pdev.hw.config.read(vendor, 2) * 0x1_0000 + pdev.hw.config.read(device, 2);
}

/** Device and function numbers on its own bus that a function's requests may carry besides its own. */
export function quirk_dma_aliases(pdev: PciDev): readonly number[] {
  const id = ids(pdev, PCI.VENDOR, PCI.DEVICE);
  const { device: slot, function: fn } = pdev.hw;
  if (FUNCTION0.includes(id)) return fn === 0 ? [] : [devfn(slot, 0)];
  if (FUNCTION1.includes(id)) return fn === 1 ? [] : [devfn(slot, 1)];
  if (MIC_X200.includes(id)) return MIC_X200_ALIASES;
  if (PEX_VCA.includes(id)) return PEX_VCA_ALIASES;
  if (id === ADAPTEC && ADAPTEC_SUBSYSTEMS.includes(ids(pdev, 0x2c, 0x2e))) return [devfn(1, 0)];
  return [];
}

/** A conventional bridge directly below a PCIe port that names the bus below it, not itself. */
export function pci_bridge_takes_secondary(bridge: PciDev): boolean {
  const above = bridge.parent;
  if (above === null || pci_is_pcie(bridge) || !pci_is_pcie(above)) return false;
  return pci_pcie_type(above) !== PCIE.PCI_BRIDGE && SECONDARY_BRIDGES.includes(ids(bridge, PCI.VENDOR, PCI.DEVICE));
}

export function bridge_translates_at_root(bridge: PciDev): boolean {
  return ROOT_BRIDGES.includes(ids(bridge, PCI.VENDOR, PCI.DEVICE));
}
