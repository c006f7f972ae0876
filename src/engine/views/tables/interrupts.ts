/** MSI-X tables of devices and the tables of the ITS in memory. Source: PCI 3.0 6.8.2, GIC IHI 0069 5.2. */
import { bits, hex, hex64, join } from "../../../hw/base/bits.ts";
import { bitTable, get } from "../../../hw/base/fields.ts";
import { CTE, CTE_BYTES, DTE, DTE_BYTES, ITE } from "../../../hw/irq/its_tables.ts";
import type { Its } from "../../../hw/irq/its.ts";
import type { MsixTable } from "../../../hw/pci/msi.ts";
import { MSIX_ENTRY } from "../../../hw/pci/regs.ts";
import { inMemory, type Reading, type Source } from "./source.ts";

const PAGE_BYTES: readonly number[] = Object.freeze([0x1000, 0x4000, 0x1_0000, 0x1_0000]);

const INDIRECT = bitTable("device table L1", "GIC IHI 0069 5.2.2", 2, {
  "Address[31:12]": [0, 31, 12],
  "Address[51:32]": [1, 19, 0],
  Valid: [1, 31, 31],
});

export function msixSource(name: string, table: MsixTable, before: MsixTable | null): Source {
  const one = (t: MsixTable, i: number): number[] => Array.from(t.words.subarray(4 * i, 4 * i + 4));
  const pending = (i: number): boolean => (((table.pba[i >> 5] ?? 0) >>> (i & 31)) & 1) === 1;
  return {
    title: "MSI-X",
    sub: `${table.place.entries} vectors, BAR ${table.place.tableBar} +${hex(table.place.tableOffset)}`,
    entries: table.place.entries,
    pa: () => null,
    load: (i) => one(table, i),
    old: (i) => (before === null ? null : one(before, i)),
    decode: (w, i) => {
      const address = join(((w[0] ?? 0) & ~3) >>> 0, w[1] ?? 0);
      const masked = get(MSIX_ENTRY.f.Mask, w) === 1;
      const set = address !== 0 || (w[2] ?? 0) !== 0;
      return {
        what: `${set ? `data ${hex(w[2] ?? 0)}` : "empty"}${masked ? " masked" : ""}${pending(i) ? " pending" : ""}`,
        valid: set && !masked,
        table: MSIX_ENTRY,
        target: set ? { label: "address", address, pa: address, guest: false } : null,
        like: set ? "" : Array.from(w).join(),
        stride: 0,
      };
    },
    covers: () => null,
    indexOf: () => -1,
    below: () => null,
    refs: (i) => [`slot:msix:${name}@${i}`, `dev:${name}`],
  };
}

/** The device table; an indirect one as pages behind pointers. */
export function deviceTable(r: Reading, its: Its): Source {
  return itsTable(r, its, 0, DTE_BYTES, (base, entries, first, path) => ({
    title: "DTE",
    sub: `DeviceIDs ${hex(first)}-${hex(first + entries - 1)}`,
    entries,
    ...inMemory(r, base, 2),
    decode: (w) => {
      const valid = get(DTE.f.Valid, w) === 1;
      const itt = get(DTE.f["ITT[33:8]"], w) * 2 ** 8 + get(DTE.f["ITT[51:34]"], w) * 2 ** 34;
      return {
        what: valid ? `${2 ** (get(DTE.f.Size, w) + 1)} events` : "invalid",
        valid,
        table: DTE,
        target: valid ? { label: "ITT", address: itt, pa: itt, guest: false } : null,
        like: valid ? "" : "0",
        stride: 0,
      };
    },
    covers: (i) => ({ start: first + i, size: 1 }),
    indexOf: () => -1,
    below: (w, i) => {
      if (get(DTE.f.Valid, w) === 0) return null;
      const itt = get(DTE.f["ITT[33:8]"], w) * 2 ** 8 + get(DTE.f["ITT[51:34]"], w) * 2 ** 34;
      return eventTable(r, itt, 2 ** (get(DTE.f.Size, w) + 1), `${path}${i}`);
    },
    refs: (i) => [`slot:its:devices@${path}${i}`],
  }));
}

function eventTable(r: Reading, itt: number, entries: number, path: string): Source {
  return {
    title: "ITE",
    sub: `${entries} events`,
    entries,
    ...inMemory(r, itt, 3),
    decode: (w) => {
      const valid = get(ITE.f.Valid, w) === 1;
      return {
        what: valid ? `LPI ${get(ITE.f.INTID, w)} collection ${get(ITE.f.ICID, w)}` : "invalid",
        valid,
        table: ITE,
        target: null,
        like: valid ? "" : "0",
        stride: 0,
      };
    },
    covers: (i) => ({ start: i, size: 1 }),
    indexOf: () => -1,
    below: () => null,
    refs: (i) => [`slot:its:devices@${path}.${i}`],
  };
}

export function collectionTable(r: Reading, its: Its): Source {
  return itsTable(r, its, 1, CTE_BYTES, (base, entries, first, path) => ({
    title: "CTE",
    sub: `collections ${first}-${first + entries - 1}`,
    entries,
    ...inMemory(r, base, 2),
    decode: (w) => {
      const valid = get(CTE.f.Valid, w) === 1;
      return {
        what: valid ? `redistributor ${get(CTE.f.RDbase, w)}` : "invalid",
        valid,
        table: CTE,
        target: null,
        like: valid ? "" : "0",
        stride: 0,
      };
    },
    covers: (i) => ({ start: first + i, size: 1 }),
    indexOf: () => -1,
    below: () => null,
    refs: (i) => [`slot:its:collections@${path}${i}`],
  }));
}

type Leaf = (base: number, entries: number, first: number, path: string) => Source;

/** GITS_BASER of a table: flat, or pages of it behind 8-byte pointers. Source: GIC IHI 0069 9.19.1. */
function itsTable(r: Reading, its: Its, n: number, bytes: number, leaf: Leaf): Source {
  const lo = its.baser[2 * n] ?? 0;
  const hi = its.baser[2 * n + 1] ?? 0;
  const page = PAGE_BYTES[bits(lo, 9, 8)] ?? 0x1_0000;
  const size = ((lo & 0xff) + 1) * page;
  const base = join((lo & ~0xfff) >>> 0, bits(hi, 15, 0));
  const off = hi >>> 31 === 0 ? { empty: `GITS_BASER${n} is ${hex64(lo, hi)}: software has given no memory.` } : {};
  if (((hi >>> 30) & 1) === 0 || hi >>> 31 === 0)
    return { ...leaf(base, hi >>> 31 === 0 ? 0 : size / bytes, 0, ""), ...off };
  const each = page / bytes;
  const to = (w: ArrayLike<number>): number => join(((w[0] ?? 0) & ~0xfff) >>> 0, bits(w[1] ?? 0, 19, 0));
  return {
    title: "L1",
    sub: `${size / 8} of ${each}`,
    entries: size / 8,
    ...inMemory(r, base, 2),
    decode: (w) => {
      const valid = get(INDIRECT.f.Valid, w) === 1;
      return {
        what: valid ? "table" : "invalid",
        valid,
        table: INDIRECT,
        target: valid ? { label: "table", address: to(w), pa: to(w), guest: false } : null,
        like: valid ? "" : "0",
        stride: 0,
      };
    },
    covers: (i) => ({ start: i * each, size: each }),
    indexOf: () => -1,
    below: (w, i) => (get(INDIRECT.f.Valid, w) === 0 ? null : leaf(to(w), each, i * each, `${i}.`)),
    refs: (i) => [`slot:its:${n === 0 ? "devices" : "collections"}@${i}`],
  };
}
