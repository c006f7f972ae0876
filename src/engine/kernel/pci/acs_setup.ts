/**
 * Switching ACS on at enumeration. Source: linux 7.2 drivers/pci/pci.c `pci_enable_acs`, `__pci_config_acs`,
 * `pci_dev_str_match`; Documentation/admin-guide/kernel-parameters.txt `pci=`.
 */
import { EXT, PCI } from "../../../hw/pci/regs.ts";
import { pci_options } from "../cmdline.ts";
import type { Kernel } from "../kernel.ts";
import { ACS, REQ_ACS_FLAGS } from "./acs.ts";
import { INTEL_SPT_ACS_CTRL, intel_spt_port } from "./acs_quirks.ts";
import type { PciDev } from "./pci_dev.ts";

const REDIR = ACS.RR | ACS.CR | ACS.EC;

/** The isolation that IOMMU groups ask for, then what `pci=disable_acs_redir=` and `pci=config_acs=` change. */
export function pci_enable_acs(k: Kernel, pdev: PciDev, cmdline: string): void {
  const { config } = pdev.hw;
  const pos = config.findExtended(EXT.ACS);
  if (pos === 0) return;
  if (intel_spt_port(pdev)) {
    const at = pos + INTEL_SPT_ACS_CTRL;
    config.write(at, 4, config.read(at, 4) | (config.read(pos + 4, 4) & REQ_ACS_FLAGS));
    return;
  }
  const caps = config.read(pos + 4, 2);
  const firmware = config.read(pos + 6, 2);
  let ctrl = firmware | (caps & REQ_ACS_FLAGS);
  for (const option of pci_options(cmdline)) {
    const eq = option.indexOf("=");
    const value = eq < 0 ? "" : option.slice(eq + 1);
    if (option.startsWith("disable_acs_redir=")) {
      if (value.split(";").some((who) => pci_dev_str_match(pdev, who))) ctrl &= ~REDIR;
    } else if (option.startsWith("config_acs=")) ctrl = configured(pdev, value, ctrl, firmware);
  }
  ctrl &= caps;
  if (ctrl === firmware) return;
  config.write(pos + 6, 2, ctrl);
  k.note(`${pdev.bdf}: ACS control 0x${firmware.toString(16)} becomes 0x${ctrl.toString(16)}`);
}

/** `10x@0000:00:05.0;...`: the last digit is bit 0; 1 on, 0 off, x as firmware left it. The first match counts. */
function configured(pdev: PciDev, value: string, ctrl: number, firmware: number): number {
  for (const item of value.split(";")) {
    const [digits = "", who = ""] = item.split("@");
    if (!/^[01x]{1,7}$/i.test(digits) || !pci_dev_str_match(pdev, who)) continue;
    let out = 0;
    for (let bit = 0; bit < digits.length; bit++) {
      const digit = digits[digits.length - 1 - bit];
      out |= digit === "1" ? 1 << bit : digit === "0" ? 0 : firmware & (1 << bit);
    }
    const above = ~((1 << digits.length) - 1);
    return out | (firmware & above);
  }
  return ctrl;
}

/** `[domain:]bus:device.function` or `pci:vendor:device` (0 = any), in hexadecimal. */
export function pci_dev_str_match(pdev: PciDev, text: string): boolean {
  const { config } = pdev.hw;
  const ids = /^pci:([0-9a-f]+):([0-9a-f]+)/i.exec(text);
  if (ids !== null) {
    const same = (want: string | undefined, at: number): boolean => {
      const id = Number.parseInt(want ?? "", 16);
      return id === 0 || id === config.read(at, 2);
    };
    return same(ids[1], PCI.VENDOR) && same(ids[2], PCI.DEVICE);
  }
  const m = /^(?:([0-9a-f]{1,4}):)?([0-9a-f]{1,2}):([0-9a-f]{1,2})\.([0-7])$/i.exec(text);
  if (m === null) return false;
  const part = (i: number): number => Number.parseInt(m[i] ?? "0", 16);
  return part(1) === Number.parseInt(pdev.bdf, 16) && ((part(2) << 8) | (part(3) << 3) | part(4)) === pdev.hw.rid;
}
