import { expect, test } from "vitest";
import { filterItems, itemsFor } from "./items.ts";
import { commandFor } from "./keys.ts";
import { COMMANDS } from "./registry.ts";
import { createLabStore } from "../app/state.ts";
import { frameOf, sample } from "../testing/sample.ts";

const stroke = (code: string, more: Partial<KeyboardEvent> = {}) => ({
  code,
  key: "",
  ctrlKey: false,
  metaKey: false,
  shiftKey: false,
  altKey: false,
  ...more,
});

test("keys go by their place, not by their letter", () => {
  expect(commandFor(stroke("KeyW", { key: "z" }))?.id).toBe("zoom-in");
  expect(commandFor(stroke("Period", { key: ":" }))?.id).toBe("step");
  expect(commandFor(stroke("KeyP", { ctrlKey: true, shiftKey: true }))?.id).toBe("palette");
  expect(commandFor(stroke("KeyP", { metaKey: true, shiftKey: true }))?.id).toBe("palette");
  expect(commandFor(stroke("Minus", { key: "?", shiftKey: true }))?.id).toBe("help");
});

test("a modifier more is another key", () => {
  for (const code of ["KeyW", "KeyS", "KeyA", "KeyD", "KeyF", "KeyT", "Space", "Period"]) {
    expect(commandFor(stroke(code, { ctrlKey: true }))).toBeUndefined();
    expect(commandFor(stroke(code, { altKey: true }))).toBeUndefined();
  }
});

test("no key means two things", () => {
  const chords = COMMANDS.flatMap((c) =>
    c.keys.map((k) => `${k.ctrl === true} ${k.shift === true} ${k.alt === true} ${k.code}`),
  );
  expect(new Set(chords).size).toBe(chords.length);
  expect(new Set(COMMANDS.map((c) => c.id)).size).toBe(COMMANDS.length);
});

test("everything can be found by its words", () => {
  const store = createLabStore();
  const opened = sample.open({ id: "sw-msi-nested" });
  store.setState({
    frame: frameOf("linux-6.11", 11),
    catalogue: sample.catalogue(),
    opened: opened.ok ? opened.value : null,
  });
  const ids = (purpose: "commands" | "find", text: string) =>
    filterItems(itemsFor(purpose, store.getState()), text).map((i) => i.id);
  expect(ids("commands", "zoom in")).toEqual(["zoom-in"]);
  expect(ids("commands", "7.2")).toContain("kernel:linux-7.2");
  expect(ids("find", "set_irqs")).toEqual(["step:10"]);
  expect(ids("find", "0x8000000 reserved")).toContain("D1:reserved resv:D1:0x8000000 134217728");
});
