/** What the views say of x86 worlds. */
import { describe, expect, test } from "vitest";
import { scenario, start } from "../testing/scenarios.ts";
import type { Run } from "../sim/run.ts";
import { contextAt, frameOf } from "./frame.ts";
import { inspect } from "./inspect/view.ts";
import { machineView } from "./machine/view.ts";
import { inspectSlot, tablesView } from "./tables/view.ts";
import { vtdOf } from "./vtd.ts";
import { walkView } from "./walk/view.ts";

const KERNEL = "linux-7.2";
const fee = start(scenario("msi-x86-dma-to-fee"), KERNEL);
const first = start(scenario("vmm-x86-first-stage"), KERNEL);
const noir = start(scenario("msi-x86-no-remapping"), KERNEL);

const walk = (run: Run, step: number, device: string, iova: bigint, write: boolean) => {
  const view = walkView(run.world(step), device, iova, write);
  if (view === null) throw new Error("no walk");
  return view;
};

describe("walks", () => {
  test("root, context, PASID directory, PASID entry, four levels", () => {
    const view = walk(fee, 16, "D1", 0x100040n, true);
    expect([view.end, view.reads, view.ok]).toEqual(["PA 0x400040", 8, true]);
    expect(view.rows.map((r) => r.entry?.decoded ?? r.title)).toEqual([
      "present",
      "present",
      "present",
      "second stage DID 14",
      "table",
      "table",
      "table",
      "page RW",
      "output",
    ]);
    expect(view.rows.flatMap((r) => (r.entry === null ? [] : [r.entry.place?.path.join(".")]))).toEqual([
      "1",
      "1.0",
      "1.0.0",
      "1.0.0.0",
      "1.0.0.0.0",
      "1.0.0.0.0.0",
      "1.0.0.0.0.0.0",
      "1.0.0.0.0.0.0.256",
    ]);
    expect(view.tlb).toBe("IOTLB hit, domain 14: 0x100040 -> 0x400040, no read");
  });

  test("a look leaves the world as it is, whether it asks memory or the caches", () => {
    const unit = vtdOf(first.world(7), "0000:01:00.0");
    const state = () => [unit?.fsts, unit?.translator.tlb.list(), unit?.translator.contexts.size, unit?.nextRecord];
    const before = [walk(first, 7, "D1", 0x200040n, true), state()];
    walkView(first.world(7), "D1", 0x200040n, true, { asNow: true });
    walkView(first.world(7), "D1", 0x800000n, false, { asNow: true });
    expect([walk(first, 7, "D1", 0x200040n, true), state()]).toEqual(before);
  });

  test("a message: the remapping entry and what becomes of it, for its own function and for another", () => {
    const own = walk(fee, 9, "D1", 0xfee00018n, true);
    expect([own.end, own.ok, own.reads]).toEqual(["vector 49 for APIC 0", true, 1]);
    const other = walk(fee, 9, "D2", 0xfee00018n, true);
    expect([other.ok, other.failing?.why]).toEqual([
      false,
      "0x26 interrupt request of a function that the entry does not name",
    ]);
    expect(walk(fee, 9, "D1", 0xfee00000n, false).end).toBe("nothing can be read in the interrupt range");
  });

  test("a fault says the entry and the reason", () => {
    const view = walk(first, 7, "D1", 0x200040n, true);
    expect(view.failing?.why).toMatch(
      /^FS L2\[0x001\] at 0x[0-9a-f]+ is 0x[0-9a-f]+: 0x85 no write permission first stage$/,
    );
    expect(walk(fee, 16, "D1", 0x5000000n, false).end).toBe("0x6 no read permission second stage");
  });
});

describe("tables and inspector", () => {
  test("a device's tables lead to its page; the interrupt table and the queue can be read", () => {
    const view = tablesView(contextAt(fee, 16), { root: "dev:D1", path: [], at: 0x100040n });
    if (typeof view === "string") throw new Error(view);
    expect(view.pages.map((p) => p.title)).toEqual([
      "root",
      "context",
      "PASID directory",
      "PASID",
      "SS L4",
      "SS L3",
      "SS L2",
      "SS L1",
    ]);
    expect(view.end).toBe("PA 0x400040");
    expect(view.roots.map((r) => r.ref)).toEqual(expect.arrayContaining(["vtd:dmar0:iq", "vtd:dmar0:irt", "hwpt:4"]));
    const irt = tablesView(contextAt(fee, 16), { root: "vtd:dmar0:irt", path: [0] });
    expect(typeof irt === "string" ? irt : irt.chosen?.entry.what).toBe("vector 49 for APIC 0, source 0x100");
    const queue = tablesView(contextAt(fee, 9), { root: "vtd:dmar0:iq", path: [] });
    expect(typeof queue === "string" ? queue : queue.pages[0]?.changed).toBeGreaterThan(0);
  });

  test("the default of a step of the device is its PASID entry, in legacy mode its context entry", () => {
    const said = (run: Run, step: number) => {
      const { world, before } = contextAt(run, step);
      const ref = frameOf(run, step, true).inspectDefault;
      return [ref, inspectSlot({ world, before }, ref)?.title];
    };
    expect(said(fee, 16)).toEqual(["slot:dev:D1@1.0.0.0", "PASID[0x0]"]);
    expect(said(noir, 1)).toEqual(["slot:dev:D1@1.0", "context[0x0]"]);
  });

  test("a paging entry has its own bits", () => {
    const ref = walk(fee, 16, "D1", 0x100040n, true).rows[7]?.entry?.ref ?? "";
    expect(inspect(fee.world(16), fee.world(15), [], ref)?.title).toBe("second stage level 1 page");
  });
});

describe("machine and attachments", () => {
  test("the unit, where each function's requests lead, and the processors' range", () => {
    const view = machineView(fee.world(16), fee.world(15));
    expect(view.iommus.map((i) => `${i.name} ${i.kind}: ${i.facts.join(", ")}`)).toEqual([
      "dmar0 VT-d: scalable mode, second stage, remaps interrupts, at 0xfed90000",
    ]);
    expect(view.functions.find((f) => f.alias === "D1")).toMatchObject({
      iommu: "dmar0",
      stream: "second stage DID 14",
    });
    expect(view.msis.map((m) => m.kind)).toEqual(["local APIC"]);
    expect(machineView(noir.world(1), null).iommus[0]?.facts).toContain("remaps no interrupts");
  });

  test("nothing is missing where no doorbell is mapped", () => {
    const lines = frameOf(fee, 16, true).attachments.nodes.flatMap((n) => n.lines);
    expect(lines.filter((l) => l.tone === "bad")).toEqual([]);
    expect(lines.map((l) => l.text)).toEqual(expect.arrayContaining(["source 0x100", "second stage 48-bit"]));
  });
});
