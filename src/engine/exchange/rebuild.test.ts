import { describe, expect, test } from "vitest";
import { resolveProfile } from "../kernel/resolve.ts";
import linux_7_2 from "../releases/linux_7_2.ts";
import { machineById } from "../sim/machines.ts";
import { fixture, fixtureNames } from "../testing/fixtures.ts";
import { BadInput, parseJson } from "./parse.ts";
import { rebuildDump, type RebuildReport } from "./rebuild.ts";
import { dumpsNamed } from "./replay_arm.ts";

const profile = resolveProfile("linux-7.2", [linux_7_2]);
const MACHINES = ["gicv2m", "gicv2m-unsafe", "rmr", "acpi-rmr", "nomsi", "stage1", "plain"];

interface Header {
  scenario: string;
  machine: string;
}

interface Recording extends Header {
  lines: string[];
  dumps: Map<string, unknown>;
}

function recordings(traces: string, tables: string): Recording[] {
  const there = fixtureNames(tables);
  return fixtureNames(traces)
    .filter((name) => name.endsWith(".jsonl") && name !== "hwprobe.jsonl")
    .map((name) => {
      const lines = fixture(`${traces}/${name}`).split("\n");
      const { scenario, machine } = JSON.parse(lines[0] ?? "") as Header;
      const dumps = new Map<string, unknown>();
      for (const dump of dumpsNamed(lines))
        if (there.includes(`${dump}.json`)) dumps.set(dump, parseJson(dump, fixture(`${tables}/${dump}.json`)));
      return { scenario, machine, lines, dumps };
    });
}

function rebuild({ machine, lines, dumps }: Recording, name: string, value: unknown): RebuildReport {
  const desc = machineById(machine);
  if (desc === undefined) throw new Error(`no machine ${machine}`);
  return rebuildDump(name, value, lines, { profile, machine: desc, dumps });
}

const main = recordings("traces/arm", "tables/arm");
const all = [...main, ...MACHINES.flatMap((id) => recordings(`machines/arm/${id}`, `machines/arm/${id}/tables`))];
const cases = all.flatMap((from) =>
  [...from.dumps].map(([name, value]) => [`${from.machine} ${name}`, from, name, value] as const),
);

describe("what the driver wrote equals the dump", () => {
  test.each(cases.filter(([, , name]) => !name.startsWith("native-")))("%s", (_, from, name, value) => {
    const report = rebuild(from, name, value);
    expect(report.lines).toEqual([]);
    expect(report.agreed).toBe(report.total);
    expect(report.total).toBeGreaterThan(500);
    expect(report.replayed.agreed).toBe(report.replayed.total);
  });

  test("every dump that a trace leads to is among them", () => {
    const names = fixtureNames("tables/arm").map((name) => name.replace(/\.json$/, ""));
    const rebuilt = new Set(main.flatMap((from) => [...from.dumps.keys()]));
    expect(names.filter((name) => !rebuilt.has(name))).toEqual([]);
  });
});

function mixed(edit: (text: string) => string): RebuildReport {
  const from = main.find((it) => it.scenario === "a");
  if (from === undefined) throw new Error("no trace of scenario a");
  const value = parseJson("a-mixed", edit(fixture("tables/arm/a-mixed.json")));
  return rebuild({ ...from, dumps: new Map([...from.dumps, ["a-mixed", value]]) }, "a-mixed", value);
}

describe("what differs is seen and decoded", () => {
  test("a bit of the STE", () => {
    const report = mixed((text) => text.replace("0b104c4500000000d6", "0b104c4500000000d4"));
    expect(report.total - report.agreed).toBe(1);
    expect(report.lines).toEqual([
      "STE word 1 (dumped at 0xfe880208): 0x00000000000000d6, dumped 0x00000000000000d4",
      "  S1DSS: 0x2 (SSID 0), dumped 0x0 (terminate)",
    ]);
  });

  test("a table that is another page than the trace said: it and all below", () => {
    const report = mixed((text) => text.replace("104c45", "104c46").replaceAll('"0x454c1000"', '"0x464c1000"'));
    expect(report.lines).toContain("CD (dumped at 0x464c1000): nothing of ours leads there, 8 words");
    expect(report.agreed).toBe(1 + 7);
  });
});

describe("a dump that no trace leads to is refused", () => {
  test.each(cases.filter(([, , name]) => name.startsWith("native-")))("%s", (_, from, name, value) => {
    expect(() => rebuild(from, name, value)).toThrow(BadInput);
  });

  test("a trace that does not name it", () => {
    const from = main.find((it) => it.scenario === "b");
    const value = parseJson("a-mixed", fixture("tables/arm/a-mixed.json"));
    expect(() => from && rebuild(from, "a-mixed", value)).toThrow("no record of the trace names this dump");
  });
});
