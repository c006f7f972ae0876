/** `lab import`: a folder of a machine's saved files, a trace, or a scenario in either form; prints its JSON. */
import { existsSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { BadInput } from "../../engine/exchange/parse.ts";
import { type ImportedTrace, scenarioOfTrace } from "../../engine/exchange/scenario_of_trace.ts";
import { ARM_TRACE_MACHINE } from "../../engine/exchange/trace_head.ts";
import { boot } from "../../engine/kernel/boot.ts";
import { the_platform } from "../../engine/kernel/platform.ts";
import type { ResolvedProfile } from "../../engine/kernel/profile.ts";
import { scenarioToJson } from "../../engine/sim/scenario/json.ts";
import { printScenario } from "../../engine/sim/scenario/print.ts";
import type { Scenario } from "../../engine/sim/scenario/types.ts";
import { Machine, type MachineDesc } from "../../hw/machine.ts";
import { findTraceMachine, importArmFolder } from "../beside.ts";
import { importX86Folder } from "../beside_x86.ts";
import { loadKernels } from "../engine.ts";
import { readInput } from "../files.ts";
import { firstLine, linesOf } from "../lines.ts";
import { findKernel, findMachine, findScenario } from "../load.ts";
import type { Common } from "../main.ts";
import { HOLDS, type Output, toJson, Wrong } from "../output.ts";
import { headOf } from "./replay.ts";

export interface ImportFlags extends Common {
  as?: string;
}

/** Kinds of --as: what the input is; `text`: a scenario, printed in its text form. */
const KINDS = Object.freeze(["machine", "scenario", "text"]);

export async function importCommand(path: string, flags: ImportFlags, output: Output): Promise<number> {
  const { as } = flags;
  if (as !== undefined && !KINDS.includes(as))
    throw new Wrong(`--as knows no "${as}"; it is one of ${KINDS.join(", ")}`);
  if (!existsSync(path)) throw new Wrong(`${path}: no such file or folder`);
  const folder = statSync(path).isDirectory();
  if (folder && as !== undefined && as !== "machine") throw new Wrong(`${path}: a folder is read as a machine`);
  if (!folder && as === "machine") throw new Wrong(`${path}: a machine is read from the folder of its saved files`);
  const text = folder ? toJson(await machine(path)) : await scenario(path, flags, output);
  if (as === "text") output.raw(text);
  else if (output.json) output.document(JSON.parse(text));
  else output.raw(text);
  return HOLDS;
}

async function machine(dir: string): Promise<unknown> {
  const has = (name: string): boolean => ["", ".gz", ".br"].some((e) => existsSync(join(dir, name + e)));
  if (has("fdt.dts") || has("acpi-MCFG.bin") || has("pci_devices.json")) return importArmFolder(dir, basename(dir));
  if (has("topology.txt") || existsSync(join(dir, "config"))) return importX86Folder(dir);
  throw new Wrong(`${dir}: neither fdt.dts nor pci_devices.json (arm64), nor topology.txt and config/ (x86) is there`);
}

async function scenario(path: string, flags: ImportFlags, output: Output): Promise<string> {
  const text = await readInput(path);
  const head = firstLine(text);
  const traced = head.startsWith("{") && !/"scenario": ?1\b/.test(text.slice(0, 200)) && head.endsWith("}");
  const read = traced ? await trace(path, text, flags, output) : findScenario(path).scenario;
  return flags.as === "text" ? printScenario(read) : scenarioToJson(read);
}

async function trace(path: string, text: string, flags: ImportFlags, output: Output): Promise<Scenario> {
  const head = headOf(path, firstLine(text));
  if (!head.arm)
    throw new Wrong(`${path}: made on an x86 machine, where no scenario can play; type: lab replay ${path}`);
  const kernels = await loadKernels();
  const container = text.includes('"fd":"vfio/vfio"');
  const profile = findKernel(kernels, flags.kernel ?? (container ? TYPE1 : (head.kernel ?? kernels.newest)), output);
  const desc =
    flags.machine === undefined
      ? await findTraceMachine(path, head.machine ?? ARM_TRACE_MACHINE)
      : findMachine(flags.machine);
  const name = basename(path).replace(/\.jsonl(\.gz|\.br)?$/, "");
  const done = imported(path, text, name, profile, desc);
  for (const [what, n] of done.left) output.progress(`left out: ${n} × ${what}`);
  return done.scenario;
}

/** VFIO's own container, which programs of before iommufd were recorded with. */
const TYPE1 = "vfio-type1-container";

function imported(
  path: string,
  text: string,
  name: string,
  profile: ResolvedProfile,
  desc: MachineDesc,
): ImportedTrace {
  const nodes = nodesOf(profile, desc);
  try {
    return scenarioOfTrace(linesOf(text), {
      title: name,
      source: `recording ${name}`,
      machine: desc.id,
      kernel: profile.profile.id,
      bdfOf: (fd) => nodes.get(fd),
    });
  } catch (e) {
    throw e instanceof BadInput ? new Wrong(`${path}: ${e.message}`) : e;
  }
}

/** Recorded files of devices on a machine as it boots: `vfio/devices/vfio0`, and `vfio/3 device`, a group's first one. */
function nodesOf(profile: ResolvedProfile, desc: MachineDesc): Map<string, string> {
  const nodes = new Map<string, string>();
  const { vfio } = the_platform(boot(new Machine(desc), profile));
  for (const [bdf, { node, group }] of vfio) {
    nodes.set(node.replace("/dev/", ""), bdf);
    const first = group === null ? "" : `vfio/${group.iommu_group.id} device`;
    if (group !== null && !nodes.has(first)) nodes.set(first, bdf);
  }
  return nodes;
}
