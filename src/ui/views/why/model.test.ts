import { expect, test } from "vitest";
import type { TraceEntry } from "../../../engine/views/types.ts";
import { frameOf } from "../../testing/sample.ts";
import { OLD } from "../../testing/steps.ts";
import { drawHole } from "./hole.ts";
import { condense, holeOf, spanOf, whyRows } from "./model.ts";

test("a function carries its result, and the opened check what it looked at", () => {
  const { why } = frameOf("linux-7.2", 16);
  const rows = whyRows(why.entries, why.opened);
  expect(rows.map((r) => [r.depth, r.text, r.end])).toEqual([
    [0, "iommufd_ioas_map ioas=2 iova=0x8000000 len=0x10000", "-EINVAL"],
    [1, "iopt_map_user_pages", "-EINVAL"],
    [2, "aligned to 0x1000", "ok"],
    [2, "no reserved range is met", "no"],
  ]);
  const opened = rows.find((r) => r.opened);
  expect(spanOf(opened?.detail)).toEqual({ start: 0x8000000n, last: 0x80fffffn });
});

test("a long trace is shortened to the way to the opened check", () => {
  const entries: TraceEntry[] = [{ t: "enter", depth: 0, fn: "outer", args: [] }];
  for (let i = 0; i < 40; i++) {
    entries.push({ t: "enter", depth: 1, fn: `f${i}`, args: [] });
    for (let k = 0; k < 3; k++) entries.push({ t: "check", depth: 2, ok: !(i === 25 && k === 1), what: `${i}.${k}` });
    entries.push({ t: "leave", depth: 1, fn: `f${i}`, ret: "0", failed: false });
  }
  entries.push({ t: "leave", depth: 0, fn: "outer", ret: "-EINVAL", failed: true });
  const rows = whyRows(
    entries,
    entries.findIndex((e) => e.t === "check" && !e.ok),
  );
  const short = condense(rows);
  const texts = short.rows.map((r) => r.text);
  expect(texts.slice(0, 4)).toEqual(["outer", "f25", "25.0", "25.1"]);
  expect(short.rows.length).toBeLessThan(10);
  expect(short.rows.length + short.left).toBe(rows.length);
});

test("a trace without an opened check shows its outline", () => {
  const entries: TraceEntry[] = Array.from({ length: 30 }, (_, i) => ({
    t: "note" as const,
    depth: i % 5,
    what: String(i),
  }));
  entries.push({ t: "check", depth: 0, ok: true, what: "fine" });
  const { rows, left } = condense(whyRows(entries, -1));
  expect(rows.every((r) => r.kind === "note")).toBe(true);
  expect(rows.length + left).toBe(31);
});

test("a failed access falls through the hole between its neighbours", () => {
  expect(holeOf(frameOf(OLD, 11))).toMatchObject({
    range: { start: 0x8090040n },
    before: { last: 0x3fffffn },
    after: { start: 0x40000000n },
  });
  expect(holeOf(frameOf("linux-7.2", 13))).toBeUndefined();
});

test("the drawing shows what was asked across what stood there", () => {
  const { why } = frameOf("linux-7.2", 16);
  const detail = whyRows(why.entries, why.opened).find((r) => r.opened)?.detail;
  const drawing = detail === undefined ? null : drawHole(detail, 280, 12);
  const words = drawing?.marks.flatMap((m) => (m.k === "text" ? [m.text] : [])) ?? [];
  expect(words).toEqual(["SW_MSI of D1  1M", "8000000", "800ffff", "80fffff"]);
  expect(drawHole({ left: "1", right: "2" }, 280, 12)).toBeNull();
});
