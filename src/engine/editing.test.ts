import { expect, test } from "vitest";
import { compressor } from "../cli/engine.ts";
import { Engine } from "./api.ts";
import type { Answer, Change, Edited } from "./protocol.ts";
import { MACHINE_SOURCES } from "./sim/machine_sources.ts";
import { kernels, library } from "./testing/scenarios.ts";

const OLD = "linux-6.11";
const NEW = "linux-7.2";

const engine = (): Engine => new Engine({ kernels, machines: MACHINE_SOURCES, scenarios: library, compressor });
const problem = (answer: Answer<unknown>): string => (answer.ok ? "" : answer.problem.message);
function value<T>(answer: Answer<T>): T {
  if (!answer.ok) throw new Error(answer.problem.message);
  return answer.value;
}
async function opened(): Promise<Engine> {
  const e = engine();
  value(await e.open({ id: "sw-msi-nested" }));
  await e.landmarks([OLD, NEW]);
  return e;
}
const edit = async (e: Engine, change: Change): Promise<Edited> => value(await e.edit(change, [OLD, NEW]));

/** All that is seen of a scenario. */
async function picture(e: Engine, steps: number): Promise<unknown[]> {
  const out: unknown[] = [];
  for (const kernel of [OLD, NEW]) {
    for (let n = 0; n <= steps; n++) out.push(value(await e.frame(kernel, n)));
    out.push(value(await e.landmarks([kernel])));
  }
  out.push(value(await e.lanes([OLD, NEW])));
  return out;
}

test("what is seen after edits is what a fresh engine shows of the same text", async () => {
  const e = await opened();
  const line = "vmm IOMMU_IOAS_MAP ioas=I iova=0x9000000 len=64K va=MORE RW";
  const changes: Change[] = [
    { kind: "insert", after: 16, text: line },
    { kind: "move", from: 17, to: 5 },
    { kind: "replace", step: 5, text: "vmm IOMMU_IOAS_MAP ioas=I iova=0x9000000 len=4K va=MORE RW" },
    { kind: "delete", step: 11 },
    { kind: "insert", after: 0, text: "admin RESERVED_REGIONS D1\n  note Before anything." },
    { kind: "note", step: 3, note: "Mine." },
  ];
  for (const change of changes) {
    const { text, steps } = await edit(e, change);
    const fresh = engine();
    expect(value(await fresh.open({ text })).steps).toBe(steps);
    expect(await picture(e, steps)).toEqual(await picture(fresh, steps));
  }
});

test("only the steps after the change run again, and an edited scenario has no name but its text", async () => {
  const e = await opened();
  const first = await edit(e, { kind: "insert", after: 15, text: "vmm IOMMU_IOAS_IOVA_RANGES ioas=I" });
  expect([first.same, first.at, first.steps, first.scenario.id]).toEqual([15, 16, 20, ""]);
  const noted = await edit(e, { kind: "note", step: 2, note: "A remark\nin two lines" });
  expect([noted.same, noted.steps]).toEqual([20, 20]);
  expect(noted.text).toContain("  note A remark in two lines\n");
  const back = await edit(e, { kind: "note", step: 2, note: "" });
  const gone = await edit(e, { kind: "delete", step: 16 });
  expect([back.text, gone.scenario.id, gone.same]).toEqual([first.text, "sw-msi-nested", 15]);
});

test("a bad line is refused with its column; a name that would be missing with its step; nothing has changed", async () => {
  const e = await opened();
  const before = await picture(e, 19);
  const bad = await e.edit({ kind: "replace", step: 4, text: "vmm IOMMU_IOAS_MAP ioas=I iova=banana" }, [OLD]);
  expect(bad).toEqual({
    ok: false,
    problem: { message: '"banana" is no number of 64 bits for iova', line: 1, column: 32 },
  });
  expect(problem(await e.edit({ kind: "delete", step: 3 }, [OLD]))).toMatch(
    /^Step 5 would no longer hold \(vmm V = IOMMU_VIOMMU_ALLOC .*\): P is not named above/,
  );
  expect(problem(await e.edit({ kind: "move", from: 3, to: 1 }, [OLD]))).toMatch(/I is not named above/);
  expect(problem(await e.edit({ kind: "delete", step: 20 }, [OLD]))).toBe("There is no step 20: the scenario has 19.");
  expect(problem(await e.edit({ kind: "delete", step: 1, count: 19 }, [OLD]))).toBe(
    "A scenario keeps at least one step.",
  );
  expect(problem(await e.edit({ kind: "insert", after: 99, text: "admin RESERVED_REGIONS D1" }, [OLD]))).toMatch(
    /step 99/,
  );
  const text = await e.edit({ kind: "text", text: "title: x\nmachine: plain\nkernels: linux-7.2\n\nvmm FOO" }, [OLD]);
  expect(text.ok ? null : [text.problem.line, text.problem.column]).toEqual([5, 5]);
  expect(await picture(e, 19)).toEqual(before);
});

test("branches share their beginning, are compared, switched and closed; runs are found again", async () => {
  const e = await opened();
  const main = value(await e.open({ id: "sw-msi-nested" }));
  const short = main.text.slice(0, main.text.indexOf("vmm VFIO_DEVICE_SET_IRQS D1"));
  const both = [
    { id: "main", name: "main", text: main.text },
    { id: "b1", name: "no interrupt", text: short },
  ];
  const on = value(await e.setBranches(both, "b1", [OLD], "sw-msi-nested"));
  expect(on.branches.map((b) => [b.id, b.steps, b.shared])).toEqual([
    ["main", 19, 9],
    ["b1", 9, 9],
  ]);
  expect([on.branch, on.steps, on.same, on.scenario.id]).toEqual(["b1", 9, 9, ""]);
  const grown = await edit(e, { kind: "insert", after: 9, text: "vmm VFIO_DEVICE_DETACH_IOMMUFD_PT D1" });
  expect(grown.branches.map((b) => b.steps)).toEqual([19, 10]);

  const lanes = value(await e.lanes([OLD, `${OLD}@main`]));
  expect(lanes.map((l) => [l.kernel, l.cells.length, l.firstDifference])).toEqual([
    [OLD, 19, 0],
    [`${OLD}@main`, 19, 10],
  ]);
  const compared = value(await e.compare([OLD, `${OLD}@main`], 8, 12));
  expect(compared.rows.map((r) => r.differs)).toEqual([false, true, true, true]);
  expect(compared.rows[1]?.cells[1]?.facts[0]?.text).toBe("vmm VFIO_DEVICE_SET_IRQS D1 index=MSI");
  expect(compared.rows[2]?.cells[0]?.result).toBe("no step");
  const other = value(await e.frame(`${OLD}@main`, 19));
  expect([other.kernel, other.steps.length]).toEqual([`${OLD}@main`, 19]);
  expect(value(await e.frame(`${OLD}@b1`, 19)).step).toBe(10);

  const back = value(await e.setBranches([both[0] ?? { id: "", name: "", text: "" }], "main", [OLD], "sw-msi-nested"));
  expect([back.scenario.id, back.steps, back.branches.length]).toEqual(["sw-msi-nested", 19, 1]);
  const fresh = await opened();
  expect(await picture(e, 19)).toEqual(await picture(fresh, 19));
  expect(problem(await e.setBranches(both, "b2", [OLD], ""))).toBe('There is no branch "b2".');
});

test("everything that is offered can be inserted, and gives what was said", async () => {
  const e = await opened();
  const asked: string[] = [];
  for (const ref of ["dev:D1", "dev:D2", "ioas:2", "hwpt:3", "hwpt:6", "viommu:4", "area:2:0x40000000", "fd:3"]) {
    const offered = value(await e.actions(NEW, 18, ref));
    expect(offered.length, ref).toBeGreaterThan(0);
    for (const a of offered) {
      asked.push(a.line);
      const now = await edit(e, { kind: "insert", after: 18, text: a.line });
      const step = value(await e.steps(NEW))[18];
      expect([a.line, step?.outcome === "ok"]).toEqual([a.line, a.ok]);
      expect(now.steps).toBe(20);
      await edit(e, { kind: "delete", step: 19 });
    }
  }
  expect(asked).toContain("vmm IOMMU_IOAS_UNMAP ioas=I iova=0x40000000 len=2M");
  const drag = value(await e.actions(OLD, 16, "dev:D1", { onto: "hwpt:3" }));
  expect(drag.map((d) => [d.line, d.result])).toEqual([["vmm VFIO_DEVICE_ATTACH_IOMMUFD_PT D1 pt=P", "EADDRINUSE"]]);
  const range = { start: 0x9000000n, last: 0x900ffffn };
  expect(value(await e.actions(NEW, 4, "ioas:2", { range })).map((d) => d.line)).toEqual([
    "vmm IOMMU_IOAS_MAP ioas=I iova=0x9000000 len=64K va=RAM RW",
  ]);
});

test("completion knows the place; the first mistake is told as one writes", async () => {
  const e = await opened();
  const { text } = value(await e.open({ id: "sw-msi-nested" }));
  const at = async (line: string, after = ""): Promise<string[]> => {
    const whole = `${text}${line}`;
    const found = value(await e.complete(`${whole}${after}`, whole.length));
    expect(whole.slice(found.from, whole.length)).toBe(/[^\s|,=:]*$/.exec(line)?.[0]);
    return found.items.map((i) => i.text);
  };
  expect(await at("v")).toEqual(["vmm", "device", "given"]);
  expect((await at("vmm IOAS_M"))[0]).toBe("IOMMU_IOAS_MAP");
  expect(await at("vmm X = HWPT_ALLOC ")).toEqual(expect.arrayContaining(["dev=", "pt=", "flags="]));
  expect((await at("vmm X = HWPT_ALLOC dev="))[0]).toBe("D1");
  expect((await at("vmm X = HWPT_ALLOC dev=D1 pt=")).slice(0, 4)).toEqual(["I", "P", "V", "N"]);
  expect(await at("vmm X = HWPT_ALLOC dev=D1 flags=NEST")).toEqual(["NEST_PARENT"]);
  expect(await at("vmm IOAS_MAP ioas=I va=")).toEqual(["RAM", "BUF", "MORE"]);
  expect(await at("device ")).toEqual(["D1", "D2"]);
  expect(await at("device D1 D")).toContain("DMA");
  expect(await at("guest S1_MAP ")).toContain("T");
  expect(await at("vmm IOMMU_IOAS_ALLOC\n  expect linux-7")).toEqual(["linux-7.2:"]);
  expect(await at("vmm IOMMU_IOAS_ALLOC\n  expect EADDRIN")).toContain("EADDRINUSE");

  const bad = value(await e.complete(`${text}vmm IOAS_MAPP ioas=I`, 0));
  expect(bad.problem?.message).toMatch(/^vmm knows no operation "IOAS_MAPP"/);
  expect([bad.problem?.line, bad.problem?.column]).toEqual([text.split("\n").length, 5]);
  expect(value(await e.complete(text, 0)).problem).toBeNull();
  const machine = value(await e.complete(text.replace("machine: plain", "machine: plane"), 0));
  expect(machine.problem?.message).toBe('machine "plane" is unknown');
});
