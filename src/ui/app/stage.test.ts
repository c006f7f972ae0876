import { expect, test } from "vitest";
import { placed, PLACES, readStage, shown, STAGE, VIEWS, widened, without } from "./stage.ts";

test("a view asked for by name goes home, and one that is there stays", () => {
  expect(shown(STAGE, "machine")).toEqual(["machine", "attachments", "walk"]);
  expect(shown(shown(STAGE, "machine"), "space")).toEqual(STAGE);
  expect(shown(STAGE, "walk")).toBe(STAGE);
  expect(shown(["machine"], "walk")).toEqual(["machine", "walk"]);
  expect(shown(["machine", "compare", "space"], "attachments")).toEqual(["machine", "compare", "attachments"]);
});

test("a place that takes a view from another place gives its own", () => {
  expect(placed(STAGE, 0, "walk")).toEqual(["walk", "attachments", "space"]);
  expect(placed(STAGE, 2, "machine")).toEqual(["space", "attachments", "machine"]);
  expect(placed(STAGE, 7, "machine")).toEqual(STAGE);
});

test("one to three places", () => {
  expect(without(["space"], "space")).toEqual(["space"]);
  expect(without(STAGE, "space")).toEqual(["attachments", "walk"]);
  expect(widened(["machine"])).toEqual(["machine", "space"]);
  expect(widened(STAGE)).toBe(STAGE);
});

test("a link's stage: known, each once, at most three", () => {
  expect(readStage("machine,walk")).toEqual(["machine", "walk"]);
  for (const wrong of ["", "machine,machine", "space,cellar", "space,walk,machine,compare"])
    expect(readStage(wrong)).toBeNull();
  expect(
    readStage(
      VIEWS.map((v) => v.id)
        .slice(0, PLACES)
        .join(","),
    ),
  ).toHaveLength(PLACES);
});

test("every view has a key of its own", () => {
  expect(new Set(VIEWS.map((v) => v.key.code)).size).toBe(VIEWS.length);
});
