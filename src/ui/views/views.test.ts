import { expect, test } from "vitest";
import { buildAtlas } from "../app/atlas.ts";
import type { Mark } from "../draw/marks.ts";
import { frameOf, sample } from "../testing/sample.ts";
import { inspectOf, walkOf } from "../testing/details.ts";
import { COUNT, KERNELS, OLD } from "../testing/steps.ts";
import { drawAttachments } from "./attachments/draw.ts";
import { layoutAttachments } from "./attachments/layout.ts";
import { drawBits, rowsOf } from "./inspector/bits.ts";
import { drawLanes, lanesOf, stepRows } from "./steps/model.ts";
import { drawTimeline, stepAt, stepX } from "./timeline/model.ts";
import { walkLines, word } from "./walk/model.ts";

const texts = (marks: readonly Mark[]): string[] => marks.flatMap((m) => (m.k === "text" ? [m.text] : []));
const atlas = buildAtlas(KERNELS.flatMap((k) => Array.from({ length: COUNT + 1 }, (_, i) => frameOf(k, i))));

test("attachments: an object stands where it stood in every other step", () => {
  const grid = layoutAttachments(atlas);
  const places = new Map<string, string>();
  for (let step = 0; step <= COUNT; step++) {
    const { marks } = drawAttachments(frameOf(OLD, step).attachments, grid, new Set(), 360, 300, 12);
    for (const m of marks) {
      const ref = m.refs?.[0];
      if (m.k !== "text" || ref === undefined || m.size !== 1.17) continue;
      const place = `${m.x} ${m.y}`;
      expect(places.get(ref) ?? place, `${ref} at step ${step}`).toBe(place);
      places.set(ref, place);
    }
  }
  expect(places.size).toBeGreaterThan(7);
});

test("attachments: what the old rule does not do is drawn and named", () => {
  const grid = layoutAttachments(atlas);
  const words = (kernel: string) =>
    texts(drawAttachments(frameOf(kernel, 11).attachments, grid, new Set(), 360, 300, 12).marks);
  expect(words(OLD)).toEqual(expect.arrayContaining(["MSI cookie", "reserve SW_MSI, owner D1"]));
  expect(words("linux-7.2")).not.toContain("MSI cookie");
});

test("walk: every read has its number, repeated reads are marked, what was not reached is said", () => {
  const lines = walkLines(walkOf("D1", 0x8090040n, true));
  const reads = lines.flatMap((l) => [...l.s2, l.entry]).filter((c) => c !== null && "read" in c);
  expect(reads.map((c) => ("read" in c ? c.read.n : 0))).toEqual(Array.from({ length: 18 }, (_, i) => i + 1));
  expect(lines[2]?.s2.map((c) => (c !== null && "read" in c ? c.again : c))).toEqual([
    true,
    true,
    true,
    { skipped: "2M" },
  ]);
  expect(lines[4]?.failing).toBe("entry invalid");
  expect(lines.map((l) => l.reached)).toEqual([true, true, true, true, true, false, false]);
  expect(word({ lo: 0x80000e4b | 0, hi: 0x600000 })).toBe("0x60000080000e4b");
});

test("bits: high half first, empty doublewords left out, numbers at least nine pixels", () => {
  const grid = inspectOf("ste:0x18")?.grids[0];
  if (grid === undefined) throw new Error("no grid");
  expect(rowsOf(grid).map((r) => [r.word.offset, r.high])).toEqual([
    [4, true],
    [0, false],
    [12, true],
    [8, false],
    [20, true],
    [16, false],
    [28, true],
    [24, false],
  ]);
  const { marks } = drawBits(grid, 300, 11.28);
  for (const m of marks) if (m.k === "text") expect(m.size * 11.28).toBeGreaterThanOrEqual(9);
  const ones = marks.filter((m) => m.k === "text" && m.text === "1" && m.weight === 600).length;
  expect(ones).toBe(
    [0x4000000f, 0xd4, 0x044c3594, 1, 0x45584000].reduce((n, v) => n + v.toString(2).replaceAll("0", "").length, 0),
  );
});

test("steps: the lanes are those of the actors there are, and a folded list has one", () => {
  const { steps } = frameOf(OLD, 11);
  expect([...lanesOf(steps, false).keys()]).toEqual(["vmm", "guest", "device"]);
  expect(new Set(lanesOf(steps, true).values()).size).toBe(1);
  const rows = stepRows(steps, 11);
  expect(rows[8]).toMatchObject({ prefix: "VFIO_DEVICE_", op: "ATTACH_IOMMUFD_PT", state: "past" });
  expect(texts(drawLanes(rows, lanesOf(steps, false), 12)).join("")).toBe(
    steps.map((s) => ({ vmm: "V", guest: "G", device: "D", admin: "A" })[s.actor]).join(""),
  );
});

test("timeline: a pixel leads to the step drawn there; only differences are written", () => {
  const at = { width: 1400, rem: 12, left: 300 };
  for (let i = 1; i <= COUNT; i++) expect(stepAt(stepX(i, COUNT, at) + 3, COUNT, at)).toBe(i);
  expect(stepAt(0, COUNT, at)).toBe(0);
  const lanes = sample.lanes(KERNELS);
  if (!lanes.ok) throw new Error("no lanes");
  const words = texts(
    drawTimeline(
      {
        steps: frameOf(OLD, 11).steps,
        step: 11,
        kernel: OLD,
        lanes: lanes.value.slice(1).map((lane) => ({ lane, title: lane.kernel })),
        breakpoints: [],
      },
      at,
    ),
  );
  expect(words.filter((w) => w === "delivered")).toHaveLength(3);
  expect(words.filter((w) => w === "F_TRANSLATION").length).toBeLessThanOrEqual(2);
  expect(words).toContain("11  MSI write");
});

test("timeline: hundreds of steps still find room", () => {
  const { steps } = frameOf(OLD, 11);
  const many = Array.from({ length: 600 }, (_, i) => ({ ...(steps[i % steps.length] ?? steps[0]!), index: i + 1 }));
  const marks = drawTimeline(
    { steps: many, step: 300, kernel: OLD, lanes: [], breakpoints: [] },
    { width: 1400, rem: 12, left: 300 },
  );
  const names = marks.filter((m) => m.k === "text" && m.font === "sans");
  expect(names.length).toBeLessThan(120);
});
