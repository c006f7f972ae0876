import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { importArmMachine } from "../exchange/machine_arm.ts";
import { machineById } from "../sim/machines.ts";
import { machineFixture } from "../testing/fixtures.ts";
import { isVariation, presetSource } from "../testing/preset_source.ts";

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

const BASE = importArmMachine("plain", TITLES["plain"] ?? "", machineFixture("plain"));
const PLACE = Object.freeze({ type: "MachineDesc", module: "../../hw/machine.ts", presets: ".", src: "../.." });

/** `UPDATE_PRESETS=1 npx vitest run src/engine/presets && npx oxfmt src/engine/presets` writes them anew. */
test.each(Object.entries(TITLES))("the preset `%s` is what the importer makes of the recorded machine", (id, title) => {
  const desc = importArmMachine(id, title, machineFixture(id));
  if (process.env["UPDATE_PRESETS"] === "1") {
    const file = fileURLToPath(new URL(`./${id.replaceAll("-", "_")}.ts`, import.meta.url));
    writeFileSync(file, presetSource(desc, id !== BASE.id && isVariation(BASE, desc) ? BASE : null, PLACE));
  } else expect(machineById(id)).toEqual(desc);
});
