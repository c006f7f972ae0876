/**
 * Booting a machine. The kernel of some machines needs code that few scenarios need: it comes with the machine's
 * description. What is remembered here is code that has arrived, never state of a world.
 */
import type { Machine, MachineDesc } from "../../hw/machine.ts";
import { boot } from "../kernel/boot.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { ResolvedProfile } from "../kernel/profile.ts";

export interface LateBoot {
  /** Whether it boots machines of this description. */
  boots(desc: MachineDesc): boolean;
  boot(machine: Machine, profile: ResolvedProfile): Kernel;
}

const arrived: LateBoot[] = [];

/** Called by whoever fetched the machine. */
export function provideBoot(late: LateBoot): void {
  if (!arrived.includes(late)) arrived.push(late);
}

export function bootOn(machine: Machine, profile: ResolvedProfile): Kernel {
  const late = arrived.find((one) => one.boots(machine.desc));
  return late === undefined ? boot(machine, profile) : late.boot(machine, profile);
}
