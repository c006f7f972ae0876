import { expect, test } from "vitest";
import { buildAtlas } from "../../app/atlas.ts";
import type { Mark } from "../../draw/marks.ts";
import { frameOf } from "../../testing/sample.ts";
import { COUNT, KERNELS, OLD } from "../../testing/steps.ts";
import { drawBody, drawHead } from "./draw.ts";
import { miniAt, miniX } from "./draw_head.ts";
import { layoutSpace } from "./layout.ts";
import { spaceModel, subtract } from "./model.ts";
import { Scale, WHOLE, type Window } from "./scale.ts";

const atlas = buildAtlas(KERNELS.flatMap((k) => Array.from({ length: COUNT + 1 }, (_, i) => frameOf(k, i))));
const modelAt = (step: number, kernel = OLD, picked: Parameters<typeof spaceModel>[4] = null) =>
  spaceModel(frameOf(kernel, step), frameOf(kernel === OLD ? "linux-7.2" : OLD, step), "7.2", atlas, picked);

function draw(
  step: number,
  kernel = OLD,
  window: Window = WHOLE,
  picked: Parameters<typeof spaceModel>[4] = null,
): { marks: Mark[]; left: number; right: number } {
  const model = modelAt(step, kernel, picked);
  const at = layoutSpace(model.bands, 900, 500, 12);
  const scale = new Scale(atlas.axis, window, at.right - at.left, 20);
  return {
    marks: [...drawHead(model, scale, at, step), ...drawBody(model, scale, at)],
    left: at.left,
    right: at.right,
  };
}
const texts = (marks: readonly Mark[]): string[] => marks.flatMap((m) => (m.k === "text" ? [m.text] : []));

test("the ghost is what only the other kernel has, and the stretch where the answers differ", () => {
  const rows = modelAt(11).bands.flatMap((b) => b.rows);
  expect(rows.find((r) => r.id === "ioas:2:reserved")?.ghosts).toEqual([
    { start: 0x8000000n, last: 0x80fffffn, label: "7.2: S owner D1" },
  ]);
  expect(rows.find((r) => r.id === "ioas:2:ranges")?.ghosts).toEqual([
    { start: 0x8000000n, last: 0x80fffffn, label: "7.2: hole" },
  ]);
  expect(rows.find((r) => r.id === "ioas:2:mapped")?.ghosts).toEqual([]);
});

test("ranges are subtracted to the address", () => {
  const span = (start: bigint, last: bigint) => ({ start, last });
  expect(subtract([span(0n, 99n)], [span(10n, 19n), span(90n, 200n)])).toEqual([span(0n, 9n), span(20n, 89n)]);
  expect(subtract([span(5n, 6n)], [])).toEqual([span(5n, 6n)]);
  expect(subtract([span(5n, 6n)], [span(0n, 9n)])).toEqual([]);
});

test("a picked page is followed down to its frame", () => {
  const { followed } = modelAt(11, OLD, { track: "guest:T", start: 0x1000n, last: 0x1fffn });
  expect(followed.map((f) => [f.band, f.start])).toEqual([
    ["giova", 0x1000n],
    ["ipa", 0x41000000n],
    ["pa", 0x40adb000n],
  ]);
});

test("tracks that are yet to come keep their place", () => {
  const first = layoutSpace(modelAt(1).bands, 900, 500, 12);
  const last = layoutSpace(modelAt(COUNT).bands, 900, 500, 12);
  expect(first.rows).toEqual(last.rows);
});

test("the lost interrupt is told in words, with its hole", () => {
  const words = texts(draw(11).marks);
  expect(words).toContain("F_TRANSLATION stage 1");
  expect(words).toContain("hole 400000 … 3fffffff");
  expect(words).toContain("W 0x8090040");
  expect(texts(draw(13, "linux-7.2").marks)).toContain("LPI 8192, eventfd 9");
});

test("nothing is drawn outside the plot, at any zoom", () => {
  for (const window of [
    WHOLE,
    { lo: 0x8000000n, hi: 0x8100000n },
    { lo: 0x8000000n, hi: 0x8001000n },
    { lo: 0x41000000n, hi: 0x41010000n },
  ])
    for (const step of [5, 11, 13, 16]) {
      const { marks, left, right } = draw(step, "linux-7.2", window);
      for (const m of marks) {
        if (m.k !== "rect" || m.fill === "paper" || m.fill === "accent") continue;
        expect(m.x).toBeGreaterThanOrEqual(left - 1);
        expect(m.x + Math.max(m.w, 0)).toBeLessThanOrEqual(right + 3);
      }
    }
});

test("address labels in a row never overlap", () => {
  for (const window of [WHOLE, { lo: 0x8000000n, hi: 0x8100000n }, { lo: 0x40000000n, hi: 0x42000000n }]) {
    const { marks } = draw(11, OLD, window);
    const rows = new Map<number, [number, number][]>();
    for (const m of marks) {
      if (m.k !== "text" || m.size !== 0.82 || m.color !== "ink2" || m.halo !== 3) continue;
      const w = m.text.length * 0.6 * 0.82 * 12;
      const span: [number, number] = m.anchor === "end" ? [m.x - w, m.x] : [m.x, m.x + w];
      for (const [a, b] of rows.get(m.y) ?? []) expect(span[0] >= b || span[1] <= a, `${m.text} in ${m.y}`).toBe(true);
      rows.set(m.y, [...(rows.get(m.y) ?? []), span]);
    }
    expect(rows.size).toBeGreaterThan(0);
  }
});

test("many intervals become few marks", () => {
  const frame = frameOf(OLD, 5);
  const track = frame.addressSpace.bands[1]?.tracks[1];
  if (track === undefined) throw new Error("no track");
  track.intervals = Array.from({ length: 100_000 }, (_, i) => ({
    start: BigInt(i) * 0x2000n,
    last: BigInt(i) * 0x2000n + 0xfffn,
    kind: "map" as const,
    label: "",
    detail: "",
    ref: `a:${i}`,
  }));
  const model = spaceModel(frame, null, "", atlas, null);
  const at = layoutSpace(model.bands, 900, 500, 12);
  const marks = drawBody(model, new Scale(atlas.axis, WHOLE, at.right - at.left, 20), at);
  expect(marks.length).toBeLessThan(6000);
});

test("the minimap goes both ways", () => {
  for (const power of [12n, 20n, 27n, 32n, 44n, 63n]) {
    const value = 1n << power;
    const back = miniAt(miniX(value, 100, 700), 100, 700);
    expect(Math.abs(Number(back - value)) / Number(value)).toBeLessThan(0.01);
  }
  expect(miniAt(700, 100, 700)).toBe(1n << 64n);
  expect(miniAt(0, 100, 700)).toBe(0n);
});
