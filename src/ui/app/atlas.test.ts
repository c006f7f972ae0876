import { expect, test } from "vitest";
import { frameOf } from "../testing/sample.ts";
import { COUNT, KERNELS } from "../testing/steps.ts";
import { layoutAttachments } from "../views/attachments/layout.ts";
import { buildAtlas, merge } from "./atlas.ts";

const frames = KERNELS.flatMap((k) => Array.from({ length: COUNT + 1 }, (_, i) => frameOf(k, i)));
const atlas = buildAtlas(frames);

test("holds every track that ever appears, each band in one order that fits every frame", () => {
  for (const frame of frames)
    for (const band of frame.addressSpace.bands) {
      const all = atlas.bands.find((b) => b.id === band.id)?.tracks.map((t) => t.id) ?? [];
      const places = band.tracks.map((t) => all.indexOf(t.id));
      expect(places).toEqual([...places].sort((a, b) => a - b));
      expect(places).not.toContain(-1);
    }
});

test("gives every object one place, and no two the same", () => {
  const grid = layoutAttachments(atlas);
  const seen = new Set<string>();
  for (const node of atlas.nodes) {
    if (node.kind === "fd") continue;
    const cell = grid.cells.get(node.ref);
    expect(cell, node.ref).toBeDefined();
    const key = `${cell?.row} ${cell?.column}`;
    expect(seen.has(key), key).toBe(false);
    seen.add(key);
  }
});

test("puts a device's chain in one row and its virtual objects below", () => {
  const { cells } = layoutAttachments(atlas);
  const row = (ref: string): number => cells.get(ref)?.row ?? -1;
  expect(["group:3", "hwpt:6", "hwpt:3", "ioas:2"].map(row)).toEqual([
    row("dev:D1"),
    row("dev:D1"),
    row("dev:D1"),
    row("dev:D1"),
  ]);
  expect(row("vdevice:5")).toBe(row("viommu:4"));
  expect(row("vdevice:5")).toBeGreaterThan(row("dev:D1"));
  expect(row("dev:D2")).toBeGreaterThan(row("vdevice:5"));
});

test("an atlas that says the same keeps the axis", () => {
  expect(merge(atlas, buildAtlas(frames)).axis).toBe(atlas.axis);
  expect(merge(atlas, buildAtlas(frames.slice(0, 3))).axis).not.toBe(atlas.axis);
});
