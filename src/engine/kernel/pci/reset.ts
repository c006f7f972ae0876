/** Resets of one function. Source: linux 7.2 drivers/pci/pci.c. */
import { bits } from "../../../hw/base/bits.ts";
import { CAP } from "../../../hw/pci/regs.ts";
import type { Kernel } from "../kernel.ts";
import { the_platform } from "../platform.ts";
import { pci_is_root_bus, type PciDev } from "./pci_dev.ts";

/** Function level reset, power-management reset, or a reset of the bus when nothing else hangs on it. */
function reset_method(k: Kernel, pdev: PciDev): "flr" | "pm" | "bus" | null {
  const { config } = pdev.hw;
  const exp = config.find(CAP.EXP);
  if (exp !== 0 && bits(config.read(exp + 4, 4), 28, 28) === 1) return "flr";
  const pm = config.find(CAP.PM);
  if (pm !== 0 && (config.read(pm + 4, 2) & 8) === 0) return "pm";
  if (pci_is_root_bus(pdev) || pdev.hw.isBridge) return null;
  const alone = [...the_platform(k).pci.values()].every((other) => other === pdev || other.hw.bus !== pdev.hw.bus);
  return alone ? "bus" : null;
}

/** `pci_try_reset_function`: the state is saved and put back around it. False: there is no way to reset it. */
export function pci_reset_function(k: Kernel, pdev: PciDev): boolean {
  const method = reset_method(k, pdev);
  if (!k.check(method !== null, `${pdev.bdf} can be reset`)) return false;
  k.note(`${pdev.bdf}: reset (${method ?? ""})`);
  if (pdev.msi === null) pdev.hw.msix?.reset();
  return true;
}
