import { describe, expect, it } from "vitest";
import { boot_x86 } from "../kernel/boot_x86.ts";
import { resolveProfile } from "../kernel/resolve.ts";
import { iommu_group_show_resv_regions } from "../kernel/iommu/resv.ts";
import { NotModelled } from "../kernel/not_modelled.ts";
import linux_7_2 from "../releases/linux_7_2.ts";
import { x86MachineById } from "../sim/machines_x86.ts";
import { fixture } from "../testing/fixtures.ts";
import { x86MachineFixture } from "../testing/x86_fixtures.ts";
import { importX86Machine } from "./machine_x86.ts";
import { replayX86 } from "./replay_x86.ts";

const profile = resolveProfile("linux-7.2", [linux_7_2]);

function machineOf(id: string): NonNullable<ReturnType<typeof x86MachineById>> {
  const machine = x86MachineById(id);
  if (machine === undefined) throw new Error(`no machine ${id}`);
  return machine;
}

describe("traces made on x86 machines: every call agrees", () => {
  it.each([
    ["vmm/x86-iommufd-anon", "intel-sm", 106, 104],
    ["vmm/x86-iommufd-2dev", "intel-sm", 144, 208],
    ["vmm/x86-iommufd-memfd", "intel-sm", 107, 104],
    ["vmm/x86-legacy-container", "intel-sm", 107, 104],
    ["machines-x86/intel-sm-hwprobe", "intel-sm", 135, 14],
    ["machines-x86/intel-sm-fsts-hwprobe", "intel-sm-fsts", 135, 14],
    ["machines-x86/intel-legacy-hwprobe", "intel-legacy", 135, 14],
    ["machines-x86/intel-legacy-vfio-selftest", "intel-legacy", 1574, 708],
    ["machines-x86/intel-noir-hwprobe", "intel-noir", 4, 0],
    ["machines-x86/none-hwprobe", "no-iommu", 2, 0],
    ["machines-x86/amd-hwprobe", "amd", 130, 14],
  ])("%s on %s: %i compared, %i given", (name, id, total, given) => {
    const lines = fixture(`traces/${name}.jsonl`).split("\n");
    const report = replayX86(lines, { profile, machine: machineOf(id) });
    expect(report.first).toEqual([]);
    expect(report).toMatchObject({ agreed: total, total, given });
    expect([...report.skipped]).toEqual([]);
  });

  it("tells another width apart: the same trace does not agree on the first-stage machine", () => {
    const lines = fixture("traces/machines-x86/intel-sm-hwprobe.jsonl").split("\n");
    const report = replayX86(lines, { profile, machine: machineOf("intel-sm-fsts") });
    expect(report.first.join("\n")).toContain("IOAS_IOVA_RANGES");
  });

  it("refuses what has no model by name", () => {
    const mdev = fixture("traces/machines-x86/none-hwprobe-mdev.jsonl").split("\n");
    expect(() => replayX86(mdev, { profile, machine: machineOf("no-iommu") })).toThrow(/not modelled: .*mediated/);
    const machine = importX86Machine("virtio-iommu", "virtio-iommu", x86MachineFixture("virtio-iommu"));
    expect(() => boot_x86(machine, profile)).toThrow(NotModelled);
  });
});

describe("groups and reserved regions as sysfs printed them", () => {
  it.each(["intel-sm", "intel-sm-fsts", "intel-legacy", "intel-noir", "amd"])("%s", (id) => {
    const k = boot_x86(machineOf(id), profile);
    const ours = [...k.iommu.groups.values()].map((group) => {
      const devices = group.devices.map((dev) => `${dev.name} `).join("");
      const regions = iommu_group_show_resv_regions(k, group)
        .replace(/^/gm, "    reserved ")
        .replace(/ +reserved $/, "");
      return `group ${group.id} devices: ${devices}\n${regions}`;
    });
    const text = x86MachineFixture(id).get("groups.txt");
    expect(ours.join("")).toBe(String(text).replace(/ type \S+/g, ""));
  });
});
