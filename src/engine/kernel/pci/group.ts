/**
 * Which functions the IOMMU cannot keep apart. Source: linux 7.2 drivers/iommu/iommu.c `pci_device_group`.
 */
import { iommu_group_alloc } from "../iommu/group.ts";
import type { IommuGroup } from "../iommu/types.ts";
import type { Kernel } from "../kernel.ts";
import { the_platform } from "../platform.ts";
import { pci_acs_enabled, pci_acs_path_enabled, REQ_ACS_FLAGS } from "./acs.ts";
import { pci_is_pcie, pci_slot, type PciDev } from "./pci_dev.ts";
import { pci_dma_aliases } from "./search.ts";

export interface GroupChoice {
  group: IommuGroup;
  /** In words, for the picture. */
  reason: string;
}

/** The group for a function that has none yet: one that exists, or a new one. */
export function pci_device_group(k: Kernel, pdev: PciDev): GroupChoice {
  let top = pdev;
  for (const alias of pci_dma_aliases(pdev)) {
    top = alias.pdev;
    const group = alias.pdev.dev.iommu_group;
    if (group !== null) return { group, reason: `its DMA can carry the requester ID of ${alias.pdev.bdf}` };
  }
  for (let bridge = top.parent; bridge !== null; bridge = bridge.parent) {
    if (pci_acs_path_enabled(bridge, REQ_ACS_FLAGS)) break;
    const open = blocker(bridge);
    const group = bridge.dev.iommu_group;
    top = bridge;
    if (group !== null) return { group, reason: `no ACS between it and the root: ${open} forwards peer to peer` };
  }
  const shared = alias_group(k, top) ?? function_group(k, top);
  if (shared !== null) return shared;
  return { group: iommu_group_alloc(k), reason: own_reason(pdev, top) };
}

/** The function on the way up that lacks ACS. */
function blocker(bridge: PciDev): string {
  for (let at: PciDev | null = bridge; at !== null; at = at.parent) {
    if (!pci_acs_enabled(at, REQ_ACS_FLAGS)) return at.bdf;
  }
  return bridge.bdf;
}

function own_reason(pdev: PciDev, top: PciDev): string {
  if (top !== pdev) return `first of what hangs below ${top.bdf}, which does not isolate`;
  if (pdev.parent !== null) return "ACS on every port between it and the root";
  return pci_is_pcie(pdev) ? "on the root bus, isolated by the root complex" : "on the root bus, alone";
}

/** Functions of the same bus that share a requester ID with this one. */
function alias_group(k: Kernel, pdev: PciDev): GroupChoice | null {
  const uses = (who: PciDev, rid: number): boolean => pci_dma_aliases(who).some((alias) => alias.rid === rid);
  for (const other of the_platform(k).pci.values()) {
    const group = other.dev.iommu_group;
    if (other === pdev || group === null || other.parent !== pdev.parent || other.hw.bus !== pdev.hw.bus) continue;
    if (!uses(pdev, other.hw.rid) && !uses(other, pdev.hw.rid)) continue;
    return { group, reason: `shares a requester ID with ${other.bdf}` };
  }
  return null;
}

/** Functions of the same slot that may talk to each other inside the chip. */
function function_group(k: Kernel, pdev: PciDev): GroupChoice | null {
  if (!pdev.multifunction || pci_acs_enabled(pdev, REQ_ACS_FLAGS)) return null;
  for (const other of the_platform(k).pci.values()) {
    const group = other.dev.iommu_group;
    if (other === pdev || group === null || other.parent !== pdev.parent || other.hw.bus !== pdev.hw.bus) continue;
    if (pci_slot(other) !== pci_slot(pdev) || pci_acs_enabled(other, REQ_ACS_FLAGS)) continue;
    return { group, reason: `function of the same device as ${other.bdf}, without ACS between them` };
  }
  return null;
}
