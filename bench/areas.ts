/**
 * Areas of an IOAS: IOMMU_IOAS_MAP + IOMMU_IOAS_UNMAP with 10, 1,000 and 100,000 areas in place, the container alone
 * against an interval tree of the registry, memory of one area.
 */
import IntervalTree from "@flatten-js/interval-tree";
import { IOMMU_IOAS_ALLOC, IOMMU_IOAS_MAP, IOMMU_IOAS_UNMAP } from "../src/engine/uapi/iommufd.ts";
import { Program, testKernel } from "../src/engine/testing/program.ts";
import { RangeMap } from "../src/engine/kernel/range_map.ts";
import { type Bench, rate } from "./bench.ts";

const PAGE = 0x1000n;
const BATCH = 64;
const BUFFER = 0x3000_0000n;
/** IOMMU_IOAS_MAP_FIXED_IOVA, WRITEABLE, READABLE. */
const FIXED_RW = 7;

interface Space {
  program: Program;
  fd: number;
  ioas: number;
}

/** An IOAS with `count` areas of one page, two pages apart. */
function space(count: number): Space {
  const program = new Program(testKernel());
  program.map(BUFFER, PAGE);
  const fd = program.open();
  const ioas = program.ioctl(fd, IOMMU_IOAS_ALLOC, {}).out.out_ioas_id;
  const made = { program, fd, ioas };
  for (let i = 0; i < count; i++) map(made, BigInt(i));
  return made;
}

function map({ program, fd, ioas }: Space, slot: bigint): void {
  const iova = PAGE + slot * 2n * PAGE;
  const { ret } = program.ioctl(fd, IOMMU_IOAS_MAP, {
    flags: FIXED_RW,
    ioas_id: ioas,
    user_va: BUFFER,
    length: PAGE,
    iova,
  });
  if (ret !== 0) throw new Error(`map gives ${ret}`);
}

function unmap({ program, fd, ioas }: Space, slot: bigint): void {
  const iova = PAGE + slot * 2n * PAGE;
  const { ret } = program.ioctl(fd, IOMMU_IOAS_UNMAP, { ioas_id: ioas, iova, length: PAGE });
  if (ret !== 0) throw new Error(`unmap gives ${ret}`);
}

/** Thousand map + unmap pairs a second, spread over an IOAS that holds `count` other areas. */
function pairs(count: number): number {
  const s = space(count);
  const step = BigInt(Math.max(1, Math.floor(count / BATCH)));
  const batch = (): void => {
    for (let i = 0; i < Math.min(BATCH, count); i++) {
      unmap(s, BigInt(i) * step);
      map(s, BigInt(i) * step);
    }
  };
  return 1000 * rate(batch, Math.min(BATCH, count), 300);
}

const COUNTS = [10, 1_000, 100_000];
const few = new Map<number, number>();
const measured = (count: number): number => {
  const known = few.get(count) ?? pairs(count);
  few.set(count, known);
  return known;
};

/** Thousand delete + insert + search rounds a second on a container of `count` ranges. */
function container(count: number, round: (i: number) => void): number {
  const step = Math.max(1, Math.floor(count / BATCH));
  const batch = (): void => {
    for (let i = 0; i < BATCH; i++) round((i * step) % count);
  };
  return 1000 * rate(batch, BATCH, 300);
}

function rangeMap(count: number): number {
  const map = new RangeMap<{ start: bigint; last: bigint }>();
  const range = (i: number): { start: bigint; last: bigint } => {
    const start = BigInt(i) * 2n * PAGE;
    return { start, last: start + PAGE - 1n };
  };
  for (let i = 0; i < count; i++) map.insert(range(i));
  return container(count, (i) => {
    const r = range(i);
    map.delete(r.start);
    map.insert(r);
    if (map.first(r.start, r.last) === undefined) throw new Error("lost");
  });
}

/** The peer's keys are plain numbers: it takes no bigint, so it has the easier work. */
function intervalTree(count: number): number {
  const tree = new IntervalTree<number>();
  const range = (i: number): [number, number] => [i * 0x2000, i * 0x2000 + 0xfff];
  for (let i = 0; i < count; i++) tree.insert(range(i), i);
  return container(count, (i) => {
    const r = range(i);
    tree.remove(r, i);
    tree.insert(r, i);
    if (tree.search(r).length === 0) throw new Error("lost");
  });
}

export const areaBenches: readonly Bench[] = [
  ...COUNTS.slice(1).map((count) => ({
    name: `map-unmap-${count}`,
    unit: "k pairs/s",
    higher_is_better: true,
    ours: () => measured(count),
    // The peer is the same calls on ten areas: the ratio is the growth of the cost.
    peer: () => measured(COUNTS[0] ?? 10),
  })),
  ...COUNTS.map((count) => ({
    name: `areas-container-${count}`,
    unit: "k rounds/s",
    higher_is_better: true,
    ours: () => rangeMap(count),
    peer: () => intervalTree(count),
  })),
  {
    name: "area-memory",
    unit: "bytes/area",
    higher_is_better: false,
    ours: () => {
      const before = heap();
      const s = space(20_000);
      const bytes = (heap() - before) / 20_000;
      if (s.ioas === 0) throw new Error("lost");
      return bytes;
    },
    peer: () => "a kernel's own iopt_area and its page list are not measured here",
  },
];

function heap(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}
