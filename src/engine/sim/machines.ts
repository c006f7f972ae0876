/** The machines that scenarios can run on: presets of recorded machines, and variations of them. */
import type { MachineDesc } from "../../hw/machine.ts";
import { ACPI } from "../presets/acpi.ts";
import { ACPI_RMR } from "../presets/acpi_rmr.ts";
import { GICV2M } from "../presets/gicv2m.ts";
import { GICV2M_UNSAFE } from "../presets/gicv2m_unsafe.ts";
import { MFRP } from "../presets/mfrp.ts";
import { NOACS } from "../presets/noacs.ts";
import { NOMSI } from "../presets/nomsi.ts";
import { PLAIN } from "../presets/plain.ts";
import { RMR } from "../presets/rmr.ts";
import { STAGE1 } from "../presets/stage1.ts";
import { acpiRelaxable, hip07, plainHttu, plainTwoSmmus, plainWindow } from "./machine_probes.ts";
import { plainPri, plainStall } from "./machine_faults.ts";
import { plainGroupResv } from "./machine_groups.ts";
import { x86PlayedMachines } from "./machines_x86_played.ts";
import { plainP2p, plainResv } from "./machine_variations.ts";
import {
  windowsAcs,
  windowsAcsSlot,
  windowsLimit,
  windowsNoacs,
  windowsNoacsSlot,
  windowsRmrr,
} from "./machine_windows.ts";

const presets: readonly MachineDesc[] = Object.freeze([
  PLAIN,
  plainResv,
  ACPI,
  ACPI_RMR,
  GICV2M,
  GICV2M_UNSAFE,
  MFRP,
  NOACS,
  NOMSI,
  RMR,
  STAGE1,
  plainP2p,
  plainWindow,
  hip07,
  plainTwoSmmus,
  plainHttu,
  acpiRelaxable,
  windowsAcs,
  windowsNoacs,
  windowsAcsSlot,
  windowsNoacsSlot,
  windowsRmrr,
  windowsLimit,
  plainStall,
  plainPri,
  plainGroupResv,
  ...x86PlayedMachines(),
]);

/** All of them are frozen. */
export function machines(): readonly MachineDesc[] {
  return presets;
}

export function machineById(id: string): MachineDesc | undefined {
  return presets.find((m) => m.id === id);
}
