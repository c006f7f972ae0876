import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { MachineDesc } from "../../hw/machine.ts";
import { importArmMachine } from "../exchange/machine_arm.ts";
import { machineById } from "../sim/machines.ts";
import { machineFixture } from "../testing/fixtures.ts";
import { presetSource } from "../testing/preset_source.ts";

/** Recorded machine -> title. */
const TITLES: Readonly<Record<string, string>> = Object.freeze({
  plain: "Arm virt",
  acpi: "Arm virt, booted with ACPI",
  "acpi-rmr": "Arm virt, ACPI with RMR nodes and CANWBS",
  gicv2m: "Arm virt with GICv2m",
  "gicv2m-unsafe": "Arm virt with GICv2m, unsafe interrupts allowed",
  mfrp: "Arm virt with multi-function root ports",
  noacs: "Arm virt, ACS switched off on the root ports",
  nomsi: "Arm virt without MSI controller",
  rmr: "Arm virt with reserved memory of devices",
  stage1: "Arm virt, SMMU with stage 1 only",
});

/** The machine that another one is told by; the others in full. */
const BASES: Readonly<Record<string, string>> = Object.freeze({
  acpi: "plain",
  "acpi-rmr": "acpi",
  gicv2m: "plain",
  "gicv2m-unsafe": "gicv2m",
  noacs: "plain",
  nomsi: "plain",
  rmr: "plain",
  stage1: "plain",
});
const PLACE = Object.freeze({ type: "MachineDesc", module: "../../hw/machine.ts", presets: ".", src: "../.." });

const imported = (id: string): MachineDesc => importArmMachine(id, TITLES[id] ?? "", machineFixture(id));

/** `UPDATE_PRESETS=1 npx vitest run src/engine/presets && npx oxfmt src/engine/presets` writes them anew. */
test.each(Object.keys(TITLES))("the preset `%s` is what the importer makes of the recorded machine", (id) => {
  const desc = imported(id);
  const base = BASES[id];
  if (process.env["UPDATE_PRESETS"] === "1") {
    const file = fileURLToPath(new URL(`./${id.replaceAll("-", "_")}.ts`, import.meta.url));
    writeFileSync(file, presetSource(desc, base === undefined ? null : imported(base), PLACE));
  } else expect(machineById(id)).toEqual(desc);
});
