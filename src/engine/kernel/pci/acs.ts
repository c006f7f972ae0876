/**
 * Does a function keep peer-to-peer traffic from passing the IOMMU by? Source: linux 7.2 drivers/pci/pci.c
 * `pci_acs_enabled`, drivers/pci/quirks.c `pci_dev_specific_acs_enabled`.
 */
import { EXT } from "../../../hw/pci/regs.ts";
import { pci_dev_specific_acs_enabled } from "./acs_quirks.ts";
import { pci_is_pcie, pci_is_root_bus, pci_pcie_type, PCIE, type PciDev } from "./pci_dev.ts";

/** Bits of the ACS capability and control registers. */
export const ACS = Object.freeze({ SV: 0x01, TB: 0x02, RR: 0x04, CR: 0x08, UF: 0x10, EC: 0x20, DT: 0x40 });

/** What a group boundary needs: source validation, request and completion redirect, upstream forwarding. */
export const REQ_ACS_FLAGS = ACS.SV | ACS.RR | ACS.CR | ACS.UF;

/** Bits that the capability lacks count as hard-wired on. */
function pci_acs_flags_enabled(pdev: PciDev, flags: number): boolean {
  const { config } = pdev.hw;
  const pos = config.findExtended(EXT.ACS);
  if (pos === 0) return false;
  const wanted = flags & (config.read(pos + 4, 2) | ACS.EC);
  return (config.read(pos + 6, 2) & wanted) === wanted;
}

export function pci_acs_enabled(pdev: PciDev, flags: number): boolean {
  const quirk = pci_dev_specific_acs_enabled(pdev, flags);
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
