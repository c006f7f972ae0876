import { describe, expect, it } from "vitest";
import { compressor } from "../cli/engine.ts";
import { Engine } from "./api.ts";
import type { Answer } from "./protocol.ts";
import { MACHINE_SOURCES } from "./sim/machine_sources.ts";
import { machines } from "./sim/machines.ts";
import { fixture } from "./testing/fixtures.ts";
import { kernels, library } from "./testing/scenarios.ts";

const engine = (): Engine => new Engine({ kernels, machines: MACHINE_SOURCES, scenarios: library, compressor });
const problem = (answer: Answer<unknown>): string => (answer.ok ? "" : answer.problem.message);
function value<T>(answer: Answer<T>): T {
  if (!answer.ok) throw new Error(answer.problem.message);
  return answer.value;
}

describe("the engine", () => {
  it("lists kernels, machines and scenarios", async () => {
    const c = await engine().catalogue();
    expect(c.kernels.map((k) => k.id)).toContain("sw-msi-at-alloc-2024-07");
    expect(c.kernels.find((k) => k.id === "sw-msi-at-alloc-2024-07")?.objections.length).toBeGreaterThan(1);
    expect(c.machines.map((m) => m.id)).toEqual(expect.arrayContaining(["plain", "plain-resv", "acpi-rmr", "gicv2m"]));
    expect(c.scenarios.length).toBe(library.length);
    expect(structuredClone(c)).toEqual(c);
  });

  it("answers with plain data that a worker can send", async () => {
    const e = engine();
    const opened = value(await e.open({ id: "sw-msi-nested" }));
    for (let n = 0; n <= opened.steps; n++) {
      const frame = value(await e.frame("linux-6.11", n));
      expect(structuredClone(frame)).toEqual(frame);
      expect(frame.steps.length).toBe(opened.steps);
    }
    const lanes = value(await e.lanes(opened.scenario.kernels));
    expect(structuredClone(lanes)).toEqual(lanes);
    const walk = value(await e.walk("linux-6.11", opened.steps, "D1", 0x1000n, false));
    expect(structuredClone(walk)).toEqual(walk);
    const seen = value(await e.inspect("linux-6.11", 3, "step:3"));
    expect(structuredClone(seen)).toEqual(seen);
  });

  it("names every machine, and fetches the one that a scenario asks for", async () => {
    expect(MACHINE_SOURCES.map(({ id, title }) => ({ id, title }))).toEqual(
      machines().map(({ id, title }) => ({ id, title })),
    );
    expect(await Promise.all(MACHINE_SOURCES.map((m) => m.load()))).toEqual(machines());
    const e = engine();
    const text = "title: x\nkernels: linux-7.2\nmachine: gicv2m\nvmm OPEN";
    expect(value(await e.open({ text })).scenario.machine).toBe("gicv2m");
  });

  it("opens what was asked for last, whichever machine arrives first", async () => {
    const e = engine();
    const slow = e.open({ text: "title: slow\nkernels: linux-7.2\nmachine: mfrp\nvmm OPEN" });
    const fast = e.open({ text: "title: fast\nkernels: linux-7.2\nmachine: plain\nvmm OPEN" });
    expect(value(await fast).scenario.title).toBe("fast");
    expect(problem(await slow)).toBe("Another scenario was opened meanwhile.");
    expect(value(await e.frame("linux-7.2", 0)).steps.length).toBe(1);
  });

  it("gives the same frame again without running anything", async () => {
    const e = engine();
    await e.open({ id: "sw-msi-nested" });
    expect(value(await e.frame("linux-7.2", 9))).toBe(value(await e.frame("linux-7.2", 9)));
  });

  it("opens its own text form, and gives it back in canonical form", async () => {
    const e = engine();
    const first = value(await e.open({ id: "sw-msi-q3" }));
    const again = value(await e.open({ text: `# mine\n${first.text.replace("pt=H", "pt=3")}` }));
    expect(again.scenario.id).toBe("");
    expect(again.text).toBe(first.text.replace("pt=H", "pt=3"));
  });

  it("keeps the open scenario when another is broken", async () => {
    const e = engine();
    await e.open({ id: "sw-msi-q3" });
    const before = value(await e.frame("linux-7.2", 4));
    expect(problem(await e.open({ text: "title: x" }))).toMatch(/^line 2, column 1: |^line 1, column 1: /);
    expect(problem(await e.open({ text: "{" }))).toContain("JSON");
    expect(problem(await e.open({ id: "nothing" }))).toBe('There is no scenario "nothing" in the library.');
    const head = "title: x\nkernels: linux-7.2\n";
    expect(problem(await e.open({ text: `${head}machine: moon\nvmm OPEN` }))).toContain('machine "moon"');
    expect(problem(await e.open({ text: "title: x\nkernels: linux-1.0\nmachine: plain\nvmm OPEN" }))).toContain(
      "linux-1.0",
    );
    expect(problem(await e.open({ text: `${head}machine: plain\ndevice: D9 0000:99:00.0\nvmm OPEN` }))).toContain(
      "0000:99:00.0",
    );
    const bad = `${head}machine: plain\ngiven vmm IOMMU_DESTROY id=5\nvmm OPEN`;
    expect(problem(await e.open({ text: bad }))).toContain("IOMMU_DESTROY fails with ENOENT");
    expect(value(await e.frame("linux-7.2", 4))).toBe(before);
  });

  it("refuses what is not there in one sentence", async () => {
    const e = engine();
    expect(problem(await e.frame("linux-7.2", 0))).toBe("No scenario is open.");
    await e.open({ id: "sw-msi-q3" });
    expect(problem(await e.frame("linux-7.2", 6))).toContain("there is no step 6");
    expect(problem(await e.frame("linux-7.2", 0.5))).toContain("no step 0.5");
    expect(problem(await e.frame("linux-0", 1))).toContain('no kernel "linux-0"');
    expect(problem(await e.walk("linux-7.2", 1, "D7", 0n, true))).toContain('"D7"');
    expect(problem(await e.inspect("linux-7.2", 1, "hwpt:9"))).toBe("There is no hwpt 9 after step 1.");
    expect(problem(await e.lanes(["linux-7.2", "linux-0"]))).toContain("linux-0");
  });

  it("opens a recorded trace: every picture of it, each record's agreement, other kernels beside it", async () => {
    const e = engine();
    const file = { name: "b.jsonl", text: fixture("traces/arm/b.jsonl") };
    const opened = value(await e.openFiles([file]));
    expect(opened).toMatchObject({ text: "", scenario: { title: "b.jsonl", kernels: ["linux-7.2"] } });
    for (const n of [0, 7, opened.steps]) {
      const frame = value(await e.frame("linux-7.2", n));
      expect(structuredClone(frame)).toEqual(frame);
    }
    const kinds = value(await e.steps("linux-7.2")).map((s) => s.agreement?.kind);
    expect(kinds).toContain("agrees");
    expect(kinds).not.toContain("differs");
    expect(value(await e.lanes(["linux-7.2", "linux-6.15"])).length).toBe(2);
    const bad = await e.openFiles([{ name: "x.jsonl", text: '{"t":"header"}\n{"t":7}' }]);
    expect(problem(bad)).toMatch(/^record 2: .*\.$/);
    expect((await e.frame("linux-7.2", opened.steps)).ok).toBe(true);
    expect(value(await e.openFiles([{ name: "q.lab", text: library[0]?.text ?? "" }])).steps).toBeGreaterThan(1);
  });

  it("makes links and reads them back; an unknown kernel or scenario is refused, never replaced", async () => {
    const e = engine();
    const state = {
      scenario: { id: "sw-msi-q3" },
      kernel: "linux-6.11",
      step: 2,
      view: { zoom: "0x8000000-0x80fffff" },
    };
    const link = await e.makeLink(state);
    expect(value(await e.readLink(`#${link}`))).toEqual(state);
    expect(problem(await e.readLink(link.replace("sw-msi-q3", "sw-msi-q99")))).toContain("sw-msi-q99");
    expect(problem(await e.readLink(link.replace("linux-6.11", "linux-6.99")))).toContain("linux-6.99");
    const { text } = value(await e.open({ id: "sw-msi-nested" }));
    const long = await e.makeLink({ ...state, scenario: { text } });
    expect(long.length).toBeLessThan(3000);
    expect(value(await e.readLink(long)).scenario).toEqual({ text });
    expect(problem(await e.readLink(long.slice(0, 900)))).not.toBe("");
  });
});
