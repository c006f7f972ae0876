/** What was claimed in the discussion of 2023 on telling a VMM the regions of a device, as behaviour of the kernels. */
import { describe, expect, it } from "vitest";
import { ATTACH_N, ATTACH_P, BOUND, NESTED, play, RANGES } from "../testing/play.ts";

const ALL = "resv-all-nested-2023";
const ONLY = "resv-sw-msi-only-2023-07";
const REPORT = "resv-report-2023-07";
/** D1 has the window [0x8000000, 0x80fffff] and the region [0x40000000, 0x400fffff]. */
const MACHINE = "plain-resv";
const WINDOW_CUT = "[0x0,0x7ffffff][0x8100000,0xfffffffffff]";
const BOTH_CUT = "[0x0,0x7ffffff][0x8100000,0x3fffffff][0x40100000,0xfffffffffff]";
const DETACH = "vmm VFIO_DEVICE_DETACH_IOMMUFD_PT D1";
const IMPORT = "vmm IOMMU_IOAS_IMPORT_RESV ioas=I dev=D1";
const map = (iova: bigint) => `vmm IOMMU_IOAS_MAP ioas=I iova=0x${iova.toString(16)} len=4K va=MORE RW`;
const unmap = (iova: bigint) => `vmm IOMMU_IOAS_UNMAP ioas=I iova=0x${iova.toString(16)} len=4K`;
const PAGE = 0x1000n;
const GIVEN = NESTED.filter((line) => line.startsWith("given")).length;

/** First and last pages of each range on offer, as far as they are not the guest's memory. */
function edges(text: string): bigint[] {
  const pages = [...text.matchAll(/\[(0x[0-9a-f]+),(0x[0-9a-f]+)\]/g)].flatMap((m) => [
    BigInt(m[1] ?? 0),
    BigInt(m[2] ?? 0) + 1n - PAGE,
  ]);
  return pages.filter((p) => p < 0x80000000n || p >= 0x80200000n);
}

describe("IOVA_RANGES is not enough for a VMM when the parent lacks the regions", () => {
  const settle = (kernel: string) => play(kernel, MACHINE, [...NESTED, ATTACH_N, RANGES]).seen(-1, "ranges");
  /** Each page is mapped alone; then the guest switches its SMMU off. */
  const later = (kernel: string, page: bigint): string[] =>
    play(kernel, MACHINE, [...NESTED, ATTACH_N, map(page), DETACH, ATTACH_P]).errnos.slice(-3);

  it("a page on offer next to the window suits every mode, one in the device's own region does not", () => {
    expect(settle(ONLY)).toBe(WINDOW_CUT);
    for (const page of edges(settle(ONLY))) expect(later(ONLY, page)).toEqual(["ok", "ok", "ok"]);
    for (const page of [0x40000000n, 0x40080000n, 0x400ff000n])
      expect(later(ONLY, page)).toEqual(["ok", "ok", "EADDRINUSE"]);
    for (const page of [0x3ffff000n, 0x40100000n]) expect(later(ONLY, page)).toEqual(["ok", "ok", "ok"]);
  });
  it("where the parent has them, no page on offer is ever in the way", () => {
    for (const kernel of [ALL, "linux-6.12", "linux-7.2"]) {
      expect(settle(kernel)).toBe(BOTH_CUT);
      for (const page of edges(settle(kernel))) expect(later(kernel, page)).toEqual(["ok", "ok", "ok"]);
      expect(later(kernel, 0x40000000n)[0]).toBe("EINVAL");
    }
  });
  it("with the regions reported, a VMM that leaves them out is safe too", () => {
    const p = play(REPORT, MACHINE, [...NESTED, ATTACH_N, "vmm IOMMU_RESV_IOVA_RANGES dev=D1"]);
    const regions = p.seen(-1, "regions");
    expect(regions).toBe("[0x8000000,0x80fffff][0x40000000,0x400fffff]");
    const outside = edges(regions).flatMap((page, i) => [i % 2 === 0 ? page - PAGE : page + PAGE]);
    for (const page of outside) expect(later(REPORT, page)).toEqual(["ok", "ok", "ok"]);
  });
  it("the ranges also hide them before anything is attached, on every kernel", () => {
    for (const kernel of [ALL, ONLY, REPORT, "linux-7.2"])
      expect(play(kernel, MACHINE, [...NESTED, RANGES]).seen(-1, "ranges")).toBe("[0x0,0xfffffffffff]");
  });
});

describe("the report", () => {
  const ask = (room: number) => `vmm IOMMU_RESV_IOVA_RANGES dev=D1 room=${room}`;
  it.each([0, 1, 2, 3])("with room for %i of 2 regions", (room) => {
    const p = play(REPORT, MACHINE, [...NESTED, ask(room)]);
    expect(p.seen(-1, "entries")).toBe("2");
    expect(p.seen(-1, "errno")).toBe(room < 2 ? "EMSGSIZE" : "ok");
    const bytes = p.results.at(-1)?.call?.arrays[0]?.bytes ?? new Uint8Array();
    const words = [...new BigUint64Array(bytes.slice().buffer)];
    expect(words.slice(0, 4)).toEqual([0x8000000n, 0x80fffffn, 0x40000000n, 0x400fffffn].slice(0, 2 * room));
    expect(words.slice(4).every((w) => w === 0n)).toBe(true);
  });
  it("has the struct that was posted", () => {
    const call = play(REPORT, MACHINE, [...NESTED, ask(2)]).results.at(-1)?.call;
    const view = new DataView((call?.before ?? new Uint8Array(0)).slice().buffer);
    expect(view.byteLength).toBe(24);
    expect([0, 4, 8, 12].map((at) => view.getUint32(at, true))).toEqual([24, 1, 2, 0]);
    expect(view.getBigUint64(16, true)).not.toBe(0n);
  });
  it("leaves relaxable regions out and is in the driver's order", () => {
    const p = play(REPORT, "acpi-relaxable", [
      ...BOUND,
      "vmm IOMMU_RESV_IOVA_RANGES dev=D1",
      "admin RESERVED_REGIONS D1",
    ]);
    expect(p.seen(-1, "regions")).not.toBe(p.seen(-2, "regions"));
    expect(p.seen(-2, "regions")).toBe("[0x8000000,0x80fffff]");
  });
  it("speaks of what is not allowed: given to ALLOW_IOVAS it does the opposite", () => {
    const p = play(REPORT, MACHINE, [
      ...BOUND,
      "vmm IOMMU_IOAS_ALLOW_IOVAS ioas=I ranges=[0x8000000,0x80fffff][0x40000000,0x400fffff]",
      "vmm IOMMU_IOAS_MAP ioas=I len=4K va=MORE RW",
      "vmm IOMMU_IOAS_UNMAP ioas=I iova=0x0 len=U64_MAX",
      "vmm VFIO_DEVICE_ATTACH_IOMMUFD_PT D1 pt=I",
    ]);
    expect(p.seen(-3, "iova")).toMatch(/^0x80/);
    expect(p.errnos.at(-1)).toBe("EADDRINUSE");
  });
  it("and the import are in no release", () => {
    for (const kernel of ["linux-6.6", "linux-6.12", "linux-7.2", ONLY])
      expect(play(kernel, MACHINE, [...BOUND, ask(2), IMPORT]).errnos.slice(-2)).toEqual(["ENOTTY", "ENOTTY"]);
  });
});

describe("import makes an identity-compatible hwpt", () => {
  const offer = play(REPORT, MACHINE, [...NESTED, IMPORT, RANGES]).seen(-1, "ranges");
  const MODES = [
    ATTACH_N,
    ATTACH_P,
    ATTACH_N,
    DETACH,
    ATTACH_P,
    ATTACH_N,
    DETACH,
    "vmm VFIO_DEVICE_ATTACH_IOMMUFD_PT D1 pt=I",
  ];

  it("all that is on offer then can be mapped, and no mode of the device minds", () => {
    expect(offer).toBe(BOTH_CUT);
    for (const page of edges(offer)) {
      const p = play(REPORT, MACHINE, [...NESTED, IMPORT, map(page), ...MODES]);
      expect(p.errnos.slice(-MODES.length - 2)).toEqual(Array(MODES.length + 2).fill("ok"));
    }
  });
  it("nothing of the regions can be mapped, in no mode", () => {
    for (const page of [0x8000000n, 0x80ff000n, 0x40000000n, 0x400ff000n]) {
      const lines = MODES.flatMap((mode) => [mode, map(page)]);
      const { errnos } = play(REPORT, MACHINE, [...NESTED, IMPORT, map(page), ...lines]);
      expect(errnos.slice(NESTED.length - GIVEN + 1)).toEqual(["EINVAL", ...MODES.flatMap(() => ["ok", "EINVAL"])]);
    }
  });
  it("the guest's one to one map of the window then carries the interrupt in every mode", () => {
    const p = play(REPORT, MACHINE, [
      ...NESTED,
      IMPORT,
      ATTACH_N,
      "vmm VFIO_DEVICE_SET_IRQS D1 index=MSI",
      "device D1 MSI",
      "device D1 DMA write iova=0x1000 len=64",
    ]);
    expect([p.seen(-3, "msi"), p.seen(-2, "delivered"), p.seen(-1, "ipa")]).toEqual(["0x8000040", "1", "0x80100000"]);
  });
  it("is of the device that is named, and refused where memory is, wholly", () => {
    const other = play(REPORT, MACHINE, [...NESTED, "vmm IOMMU_IOAS_IMPORT_RESV ioas=I dev=D2", RANGES]);
    expect(other.seen(-1, "ranges")).toBe(WINDOW_CUT);
    const late = play(REPORT, MACHINE, [
      ...NESTED,
      map(0x40000000n),
      IMPORT,
      RANGES,
      unmap(0x40000000n),
      IMPORT,
      RANGES,
    ]);
    expect([late.errnos.at(-5), late.errnos.at(-2)]).toEqual(["EADDRINUSE", "ok"]);
    expect([late.seen(-4, "ranges"), late.seen(-1, "ranges")]).toEqual(["[0x0,0xfffffffffff]", BOTH_CUT]);
  });
});

describe("only SW_MSI is mandatory", () => {
  const use = ["vmm VFIO_DEVICE_SET_IRQS D1 index=MSI", "device D1 MSI", "device D1 DMA write iova=0x1000 len=64"];
  it("with the window alone reserved, interrupt and DMA of a nested device work beside memory in its other region", () => {
    const p = play(ONLY, MACHINE, [...NESTED, ATTACH_N, map(0x40000000n), map(0x8000000n), ...use]);
    expect(p.errnos.slice(-5, -3)).toEqual(["ok", "EINVAL"]);
    expect([p.seen(-2, "delivered"), p.seen(-1, "event")]).toEqual(["1", "none"]);
  });
  it("without the window they do not: memory there takes the message", () => {
    const p = play("linux-6.11", MACHINE, [...NESTED, ATTACH_N, map(0x8000000n), map(0x40000000n), ...use]);
    expect(p.errnos.slice(-5, -3)).toEqual(["ok", "ok"]);
    expect(p.seen(-2, "delivered")).toBe("0");
  });
  it("on a paging page table all regions are, and after a move within the IOAS they are missed", () => {
    expect(play(ONLY, MACHINE, [...NESTED, ATTACH_P, RANGES]).seen(-1, "ranges")).toBe(BOTH_CUT);
    expect(play(ONLY, MACHINE, [...NESTED, ATTACH_N, ATTACH_P, RANGES]).seen(-1, "ranges")).toBe(WINDOW_CUT);
    expect(play(ALL, MACHINE, [...NESTED, ATTACH_N, ATTACH_P, RANGES]).seen(-1, "ranges")).toBe(BOTH_CUT);
  });
});
