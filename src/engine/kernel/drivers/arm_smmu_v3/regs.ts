/** Access to the SMMU's registers. */
import type { Kernel } from "../../kernel.ts";
import { the_machine } from "../../platform.ts";
import type { ArmSmmuDevice } from "./device.ts";

export function smmu_read(k: Kernel, smmu: ArmSmmuDevice, off: number): number {
  return the_machine(k).read32(smmu.base + off);
}

export function smmu_write(k: Kernel, smmu: ArmSmmuDevice, off: number, value: number): void {
  the_machine(k).write32(smmu.base + off, value >>> 0);
}

/** A 64-bit register; `flags` are bits of its upper half. */
export function smmu_write_base(k: Kernel, smmu: ArmSmmuDevice, off: number, address: number, flags: number): void {
  the_machine(k).write64(smmu.base + off, (address % 2 ** 32) >>> 0, (Math.floor(address / 2 ** 32) | flags) >>> 0);
}
