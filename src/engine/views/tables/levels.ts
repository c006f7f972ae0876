/** Page tables level by level: VMSAv8-64 (Arm ARM DDI 0487 D8.2, D8.3) and VT-d's (VT-d 9.7, 9.8). */
import { hex } from "../../../hw/base/bits.ts";
import type { BitTable } from "../../../hw/base/fields.ts";
import { FS_ENTRY, SS_ENTRY } from "../../../hw/vtd/paging.ts";
import { levelShift, S1_LEAF, S2_LEAF, TABLE_DESC } from "../../../hw/pgtable/vmsav8.ts";
import { sizeText } from "../../sim/scenario/values.ts";
import type { TableShape } from "../leaves.ts";
import type { Ref } from "../types.ts";
import { type Decoded, inMemory, type Reading, type Source, words as wordsOf } from "./source.ts";

/** Where the addresses of a table's entries lead. */
export interface Space {
  /** Of a table: null where nothing is. */
  find: (address: number) => number | null;
  guest: boolean;
}

export const PHYSICAL: Space = Object.freeze({ find: (a: number) => a, guest: false });

const LAST_LEVEL = 3;

/** The first table of a shape; `owner`: what lights up with its entries. */
export function levelSource(r: Reading, shape: TableShape, space: Space, owner: Ref[]): Source {
  return at(r, shape, space, owner, shape.startLevel, shape.root, shape.topEntries, 0);
}

function at(
  r: Reading,
  shape: TableShape,
  space: Space,
  owner: Ref[],
  level: number,
  base: number,
  entries: number,
  input: number,
): Source {
  const { stage, granule, format } = shape;
  const size = 2 ** levelShift(level, granule);
  const memory = inMemory(r, base, 2, space.find);
  const target = (lo: number, hi: number, leaf: boolean): Decoded["target"] => {
    const raw = (hi & highMask(format)) * 2 ** 32 + ((lo & 0xfffff000) >>> 0);
    const address = leaf ? raw - (raw % size) : raw - (raw % 2 ** granule);
    return { label: leaf ? "output" : "table", address, pa: space.find(address), guest: space.guest };
  };
  return {
    title: nameOfLevel(shape, level),
    sub: `${entries} of ${sizeText(BigInt(size))}`,
    entries,
    ...memory,
    ...(space.guest ? { ipa: (i: number) => base + i * 8 } : {}),
    decode: (w, i) => {
      const kind = kindOf(w, level, format);
      const leaf = kind === "page" || kind === "block";
      const table = bitsOf(format, stage, kind);
      const unread = memory.pa(i) === null;
      return {
        what: unread ? "nothing answers here" : kind === "block" ? `block ${sizeText(BigInt(size))}` : kind,
        valid: kind === "table" || leaf,
        table,
        target: kind === "table" || leaf ? target(w[0] ?? 0, w[1] ?? 0, leaf) : null,
        like: leaf ? `${(w[0] ?? 0) & 0xfff} ${(w[1] ?? 0) >>> 16}` : kind === "table" ? "" : `${w[0]} ${w[1]}`,
        stride: leaf ? size : 0,
      };
    },
    covers: (i) => ({ start: input + i * size, size }),
    indexOf: (address) => {
      const inside = address - BigInt(input);
      const index = inside < 0n ? -1n : inside / BigInt(size);
      return index >= 0n && index < BigInt(entries) ? Number(index) : -1;
    },
    below: (w, i) => {
      const kind = kindOf(w, level, format);
      if (kind !== "table") return null;
      const to = target(w[0] ?? 0, w[1] ?? 0, false);
      if (to === null || to.pa === null)
        return `The table at ${space.guest ? "IPA " : ""}${hex(to?.address ?? 0)} is nowhere in memory.`;
      return at(r, shape, space, owner, level + 1, to.address, 2 ** (granule - 3), input + i * size);
    },
    refs: (i) => {
      const pa = memory.pa(i);
      return pa === null ? owner : [`desc:${hex(pa)}:${entryKind(shape, level)}`, ...owner];
    },
  };
}

type Kind = "invalid" | "reserved" | "table" | "page" | "block";
type Format = TableShape["format"];

function highMask(format: Format): number {
  return format === undefined ? 0xffff : 0xfffff;
}

/** `S1 L0`; VT-d counts levels from the pages: `FS L4`. */
function nameOfLevel({ stage, format }: TableShape, level: number): string {
  return format === undefined ? `S${stage} L${level}` : `${format === "first" ? "FS" : "SS"} L${4 - level}`;
}

/** As `desc:` refs name it: `1:0`, `SS:4`. */
function entryKind(shape: TableShape, level: number): string {
  const { stage, format } = shape;
  return format === undefined ? `${stage}:${level}` : `${format === "first" ? "FS" : "SS"}:${4 - level}`;
}

function bitsOf(format: Format, stage: 1 | 2, kind: Kind): BitTable {
  if (format !== undefined) return format === "first" ? FS_ENTRY : SS_ENTRY;
  return kind === "table" ? TABLE_DESC : stage === 1 ? S1_LEAF : S2_LEAF;
}

function kindOf(w: ArrayLike<number>, level: number, format: Format): Kind {
  if (format !== undefined) {
    const lo = w[0] ?? 0;
    if ((lo & (format === "first" ? 1 : 3)) === 0) return "invalid";
    if (level === LAST_LEVEL) return "page";
    return (lo & 0x80) === 0 ? "table" : level < 1 ? "reserved" : "block";
  }
  const type = (w[0] ?? 0) & 3;
  if ((type & 1) === 0) return "invalid";
  if (level === LAST_LEVEL) return type === 3 ? "page" : "reserved";
  return type === 3 ? "table" : level === 0 ? "reserved" : "block";
}

/** The entries on the way of an address, and where it comes out; `pa` null where the tables end. */
export function descend(
  r: Reading,
  shape: TableShape,
  find: (address: number) => number | null,
  input: number,
): { path: number[]; out: number | null } {
  const path: number[] = [];
  const { mem } = r.world.machine;
  let base = shape.root;
  let entries = shape.topEntries;
  for (let level = shape.startLevel; level <= LAST_LEVEL; level++) {
    const size = 2 ** levelShift(level, shape.granule);
    const i = level === shape.startLevel ? Math.floor(input / size) : Math.floor(input / size) % entries;
    if (i >= entries) return { path, out: null };
    path.push(i);
    const pa = find(base + i * 8);
    if (pa === null) return { path, out: null };
    const [lo = 0, hi = 0] = wordsOf(mem, pa, 2);
    const kind = kindOf([lo, hi], level, shape.format);
    const address = (hi & highMask(shape.format)) * 2 ** 32 + ((lo & 0xfffff000) >>> 0);
    if (kind === "table") base = address - (address % 2 ** shape.granule);
    else if (kind === "page" || kind === "block") return { path, out: address - (address % size) + (input % size) };
    else return { path, out: null };
    entries = 2 ** (shape.granule - 3);
  }
  return { path, out: null };
}
