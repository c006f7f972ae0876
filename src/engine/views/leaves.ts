/** What a page table in emulated memory really holds, read from its bits. */
import { get } from "../../hw/base/fields.ts";
import type { PhysMem } from "../../hw/memory.ts";
import { levelShift, S1_LEAF, S2_LEAF } from "../../hw/pgtable/vmsav8.ts";

/** Where a VMSAv8-64 table starts and how it is shaped. */
export interface TableShape {
  /** Address of the top table, in the space that `find` takes. */
  root: number;
  stage: 1 | 2;
  /** log2 of the granule: 12, 14 or 16. */
  granule: number;
  startLevel: number;
  /** Entries of the top table. */
  topEntries: number;
}

/** One leaf. `out` is the address it leads to: physical, or guest-physical for a guest's stage 1. */
export interface Leaf {
  start: bigint;
  last: bigint;
  out: bigint;
  size: number;
  level: number;
  lo: number;
  hi: number;
  /** Physical address of the descriptor. */
  at: number;
}

/** A stretch of leaves of one size and one set of attributes, without a gap between them. */
export interface LeafRun {
  start: bigint;
  last: bigint;
  size: number;
  count: number;
  /** `RW`, `R`, `W`, `none`. */
  access: string;
  device: boolean;
  /** Where its parts lead to: each part is contiguous on both sides. */
  parts: { start: bigint; last: bigint; out: bigint }[];
}

const ADDRESS_LO = 0xfffff000;

/**
 * Every leaf, ascending. `find` turns a table's address into a physical one (the identity, or a walk of stage 2);
 * tables that it cannot find are left out.
 */
export function* leaves(mem: PhysMem, shape: TableShape, find: (address: number) => number | null): Generator<Leaf> {
  yield* below(mem, shape, find, shape.root, shape.startLevel, 0n);
}

function* below(
  mem: PhysMem,
  shape: TableShape,
  find: (address: number) => number | null,
  table: number,
  level: number,
  base: bigint,
): Generator<Leaf> {
  const shift = levelShift(level, shape.granule);
  const entries = level === shape.startLevel ? shape.topEntries : 2 ** (shape.granule - 3);
  const perPage = 512;
  for (let i = 0; i < entries; i += perPage) {
    const page = find(table + i * 8);
    if (page === null || !mem.pages.has(Math.floor(page / 4096))) continue;
    for (let j = 0; j < perPage && i + j < entries; j++) {
      const at = page + j * 8;
      mem.fetch64(at);
      const { lo, hi } = mem;
      if ((lo & 1) === 0) continue;
      const start = base + (BigInt(i + j) << BigInt(shift));
      const out = (hi & 0xffff) * 2 ** 32 + ((lo & ADDRESS_LO) >>> 0);
      if (level < 3 && (lo & 2) !== 0) yield* below(mem, shape, find, out, level + 1, start);
      else if (level === 3 ? (lo & 2) !== 0 : level > 0) {
        const size = 2 ** shift;
        const aligned = out - (out % size);
        yield { start, last: start + BigInt(size) - 1n, out: BigInt(aligned), size, level, lo, hi, at };
      }
    }
  }
}

/** Leaves gathered into runs. */
export function leafRuns(list: Iterable<Leaf>, stage: 1 | 2): LeafRun[] {
  const runs: LeafRun[] = [];
  for (const leaf of list) {
    const access = accessOf(leaf, stage);
    const device = isDevice(leaf, stage);
    const run = runs.at(-1);
    if (
      run !== undefined &&
      run.last + 1n === leaf.start &&
      run.size === leaf.size &&
      run.access === access &&
      run.device === device
    ) {
      const part = run.parts.at(-1);
      if (part !== undefined && part.out + (part.last - part.start) + 1n === leaf.out) part.last = leaf.last;
      else run.parts.push({ start: leaf.start, last: leaf.last, out: leaf.out });
      run.last = leaf.last;
      run.count++;
    } else
      runs.push({
        start: leaf.start,
        last: leaf.last,
        size: leaf.size,
        count: 1,
        access,
        device,
        parts: [{ start: leaf.start, last: leaf.last, out: leaf.out }],
      });
  }
  return runs;
}

function accessOf(leaf: Leaf, stage: 1 | 2): string {
  const words = [leaf.lo, leaf.hi];
  if (stage === 2) return ["none", "R", "W", "RW"][get(S2_LEAF.f.S2AP, words)] ?? "";
  return (get(S1_LEAF.f.AP, words) & 2) === 0 ? "RW" : "R";
}

/** Stage 1: the attribute index that Linux and our guest use for Device memory; stage 2: the memory type itself. */
function isDevice(leaf: Leaf, stage: 1 | 2): boolean {
  const words = [leaf.lo, leaf.hi];
  return stage === 2 ? get(S2_LEAF.f.MemAttr, words) < 4 : get(S1_LEAF.f.AttrIndx, words) === 2;
}
