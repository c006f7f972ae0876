/**
 * Boots a kernel on an x86 machine: remapping units, PCI, groups and their default domains, vfio-pci. Recordings are
 * replayed without emulated units; scenarios have them (`emulated`).
 */
import { PCI } from "../../hw/pci/regs.ts";
import { Machine } from "../../hw/machine.ts";
import { VTD_ARCHITECTURE, VTD_QEMU } from "../../hw/vtd/quirks.ts";
import { VtdUnit } from "../../hw/vtd/unit.ts";
import { AmdIommu, amd_iommu_probe_device } from "./drivers/amd/driver.ts";
import { IntelIommu } from "./drivers/intel/caps.ts";
import { dmar_init, iommu_enable_translation } from "./drivers/intel/dmar.ts";
import { intel_iommu_probe_device } from "./drivers/intel/driver.ts";
import { DmarFaultHandler } from "./drivers/intel/fault.ts";
import { IntelIrqRemapper } from "./drivers/intel/irq_remapping.ts";
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
import type { AmdIommuDesc, IntelIommuDesc, VtdUnitDesc, X86MachineDesc } from "./x86_desc.ts";

export interface X86BootOptions {
  /** CONFIG_IOMMUFD_TEST; null = without. */
  selftest: Selftest | null;
  /** Page frames for the kernel and for memory without given frames; null = the machine's RAM. */
  frames: readonly { pfn: number; n: number }[] | null;
  /** Board to boot on; null = one made from the description. */
  machine: Machine | null;
  /** VT-d units are emulated, programmed by the driver, and walked at every access. */
  emulated: boolean;
}

/** A running kernel with the recorded functions under vfio-pci. Throws NotModelled for an IOMMU without driver here. */
export function boot_x86(
  desc: X86MachineDesc,
  profile: ResolvedProfile,
  options: Partial<X86BootOptions> = {},
): Kernel {
  const { iommu, vfio } = desc.x86;
  if (iommu.kind === "not modelled") throw new NotModelled(`the ${iommu.what} of machine ${desc.id}`);
  const machine = options.machine ?? new Machine(desc);
  const emulated = options.emulated === true;
  const settings = Object.freeze({ ...DEFAULT_BOOT, ...boot_options_of(desc), canwbs: false });
  const k = new Kernel(profile, machine.mem, {
    frames: options.frames ?? ram_frames(desc),
    selftest: options.selftest ?? null,
    allow_unsafe_interrupts: settings.allow_unsafe_interrupts,
  });
  const platform = new Platform(machine, settings);
  k.platform = platform;
  iommufd_init(k);
  const remaps = iommu.kind === "amd" || (iommu.kind === "intel" && iommu.interruptRemapping);
  const remapper = emulated && iommu.kind === "intel" && iommu.interruptRemapping ? new IntelIrqRemapper() : null;
  platform.irq.x86 = x86_irq_init(remaps, remapper);
  if (emulated) machine.interruptRange = true;
  pci_scan(k);
  if (iommu.kind === "intel") intel_iommu_init(k, iommu, emulated);
  if (iommu.kind === "amd") amd_iommu_init(k, iommu);
  for (const group of [...k.iommu.groups.values()].sort((a, b) => a.id - b.id)) iommu_setup_default_domain(k, group);
  for (const unit of [...platform.pci.values()].flatMap(({ dev }) => dev.iommu_dev ?? [])) translate_from_now(k, unit);
  for (const pdev of platform.pci.values()) if (vfio.includes(pdev.bdf)) native_probe(k, pdev);
  for (const bdf of vfio) {
    const pdev = platform.pci.get(bdf);
    if (pdev !== undefined) k.ops.vfio_pci_bind(k, pdev);
  }
  return k;
}

/** Every function behind its unit, into its group. */
function intel_iommu_init(k: Kernel, desc: IntelIommuDesc, emulated: boolean): void {
  const units = desc.units.map((unit) => ({ unit, iommu: new IntelIommu(unit, desc.ats) }));
  const unitOf = (bdf: string): IntelIommu | undefined => {
    const named = units.find(({ unit }) => unit.scope.includes(bdf));
    return (named ?? units.find(({ unit }) => unit.all) ?? units[0])?.iommu;
  };
  if (emulated) for (const { unit, iommu } of units) emulate(k, desc, unit, iommu, unitOf);
  for (const pdev of the_platform(k).pci.values()) {
    const iommu = unitOf(pdev.bdf);
    if (iommu === undefined) continue;
    intel_iommu_probe_device(k, pdev, iommu, desc);
    pdev.dev.msi_isolated = desc.interruptRemapping;
    const { group, reason } = k.ops.pci_device_group(k, pdev);
    iommu_group_add_device(group, pdev.dev, reason);
  }
}

/** Bits of a physical address on the recorded machines: `DMAR: Host address width 48`. */
const HOST_ADDRESS_WIDTH = 48;

/** Puts an emulated unit on the board and programs it. */
function emulate(
  k: Kernel,
  desc: IntelIommuDesc,
  unit: VtdUnitDesc,
  iommu: IntelIommu,
  unitOf: (bdf: string) => IntelIommu | undefined,
): void {
  const platform = the_platform(k);
  const { machine } = platform;
  const quirks = machine.desc.quirks === "qemu" ? VTD_QEMU : VTD_ARCHITECTURE;
  const { name, base, cap, ecap } = unit;
  const behind = [...platform.pci.keys()].filter((bdf) => unitOf(bdf) === iommu);
  machine.addUnit(new VtdUnit(name, base, { cap, ecap, haw: HOST_ADDRESS_WIDTH, quirks }, machine.mem), behind);
  iommu.hw = dmar_init(k, iommu, base, desc.interruptRemapping);
  platform.fault_handlers.push(new DmarFaultHandler(iommu));
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

/** Translation is switched on once every function has its default domain. */
function translate_from_now(k: Kernel, unit: object): void {
  if (unit instanceof IntelIommu && unit.hw !== null) iommu_enable_translation(k, unit.hw);
}

/** The first MiB is the firmware's and the other processors' start-up code's. */
const LOW_MEMORY = 0x10_0000;

function ram_frames(desc: X86MachineDesc): { pfn: number; n: number }[] {
  return desc.ram.map(({ start, last }) => {
    const pfn = Math.ceil(Math.max(start, LOW_MEMORY) / PAGE_SIZE);
    return { pfn, n: Math.max(0, Math.floor((last + 1) / PAGE_SIZE) - pfn) };
  });
}
