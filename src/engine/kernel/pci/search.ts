/** Requester IDs under which a function's traffic can arrive. Source: linux 7.2 drivers/pci/search.c. */
import { PCI } from "../../../hw/pci/regs.ts";
import { bridge_translates_at_root, pci_bridge_takes_secondary, quirk_dma_aliases } from "./alias_quirks.ts";
import { pci_is_pcie, pci_pcie_type, PCIE, type PciDev } from "./pci_dev.ts";

export interface DmaAlias {
  /** The function or bridge that the requester ID belongs to. */
  pdev: PciDev;
  /** bus << 8 | devfn. */
  rid: number;
}

/** Its own ID first, then those that it is known to use besides, then what bridges on the way up put in their place. */
export function pci_dma_aliases(pdev: PciDev): DmaAlias[] {
  const out: DmaAlias[] = [{ pdev, rid: pdev.hw.rid }];
  for (const devfn of quirk_dma_aliases(pdev)) out.push({ pdev, rid: (pdev.hw.bus << 8) | devfn });
  for (let bridge = pdev.parent; bridge !== null; bridge = bridge.parent) {
    if (bridge_translates_at_root(bridge)) break;
    const secondary = bridge.hw.config.read(PCI.SECONDARY_BUS, 1) << 8;
    if (!pci_is_pcie(bridge)) {
      out.push({ pdev: bridge, rid: pci_bridge_takes_secondary(bridge) ? secondary : bridge.hw.rid });
      continue;
    }
    const type = pci_pcie_type(bridge);
    if (type === PCIE.PCI_BRIDGE) out.push({ pdev: bridge, rid: secondary });
    else if (type === PCIE.PCIE_BRIDGE) out.push({ pdev: bridge, rid: bridge.hw.rid });
  }
  return out;
}
