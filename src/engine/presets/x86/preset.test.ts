import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { importX86Machine } from "../../exchange/machine_x86.ts";
import { x86MachineById } from "../../sim/machines_x86.ts";
import { presetSource } from "../../testing/preset_source.ts";
import { x86MachineFixture } from "../../testing/x86_fixtures.ts";

/** Name here -> recorded machine, title. */
const MACHINES = Object.freeze([
  ["intel-sm", "intel-sm", "Intel VT-d, scalable mode, second stage"],
  ["intel-sm-fsts", "intel-sm-fsts", "Intel VT-d, scalable mode, first stage"],
  ["intel-legacy", "intel-legacy", "Intel VT-d, legacy mode"],
  ["intel-noir", "intel-noir", "Intel VT-d without interrupt remapping"],
  ["amd", "amd", "AMD IOMMU"],
  ["no-iommu", "none", "x86 without IOMMU"],
] as const);

const BASE = importX86Machine("intel-sm", MACHINES[0][2], x86MachineFixture("intel-sm"));
const PLACE = Object.freeze({
  type: "X86MachineDesc",
  module: "../../kernel/x86_desc.ts",
  presets: "..",
  src: "../../..",
});

/** `UPDATE_PRESETS=1 npx vitest run src/engine/presets/x86 && npx oxfmt src/engine/presets` writes them anew. */
test.each(MACHINES)("the preset `%s` is what the importer makes of the recorded machine %s", (id, from, title) => {
  const desc = importX86Machine(id, title, x86MachineFixture(from));
  if (process.env["UPDATE_PRESETS"] === "1") {
    const file = fileURLToPath(new URL(`./${id.replaceAll("-", "_")}.ts`, import.meta.url));
    writeFileSync(file, presetSource(desc, id === BASE.id ? null : BASE, PLACE));
  } else expect(x86MachineById(id)).toEqual(desc);
});
