/** Event files and held accesses in scenarios, and what the kernel does with them. */
import { describe, expect, it } from "vitest";
import { NESTED, play } from "../testing/play.ts";
import { scenario, start } from "../testing/scenarios.ts";
import { firstDifference } from "./same.ts";
import { snapshot } from "./snapshot.ts";

const QUEUE = [
  "vmm VFIO_DEVICE_BIND_IOMMUFD D1",
  "vmm VFIO_DEVICE_BIND_IOMMUFD D2",
  "vmm I = IOMMU_IOAS_ALLOC",
  "vmm Q = IOMMU_FAULT_QUEUE_ALLOC",
  "vmm H = IOMMU_HWPT_ALLOC dev=D1 pt=I fault=Q flags=FAULT_ID_VALID",
  "vmm VFIO_DEVICE_ATTACH_IOMMUFD_PT D1 pt=H",
];
const stalled = (...lines: string[]) => play("linux-7.2", "plain-stall", [...QUEUE, ...lines]);
const HELD = "device D1 HELD";

describe("a held access", () => {
  it("goes on where it was held: the bytes before and after the missing page are there", () => {
    const p = stalled(
      "vmm IOMMU_IOAS_MAP ioas=I iova=0x1000 len=4K va=MORE",
      "device D1 DMA write iova=0x1ff0 len=32 value=0x77",
      HELD,
      "vmm READ_FAULTS queue=Q",
      "vmm IOMMU_IOAS_MAP ioas=I iova=0x2000 len=4K va=MORE+0x1000",
      "vmm RESPOND queue=Q code=SUCCESS",
      HELD,
    );
    expect([p.seen(-5, "event"), p.seen(-4, "addr"), p.seen(-1, "event")]).toEqual(["waiting", "0x2000", "none"]);
    const w = p.run.world(p.results.length);
    const more = w.memory.get("MORE");
    const vma = w.vmm.mm.vmas.at(more?.va ?? 0n);
    const [first = 0, second = 0] = [0, 1].map((i) => vma?.store.frames.get(i) ?? 0);
    expect(w.machine.mem.read32(first * 4096 + 0xffc)).toBe(0x77777777);
    expect(w.machine.mem.read32(second * 4096 + 0xc)).toBe(0x77777777);
    expect(w.machine.mem.read32(second * 4096 + 0x10)).toBe(0);
  });
  it("that waits is part of a copied world, which answers it alone", () => {
    const p = stalled("device D1 DMA write iova=0x1000 len=4", "vmm READ_FAULTS queue=Q");
    const original = p.run.world(p.results.length);
    const copy = snapshot(original);
    expect(firstDifference(copy, original)).toBeNull();
    expect(copy.actors.held.get("D1")?.stalled).toEqual(original.actors.held.get("D1")?.stalled);
    expect(copy.actors.held.get("D1")).not.toBe(original.actors.held.get("D1"));
    expect([...copy.machine.engine.held.values()][0]?.result).toBe(copy.actors.held.get("D1"));
  });
  it("nothing is told where nothing was held", () => {
    expect(stalled(HELD).seen(-1, "records")).toBe("0");
  });
  it.each([
    ["the device is closed", "vmm CLOSE D1"],
    ["the device is detached", "vmm VFIO_DEVICE_DETACH_IOMMUFD_PT D1"],
  ])("ends when %s", (_, last) => {
    const p = stalled("device D1 DMA write iova=0x1000 len=4", last, HELD);
    expect(p.seen(-1, "event")).toBe("F_TRANSLATION");
  });
  it("stays when the queue's file is closed: the page table still has the queue", () => {
    const p = stalled("device D1 DMA write iova=0x1000 len=4", "vmm CLOSE Q", HELD, "vmm IOMMU_DESTROY id=Q");
    expect([p.errnos.at(-3), p.seen(-2, "event"), p.errnos.at(-1)]).toEqual(["ok", "waiting", "EBUSY"]);
  });
});

describe("a fault queue", () => {
  it("is read in order, and each group has a cookie of its own, the lowest that is free", () => {
    const p = stalled(
      "vmm VFIO_DEVICE_ATTACH_IOMMUFD_PT D2 pt=H",
      "device D1 DMA write iova=0x1000 len=4",
      "device D2 DMA read iova=0x2000 len=4",
      "vmm READ_FAULTS queue=Q at=1",
      "vmm RESPOND queue=Q code=INVALID cookie=1",
      "device D1 DMA write iova=0x3000 len=4",
      "vmm READ_FAULTS queue=Q",
    );
    expect(["records", "who", "cookie", "perm"].map((k) => p.seen(-4, k))).toEqual(["2", "D2", "2", "1"]);
    expect(["records", "who", "cookie", "addr"].map((k) => p.seen(-1, k))).toEqual(["1", "D1", "1", "0x3000"]);
  });
  it("is shared by page tables, and answers stay apart", () => {
    const p = stalled(
      "vmm J = IOMMU_IOAS_ALLOC",
      "vmm G = IOMMU_HWPT_ALLOC dev=D2 pt=J fault=Q flags=FAULT_ID_VALID",
      "vmm VFIO_DEVICE_ATTACH_IOMMUFD_PT D2 pt=G",
      "device D1 DMA write iova=0x1000 len=4",
      "device D2 DMA write iova=0x1000 len=4",
      "vmm READ_FAULTS queue=Q",
      "vmm IOMMU_IOAS_MAP ioas=J iova=0x1000 len=4K va=MORE",
      "vmm RESPOND queue=Q code=SUCCESS cookie=2",
      HELD,
      "device D2 HELD",
    );
    expect([p.seen(-2, "event"), p.seen(-1, "event")]).toEqual(["waiting", "none"]);
  });
  it("keeps a group that does not fit into what was read", () => {
    const p = stalled(
      "device D1 DMA write iova=0x1000 len=4",
      "vmm READ_FAULTS queue=Q bytes=0",
      "vmm READ_FAULTS queue=Q",
    );
    expect([p.errnos.at(-2), p.seen(-1, "records")]).toEqual(["EINVAL", "1"]);
  });
  it.each([
    ["a page table without queue", "vmm G = IOMMU_HWPT_ALLOC dev=D1 pt=I"],
    ["the IOAS itself", "vmm G = IOMMU_IOAS_ALLOC"],
  ])("a fault of %s ends at once", (_, line) => {
    const p = stalled(line, "vmm VFIO_DEVICE_ATTACH_IOMMUFD_PT D1 pt=G", "device D1 DMA write iova=0x9000 len=4", HELD);
    expect([p.seen(-2, "event"), p.seen(-1, "event")]).toEqual(["F_TRANSLATION", "F_TRANSLATION"]);
  });
  it.each(["linux-6.2", "linux-6.4", "linux-6.6"])("%s has none, in scenarios as in the release", (kernel) => {
    const p = play(kernel, "plain-stall", ["vmm Q = IOMMU_FAULT_QUEUE_ALLOC"]);
    expect(p.errnos).toEqual(["ENOTTY"]);
  });
});

describe("events of a guest", () => {
  const events = (...lines: string[]) =>
    play("linux-7.2", "plain", [
      ...NESTED,
      "vmm E = IOMMU_VEVENTQ_ALLOC viommu=V depth=4",
      "vmm VFIO_DEVICE_ATTACH_IOMMUFD_PT D1 pt=N",
      ...lines,
    ]);
  const FAULT = "device D1 DMA write iova=0x9000 len=4";
  it("are counted whether they fit or not", () => {
    const p = events(
      ...Array.from({ length: 6 }, () => FAULT),
      "vmm READ_EVENTS queue=E",
      FAULT,
      "vmm READ_EVENTS queue=E",
    );
    expect([p.seen(-3, "records"), p.seen(-3, "lost")]).toEqual(["5", "1"]);
    expect([p.seen(-1, "records"), p.seen(-1, "sequence")]).toEqual(["1", "6"]);
  });
  it("of a device without vDEVICE go to the kernel log", () => {
    const p = events("vmm PLUG D2 pt=P", "device D2 DMA write iova=0x9000 len=4", "vmm READ_EVENTS queue=E");
    expect([p.seen(-2, "event"), p.seen(-1, "records")]).toEqual(["F_TRANSLATION", "0"]);
  });
  it("of a stream that aborts there are none", () => {
    const p = events("vmm GUEST_STE D1 viommu=V vste={0x1,0x0}", FAULT, "vmm READ_EVENTS queue=E");
    expect([p.seen(-2, "event"), p.seen(-1, "records")]).toEqual(["silent", "0"]);
  });
  it("a context descriptor that is not valid is one", () => {
    const p = events("vmm GUEST_STE D1 viommu=V vste={0x8018000b,0xd4}", FAULT, "vmm READ_EVENTS queue=E");
    expect([p.seen(-2, "event"), p.seen(-1, "event"), p.seen(-1, "sid")]).toEqual(["C_BAD_CD", "C_BAD_CD", "24"]);
  });
});

describe("page requests where the driver takes them", () => {
  const pri = (...lines: string[]) => play("smmu-pri-2020-02", "plain-pri", [...QUEUE, ...lines]);
  it("without a page table that takes faults they are off", () => {
    const lines = ["vmm VFIO_DEVICE_BIND_IOMMUFD D1", "device D1 PAGE_REQUEST read iova=0x1000 grpid=1"];
    expect(play("smmu-pri-2020-02", "plain-pri", lines).seen(-1, "event")).toBe("off");
  });
  it("groups of two numbers are two, whatever the order", () => {
    const p = pri(
      "device D1 PAGE_REQUEST read iova=0x1000 grpid=1 more",
      "device D1 PAGE_REQUEST read iova=0x2000 grpid=2 more",
      "device D1 PAGE_REQUEST read iova=0x3000 grpid=1",
      "vmm READ_FAULTS queue=Q",
      "device D1 PAGE_REQUEST read iova=0x4000 grpid=2",
      "vmm READ_FAULTS queue=Q at=1",
    );
    expect([p.seen(-3, "records"), p.seen(-1, "records"), p.seen(-1, "addr")]).toEqual(["2", "2", "0x4000"]);
  });
  it("a half-made group is forgotten with its attachment, without an answer", () => {
    const p = pri(
      "device D1 PAGE_REQUEST read iova=0x1000 grpid=1 more",
      "vmm VFIO_DEVICE_DETACH_IOMMUFD_PT D1",
      "device D1 PAGE_REQUEST read iova=0x2000 grpid=1",
      "device D1 PAGE_ANSWERS",
    );
    expect([p.seen(-1, "records"), p.seen(-1, "event")]).toEqual(["1", "invalid"]);
  });
  it("7.2 denies what it never switched on", () => {
    const run = start(scenario("fault-partial-group"), "linux-7.2");
    expect(run.results.filter((r) => r.seen["event"] === "queued")).toEqual([]);
  });
});

describe("doorbell pages", () => {
  it("are at most 64 in one file", () => {
    const p = play("linux-7.2", "plain", [
      "vmm VFIO_DEVICE_BIND_IOMMUFD D1",
      "vmm I = IOMMU_IOAS_ALLOC",
      "vmm VFIO_DEVICE_ATTACH_IOMMUFD_PT D1 pt=I",
    ]);
    const { kernel: k } = snapshot(p.run.world(3));
    const dev = k.platform?.pci.get("0000:00:03.0")?.dev;
    const domain = dev?.iommu_group?.domain;
    if (dev === undefined || domain === undefined || domain === null) throw new Error("not attached");
    const answers = Array.from({ length: 65 }, (_, i) => {
      const desc = { dev: dev.name, iommu_msi_iova: 0n, iommu_msi_shift: 0 };
      const ret = k.ops.iommufd_sw_msi(k, domain, dev, desc, 0x8090040n + BigInt(i) * 0x1000n);
      return ret < 0 ? ret : desc.iommu_msi_iova << 12n;
    });
    expect(answers.slice(0, 64)).toEqual(Array.from({ length: 64 }, (_, i) => 0x8000000n + BigInt(i) * 0x1000n));
    expect(answers[64]).toBe(-75);
  });
});
