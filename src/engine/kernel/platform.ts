/** What exists only on a kernel that was booted on a machine: devices, IOMMU drivers, interrupt controllers. */
import type { Machine, MachineDesc } from "../../hw/machine.ts";
import { param_bool } from "./cmdline.ts";
import type { ArmSmmuDevice } from "./drivers/arm_smmu_v3/device.ts";
import { IdAllocator } from "./drivers/arm_smmu_v3/ids.ts";
import { IrqState } from "./irq/irqdesc.ts";
import type { Kernel } from "./kernel.ts";
import type { PciDev } from "./pci/pci_dev.ts";
import type { VfioPciDevice } from "./vfio/vfio_pci.ts";

/** Boot parameters and platform properties that no register tells. */
export interface BootOptions {
  /**
   * The root complexes force write-back attributes on all traffic (IORT "CANWBS"); vIOMMUs need it on an SMMU without
   * S2FWB. Device trees cannot say it.
   */
  canwbs: boolean;
  /** Kernel parameter `iommu.passthrough=1`: default domains are identity. */
  passthrough: boolean;
  /** Module parameter `iommufd.allow_unsafe_interrupts=1`. */
  allow_unsafe_interrupts: boolean;
  /**
   * Kernel command line for what the fields above do not say (`pci=`). Empty = not known: ACS control stays as the
   * machine's registers show it.
   */
  cmdline: string;
  /** The root complexes pass ATS requests on: devices may use it. Firmware says so; a made-up machine without does. */
  ats: boolean;
  /** bdfs that firmware says may be stalled (`dma-can-stall`). */
  dma_can_stall: readonly string[];
  /** CONFIG_VFIO_PCI_DMABUF: BARs can be exported as dma-bufs. */
  vfio_pci_dmabuf: boolean;
  /** /dev/vfio/vfio: iommufd (CONFIG_IOMMUFD_VFIO_CONTAINER), or VFIO's own container with type1. */
  vfio_container: "iommufd" | "type1";
  /** Endpoints are given to vfio-pci; else they stay with their own drivers. */
  vfio: boolean;
  /** Page frames for the kernel's own use (tables, queues, process memory without given frames). */
  frames: readonly { pfn: number; n: number }[] | null;
}

export const DEFAULT_BOOT: BootOptions = Object.freeze({
  canwbs: true,
  passthrough: false,
  allow_unsafe_interrupts: false,
  cmdline: "",
  ats: true,
  dma_can_stall: [],
  vfio_pci_dmabuf: true,
  vfio_container: "iommufd",
  vfio: true,
  frames: null,
});

/** What a machine's firmware and command line say of these options. */
export function boot_options_of({ firmware }: MachineDesc): Partial<BootOptions> {
  if (firmware === undefined) return {};
  const { cmdline } = firmware;
  return {
    canwbs: firmware.canwbs ?? DEFAULT_BOOT.canwbs,
    ats: firmware.ats === true,
    passthrough: param_bool(cmdline, "iommu.passthrough", DEFAULT_BOOT.passthrough),
    allow_unsafe_interrupts: param_bool(
      cmdline,
      "iommufd.allow_unsafe_interrupts",
      DEFAULT_BOOT.allow_unsafe_interrupts,
    ),
    cmdline,
  };
}

/** An IOMMU driver's interrupt handler; frozen, or an object of a class. */
export interface IommuFaultHandler {
  handle(k: Kernel): void;
}

export class Platform {
  readonly machine: Machine;
  readonly boot: BootOptions;
  readonly smmus: ArmSmmuDevice[] = [];
  /** Read the fault records of IOMMUs that are no SMMU. */
  readonly fault_handlers: IommuFaultHandler[] = [];
  /** ASIDs are shared by all SMMUs (and with the CPU). */
  readonly asids = new IdAllocator(1, 0xffff);
  /** bdf -> device, in the order of enumeration. */
  readonly pci = new Map<string, PciDev>();
  readonly irq = new IrqState();
  /** bdf -> device under vfio-pci. */
  readonly vfio = new Map<string, VfioPciDevice>();
  /** Number of the next /dev/vfio/devices/vfioN. */
  vfio_next = 0;

  constructor(machine: Machine, boot: BootOptions) {
    this.machine = machine;
    this.boot = boot;
  }
}

/** The booted machine's state; a kernel without machine (the self-test's) has none of what asks for it. */
export function the_platform(k: Kernel): Platform {
  if (k.platform === null) throw new Error("this kernel was not booted on a machine");
  return k.platform;
}

export function the_machine(k: Kernel): Machine {
  return the_platform(k).machine;
}
