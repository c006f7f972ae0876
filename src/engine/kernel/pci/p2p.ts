/**
 * Which addresses of a function never reach the root complex, as bridges and ACS stand now. No released kernel works this
 * out; it is what "the computation must be precise" asks for. Source: PCIe 5.0 6.12, PCI-to-PCI Bridge 1.2 chapter 4.
 */
import type { Range } from "../../../hw/memory.ts";
import { EXT, PCI } from "../../../hw/pci/regs.ts";
import { bridgeWindows } from "../../../hw/pci/windows.ts";
import type { Kernel } from "../kernel.ts";
import { the_platform } from "../platform.ts";
import { ACS } from "./acs.ts";
import { pci_pcie_type, pci_read_command, PCIE, type PciDev } from "./pci_dev.ts";

const MEMORY = 2;
const INTEL = 0x8086;

function acs_control(pdev: PciDev): number {
  const pos = pdev.hw.config.findExtended(EXT.ACS);
  return pos === 0 ? 0 : pdev.hw.config.read(pos + 6, 2);
}

/** Memory BARs that are decoded now. */
function bars_of(pdev: PciDev): Range[] {
  if ((pci_read_command(pdev) & MEMORY) === 0) return [];
  return pdev.hw.desc.bars.flatMap((bar) => {
    const start = pdev.hw.barAddress(bar.index);
    return bar.kind === "io" || bar.index === 6 || start <= 0 ? [] : [{ start, last: start + bar.last - bar.start }];
  });
}

function windows_of(pdev: PciDev): Range[] {
  return pdev.hw.isBridge && (pci_read_command(pdev) & MEMORY) !== 0 ? bridgeWindows(pdev.hw.config) : [];
}

const within = (ranges: readonly Range[], x: number): boolean => ranges.some((r) => x >= r.start && x <= r.last);

/** Everything that hangs on the same bus segment. */
function beside(k: Kernel, pdev: PciDev): PciDev[] {
  return [...the_platform(k).pci.values()].filter((other) => other !== pdev && other.parent === pdev.parent);
}

/** Intel's integrated endpoints do not talk to each other inside. */
function apart(pdev: PciDev): boolean {
  return pci_pcie_type(pdev) === PCIE.RC_END && pdev.hw.config.read(PCI.VENDOR, 2) === INTEL;
}

/** Another function of the device that would take the address without it leaving the chip. */
function inside(k: Kernel, pdev: PciDev, x: number): boolean {
  if (apart(pdev)) return false;
  return beside(k, pdev).some(
    (other) =>
      other.hw.bus === pdev.hw.bus &&
      other.hw.device === pdev.hw.device &&
      !other.hw.isBridge &&
      !apart(other) &&
      within(bars_of(other), x),
  );
}

/** Whether a request of `pdev` for an address arrives at the root complex. */
function reaches_root(k: Kernel, pdev: PciDev, x: number): boolean {
  let redirected = false;
  if (inside(k, pdev, x)) {
    if ((acs_control(pdev) & ACS.RR) === 0) return false;
    redirected = true;
  }
  for (let port = pdev.parent; port !== null; port = port.parent) {
    const type = pci_pcie_type(port);
    const own = within(windows_of(port), x);
    if (type === PCIE.UPSTREAM) {
      if (own && !redirected) return false;
      continue;
    }
    const downstream = type === PCIE.ROOT_PORT || type === PCIE.DOWNSTREAM;
    const acs = downstream ? acs_control(port) : 0;
    if (own) {
      if ((acs & ACS.UF) === 0) return false;
      redirected = true;
      continue;
    }
    if (!downstream) continue;
    if (!beside(k, port).some((other) => within(windows_of(other), x) || within(bars_of(other), x))) continue;
    if ((acs & ACS.RR) === 0) return false;
    redirected = true;
  }
  return true;
}

/** On a conventional bus everybody sees the request. */
function shared_bus(k: Kernel, pdev: PciDev): Range[] {
  const out: Range[] = [];
  for (let at: PciDev = pdev; at.parent !== null; at = at.parent) {
    const type = pci_pcie_type(at.parent);
    if (type === PCIE.ROOT_PORT || type === PCIE.DOWNSTREAM || type === PCIE.UPSTREAM) continue;
    for (const other of beside(k, at)) out.push(...bars_of(other), ...windows_of(other));
  }
  return out;
}

/** Ascending, disjoint: addresses that a request of `pdev` cannot carry to the IOMMU. */
export function pci_p2p_ranges(k: Kernel, pdev: PciDev): Range[] {
  const shared = shared_bus(k, pdev);
  const all = [...the_platform(k).pci.values()].flatMap((one) => bars_of(one).concat(windows_of(one)));
  const cuts = [...new Set(all.flatMap((r) => [r.start, r.last + 1]))].sort((a, b) => a - b);
  const out: Range[] = [];
  for (const [i, start] of cuts.entries()) {
    const next = cuts[i + 1];
    if (next === undefined || (reaches_root(k, pdev, start) && !within(shared, start))) continue;
    const top = out.at(-1);
    if (top !== undefined && top.last + 1 === start) top.last = next - 1;
    else out.push({ start, last: next - 1 });
  }
  return out;
}
