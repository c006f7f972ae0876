import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FOUR, scenario, start } from "../../testing/scenarios.ts";
import { frameOf } from "../frame.ts";
import type { AddressSpaceView, AsciiRequest, IntervalKind, TrackInterval, WalkView } from "../types.ts";
import { asciiOf, type AsciiSubject } from "./export.ts";
import { axisOf, span } from "./axis.ts";
import { page, plain, range, sides, size, table, WIDTH, wrap } from "./page.ts";
import { spaceLines } from "./space.ts";
import { walkLines } from "./walk.ts";

const main = scenario("sw-msi-nested");
const runs = FOUR.map((kernel) => ({ kernel, run: start(main, kernel) }));
const [old] = runs;
if (old === undefined) throw new Error("no kernel");

function text(step: number, what: AsciiRequest, on: AsciiSubject["run"] = old?.run ?? start(main, FOUR[0])): string {
  const made = asciiOf({ run: on, step, started: runs }, what);
  if (typeof made === "string") throw new Error(made);
  return made.text;
}

describe("72 columns", () => {
  const words = fc.string({ unit: "grapheme", maxLength: 200 });
  const mail = /^[ -~]{0,71}[!-~]$|^$/;

  it("hold for every text: no tab, no other sign, no blank at the end", () => {
    fc.assert(
      fc.property(fc.array(words), (lines) => {
        const out = page(lines);
        for (const line of out.split("\n")) expect(line).toMatch(mail);
      }),
    );
  });
  it("wrap loses no letter, and breaks inside a word only where it is longer than a line", () => {
    fc.assert(
      fc.property(words, fc.integer({ min: 0, max: 30 }), (t, n) => {
        const lines = wrap(t, " ".repeat(n), " ".repeat(n));
        for (const line of lines) expect(line.length).toBeLessThanOrEqual(WIDTH);
        expect(lines.join("").replaceAll(" ", "")).toBe(plain(t).replaceAll(" ", ""));
      }),
    );
    expect(wrap("the attach was refused", "12345", "  ", 12)).toEqual(["12345the", "  attach was", "  refused"]);
  });
  it("tables keep every letter of every cell", () => {
    const cell = fc.string({ unit: fc.constantFrom("a", "b", " ", "0", "x", "_", ","), maxLength: 60 });
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell, cell), { minLength: 1 }), (rows) => {
        const lines = table([{ head: "" }, { head: "", end: true }, { head: "" }], rows, "  ");
        for (const line of lines) expect(line.length).toBeLessThanOrEqual(WIDTH);
        const letters = (t: string): string => t.replaceAll(" ", "").split("").sort().join("");
        expect(letters(lines.join(""))).toBe(letters(rows.flat().join("")));
      }),
    );
  });
  it("signs that a mail may spoil are written out", () => {
    expect(plain("16 × 4K → é …\t≠\u00a0\u{1f600}")).toBe("16 x 4K -> e ... != ?");
    expect([1n, 4096n, 0xe00n, (1n << 64n) - 1n, 1n << 64n, 6n << 20n].map(size)).toEqual([
      "1",
      "4K",
      "~4K",
      "~16E",
      "16E",
      "6M",
    ]);
    expect(sides("a", "b")[0]).toHaveLength(WIDTH);
  });
});

describe("strips", () => {
  const kinds: IntervalKind[] = ["map", "sw_msi", "reserved", "range", "mmio", "ram", "aperture"];
  const stretch = fc
    .tuple(fc.bigInt(0n, (1n << 64n) - 1n), fc.bigInt(0n, (1n << 64n) - 1n), fc.constantFrom(...kinds))
    .map(([a, b, kind]) => ({ start: a < b ? a : b, last: a < b ? b : a, kind }));

  it("give every interval a column, in the order of addresses, whatever there is", () => {
    fc.assert(
      fc.property(fc.array(stretch, { maxLength: 120 }), (list) => {
        const axis = axisOf(list, 44);
        expect(axis.at.at(-1)).toBe(44);
        let before: [bigint, number] = [0n, 0];
        for (const s of list.toSorted((a, b) => (a.start < b.start ? -1 : 1))) {
          const [from, to] = span(axis, s.start, s.last);
          expect(to).toBeGreaterThan(from);
          expect(to).toBeLessThanOrEqual(44);
          expect(from).toBeGreaterThanOrEqual(before[1]);
          before = [s.start, from];
        }
      }),
    );
  });
  it("keep intervals apart that only touch", () => {
    const axis = axisOf(
      [
        { start: 0x1000n, last: 0x1fffn, kind: "map" },
        { start: 0x2000n, last: 0x2fffn, kind: "reserved" },
      ],
      44,
    );
    expect(span(axis, 0x1000n, 0x1fffn)[1]).toBe(span(axis, 0x2000n, 0x2fffn)[0]);
  });
  it("count what the legend leaves out, and write a dense track as what it is", () => {
    const intervals = Array.from({ length: 50 }, (_, i): TrackInterval => {
      const start = BigInt(i) * 0x2000n;
      return { start, last: start + 0xfffn, kind: "map", label: "4K", detail: "4K", ref: "x" };
    });
    const common = { sub: "", delta: "=", ref: "x", group: "x" };
    const dense = { kind: "map" as const, count: 100_000, clusters: [{ start: 0n, last: 0xffffffn, count: 100_000 }] };
    const view: AddressSpaceView = {
      bands: [
        {
          id: "ipa",
          title: "IPA",
          tracks: [
            { id: "a", label: "few", intervals, ...common },
            { id: "b", label: "many", intervals: [], dense, ...common },
          ],
        },
      ],
      ribbons: [],
      accesses: [],
      asked: [],
    };
    const lines = spaceLines(view).join("\n");
    expect(lines).toContain("and 10 more");
    expect(lines).toContain("# 0x0-0xffffff  100000 intervals");
    expect(lines).toMatch(/^many +\|[#~.]*###/m);
  });
});

describe("views of discussion 0 as text", () => {
  const attach = main.steps.findIndex((s) => s.op === "VFIO_DEVICE_ATTACH_IOMMUFD_PT") + 1;
  const msi = main.steps.findIndex((s) => s.op === "MSI") + 1;

  it("the legend has both ends of every interval", () => {
    for (let step = 0; step <= main.steps.length; step++) {
      const out = text(step, { view: "space" });
      for (const t of frameOf(old.run, step, true).addressSpace.bands.flatMap((b) => b.tracks))
        for (const i of t.intervals) expect(out).toContain(range(i.start, i.last));
    }
  });
  it("the tree has every object once in full, and names what the kernel did not do", () => {
    const out = text(attach, { view: "attachments" });
    for (const n of frameOf(old.run, attach, true).attachments.nodes)
      if (n.users !== undefined) expect(out).toMatch(new RegExp(` ${n.users} user${n.users === 1 ? "" : "s"}$`, "m"));
    expect(out).toContain("NOT DONE: reserve SW_MSI, owner D1, at ioas 2");
    expect(out.match(/hwpt \(paging\) 3/g)?.length).toBeGreaterThan(1);
    expect(out.match(/hwpt \(paging\) 3 \(above\)/g)).toHaveLength(1);
  });
  it("the walk has every read with its number", () => {
    const out = text(msi, { view: "walk", device: "D1", iova: 0x8000040n, write: true });
    expect(out).toMatch(/Walk D1 0x8000040 write, (\d+) reads/);
    const count = Number(/, (\d+) reads/.exec(out)?.[1]);
    for (let n = 1; n <= count; n++) expect(out).toMatch(new RegExp(`^ +${n}  \\S.*0x[0-9a-f]+ +0x[0-9a-f]+`, "m"));
    expect(out).toContain("STOPPED: F_TRANSLATION stage 1 level 2");
  });
  it("the comparison marks every kernel that differs and tells how", () => {
    const out = text(attach, { view: "compare", kernels: [...FOUR.slice(1)] });
    expect(out).toContain("First difference: step 3 (* differs from A).");
    expect(out).toContain("+ ioas:2 reserves 0x8000000-0x80fffff for SW_MSI of D1");
    for (const kernel of FOUR) expect(out).toContain(kernel);
  });
  it("why is opened at the check that decided", () => {
    const last = main.steps.length;
    const out = text(last, { view: "why" });
    expect(out).toMatch(/^>> +NO: no mapping in the way of SW_MSI of D2\n +asked +0x8000000-0x80fffff$/m);
  });
  it("the step list has every result of every kernel that differs", () => {
    const out = text(attach, { view: "timeline", kernels: [...FOUR.slice(1)] });
    expect(out).toMatch(new RegExp(`^> +${attach} vmm +VFIO_DEVICE_ATTACH`, "m"));
    expect(out).toMatch(/^ +\* linux-7\.2: EINVAL$/m);
  });
  it("tables are told page by page, down to the entry of the path", () => {
    const out = text(msi, { view: "tables", asked: { root: "dev:D1", path: [], at: 0x40000000n } });
    expect(out).toMatch(/^ *> +\[0x18\] 0x4000000f /m);
    expect(out).toMatch(/^S1 L0 at 0x[0-9a-f]+ \(IPA 0x40001000\)/m);
    expect(out).toMatch(/ x invalid/);
    expect(out).toMatch(/^=> .*PA 0x/m);
  });
  it("bits and bytes are exact", () => {
    const out = text(attach, { view: "inspector", ref: "ste:0x18" });
    expect(out).toMatch(/3:1 Config = 0x7 +nested/);
    const call = main.steps.findIndex((s) => s.op.endsWith("IOAS_MAP")) + 1;
    expect(text(call, { view: "inspector", ref: `step:${call}` })).toMatch(/0x20 +iova +0000004000000000/);
  });
  it("a refusal is a sentence", () => {
    const none = (what: AsciiRequest) => asciiOf({ run: old.run, step: 0, started: runs }, what);
    expect(none({ view: "inspector", ref: "hwpt:99" })).toBe("There is no hwpt 99 after step 0");
    expect(none({ view: "walk", device: "D9", iova: 0n, write: false })).toMatch(/^No device "D9"/);
  });
  it("a walk of one row is told as it is", () => {
    const read = { n: 1, pa: 0x1000, lo: 0, hi: 0, what: "STE 0x0", decoded: "V=0", ok: false };
    const walk: WalkView = {
      device: "D1",
      ref: "dev:D1",
      iova: 0n,
      write: false,
      title: "",
      rows: [
        { title: "Stream", sub: "SID 0x0", s2: [], entry: read, reached: true },
        { title: "L0", sub: "not reached", s2: [], entry: null, reached: false },
      ],
      levels: [],
      reads: 1,
      ok: false,
      end: "C_BAD_STE",
      tlb: "miss",
      failing: { row: 0, why: "V=0" },
    };
    expect(walkLines(walk)).toEqual([
      "Stream, SID 0x0",
      "  1  STE 0x0  0x1000  0x0  V=0 FAILS",
      "    ! V=0",
      "L0: not reached",
      "",
      "=> STOPPED: C_BAD_STE",
      "miss",
    ]);
  });
});
