import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "../../cli/engine.ts";
import { FOUR, kernels, library, parsed, scenario, start } from "../testing/scenarios.ts";
import { compare } from "../views/compare/compare.ts";
import { machineById } from "./machines.ts";
import { printScenario } from "./scenario/print.ts";

describe("the scenario library", () => {
  it.each(library)("$id is canonical, and every check holds on every kernel that it names", ({ text }) => {
    const s = parsed(text);
    expect(printScenario(s)).toBe(text);
    expect(machineById(s.machine)).toBeDefined();
    expect(s.question).not.toBe("");
    for (const kernel of s.kernels) {
      const checks = start(s, kernel).checks();
      expect(checks.length).toBeGreaterThan(0);
      expect(checks.filter((c) => !c.holds)).toEqual([]);
    }
  });
});

describe("the kernels", () => {
  it("are small files that name their scenario and what it must give", () => {
    for (const p of kernels.profiles) {
      if (p.base === undefined) continue;
      expect(library.map((s) => s.id)).toContain(p.scenario);
      expect(p.expects?.length ?? 0).toBeGreaterThan(0);
      expect(p.subtitle ?? "").not.toBe("");
    }
    for (const folder of ["releases", "variants"]) {
      const dir = join(root, "src/engine", folder);
      for (const file of readdirSync(dir).filter((name) => /^\w+\.ts$/.test(name)))
        expect(readFileSync(join(dir, file), "utf8").split("\n").length, file).toBeLessThanOrEqual(90);
    }
  });
  it("are known by their ids, newest first", () => {
    expect(kernels.newest).toBe("linux-7.2");
    expect(kernels.resolve("linux-9.9", true)).toBeUndefined();
    for (const k of FOUR) expect(kernels.ids).toContain(k);
  });
  it("have nesting in scenarios only where it was not released", () => {
    expect(kernels.resolve("linux-6.12", false)?.features.uapi_release).toBeLessThan(
      kernels.resolve("linux-6.12", true)?.features.uapi_release ?? 0,
    );
    expect(kernels.resolve("linux-7.2", false)?.features).toEqual(kernels.resolve("linux-7.2", true)?.features);
  });
});

const first = (id: string, ...ids: string[]): number => compare(ids.map((k) => start(scenario(id), k))).firstDifference;

describe("the probes of discussion 0", () => {
  it("shows in compare as a first difference, and as none between a kernel and itself", () => {
    expect(first("sw-msi-nested", ...FOUR)).toBe(3);
    expect(first("sw-msi-nested", "linux-6.11", "linux-7.2")).toBe(9);
    expect(first("sw-msi-q2", "linux-6.11", "linux-7.2")).toBe(0);
    expect(first("sw-msi-q6", "linux-6.11", "linux-6.12")).toBe(9);
    expect(first("sw-msi-q10", "sw-msi-at-alloc-2024-07", "linux-7.2")).toBe(3);
    expect(first("sw-msi-nested", "linux-7.2", "linux-7.2")).toBe(0);
  });
});
