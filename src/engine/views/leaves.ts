/** What a page table in emulated memory really holds, read from its bits. */
import { get } from "../../hw/base/fields.ts";
import type { PhysMem } from "../../hw/memory.ts";
import { levelShift, S1_LEAF, S2_LEAF } from "../../hw/pgtable/vmsav8.ts";

/** Where a page table starts and how it is shaped. */
export interface TableShape {
  /** Address of the top table, in the space that `find` takes. */
  root: number;
  stage: 1 | 2;
  /** log2 of the granule: 12, 14 or 16. */
  granule: number;
  startLevel: number;
  /** Entries of the top table. */
  topEntries: number;
  /** VT-d's formats; absent = VMSAv8-64. Levels are counted alike: pages stand at level 3. */
  format?: "first" | "second";
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
  /** Where its parts lead to: each part is contiguous on both sides. `out`: physical, or guest-physical. */
  parts: { start: bigint; last: bigint; out: bigint }[];
}

/** Runs as columns: a table may hold a million. Addresses below 2^52, ends exclusive. */
export class RunColumns {
  n = 0;
  start = new Float64Array(16);
  end = new Float64Array(16);
  /** Attributes, as `accessOf` and `isDevice` read them: 2 x access + device. */
  code = new Uint8Array(16);
  /** log2 of the leaves' size. */
  shift = new Uint8Array(16);
  /** Its first part; one entry more than runs. */
  part = new Uint32Array(17);
  parts = 0;
  partStart = new Float64Array(16);
  partOut = new Float64Array(16);

  /** Joins the leaf to the last run where it goes on, else starts one. */
  add(start: number, shift: number, code: number, out: number): void {
    const last = this.n - 1;
    const size = 2 ** shift;
    if (last >= 0 && this.end[last] === start && this.shift[last] === shift && this.code[last] === code) {
      const p = this.parts - 1;
      if ((this.partOut[p] ?? 0) + (start - (this.partStart[p] ?? 0)) !== out) this.addPart(start, out);
      this.end[last] = start + size;
    } else {
      if (this.n === this.code.length) this.grow();
      this.start[this.n] = start;
      this.end[this.n] = start + size;
      this.shift[this.n] = shift;
      this.code[this.n] = code;
      this.part[this.n] = this.parts;
      this.n++;
      this.addPart(start, out);
    }
    this.part[this.n] = this.parts;
  }

  run(i: number): LeafRun {
    const code = this.code[i] ?? 0;
    const size = 2 ** (this.shift[i] ?? 0);
    const [start, end] = [this.start[i] ?? 0, this.end[i] ?? 0];
    const parts: LeafRun["parts"] = [];
    const to = this.part[i + 1] ?? 0;
    for (let p = this.part[i] ?? 0; p < to; p++) {
      const from = this.partStart[p] ?? 0;
      const next = p + 1 < to ? (this.partStart[p + 1] ?? 0) : end;
      parts.push({ start: BigInt(from), last: BigInt(next) - 1n, out: BigInt(this.partOut[p] ?? 0) });
    }
    return {
      start: BigInt(start),
      last: BigInt(end) - 1n,
      size,
      count: (end - start) / size,
      access: ACCESS[code >> 1] ?? "",
      device: (code & 1) !== 0,
      parts,
    };
  }

  private addPart(start: number, out: number): void {
    if (this.parts === this.partStart.length) {
      this.partStart = grown(this.partStart);
      this.partOut = grown(this.partOut);
    }
    this.partStart[this.parts] = start;
    this.partOut[this.parts] = out;
    this.parts++;
  }

  private grow(): void {
    this.start = grown(this.start);
    this.end = grown(this.end);
    const more = this.code.length * 2;
    const wider = <T extends Uint8Array | Uint32Array>(to: T, from: T): T => {
      to.set(from);
      return to;
    };
    this.code = wider(new Uint8Array(more), this.code);
    this.shift = wider(new Uint8Array(more), this.shift);
    this.part = wider(new Uint32Array(more + 1), this.part);
  }
}

function grown(from: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const to = new Float64Array(from.length * 2);
  to.set(from);
  return to;
}

const ACCESS = ["none", "R", "W", "RW"];

/**
 * The whole table. `find` turns a table's address into a physical one (the identity, or a walk of stage 2); tables that
 * it cannot find are left out.
 */
export function readRuns(mem: PhysMem, shape: TableShape, find: (address: number) => number | null): RunColumns {
  const out = new RunColumns();
  const { granule, stage, format } = shape;
  const present = format === "second" ? 3 : 1;
  const high = format === undefined ? 0xffff : 0xfffff;
  let lastLo = -1;
  let lastHi = -1;
  let code = 0;
  const below = (table: number, level: number, base: number): void => {
    const shift = levelShift(level, granule);
    const size = 2 ** shift;
    const entries = level === shape.startLevel ? shape.topEntries : 2 ** (granule - 3);
    for (let i = 0; i < entries; i += 512) {
      const page = find(table + i * 8);
      const words = page === null ? undefined : mem.pages.get(Math.floor(page / 4096));
      if (page === null || words === undefined) continue;
      const first = (page % 4096) >>> 2;
      const n = Math.min(512, entries - i, (1024 - first) >> 1);
      for (let j = 0; j < n; j++) {
        const lo = words[first + 2 * j] ?? 0;
        if ((lo & present) === 0) continue;
        const hi = words[first + 2 * j + 1] ?? 0;
        const start = base + (i + j) * size;
        const address = (hi & high) * 2 ** 32 + ((lo & 0xfffff000) >>> 0);
        const table = format === undefined ? (lo & 2) !== 0 : (lo & 0x80) === 0;
        if (level < 3 && table) below(address, level + 1, start);
        else if (format !== undefined || (level === 3 ? (lo & 2) !== 0 : level > 0)) {
          if ((lo & 0xfff) !== lastLo || hi >>> 16 !== lastHi) {
            lastLo = lo & 0xfff;
            lastHi = hi >>> 16;
            code = format === undefined ? codeOf(lo, hi, stage) : 2 * vtdAccess(lo, format);
          }
          out.add(start, shift, code, address - (address % size));
        }
      }
    }
  };
  below(shape.root, shape.startLevel, 0);
  return out;
}

/** R 1, W 2. */
function vtdAccess(lo: number, format: "first" | "second"): number {
  return format === "second" ? lo & 3 : 1 | (lo & 2);
}

/** Stage 1: the attribute index that Linux and our guest use for Device memory; stage 2: the memory type itself. */
function codeOf(lo: number, hi: number, stage: 1 | 2): number {
  const words = [lo, hi];
  const access = stage === 2 ? get(S2_LEAF.f.S2AP, words) : (get(S1_LEAF.f.AP, words) & 2) === 0 ? 3 : 1;
  const device = stage === 2 ? get(S2_LEAF.f.MemAttr, words) < 4 : get(S1_LEAF.f.AttrIndx, words) === 2;
  return 2 * access + (device ? 1 : 0);
}
