import { readFileSync } from "node:fs";
import { brotliDecompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { Machine } from "../../hw/machine.ts";
import { PLAIN } from "../presets/plain.ts";
import { importArmMachine } from "../exchange/machine_arm.ts";
import { boot } from "./boot.ts";
import { baseOps } from "./ops.ts";
import { NEWEST_FEATURES } from "./resolve.ts";
import type { ResolvedProfile } from "./profile.ts";

const profile: ResolvedProfile = {
  profile: { id: "linux-7.2", title: "7.2", date: "2026-08-16", changes: "" },
  features: NEWEST_FEATURES,
  ops: baseOps,
};

const dir = new URL("../../../fixtures/machines/arm/", import.meta.url);
const read = (path: string) => brotliDecompressSync(readFileSync(new URL(path, dir))).toString();

function machine(name: string): Machine {
  const files = new Map<string, string>();
  for (const file of ["fdt.dts", "iomem.txt", "pci_devices.json"]) files.set(file, read(`${name}/${file}.br`));
  return new Machine(importArmMachine(name, name, files));
}

interface Groups {
  groups: { id: number; devices: string[]; reserved_regions: { start: string; end: string; type: string }[] }[];
}

describe("groups and reserved regions of the recorded machines", () => {
  it.each(["plain", "noacs", "rmr", "mfrp", "gicv2m", "nomsi", "stage1"])("%s", (name) => {
    const k = boot(machine(name), profile);
    const recorded = JSON.parse(read(`${name}/iommu_groups.json.br`)) as Groups;
    const ours = [...k.iommu.groups.values()].map((g) => ({ id: g.id, devices: g.devices.map((d) => d.name).sort() }));
    expect(ours).toEqual(recorded.groups.map((g) => ({ id: g.id, devices: g.devices.sort() })));
  });
});

it("a booted SMMU has the registers that Linux programs", () => {
  const m = new Machine(PLAIN);
  boot(m, profile);
  const base = 0x9050000;
  const reg = (off: number) => m.read32(base + off).toString(16);
  expect([reg(0x20), reg(0x24), reg(0x28), reg(0x2c), reg(0x50), reg(0x88)]).toEqual([
    "d",
    "d",
    "d75",
    "6",
    "5",
    "10210",
  ]);
  expect([reg(0x90).slice(-2), reg(0x94), reg(0xa0).slice(-2)]).toEqual(["10", "40000000", "0f"]);
});
