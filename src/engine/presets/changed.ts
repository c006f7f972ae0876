/** A recorded machine told as another one with differences: what the generated presets of this folder are made of. */
import { freezeDeep } from "../../hw/base/freeze.ts";
import type { MachineDesc } from "../../hw/machine.ts";
import type { FunctionDesc } from "../../hw/pci/function.ts";

/** Objects hold the keys that differ; arrays, simple values, and objects that say their `kind` are replaced whole. */
type Part<T> = T extends readonly unknown[] ? T : T extends object ? { [K in keyof T]?: Part<T[K]> } : T;

/** Of `functions` only those that differ, by address: what differs, the whole of a new one, null for one that is not there. */
export type Changes<M extends MachineDesc> = Part<Omit<M, "functions">> & {
  functions?: Readonly<Record<string, Part<FunctionDesc> | null>>;
};

/** Frozen. Functions stand in the order of their addresses. Throws on a removed function that the base does not have. */
export function changed<M extends MachineDesc>(base: M, changes: Changes<M>): M {
  const { functions = {}, ...rest } = changes;
  const all = new Map<string, unknown>(base.functions.map((f) => [f.bdf, f]));
  for (const [bdf, change] of Object.entries(functions)) {
    if (change !== null) all.set(bdf, merged(all.get(bdf) ?? {}, change));
    else if (!all.delete(bdf)) throw new Error(`${base.id} has no function ${bdf}`);
  }
  const sorted = [...all].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, f]) => f);
  return freezeDeep<M>(merged({ ...base, functions: sorted }, rest) as M);
}

const isPlain = (v: unknown): v is Record<string, unknown> => typeof v === "object" && v !== null && !Array.isArray(v);

function merged(base: unknown, change: unknown): unknown {
  if (!isPlain(base) || !isPlain(change) || "kind" in change) return change;
  const out = { ...base };
  for (const [key, value] of Object.entries(change)) out[key] = merged(base[key], value);
  return out;
}
