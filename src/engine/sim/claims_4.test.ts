/** What was claimed in the discussion of 2023 on deferred linkage and replace, as behaviour of the kernels. */
import { describe, expect, it } from "vitest";
import { ATTACH_N, ATTACH_P, BOUND, NESTED, play, RANGES } from "../testing/play.ts";

const DEFERRED = "deferred-linkage-2023";
const USERS = "devices-users-2023-01";
const UNFINALISED = "created-linked-unfinalised";
const NOW = "linux-7.2";
const FULL64 = "[0x0,0xffffffffffffffff]";
const FULL48 = "[0x0,0xffffffffffff]";
const WINDOW_CUT48 = "[0x0,0x7ffffff][0x8100000,0xffffffffffff]";

const attach = (pt: string, dev = "D1") => `vmm VFIO_DEVICE_ATTACH_IOMMUFD_PT ${dev} pt=${pt}`;
const detach = (dev = "D1") => `vmm VFIO_DEVICE_DETACH_IOMMUFD_PT ${dev}`;
const map = (ioas: string, iova: string) => `vmm IOMMU_IOAS_MAP ioas=${ioas} iova=${iova} len=4K va=MORE RW`;
const dma = (iova: string, dev = "D1") => `device ${dev} DMA write iova=${iova} len=64`;
const hwpt = (label: string, ioas: string) => `vmm ${label} = IOMMU_HWPT_ALLOC dev=D1 pt=${ioas}`;
const ranges = (ioas: string) => `vmm IOMMU_IOAS_IOVA_RANGES ioas=${ioas}`;
/** D1 works on A of I; B of J waits for it. */
const TWO = [...BOUND, hwpt("A", "I"), attach("A"), "vmm J = IOMMU_IOAS_ALLOC", hwpt("B", "J")];

describe("mapping before a replace under deferred linkage collides with the late window", () => {
  it.each(["0x8000000", "0x8080000", "0x80ff000"])("memory at %s is taken, and the replace fails", (iova) => {
    for (const kernel of [DEFERRED, USERS]) {
      const p = play(kernel, "plain", [...TWO, map("J", iova), attach("B"), dma(iova), ranges("I"), ranges("J")]);
      expect(p.errnos.slice(-5, -3)).toEqual(["ok", "EADDRINUSE"]);
      expect(p.seen(-3, "event")).toBe("F_TRANSLATION");
      expect([p.seen(-2, "ranges"), p.seen(-1, "ranges")]).toEqual([WINDOW_CUT48, FULL64]);
    }
  });
  it("and so with what the page table cannot hold, where a linked one refuses the memory", () => {
    const lines = [...TWO, map("J", "0x1000000000000"), attach("B"), ranges("I")];
    for (const kernel of [DEFERRED, USERS]) {
      const p = play(kernel, "plain", lines);
      expect(p.errnos.slice(-3, -1)).toEqual(["ok", "EADDRINUSE"]);
    }
    expect(play(NOW, "plain", lines).errnos.slice(-3, -1)).toEqual(["EINVAL", "ok"]);
  });
  it("a reservation at the allocation would have refused the map itself", () => {
    const p = play("sw-msi-at-alloc-2024-07", "plain", [...TWO, map("J", "0x8000000"), attach("B")]);
    expect(p.errnos.slice(-2)).toEqual(["EINVAL", "ok"]);
  });
  it("memory elsewhere moves with the device, which went through an empty page table meanwhile", () => {
    const lines = [...TWO, map("J", "0x10000"), attach("B"), dma("0x10000")];
    const order = (kernel: string): string[] => {
      const p = play(kernel, "plain", lines);
      expect(p.seen(-1, "event")).toBe("none");
      const calls = p.results.at(-2)?.trace.flatMap((e) => (e.t === "enter" ? [e.fn] : [])) ?? [];
      return calls.filter((fn) => fn === "iommu_replace_group_handle" || fn === "iopt_table_add_domain");
    };
    expect(order(DEFERRED)).toEqual(["iommu_replace_group_handle", "iopt_table_add_domain"]);
    expect(order(NOW)).toEqual(["iommu_replace_group_handle"]);
  });
  it("is what 6.2 did with its automatic page tables, for which it works", () => {
    const p = play("linux-6.2", "plain", [
      ...BOUND,
      map("I", "0x10000"),
      attach("I"),
      dma("0x10000"),
      RANGES,
      detach(),
      RANGES,
    ]);
    expect([p.seen(-4, "event"), p.seen(-3, "ranges"), p.seen(-1, "ranges")]).toEqual(["none", WINDOW_CUT48, FULL64]);
  });
});

describe("an unfinalised domain makes an empty IOAS unusable", () => {
  const places = ["0x0", "0x1000", "0x10000", "0x8000000", "0x7fffffffffff", "0xfffffffff000", "0x1000000000000"];
  const tries = (ioas: string) => [
    `vmm IOMMU_IOAS_MAP ioas=${ioas} len=4K va=MORE RW`,
    ...places.map((p) => map(ioas, p)),
  ];
  it("no map succeeds, before, during and after an attachment", () => {
    for (const then of [[], [attach("A")], [attach("A"), detach()]]) {
      const p = play(UNFINALISED, "plain", [...BOUND, hwpt("A", "I"), ...then, RANGES, ...tries("I")]);
      expect(p.results.slice(0, -tries("I").length).every((r) => r.errno === "ok")).toBe(true);
      expect(p.seen(-1 - tries("I").length, "ranges")).toBe("[0x0,0x0]");
      expect(p.errnos.slice(-tries("I").length)).toEqual(["ENOSPC", ...places.map(() => "EINVAL")]);
    }
  });
  it("neither does a copy, nor a wish for places, nor a second page table that is finished", () => {
    const p = play(UNFINALISED, "plain", [
      ...BOUND,
      hwpt("A", "I"),
      "vmm J = IOMMU_IOAS_ALLOC",
      map("J", "0x10000"),
      "vmm IOMMU_IOAS_COPY dst=I src=J len=4K dst_iova=0x10000 src_iova=0x10000",
      "vmm IOMMU_IOAS_ALLOW_IOVAS ioas=I ranges=[0x10000,0x1ffff]",
      "vmm P = IOMMU_HWPT_ALLOC dev=D1 pt=I flags=NEST_PARENT",
      map("I", "0x10000"),
    ]);
    expect(p.errnos.slice(-4)).toEqual(["EINVAL", "EADDRINUSE", "ok", "EINVAL"]);
  });
  it("the end of the page table gives the IOAS back", () => {
    const p = play(UNFINALISED, "plain", [
      ...BOUND,
      hwpt("A", "I"),
      "vmm IOMMU_DESTROY id=A",
      RANGES,
      map("I", "0x10000"),
    ]);
    expect([p.seen(-2, "ranges"), p.errnos.at(-1)]).toEqual([FULL64, "ok"]);
  });
  it("an IOAS with memory refuses it instead", () => {
    for (const place of ["0x0", "0x10000", "0x8100000"]) {
      const p = play(UNFINALISED, "plain", [...BOUND, map("I", place), hwpt("A", "I"), RANGES]);
      expect([p.errnos.at(-3), p.errnos.at(-2), p.seen(-1, "ranges")]).toEqual(["ok", "EADDRINUSE", FULL64]);
    }
  });
  it("none of this where the driver finishes the domain for the device that is named", () => {
    const p = play(NOW, "plain", [...BOUND, map("I", "0x10000"), hwpt("A", "I"), RANGES, attach("A"), dma("0x10000")]);
    expect([p.errnos.at(-4), p.seen(-3, "ranges"), p.seen(-1, "event")]).toEqual(["ok", FULL48, "none"]);
  });
});

describe("the automatic path works", () => {
  const KERNELS = ["linux-6.2", "linux-6.4", "linux-6.6", NOW, DEFERRED, USERS, UNFINALISED];
  it.each(KERNELS)("%s: attached while empty, then filled", (kernel) => {
    const p = play(kernel, "plain", [...BOUND, map("I", "0x10000"), attach("I"), dma("0x10000"), RANGES]);
    expect(p.errnos.at(-3)).toBe("ok");
    expect([p.seen(-2, "event"), p.seen(-1, "ranges")]).toEqual(["none", WINDOW_CUT48]);
    const calls = p.results.at(-3)?.trace.flatMap((e) => (e.t === "enter" ? [e.fn] : [])) ?? [];
    const at = (fn: string) => calls.indexOf(fn);
    expect(at("iommu_attach_group_handle")).toBeGreaterThan(-1);
    expect(at("iopt_table_add_domain")).toBeGreaterThan(at("iommu_attach_group_handle"));
  });
  it("on an empty IOAS too, which stays usable, for an unfinished domain as for any", () => {
    for (const kernel of KERNELS) {
      const p = play(kernel, "plain", [...BOUND, attach("I"), map("I", "0x10000"), dma("0x10000"), detach(), RANGES]);
      expect([p.errnos.at(-4), p.seen(-3, "event"), p.seen(-1, "ranges")]).toEqual(["ok", "none", FULL64]);
    }
  });
  it("but only for attach: a replace links first, and an unfinished domain cannot be linked to memory", () => {
    const lines = [...BOUND, attach("I"), "vmm J = IOMMU_IOAS_ALLOC", map("J", "0x10000"), attach("J"), dma("0x10000")];
    const p = play(UNFINALISED, "plain", lines);
    expect([p.errnos.at(-2), p.seen(-1, "event")]).toEqual(["EADDRINUSE", "F_TRANSLATION"]);
    const now = play(NOW, "plain", lines);
    expect([now.errnos.at(-2), now.seen(-1, "event")]).toEqual(["ok", "none"]);
  });
});

describe("created linked works", () => {
  const KERNELS = ["linux-6.6", "linux-6.11", "linux-6.14", "linux-6.15", NOW];
  it.each(KERNELS)(
    "%s: the page table is full and limited before the device comes, and again after it has left",
    (kernel) => {
      const p = play(kernel, "plain", [
        ...TWO,
        ranges("J"),
        map("J", "0x10000"),
        attach("B"),
        dma("0x10000"),
        ranges("I"),
        attach("A"),
        dma("0x10000"),
        ranges("J"),
      ]);
      expect(p.results.every((r) => r.outcome !== "errno")).toBe(true);
      expect([p.seen(-8, "ranges"), p.seen(-4, "ranges"), p.seen(-1, "ranges")]).toEqual([FULL48, FULL48, FULL48]);
      expect([p.seen(-5, "event"), p.seen(-2, "event")]).toEqual(["none", "F_TRANSLATION"]);
    },
  );
  it("within one IOAS the reservations stay through the replace", () => {
    for (const kernel of KERNELS) {
      const p = play(kernel, "plain", [
        ...BOUND,
        hwpt("A", "I"),
        hwpt("B", "I"),
        map("I", "0x10000"),
        attach("A"),
        attach("B"),
        RANGES,
        dma("0x10000"),
      ]);
      expect([p.errnos.at(-3), p.seen(-2, "ranges"), p.seen(-1, "event")]).toEqual(["ok", WINDOW_CUT48, "none"]);
    }
  });
  it("but a replace that the driver refuses drops them while the device stays", () => {
    const early = NESTED.filter((line) => !line.includes("VDEVICE_ALLOC"));
    for (const kernel of ["linux-6.15", "linux-6.17", "linux-6.19", NOW]) {
      const p = play(kernel, "plain", [
        ...early,
        ATTACH_P,
        RANGES,
        ATTACH_N,
        RANGES,
        dma("0x80000000"),
        map("I", "0x8000000"),
      ]);
      expect(p.errnos.at(-4)).toBe("ENOENT");
      expect([p.seen(-5, "ranges"), p.seen(-3, "ranges")]).toEqual([
        "[0x0,0x7ffffff][0x8100000,0xfffffffffff]",
        "[0x0,0xfffffffffff]",
      ]);
      expect([p.seen(-2, "event"), p.errnos.at(-1)]).toEqual(["none", "ok"]);
    }
  });
});

describe("devices_users counts the parent and its children together", () => {
  const P2 = "vmm VFIO_DEVICE_ATTACH_IOMMUFD_PT D2 pt=P";
  const linked = (text: string): boolean => text.endsWith(",0xfffffffffff]");
  it.each([
    ["nested first", [ATTACH_N, P2]],
    ["parent first", [P2, ATTACH_N]],
  ])("%s: linked once, until the last has left, in either order", (_, both) => {
    for (const leave of [
      ["D1", "D2"],
      ["D2", "D1"],
    ]) {
      const out = leave.flatMap((dev) => [detach(dev), RANGES]);
      const p = play(USERS, "plain", [...NESTED, RANGES, ...both, RANGES, ...out]);
      expect(p.results.every((r) => r.errno === "ok")).toBe(true);
      expect([-8, -5, -3, -1].map((n) => linked(p.seen(n, "ranges")))).toEqual([false, true, true, false]);
      const lists = play(DEFERRED, "plain", [...NESTED, RANGES, ...both, RANGES]);
      expect(lists.errnos.slice(-3, -1)).toEqual(["ok", "EEXIST"]);
    }
  });
  it("and what the parent holds is there for whoever stays", () => {
    const p = play(USERS, "plain", [
      ...NESTED,
      ATTACH_N,
      P2,
      detach(),
      dma("0x80100000", "D2"),
      ATTACH_N,
      detach("D2"),
      dma("0x1000"),
    ]);
    expect([p.seen(-4, "event"), p.seen(-1, "event")]).toEqual(["none", "none"]);
  });
  it("leaves nothing behind when everything goes", () => {
    for (const kernel of [DEFERRED, USERS, UNFINALISED]) {
      const p = play(kernel, "plain", [
        ...TWO,
        attach("B"),
        detach(),
        "vmm IOMMU_DESTROY id=A",
        "vmm IOMMU_DESTROY id=B",
        ranges("I"),
        ranges("J"),
        "vmm IOMMU_DESTROY id=I",
        "vmm IOMMU_DESTROY id=J",
      ]);
      expect(p.errnos.slice(-6)).toEqual(["ok", "ok", "ok", "ok", "ok", "ok"]);
      expect([p.seen(-4, "ranges"), p.seen(-3, "ranges")]).toEqual([FULL64, FULL64]);
    }
  });
});
