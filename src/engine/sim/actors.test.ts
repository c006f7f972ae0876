/** What a VMM and a guest do in several calls: every call is made, refusals of the kernel come through, nothing leaks. */
import { describe, expect, it } from "vitest";
import { BOUND, NESTED, play } from "../testing/play.ts";
import { kernels, library, parsed, start } from "../testing/scenarios.ts";
import { firstDifference } from "./same.ts";
import { snapshot } from "./snapshot.ts";

const NEW = "linux-7.2";
const hwpts = (p: ReturnType<typeof play>): number[] => {
  const w = p.run.world(p.results.length);
  return [...w.kernel.iommufd.ctxs].flatMap((ctx) =>
    [...ctx.objects.values()].filter((o) => o.kind === "HWPT_NESTED").map((o) => o.id),
  );
};
const made = (p: ReturnType<typeof play>, n: number): string[] => (p.results.at(n)?.summary ?? "").split(", ");

describe("GUEST_STE", () => {
  const lines = (...ste: string[]) => [...NESTED, ...ste.map((s) => `vmm GUEST_STE D1 viommu=V vste=${s}`)];
  it("makes a page table, attaches it, and gives the one before back", () => {
    const p = play(NEW, "plain", lines("{0x9,0x0}", "{0x1,0x0}", "{0x8000000b,0xd4}"));
    expect(made(p, -3)).toEqual(["HWPT_ALLOC", "ATTACH_IOMMUFD_PT"]);
    expect(made(p, -1)).toEqual(["HWPT_ALLOC", "ATTACH_IOMMUFD_PT", "DESTROY"]);
    expect(hwpts(p).length).toBe(2);
  });
  it("leaves everything as it was where the kernel refuses the words", () => {
    const p = play(NEW, "plain", [...lines("{0x9,0x0}"), "vmm GUEST_STE D1 viommu=V vste={0xf,0x0}"]);
    expect(p.errnos.at(-1)).toBe("EIO");
    expect(hwpts(p)).toEqual(hwpts(play(NEW, "plain", lines("{0x9,0x0}"))));
  });
  it("gives the new one back where the attach fails", () => {
    const p = play("linux-6.15", "plain", [
      ...BOUND,
      "vmm P = IOMMU_HWPT_ALLOC dev=D1 pt=I flags=NEST_PARENT",
      "vmm V = IOMMU_VIOMMU_ALLOC dev=D1 hwpt=P",
      "vmm GUEST_STE D1 viommu=V vste={0x9,0x0}",
    ]);
    expect([p.errnos.at(-1), p.results.at(-1)?.summary, hwpts(p)]).toEqual(["ENOENT", "ENOENT (DESTROY)", []]);
  });
  it("reads the entry from guest memory; where the guest has none it is a fault", () => {
    const at = (ipa: string): string => `vmm GUEST_STE D1 viommu=V at=${ipa}`;
    const p = play(NEW, "plain", [
      ...NESTED,
      "guest STE at=0x80180000 vste={0x9,0x0}",
      at("0x80180000"),
      "device D1 DMA write iova=0x80100000 len=4",
      at("0x90000000"),
      "guest STE at=0x90000000 vste={0x9,0x0}",
    ]);
    expect(p.errnos.slice(-5)).toEqual(["ok", "ok", "ok", "EFAULT", "ENOMEM"]);
  });
});

describe("LAY_OUT", () => {
  it("asks for the number of ranges, then for the ranges, then maps", () => {
    const p = play(NEW, "plain", [...BOUND, "vmm LAY_OUT ioas=I"]);
    expect(made(p, -1)).toEqual(["IOAS_IOVA_RANGES EMSGSIZE", "IOAS_IOVA_RANGES", "IOAS_MAP"]);
  });
  it("moves the guest's memory with from=, and the guest finds its tables there", () => {
    const p = play(NEW, "plain", [
      ...BOUND,
      "vmm VFIO_DEVICE_ATTACH_IOMMUFD_PT D1 pt=I",
      "vmm LAY_OUT ioas=I from=0x7f00000",
      "device D1 DMA write iova=0x8200000 len=4",
    ]);
    expect(p.run.world(p.results.length).memory.get("RAM")?.ipa).toBe(0x8200000n);
    expect(p.run.world(3).memory.get("RAM")?.ipa).toBe(0x80000000n);
    expect(p.seen(-1, "event")).toBe("none");
  });
  it("tells an IOAS that is not there", () => {
    expect(play(NEW, "plain", ["vmm LAY_OUT ioas=9"]).errnos).toEqual(["ENOENT"]);
  });
});

describe("PLUG", () => {
  it("binds a device once, and names the call that failed", () => {
    const p = play(NEW, "plain", [
      "vmm I = IOMMU_IOAS_ALLOC",
      "vmm PLUG D1 pt=I",
      "vmm PLUG D1 pt=I",
      "vmm PLUG D2 pt=77",
    ]);
    expect([made(p, -3), made(p, -2)]).toEqual([["BIND_IOMMUFD", "ATTACH_IOMMUFD_PT"], ["ATTACH_IOMMUFD_PT"]]);
    expect(p.results.at(-1)?.summary).toBe("ENOENT (ATTACH_IOMMUFD_PT)");
  });
});

describe("RELAY", () => {
  const stale = [
    ...NESTED,
    "vmm VFIO_DEVICE_ATTACH_IOMMUFD_PT D1 pt=N",
    "device D1 DMA write iova=0x1000 len=4",
    "guest S1_UNMAP T iova=0x1000 len=4K",
  ];
  const LOOK = "device D1 DMA write iova=0x1000 len=4";
  it.each([
    ["va table=T iova=0x1000", "F_TRANSLATION"],
    ["va table=T iova=0x0 len=8K", "F_TRANSLATION"],
    ["va table=T iova=0x2000", "none"],
    ["asid table=T", "F_TRANSLATION"],
    ["all", "F_TRANSLATION"],
    ["cd sid=24", "none"],
  ])("%s: the next access gives %s", (what, event) => {
    const p = play(NEW, "plain", [...stale, `guest INVALIDATE ${what}`, "vmm RELAY viommu=V", LOOK]);
    expect([p.errnos.at(-2), p.seen(-1, "event")]).toEqual(["ok", event]);
  });
  it("an ASID is the guest's own: another's entries stay", () => {
    const p = play(NEW, "plain", [
      ...stale,
      "guest U = S1_TABLE cd=0x80020000 tables=0x80021000 asid=7",
      "guest INVALIDATE asid table=U",
      "vmm RELAY viommu=V",
      LOOK,
    ]);
    expect(p.seen(-1, "event")).toBe("none");
  });
  it("one call for all, or each its own", () => {
    const three = ["guest INVALIDATE va table=T iova=0x1000 len=12K"];
    const all = play(NEW, "plain", [...stale, ...three, "vmm RELAY viommu=V"]);
    const each = play(NEW, "plain", [...stale, ...three, "vmm RELAY viommu=V each"]);
    const calls = (p: typeof all): number =>
      p.results.at(-1)?.trace.filter((e) => e.t === "enter" && e.fn === "arm_vsmmu_cache_invalidate").length ?? 0;
    expect([calls(all), calls(each)]).toEqual([1, 3]);
    expect([all.seen(-1, "entries"), each.seen(-1, "entries")]).toEqual(["3", "3"]);
  });
  it("nothing queued is no call", () => {
    const p = play(NEW, "plain", [...stale, "vmm RELAY viommu=V"]);
    expect([p.errnos.at(-1), p.seen(-1, "entries")]).toEqual(["ok", "0"]);
  });
});

describe("option A", () => {
  const lines = (...more: string[]) => play("msi-prepare-2024-11", "plain", [...NESTED, ...more]);
  it("keeps memory away from the page, and the page away from memory", () => {
    const p = lines(
      "vmm IOMMU_IOAS_MAP_MSI ioas=I dev=D1 iova=0x80000000",
      "vmm IOMMU_IOAS_MAP_MSI ioas=I dev=D1 iova=0x90000800",
      "vmm IOMMU_IOAS_MAP_MSI ioas=I dev=D1 iova=0x90000000",
      "vmm IOMMU_IOAS_MAP ioas=I iova=0x90000000 len=4K va=MORE",
    );
    expect(p.errnos.slice(-4)).toEqual(["EADDRINUSE", "EINVAL", "ok", "EINVAL"]);
  });
  it("an address is chosen before the vectors are on", () => {
    const p = lines(
      "vmm VFIO_DEVICE_ATTACH_IOMMUFD_PT D1 pt=N",
      "vmm VFIO_DEVICE_SET_IRQS D1 index=MSI",
      "vmm PREPARE_MSI D1 index=MSI iova=0xffff0040",
      "vmm VFIO_DEVICE_SET_IRQS D1 index=MSI off",
      "vmm PREPARE_MSI D1 index=MSI iova=0xffff0040",
      "vmm VFIO_DEVICE_SET_IRQS D1 index=MSI",
    );
    expect([p.seen(-5, "msi"), p.errnos.at(-4), p.seen(-1, "msi")]).toEqual(["0x8000040", "EBUSY", "0xffff0040"]);
  });
  it("without it the call is unknown", () => {
    const p = play(NEW, "plain", [...NESTED, "vmm IOMMU_IOAS_MAP_MSI ioas=I dev=D1 iova=0x90000000"]);
    expect(p.errnos.at(-1)).toBe("ENOTTY");
  });
});

describe("scenarios of faults, VMMs and guests", () => {
  const mine = library.filter((s) => /^(fault|msi|vmm|alias)-/.test(s.id) && s.id !== "vmm-qemu-accelerated");
  it("are at least twenty-five", () => expect(mine.length).toBeGreaterThanOrEqual(25));
  it.each(mine)("$id: a copy of the world after any step is equal to it and goes on alike", ({ text }) => {
    const s = parsed(text);
    const kernel = s.kernels.find((k) => kernels.has(k)) ?? NEW;
    const run = start(s, kernel);
    for (const n of [1, s.steps.length >> 1, s.steps.length]) {
      const world = run.world(n);
      expect(firstDifference(snapshot(world), world)).toBeNull();
    }
  });
});
