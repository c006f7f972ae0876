import { describe, expect, it } from "vitest";
import { scenario, start } from "../testing/scenarios.ts";
import { contextAt, frameOf } from "./frame.ts";
import { lanesOf } from "./lanes.ts";
import { bitGrid } from "./grid.ts";
import { readRuns } from "./leaves.ts";
import type { Frame, Track } from "./types.ts";
import { walkView } from "./walk/view.ts";
import { get } from "../../hw/base/fields.ts";
import { STE } from "../../hw/smmuv3/ste.ts";
import { FOUR } from "../testing/scenarios.ts";
import { inspect } from "./inspect/view.ts";
import { pastOf } from "./frame.ts";
import { firstDifference } from "../sim/same.ts";
import { snapshot } from "../sim/snapshot.ts";

const main = scenario("sw-msi-nested");
const runs = new Map(FOUR.map((k) => [k, start(main, k)]));
const runOf = (k: (typeof FOUR)[number]) => {
  const run = runs.get(k);
  if (run === undefined) throw new Error(k);
  return run;
};
/** The step at which something happens, by operation, counted from 1. */
const stepOf = (op: string, nth = 0): number =>
  main.steps.map((s, i) => (s.op === op ? i + 1 : 0)).filter((n) => n > 0)[nth] ?? 0;
const frame = (k: (typeof FOUR)[number], n: number): Frame => frameOf(runOf(k), n);

function track(f: Frame, id: string): Track {
  for (const b of f.addressSpace.bands) for (const t of b.tracks) if (t.id === id) return t;
  throw new Error(`no track ${id}`);
}
const shown = (t: Track): string[] =>
  t.intervals.map(
    (i) => `${i.change === "removed" ? "-" : ""}${i.start.toString(16)}-${i.last.toString(16)} ${i.kind}`,
  );

const undone = (k: (typeof FOUR)[number], n: number) =>
  frame(k, n)
    .attachments.edges.filter((e) => e.kind === "undone")
    .map((e) => `${e.to} ${e.label}`);
const open = (k: (typeof FOUR)[number], n: number, ref: string) => {
  const { world, before } = contextAt(runOf(k), n);
  return inspect(world, before, pastOf(runOf(k), n), ref);
};

describe("the address space", () => {
  const attach = stepOf("VFIO_DEVICE_ATTACH_IOMMUFD_PT");

  it("has its bands in the order of translation, and the same tracks on every kernel", () => {
    const ids = FOUR.map((k) => frame(k, attach).addressSpace.bands.map((b) => [b.id, b.tracks.map((t) => t.id)]));
    expect(ids[0]?.map(([id]) => id)).toEqual(["giova", "ipa", "pa"]);
    for (const other of ids) expect(other).toEqual(ids[0]);
  });

  it("shows who reserved the window at the attach, and nothing on the 6.11 rule", () => {
    const old = track(frame("linux-6.11", attach), "ioas:2:reserved");
    expect(shown(old)).toEqual(["100000000000-ffffffffffffffff aperture"]);
    expect(old.delta).toBe("=");
    const now = track(frame("linux-7.2", attach), "ioas:2:reserved");
    expect(shown(now)).toEqual(["8000000-80fffff sw_msi", "100000000000-ffffffffffffffff aperture"]);
    expect(now.delta).toBe("+1");
    expect(now.intervals[0]).toMatchObject({ detail: "SW_MSI of D1", change: "added" });
    const patch = track(frame("sw-msi-at-alloc-2024-07", stepOf("IOMMU_HWPT_ALLOC")), "ioas:2:reserved");
    expect(patch.intervals[0]).toMatchObject({ detail: "SW_MSI, owner hwpt 3", change: "added" });
  });

  it.each(FOUR)("draws IOVA_RANGES as the ioctl answers on %s", (k) => {
    const n = stepOf("IOMMU_IOAS_IOVA_RANGES");
    const answer = runOf(k).results[n - 1]?.seen["ranges"];
    const drawn = track(frame(k, n), "ioas:2:ranges").intervals.map((i) => [i.start, i.last]);
    expect(drawn).toEqual(answer);
  });

  it("marks a hole as one range gone and two come", () => {
    expect(track(frame("linux-7.2", attach), "ioas:2:ranges").delta).toBe("+2 −1");
  });

  it("reads leaves by size and the doorbell from the table's bits", () => {
    const irqs = stepOf("VFIO_DEVICE_SET_IRQS");
    const table = track(frame("linux-7.2", irqs), "hwpt:3:table");
    expect(table.sub).toBe("S2 44-bit");
    expect(table.intervals.map((i) => [i.kind, i.leaf, i.label])).toEqual([
      ["doorbell", 4096, "doorbell 4K"],
      ["map", 2 << 20, "2M"],
      ["map", 4096, "16 × 4K"],
    ]);
    expect(table.intervals[0]?.change).toBe("added");
    expect(track(frame("linux-7.2", irqs), "phys:mmio").intervals.some((i) => i.kind === "doorbell")).toBe(true);
    expect(track(frame("linux-6.11", irqs), "hwpt:3:table").intervals.some((i) => i.kind === "doorbell")).toBe(false);
  });

  it("reads the guest's stage 1 from guest memory", () => {
    const rmr = stepOf("S1_MAP");
    const before = track(frame("linux-7.2", rmr - 1), "s1:T");
    expect(before.intervals.map((i) => i.leaf)).toEqual([4096, 4096, 4096, 2 << 20, 1 << 30, 4096]);
    const after = track(frame("linux-7.2", rmr), "s1:T");
    expect(after.delta).toBe("+1");
    expect(after.intervals.find((i) => i.change === "added")).toMatchObject({ label: "256 × 4K", start: 0x8000000n });
  });

  it("follows the access as far as it came", () => {
    const first = frame("linux-6.11", stepOf("MSI")).addressSpace.accesses[0];
    expect(first?.path.map((p) => p.track)).toEqual(["dev:D1:reserved", "s1:T"]);
    expect(first).toMatchObject({ ok: false, end: "F_TRANSLATION stage 1", label: "W 0x8090040" });
    const lost = frame("linux-6.11", stepOf("MSI", 1));
    expect(lost.addressSpace.accesses[0]?.path.map((p) => p.track)).toEqual([
      "dev:D1:reserved",
      "s1:T",
      "hwpt:3:table",
    ]);
    expect(track(lost, "hwpt:3:table").delta).toBe("+1 miss");
    const good = frame("linux-7.2", stepOf("MSI", 1)).addressSpace.accesses[0];
    expect(good?.path.map((p) => [p.track, p.address])).toEqual([
      ["dev:D1:reserved", 0x8000040n],
      ["s1:T", 0x8000040n],
      ["hwpt:3:table", 0x8000040n],
      ["phys:mmio", 0x8090040n],
    ]);
    expect(good?.end).toMatch(/^LPI \d+, eventfd \+1$/);
  });

  it("draws what was asked for, refused or not", () => {
    const map = stepOf("IOMMU_IOAS_MAP", 2);
    const [old] = frame("linux-6.11", map).addressSpace.asked;
    const [now] = frame("linux-7.2", map).addressSpace.asked;
    expect(old).toMatchObject({ start: 0x8000000n, last: 0x800ffffn, ok: true });
    expect(now).toMatchObject({ track: "ioas:2:mapped", start: 0x8000000n, ok: false });
  });

  it("has ribbons that end where the bits lead", () => {
    const { ribbons } = frame("linux-7.2", stepOf("VFIO_DEVICE_SET_IRQS")).addressSpace;
    const s2 = ribbons.filter((r) => r.from.track === "hwpt:3:table");
    expect(s2.length).toBe(18);
    expect(s2.find((r) => r.kind === "doorbell")).toMatchObject({ to: { track: "phys:mmio", start: 0x8090000n } });
    for (const r of ribbons) expect(r.to.last - r.to.start).toBe(r.from.last - r.from.start);
  });
});

describe("attachments", () => {
  it("draw what a kernel did not do", () => {
    const attach = stepOf("VFIO_DEVICE_ATTACH_IOMMUFD_PT");
    expect(undone("linux-6.11", attach)).toEqual(["ioas:2 reserve SW_MSI, owner D1", "hwpt:3 MSI cookie"]);
    for (const k of FOUR.slice(1)) expect(undone(k, attach)).toEqual([]);
  });

  it("carry the kernel's reference counts", () => {
    const f = frame("linux-7.2", main.steps.length);
    const users = Object.fromEntries(f.attachments.nodes.map((n) => [n.ref, n.users]));
    expect(users).toMatchObject({ "ioas:2": 2, "hwpt:3": 4, "hwpt:6": 1, "viommu:4": 3 });
  });

  it("mark what is new", () => {
    const f = frame("linux-7.2", stepOf("IOMMU_HWPT_ALLOC"));
    expect(f.attachments.nodes.find((n) => n.ref === "hwpt:3")?.change).toBe("added");
    expect(f.attachments.edges.find((e) => e.from === "hwpt:3")?.change).toBe("added");
  });
});

describe("the walk", () => {
  it("numbers every read of the nested walk of the doorbell, and says where it ended", () => {
    const world = runOf("linux-6.11").world(stepOf("MSI"));
    const copy = snapshot(world);
    const v = walkView(world, "D1", 0x8090040n, true);
    expect(v?.reads).toBe(18);
    expect(v?.rows.map((r) => r.title)).toEqual([
      "Stream",
      "CD[0]",
      "L0 [000]",
      "L1 [000]",
      "L2 [040]",
      "L3 [090]",
      "output",
    ]);
    const numbers = v?.rows.flatMap((r) => [...r.s2, r.entry].flatMap((x) => (x === null ? [] : [x.n])));
    expect(numbers?.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 18 }, (_, i) => i + 1));
    expect(v?.failing).toMatchObject({ row: 4 });
    expect(v?.end).toBe("F_TRANSLATION stage 1 level 2");
    expect(copy.machine.smmus[0]?.events.prod).toBe(world.machine.smmus[0]?.events.prod);
    expect(firstDifference(copy.kernel.iommufd, world.kernel.iommufd)).toBeNull();
  });

  it("reaches the ITS where the parent holds the doorbell", () => {
    const v = walkView(runOf("linux-7.2").world(stepOf("MSI", 1)), "D1", 0x8000040n, true);
    expect(v).toMatchObject({ ok: true, end: "PA 0x8090040 ITS translater" });
    expect(v?.tlb).toContain("TLB hit");
    expect(v?.rows.at(-1)).toMatchObject({ title: "output", entry: null });
  });

  it("offers the doorbell as a target", () => {
    const f = frame("linux-7.2", stepOf("VFIO_DEVICE_SET_IRQS"));
    expect(f.walkTargets.map((t) => t.label)).toContain("MSI doorbell of D1");
    expect(frame("linux-6.11", stepOf("MSI")).walkTargets[0]).toMatchObject({ iova: 0x8090040n, write: true });
  });
});

describe("why", () => {
  it("opens a lost interrupt at the invalid entry, and names the steps that it follows from", () => {
    const { why } = frame("linux-6.11", stepOf("MSI"));
    expect(why.headline).toBe("the interrupt was lost");
    expect(why.entries[why.opened]).toMatchObject({ t: "mem", what: "S1 L2[0x040]", lo: 0, hi: 0 });
    expect(why.causes.map((c) => c.step)).toEqual([
      stepOf("VFIO_DEVICE_SET_IRQS"),
      stepOf("VFIO_DEVICE_ATTACH_IOMMUFD_PT"),
    ]);
    expect(why.causes[0]?.entries[why.causes[0].opened]).toMatchObject({
      ok: false,
      what: "the domain has an MSI cookie",
    });
    expect(why.causes[1]?.text).toContain("reserves nothing");
  });

  it("opens a refused map at the check that met the window, and names the attach that made it", () => {
    const { why } = frame("linux-7.2", stepOf("IOMMU_IOAS_MAP", 2));
    const check = why.entries[why.opened];
    expect(check).toMatchObject({ t: "check", ok: false });
    expect(check?.t === "check" ? check.detail?.hits?.[0] : null).toEqual({
      start: 0x8000000n,
      last: 0x80fffffn,
      label: "SW_MSI of D1",
    });
    expect(why.causes.map((c) => c.step)).toEqual([stepOf("VFIO_DEVICE_ATTACH_IOMMUFD_PT")]);
  });

  it("names the map that a refused attach met", () => {
    const { why } = frame("linux-6.11", stepOf("VFIO_DEVICE_ATTACH_IOMMUFD_PT", 1));
    expect(why.headline).toBe("the attach was refused");
    expect(why.causes.map((c) => c.step)).toEqual([stepOf("IOMMU_IOAS_MAP", 2)]);
  });
});

describe("steps", () => {
  it("speak", () => {
    const spoken = frame("linux-7.2", 1).steps.map((s) => s.spoken);
    expect(spoken[stepOf("IOMMU_IOAS_MAP", 2) - 1]).toBe(
      `step ${stepOf("IOMMU_IOAS_MAP", 2)}: IOMMU_IOAS_MAP failed, EINVAL, meets SW_MSI of D1 0x8000000-0x80fffff`,
    );
    expect(spoken[stepOf("MSI") - 1]).toContain("was lost, F_TRANSLATION stage 1");
    expect(spoken[2]).toBe("step 3: IOMMU_HWPT_ALLOC gave hwpt 3");
  });

  it("show ids in the place of labels", () => {
    const s = frame("linux-7.2", 1).steps[2];
    expect(s).toMatchObject({
      prefix: "IOMMU_",
      op: "HWPT_ALLOC",
      args: "dev=1 pt=2 flags=NEST_PARENT",
      result: "hwpt 3",
    });
  });

  it("predict what comes next, by trying it", () => {
    const { next } = frame("linux-6.11", stepOf("IOMMU_IOAS_MAP", 2));
    expect(next.find((n) => n.text.includes("pt=3"))).toMatchObject({ result: "EADDRINUSE", ok: false });
    const really = runOf("linux-6.11").results[stepOf("VFIO_DEVICE_ATTACH_IOMMUFD_PT", 1) - 1];
    expect(really?.summary).toBe("EADDRINUSE");
  });

  it("fill one lane for each kernel, which marks the differences", () => {
    const lanes = lanesOf(FOUR.map(runOf));
    expect(lanes.map((l) => l.firstDifference)).toEqual([0, 3, 9, 9]);
    expect(lanes[1]?.cells[2]).toMatchObject({ text: "S reserved", differs: true });
    expect(lanes[3]?.cells[stepOf("MSI", 1) - 1]?.text).toBe("irq arrives");
  });
});

describe("the inspector", () => {
  it("draws the STE from memory, marks the guest's fields and what the step changed", () => {
    const v = open("linux-7.2", stepOf("VFIO_DEVICE_ATTACH_IOMMUFD_PT"), "ste:0x18");
    const grid = v?.grids[0];
    const words = grid?.words.map((w) => w.value) ?? [];
    expect(get(STE.f.Config, words)).toBe(7);
    expect(grid?.words[0]?.fields.find((f) => f.name === "S1ContextPtr[31:6]")?.from).toBe("guest");
    expect(grid?.words[0]?.fields.find((f) => f.name === "Config")).toMatchObject({ from: "host", meaning: "nested" });
    expect(grid?.words[0]?.before).toBe(1);
  });

  it("shows the bytes of a call with its fields", () => {
    const v = open("linux-7.2", 3, "step:3");
    expect(v?.structs[0]?.bytes.length).toBe(48);
    expect(v?.structs[0]?.fields.find((f) => f.name === "out_hwpt_id")).toMatchObject({
      value: "3",
      out: true,
      offset: 16,
    });
  });

  it("finds every object that the attachments draw, and the CD in guest memory", () => {
    const n = main.steps.length;
    for (const node of frame("linux-7.2", n).attachments.nodes)
      expect(open("linux-7.2", n, node.ref)?.title ?? node.ref).not.toBe(node.ref);
    expect(open("linux-7.2", stepOf("MSI"), "cd:0x18")?.fields.find((f) => f.name === "TTB0")?.value).toBe(
      "0x40001000",
    );
    expect(open("linux-7.2", n, "hwpt:99")).toBeNull();
  });

  it("draws a grid without naming what the table does not name", () => {
    const grid = bitGrid(STE, new Uint32Array(16), { title: "x" });
    expect(grid.words.length).toBe(16);
    expect(grid.words[0]?.fields.find((f) => f.name === "Config")?.meaning).toBe("abort");
  });
});

describe("leaves", () => {
  it("gather neighbours of one size and kind, and split where they lead elsewhere", () => {
    const world = runOf("linux-7.2").world(main.steps.length);
    const table = { root: 0x1000, stage: 2 as const, granule: 12, startLevel: 3, topEntries: 512 };
    const copy = snapshot(world);
    expect(readRuns(copy.machine.mem, table, () => null).n).toBe(0);
    for (const [i, pa] of [
      [0, 0x5000],
      [1, 0x6000],
      [2, 0x9000],
      [5, 0x9000],
    ] as const)
      copy.machine.mem.write64(0x1000 + i * 8, pa | 0x7c3, 0);
    const columns = readRuns(copy.machine.mem, table, (pa) => pa);
    const runs = Array.from({ length: columns.n }, (_, i) => columns.run(i));
    expect(runs.map((r) => [r.start, r.count, r.parts.length, r.access])).toEqual([
      [0n, 3, 2, "RW"],
      [0x5000n, 1, 1, "RW"],
    ]);
  });
});
