/** The x86 machines that scenarios run on: recorded ones whose VT-d unit is emulated. Fetched when one is asked for. */
import type { MachineDesc } from "../../hw/machine.ts";
import { boot_x86 } from "../kernel/boot_x86.ts";
import type { X86MachineDesc } from "../kernel/x86_desc.ts";
import { changed } from "../presets/changed.ts";
import { INTEL_LEGACY } from "../presets/x86/intel_legacy.ts";
import { INTEL_NOIR } from "../presets/x86/intel_noir.ts";
import { INTEL_SM } from "../presets/x86/intel_sm.ts";
import { INTEL_SM_FSTS } from "../presets/x86/intel_sm_fsts.ts";
import { type LateBoot, provideBoot } from "./late_boot.ts";

/** Firmware keeps 64 KiB for 01:00.0 (DMAR RMRR): memory that it goes on using. */
const INTEL_RMRR: X86MachineDesc = changed(INTEL_SM, {
  id: "intel-rmrr",
  title: "Intel VT-d, firmware memory (RMRR) of 01:00.0",
  x86: { iommu: { rmrrs: [{ start: 0x7e00_0000, last: 0x7e00_ffff, bdfs: ["0000:01:00.0"] }] } },
});

const INTEL_NOIR_UNSAFE: X86MachineDesc = changed(INTEL_NOIR, {
  id: "intel-noir-unsafe",
  title: "Intel VT-d without interrupt remapping, unsafe interrupts allowed",
  firmware: { cmdline: `${INTEL_NOIR.firmware?.cmdline ?? ""} iommufd.allow_unsafe_interrupts=1` },
});

const played: readonly X86MachineDesc[] = Object.freeze([
  INTEL_SM,
  INTEL_SM_FSTS,
  INTEL_LEGACY,
  INTEL_NOIR,
  INTEL_NOIR_UNSAFE,
  INTEL_RMRR,
]);

function isX86(desc: MachineDesc): desc is X86MachineDesc {
  return "x86" in desc;
}

const X86_BOOT: LateBoot = Object.freeze({
  boots: isX86,
  boot: (machine, profile) => {
    const { desc } = machine;
    if (!isX86(desc)) throw new Error(`${desc.id} is no x86 machine`);
    return boot_x86(desc, profile, { machine, emulated: true });
  },
} satisfies LateBoot);

/** All of them are frozen; asked for, they can be booted too. */
export function x86PlayedMachines(): readonly MachineDesc[] {
  provideBoot(X86_BOOT);
  return played;
}

/** Throws for another name. */
export function x86PlayedMachine(id: string): MachineDesc {
  const desc = x86PlayedMachines().find((m) => m.id === id);
  if (desc === undefined) throw new Error(`no played x86 machine ${id}`);
  return desc;
}
