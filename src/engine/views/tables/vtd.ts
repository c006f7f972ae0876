/** From a source id to its tables, as a VT-d unit takes them apart: root, context, PASID directory, PASID entry, pages. */
import { hex } from "../../../hw/base/bits.ts";
import { type BitTable, get } from "../../../hw/base/fields.ts";
import { descriptorText } from "../../../hw/vtd/descriptors.ts";
import { bitTable } from "../../../hw/base/fields.ts";
import { CONTEXT, PASID_DIR, PASID_ENTRY, ROOT, SM_CONTEXT, SM_ROOT } from "../../../hw/vtd/entries.ts";
import { IRTE } from "../../../hw/vtd/irte.ts";
import type { VtdUnit } from "../../../hw/vtd/unit.ts";
import { addressOf } from "../grid.ts";
import type { TableShape } from "../leaves.ts";
import type { Ref } from "../types.ts";
import { contextShape, contextText, isScalable, pasidShape, pasidText, rootTable } from "../vtd.ts";
import { levelSource, PHYSICAL } from "./levels.ts";
import { type Decoded, inMemory, type Reading, type Source } from "./source.ts";

/** Whose tables: all functions behind a unit, with one marked. */
interface Followed {
  unit: VtdUnit;
  sid: number;
  pasid: number;
  owner: Ref[];
}

interface Table {
  title: string;
  sub: string;
  base: number;
  entries: number;
  bits: BitTable;
  /** The entry that the marked function's requests go through. */
  picked: number;
  what(words: ArrayLike<number>): string;
  /** Address that an entry leads to, -1 = nowhere. */
  to(words: ArrayLike<number>): number;
  label: string;
  below(words: ArrayLike<number>, to: number): Source | string | null;
}

function source(r: Reading, f: Followed, t: Table): Source {
  return {
    title: t.title,
    sub: t.sub,
    entries: t.entries,
    ...inMemory(r, t.base, t.bits.words),
    decode: (w): Decoded => {
      const to = t.to(w);
      const target = to > 0 ? { label: t.label, address: to, pa: to, guest: false } : null;
      const blank = Array.from(w).every((x) => x === 0);
      return { what: t.what(w), valid: to >= 0, table: t.bits, target, like: blank ? "0" : "", stride: 0 };
    },
    covers: () => null,
    indexOf: () => t.picked,
    below: (w) => {
      const to = t.to(w);
      return to < 0 ? null : t.below(w, to);
    },
    refs: () => f.owner,
  };
}

/** The root table of the unit in front of a function. */
export function vtdRoot(r: Reading, f: Followed): Source {
  const { unit, sid } = f;
  const scalable = isScalable(unit);
  const half = scalable && (sid & 0x80) !== 0 ? 2 : 0;
  const first = source(r, f, {
    title: "root",
    sub: `buses 0x0-0xff, ${scalable ? "scalable mode" : "legacy mode"}`,
    base: rootTable(unit),
    entries: 256,
    bits: scalable ? SM_ROOT : ROOT,
    picked: sid >>> 8,
    what: (w) => {
      if (!scalable) return present(w);
      return `${present([w[0] ?? 0])}, upper half ${present([w[2] ?? 0])}`;
    },
    to: (w) => pointer([w[half] ?? 0, w[half + 1] ?? 0]),
    label: "context table",
    below: (_, to) => (scalable ? scalableContexts(r, f, to) : legacyContexts(r, f, to)),
  });
  return unit.translating ? first : { ...first, empty: `${unit.name} does not translate: its root table is not read.` };
}

function legacyContexts(r: Reading, f: Followed, base: number): Source {
  return source(r, f, {
    title: "context",
    sub: `functions of bus ${hex(f.sid >>> 8)}`,
    base,
    entries: 256,
    bits: CONTEXT,
    picked: f.sid & 255,
    what: contextText,
    to: (w) => (get(CONTEXT.f.P, w) === 0 ? -1 : addressOf(CONTEXT, w, "Table")),
    label: "table",
    below: (w) => pages(r, f, contextShape(w)),
  });
}

function scalableContexts(r: Reading, f: Followed, base: number): Source {
  const first = f.sid & 0x80;
  return source(r, f, {
    title: "context",
    sub: `functions ${hex(first)}-${hex(first + 127)} of bus ${hex(f.sid >>> 8)}`,
    base,
    entries: 128,
    bits: SM_CONTEXT,
    picked: f.sid & 127,
    what: (w) => present(w),
    to: (w) => (get(SM_CONTEXT.f.P, w) === 0 ? -1 : addressOf(SM_CONTEXT, w, "Directory")),
    label: "directory",
    below: (w, to) => directory(r, f, to, 2 ** (get(SM_CONTEXT.f.PDTS, w) + 7)),
  });
}

function directory(r: Reading, f: Followed, base: number, entries: number): Source {
  return source(r, f, {
    title: "PASID directory",
    sub: `${entries} of 64 PASIDs`,
    base,
    entries,
    bits: PASID_DIR,
    picked: f.pasid >>> 6,
    what: present,
    to: (w) => pointer(w),
    label: "PASID table",
    below: (_, to) => pasids(r, f, to),
  });
}

function pasids(r: Reading, f: Followed, base: number): Source {
  const first = f.pasid & ~63;
  return source(r, f, {
    title: "PASID",
    sub: `PASIDs ${first}-${first + 63}; 0 = requests without one`,
    base,
    entries: 64,
    bits: PASID_ENTRY,
    picked: f.pasid & 63,
    what: pasidText,
    to: (w) => (get(PASID_ENTRY.f.P, w) === 0 ? -1 : (pasidShape(w)?.root ?? 0)),
    label: "table",
    below: (w) => pages(r, f, pasidShape(w)),
  });
}

function pages(r: Reading, f: Followed, shape: TableShape | null): Source | string {
  return shape === null ? "Requests pass untranslated: no page table." : levelSource(r, shape, PHYSICAL, f.owner);
}

function present(w: ArrayLike<number>): string {
  return ((w[0] ?? 0) & 1) === 0 ? "not present" : "present";
}

/** Bits 63:12 of an entry whose bit 0 says that it is there. */
function pointer(w: ArrayLike<number>): number {
  if (((w[0] ?? 0) & 1) === 0) return -1;
  return ((w[1] ?? 0) & 0xfffff) * 2 ** 32 + (((w[0] ?? 0) & ~0xfff) >>> 0);
}

/** The interrupt remapping table. */
export function irteTable(r: Reading, unit: VtdUnit): Source {
  const { remapper } = unit;
  const base = (remapper.tableHi & 0xfffff) * 2 ** 32 + ((remapper.tableLo & ~0xfff) >>> 0);
  return {
    title: "IRTE",
    sub: `${remapper.entries} entries`,
    entries: unit.remapping ? remapper.entries : 0,
    ...inMemory(r, base, IRTE.words),
    ...(unit.remapping ? {} : { empty: `${unit.name} remaps no interrupts.` }),
    decode: (w): Decoded => {
      const valid = get(IRTE.f.P, w) === 1;
      const source = get(IRTE.f.SVT, w) === 0 ? "any source" : `source ${hex(get(IRTE.f.SID, w))}`;
      const what = valid ? `vector ${get(IRTE.f.V, w)} for APIC ${get(IRTE.f.DST, w)}, ${source}` : "not present";
      return { what, valid, table: IRTE, target: null, like: valid ? "" : "0", stride: 0 };
    },
    covers: () => null,
    indexOf: () => -1,
    below: () => null,
    refs: (i) => [`slot:vtd:${unit.name}:irt@${i}`],
  };
}

const DESCRIPTOR_BITS = bitTable("descriptor", "VT-d 6.5.2", 4, {
  Type: [0, 3, 0],
  G: [0, 5, 4],
  "Word0[31:6]": [0, 31, 6],
  Word1: [1, 31, 0],
  AM: [2, 5, 0],
  "Address[31:12]": [2, 31, 12],
  "Address[63:32]": [3, 31, 0],
});

/** Descriptors before the tail that are shown, newest first. */
const LAST = 64;

export function invalidationQueue(r: Reading, unit: VtdUnit, before: VtdUnit | null): Source {
  const { queue } = unit;
  const size = queue.size / queue.bytes;
  const head = queue.tail / queue.bytes;
  const words = queue.bytes / 4;
  const memory = inMemory(r, queue.base, words);
  const order = Array.from({ length: Math.min(size, LAST) }, (_, i) => (head - 1 - i + size) % size).filter((i) =>
    Array.from(memory.load(i)).some((w) => w !== 0),
  );
  const moved = before === null ? 0 : (queue.tail - before.queue.tail + queue.size) % queue.size;
  return {
    title: "Invalidation queue",
    sub: `tail ${head}, head ${queue.head / queue.bytes}${moved > 0 ? `, +${moved / queue.bytes}` : ""}, ${size} entries`,
    entries: size,
    order,
    ...memory,
    ...(order.length === 0 ? { empty: "Nothing was ever put into it." } : {}),
    decode: (w): Decoded => ({
      what: descriptorText(w[0] ?? 0, w[1] ?? 0, w[2] ?? 0, w[3] ?? 0),
      valid: true,
      table: DESCRIPTOR_BITS,
      target: null,
      like: "",
      stride: 0,
    }),
    covers: () => null,
    indexOf: () => -1,
    below: () => null,
    refs: (i) => [`slot:vtd:${unit.name}:iq@${i}`],
  };
}
