/** Building blocks of the tables of operations. */
import type { Param, ParamKind } from "./ops.ts";

export type Extra = Partial<Omit<Param, "name" | "kind">>;

export function param(name: string, kind: ParamKind, extra: Extra = {}): Param {
  return Object.freeze({ name, kind, required: false, bare: false, ...extra });
}

/** The device that a step is about. */
export const subject: Param = param("dev", "device", { required: true, bare: true });
