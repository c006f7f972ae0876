/** The machine of an x86 trace: asked for, saved beside the trace, or the one that VMM traces were made on. */
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { importX86Machine } from "../engine/exchange/machine_x86.ts";
import { BadInput } from "../engine/exchange/parse.ts";
import { opensDevice, X86_TRACE_MACHINE } from "../engine/exchange/trace_head.ts";
import type { X86MachineDesc } from "../engine/kernel/x86_desc.ts";
import { meant } from "../engine/sim/scenario/tokens.ts";
import { x86MachineById, x86Machines } from "../engine/sim/machines_x86.ts";
import { readInput, readInputBytes } from "./files.ts";
import { Wrong } from "./output.ts";

export function findX86MachineById(id: string): X86MachineDesc {
  const machine = x86MachineById(id);
  const ids = x86Machines().map((m) => m.id);
  if (machine === undefined) throw new Wrong(`no x86 machine "${id}"${meant(id, ids)}; there are: ${ids.join(", ")}`);
  return machine;
}

/** Null for a trace that opens no device of a machine: the self-test's, random sequences. */
export async function findX86Machine(trace: string, text: string): Promise<X86MachineDesc | null> {
  if (!opensDevice(text)) return null;
  const dir = dirname(trace);
  if (existsSync(join(dir, "config")) && existsSync(join(dir, "topology.txt"))) return importX86Folder(dir);
  return findX86MachineById(X86_TRACE_MACHINE);
}

export async function importX86Folder(dir: string): Promise<X86MachineDesc> {
  const files = new Map<string, string | Uint8Array>();
  for (const sub of ["", "acpi", "config"]) {
    const folder = join(dir, sub);
    if (!existsSync(folder)) continue;
    for (const file of readdirSync(folder)) {
      const plain = file.replace(/\.(gz|br)$/, "");
      const name = sub === "" ? plain : `${sub}/${plain}`;
      if (plain.endsWith(".bin")) files.set(name, new Uint8Array(await readInputBytes(join(folder, file))));
      else if (plain.endsWith(".txt")) files.set(name, await readInput(join(folder, file)));
    }
  }
  try {
    return importX86Machine(dir.split("/").at(-1) ?? dir, dir, files);
  } catch (e) {
    throw e instanceof BadInput ? new Wrong(e.message) : e;
  }
}
