/** A recorded machine told as another one with differences: what the generated presets of this folder are made of. */
import { freezeDeep } from "../../hw/base/freeze.ts";
import type { MachineDesc } from "../../hw/machine.ts";
import type { FunctionDesc } from "../../hw/pci/function.ts";

/** Keys to replace whole; of `functions` only those that differ, by address, each with the keys that differ. */
export type Changes<M extends MachineDesc> = Partial<Omit<M, "functions">> & {
  functions?: Readonly<Record<string, Partial<FunctionDesc>>>;
};

/** Frozen. Throws on a function that the base does not have: a mistake in the file. */
export function changed<M extends MachineDesc>(base: M, changes: Changes<M>): M {
  const { functions = {}, ...rest } = changes;
  for (const bdf of Object.keys(functions)) {
    if (!base.functions.some((f) => f.bdf === bdf)) throw new Error(`${base.id} has no function ${bdf}`);
  }
  return freezeDeep<M>({
    ...base,
    ...rest,
    functions: base.functions.map((f) => ({ ...f, ...functions[f.bdf] })),
  });
}
