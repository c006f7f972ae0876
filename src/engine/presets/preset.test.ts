import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { importArmMachine } from "../exchange/machine_arm.ts";
import { fixtureFolder } from "../testing/fixtures.ts";
import { PLAIN } from "./plain.ts";
import { presetSource } from "../testing/preset_source.ts";

/** `UPDATE_PRESETS=1 npx vitest run src/engine/presets` writes plain.ts anew. */
test("the preset `plain` is what the importer makes of the recorded machine", () => {
  const desc = importArmMachine("plain", "Arm virt", fixtureFolder("machines/arm/plain"));
  if (process.env["UPDATE_PRESETS"] === "1") {
    writeFileSync(fileURLToPath(new URL("./plain.ts", import.meta.url)), presetSource("PLAIN", desc));
  } else expect(PLAIN).toEqual(desc);
});
