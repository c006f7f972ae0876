import { expect, test } from "vitest";
import { compressor } from "../../cli/engine.ts";
import { Engine } from "../../engine/api.ts";
import { MACHINE_SOURCES } from "../../engine/sim/machine_sources.ts";
import { kernels, library } from "../../engine/testing/scenarios.ts";
import { Session } from "./session.ts";
import { createLabStore } from "./state.ts";
import { cutAfter, movedStep, stepTexts } from "./step_text.ts";

async function started(): Promise<Session> {
  const engine = new Engine({ kernels, machines: MACHINE_SOURCES, scenarios: library, compressor });
  const session = new Session(createLabStore(), () => ({ api: engine, close: () => undefined }));
  await session.start("");
  await settled(session);
  session.seek(9);
  await settled(session);
  return session;
}

const settled = (session: Session): Promise<void> =>
  new Promise((resolve) => {
    const stop = session.watchBusy((busy) => {
      if (busy) return;
      queueMicrotask(() => stop());
      resolve();
    });
  });

const MAP = "vmm IOMMU_IOAS_MAP ioas=I iova=0x9000000 len=64K va=MORE RW";

test("edits, branches and views are taken back in their order and done again; fast keys lose none", async () => {
  const session = await started();
  const { editing, store } = session;
  const seen = (): unknown => {
    const { opened, branch, branches, kernel, step, stage } = store.getState();
    return [
      opened?.text,
      opened?.scenario.id,
      branch,
      branches.map((b) => [b.id, b.name, b.text]),
      kernel,
      step,
      stage,
    ];
  };
  const states = [seen()];
  const did = async (work: () => unknown): Promise<void> => {
    await work();
    states.push(seen());
  };
  await did(() => editing.change({ kind: "insert", after: 9, text: MAP }));
  await did(() => editing.branchHere(false));
  await did(() => editing.change({ kind: "insert", after: 10, text: MAP }));
  await did(() => editing.rename("b1", "twice"));
  await did(() => editing.switchTo("main"));
  await did(() => editing.close("b1"));
  await did(() => store.setState({ stage: ["machine"] }));
  expect(store.getState().undo).toEqual({ back: true, again: false });
  await Promise.all(states.slice(1).map(() => editing.back()));
  expect(seen()).toEqual(states[0]);
  expect(store.getState().undo).toEqual({ back: false, again: true });
  for (const state of states.slice(1)) {
    expect(await editing.again()).toBe(true);
    expect(seen()).toEqual(state);
  }
  expect(await editing.again()).toBe(false);
});

test("a refused change leaves everything as it was, undo too", async () => {
  const { editing, store } = await started();
  const before = store.getState();
  expect(await editing.change({ kind: "delete", step: 3 }, false)).not.toBeNull();
  expect(await editing.change({ kind: "text", text: "title: x" }, false)).toMatchObject({ line: 1 });
  expect(store.getState()).toBe(before);
});

test("a step that the kernel refuses is there, and can be dropped", async () => {
  const { editing, store } = await started();
  const { text } = store.getState().opened ?? { text: "" };
  await editing.put("vmm IOMMU_IOAS_MAP ioas=I iova=0x1001 len=64K va=MORE RW");
  expect([store.getState().refused, store.getState().step]).toEqual([10, 10]);
  expect(store.getState().frame?.why.entries[store.getState().frame?.why.opened ?? -1]?.t).toBe("check");
  await editing.drop();
  expect([store.getState().refused, store.getState().opened?.text]).toEqual([null, text]);
});

test("breakpoints go with their steps", async () => {
  const { editing, store } = await started();
  store.setState({ breakpoints: [4, 12] });
  await editing.change({ kind: "insert", after: 9, text: MAP });
  expect(store.getState().breakpoints).toEqual([4, 13]);
  await editing.change({ kind: "move", from: 4, to: 6 });
  expect(store.getState().breakpoints).toEqual([6, 13]);
  await editing.change({ kind: "delete", step: 6 }, false);
  expect(store.getState().breakpoints).toEqual([12]);
});

test("where steps stand in a text", () => {
  const text = "title: x\n\ngiven vmm A = B\n  note no step\n\nvmm C\n  note a\n  note b\n  expect ok\ndevice D1 MSI\n";
  expect(stepTexts(text)).toEqual([
    { line: 6, text: "vmm C", note: "a b" },
    { line: 10, text: "device D1 MSI", note: "" },
  ]);
  expect(cutAfter(text, 1)).toBe(text.slice(0, text.indexOf("device")));
  expect(cutAfter(text, 2)).toBe(text);
  expect([1, 2, 3, 4].map((s) => movedStep({ kind: "move", from: 2, to: 4 }, 0, s))).toEqual([1, 4, 2, 3]);
  expect([1, 2, 3].map((s) => movedStep({ kind: "delete", step: 2 }, -1, s))).toEqual([1, undefined, 2]);
});
