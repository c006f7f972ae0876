import { expect, it } from "vitest";
import { kernels, library } from "../../engine/testing/scenarios.ts";
import { scenarioInfo } from "../../engine/sim/library.ts";
import { parseScenario } from "../../engine/sim/scenario/parse.ts";
import { fits, kernelHay, scenarioGroups, scenarioHay } from "./groups.ts";

const infos = library.flatMap(({ id, text }) => {
  const read = parseScenario(text);
  return read.ok ? [scenarioInfo(id, read.value.scenario)] : [];
});

it("every scenario of the library stands in exactly one group, numbers in their order", () => {
  const groups = scenarioGroups(infos);
  expect(groups.flatMap((g) => g.scenarios.map((s) => s.id)).sort()).toEqual(infos.map((s) => s.id).sort());
  const titles = groups.map((g) => g.title);
  expect(new Set(titles).size).toBe(titles.length);
  const ids = groups[0]?.scenarios.map((s) => s.id) ?? [];
  expect(ids.indexOf("sw-msi-q9")).toBeLessThan(ids.indexOf("sw-msi-q10"));
  expect(groups.find((g) => g.title === "Single rules")?.scenarios.length ?? 0).toBeLessThan(infos.length / 4);
});

it("is found by its question, its kernels' titles, or whoever objected", () => {
  const titles = new Map(kernels.list().map((k) => [k.id, k.title]));
  const of = (text: string): string[] => infos.filter((s) => fits(scenarioHay(s, titles), text)).map((s) => s.id);
  expect(of("forgets vdevice")).toContain("replace-same-ioas-fails");
  expect(of("replace fix")).toContain("replace-same-ioas-fails");
  expect(of("xyzzy")).toEqual([]);
  expect(of(" ").length).toBe(infos.length);
  expect(kernels.list().filter((k) => fits(kernelHay(k), "kevin tian")).length).toBeGreaterThan(2);
});
