import { beforeAll, describe, expect, test } from "vitest";
import { loadKernels } from "../../cli/engine.ts";
import { PLAIN } from "../presets/plain.ts";
import type { Kernels } from "../sim/kernels.ts";
import { printStep } from "../sim/scenario/print.ts";
import { Explorer } from "./explorer.ts";
import { invariantById } from "./invariants/all.ts";
import type { Question } from "./question.ts";
import { server } from "./serve.ts";
import { type Hire, Team, type ToHelper } from "./team.ts";
import { type Counts, DEFAULT_UNIVERSE, type OpGroup, type Universe } from "./universe.ts";

let kernels: Kernels;
beforeAll(async () => {
  kernels = await loadKernels();
});

const D1 = { name: "D1", bdf: "0000:00:03.0" };
const LIKE_D1 = { name: "D2", bdf: "0000:00:04.1" };
const NONE: Counts = { ioas: 1, hwpt: 0, parent: 0, viommu: 0, nested: 0, vdevice: 0, fault: 1 };

function small(counts: Partial<Counts>, ops: OpGroup[], devices = [D1]): Universe {
  return { ...DEFAULT_UNIVERSE, devices, counts: { ...NONE, ...counts }, ops: ["bind", ...ops] };
}

function question(ids: string[], universe: Universe, depth: number, more: Partial<Question> = {}): Question {
  const profiles = ids.map((id) => kernels.resolve(id, true)).filter((p) => p !== undefined);
  return { universe, machine: PLAIN, kernels: profiles, invariants: [], depth, ...more };
}

/** What has to be the same, whoever did what. */
function came({ found, complete, exhausted, progress }: Explorer): object {
  const { states, edges, expanded } = progress;
  return {
    found: found && { ...found, steps: found.steps.map(printStep) },
    complete,
    exhausted,
    states,
    edges,
    expanded,
  };
}

function alone(q: Question): object {
  const explorer = Explorer.start(q);
  if (typeof explorer === "string") throw new Error(explorer);
  while (explorer.run(50));
  return came(explorer);
}

/** A worker in this one: messages are copied, and come later. */
const inside: Hire = (hear) => {
  let closed = false;
  const take = server(
    (id) => Promise.resolve(kernels.resolve(id, true)),
    (message) => void (closed || setImmediate(() => hear(structuredClone(message)))),
  );
  return { send: (message: ToHelper) => take(structuredClone(message)), close: () => void (closed = true) };
};

async function together(q: Question, hire: Hire = inside, workers = 2): Promise<{ came: object; helped: number }> {
  const team = Team.start(q, { hire, workers, from: 3, batch: 4 });
  if (typeof team === "string") throw new Error(team);
  let helped = 0;
  while (team.advance(3)) {
    helped = Math.max(helped, team.helpers);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { came: came(team.explorer), helped };
}

const nest = (): Universe => small({ hwpt: 1, parent: 1, viommu: 1, nested: 1 }, ["attach"]);

describe("two workers come to what one comes to", () => {
  test.each<[string, () => Question]>([
    ["a difference", () => question(["linux-6.11", "linux-6.12"], nest(), 8)],
    ["none", () => question(["linux-7.2", "linux-7.2"], small({ hwpt: 1 }, ["attach", "detach", "map", "irqs"]), 5)],
    [
      "a rule that breaks",
      () =>
        question(["linux-6.14"], small({ hwpt: 1 }, ["attach", "detach", "irqs", "msi"]), 8, {
          invariants: [invariantById("msi-keeps-working")].filter((i) => i !== undefined),
        }),
    ],
    ["the last state", () => question(["linux-7.2"], small({ ioas: 2 }, ["map", "unmap", "destroy"]), 50)],
    ["two devices of a kind", () => question(["linux-7.2"], small({}, ["attach", "detach", "irqs"], [D1, LIKE_D1]), 7)],
  ])("%s", async (_, ask) => {
    const { came: both, helped } = await together(ask());
    expect(both).toEqual(alone(ask()));
    expect(helped).toBe(1);
  });

  test("also with three of them", async () => {
    const q = question(["linux-6.11", "linux-6.12"], nest(), 8);
    expect((await together(q, inside, 4)).came).toEqual(alone(q));
  });
});

describe("without help it goes on alone", () => {
  const q = (): Question => question(["linux-7.2"], small({ hwpt: 1 }, ["attach", "detach", "map"]), 5);

  test("no workers are to be had", async () => {
    expect((await together(q(), () => null)).came).toEqual(alone(q()));
  });

  test("a worker dies over its first states", async () => {
    const dying: Hire = (hear) => {
      const starting = inside(hear);
      return (
        starting && {
          send: (message) => (message.kind === "start" ? starting.send(message) : void setImmediate(() => hear(null))),
          close: () => starting.close(),
        }
      );
    };
    expect((await together(q(), dying)).came).toEqual(alone(q()));
  });

  test("a worker whose names mean something else", async () => {
    const stranger: Hire = (hear) =>
      inside((message) => {
        if (message?.kind === "answer")
          for (const news of message.answer.news) for (const pair of news.shared) pair[1] = "another class";
        hear(message);
      });
    expect((await together(q(), stranger)).came).toEqual(alone(q()));
  });
});
