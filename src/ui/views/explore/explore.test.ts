import { expect, test, vi } from "vitest";
import type { ExploreFound, ExploreOptions, ExploreProgress } from "../../../engine/explore/protocol.ts";
import type { ExploreConnection } from "../../engine/client.ts";
import { foundText, noneMeaning, noneText, progressText, toggled } from "./model.ts";
import { Exploration } from "./search.ts";

const progress = (part: Partial<ExploreProgress> = {}): ExploreProgress => ({
  states: 1234,
  edges: 5678,
  depth: 6,
  bytes: 3 << 20,
  expanded: 400,
  complete: 5,
  exhausted: false,
  done: false,
  ...part,
});

const found: ExploreFound = {
  text: "title: t\n",
  steps: [{ actor: "vmm", text: "IOMMU_IOAS_ALLOC" }],
  says: [],
  invariant: null,
  shownBy: null,
};

const options: ExploreOptions = {
  machine: "plain",
  invariants: [{ id: "a", title: "A", says: "A holds." }],
  ops: [],
  vstes: [],
  devices: [],
  blocks: [],
  given: 0,
  start: {
    counts: { ioas: 1, hwpt: 0, parent: 0, viommu: 0, nested: 0, vdevice: 0, fault: 0 },
    ops: [],
    vstes: [],
    devices: [],
    blocks: [],
  },
};

test("words", () => {
  expect(progressText(progress(), 610.4)).toBe("depth 6: 1,234 states, 5,678 steps tried, 610 states/s, 3 MiB");
  expect(foundText(found)).toBe("shortest difference: 1 step");
  expect(foundText({ ...found, steps: [...found.steps, ...found.steps], invariant: "x" })).toBe(
    "shortest violation: 2 steps",
  );
  expect(noneText(progress())).toBe("none within depth 5 (1,234 states)");
});

test("what none means: up to a depth, in all, or as far as it went", () => {
  const look = { kind: "difference", kernels: ["a", "b"] } as const;
  expect(noneMeaning(look, progress(), false)).toMatch(/of up to 5 steps .* Longer ones were not tried\.$/);
  expect(noneMeaning(look, progress({ exhausted: true }), false)).toMatch(/no sequence in this world .* was tried\.$/);
  expect(noneMeaning(look, progress({ exhausted: true }), true)).toMatch(/up to 5 steps .* was stopped\.$/);
  expect(noneMeaning({ kind: "violation", kernel: "a", invariants: ["x"] }, progress(), false)).toMatch(
    /^On a .* breaks the invariant\./,
  );
});

test("a choice keeps the order in which it is offered", () => {
  expect(toggled(["a", "b", "c"], ["c"], "a")).toEqual(["a", "c"]);
  expect(toggled(["a", "b", "c"], ["a", "c"], "a")).toEqual(["c"]);
});

function fake(answers: ExploreProgress[], result: ExploreFound | null): { made: Exploration; slices: number[] } {
  const slices: number[] = [];
  const api: ExploreConnection["api"] = {
    options: () => Promise.resolve({ ok: true, value: options }),
    begin: (plan) => Promise.resolve(plan.depth > 9 ? { ok: false, problem: { message: "too deep" } } : { ok: true }),
    advance: (states) => {
      slices.push(states);
      const answer = answers.shift() ?? progress({ done: true });
      return new Promise((give) => setTimeout(() => give(answer), 2));
    },
    found: () => Promise.resolve(result),
    refused: () => Promise.resolve([]),
    report: () => Promise.resolve(null),
  };
  return { made: new Exploration(["a", "b"], () => ({ api, close: vi.fn() })), slices };
}

test("slices until the end, then what was found", async () => {
  const { made, slices } = fake([progress(), progress({ depth: 7 }), progress({ done: true })], found);
  await made.load(null);
  await made.start();
  expect(slices).toHaveLength(3);
  expect(made.store.getState().phase).toMatchObject({ name: "found", found });
  expect(made.store.getState().asked).toEqual({ kind: "difference", kernels: ["a", "b"] });
});

test("a stop is heard between two slices and says how far it went", async () => {
  const { made } = fake(
    Array.from({ length: 50 }, () => progress()),
    null,
  );
  await made.load(null);
  const run = made.start();
  await vi.waitFor(() => expect(made.store.getState().phase).toMatchObject({ progress: { depth: 6 } }));
  made.stop();
  await run;
  expect(made.store.getState().phase).toMatchObject({ name: "none", stopped: true, progress: { complete: 5 } });
});

test("a refused plan is a sentence, and the form stays", async () => {
  const { made } = fake([], null);
  await made.load(null);
  made.store.setState({ depth: 12 });
  await made.start();
  expect(made.store.getState().phase).toEqual({ name: "refused", why: "too deep" });
  expect(made.store.getState().options).toBe(options);
});
