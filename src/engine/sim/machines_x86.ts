/** Recorded x86 machines: traces made on them are replayed. Scenarios run on those of machines_x86_played.ts. */
import type { X86MachineDesc } from "../kernel/x86_desc.ts";
import { AMD } from "../presets/x86/amd.ts";
import { INTEL_LEGACY } from "../presets/x86/intel_legacy.ts";
import { INTEL_NOIR } from "../presets/x86/intel_noir.ts";
import { INTEL_SM } from "../presets/x86/intel_sm.ts";
import { INTEL_SM_FSTS } from "../presets/x86/intel_sm_fsts.ts";
import { NO_IOMMU } from "../presets/x86/no_iommu.ts";

const presets: readonly X86MachineDesc[] = Object.freeze([
  INTEL_SM,
  INTEL_SM_FSTS,
  INTEL_LEGACY,
  INTEL_NOIR,
  AMD,
  NO_IOMMU,
]);

/** All of them are frozen. */
export function x86Machines(): readonly X86MachineDesc[] {
  return presets;
}

export function x86MachineById(id: string): X86MachineDesc | undefined {
  return presets.find((m) => m.id === id);
}
