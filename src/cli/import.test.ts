import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { PLAIN } from "../engine/presets/plain.ts";
import { scenario } from "../engine/testing/scenarios.ts";
import { root } from "./engine.ts";
import { main } from "./main.ts";

const dir = mkdtempSync(join(tmpdir(), "lab-import-"));
afterAll(() => rmSync(dir, { recursive: true }));

async function lab(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = "";
  let err = "";
  const code = await main(argv, { out: (t) => void (out += t), err: (t) => void (err += t) });
  return { code, out, err };
}
const fixture = (path: string): string => join(root, "fixtures", path);

describe("lab import", () => {
  it("reads a machine's folder: the preset is what it prints", async () => {
    const r = await lab("import", fixture("machines/arm/plain"));
    expect(r.code).toBe(0);
    expect({ ...(JSON.parse(r.out) as object), title: PLAIN.title }).toEqual(JSON.parse(JSON.stringify(PLAIN)));
  });
  it("reads a trace as a scenario, says on stderr what it left out, and what it prints can be run", async () => {
    const r = await lab("import", fixture("traces/vmm/arm-plain-S.jsonl.br"));
    expect(r.code).toBe(0);
    expect(r.err).toContain("left out: 8 × VFIO_DEVICE_GET_REGION_INFO\n");
    const path = join(dir, "start.json");
    writeFileSync(path, r.out);
    const run = await lab("run", path);
    expect(run.out.trimEnd().split("\n").at(-1)).toBe("checks: 22/22 hold");
  });
  it("plays a trace of groups and containers on a kernel that has them", async () => {
    const r = await lab("import", fixture("traces/vmm/arm-legacy-S.jsonl.br"), "--as", "text");
    expect(r.out).toContain("\nkernels: vfio-type1-container\n");
    expect(r.out).toContain("vmm VFIO_IOMMU_MAP_DMA container=C1 iova=0x40000000 len=128M va=RAM\n  expect ok\n");
  });
  it("turns a scenario's text into JSON and back", async () => {
    const json = await lab("import", join(root, "scenarios/sw-msi-q2.lab"));
    const path = join(dir, "q2.json");
    writeFileSync(path, json.out);
    const text = await lab("import", path, "--as", "text");
    expect(text.out).toContain(`title: ${scenario("sw-msi-q2").title}\n`);
    expect(JSON.parse(json.out)).toMatchObject({ scenario: 1, machine: "plain" });
  });
  it.each([
    [[fixture("machines/x86")], "neither fdt.dts nor pci_devices.json"],
    [[fixture("traces/vmm/x86-iommufd-anon.jsonl.br")], "made on an x86 machine, where no scenario can play"],
    [[fixture("machines/arm/plain"), "--as", "text"], "a folder is read as a machine"],
    [
      [join(root, "scenarios/sw-msi-q2.lab"), "--as", "machine"],
      "a machine is read from the folder of its saved files",
    ],
    [[join(root, "scenarios/sw-msi-q2.lab"), "--as", "picture"], '--as knows no "picture"'],
    [["nowhere"], "nowhere: no such file or folder"],
  ])("refuses %j", async (argv, message) => {
    const r = await lab("import", ...argv);
    expect(r.code).toBe(2);
    expect(r.out).toBe("");
    expect(r.err).toContain(message);
    expect(r.err.trimEnd().split("\n").length).toBe(1);
  });
});
