/** Boots a kernel on an x86 machine: remapping units, PCI, groups and their default domains, vfio-pci. */
import { PCI } from "../../hw/pci/regs.ts";
import { Machine } from "../../hw/machine.ts";
import { AmdIommu, amd_iommu_probe_device } from "./drivers/amd/driver.ts";
import { IntelIommu } from "./drivers/intel/caps.ts";
import { intel_iommu_probe_device } from "./drivers/intel/driver.ts";
import { iommu_group_add_device } from "./iommu/group.ts";
import { iommu_setup_default_domain } from "./iommu/default_domain.ts";
import { iommufd_init } from "./iommufd/main.ts";
import type { Selftest } from "./iommufd/selftest.ts";
import { x86_irq_init } from "./irq/x86_vector.ts";
import { Kernel } from "./kernel.ts";
import { PAGE_SIZE } from "./mm/const.ts";
import { NotModelled } from "./not_modelled.ts";
import { pci_scan } from "./pci/enumerate.ts";
import { native_probe } from "./pci/native.ts";
import { boot_options_of, DEFAULT_BOOT, Platform, the_platform } from "./platform.ts";
import type { ResolvedProfile } from "./profile.ts";
import type { AmdIommuDesc, IntelIommuDesc, X86MachineDesc } from "./x86_desc.ts";

export interface X86BootOptions {
  /** CONFIG_IOMMUFD_TEST; null = without. */
  selftest: Selftest | null;
  /** Page frames for the kernel and for memory without given frames; null = the machine's RAM. */
  frames: readonly { pfn: number; n: number }[] | null;
}

/** A running kernel with the recorded functions under vfio-pci. Throws NotModelled for an IOMMU without driver here. */
export function boot_x86(
  desc: X86MachineDesc,
  profile: ResolvedProfile,
  options: Partial<X86BootOptions> = {},
): Kernel {
  const { iommu, vfio } = desc.x86;
  if (iommu.kind === "not modelled") throw new NotModelled(`the ${iommu.what} of machine ${desc.id}`);
  const machine = new Machine(desc);
  const settings = Object.freeze({ ...DEFAULT_BOOT, ...boot_options_of(desc), canwbs: false });
  const k = new Kernel(profile, machine.mem, {
    frames: options.frames ?? ram_frames(desc),
    selftest: options.selftest ?? null,
    allow_unsafe_interrupts: settings.allow_unsafe_interrupts,
  });
  const platform = new Platform(machine, settings);
  k.platform = platform;
  iommufd_init(k);
  platform.irq.x86 = x86_irq_init(iommu.kind === "amd" || (iommu.kind === "intel" && iommu.interruptRemapping));
  pci_scan(k);
  if (iommu.kind === "intel") intel_iommu_init(k, iommu);
  if (iommu.kind === "amd") amd_iommu_init(k, iommu);
  for (const group of [...k.iommu.groups.values()].sort((a, b) => a.id - b.id)) iommu_setup_default_domain(k, group);
  for (const pdev of platform.pci.values()) if (vfio.includes(pdev.bdf)) native_probe(k, pdev);
  for (const bdf of vfio) {
    const pdev = platform.pci.get(bdf);
    if (pdev !== undefined) k.ops.vfio_pci_bind(k, pdev);
  }
  return k;
}

/** Every function behind its unit, into its group. */
function intel_iommu_init(k: Kernel, desc: IntelIommuDesc): void {
  const units = desc.units.map((unit) => ({ unit, iommu: new IntelIommu(unit, desc.ats) }));
  for (const pdev of the_platform(k).pci.values()) {
    const named = units.find(({ unit }) => unit.scope.includes(pdev.bdf));
    const { iommu } = named ?? units.find(({ unit }) => unit.all) ?? units[0] ?? {};
    if (iommu === undefined) continue;
    intel_iommu_probe_device(k, pdev, iommu, desc);
    pdev.dev.msi_isolated = desc.interruptRemapping;
    const { group, reason } = k.ops.pci_device_group(k, pdev);
    iommu_group_add_device(group, pdev.dev, reason);
  }
}

/** Class of the unit's own function, which it does not translate. */
const CLASS_IOMMU = 0x0806;

/** One unit in front of everything else. */
function amd_iommu_init(k: Kernel, desc: AmdIommuDesc): void {
  const iommu = new AmdIommu(desc);
  for (const pdev of the_platform(k).pci.values()) {
    if (pdev.hw.config.read(PCI.CLASS + 2, 2) === CLASS_IOMMU) continue;
    amd_iommu_probe_device(pdev, iommu);
    pdev.dev.msi_isolated = true;
    const { group, reason } = k.ops.pci_device_group(k, pdev);
    iommu_group_add_device(group, pdev.dev, reason);
  }
}

function ram_frames(desc: X86MachineDesc): { pfn: number; n: number }[] {
  return desc.ram.map(({ start, last }) => {
    const pfn = Math.ceil(start / PAGE_SIZE);
    return { pfn, n: Math.max(0, Math.floor((last + 1) / PAGE_SIZE) - pfn) };
  });
}
