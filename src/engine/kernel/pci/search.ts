/** Requester IDs under which a function's traffic can arrive. Source: linux 7.2 drivers/pci/search.c. */
import { PCI } from "../../../hw/pci/regs.ts";
import { pci_is_pcie, pci_pcie_type, PCIE, type PciDev } from "./pci_dev.ts";

export interface DmaAlias {
  /** The function or bridge that the requester ID belongs to. */
  pdev: PciDev;
  /** bus << 8 | devfn. */
  rid: number;
}

/** Its own ID first, then what bridges on the way up put in its place. */
export function pci_dma_aliases(pdev: PciDev): DmaAlias[] {
  const out: DmaAlias[] = [{ pdev, rid: pdev.hw.rid }];
  for (let bridge = pdev.parent; bridge !== null; bridge = bridge.parent) {
    if (!pci_is_pcie(bridge)) {
      out.push({ pdev: bridge, rid: bridge.hw.rid });
      continue;
    }
    const type = pci_pcie_type(bridge);
    if (type === PCIE.PCI_BRIDGE) out.push({ pdev: bridge, rid: bridge.hw.config.read(PCI.SECONDARY_BUS, 1) << 8 });
    else if (type === PCIE.PCIE_BRIDGE) out.push({ pdev: bridge, rid: bridge.hw.rid });
  }
  return out;
}
