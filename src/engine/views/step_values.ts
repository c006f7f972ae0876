/** Steps that views suggest, put together from plain values. */
import type { Step, Value } from "../sim/scenario/types.ts";

export const named = (v: string): Value => ({ k: "name", v });
export const int = (v: bigint | number): Value => ({ k: "int", v: BigInt(v) });
export const vmm = (op: string, args: Record<string, Value>): Step => ({ actor: "vmm", op, args, checks: [] });
