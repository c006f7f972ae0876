/**
 * The memory of the recorded program: which addresses it had mapped, and which page frames stood behind them as far as
 * the dumps of page tables tell. Stores of the program are not recorded; what it built for its guest stands in dumps.
 */
import { z } from "zod/mini";
import { PhysMem } from "../../hw/memory.ts";
import { bytesOf } from "../../hw/base/bits.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { PAGE_SIZE } from "../kernel/mm/const.ts";
import { vma_insert } from "../kernel/mm/mm.ts";
import { FrameRuns } from "../kernel/mm/runs.ts";
import { PageStore } from "../kernel/mm/store.ts";
import type { Task } from "../kernel/task.ts";
import { decode } from "../uapi/codec.ts";
import {
  IOMMU_HWPT_ALLOC,
  IOMMU_IOAS_COPY,
  IOMMU_IOAS_MAP,
  IOMMU_IOAS_UNMAP,
  IOMMU_VIOMMU_ALLOC,
} from "../uapi/iommufd.ts";
import type { FileKind } from "../uapi/layout.ts";
import { ioctlDef } from "../uapi/table.ts";
import { VFIO_DEVICE_ATTACH_IOMMUFD_PT, VFIO_IOMMU_MAP_DMA } from "../uapi/vfio.ts";
import type { ArmRecord } from "./arm_records.ts";
import { fromHex } from "./hex.ts";
import { address, parseShape } from "./parse.ts";

/** Programs have nothing below their text. */
const LOWEST_VA = 0x40_0000n;
const HUGE = 0x20_0000;
const HUGE_PAGES = HUGE / PAGE_SIZE;
const ENTRIES = 512;

const zStage = z.object({ present: z.boolean(), root: z.string(), start_level: z.optional(z.number()) });
const zTables = z.object({
  bdf: z.string(),
  s1: zStage,
  s2: zStage,
  memory: z.array(z.object({ pa: z.string(), what: z.string(), hex: z.string() })),
});
export type TableDump = z.infer<typeof zTables>;

export function parseTableDump(name: string, value: unknown): TableDump {
  return parseShape(name, zTables, value);
}

/** A leaf of the kernel's own table in a dump. */
interface DumpLeaf {
  iova: number;
  pa: number;
  size: number;
}

/** Leaves of the table that the kernel wrote: stage 2 where there is one. 4K granule. */
export function dumpLeaves(dump: TableDump): DumpLeaf[] {
  const mem = new PhysMem();
  for (const piece of dump.memory) mem.writeBytes(address(piece.pa), bytesOf(piece.hex));
  const stage = dump.s2.present ? dump.s2 : dump.s1;
  const out: DumpLeaf[] = [];
  if (stage.present) collect(mem, address(stage.root), stage.start_level ?? 0, 0, out);
  return out;
}

function collect(mem: PhysMem, table: number, level: number, iova: number, out: DumpLeaf[]): void {
  const size = 2 ** (12 + 9 * (3 - level));
  for (let i = 0; i < ENTRIES; i++) {
    mem.fetch64(table + 8 * i);
    const { lo, hi } = mem;
    if ((lo & 1) === 0) continue;
    const pa = (hi & 0xffff) * 2 ** 32 + ((lo & 0xfffff000) >>> 0);
    if (level < 3 && (lo & 2) !== 0) collect(mem, pa, level + 1, iova + i * size, out);
    else out.push({ iova: iova + i * size, pa: pa - (pa % size), size });
  }
}

interface Area {
  iova: bigint;
  len: bigint;
  va: bigint;
}

/** What was learned from a whole trace before it is replayed. */
export class MemoryPlan {
  /** Page-aligned, disjoint, ascending once finished; `last` inclusive. */
  ranges: { start: bigint; last: bigint }[] = [];
  /** Index = va / 4096. */
  readonly frames = new FrameRuns();
  /** Chunks of 2 MiB that are huge pages. */
  readonly huge = new Set<number>();

  touch(start: bigint, len: bigint): void {
    if (start < LOWEST_VA || len === 0n) return;
    this.ranges.push({ start: start & ~4095n, last: (start + len - 1n) | 4095n });
  }

  know(va: bigint, pa: number, len: number): void {
    const index = Number(va / 4096n);
    for (const run of [...this.frames.stretches(index, len / PAGE_SIZE)]) {
      if (run.pfn < 0) this.frames.set(run.index, pa / PAGE_SIZE + (run.index - index), run.n);
    }
  }

  /** Page frames that the program's memory takes. */
  claimed(): { pfn: number; n: number }[] {
    return this.frames.runs.map(({ pfn, n }) => ({ pfn, n }));
  }

  /** Merges ranges, and completes huge pages of which a part is known. */
  finish(): void {
    for (const chunk of this.huge) {
      const index = chunk * HUGE_PAGES;
      for (const run of [...this.frames.stretches(index, HUGE_PAGES)]) {
        if (run.pfn < 0) continue;
        const first = run.pfn - (run.index - index);
        if (first % HUGE_PAGES === 0) this.know(BigInt(chunk) * BigInt(HUGE), first * PAGE_SIZE, HUGE);
        break;
      }
      this.touch(BigInt(chunk) * BigInt(HUGE), BigInt(HUGE));
    }
    const sorted = this.ranges.toSorted((a, b) => (a.start < b.start ? -1 : 1));
    this.ranges = [];
    for (const range of sorted) {
      const top = this.ranges.at(-1);
      if (top !== undefined && range.start <= top.last + 1n) {
        if (range.last > top.last) top.last = range.last;
      } else this.ranges.push({ ...range });
    }
  }

  /** Maps everything into the program. Frames that nobody knows: huge pages in one piece, the rest scattered. */
  map(k: Kernel, task: Task): void {
    for (const { start, last } of this.ranges) {
      const store = new PageStore("anon", "scattered");
      const first = Number(start / 4096n);
      const n = Number((last - start + 1n) / 4096n);
      for (const run of this.frames.stretches(first, n)) {
        if (run.pfn >= 0) store.frames.set(run.index - first, run.pfn, run.n);
      }
      for (let at = Math.ceil(first / HUGE_PAGES) * HUGE_PAGES; at + HUGE_PAGES <= first + n; at += HUGE_PAGES) {
        if (!this.huge.has(at / HUGE_PAGES) || store.frames.contiguous(at - first, 1) > 0) continue;
        const pfn = k.mm.frames.alloc(HUGE_PAGES, HUGE_PAGES);
        if (pfn >= 0) store.frames.set(at - first, pfn, HUGE_PAGES);
      }
      vma_insert(k, task.mm, {
        start,
        last,
        prot: 3,
        shared: false,
        store,
        pgoff: 0,
        file: null,
        vm_ops: null,
        vm_private: null,
        name: "program",
      });
    }
  }
}

/** Which IOAS an id leads to, and what is mapped there: followed from the answers in the recording. */
class Follow {
  readonly ioasOf = new Map<number, number>();
  readonly areas = new Map<number, Area[]>();
  /** Device name -> IOAS. */
  readonly attached = new Map<string, number>();
  readonly bdfs = new Map<string, string>();
  readonly plan: MemoryPlan;

  constructor(plan: MemoryPlan) {
    this.plan = plan;
  }

  areasOf(id: number): Area[] {
    let list = this.areas.get(id);
    if (list === undefined) {
      list = [];
      this.areas.set(id, list);
    }
    return list;
  }

  ioctl(record: ArmRecord, kind: FileKind): void {
    const cmd = Number(record.nr);
    const given = fromHex(record.in ?? "");
    const def = ioctlDef(kind, cmd, given);
    if (def === undefined) return;
    const values: Record<string, number | bigint> = decode(def, given);
    for (const [name, field] of Object.entries(def.fields)) {
      const at = values[name];
      if (field.kind !== "ptr" || typeof at !== "bigint" || at === 0n || def === IOMMU_IOAS_MAP) continue;
      const bytes = (record.arrays ?? []).reduce((most, a) => Math.max(most, a.before.length / 2), 1);
      this.plan.touch(at, BigInt(bytes));
    }
    if (def.cmd === IOMMU_IOAS_MAP.cmd && kind === "iommufd") this.map(record, given);
    if (def === VFIO_IOMMU_MAP_DMA) {
      const { vaddr, size } = decode(VFIO_IOMMU_MAP_DMA, given);
      if (size < 1n << 40n) this.plan.touch(vaddr, size);
    }
    if (record.ret === undefined || record.ret < 0) return;
    this.follow(record, cmd, kind, fromHex(record.out === "=" ? (record.in ?? "") : (record.out ?? "")));
  }

  private map(record: ArmRecord, given: Uint8Array): void {
    const { user_va, length } = decode(IOMMU_IOAS_MAP, given);
    if (user_va + length < user_va || length >= 1n << 40n) return;
    this.plan.touch(user_va, length);
    if (user_va % BigInt(HUGE) === 0n && length >= BigInt(HUGE)) {
      for (let at = user_va; at + BigInt(HUGE) <= user_va + length; at += BigInt(HUGE)) {
        this.plan.huge.add(Number(at / BigInt(HUGE)));
      }
    }
    if (record.ret !== 0) return;
    const { ioas_id, iova } = decode(IOMMU_IOAS_MAP, fromHex(record.out ?? ""));
    this.areasOf(ioas_id).push({ iova, len: length, va: user_va });
  }

  private follow(record: ArmRecord, cmd: number, kind: FileKind, out: Uint8Array): void {
    if (kind === "vfio-device") {
      if (cmd !== VFIO_DEVICE_ATTACH_IOMMUFD_PT.cmd) return;
      const wanted = decode(VFIO_DEVICE_ATTACH_IOMMUFD_PT, fromHex(record.in ?? "")).pt_id;
      const got = decode(VFIO_DEVICE_ATTACH_IOMMUFD_PT, out).pt_id;
      const ioas = this.ioasOf.get(wanted) ?? wanted;
      this.ioasOf.set(got, ioas);
      this.attached.set(record.fd ?? "", ioas);
      return;
    }
    switch (cmd) {
      case IOMMU_HWPT_ALLOC.cmd: {
        const { pt_id, out_hwpt_id } = decode(IOMMU_HWPT_ALLOC, out);
        this.ioasOf.set(out_hwpt_id, this.ioasOf.get(pt_id) ?? pt_id);
        return;
      }
      case IOMMU_VIOMMU_ALLOC.cmd: {
        const { hwpt_id, out_viommu_id } = decode(IOMMU_VIOMMU_ALLOC, out);
        this.ioasOf.set(out_viommu_id, this.ioasOf.get(hwpt_id) ?? hwpt_id);
        return;
      }
      case IOMMU_IOAS_COPY.cmd: {
        const { src_ioas_id, dst_ioas_id, src_iova, dst_iova, length } = decode(IOMMU_IOAS_COPY, out);
        for (const area of this.areasOf(src_ioas_id)) {
          if (src_iova < area.iova || src_iova >= area.iova + area.len) continue;
          this.areasOf(dst_ioas_id).push({ iova: dst_iova, len: length, va: area.va + (src_iova - area.iova) });
          return;
        }
        return;
      }
      case IOMMU_IOAS_UNMAP.cmd: {
        const asked = decode(IOMMU_IOAS_UNMAP, fromHex(record.in ?? ""));
        const list = this.areasOf(asked.ioas_id);
        const kept = list.filter((a) => a.iova < asked.iova || a.iova + a.len > asked.iova + asked.length);
        this.areas.set(asked.ioas_id, kept);
        return;
      }
    }
  }

  /** Frames that a dump shows behind the program's areas. */
  tables(dump: TableDump): void {
    const dev = [...this.bdfs].find(([, bdf]) => bdf === dump.bdf)?.[0];
    const ioas = dev === undefined ? undefined : this.attached.get(dev);
    if (ioas === undefined) return;
    for (const leaf of dumpLeaves(dump)) {
      for (const area of this.areasOf(ioas)) {
        const start = leaf.iova > area.iova ? BigInt(leaf.iova) : area.iova;
        const leafEnd = BigInt(leaf.iova) + BigInt(leaf.size);
        const end = leafEnd < area.iova + area.len ? leafEnd : area.iova + area.len;
        if (start >= end) continue;
        this.plan.know(area.va + (start - area.iova), leaf.pa + Number(start - BigInt(leaf.iova)), Number(end - start));
      }
    }
  }
}

/** Reads a whole trace for what it says about the program's memory. */
export function planMemory(
  records: readonly ArmRecord[],
  kindOf: (record: ArmRecord) => FileKind | null,
  dumps: ReadonlyMap<string, TableDump>,
): MemoryPlan {
  const plan = new MemoryPlan();
  const follow = new Follow(plan);
  for (const record of records) {
    const kind = record.t === "ioctl" ? kindOf(record) : null;
    if (kind !== null) follow.ioctl(record, kind);
    else if (record.t === "open" && record.bdf !== undefined) follow.bdfs.set(record.dev ?? "", record.bdf);
    else if (record.t === "open") {
      follow.ioasOf.clear();
      follow.areas.clear();
    } else if (record.t === "tables") {
      const dump = dumps.get(dumpName(record));
      if (dump !== undefined) follow.tables(dump);
    }
  }
  plan.finish();
  return plan;
}

/** `tables/a-mixed.json` -> `a-mixed`. */
export function dumpName(record: ArmRecord): string {
  return (record.file ?? "").replace(/^tables\//, "").replace(/\.json$/, "");
}

/** Structures that the program built for its guest: CD and stage-1 tables of a nested dump. */
export function guestPieces(dump: TableDump): { pa: number; bytes: Uint8Array }[] {
  if (!dump.s1.present || !dump.s2.present) return [];
  return dump.memory
    .filter((piece) => piece.what === "CD" || piece.what.startsWith("S1-"))
    .map((piece) => ({ pa: address(piece.pa), bytes: bytesOf(piece.hex) }));
}
