/**
 * Addresses for a card that appears at run time: its BARs, and where the port above has no window yet, that window.
 * What firmware set up at boot is never moved. Source: linux 7.2 drivers/pci/setup-bus.c
 * `pci_assign_unassigned_bridge_resources`; PCI-to-PCI Bridge 1.2, 3.2.5.
 */
import type { Range } from "../../../hw/memory.ts";
import type { BarDesc } from "../../../hw/pci/config.ts";
import { CMD_MASTER, CMD_MEMORY, PCI } from "../../../hw/pci/regs.ts";
import { bridgeWindows } from "../../../hw/pci/windows.ts";
import type { Kernel } from "../kernel.ts";
import { the_machine, the_platform } from "../platform.ts";
import { pci_update_command, type PciDev } from "./pci_dev.ts";

const MIB = 2 ** 20;
const LIMIT_32BIT = 2 ** 32;

const hex = (n: number): string => `0x${n.toString(16)}`;

function size_of(bar: BarDesc): number {
  return bar.last - bar.start + 1;
}

/** What a bridge shows below it for memory that is not prefetchable: inside 4 GiB. */
function window_of(k: Kernel, bridge: PciDev | null): Range[] {
  if (bridge !== null) return bridgeWindows(bridge.hw.config).filter((w) => w.last < LIMIT_32BIT);
  const { windows } = the_machine(k).desc;
  return windows.filter((w) => w.kind === "mem").map((w) => ({ start: w.pci, last: w.pci + w.last - w.start }));
}

/** Taken by what hangs right below the same bridge: BARs, and windows of bridges. */
function taken(k: Kernel, bridge: PciDev | null): Range[] {
  const out: Range[] = [];
  for (const { hw, parent } of the_platform(k).pci.values()) {
    if (parent !== bridge) continue;
    for (const bar of hw.desc.bars) {
      const start = hw.barAddress(bar.index);
      if (bar.kind !== "io" && start > 0) out.push({ start, last: start + size_of(bar) - 1 });
    }
    if (hw.isBridge) out.push(...bridgeWindows(hw.config));
  }
  return out;
}

/** The lowest free place of a size and alignment (a power of two) below a bridge; -1 = none. */
function place(k: Kernel, bridge: PciDev | null, size: number): number {
  const used = taken(k, bridge);
  for (const { start, last } of window_of(k, bridge)) {
    for (let at = Math.ceil(start / size) * size; at + size - 1 <= last;) {
      const clash = used.find((r) => r.start < at + size && r.last >= at);
      if (clash === undefined) return at;
      at = Math.ceil((clash.last + 1) / size) * size;
    }
  }
  return -1;
}

/** Opens the window of a port that has none, in that of the bridge above it. */
function open_window(k: Kernel, bridge: PciDev, need: number): void {
  if (window_of(k, bridge).length > 0) return;
  if (bridge.parent !== null) open_window(k, bridge.parent, need);
  const size = Math.max(MIB, 2 ** Math.ceil(Math.log2(need)));
  const at = place(k, bridge.parent, size);
  if (!k.check(at >= 0, `a place for the window of ${bridge.bdf}`)) return;
  bridge.hw.config.write(PCI.MEMORY_BASE, 2, (at / 0x1_0000) & 0xfff0);
  bridge.hw.config.write(PCI.MEMORY_BASE + 2, 2, ((at + size - 1) / 0x1_0000) & 0xfff0);
  pci_update_command(bridge, 0, CMD_MASTER | CMD_MEMORY);
  k.note(`${bridge.bdf}: bridge window [${hex(at)}-${hex(at + size - 1)}]`);
}

/** Gives every memory BAR that has none an address, largest first. One that finds no place stays at 0. */
export function pci_assign_unassigned_resources(k: Kernel, pdev: PciDev): void {
  const { hw, parent } = pdev;
  const bars = hw.desc.bars
    .filter((bar) => bar.kind !== "io" && bar.index !== 6 && hw.barAddress(bar.index) === 0)
    .toSorted((a, b) => size_of(b) - size_of(a) || a.index - b.index);
  const need = bars.reduce((sum, bar) => sum + size_of(bar), 0);
  if (parent !== null && need > 0) open_window(k, parent, need);
  for (const bar of bars) {
    const at = place(k, parent, size_of(bar));
    if (!k.check(at >= 0, `a place for BAR ${bar.index} of ${pdev.bdf}`)) continue;
    const reg = hw.config.barRegister(bar.index);
    hw.config.write(reg, 4, at);
    if (bar.kind === "mem64") hw.config.write(reg + 4, 4, 0);
    k.note(`${pdev.bdf}: BAR ${bar.index} [${hex(at)}-${hex(at + size_of(bar) - 1)}]`);
  }
}
