/**
 * Devices whose isolation the ACS capability does not tell. Source: linux 7.2 drivers/pci/quirks.c
 * `pci_dev_acs_enabled` (by behaviour; which entries are left out says docs/conformance.md).
 */
import { EXT, PCI } from "../../../hw/pci/regs.ts";
import { pci_pcie_type, PCIE, type PciDev } from "./pci_dev.ts";

const SV = 0x01;
const TB = 0x02;
const RR = 0x04;
const CR = 0x08;
const UF = 0x10;
const EC = 0x20;
const DT = 0x40;
/** A port that neither forwards peer to peer nor lets foreign requester IDs pass. */
const ISOLATED = SV | RR | CR | UF;
/** Functions of a device that have no way to each other inside. */
const ENDPOINT = ISOLATED | TB | DT;

const VENDOR = Object.freeze({
  AMPERE: 0x1def,
  APM: 0x10e8,
  ANNAPURNA: 0x1c36,
  BROADCOM: 0x14e4,
  CAVIUM: 0x177d,
  EMULEX: 0x10df,
  FREESCALE: 0x1957,
  HXT: 0x1dbf,
  INTEL: 0x8086,
  LOONGSON: 0x0014,
  QCOM: 0x17cb,
  SERVERENGINES: 0x19a2,
  SOLARFLARE: 0x1924,
  WANGXUN: 0x8088,
  ZHAOXIN: 0x1d17,
});

/** Multi-function endpoints without the capability, by vendor. */
const ENDPOINTS: Readonly<Record<number, readonly number[]>> = Object.freeze({
  [VENDOR.SOLARFLARE]: [0x0903, 0x0923, 0x0a03],
  [VENDOR.INTEL]: [
    0x10c6, 0x10db, 0x10dd, 0x10e1, 0x10f1, 0x10f7, 0x10f8, 0x10f9, 0x10fa, 0x10fb, 0x10fc, 0x1507, 0x1514, 0x151c,
    0x1529, 0x152a, 0x154d, 0x154f, 0x1551, 0x1558, 0x1509, 0x150e, 0x150f, 0x1510, 0x1511, 0x1516, 0x1527, 0x10c9,
    0x10e6, 0x10e7, 0x10e8, 0x150a, 0x150d, 0x1518, 0x1526, 0x10a7, 0x10a9, 0x10d6, 0x1521, 0x1522, 0x1523, 0x1524,
    0x105e, 0x105f, 0x1060, 0x10d9, 0x15b7, 0x15b8,
  ],
  [VENDOR.SERVERENGINES]: [0x0710],
  [VENDOR.EMULEX]: [0x0720],
  [VENDOR.CAVIUM]: [0xa026, 0xa059, 0xa060],
  [VENDOR.BROADCOM]: [0x16d7, 0x1750, 0x1751, 0x1752, 0x1760, 0x1761, 0x1762, 0x1763],
  [VENDOR.ZHAOXIN]: [0x3038, 0x3104, 0x9083],
});

/** Root ports that isolate without the capability, by vendor. */
const PORTS: Readonly<Record<number, readonly number[]>> = Object.freeze({
  [VENDOR.QCOM]: [0x0400, 0x0401],
  [VENDOR.HXT]: [0x0401],
  [VENDOR.APM]: [0xe004],
  [VENDOR.AMPERE]: [0xe005, 0xe006, 0xe007, 0xe008, 0xe009, 0xe00a, 0xe00b, 0xe00c],
  [VENDOR.BROADCOM]: [0xd714],
  [VENDOR.LOONGSON]: [0x3c09, 0x3c19, 0x3c29, 0x7a09, 0x7a19, 0x7a29, 0x7a39, 0x7a49, 0x7a59, 0x7a69],
  // Layerscape LX2: every combination of three core counts, with and without security and CAN-FD.
  [VENDOR.FREESCALE]: [0x8d80, 0x8d88, 0x8d90, 0x8d98].flatMap((id) => [0, 1, 2, 3, 0x20, 0x21].map((n) => id + n)),
});

const between = (id: number, first: number, last: number): boolean => id >= first && id <= last;

/** Cavium's root ports by number; the others of that vendor say nothing. */
function cavium_port(id: number): boolean {
  return between(id, 0xa000, 0xa7ff) || id === 0xaf84 || id === 0xb884;
}

function zhaoxin_port(id: number): boolean {
  return between(id, 0x0710, 0x071e) || id === 0x0721 || between(id, 0x0723, 0x0752);
}

/** Sunrise Point and Union Point, whose capability has registers of 32 bits: control lies at 8. */
export function intel_spt_port(pdev: PciDev): boolean {
  const id = pdev.hw.config.read(PCI.DEVICE, 2);
  const known =
    between(id, 0xa110, 0xa11f) ||
    between(id, 0xa167, 0xa16a) ||
    between(id, 0xa290, 0xa29f) ||
    between(id, 0xa2e7, 0xa2ee) ||
    between(id, 0x9d10, 0x9d1b);
  return known && pdev.hw.config.read(PCI.VENDOR, 2) === VENDOR.INTEL && pci_pcie_type(pdev) === PCIE.ROOT_PORT;
}

export const INTEL_SPT_ACS_CTRL = 8;

/** Older Intel PCH root ports, by the high byte of the id: isolated only with chipset registers set, which lie in no config space. */
const INTEL_PCH: Readonly<Record<number, readonly number[]>> = Object.freeze({
  0x3b: Array.from({ length: 16 }, (_, i) => 0x42 + i),
  0x1c: Array.from({ length: 16 }, (_, i) => 0x10 + i),
  0x1e: Array.from({ length: 16 }, (_, i) => 0x10 + i),
  0x8c: [...Array.from({ length: 16 }, (_, i) => 0x10 + i), 0x90, 0x92, 0x94, 0x96, 0x98, 0x9a, 0x9c, 0x9e],
  0x9c: Array.from({ length: 12 }, (_, i) => [0x10 + i, 0x90 + i]).flat(),
  0x1d: [0x10, 0x12, 0x14, 0x16, 0x18, 0x1a, 0x1c, 0x1e],
  0x8d: Array.from({ length: 15 }, (_, i) => 0x10 + i),
});

function covers(have: number, flags: number): boolean {
  return (have & flags) === flags;
}

function intel(pdev: PciDev, id: number, flags: number): boolean | null {
  const { config } = pdev.hw;
  const type = pci_pcie_type(pdev);
  if (type === PCIE.RC_END) return covers(ISOLATED, flags);
  if (type !== PCIE.ROOT_PORT) return null;
  if (INTEL_PCH[id >> 8]?.includes(id & 0xff) === true) return flags === 0;
  const pos = intel_spt_port(pdev) ? config.findExtended(EXT.ACS) : 0;
  if (pos === 0) return null;
  return covers(config.read(pos + INTEL_SPT_ACS_CTRL, 4), flags & (config.read(pos + 4, 4) | EC));
}

/** What quirks say of `flags` (bits of the ACS control register): true, false, or null where they say nothing. */
export function pci_dev_specific_acs_enabled(pdev: PciDev, flags: number): boolean | null {
  const { config } = pdev.hw;
  const [vendor, id] = [config.read(PCI.VENDOR, 2), config.read(PCI.DEVICE, 2)];
  const type = pci_pcie_type(pdev);
  const port = type === PCIE.ROOT_PORT || type === PCIE.DOWNSTREAM;
  if (vendor === VENDOR.CAVIUM && type === PCIE.ROOT_PORT && cavium_port(id)) return covers(ISOLATED, flags);
  if (ENDPOINTS[vendor]?.includes(id) === true) return covers(ENDPOINT, flags);
  if (PORTS[vendor]?.includes(id) === true) return covers(ISOLATED, flags);
  if (vendor === VENDOR.INTEL) return intel(pdev, id, flags);
  if (vendor === VENDOR.ANNAPURNA && id === 0x0031 && type === PCIE.ROOT_PORT) return covers(ISOLATED, flags);
  if (vendor === VENDOR.ZHAOXIN && port) return zhaoxin_port(id) && covers(ISOLATED, flags);
  if (vendor !== VENDOR.WANGXUN) return null;
  const known = between(id, 0x0100, 0x010f) || id === 0x1001 || id === 0x2001;
  return known && covers(ISOLATED, flags);
}
