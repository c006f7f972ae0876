import { describe, expect, test } from "vitest";
import { fixture, fixtureNames } from "../testing/fixtures.ts";
import { BadInput, walkFile } from "./walk.ts";

const cases = fixture("walks/smmuv3.jsonl");

describe("random configurations", () => {
  test.each([
    ["the architecture, no caches", { quirks: "none" }],
    ["the architecture, cached entries kept", { quirks: "none", caches: true }],
    ["the recorded emulator, records bit for bit", { quirks: "qemu" }],
  ] as const)("%s", (_, opts) => {
    const report = walkFile("smmuv3.jsonl", cases, opts);
    expect(report.lines).toEqual([]);
    expect([report.agreed, report.total]).toEqual([28_344, 28_344]);
  });

  test("a wrong answer is seen", () => {
    const line = cases.slice(0, cases.indexOf("\n")).replace('"pa":"0xbebe243054"', '"pa":"0xbebe243055"');
    const report = walkFile("one", line, { quirks: "none" });
    expect([report.agreed, report.total]).toEqual([16, 17]);
    expect(report.lines[0]).toBe("ok, other details: 1");
    const fault = line.replace('"result":"ok","pa":"0x392d45f818"', '"result":"fault"');
    expect(walkFile("one", fault, { quirks: "qemu" }).lines[0]).toMatch(/^no quirk, /);
  });
});

const vtd = fixture("walks/vtd.jsonl");

describe("random VT-d configurations", () => {
  test.each([
    ["the architecture, no caches", { quirks: "none" }],
    ["the architecture, cached entries kept", { quirks: "none", caches: true }],
    ["the recorded emulator, records bit for bit", { quirks: "qemu" }],
  ] as const)("%s", (_, opts) => {
    const report = walkFile("vtd.jsonl", vtd, opts);
    expect(report.lines).toEqual([]);
    expect([report.agreed, report.total]).toEqual([7954, 7954]);
  });

  test("a wrong address, reason and record are seen", () => {
    const line = vtd.slice(0, vtd.indexOf("\n"));
    const pa = walkFile("one", line.replace('"pa":"0x51205d0c4"', '"pa":"0x51205d0c8"'), { quirks: "none" });
    expect([pa.agreed, pa.total]).toEqual([18, 19]);
    const reason = line.replace("0070fdf50b00000000800000060000c0", "0070fdf50b00000000800000050000c0");
    expect(walkFile("one", reason, { quirks: "none" }).lines[0]).toBe("no quirk, 0x5 expected, 0x6: 1");
    const other = line.replace("0070fdf50b00000000800000060000c0", "0070fdf50b00000000810000060000c0");
    expect(walkFile("one", other, { quirks: "qemu" }).agreed).toBe(18);
  });
});

describe("dumps", () => {
  test.each(fixtureNames("tables/arm"))("%s", (name) => {
    const text = fixture(`tables/arm/${name}`);
    for (const quirks of ["none", "qemu"] as const) {
      const report = walkFile(name, text, { quirks });
      expect(report.lines).toEqual([]);
      expect(report.agreed).toBe(report.total);
      if (!name.startsWith("native-")) expect(report.total).toBeGreaterThan(0);
    }
  });

  test("a wrong address and a wrong fault level are seen", () => {
    const text = fixture("tables/arm/c-s1-nested.json")
      .replace(/"walk":\s*"0x40adb800"/, '"walk":"0x40adb900"')
      .replace(/"s1-fault-L3"/, '"s1-fault-L2"');
    const report = walkFile("bad", text, { quirks: "none" });
    expect([report.agreed, report.total]).toEqual([29, 31]);
    expect(report.lines[1]).toBe("  bad 0x1800: expected 0x40adb900, got 0x40adb800");
  });
});

test.each([
  ["not JSON at all", "hello", /^x: /],
  ["another object", '{"a":1}', /^x: /],
  [
    "a case of another IOMMU",
    '{"case":"c","iommu":"amd","regs":{},"streamid":0,"ram":["0x0","0x1000"],"memory":[],"steps":[]}',
    /^x line 1: IOMMU amd is not modelled$/,
  ],
  [
    "a case with a bad step",
    '{"case":"c","iommu":"smmuv3","regs":{},"streamid":0,"ram":["0x0","0x1000"],"memory":[],"steps":[{"do":"jump"}]}',
    /^x line 1: "steps/,
  ],
])("bad input is refused with its place: %s", (_, text, message) => {
  expect(() => walkFile("x", text, { quirks: "none" })).toThrow(BadInput);
  expect(() => walkFile("x", text, { quirks: "none" })).toThrow(message);
});
