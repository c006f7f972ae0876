import { describe, expect, it } from "vitest";
import { kernels, library, scenario, start } from "../../engine/testing/scenarios.ts";
import { frameOf } from "../../engine/views/pictures.ts";
import { seenText, type Run } from "../../engine/sim/run.ts";
import { printScenario } from "../../engine/sim/scenario/print.ts";
import { isView } from "../app/stage.ts";
import { tours } from "./all.ts";
import { TOURS } from "./list.ts";
import type { Fact, Stop } from "./types.ts";

const runs = new Map<string, Run>();

function run(id: string, kernel: string): Run {
  const key = `${id} ${kernel}`;
  let found = runs.get(key);
  if (found === undefined) {
    const what = scenario(id);
    found = start(what, kernel);
    runs.set(key, found);
  }
  return found;
}

/** The lines of the steps, without actor and label: `IOMMU_IOAS_MAP ioas=I iova=...`. */
function lines(id: string): string[] {
  const text = printScenario(scenario(id));
  return text
    .split("\n")
    .filter((line) => /^(vmm|guest|device|admin) /.test(line))
    .map((line) => line.replace(/^\w+ /, "").replace(/^\w+ = /, ""));
}

/** What is not so, in words; null when all of it holds. */
function wrong(id: string, { kernel, step, check }: Fact): string | null {
  const result = run(id, kernel).results[step - 1];
  if (result === undefined) return `step ${step} does not exist`;
  for (const part of check.split(" ")) {
    const [key, value] = part.includes("=")
      ? [part.slice(0, part.indexOf("=")), part.slice(part.indexOf("=") + 1)]
      : ["errno", part];
    const seen = seenText(result.seen[key]);
    if (seen !== value) return `${kernel}, step ${step}: ${part}, but ${key} is ${seen}`;
  }
  return null;
}

const all = TOURS.map(({ id }) => tours[id]);
const stops: [string, Stop][] = all.flatMap((t) => t.stops.map((s): [string, Stop] => [`${t.id}/${s.id}`, s]));

describe.each(all.map((t) => [t.id, t] as const))("the tour %s", (id, tour) => {
  it("asks, shows a world, plays alternatives, objects, says what was merged, and lets decide", () => {
    const kinds = tour.stops.map((s) => s.kind);
    expect(kinds[0]).toBe("question");
    expect(kinds[1]).toBe("world");
    expect(kinds.at(-1)).toBe("decide");
    for (const [kind, least] of [
      ["alternative", 3],
      ["objection", 3],
      ["merged", 1],
    ] as const)
      expect(kinds.filter((k) => k === kind).length, kind).toBeGreaterThanOrEqual(least);
    expect(kinds.filter((k) => k === "decide").length).toBe(1);
    expect(new Set(tour.stops.map((s) => s.id)).size).toBe(tour.stops.length);
    expect(tour.title).toBe(TOURS.find((t) => t.id === id)?.title);
  });

  it("ends with the alternatives that it played beside each other", () => {
    const { columns = [] } = tour.stops.at(-1)?.at ?? {};
    expect(columns.length).toBeGreaterThanOrEqual(4);
    const told = new Set(tour.stops.flatMap((s) => [s.about, s.at.kernel, ...s.answers]));
    for (const kernel of columns) expect(told.has(kernel), kernel).toBe(true);
  });
});

it("the list of tours is complete", () => {
  expect(TOURS.map((t) => t.id).sort()).toEqual(Object.keys(tours).sort());
});

describe.each(stops)("stop %s", (name, stop) => {
  const { at } = stop;

  it("stands where it says", () => {
    expect(
      library.some((s) => s.id === at.scenario),
      at.scenario,
    ).toBe(true);
    for (const kernel of [at.kernel, at.compare, stop.about, ...stop.answers, ...(at.columns ?? [])])
      expect(kernel === undefined || kernels.ids.includes(kernel), `${kernel}`).toBe(true);
    for (const view of at.stage ?? []) expect(isView(view), view).toBe(true);
    expect(at.compare).not.toBe(at.kernel);
    expect(at.step === 0).toBe(at.op === undefined);
    if (at.op !== undefined) {
      const line = lines(at.scenario)[at.step - 1] ?? "";
      expect(line.includes(at.op), `${name}: step ${at.step} is ${line}`).toBe(true);
    }
    // Every kernel that it shows really plays the scenario.
    for (const kernel of [at.kernel, at.compare, ...stop.answers, ...(at.columns ?? [])])
      if (kernel !== undefined) expect(run(at.scenario, kernel).results.length).toBeGreaterThanOrEqual(at.step);
  });

  it("shows what it claims", () => {
    expect(stop.facts.map((f) => wrong(at.scenario, f)).filter((w) => w !== null)).toEqual([]);
    for (const f of stop.facts)
      expect([at.kernel, at.compare, ...stop.answers].includes(f.kernel), `${f.kernel} can be chosen`).toBe(true);
    if (stop.kind !== "question" && stop.kind !== "decide") expect(stop.facts.length).toBeGreaterThan(0);
  });

  it("objects in the words of the kernel's own data", () => {
    expect(stop.kind === "objection").toBe(stop.objection !== undefined);
    if (stop.objection === undefined) return;
    const { kernel, who } = stop.objection;
    const found = kernels.info(kernel)?.objections.filter((o) => o.who.startsWith(who)) ?? [];
    expect(
      found.map((o) => o.who),
      who,
    ).toHaveLength(1);
  });

  it("selects what is there", () => {
    if (at.select === undefined) return;
    const frame = frameOf(run(at.scenario, at.kernel), at.step, true, new Map());
    const refs = [
      ...frame.attachments.nodes.map((n) => n.ref),
      ...frame.addressSpace.bands.flatMap((b) => b.tracks.map((t) => t.ref)),
    ];
    expect(refs).toContain(at.select);
  });

  it("quotes nobody and is short enough to be read aloud", () => {
    const words = stop.text.join(" ");
    expect(words).not.toMatch(/["“”]/);
    expect(words.split(/\s+/).length).toBeLessThanOrEqual(110);
  });
});
