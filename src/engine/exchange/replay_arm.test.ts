import { describe, expect, it } from "vitest";
import { resolveProfile } from "../kernel/resolve.ts";
import linux_7_2 from "../releases/linux_7_2.ts";
import { machineById } from "../sim/machines.ts";
import { fixture, fixtureNames } from "../testing/fixtures.ts";
import { parseJson } from "./parse.ts";
import { dumpsNamed, replayArm, type ReplayArmOptions } from "./replay_arm.ts";
import type { ReplayReport } from "./report.ts";

const profile = resolveProfile("linux-7.2", [linux_7_2]);

function replay(
  lines: string[],
  machine: string,
  tables: string,
  options: Partial<ReplayArmOptions> = {},
): ReplayReport {
  const desc = machineById(machine);
  if (desc === undefined) throw new Error(`no machine ${machine}`);
  const there = fixtureNames(tables);
  const dumps = new Map<string, unknown>();
  for (const name of dumpsNamed(lines)) {
    if (there.includes(`${name}.json`)) dumps.set(name, parseJson(name, fixture(`${tables}/${name}.json`)));
  }
  return replayArm(lines, { profile, machine: desc, dumps, ...options });
}

function trace(path: string): { lines: string[]; machine: string } {
  const lines = fixture(path).split("\n");
  const header = /"machine":"([^"]+)"/.exec(lines[0] ?? "");
  return { lines, machine: header?.[1] ?? "plain" };
}

describe("scenarios recorded on machine plain: every call, STE, CD, command, MSI, access and event", () => {
  it.each([
    ["a", 123],
    ["a-edu", 216],
    ["alias", 26],
    ["b", 51],
    ["bad-s1", 52],
    ["c-bypass", 95],
    ["c-s1", 130],
    ["c0", 13],
    ["d", 70],
    ["e", 125],
    ["m-edu", 48],
    ["m-msix", 14],
    ["m-unattached", 52],
    ["native", 12],
    ["p2p", 37],
  ])("%s: %i records", (name, total) => {
    const { lines, machine } = trace(`traces/arm/${name}.jsonl`);
    const report = replay(lines, machine, "tables/arm");
    expect(report.first).toEqual([]);
    expect([...report.skipped]).toEqual([]);
    expect(report).toMatchObject({ agreed: total, total, given: 0 });
  });
});

describe("scenarios recorded on other machines", () => {
  it.each([
    ["acpi", "b", 51],
    ["acpi", "c0-viommu-without-canwbs", 13],
    ["acpi-rmr", "resv", 125],
    ["gicv2m", "b", 51],
    ["gicv2m", "m-msix", 14],
    ["gicv2m-unsafe", "c-bypass", 95],
    ["gicv2m-unsafe", "m-edu", 48],
    ["gicv2m-unsafe", "m-msix", 14],
    ["nomsi", "m-msix", 14],
    ["plain", "resv", 125],
    ["rmr", "resv", 125],
    ["stage1", "b", 51],
    ["stage1", "c0-viommu-without-canwbs", 13],
    ["stage1", "m-msix", 14],
  ])("%s: %s, %i records", (folder, scenario, total) => {
    const { lines, machine } = trace(`machines/arm/${folder}/scenario-${scenario}.jsonl`);
    const tables = ["acpi", "noacs", "mfrp"].includes(folder) ? "tables/arm" : `machines/arm/${folder}/tables`;
    const report = replay(lines, machine, tables);
    expect(report.first).toEqual([]);
    expect([...report.skipped]).toEqual([]);
    expect(report).toMatchObject({ agreed: total, total, given: 0 });
  });
});

describe("a VMM's calls", () => {
  it.each([
    ["arm-kvm-accel", 427, 33],
    ["arm-kvm-plain", 105, 32],
    ["arm-plain-S", 18, 18],
  ])("%s: %i records, %i of the device", (name, total, device) => {
    const { lines } = trace(`traces/vmm/${name}.jsonl`);
    const report = replay(lines, "plain", "tables/arm");
    expect(report.first).toEqual([]);
    expect(report).toMatchObject({ agreed: total, total, given: device });
    const all = replay(lines, "plain", "tables/arm", { deviceAnswers: "compared" });
    expect(all.first).toEqual([]);
    expect(all).toMatchObject({ agreed: total + device, total: total + device, given: 0 });
  });
});

it("arm-legacy-S: a container of VFIO's own, type1; the numbers passed to two calls are lost", () => {
  const { lines } = trace("traces/vmm/arm-legacy-S.jsonl");
  const report = replay(lines, "plain", "tables/arm");
  expect(report.first).toEqual([]);
  expect([...report.skipped]).toEqual([]);
  expect(report).toMatchObject({ agreed: 7, total: 7, given: 5 });
});

describe("a changed recording does not agree", () => {
  const changed = (name: string, seq: number, from: string, to: string): string[] => {
    const { lines, machine } = trace(`traces/arm/${name}.jsonl`);
    const at = lines.findIndex((line) => line.startsWith(`{"seq":${seq},`));
    const line = lines[at] ?? "";
    expect(line).toContain(from);
    lines[at] = line.replace(from, to);
    const { agreed, total, first } = replay(lines, machine, "tables/arm");
    expect(agreed).toBeLessThan(total);
    return first;
  };

  it.each([
    ["an errno", "b", 5, '"errno":98', '"errno":22', "recorded EINVAL"],
    ["a word of an STE", "c-bypass", 37, '"ste":"0d', '"ste":"0b', "STE word 0"],
    ["a queued command", "c-bypass", 2, '"cmdq":["03', '"cmdq":["04', "command 0"],
    ["where a device's MSI goes", "m-msix", 10, '"addr":"0x8000040"', '"addr":"0x8000044"', "address"],
    ["an event of the SMMU", "c-s1", 57, '"evtq":["13', '"evtq":["10', "event 0"],
    ["an event that the guest reads", "c-s1", 58, "000000001300000023", "000000001300000024", "bytes"],
  ])("%s", (_what, name, seq, from, to, text) => {
    expect(changed(name, seq, from, to).join("\n")).toContain(text);
  });
});
