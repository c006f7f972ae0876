import { expect, it } from "vitest";
import { sample } from "../testing/sample.ts";
import { Session } from "./session.ts";
import { createLabStore } from "./state.ts";
import { readTourLink, readTourState, standsAt, writeTourState } from "./tours.ts";

it("a place in a tour is written and read back; others are refused in words", () => {
  for (const state of [
    { id: "sw-msi", stop: 0 },
    { id: "replace", stop: 12 },
    { id: null, stop: 0 },
  ] as const) {
    expect(readTourState(writeTourState(state))).toEqual(state);
    expect(readTourLink(`v=1&tour=${writeTourState(state)}`)).toEqual(state);
  }
  expect(readTourState(undefined)).toBeNull();
  expect(readTourState("sw-msi")).toEqual({ id: "sw-msi", stop: 0 });
  expect(readTourState("moon.3")).toBeNull();
  expect(readTourLink("v=1&tour=moon")).toContain('the tour "moon", which is not known here');
  expect(readTourLink("v=1&s=a&k=b&x.tour=sw-msi.2")).toBeNull();
});

it("goes from stop to stop, stays within the tour, and is left without touching the picture", async () => {
  const session = new Session(createLabStore(), () => ({ api: sample as never, close: () => undefined }));
  await session.start("");
  await session.tours.go("sw-msi", 2);
  const { store } = session;
  expect(store.getState()).toMatchObject({ tour: { id: "sw-msi", stop: 2 }, kernel: "linux-6.11", step: 9 });
  expect(store.getState().stage).toEqual(["attachments", "space", "walk"]);
  session.tours.move(-1);
  session.tours.move(-1);
  await session.tours.go("sw-msi", -5);
  expect(store.getState().tour?.stop).toBe(0);
  await session.tours.go("sw-msi", 99);
  const last = store.getState();
  expect(last.tour?.stop).toBe(14);
  expect(last.maximised).toBe("compare");
  expect(standsAt(last, { scenario: "sw-msi-nested", kernel: "linux-6.11", step: 9 })).toBe(true);
  session.seek(3);
  session.tours.leave();
  expect(store.getState().tour).toBeNull();
  session.tours.list();
  expect(store.getState().tour).toEqual({ id: null, stop: 0 });
});

it("of stops that were asked for quickly only the last is stood at", async () => {
  const session = new Session(createLabStore(), () => ({ api: sample as never, close: () => undefined }));
  await session.start("");
  await Promise.all([session.tours.go("sw-msi", 1), session.tours.go("sw-msi", 4), session.tours.go("sw-msi", 3)]);
  expect(session.store.getState()).toMatchObject({ tour: { id: "sw-msi", stop: 3 }, step: 13, notice: null });
});
