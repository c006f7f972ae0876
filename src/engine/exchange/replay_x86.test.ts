import { readFileSync } from "node:fs";
import { brotliDecompressSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { kernels } from "../testing/scenarios.ts";
import { replayX86, type ReplayReport } from "./replay_x86.ts";

const fixture = (name: string): string[] =>
  brotliDecompressSync(readFileSync(new URL(`../../../fixtures/traces/x86/${name}.jsonl.br`, import.meta.url)))
    .toString("utf8")
    .split("\n");

function replay(lines: string[], kernel: string): ReplayReport {
  const profile = kernels.resolve(kernel, false);
  if (profile === undefined) throw new Error(`no kernel ${kernel}`);
  return replayX86(lines, { profile });
}

describe("random sequences on the mock driver answer as recorded", () => {
  it.each([
    ["fuzz-7.2", "linux-7.2", 62_076],
    ["fuzz-long-7.2", "linux-7.2", 60_699],
    ["fuzz-6.12", "linux-6.12", 20_575],
  ])("%s on %s: all %i records", (name, kernel, total) => {
    const report = replay(fixture(name), kernel);
    expect(report.first).toEqual([]);
    expect(report).toMatchObject({ agreed: total, total, given: 0 });
    expect([...report.skipped]).toEqual([]);
  });
});

describe.each([
  ["selftest-7.2", "linux-7.2", 172_509],
  ["selftest-6.12", "linux-6.12", 169_308],
])("the kernel's own self-test, %s on %s", (name, kernel, total) => {
  const lines = fixture(name);
  const cases = lines
    .filter((line) => line.includes('"op":"test"'))
    .map((line) => /"t":"([^"]+)"/.exec(line)?.[1] ?? "");
  let report: ReplayReport;

  beforeAll(() => {
    report = replay(lines, kernel);
  }, 600_000);

  it("agrees in every record; only what ACCESS_RW reads is given", () => {
    expect(report.first).toEqual([]);
    expect(report).toMatchObject({ agreed: total, total, given: 119_719 });
    expect([...report.skipped]).toEqual([]);
  });

  it.each(cases)("%s", (test) => {
    const counts = report.cases.get(test) ?? { agreed: 0, total: 0 };
    expect(counts.agreed).toBe(counts.total);
  });
});

describe("a replay notices a wrong answer", () => {
  const lines = fixture("fuzz-6.12").slice(0, 40);

  it("describes the field that differs", () => {
    const at = lines.findIndex((line) => line.includes('"name":"IOAS_MAP"') && line.includes('"ret":0'));
    const record = JSON.parse(lines[at] ?? "") as { out: string };
    const changed = lines.with(at, JSON.stringify({ ...record, out: `${record.out.slice(0, -2)}77` }));
    const report = replay(changed, "linux-6.12");
    expect(report.total - report.agreed).toBe(1);
    expect(report.first[0]).toMatch(
      /^record \d+ \(seed \d+\): fd=\d+ IOMMU_IOAS_MAP .* iova 0x[0-9a-f]+, recorded 0x77/,
    );
  });

  it("names the record of a line that is none", () => {
    expect(() => replay(["{}"], "linux-6.12")).toThrow("record 1: a record is an object with an op");
    expect(() => replay([...lines.slice(0, 3), "{"], "linux-6.12")).toThrow(/^record 4: /);
  });
});
