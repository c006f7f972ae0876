/** What was claimed in the discussion of 2021 on /dev/ioasid and /dev/iommu, as behaviour of the designs. */
import { describe, expect, it } from "vitest";
import { play } from "../testing/play.ts";
import { kernels, scenario, start } from "../testing/scenarios.ts";
import { seenText } from "./run.ts";
import { snapshot } from "./snapshot.ts";
import { firstDifference } from "./same.ts";

const OWNERS = "ioasid-vfio-2021-04";
const CONTAINERS = "ioasid-containers-2021-04";
const RFC1 = "ioasid-rfc1-2021-05";
const RFC2 = "dev-iommu-rfc2-2021-07";
const CODE = "dev-iommu-code-2021-09";
const NOW = "linux-7.2";
const ALL = ["ioasid-sets-2021-02", OWNERS, CONTAINERS, RFC1, RFC2, CODE];

/** A shared level 2 with guest memory in it; D1's and D2's tables above it. */
const NESTED = [
  "given guest T1 = S1_TABLE cd=0x80000000 tables=0x80001000",
  "given guest S1_MAP T1 iova=0x1000 ipa=0x80100000 len=4K",
  "given guest S1_MAP T1 iova=0x5000 ipa=0x90000000 len=4K",
  "given guest T2 = S1_TABLE cd=0x80010000 tables=0x80011000 asid=2",
  "given guest S1_MAP T2 iova=0x5000 ipa=0x90000000 len=4K",
  "vmm S = SPACE_ALLOC",
  "vmm SPACE_ATTACH D1 nest space=S",
  "vmm SPACE_ATTACH D2 nest space=S",
  "vmm SPACE_MAP space=S iova=0x80000000 len=2M va=RAM",
  "vmm C1 = SPACE_NEST D1 space=S cd=0x80000000",
  "vmm C2 = SPACE_NEST D2 space=S cd=0x80010000",
];

describe("probe 12, cell by cell", () => {
  const rows = ["SPACE_ALLOC", "SPACE_MAP", "SPACE_ATTACH D1", "SPACE_ATTACH D2", "fault"];
  it.each([
    [NOW, ["ok", "ok", "ok", "ok", "D2"]],
    [CONTAINERS, ["ok", "EINVAL", "ok", "EINVAL", "none"]],
    [RFC1, ["ok", "EINVAL", "ok", "ok", "unknown"]],
    [RFC2, ["ok", "ok", "ok", "ok", "D2"]],
    [CODE, ["ok", "EINVAL", "ok", "ok", "none"]],
  ])("%s", (kernel, cells) => {
    const { results } = start(scenario("ioasid-q12"), kernel);
    const fault = results[5]?.seen["records"] === 1n ? seenText(results[5].seen["who"]) : "none";
    expect(rows.map((_, i) => (i < 4 ? results[i]?.errno : fault))).toEqual(cells);
  });
});

describe("containers with one level take one device", () => {
  const lines = ["vmm S = SPACE_ALLOC", "vmm SPACE_ATTACH D1 space=S", "vmm SPACE_ATTACH D2 space=S"];
  it("the second one is refused, and stays cut off", () => {
    const p = play(CONTAINERS, "plain", [
      ...lines,
      "vmm SPACE_MAP space=S iova=0x1000 len=4K va=MORE",
      "device D2 DMA read iova=0x1000",
    ]);
    expect(p.errnos.slice(0, 4)).toEqual(["ok", "ok", "EINVAL", "ok"]);
    expect(p.seen(-1, "event")).toBe("silent");
  });
  it("after the first one has left, the other may come", () => {
    const p = play(CONTAINERS, "plain", [...lines, "vmm SPACE_DETACH D1 space=S", "vmm SPACE_ATTACH D2 space=S"]);
    expect(p.errnos).toEqual(["ok", "ok", "EINVAL", "ok", "ok"]);
  });
  it.each([RFC1, RFC2, CODE, OWNERS, NOW])("%s lets both in", (kernel) => {
    expect(play(kernel, "plain", lines).errnos).toEqual(["ok", "ok", "ok"]);
  });
});

describe("child containers route level-1 faults", () => {
  it.each([
    ["D1", "C1", "C2"],
    ["D2", "C2", "C1"],
  ])("a fault in %s's table comes out of %s", (device, own, other) => {
    const p = play(CONTAINERS, "plain", [
      ...NESTED,
      `device ${device} DMA write iova=0x9000 len=4`,
      `vmm SPACE_FAULTS space=${other}`,
      "vmm SPACE_FAULTS space=S",
      `vmm SPACE_FAULTS space=${own}`,
    ]);
    expect([p.seen(-4, "event"), p.seen(-4, "stage")]).toEqual(["F_TRANSLATION", "1"]);
    expect([p.seen(-3, "records"), p.seen(-2, "records"), p.seen(-1, "records")]).toEqual(["0", "0", "1"]);
    expect([p.seen(-1, "who"), p.seen(-1, "level")]).toEqual([device, "1"]);
  });
  it.each(["D1", "D2"])("a level-2 fault of %s comes out of the parent", (device) => {
    const p = play(CONTAINERS, "plain", [
      ...NESTED,
      `device ${device} DMA write iova=0x5000 len=4`,
      "vmm SPACE_FAULTS space=C1",
      "vmm SPACE_FAULTS space=C2",
      "vmm SPACE_FAULTS space=S",
    ]);
    expect(p.seen(-4, "stage")).toBe("2");
    expect([p.seen(-3, "records"), p.seen(-2, "records"), p.seen(-1, "records")]).toEqual(["0", "0", "1"]);
    expect([p.seen(-1, "who"), p.seen(-1, "level")]).toEqual([device, "2"]);
  });
  it("with one device the container is its own child", () => {
    const p = play(CONTAINERS, "plain", [
      "given guest T1 = S1_TABLE cd=0x80000000 tables=0x80001000",
      "vmm IOASID_ATTACH device=D1 flags=NESTING",
      "vmm IOASID_MAP_DMA va=RAM len=2M iova=0x80000000",
      "vmm IOASID_SET_PASID_TABLE table=0x80000000",
      "device D1 DMA write iova=0x9000 len=4",
      "vmm SPACE_FAULTS space=3",
    ]);
    expect([p.seen(-1, "records"), p.seen(-1, "who"), p.seen(-1, "level")]).toEqual(["1", "D1", "1"]);
  });
  it("a child that is closed gives its device back to the shared level", () => {
    const p = play(CONTAINERS, "plain", [...NESTED, "vmm SPACE_FREE space=C1", "device D1 DMA read iova=0x80000000"]);
    expect(p.seen(-1, "event")).toBe("none");
  });
});

describe("PASID and group alias without the device", () => {
  const lines = [
    "vmm S = SPACE_ALLOC",
    "vmm SPACE_ATTACH D1 nest space=S",
    "vmm SPACE_ATTACH D2 nest space=S",
    "device D1 PAGE_REQUEST read iova=0x9000 grpid=5 pasid=1",
    "device D2 PAGE_REQUEST read iova=0x9000 grpid=5 pasid=1",
  ];
  it("RFC v1: two records equal in every byte, and the same answer goes to one device, then to the other", () => {
    const p = play(RFC1, "plain-pri", [
      ...lines,
      "vmm SPACE_FAULTS space=S",
      "vmm SPACE_RESPOND space=S",
      "vmm SPACE_RESPOND space=S",
    ]);
    const answers = (n: number): number[] =>
      ["0000:00:03.0", "0000:01:00.0"].map(
        (bdf) => p.run.world(n).machine.pci.byBdf.get(bdf)?.pageResponses.length ?? -1,
      );
    expect([p.seen(-3, "records"), p.seen(-3, "who"), p.seen(-3, "pasid")]).toEqual([
      "2",
      "unknown",
      "nothing of the kind",
    ]);
    expect([answers(6), answers(7), answers(8)]).toEqual([
      [0, 0],
      [1, 0],
      [1, 1],
    ]);
  });
  it("with the device in the record the answer goes to that device, and only once", () => {
    const p = play(CONTAINERS, "plain-pri", [
      ...lines,
      "vmm SPACE_FAULTS space=S",
      "vmm SPACE_RESPOND space=S",
      "vmm SPACE_RESPOND space=S",
    ]);
    expect([p.seen(-3, "who"), p.seen(-3, "pasid"), p.seen(-3, "grpid")]).toEqual(["D1", "1", "5"]);
    expect(p.errnos.slice(-2)).toEqual(["ok", "EINVAL"]);
  });
  it("requests of one group are told one by one, and answered with the last", () => {
    const p = play(CONTAINERS, "plain-pri", [
      ...lines.slice(0, 2),
      "device D1 PAGE_REQUEST read iova=0x9000 grpid=5 more",
      "device D1 PAGE_REQUEST read iova=0xa000 grpid=5",
      "vmm SPACE_FAULTS space=S",
    ]);
    expect([p.seen(-1, "records"), p.seen(-1, "addr")]).toEqual(["2", "0x9000"]);
  });
});

describe("non-recoverable faults arrive", () => {
  const lines = [...NESTED, "device D1 DMA write iova=0x9000 len=4", "vmm SPACE_FAULTS space=C1"];
  it.each([CONTAINERS, OWNERS, RFC2, NOW, "linux-6.15"])("%s: with the device", (kernel) => {
    const p = play(kernel, "plain", lines);
    expect([p.seen(-1, "records"), p.seen(-1, "who"), p.seen(-1, "addr")]).toEqual(["1", "D1", "0x9000"]);
  });
  it(`${RFC1}: without`, () => {
    expect(play(RFC1, "plain", lines).seen(-1, "who")).toBe("unknown");
  });
  it("linux-6.14: only the kernel log", () => {
    expect(play("linux-6.14", "plain", lines).seen(-1, "records")).toBe("0");
  });
  it("recoverable ones without PASID too, and the access goes on once the page is there", () => {
    const p = play(CONTAINERS, "plain-stall", [
      "vmm S = SPACE_ALLOC",
      "vmm SPACE_ATTACH D1 space=S",
      "device D1 DMA write iova=0x1000 len=4 value=0x5a",
      "vmm SPACE_FAULTS space=S",
      "vmm SPACE_MAP space=S iova=0x1000 len=4K va=MORE",
      "vmm SPACE_RESPOND space=S",
    ]);
    expect(p.seen(3, "records")).toBe("1");
    expect(p.seen(3, "who")).toBe("D1");
    expect(p.errnos.at(-1)).toBe("ok");
    const { kernel, machine } = p.run.world(6);
    expect(machine.engine.held.size).toBe(0);
    expect(p.run.world(5).machine.engine.held.size).toBe(1);
    expect(kernel.platform?.smmus.length).toBe(1);
  });
});

describe("handlers of devices and of page tables", () => {
  const lines = (config: number, handler: string): string[] => [
    "given guest T1 = S1_TABLE cd=0x80000000 tables=0x80001000",
    "given guest S1_MAP T1 iova=0x5000 ipa=0x90000000 len=4K",
    "vmm VFIO_BIND_IOASID_FD D1",
    `vmm VFIO_DEVICE_ALLOW_PASID D1 config=${config} handler=${handler}`,
    "vmm S = IOASID_ALLOC",
    "vmm VFIO_ATTACH_IOASID D1 ioasid=S",
    config === 1
      ? "vmm VFIO_DEVICE_MAP_DMA D1 ioasid=S va=RAM len=2M iova=0x80000000"
      : "vmm IOASID_MAP_DMA ioasid=S va=RAM len=2M iova=0x80000000",
    "vmm C = IOASID_CREATE_NESTING parent=S",
    "vmm VFIO_ATTACH_IOASID D1 ioasid=C",
    "vmm IOASID_BIND_PASID_TABLE ioasid=C table=0x80000000",
  ];
  it.each([
    [1, "TABLE", "ioasid, table", "vfio"],
    [1, "DEVICE", "ioasid, vfio", "vfio"],
    [3, "TABLE", "ioasid, table", "ioasid, table"],
    [3, "DEVICE", "ioasid, vfio", "ioasid, vfio"],
  ])("configuration %i, handler of a %s: level 1 to %s, level 2 to %s", (config, handler, level1, level2) => {
    const where = (iova: string): string => {
      const p = play(OWNERS, "plain", [
        ...lines(config, handler),
        `device D1 DMA write iova=${iova} len=4`,
        "vmm SPACE_FAULTS space=C",
        "vmm VFIO_DEVICE_GET_FAULT D1",
      ]);
      const told = p.seen(-2, "records") === "1" ? `ioasid, ${p.seen(-2, "via")}` : "";
      return told + (p.errnos.at(-1) === "ok" ? "vfio" : "");
    };
    expect([where("0x9000"), where("0x5000")]).toEqual([level1, level2]);
  });
});

describe("the designs run on the machine", () => {
  it.each([OWNERS, CONTAINERS, RFC1, RFC2, NOW])(
    "%s: DMA goes through both levels, and invalidation is the guest's",
    (kernel) => {
      const p = play(kernel, "plain", [
        ...NESTED,
        "device D1 DMA write iova=0x1000 value=0x77",
        "device D2 DMA read iova=0x1000",
      ]);
      expect([p.seen(-2, "event"), p.seen(-1, "event")]).toEqual(["none", "F_TRANSLATION"]);
    },
  );
  it.each([CONTAINERS, RFC1, RFC2, CODE])("%s: interrupts arrive", (kernel) => {
    const p = play(kernel, "plain", [
      "vmm S = SPACE_ALLOC",
      "vmm SPACE_ATTACH D1 space=S",
      "vmm VFIO_DEVICE_SET_IRQS D1 index=MSI",
      "device D1 MSI",
    ]);
    expect([p.seen(-2, "msi"), p.seen(-1, "delivered")]).toEqual(["0x8000040", "1"]);
  });
  it.each(ALL)("%s: nothing stays when the program has closed everything", (kernel) => {
    const p = play(kernel, "plain", [
      ...NESTED.filter((l) => !l.startsWith("given")),
      "vmm CLOSE D1",
      "vmm CLOSE D2",
      ...(kernel === CONTAINERS ? ["vmm CLOSE C1", "vmm CLOSE C2", "vmm CLOSE S"] : []),
      "vmm CLOSE 3",
    ]);
    const w = p.run.world(p.results.length);
    if (kernel === "ioasid-sets-2021-02") return expect(p.errnos.at(-1)).toBe("ok");
    for (const group of w.kernel.iommu.groups.values())
      expect([group.owner_cnt, group.domain]).toEqual([0, group.default_domain]);
    expect(w.vmm.mm.locked_vm).toBe(0);
    expect(w.kernel.platform?.smmus.map((s) => s.vmid_map)).toEqual(
      play(kernel, "plain", ["vmm OPEN"])
        .run.world(0)
        .kernel.platform?.smmus.map((s) => s.vmid_map),
    );
  });
  it.each(ALL)("%s: a world is the same after a copy, at any step", (kernel) => {
    const run = start(scenario("ioasid-map-before-attach"), kernels.has(kernel) ? kernel : NOW);
    for (const step of [0, 4, 8]) expect(firstDifference(snapshot(run.world(step)), run.world(step))).toBeNull();
  });
});
