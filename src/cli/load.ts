/** What a command names: scenarios, kernels, machines. Unknown names are refused with what there is. */
import { existsSync, readFileSync, statSync } from "node:fs";
import type { MachineDesc } from "../hw/machine.ts";
import type { ResolvedProfile } from "../engine/kernel/profile.ts";
import type { Kernels } from "../engine/sim/kernels.ts";
import { machineById, machines } from "../engine/sim/machines.ts";
import { scenarioFromJson } from "../engine/sim/scenario/json.ts";
import { parseScenario } from "../engine/sim/scenario/parse.ts";
import type { Scenario } from "../engine/sim/scenario/types.ts";
import { meant } from "../engine/sim/scenario/tokens.ts";
import { loadScenarios } from "./engine.ts";
import { type Output, Wrong } from "./output.ts";

export interface Named {
  id: string;
  scenario: Scenario;
}

/** A scenario of the library by id, or a file (text or JSON). */
export function findScenario(name: string): Named {
  const library = loadScenarios();
  const known = library.find((s) => s.id === name);
  if (known !== undefined) return { id: known.id, scenario: readScenario(known.text, `scenarios/${known.id}.lab`) };
  if (existsSync(name) && statSync(name).isFile())
    return { id: name, scenario: readScenario(readFileSync(name, "utf8"), name) };
  const ids = library.map((s) => s.id);
  throw new Wrong(`no scenario or file "${name}"${meant(name, ids)}; type: lab list scenarios`);
}

/** `name`: what a refusal calls it. */
export function readScenario(text: string, name: string): Scenario {
  if (text.trimStart().startsWith("{")) {
    const read = scenarioFromJson(text);
    if (!read.ok) throw new Wrong(`${name}: ${read.problem.message}`);
    return read.value;
  }
  const parsed = parseScenario(text);
  if (!parsed.ok) throw new Wrong(`${name}: ${parsed.problem.message}`);
  return parsed.value.scenario;
}

/**
 * Id of a release that has a profile: `linux-6.8` has none and means `linux-6.7`, which is said on stderr. Every other
 * name comes back as it is.
 */
export function meantRelease(kernels: Kernels, id: string, output: Output): string {
  const older = kernels.older(id);
  if (older === undefined) return id;
  output.progress(`${id} has no profile of its own: the next older one, ${older}, is meant`);
  return older;
}

/** The kernel as scenarios play it. */
export function findKernel(kernels: Kernels, asked: string, output: Output): ResolvedProfile {
  const id = meantRelease(kernels, asked, output);
  const profile = kernels.resolve(id, true);
  if (profile === undefined) throw new Wrong(`no kernel "${id}"${meant(id, kernels.ids)}; type: lab list kernels`);
  return profile;
}

export function findMachine(id: string): MachineDesc {
  const desc = machineById(id);
  if (desc === undefined)
    throw new Wrong(
      `no machine "${id}"${meant(
        id,
        machines().map((m) => m.id),
      )}; type: lab list machines`,
    );
  return desc;
}
