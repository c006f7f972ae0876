/** ATS and PASID capabilities of a function. Source: linux 7.2 drivers/pci/ats.c. */
import { bits } from "../../../hw/base/bits.ts";
import { EXT } from "../../../hw/pci/regs.ts";
import { errno } from "../../uapi/errno.ts";
import type { Kernel } from "../kernel.ts";
import { ACS, pci_acs_path_enabled } from "./acs.ts";
import type { PciDev } from "./pci_dev.ts";

const ATS_CTRL = 6;
const ATS_ENABLE = 0x8000;
/** Smallest translation unit, as log2 of bytes; the register counts from 4 KiB. */
const ATS_MIN_STU = 12;
const PASID_CAP = 4;
const PASID_CTRL = 6;
const PASID_ENABLE = 1;
/** Execute and privileged-mode support: enabled where the function has them. */
const PASID_FEATURES = 6;

export function pci_ats_supported({ hw }: PciDev): boolean {
  return hw.config.findExtended(EXT.ATS) !== 0;
}

/** From now on the function may ask for translations and keep them. -EINVAL: it has no ATS. */
export function pci_enable_ats({ hw }: PciDev, stu: number): number {
  const at = hw.config.findExtended(EXT.ATS);
  if (at === 0 || stu < ATS_MIN_STU) return -errno.EINVAL;
  hw.config.write(at + ATS_CTRL, 2, ATS_ENABLE | (stu - ATS_MIN_STU));
  return 0;
}

export function pci_disable_ats({ hw }: PciDev): void {
  const at = hw.config.findExtended(EXT.ATS);
  if (at !== 0) hw.config.write(at + ATS_CTRL, 2, hw.config.read(at + ATS_CTRL, 2) & ~ATS_ENABLE);
}

/** Number of PASIDs that the function can use; -EINVAL without the capability. */
export function pci_max_pasids({ hw }: PciDev): number {
  const at = hw.config.findExtended(EXT.PASID);
  return at === 0 ? -errno.EINVAL : 2 ** bits(hw.config.read(at + PASID_CAP, 2), 12, 8);
}

/** Everything above must send peer-to-peer requests up: a PASID's addresses mean nothing to a switch. */
export function pci_enable_pasid(k: Kernel, pdev: PciDev): number {
  const { config } = pdev.hw;
  const at = config.findExtended(EXT.PASID);
  if (at === 0) return -errno.EINVAL;
  const path = pci_acs_path_enabled(pdev, ACS.RR | ACS.UF);
  if (!k.check(path, `${pdev.bdf}: ACS redirects requests all the way up`)) return -errno.EINVAL;
  config.write(at + PASID_CTRL, 2, PASID_ENABLE | (config.read(at + PASID_CAP, 2) & PASID_FEATURES));
  return 0;
}
