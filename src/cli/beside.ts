/** Files that belong to a trace and lie where the recordings keep them: table dumps, and the machine's saved files. */
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { BadInput, parseJson } from "../engine/exchange/parse.ts";
import { importArmMachine } from "../engine/exchange/machine_arm.ts";
import { machineById } from "../engine/sim/machines.ts";
import type { MachineDesc } from "../hw/machine.ts";
import { readInput, readInputBytes } from "./files.ts";
import { Wrong } from "./output.ts";

const ENDINGS = ["", ".gz", ".br"];

/** A dump that the trace names: in `--tables`, in `tables/` beside it, or in `../../tables/arm`; undefined when it is in none. */
export async function findDump(trace: string, name: string, tables: string | undefined): Promise<unknown> {
  const dir = dirname(trace);
  const places = tables === undefined ? [join(dir, "tables"), join(dir, "..", "..", "tables", "arm")] : [tables];
  for (const place of places)
    for (const ending of ENDINGS) {
      const path = join(place, `${name}.json${ending}`);
      if (existsSync(path)) return readJson(path);
    }
  return undefined;
}

async function readJson(path: string): Promise<unknown> {
  try {
    return parseJson(path, await readInput(path));
  } catch (e) {
    throw e instanceof BadInput ? new Wrong(e.message) : e;
  }
}

/**
 * The trace of a dump by the scenario and machine in both: beside the dump, one folder up, or in `../../traces/arm`; a
 * file named after the scenario first. Undefined when no header says the two.
 */
export async function findTrace(
  dump: string,
  scenario: string,
  fits: (path: string) => Promise<boolean>,
): Promise<string | undefined> {
  const dir = dirname(dump);
  const named = (file: string) => file.startsWith(`${scenario}.jsonl`) || file.startsWith(`scenario-${scenario}.jsonl`);
  for (const place of [dir, join(dir, ".."), join(dir, "..", "..", "traces", "arm")]) {
    if (!existsSync(place)) continue;
    const files = readdirSync(place).filter((file) => /\.jsonl(\.gz|\.br)?$/.test(file));
    for (const file of files.sort((a, b) => Number(named(b)) - Number(named(a)) || (a < b ? -1 : 1)))
      if (await fits(join(place, file))) return join(place, file);
  }
  return undefined;
}

/** A machine by the name in a trace's header: a preset, or the files saved on it: beside the trace, in a folder of its name next to that, or in `../../machines/arm`. */
export async function findTraceMachine(trace: string, name: string): Promise<MachineDesc> {
  const preset = machineById(name);
  if (preset !== undefined) return preset;
  const dir = dirname(trace);
  for (const place of [dir, join(dir, "..", name), join(dir, "..", "..", "machines", "arm", name)])
    if (ENDINGS.some((e) => existsSync(join(place, `fdt.dts${e}`)))) return importArmFolder(place, name);
  throw new Wrong(
    `${trace}: made on machine "${name}", which is no preset and whose files are not beside it; type: --machine ID`,
  );
}

export async function importArmFolder(dir: string, name: string): Promise<MachineDesc> {
  const files = new Map<string, string | Uint8Array>();
  for (const file of readdirSync(dir)) {
    const plain = file.replace(/\.(gz|br)$/, "");
    if (/\.(dts|txt|json|jsonl)$/.test(plain)) files.set(plain, await readInput(join(dir, file)));
    else if (/^acpi-.*\.bin$/.test(plain)) files.set(plain, await readInputBytes(join(dir, file)));
  }
  try {
    return importArmMachine(name, name, files);
  } catch (e) {
    throw e instanceof BadInput ? new Wrong(e.message) : e;
  }
}
