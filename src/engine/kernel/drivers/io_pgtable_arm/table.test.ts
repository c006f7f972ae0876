import { describe, expect, it } from "vitest";
import { PhysMem } from "../../../../hw/memory.ts";
import { errno } from "../../../uapi/errno.ts";
import {
  IOMMU_CACHE,
  IOMMU_MMIO,
  IOMMU_READ,
  IOMMU_WRITE,
  type IommuDomain,
  type IotlbGather,
} from "../../iommu/types.ts";
import { Kernel } from "../../kernel.ts";
import { arm_lpae_geometry, arm_lpae_pgd_size, type PgtableCfg } from "./format.ts";
import {
  alloc_io_pgtable,
  arm_lpae_iova_to_phys,
  arm_lpae_map_pages,
  arm_lpae_unmap_pages,
  type ArmLpaePgtable,
  type FlushOps,
  free_io_pgtable,
  type TableMemory,
} from "./table.ts";

class Pages implements TableMemory {
  readonly mem = new PhysMem();
  next = 0x4500_0000;
  live = new Map<number, number>();
  read32(pa: number): number {
    return this.mem.read32(pa);
  }
  write64(pa: number, lo: number, hi: number): void {
    this.mem.write64(pa, lo, hi);
  }
  alloc(bytes: number): number {
    const pa = this.next;
    this.next += Math.ceil(bytes / 65536) * 65536;
    this.live.set(pa, bytes);
    return pa;
  }
  free(pa: number, bytes: number): void {
    if (this.live.get(pa) !== bytes) throw new Error(`freed ${bytes} bytes at ${pa}, not as allocated`);
    this.live.delete(pa);
  }
}

const S1: PgtableCfg = {
  stage: 1,
  granule: 4096,
  ias: 48,
  oas: 44,
  coherent_walk: true,
  fwb: false,
  hd: false,
  concat: "mandatory",
};
const RW = IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE;

function setup(over: Partial<PgtableCfg> = {}): {
  k: Kernel;
  t: ArmLpaePgtable;
  pages: Pages;
  log: string[];
  flush: FlushOps;
  domain: IommuDomain;
} {
  const pages = new Pages();
  const t = alloc_io_pgtable({ ...S1, ...over }, pages);
  if (typeof t === "number") throw new Error(`no table: ${t}`);
  const log: string[] = [];
  const flush: FlushOps = {
    tlb_flush_walk: (_k, _d, iova, size, granule) => log.push(`walk ${iova.toString(16)} ${size} ${granule}`),
    tlb_add_pages: (_k, _d, _g, iova, size, count) => log.push(`add ${iova.toString(16)} ${size}x${count}`),
  };
  const k = new Kernel({ profile: { id: "t", title: "t", date: "", changes: "" }, features: {}, ops: {} } as never);
  return { k, t, pages, log, flush, domain: {} as IommuDomain };
}

const gather: IotlbGather = { start: 1n, end: 0n, pgsize: 0n };

describe("geometry", () => {
  it.each([
    ["4K 48 bit S1", {}, 0, 4096],
    ["4K 39 bit S1", { ias: 39 }, 1, 4096],
    ["4K 44 bit S2, not concatenated", { stage: 2, ias: 44 }, 0, 256],
    ["4K 40 bit S2, two tables", { stage: 2, ias: 40, oas: 40 }, 1, 8192],
    ["4K 42 bit S2, eight tables", { stage: 2, ias: 42, oas: 42 }, 1, 32768],
    ["16K 48 bit S2, two tables", { stage: 2, granule: 16384, oas: 48 }, 1, 32768],
    ["16K 48 bit S1", { granule: 16384 }, 0, 16],
    ["64K 48 bit S1", { granule: 65536 }, 1, 512],
    ["4K 43 bit S2 before 6.13", { stage: 2, ias: 43, oas: 44, concat: "opportunistic" }, 1, 65536],
  ] as const)("%s", (_name, over, start, bytes) => {
    const geo = arm_lpae_geometry({ ...S1, ...over });
    expect([geo?.start_level, geo && arm_lpae_pgd_size(geo)]).toEqual([start, bytes]);
  });
});

describe("map and unmap", () => {
  it("writes the descriptors a real kernel wrote", () => {
    const { k, t, flush, domain, pages } = setup();
    expect(arm_lpae_map_pages(k, t, domain, flush, 0x10000, 0x409d2000, 4096, 1, RW).rc).toBe(0);
    expect(arm_lpae_map_pages(k, t, domain, flush, 0x8000000, 0x8090000, 4096, 1, 3 | IOMMU_MMIO).rc).toBe(0);
    const leaf = pages.next - 65536;
    expect(pages.mem.read32(leaf)).toBe(0x0809_0e4b);
    expect(arm_lpae_iova_to_phys(t, 0x10123)).toBe(0x409d2123);
    expect(arm_lpae_iova_to_phys(t, 0x11000)).toBeNull();
    const s2 = setup({ stage: 2, ias: 44 });
    arm_lpae_map_pages(s2.k, s2.t, s2.domain, s2.flush, 0x8000000, 0x8090000, 4096, 1, 3 | IOMMU_MMIO);
    expect(s2.pages.mem.read32(s2.pages.next - 65536)).toBe(0x0809_06c7);
    arm_lpae_map_pages(s2.k, s2.t, s2.domain, s2.flush, 0x40000000, 0x40000000, 2 ** 21, 1, RW);
    expect(s2.pages.mem.read32(s2.pages.next - 65536)).toBe(0x4000_07fd);
  });

  it("refuses an entry in use and keeps what came before", () => {
    const { k, t, flush, domain } = setup();
    arm_lpae_map_pages(k, t, domain, flush, 0x3000, 0x1000, 4096, 1, RW);
    expect(arm_lpae_map_pages(k, t, domain, flush, 0x1ff000, 0x5000, 4096, 2, RW).rc).toBe(0);
    const again = arm_lpae_map_pages(k, t, domain, flush, 0x0, 0x5000, 4096, 4, RW);
    expect(again).toEqual({ bytes: 0, rc: -errno.EEXIST });
    expect(arm_lpae_map_pages(k, t, domain, flush, 2 ** 48, 0, 4096, 1, RW).rc).toBe(-errno.ERANGE);
    expect(arm_lpae_map_pages(k, t, domain, flush, 0, 2 ** 44, 4096, 1, RW).rc).toBe(-errno.ERANGE);
    expect(arm_lpae_map_pages(k, t, domain, flush, 0, 0, 4096, 1, IOMMU_CACHE).rc).toBe(-errno.EINVAL);
  });

  it("replaces an empty table by a block and invalidates the walk", () => {
    const { k, t, flush, domain, log } = setup();
    arm_lpae_map_pages(k, t, domain, flush, 0x200000, 0x1000, 4096, 16, RW);
    expect(arm_lpae_unmap_pages(k, t, domain, flush, 0x200000, 4096, 16, gather)).toBe(65536);
    expect(arm_lpae_map_pages(k, t, domain, flush, 0x200000, 0x40000000, 2 ** 21, 1, RW).rc).toBe(0);
    expect(log).toEqual(["add 200000 4096x16", "walk 200000 2097152 4096"]);
    expect(arm_lpae_unmap_pages(k, t, domain, flush, 0x201000, 4096, 1, gather)).toBe(0);
  });

  it("gives every page back", () => {
    const { k, t, flush, domain, pages } = setup({ granule: 65536 });
    arm_lpae_map_pages(k, t, domain, flush, 0x10000, 0xabc_4001_0000, 65536, 9000, RW);
    expect(arm_lpae_iova_to_phys(t, 0x2000_0000)).toBe(0xabc_4001_0000 + 0x1fff_0000);
    expect(arm_lpae_unmap_pages(k, t, domain, flush, 0x10000, 65536, 9000, gather)).toBe(9000 * 65536);
    free_io_pgtable(t);
    expect(pages.live.size).toBe(0);
  });
});
