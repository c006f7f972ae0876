/** What was claimed in the discussion of 2024 and 2025 on the doorbell window, as behaviour of the kernels. */
import { describe, expect, it } from "vitest";
import { ATTACH_N, ATTACH_P, BOUND, NESTED, play, RANGES } from "../testing/play.ts";

const BEFORE = ["linux-6.7", "linux-6.11"];
const AFTER = ["linux-6.12", "linux-6.13", "linux-6.14", "linux-6.15", "linux-6.19", "linux-7.2"];
const ALLOC = ["sw-msi-at-alloc-2024-07", "sw-msi-at-alloc-verify"];
const WINDOW_CUT = "[0x0,0x7ffffff][0x8100000,0xfffffffffff]";
const BOTH_CUT = "[0x0,0x7ffffff][0x8100000,0x3fffffff][0x40100000,0xfffffffffff]";
const FULL = "[0x0,0xfffffffffff]";

describe("a direct nested attach breaks the doorbell", () => {
  const lines = [...NESTED, ATTACH_N, "vmm VFIO_DEVICE_SET_IRQS D1 index=MSI", "device D1 MSI"];
  it.each(BEFORE)("%s: the message ends in stage 2, whatever the guest maps", (kernel) => {
    const p = play(kernel, "plain", lines);
    expect(p.seen(-2, "msi")).toBe("0x8090040");
    expect([p.seen(-1, "event"), p.seen(-1, "stage"), p.seen(-1, "delivered")]).toEqual(["F_TRANSLATION", "2", "0"]);
  });
  it.each([...AFTER, ...ALLOC])("%s: the parent carries the doorbell and the message arrives", (kernel) => {
    const p = play(kernel, "plain", lines);
    expect([p.seen(-2, "msi"), p.seen(-1, "delivered")]).toEqual(["0x8000040", "1"]);
  });
  it("was not to be mended from outside: a page that the VMM puts there takes the message", () => {
    const late = play("linux-6.11", "plain", [
      ...NESTED,
      ATTACH_N,
      "vmm IOMMU_IOAS_MAP ioas=I iova=0x8090000 len=4K va=MORE RW",
      "vmm VFIO_DEVICE_SET_IRQS D1 index=MSI",
      "device D1 MSI",
    ]);
    expect(late.seen(-3, "errno")).toBe("ok");
    expect([late.seen(-1, "event"), late.seen(-1, "delivered")]).toEqual(["none", "0"]);
  });
});

describe("a reservation for each device shrinks the other device's space", () => {
  const lines = [
    ...NESTED,
    "vmm VFIO_DEVICE_ATTACH_IOMMUFD_PT D2 pt=P",
    RANGES,
    ATTACH_N,
    RANGES,
    "vmm IOMMU_IOAS_MAP ioas=I iova=0x40000000 len=64K va=MORE RW",
    "device D2 DMA write iova=0x40000000 len=64",
    "vmm IOMMU_IOAS_UNMAP ioas=I iova=0x0 len=U64_MAX",
    "vmm VFIO_DEVICE_DETACH_IOMMUFD_PT D1",
    RANGES,
  ];
  it.each(AFTER)("%s: D1's region is lost to D2 while D1 is nested, and only then", (kernel) => {
    const p = play(kernel, "plain-resv", lines);
    expect([p.seen(-8, "ranges"), p.seen(-6, "ranges"), p.seen(-1, "ranges")]).toEqual([
      WINDOW_CUT,
      BOTH_CUT,
      WINDOW_CUT,
    ]);
    expect([p.seen(-5, "errno"), p.seen(-4, "event")]).toEqual(["EINVAL", "F_TRANSLATION"]);
  });
  it.each([...BEFORE, ...ALLOC])("%s: it is D2's to use", (kernel) => {
    const p = play(kernel, "plain-resv", lines);
    expect(p.seen(-6, "ranges")).toBe(WINDOW_CUT);
    expect([p.seen(-5, "errno"), p.seen(-4, "event")]).toEqual(["ok", "none"]);
  });
  it("is answered by the guest that switches its SMMU off: memory there would be in the way", () => {
    const lines611 = [
      ...NESTED,
      ATTACH_N,
      "vmm IOMMU_IOAS_MAP ioas=I iova=0x40000000 len=64K va=MORE RW",
      "vmm VFIO_DEVICE_DETACH_IOMMUFD_PT D1",
      ATTACH_P,
    ];
    expect(play("linux-6.11", "plain-resv", lines611).errnos.slice(-3)).toEqual(["ok", "ok", "EADDRINUSE"]);
    expect(play("linux-7.2", "plain-resv", lines611).errnos.slice(-3)).toEqual(["EINVAL", "ok", "ok"]);
  });
});

/** On this machine D1's window is at 0x8000000 and D2's at 0x9000000. */
const WINDOWS = "plain-window";
const attach = (dev: string, pt: string) => `vmm VFIO_DEVICE_ATTACH_IOMMUFD_PT ${dev} pt=${pt}`;

describe("a reservation at allocation without verification lets a device with another window in", () => {
  const made = (by: string, other: string, open: string) => [
    ...BOUND,
    `vmm H = IOMMU_HWPT_ALLOC dev=${by} pt=I`,
    attach(by, "H"),
    attach(other, "H"),
    `vmm IOMMU_IOAS_MAP ioas=I iova=${open} len=4K va=MORE RW`,
  ];
  it.each([
    ["D1", "D2", "0x9000000"],
    ["D2", "D1", "0x8000000"],
  ])("made for %s: %s is in, and memory may lie in its window at %s", (by, other, open) => {
    const posted = play("sw-msi-at-alloc-2024-07", WINDOWS, made(by, other, open));
    expect(posted.errnos.slice(-2)).toEqual(["ok", "ok"]);
    const verified = play("sw-msi-at-alloc-verify", WINDOWS, made(by, other, open));
    expect(verified.errnos.slice(-2)).toEqual(["EINVAL", "ok"]);
    for (const kernel of AFTER) {
      expect(play(kernel, WINDOWS, made(by, other, open)).errnos.slice(-2)).toEqual(["ok", "EINVAL"]);
    }
  });
  it("the verification also stands before a replace and a nested page table", () => {
    const p = play("sw-msi-at-alloc-verify", WINDOWS, [
      ...BOUND,
      "vmm H = IOMMU_HWPT_ALLOC dev=D1 pt=I",
      "vmm P = IOMMU_HWPT_ALLOC dev=D1 pt=I flags=NEST_PARENT",
      "vmm V = IOMMU_VIOMMU_ALLOC dev=D2 hwpt=P",
      "vmm N = IOMMU_HWPT_ALLOC dev=D2 pt=V vste={0x1,0x0}",
      attach("D2", "N"),
      "vmm G = IOMMU_HWPT_ALLOC dev=D2 pt=I",
      attach("D2", "G"),
      attach("D2", "H"),
      "vmm VFIO_DEVICE_SET_IRQS D2 index=MSIX",
      "device D2 MSI",
    ]);
    expect(p.errnos.slice(7, 11)).toEqual(["EINVAL", "ok", "ok", "EINVAL"]);
    expect([p.seen(-2, "msi"), p.seen(-1, "delivered")]).toEqual(["0x9000040", "1"]);
  });
  it("verified, an allocation that fails leaves nothing reserved", () => {
    const p = play("sw-msi-at-alloc-verify", "plain", [
      ...BOUND,
      "vmm IOMMU_IOAS_MAP ioas=I iova=0x8001000 len=4K va=MORE RW",
      "vmm H = IOMMU_HWPT_ALLOC dev=D1 pt=I",
      "vmm IOMMU_IOAS_UNMAP ioas=I iova=0x8001000 len=4K",
      RANGES,
      "vmm IOMMU_DESTROY id=I",
    ]);
    expect(p.errnos.slice(-4)).toEqual(["EADDRINUSE", "ok", "ok", "ok"]);
    expect(p.seen(-2, "ranges")).toBe("[0x0,0xffffffffffffffff]");
  });
});

describe("the first two versions of what was merged", () => {
  const abort = [...NESTED, "vmm A = IOMMU_HWPT_ALLOC dev=D1 pt=V vste={0x1,0x0}", attach("D1", "A"), RANGES, ATTACH_P];
  it("v1 takes a page table without IOAS for the same as any other, in both directions", () => {
    const p = play("nested-resv-v1-2024-08", "plain", [...abort, RANGES]);
    expect(p.seen(-1, "ranges")).toBe(FULL);
    const back = play("nested-resv-v1-2024-08", "plain", [
      ...NESTED,
      ATTACH_P,
      abort[NESTED.length] ?? "",
      attach("D1", "A"),
      RANGES,
    ]);
    expect(back.seen(-1, "ranges")).toBe(WINDOW_CUT);
  });
  it("v2 does not", () => {
    const p = play("nested-resv-v2-2024-08", "plain", [...abort, RANGES]);
    expect(p.seen(-3, "ranges")).toBe(FULL);
    expect(p.seen(-1, "ranges")).toBe(WINDOW_CUT);
    const back = play("nested-resv-v2-2024-08", "plain", [
      ...NESTED,
      ATTACH_P,
      abort[NESTED.length] ?? "",
      attach("D1", "A"),
      RANGES,
    ]);
    expect(back.seen(-1, "ranges")).toBe(FULL);
  });
  it.each(["nested-resv-v1-2024-08", "nested-resv-v2-2024-08"])(
    "%s is 6.12 with the page tables that exist",
    (kernel) => {
      const lines = [
        ...NESTED,
        ATTACH_N,
        RANGES,
        ATTACH_P,
        RANGES,
        "vmm VFIO_DEVICE_SET_IRQS D1 index=MSI",
        ATTACH_N,
        RANGES,
      ];
      const [mine, merged] = [play(kernel, "plain-resv", lines), play("linux-6.12", "plain-resv", lines)];
      expect(mine.results.map((r) => r.seen)).toEqual(merged.results.map((r) => r.seen));
    },
  );
});

describe("a window that the user places", () => {
  const DEVICE_OPTIONS = ["sw-msi-option-2025-02", "sw-msi-option-2025-10"];
  const set = (object: string, start: string, size: string) => [
    `vmm IOMMU_OPTION object=${object} option=SW_MSI_START val=${start}`,
    `vmm IOMMU_OPTION object=${object} option=SW_MSI_SIZE val=${size}`,
  ];
  const head = ["vmm DEV = VFIO_DEVICE_BIND_IOMMUFD D1", "vmm I = IOMMU_IOAS_ALLOC"];
  it.each(DEVICE_OPTIONS)("%s: any window of whole MiB is what attach reserves and where the doorbell is", (kernel) => {
    for (const [start, size] of [
      [0x70000000n, 2n],
      [0x100000n, 1n],
      [0xfff00000n, 16n],
      [0x8000000n, 3n],
    ] as const) {
      const p = play(kernel, "plain", [
        ...head,
        ...set("DEV", `0x${start.toString(16)}`, size.toString()),
        attach("D1", "I"),
        RANGES,
        "vmm VFIO_DEVICE_SET_IRQS D1 index=MSI",
        "device D1 MSI",
      ]);
      const hex = (x: bigint) => `0x${x.toString(16)}`;
      const end = start + (size << 20n);
      expect(p.seen(-3, "ranges")).toBe(`[0x0,${hex(start - 1n)}][${hex(end)},0xffffffffffff]`);
      expect([p.seen(-2, "msi"), p.seen(-1, "delivered")]).toEqual([hex(start + 0x40n), "1"]);
    }
  });
  it("of size 0 is the driver's, and the start of another one the driver's too", () => {
    for (const kernel of [...DEVICE_OPTIONS, "sw-msi-option-rfc-2025-01"]) {
      const object = kernel === "sw-msi-option-rfc-2025-01" ? "0" : "DEV";
      const p = play(kernel, "plain", [...head, ...set(object, "0x70000000", "0"), attach("D1", "I"), RANGES]);
      expect(p.errnos).toEqual(["ok", "ok", "ok", "ok", "ok", "ok"]);
      expect(p.seen(-1, "ranges")).toBe("[0x0,0x7ffffff][0x8100000,0xffffffffffff]");
    }
  });
  it("is a device's own: another device of the file keeps the driver's", () => {
    const p = play("sw-msi-option-2025-10", "plain", [
      ...head,
      "vmm VFIO_DEVICE_BIND_IOMMUFD D2",
      ...set("DEV", "0x70000000", "2"),
      attach("D2", "I"),
      "vmm VFIO_DEVICE_SET_IRQS D2 index=MSIX",
      attach("D1", "I"),
      "vmm VFIO_DEVICE_SET_IRQS D1 index=MSI",
      RANGES,
    ]);
    expect([p.seen(-4, "msi"), p.seen(-2, "msi")]).toEqual(["0x8000040", "0x70000040"]);
    expect(p.seen(-1, "ranges")).toBe("[0x0,0x7ffffff][0x8100000,0x6fffffff][0x70200000,0xffffffffffff]");
  });
  it("can be set while another device of the group is attached only in v2, and the doorbell stays with the first", () => {
    const lines = [
      ...head,
      "vmm TWO = VFIO_DEVICE_BIND_IOMMUFD D2",
      attach("D1", "I"),
      ...set("TWO", "0x70000000", "2"),
      attach("D2", "I"),
      RANGES,
      "vmm VFIO_DEVICE_SET_IRQS D2 index=MSIX",
    ];
    const group = ["0000:00:08.0", "0000:00:08.1"] as const;
    const v1 = play("sw-msi-option-2025-02", "plain", lines, group);
    expect(v1.errnos.slice(4, 6)).toEqual(["EBUSY", "EBUSY"]);
    expect(v1.seen(-2, "ranges")).toBe("[0x0,0x7ffffff][0x8100000,0xffffffffffff]");
    const v2 = play("sw-msi-option-2025-10", "plain", lines, group);
    expect(v2.errnos.slice(4, 7)).toEqual(["ok", "ok", "ok"]);
    expect(v2.seen(-2, "ranges")).toBe("[0x0,0x7ffffff][0x8100000,0x6fffffff][0x70200000,0xffffffffffff]");
    for (const p of [v1, v2]) expect(p.seen(-1, "msi")).toBe("0x8000040");
  });
  it("is what a guest with stage 1 maps one to one", () => {
    const own = "given guest S1_MAP T iova=0x70000000 ipa=0x70000000 len=2M flags=DEVICE";
    const lines = [...NESTED.slice(0, 3), own, ...NESTED.slice(3), ...set("1", "0x70000000", "2"), ATTACH_N, RANGES];
    for (const kernel of DEVICE_OPTIONS) {
      const p = play(kernel, "plain", [...lines, "vmm VFIO_DEVICE_SET_IRQS D1 index=MSI", "device D1 MSI"]);
      expect(p.seen(-3, "ranges")).toBe("[0x0,0x6fffffff][0x70200000,0xfffffffffff]");
      expect([p.seen(-2, "msi"), p.seen(-1, "delivered")]).toEqual(["0x70000040", "1"]);
    }
  });
  it("is refused as the posted self-test wants it, here with a region at 0x40000000", () => {
    const one = (what: string, value: string) => `vmm IOMMU_OPTION object=DEV option=SW_MSI_${what} val=${value}`;
    const p = play("sw-msi-option-2025-10", "plain-resv", [
      ...head,
      ...["0x3fffffff", "0x3fffff00", "0x3fff0000", "0x400ff000", "0x40000000", "0x3ff00000"].map((v) =>
        one("START", v),
      ),
      one("SIZE", "2"),
      one("START", "0x30000000"),
      one("SIZE", "2"),
      "vmm IOMMU_OPTION object=DEV option=SW_MSI_START op=GET",
      "vmm IOMMU_OPTION object=DEV option=SW_MSI_SIZE op=GET",
    ]);
    expect(p.errnos.slice(2)).toEqual([
      "EINVAL",
      "EINVAL",
      "EINVAL",
      "EINVAL",
      "EADDRINUSE",
      "ok",
      "EADDRINUSE",
      "ok",
      "ok",
      "ok",
      "ok",
    ]);
    expect([p.seen(-2, "value"), p.seen(-1, "value")]).toEqual(["0x30000000", "2"]);
  });
  it("was one for the whole file in the RFC, taken as it is given, at any time", () => {
    const option = (rest: string) => `vmm IOMMU_OPTION ${rest}`;
    const p = play("sw-msi-option-rfc-2025-01", "plain", [
      ...head,
      attach("D1", "I"),
      option("option=SW_MSI_SIZE val=7"),
      option("option=SW_MSI_START val=0x123"),
      option("option=SW_MSI_SIZE op=GET"),
      option("option=SW_MSI_START op=GET"),
      option("option=SW_MSI_START op=2 val=0x1"),
      option("object=DEV option=SW_MSI_START op=GET"),
    ]);
    expect(p.errnos.slice(3)).toEqual(["ok", "ok", "ok", "ok", "EOPNOTSUPP", "EOPNOTSUPP"]);
    expect([p.seen(-4, "value"), p.seen(-3, "value")]).toEqual(["7", "291"]);
  });
  it("is unknown to every release", () => {
    for (const kernel of ["linux-6.6", ...AFTER])
      expect(play(kernel, "plain", [...head, ...set("DEV", "0x70000000", "2")]).errnos.slice(-2)).toEqual([
        "EOPNOTSUPP",
        "EOPNOTSUPP",
      ]);
  });
});
