/** From the machine's functions to the kernel's devices, and behind their IOMMU. */
import type { PciFunction } from "../../../hw/pci/function.ts";
import { device_init, iommu_group_add_device } from "../iommu/group.ts";
import type { Kernel } from "../kernel.ts";
import { the_platform } from "../platform.ts";
import { pci_enable_acs } from "./acs_setup.ts";
import type { PciDev } from "./pci_dev.ts";

/** One function as the kernel knows it. Bridges above must be known already. */
export function pci_setup_device(k: Kernel, hw: PciFunction): PciDev {
  const platform = the_platform(k);
  const { functions } = platform.machine.pci;
  const siblings = functions.filter((other) => other.bus === hw.bus && other.device === hw.device);
  const pdev: PciDev = {
    bdf: hw.bdf,
    hw,
    dev: device_init(hw.bdf),
    parent: hw.desc.parent === null ? null : (platform.pci.get(hw.desc.parent) ?? null),
    multifunction: siblings.length > 1 || hw.config.multifunction,
    driver: null,
    enable_cnt: 0,
    msi: null,
  };
  platform.pci.set(hw.bdf, pdev);
  return pdev;
}

/** Finds every function, bridges before what hangs below them. */
export function pci_scan(k: Kernel): void {
  const platform = the_platform(k);
  const acs = platform.boot.cmdline !== "" && platform.smmus.length > 0;
  for (const hw of platform.machine.pci.functions) {
    const pdev = pci_setup_device(k, hw);
    if (acs) pci_enable_acs(k, pdev, platform.boot.cmdline);
  }
}

/** Interrupts of a function that the controller can tell apart from those of others. */
export function pci_set_msi_isolated(k: Kernel, pdev: PciDev): void {
  pdev.dev.msi_isolated = the_platform(k).irq.its !== null && pdev.hw.desc.msiDeviceId >= 0;
}

/** `iommu_probe_device` for one function: its driver's part, then its group. 0, or the driver's errno. */
export function iommu_probe_pci(k: Kernel, pdev: PciDev): number {
  const platform = the_platform(k);
  const { smmu: name, sids } = pdev.hw.desc;
  if (name === null) return 0;
  const smmu = platform.smmus.find((it) => it.hw_name === name);
  if (smmu === undefined) throw new Error(`${pdev.bdf} is behind SMMU ${name}, which was not probed`);
  const rc = k.ops.arm_smmu_probe_device(k, pdev.dev, smmu, sids);
  if (rc < 0) {
    k.note(`${pdev.bdf}: no IOMMU: its DMA is expected to be broken`);
    return rc;
  }
  const { group, reason } = k.ops.pci_device_group(k, pdev);
  iommu_group_add_device(group, pdev.dev, reason);
  return 0;
}
