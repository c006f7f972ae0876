import { beforeEach, expect, test, vi } from "vitest";
import type { Remote } from "../engine/client.ts";
import { sample } from "../testing/sample.ts";
import { Session, sentence } from "./session.ts";
import { createLabStore } from "./state.ts";

let crash: (why: string) => void = () => undefined;
let closed = 0;
let broken: string | null = null;

/** The sample engine behind promises, as comlink gives it. */
const remote = new Proxy(sample, {
  get:
    (target, name) =>
    async (...args: unknown[]) => {
      if (broken === name) throw new Error("the model fell over");
      const method = Reflect.get(target, name) as (...a: unknown[]) => unknown;
      return method.apply(target, args);
    },
}) as unknown as Remote;

async function started(fragment = ""): Promise<Session> {
  const session = new Session(createLabStore(), (onCrash) => {
    crash = onCrash;
    return { api: remote, close: () => closed++ };
  });
  await session.start(fragment);
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

beforeEach(() => {
  broken = null;
  closed = 0;
});

test("opens the first scenario on its first kernel, at the step that fails, with the newest kernel as ghost", async () => {
  const { store } = await started();
  const s = store.getState();
  expect(s.phase.name).toBe("ready");
  expect([s.kernel, s.compare, s.step]).toEqual(["linux-6.11", "linux-7.2", 11]);
  expect(s.frame?.step).toBe(11);
  expect(s.ghost?.kernel).toBe("linux-7.2");
  expect(s.walk.value?.rows.length).toBeGreaterThan(0);
  expect(s.inspected.value?.title).toBe("STE 0x18");
  expect(s.lanes.map((l) => l.kernel)).toEqual(["linux-6.11", "sw-msi-at-alloc-2024-07", "linux-6.12", "linux-7.2"]);
  expect(s.spoken).toContain("F_TRANSLATION");
});

test("a link is followed; a broken one is one sentence and changes nothing", async () => {
  const session = await started("v=1&s=sw-msi-nested&k=linux-7.2&n=13&x.c=none&x.z=0x8000000-0x80fffff");
  await settled(session);
  const before = session.store.getState();
  expect([before.kernel, before.compare, before.step]).toEqual(["linux-7.2", null, 13]);
  expect(before.window).toEqual({ lo: 0x8000000n, hi: 0x8100000n });
  for (const fragment of [
    "",
    "v=1&s=other&k=linux-7.2&n=1",
    "v=1&s=sw-msi-nested&k=linux-1.0&n=1",
    "v=1&s=sw-msi-nested&k=linux-7.2&n=99",
    "v=1&s=sw-msi-nested&k=linux-7.2&n=1&x.z=7",
  ]) {
    expect(await session.follow(fragment)).toBe(false);
    const { notice, ...rest } = session.store.getState();
    expect(notice).toMatch(/^[A-Z].*\.$/);
    const { notice: _, ...old } = before;
    expect(rest).toEqual(old);
  }
});

test("seeking stays inside the scenario; failures are found in both directions", async () => {
  const session = await started();
  session.seek(99);
  await settled(session);
  expect(session.store.getState().step).toBe(19);
  session.seekFailure(-1);
  await settled(session);
  expect(session.store.getState().step).toBe(17);
  session.seek(-5);
  await settled(session);
  expect(session.store.getState().step).toBe(0);
  session.seekFailure(1);
  await settled(session);
  expect(session.store.getState().step).toBe(11);
});

test("choosing the ghost as the kernel makes the old kernel the ghost", async () => {
  const session = await started();
  session.setKernel("linux-7.2");
  await settled(session);
  const s = session.store.getState();
  expect([s.kernel, s.compare]).toEqual(["linux-7.2", "linux-6.11"]);
  expect(s.lanes[0]?.kernel).toBe("linux-7.2");
});

test("what the inspector does not know is said, and the selection can be cleared", async () => {
  const session = await started();
  session.select("nothing:1");
  await settled(session);
  expect(session.store.getState().inspected).toEqual({ value: null, problem: "Nothing is known of it." });
  session.select(null);
  await settled(session);
  expect(session.store.getState().inspected.value?.title).toBe("STE 0x18");
});

test("a throw in the model and an end of the worker are shown; starting again comes back to the same place", async () => {
  const session = await started();
  session.seek(4);
  await settled(session);
  broken = "walk";
  session.aim({ device: "D1", iova: 0n, write: true });
  await settled(session);
  expect(session.store.getState().phase).toEqual({ name: "crashed", why: "the model fell over" });
  broken = null;
  await session.restart();
  expect(closed).toBe(1);
  expect(session.store.getState().phase.name).toBe("ready");
  expect(session.store.getState().step).toBe(4);
  crash("it ended");
  expect(session.store.getState().phase).toEqual({ name: "crashed", why: "it ended" });
});

test("running stops at a breakpoint and at the end", async () => {
  vi.useFakeTimers();
  try {
    const session = await started();
    session.seek(15);
    await settled(session);
    session.store.setState({ breakpoints: [17] });
    session.runner.run();
    for (let i = 0; i < 5; i++) await vi.advanceTimersByTimeAsync(1000);
    expect([session.store.getState().step, session.store.getState().running]).toEqual([17, false]);
    session.runner.run();
    for (let i = 0; i < 5; i++) await vi.advanceTimersByTimeAsync(1000);
    expect([session.store.getState().step, session.store.getState().running]).toEqual([19, false]);
  } finally {
    vi.useRealTimers();
  }
});

test("a problem is written with its place", () => {
  expect(sentence({ message: "Unknown key", line: 3, column: 7 })).toBe("Line 3, column 7: Unknown key.");
  expect(sentence({ message: "It is short.", record: 12 })).toBe("Record 12: It is short.");
  expect(sentence({ message: "No." })).toBe("No.");
});
