/**
 * The kernel as a record of functions, under their kernel names. Releases and variants replace members of it,
 * and each call through it is a function entry in the trace. Call them as `k.ops.iopt_reserve_iova(k, ...)`.
 * Every subsystem declares and implements its part; a function that nobody replaces and nobody wants to see in
 * "Why" stays an ordinary function.
 */
import { type IommufdOps, iommufdOps } from "./iommufd/ops.ts";
import { type CoreOps, coreOps } from "./iommu/ops.ts";
import { type MachineOps, machineOps } from "./machine_ops.ts";

export interface KernelOps extends IommufdOps, CoreOps, MachineOps {}

export const baseOps: KernelOps = Object.freeze({ ...iommufdOps, ...coreOps, ...machineOps });
