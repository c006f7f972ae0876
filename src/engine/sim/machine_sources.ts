/** The same machines as machines.ts, fetched when a scenario asks for one. */
import type { MachineDesc } from "../../hw/machine.ts";

/** A machine by name; the description itself may have to be fetched. */
export interface MachineSource {
  readonly id: string;
  readonly title: string;
  readonly load: () => Promise<MachineDesc>;
}

function later(id: string, title: string, load: () => Promise<MachineDesc>): MachineSource {
  return Object.freeze({ id, title, load });
}

/** With the code that boots it. */
function x86(id: string, title: string): MachineSource {
  return later(id, title, async () => (await import("./machines_x86_played.ts")).x86PlayedMachine(id));
}

/** In the order of machines.ts. */
export const MACHINE_SOURCES: readonly MachineSource[] = Object.freeze([
  later("plain", "Arm virt", async () => (await import("../presets/plain.ts")).PLAIN),
  later(
    "plain-resv",
    "Arm virt, 00:03.0 with a reserved region",
    async () => (await import("./machine_variations.ts")).plainResv,
  ),
  later("acpi", "Arm virt, booted with ACPI", async () => (await import("../presets/acpi.ts")).ACPI),
  later(
    "acpi-rmr",
    "Arm virt, ACPI with RMR nodes and CANWBS",
    async () => (await import("../presets/acpi_rmr.ts")).ACPI_RMR,
  ),
  later("gicv2m", "Arm virt with GICv2m", async () => (await import("../presets/gicv2m.ts")).GICV2M),
  later(
    "gicv2m-unsafe",
    "Arm virt with GICv2m, unsafe interrupts allowed",
    async () => (await import("../presets/gicv2m_unsafe.ts")).GICV2M_UNSAFE,
  ),
  later("mfrp", "Arm virt with multi-function root ports", async () => (await import("../presets/mfrp.ts")).MFRP),
  later(
    "noacs",
    "Arm virt, ACS switched off on the root ports",
    async () => (await import("../presets/noacs.ts")).NOACS,
  ),
  later("nomsi", "Arm virt without MSI controller", async () => (await import("../presets/nomsi.ts")).NOMSI),
  later("rmr", "Arm virt with reserved memory of devices", async () => (await import("../presets/rmr.ts")).RMR),
  later("stage1", "Arm virt, SMMU with stage 1 only", async () => (await import("../presets/stage1.ts")).STAGE1),
  later(
    "plain-p2p",
    "Arm virt, requests routed peer to peer as hardware does",
    async () => (await import("./machine_variations.ts")).plainP2p,
  ),
  later(
    "plain-window",
    "Arm virt, 01:00.0 with a doorbell window of its own",
    async () => (await import("./machine_probes.ts")).plainWindow,
  ),
  later("hip07", "Arm virt whose SMMU is of the HIP07 kind", async () => (await import("./machine_probes.ts")).hip07),
  later(
    "plain-two-smmus",
    "Arm virt, 01:00.0 behind a second SMMU",
    async () => (await import("./machine_probes.ts")).plainTwoSmmus,
  ),
  later(
    "plain-httu",
    "Arm virt, an SMMU that keeps dirty flags",
    async () => (await import("./machine_probes.ts")).plainHttu,
  ),
  later(
    "acpi-relaxable",
    "Arm virt, ACPI, 00:03.0 with a relaxable region",
    async () => (await import("./machine_probes.ts")).acpiRelaxable,
  ),
  later(
    "windows-acs",
    "Arm, window at 1 GiB, switch with ACS",
    async () => (await import("./machine_windows.ts")).windowsAcs,
  ),
  later(
    "windows-noacs",
    "Arm, window at 1 GiB, switch without ACS",
    async () => (await import("./machine_windows.ts")).windowsNoacs,
  ),
  later(
    "windows-acs-slot",
    "Arm, window at 1 GiB, switch with ACS and a free slot",
    async () => (await import("./machine_windows.ts")).windowsAcsSlot,
  ),
  later(
    "windows-noacs-slot",
    "Arm, window at 1 GiB, switch without ACS, a free slot",
    async () => (await import("./machine_windows.ts")).windowsNoacsSlot,
  ),
  later(
    "windows-rmrr",
    "Arm, window at 1 GiB, a USB controller with an RMRR",
    async () => (await import("./machine_windows.ts")).windowsRmrr,
  ),
  later(
    "windows-limit",
    "Arm, window at 1 GiB that the root complex keeps to itself",
    async () => (await import("./machine_windows.ts")).windowsLimit,
  ),
  later("plain-stall", "Arm virt, an SMMU that stalls", async () => (await import("./machine_faults.ts")).plainStall),
  later(
    "plain-pri",
    "Arm virt, devices with page requests and PASIDs",
    async () => (await import("./machine_faults.ts")).plainPri,
  ),
  later(
    "plain-group-resv",
    "Arm virt, 00:08.1 with a reserved region, 00:08.0 without",
    async () => (await import("./machine_groups.ts")).plainGroupResv,
  ),
  x86("intel-sm", "Intel VT-d, scalable mode, second stage"),
  x86("intel-sm-fsts", "Intel VT-d, scalable mode, first stage"),
  x86("intel-legacy", "Intel VT-d, legacy mode"),
  x86("intel-noir", "Intel VT-d without interrupt remapping"),
  x86("intel-noir-unsafe", "Intel VT-d without interrupt remapping, unsafe interrupts allowed"),
  x86("intel-rmrr", "Intel VT-d, firmware memory (RMRR) of 01:00.0"),
]);
