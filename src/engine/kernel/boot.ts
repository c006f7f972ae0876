/** Boots a kernel on a machine: IOMMUs, interrupt controllers, PCI, groups and their default domains, vfio-pci. */
import type { Machine } from "../../hw/machine.ts";
import { arm_smmu_evtq_thread, arm_smmu_gerror_handler, arm_smmu_priq_thread } from "./drivers/arm_smmu_v3/event.ts";
import { arm_smmu_device_probe } from "./drivers/arm_smmu_v3/probe.ts";
import { iommu_setup_default_domain } from "./iommu/default_domain.ts";
import { gicv2m_probe } from "./irq/gicv2m.ts";
import { handle_arch_irq } from "./irq/dispatch.ts";
import { its_probe } from "./irq/its.ts";
import { Kernel } from "./kernel.ts";
import { PAGE_SIZE } from "./mm/const.ts";
import { iommu_probe_pci, pci_scan, pci_set_msi_isolated } from "./pci/enumerate.ts";
import { native_probe } from "./pci/native.ts";
import type { PciDev } from "./pci/pci_dev.ts";
import { boot_options_of, type BootOptions, DEFAULT_BOOT, Platform, the_platform } from "./platform.ts";
import type { ResolvedProfile } from "./profile.ts";
import { VfioContainerNode } from "./vfio/type1.ts";

const VENDOR_VIRTIO = 0x1af4;

/** Page frames of the machine's RAM. */
function ram_frames(machine: Machine): { pfn: number; n: number }[] {
  return machine.desc.ram.map(({ start, last }) => {
    const pfn = Math.ceil(start / PAGE_SIZE);
    return { pfn, n: Math.floor((last + 1) / PAGE_SIZE) - pfn };
  });
}

/** A running kernel whose devices are under vfio-pci; no process exists yet. Throws when the machine cannot be booted. */
export function boot(machine: Machine, profile: ResolvedProfile, options: Partial<BootOptions> = {}): Kernel {
  const settings: BootOptions = Object.freeze({
    ...DEFAULT_BOOT,
    ...boot_options_of(machine.desc),
    ...options,
    // Nobody sets the flag by hand where firmware has set it.
    ...(machine.desc.firmware?.canwbs === true ? { canwbs: true } : {}),
  });
  const k = new Kernel(profile, machine.mem, {
    frames: settings.frames ?? ram_frames(machine),
    allow_unsafe_interrupts: settings.allow_unsafe_interrupts,
  });
  const platform = new Platform(machine, settings);
  k.platform = platform;
  k.ops.iommufd_init(k);
  const type1 = settings.vfio_container === "type1" || k.features.vfio_container === "type1";
  if (type1) k.devnodes.set("/dev/vfio/vfio", new VfioContainerNode());
  probe_irqchips(k, platform);
  for (const hw of machine.desc.smmus) {
    const smmu = arm_smmu_device_probe(k, hw.name, hw.base);
    if (typeof smmu === "number") throw new Error(`${hw.name}: probe failed with ${smmu}`);
  }
  pci_scan(k);
  for (const pdev of platform.pci.values()) {
    pci_set_msi_isolated(k, pdev);
    iommu_probe_pci(k, pdev);
  }
  for (const group of [...k.iommu.groups.values()].sort((a, b) => a.id - b.id)) iommu_setup_default_domain(k, group);
  for (const pdev of platform.pci.values()) if (endpoint(pdev)) native_probe(k, pdev);
  if (settings.vfio) for (const pdev of platform.pci.values()) if (vfio_pci_match(pdev)) k.ops.vfio_pci_bind(k, pdev);
  return k;
}

function probe_irqchips(k: Kernel, platform: Platform): void {
  const { its, v2m } = platform.machine.desc;
  if (its !== null) {
    const state = its_probe(k, its.base);
    if (typeof state === "number") throw new Error(`${its.name}: probe failed with ${state}`);
    platform.irq.its = state;
  }
  if (v2m !== null) platform.irq.v2m = gicv2m_probe(k, v2m.base);
}

/** Bridges have their own driver; virtio devices carry the machine's files and stay as they are. */
function endpoint(pdev: PciDev): boolean {
  const { config, isBridge } = pdev.hw;
  const bridge_class = config.read(0x0b, 1) === 0x06;
  return !isBridge && !bridge_class && config.read(0, 2) !== VENDOR_VIRTIO;
}

/** What vfio-pci is given: every endpoint with an IOMMU. */
function vfio_pci_match(pdev: PciDev): boolean {
  return endpoint(pdev) && pdev.dev.iommu_group !== null;
}

/** What the kernel handled. */
export interface Handled {
  /** INTIDs of the interrupts that arrived, in order. */
  interrupts: number[];
  /** Event records by SMMU (`ArmSmmuDevice.name`), 8 words each, in order. */
  events: Map<string, Uint32Array[]>;
}

/**
 * After anything that devices did: interrupts are delivered to their handlers, event queues read. Call it after every
 * `machine.dma` and `machine.msi`.
 */
export function kernel_after_device_access(k: Kernel): Handled {
  const platform = the_platform(k);
  const handled: Handled = { interrupts: [], events: new Map() };
  for (const smmu of platform.smmus) {
    const hw = platform.machine.smmu(smmu.hw_name);
    if (hw !== null && hw.gerrorIrq) {
      hw.gerrorIrq = false;
      arm_smmu_gerror_handler(k, smmu);
    }
    const records = arm_smmu_evtq_thread(k, smmu);
    if (hw !== null) hw.evtqIrq = false;
    if (records.length > 0) handled.events.set(smmu.name, records);
    arm_smmu_priq_thread(k, smmu);
  }
  for (const handler of platform.fault_handlers) handler.handle(k);
  handled.interrupts.push(...handle_arch_irq(k));
  return handled;
}
