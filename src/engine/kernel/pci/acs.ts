/**
 * Does a function keep peer-to-peer traffic from passing the IOMMU by? Source: linux 7.2 drivers/pci/pci.c
 * `pci_acs_enabled`, drivers/pci/quirks.c `pci_dev_specific_acs_enabled`.
 */
import { EXT, PCI } from "../../../hw/pci/regs.ts";
import { pci_is_pcie, pci_is_root_bus, pci_pcie_type, PCIE, type PciDev } from "./pci_dev.ts";

/** Bits of the ACS capability and control registers. */
export const ACS = Object.freeze({ SV: 0x01, TB: 0x02, RR: 0x04, CR: 0x08, UF: 0x10, EC: 0x20, DT: 0x40 });

/** What a group boundary needs: source validation, request and completion redirect, upstream forwarding. */
export const REQ_ACS_FLAGS = ACS.SV | ACS.RR | ACS.CR | ACS.UF;

const INTEL = 0x8086;
/** Intel multifunction endpoints without the capability that do not talk to each other inside. */
const INTEL_MF_ENDPOINTS: readonly number[] = Object.freeze([
  0x10c6, 0x10db, 0x10dd, 0x10e1, 0x10f1, 0x10f7, 0x10f8, 0x10f9, 0x10fa, 0x10fb, 0x10fc, 0x1507, 0x1514, 0x151c,
  0x1529, 0x152a, 0x154d, 0x154f, 0x1551, 0x1558, 0x1509, 0x150e, 0x150f, 0x1510, 0x1511, 0x1516, 0x1527, 0x10c9,
  0x10e6, 0x10e7, 0x10e8, 0x150a, 0x150d, 0x1518, 0x1526, 0x10a7, 0x10a9, 0x10d6, 0x1521, 0x1522, 0x1523, 0x1524,
  0x105e, 0x105f, 0x1060, 0x10d9, 0x15b7, 0x15b8,
]);

/** What quirks say: true, false, or null where they say nothing. */
function pci_dev_specific_acs_enabled(pdev: PciDev): boolean | null {
  const { config } = pdev.hw;
  if (config.read(PCI.VENDOR, 2) !== INTEL) return null;
  if (INTEL_MF_ENDPOINTS.includes(config.read(PCI.DEVICE, 2))) return true;
  return pci_pcie_type(pdev) === PCIE.RC_END ? true : null;
}

/** Bits that the capability lacks count as hard-wired on. */
function pci_acs_flags_enabled(pdev: PciDev, flags: number): boolean {
  const { config } = pdev.hw;
  const pos = config.findExtended(EXT.ACS);
  if (pos === 0) return false;
  const wanted = flags & (config.read(pos + 4, 2) | ACS.EC);
  return (config.read(pos + 6, 2) & wanted) === wanted;
}

export function pci_acs_enabled(pdev: PciDev, flags: number): boolean {
  const quirk = pci_dev_specific_acs_enabled(pdev);
  if (quirk !== null) return quirk;
  if (!pci_is_pcie(pdev)) return false;
  switch (pci_pcie_type(pdev)) {
    case PCIE.PCIE_BRIDGE:
    case PCIE.PCI_BRIDGE:
    case PCIE.RC_EC:
      return false;
    case PCIE.DOWNSTREAM:
    case PCIE.ROOT_PORT:
      return pci_acs_flags_enabled(pdev, flags);
    default:
      return pdev.multifunction ? pci_acs_flags_enabled(pdev, flags) : true;
  }
}

/** From `pdev` up to the root complex. */
export function pci_acs_path_enabled(pdev: PciDev, flags: number): boolean {
  for (let at: PciDev | null = pdev; at !== null; at = at.parent) {
    if (!pci_acs_enabled(at, flags)) return false;
    if (pci_is_root_bus(at)) return true;
  }
  return true;
}
