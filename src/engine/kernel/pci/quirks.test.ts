import { describe, expect, test } from "vitest";
import { Machine } from "../../../hw/machine.ts";
import { CAP, EXT } from "../../../hw/pci/regs.ts";
import { NOACS } from "../../presets/noacs.ts";
import { PLAIN } from "../../presets/plain.ts";
import { boot } from "../boot.ts";
import { baseOps } from "../ops.ts";
import { the_platform } from "../platform.ts";
import { NEWEST_FEATURES } from "../resolve.ts";
import { ACS, REQ_ACS_FLAGS } from "./acs.ts";
import { pci_dev_specific_acs_enabled } from "./acs_quirks.ts";
import { quirk_dma_aliases } from "./alias_quirks.ts";
import { PCIE, type PciDev } from "./pci_dev.ts";
import { pci_dma_aliases } from "./search.ts";

const PROFILE = {
  profile: { id: "linux-7.2", title: "7.2", date: "2026-08-16", changes: "" },
  features: NEWEST_FEATURES,
  ops: baseOps,
} as const;
const PORT = "0000:00:05.0";
const BELOW = "0000:01:00.0";

type Desc = typeof PLAIN;

/** The machine with another vendor and device at `bdf`. */
function withIds(desc: Desc, bdf: string, vendor: number, device: number): Desc {
  const hex = (id: number): string => [id & 0xff, id >> 8].map((b) => b.toString(16).padStart(2, "0")).join("");
  const functions = desc.functions.map((f) =>
    f.bdf === bdf ? { ...f, config: hex(vendor) + hex(device) + f.config.slice(8) } : f,
  );
  return { ...desc, functions };
}

function device(desc: Desc, bdf: string, type?: number): PciDev {
  const pdev = the_platform(boot(new Machine(desc), PROFILE)).pci.get(bdf);
  if (pdev === undefined) throw new Error(bdf);
  const { config } = pdev.hw;
  if (type !== undefined) config.bytes[config.find(CAP.EXP) + 2] = type << 4;
  return pdev;
}

describe("ACS of devices that do not tell it", () => {
  test.each([
    ["Ampere root port", 0x1def, 0xe005, PCIE.ROOT_PORT, true],
    ["Qualcomm root port", 0x17cb, 0x0401, PCIE.ROOT_PORT, true],
    ["LX2160A root port", 0x1957, 0x8db1, PCIE.ROOT_PORT, true],
    ["Cavium root port", 0x177d, 0xa1ff, PCIE.ROOT_PORT, true],
    ["Cavium endpoint of that number", 0x177d, 0xa1ff, PCIE.ENDPOINT, null],
    ["Cavium network function", 0x177d, 0xa059, PCIE.ENDPOINT, true],
    ["Annapurna root port", 0x1c36, 0x0031, PCIE.ROOT_PORT, true],
    ["Annapurna endpoint", 0x1c36, 0x0031, PCIE.ENDPOINT, null],
    ["Zhaoxin root port", 0x1d17, 0x0721, PCIE.ROOT_PORT, true],
    ["another Zhaoxin root port", 0x1d17, 0x0722, PCIE.ROOT_PORT, false],
    ["Loongson root port", 0x0014, 0x7a29, PCIE.ROOT_PORT, true],
    ["Wangxun NIC", 0x8088, 0x2001, PCIE.ENDPOINT, true],
    ["another Wangxun function", 0x8088, 0x2002, PCIE.ENDPOINT, false],
    ["Solarflare NIC", 0x1924, 0x0903, PCIE.ENDPOINT, true],
    ["Intel NIC", 0x8086, 0x1521, PCIE.ENDPOINT, true],
    ["Intel root complex endpoint", 0x8086, 0x1234, PCIE.RC_END, true],
    ["Intel PCH root port", 0x8086, 0x8c12, PCIE.ROOT_PORT, false],
    ["another Intel root port", 0x8086, 0x3420, PCIE.ROOT_PORT, null],
    ["QEMU's root port", 0x1b36, 0x000c, PCIE.ROOT_PORT, null],
  ])("%s", (_, vendor, id, type, want) => {
    const pdev = device(withIds(NOACS, PORT, vendor, id), PORT, type);
    expect(pci_dev_specific_acs_enabled(pdev, REQ_ACS_FLAGS)).toBe(want);
  });

  test("endpoints also keep translated requests apart, ports do not", () => {
    expect(pci_dev_specific_acs_enabled(device(withIds(NOACS, PORT, 0x8086, 0x1521), PORT), ACS.DT)).toBe(true);
    expect(pci_dev_specific_acs_enabled(device(withIds(NOACS, PORT, 0x1def, 0xe005), PORT), ACS.DT)).toBe(false);
  });

  test("Sunrise Point has its control register at 8, as 32 bits", () => {
    const pdev = device(withIds(NOACS, PORT, 0x8086, 0xa110), PORT);
    const { config } = pdev.hw;
    const pos = config.findExtended(EXT.ACS);
    expect(pci_dev_specific_acs_enabled(pdev, REQ_ACS_FLAGS)).toBe(false);
    config.bytes[pos + 8] = REQ_ACS_FLAGS;
    expect(pci_dev_specific_acs_enabled(pdev, REQ_ACS_FLAGS)).toBe(true);
  });

  test("what hangs below such a port has a group of its own", () => {
    const group = (desc: Desc): string[] | undefined => device(desc, BELOW).dev.iommu_group?.devices.map((d) => d.name);
    expect(group(NOACS)).toEqual([PORT, BELOW]);
    expect(group(withIds(NOACS, PORT, 0x1def, 0xe005))).toEqual([BELOW]);
  });
});

describe("requester IDs that are not a function's own", () => {
  test.each([
    ["Marvell SATA", 0x1b4b, 0x9230, [1]],
    ["Ricoh, itself function 0", 0x1180, 0xe832, []],
    ["Xeon Phi", 0x8086, 0x2260, [0x80, 0x88, 0x93]],
    ["an Adaptec of another subsystem", 0x9005, 0x0285, []],
    ["any other", 0x1b36, 0x0010, []],
  ])("%s", (_, vendor, id, want) => {
    const pdev = device(withIds(PLAIN, BELOW, vendor, id), BELOW);
    expect(quirk_dma_aliases(pdev)).toEqual(want);
    expect(pci_dma_aliases(pdev).map((a) => a.rid)).toEqual([0x100, ...want.map((devfn) => 0x100 | devfn)]);
  });

  test("Visual Compute Accelerators, Adaptec by subsystem", () => {
    expect(quirk_dma_aliases(device(withIds(PLAIN, BELOW, 0x8086, 0x2954), BELOW)).length).toBe(160);
    const pdev = device(withIds(PLAIN, BELOW, 0x9005, 0x0285), BELOW);
    pdev.hw.config.bytes.set([0x05, 0x90, 0xbc, 0x02], 0x2c);
    expect(quirk_dma_aliases(pdev)).toEqual([8]);
  });

  test("bridges: (secondary bus, 0, 0) for those that do so, nothing above ThunderX2's", () => {
    const behind = PLAIN.functions.find((f) => f.parent !== null && f.parent !== PORT && f.bdf.startsWith("0000:06:"));
    const bridge = behind?.parent ?? "";
    if (behind === undefined) throw new Error("a function behind a bridge");
    const rids = (vendor: number, id: number): number[] =>
      pci_dma_aliases(device(withIds(PLAIN, bridge, vendor, id), behind.bdf)).map((a) => a.rid);
    expect(rids(0x14e4, 0x9000).length).toBe(1);
    expect(rids(0x1b36, 0x000e).length).toBe(2);
  });
});
