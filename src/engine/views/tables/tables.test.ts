import { describe, expect, it } from "vitest";
import { scenario, start } from "../../testing/scenarios.ts";
import { contextAt } from "../frame.ts";
import { readRuns } from "../leaves.ts";
import { walkView } from "../walk/view.ts";
import { pagings } from "./roots.ts";
import type { TableEntry, TableRow, TablesAsked, TablesView } from "./types.ts";
import { inspectSlot, placeOf, tablesView } from "./view.ts";

const main = scenario("sw-msi-nested");
const run = start(main, "linux-7.2");
const last = main.steps.length;
const stepOf = (op: string, nth = 0): number =>
  main.steps.map((s, i) => (s.op === op ? i + 1 : 0)).filter((n) => n > 0)[nth] ?? 0;
const at = (step: number, asked: TablesAsked): TablesView => {
  const view = tablesView(contextAt(run, step), asked);
  if (typeof view === "string") throw new Error(view);
  return view;
};
const entries = (rows: readonly TableRow[]): TableEntry[] => rows.flatMap((r) => (r.t === "entry" ? [r] : []));
const page = (view: TablesView, n: number) => {
  const one = view.pages[n];
  if (one === undefined) throw new Error(`no page ${n}`);
  return one;
};
const attach = stepOf("VFIO_DEVICE_ATTACH_IOMMUFD_PT");

describe("tables down a path", () => {
  it("go from the stream table through the guest's context and stage 1", () => {
    const view = at(attach, { root: "dev:D1", path: [], at: 0x4000_1000n });
    expect(view.pages.map((p) => p.title)).toEqual(["L1STD", "STE", "CD", "S1 L0", "S1 L1"]);
    expect(view.path).toEqual([0, 0x18, 0, 0, 1]);
    expect(view.chosen?.entry.what).toBe("block 1G");
    expect(view.end).toMatch(/^IPA 0x40001000 = PA 0x[0-9a-f]+$/);
  });

  it("give guest-physical and physical address of what is in guest memory", () => {
    const cd = page(at(attach, { root: "dev:D1", path: [0, 0x18, 0] }), 2);
    expect(cd.ipa).toBe(0x4000_0000n);
    const s1 = page(at(attach, { root: "s1:T", path: [] }), 0);
    const mine = page(at(attach, { root: "dev:D1", path: [0, 0x18, 0] }), 3);
    expect([s1.ipa, s1.pa]).toEqual([mine.ipa, mine.pa]);
  });

  it("fold runs that go on, and every entry is in exactly one row", () => {
    const whole = (view: TablesView): number[] =>
      view.pages.map((p) => p.rows.reduce((sum, r) => sum + (r.t === "fold" ? r.count : 1), 0));
    const folded = at(last, { root: "hwpt:3", path: [0, 1, 8] });
    expect(whole(folded)).toEqual(folded.pages.map((p) => p.entries));
    expect(folded.pages.every((p) => p.rows.length < 40)).toBe(true);
    const all = [{ page: 3, first: 0, last: 511 }];
    const open = at(last, { root: "hwpt:3", path: [0, 1, 8], open: all });
    expect(entries(page(open, 3).rows)).toHaveLength(512);
    expect(page(open, 3).valid).toBe(page(folded, 3).valid);
  });

  it("hold the leaves that reading the whole table finds", () => {
    const { world } = contextAt(run, last);
    const paging = pagings(world).find((p) => p.ref === "hwpt:3");
    if (paging === undefined) throw new Error("no hwpt 3");
    const columns = readRuns(world.machine.mem, paging.table, (pa) => pa);
    for (let i = 0; i < columns.n; i++) {
      const leaf = columns.run(i);
      const view = at(last, { root: "hwpt:3", path: [], at: leaf.start });
      expect(view.chosen?.entry.range?.start).toBe(leaf.start);
      expect(view.chosen?.entry.target?.pa).toBe(leaf.parts[0]?.out);
    }
    expect(columns.n).toBeGreaterThan(1);
  });

  it("mark what the step changed, to the entry and the bit", () => {
    const map = stepOf("IOMMU_IOAS_MAP", 1);
    const view = at(map, { root: "hwpt:3", path: [0, 1, 8], open: [{ page: 3, first: 0, last: 511 }] });
    expect(view.pages.map((p) => p.changed)).toEqual([0, 0, 1, 16]);
    const changed = entries(page(view, 3).rows).filter((e) => e.changed);
    expect(changed).toHaveLength(16);
    expect(changed.every((e) => e.before === 0n && e.value !== 0n)).toBe(true);
    const later = at(map + 1, { root: "hwpt:3", path: [0, 1, 8] });
    expect(later.pages.map((p) => p.changed)).toEqual([0, 0, 0, 0]);
    const ste = entries(page(at(attach, { root: "dev:D1", path: [0] }), 1).rows).find((e) => e.index === 0x18);
    expect(ste?.fields.filter((f) => f.changed).map((f) => f.name)).toContain("S2VMID");
  });

  it("show an entry that was chosen between its neighbours, and end where it leads nowhere", () => {
    const view = at(attach, { root: "hwpt:3", path: [0, 0x1ff] });
    const picked = page(view, 1).rows.find((r) => r.t === "entry" && r.index === 0x1ff);
    expect(picked).toBeDefined();
    expect(view.end).toBe("S2 L1[0x1ff] is invalid");
    expect(view.pages).toHaveLength(2);
  });

  it("say what is not there, and refuse an index beyond the table", () => {
    const none = at(1, { root: "hwpt:3", path: [] });
    expect([none.pages, none.end]).toEqual([[], "There is no hwpt 3 with a table after this step."]);
    expect(at(attach, { root: "hwpt:3", path: [9999] }).path).toEqual([]);
  });

  it("every root of every step can be drawn, and its answer is no larger than a window", () => {
    for (let step = 0; step <= last; step += 3)
      for (const { ref } of at(step, { root: null, path: [] }).roots) {
        const view = at(step, { root: ref, path: [], at: 0x8000_0000n });
        expect(view.pages.length, ref).toBeGreaterThan(0);
        expect(
          view.pages.reduce((sum, p) => sum + p.rows.length, 0),
          ref,
        ).toBeLessThan(700);
      }
  });
});

describe("queues, caches and interrupts", () => {
  const smmu =
    at(1, { root: null, path: [] })
      .roots.find((r) => r.ref.endsWith(":cmdq"))
      ?.ref.slice(0, -5) ?? "";

  it("the commands of a step are those in the queue", () => {
    const rows = entries(page(at(attach, { root: `${smmu}:cmdq`, path: [] }), 0).rows);
    const fresh = rows.filter((e) => e.changed).map((e) => e.what);
    const traced = run.results[attach - 1]?.trace.flatMap((t) => (t.t === "cmd" ? [t.text] : [])) ?? [];
    expect(fresh.toReversed()).toEqual(traced);
    expect(fresh.some((c) => c.startsWith("CFGI_STE sid 0x18"))).toBe(true);
  });

  it("an event that was written is in the event queue", () => {
    const fault = run.results.findIndex((r) => r.trace.some((t) => t.t === "event")) + 1;
    const rows = entries(page(at(fault, { root: `${smmu}:evtq`, path: [] }), 0).rows);
    expect(rows[0]?.what).toMatch(/^F_TRANSLATION sid 0x18 iova 0x8000040 write S1/);
    expect(rows[0]?.changed).toBe(true);
  });

  it("the ITS finds the event of the device: table, entry, LPI", () => {
    const irq = run.results.findIndex((r) => r.trace.some((t) => t.t === "msi" && t.delivered)) + 1;
    const view = at(irq, { root: "its:devices", path: [0, 0x18, 0] });
    expect(view.pages.map((p) => p.title)).toEqual(["L1", "DTE", "ITE"]);
    expect(view.chosen?.entry.what).toMatch(/^LPI 8\d{3} collection 0$/);
    const page1 = inspectSlot(contextAt(run, irq), "slot:its:devices@0.24.0");
    expect(page1?.grids[0]?.words[0]?.fields.find((f) => f.name === "INTID")?.value).toBeGreaterThanOrEqual(8192);
  });
});

describe("a stale TLB entry", () => {
  const forgotten = scenario("vmm-forgotten-invalidation");
  const played = start(forgotten, "linux-7.2");
  const end = forgotten.steps.length;
  const stale = (): { step: number; entry: TableEntry } => {
    for (let step = 1; step <= end; step++) {
      const context = contextAt(played, step);
      const root = context.world.machine.smmus[0]?.name ?? "";
      const view = tablesView(context, { root: `smmu:${root}:tlb`, path: [] });
      const entry = typeof view === "string" ? undefined : entries(page(view, 0).rows).find((e) => e.bad !== undefined);
      if (entry !== undefined) return { step, entry };
    }
    throw new Error("nothing was ever stale");
  };

  it("is told beside what the tables say, and the walk with caches uses it", () => {
    const { step, entry } = stale();
    expect(entry.bad).toMatch(/^stale: the tables /);
    const { world } = contextAt(played, step);
    const iova = entry.range?.start ?? 0n;
    const cold = walkView(world, "D1", iova, false);
    const now = walkView(world, "D1", iova, false, { asNow: true });
    expect(now?.reads).toBe(0);
    expect(now?.rows.map((r) => r.title)).toEqual(["Stream", "TLB", "output"]);
    expect(now?.end).not.toBe(cold?.end);
    expect(cold?.stale).toMatch(/^the TLB is stale: it says PA 0x/);
    const again = walkView(world, "D1", iova, false, { asNow: true });
    expect(again).toEqual(now);
  });
});

describe("the reads of a walk", () => {
  it("each open the entry that was read", () => {
    const step = stepOf("VFIO_DEVICE_SET_IRQS");
    const context = contextAt(run, step);
    const walk = walkView(context.world, "D1", 0x800_0040n, true);
    const reads = walk?.rows.flatMap((r) => [...r.s2, r.entry]).filter((r) => r !== null) ?? [];
    expect(reads.length).toBeGreaterThan(10);
    for (const read of reads) {
      expect(read.place, read.what).toBeDefined();
      const view = at(step, { root: read.place?.root ?? "", path: read.place?.path ?? [] });
      expect(view.chosen?.entry.pa, read.what).toBe(BigInt(read.pa));
      if (!read.what.startsWith("L1STD")) expect(view.chosen?.entry.refs[0]).toBe(read.ref);
      expect(view.chosen?.entry.value).toBe((BigInt(read.hi) << 32n) | BigInt(read.lo));
    }
  });
});

it("a place is written as a root and indexes", () => {
  expect(placeOf("smmu:smmu3.0x0000000009050000:cmdq@143")).toEqual({
    root: "smmu:smmu3.0x0000000009050000:cmdq",
    path: [143],
  });
  expect(placeOf("dev:D1@")).toEqual({ root: "dev:D1", path: [] });
  expect(placeOf("nowhere")).toBeNull();
  expect(placeOf("dev:D1@1.x")).toBeNull();
});
