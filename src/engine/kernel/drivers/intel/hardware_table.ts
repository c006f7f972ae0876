/**
 * A page table that a unit walks: every leaf of the software table stands in memory too, as entries of the second or first
 * stage. Source: linux 7.2 drivers/iommu/generic_pt/fmt/{vtdss,x86_64}.h, pt_iter.h.
 */
import { errno } from "../../../uapi/errno.ts";
import { IOMMU_NOEXEC, IOMMU_READ, IOMMU_WRITE, type IotlbGather } from "../../iommu/types.ts";
import { PAGE_SIZE } from "../../mm/const.ts";
import type { TableMemory } from "../io_pgtable_arm/table.ts";
import { SoftwareTable } from "./software_table.ts";

const ENTRIES = 512;
const LEAF_PS = 0x80;
/** Bits that the unit ignores: the entry has been made visible. */
const SECOND_SW = 0x400;
const FIRST_SW = 0x200;
/** Second stage: R, W, SNP. First stage: P, RW, US, A, D. */
const SNP = 0x800;
const XD = 0x8000_0000;

export class HardwareTable extends SoftwareTable {
  readonly mem: TableMemory;
  readonly stage: "first" | "second";
  override readonly levels: number;
  readonly root: number;
  /** Second stage: new leaves make accesses snoop. */
  force_snooping = false;

  constructor(
    mem: TableMemory,
    root: number,
    { stage, levels, bitmap, last }: { stage: "first" | "second"; levels: number; bitmap: bigint; last: bigint },
  ) {
    super(bitmap, last);
    this.mem = mem;
    this.root = root;
    this.stage = stage;
    this.levels = levels;
  }

  override hardware_root(): number {
    return this.root;
  }

  /** Entry of `level` (1 = 4 KiB) for an address, making tables on the way; -1 without memory or, not `make`, without table. */
  private entry(iova: bigint, level: number, make: boolean): number {
    let table = this.root;
    for (let l = this.levels; l > level; l--) {
      const at = table + indexAt(iova, l) * 8;
      const lo = this.mem.read32(at);
      if (isTable(lo)) table = addressOf(lo, this.mem.read32(at + 4));
      else {
        const made = make ? this.mem.alloc(PAGE_SIZE) : null;
        if (made === null) return -1;
        const flags = this.stage === "second" ? 3 | SECOND_SW : 0x27 | FIRST_SW;
        this.mem.write64(at, ((made & ~0xfff) | flags) >>> 0, Math.floor(made / 2 ** 32));
        table = made;
      }
    }
    return table + indexAt(iova, level) * 8;
  }

  protected override leaf_set(iova: bigint, size: bigint, pa: bigint, prot: number): number {
    const level = levelOf(size);
    const at = this.entry(iova, level, true);
    if (at < 0) return -errno.ENOMEM;
    const lo = this.mem.read32(at);
    if (level > 1 && isTable(lo) && (lo & LEAF_PS) === 0) {
      this.free_table(addressOf(lo, this.mem.read32(at + 4)), level - 1);
    }
    const flags = this.leaf_flags(prot) | (level > 1 ? LEAF_PS : 0);
    const high = this.stage === "first" && (prot & IOMMU_NOEXEC) !== 0 ? XD : 0;
    this.mem.write64(at, (Number(pa & 0xffff_f000n) | flags) >>> 0, (Number(pa >> 32n) | high) >>> 0);
    return 0;
  }

  private leaf_flags(prot: number): number {
    const write = (prot & IOMMU_WRITE) !== 0;
    if (this.stage === "first") return write ? 0x67 : 0x25;
    return ((prot & IOMMU_READ) !== 0 ? 1 : 0) | (write ? 2 : 0) | (this.force_snooping ? SNP : 0);
  }

  protected override leaf_clear(iova: bigint, size: bigint): void {
    const at = this.entry(iova, levelOf(size), false);
    if (at >= 0) this.mem.write64(at, 0, 0);
  }

  /** Tables that lie wholly in what was unmapped go too. */
  override unmap(iova: bigint, length: bigint, gather: IotlbGather): bigint {
    const done = super.unmap(iova, length, gather);
    if (done > 0n) this.prune(this.root, this.levels, 0n, iova, iova + done);
    return done;
  }

  private prune(table: number, level: number, base: bigint, from: bigint, end: bigint): void {
    if (level === 1) return;
    const size = 1n << BigInt(12 + 9 * (level - 1));
    const first = from > base ? Number((from - base) / size) : 0;
    for (let i = first; i < ENTRIES; i++) {
      const start = base + BigInt(i) * size;
      if (start >= end) return;
      const at = table + i * 8;
      const lo = this.mem.read32(at);
      if (!isTable(lo) || (lo & LEAF_PS) !== 0) continue;
      const below = addressOf(lo, this.mem.read32(at + 4));
      if (start >= from && start + size <= end) {
        this.mem.write64(at, 0, 0);
        this.free_table(below, level - 1);
      } else this.prune(below, level - 1, start, from, end);
    }
  }

  /** Gives a table of `level` and what is below it back. */
  private free_table(table: number, level: number): void {
    const entries = level > 1 ? ENTRIES : 0;
    for (let i = 0; i < entries; i++) {
      const lo = this.mem.read32(table + i * 8);
      if (isTable(lo) && (lo & LEAF_PS) === 0) {
        this.free_table(addressOf(lo, this.mem.read32(table + i * 8 + 4)), level - 1);
      }
    }
    this.mem.free(table, PAGE_SIZE);
  }

  override free(): void {
    this.free_table(this.root, this.levels);
  }
}

/** Of an entry above level 1: something is there. */
function isTable(lo: number): boolean {
  return (lo & 3) !== 0;
}

function addressOf(lo: number, hi: number): number {
  return (hi & 0xf_ffff) * 2 ** 32 + ((lo & ~0xfff) >>> 0);
}

function levelOf(size: bigint): number {
  return size >= 1n << 30n ? 3 : size >= 1n << 21n ? 2 : 1;
}

function indexAt(iova: bigint, level: number): number {
  return Number((iova >> BigInt(12 + 9 * (level - 1))) & 511n);
}
