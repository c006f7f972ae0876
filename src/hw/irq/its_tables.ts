/**
 * The ITS's tables in memory: devices, collections, and the translation table of each device. The architecture leaves
 * their layout open; this one is QEMU's: 8, 8 and 12 bytes an entry. Software gives the memory (GITS_BASER0 and 1, MAPD)
 * and must not write it. Source: GIC IHI 0069 5.2, 9.19.1.
 */
import { bits, hex, join } from "../base/bits.ts";
import { bitTable, encode, get } from "../base/fields.ts";
import type { PhysMem } from "../memory.ts";

export const DTE = bitTable("DTE", "GIC IHI 0069 5.2.2", 2, {
  Valid: [0, 0, 0],
  Size: [0, 5, 1, null, "EventID bits - 1"],
  "ITT[33:8]": [0, 31, 6],
  "ITT[51:34]": [1, 17, 0],
});

export const CTE = bitTable("CTE", "GIC IHI 0069 5.2.3", 2, {
  Valid: [0, 0, 0],
  RDbase: [0, 16, 1, null, "number of the redistributor"],
});

export const ITE = bitTable("ITE", "GIC IHI 0069 5.2.4", 3, {
  Valid: [0, 0, 0],
  Physical: [0, 1, 1],
  INTID: [0, 25, 2],
  ICID: [2, 15, 0],
});

export const DTE_BYTES = 8;
export const CTE_BYTES = 8;
export const ITE_BYTES = 12;

const PAGE_BYTES: readonly number[] = Object.freeze([0x1000, 0x4000, 0x1_0000, 0x1_0000]);

export interface DeviceEntry {
  /** EventIDs 0 .. 2^eventBits - 1. */
  eventBits: number;
  itt: number;
}

export interface EventEntry {
  intid: number;
  icid: number;
}

export class ItsTables {
  readonly mem: PhysMem;
  /** Name of the ITS, for the probe. */
  readonly who: string;
  /** GITS_BASER0, 1, ... as [lo, hi]. */
  readonly baser: Uint32Array;

  constructor(mem: PhysMem, who: string, baser: Uint32Array) {
    this.mem = mem;
    this.who = who;
    this.baser = baser;
  }

  /** Null = not mapped, also where the table does not reach. */
  device(id: number): DeviceEntry | null {
    const at = this.place(0, id, DTE_BYTES);
    if (at < 0) return null;
    const w = this.read(at, 2, `DTE[${hex(id)}]`);
    if (get(DTE.f.Valid, w) === 0) return null;
    const itt = get(DTE.f["ITT[33:8]"], w) * 2 ** 8 + get(DTE.f["ITT[51:34]"], w) * 2 ** 34;
    return { eventBits: get(DTE.f.Size, w) + 1, itt };
  }

  /** False: the table has no place for the device. */
  setDevice(id: number, entry: DeviceEntry | null): boolean {
    const at = this.place(0, id, DTE_BYTES);
    if (at < 0) return false;
    const fields =
      entry === null
        ? {}
        : {
            Valid: 1,
            Size: entry.eventBits - 1,
            "ITT[33:8]": Math.floor(entry.itt / 2 ** 8) % 2 ** 26,
            "ITT[51:34]": Math.floor(entry.itt / 2 ** 34),
          };
    this.write(at, encode(DTE, fields), `DTE[${hex(id)}]`);
    return true;
  }

  /** Number of the redistributor, -1 = not mapped. */
  collection(icid: number): number {
    const at = this.place(1, icid, CTE_BYTES);
    if (at < 0) return -1;
    const w = this.read(at, 2, `CTE[${icid}]`);
    return get(CTE.f.Valid, w) === 0 ? -1 : get(CTE.f.RDbase, w);
  }

  /** `target` -1 = unmap. False: the table has no place for it. */
  setCollection(icid: number, target: number): boolean {
    const at = this.place(1, icid, CTE_BYTES);
    if (at >= 0) this.write(at, encode(CTE, target < 0 ? {} : { Valid: 1, RDbase: target }), `CTE[${icid}]`);
    return at >= 0;
  }

  event(device: DeviceEntry, id: number): EventEntry | null {
    const w = this.read(device.itt + id * ITE_BYTES, 3, `ITE[${id}]`);
    return get(ITE.f.Valid, w) === 0 ? null : { intid: get(ITE.f.INTID, w), icid: get(ITE.f.ICID, w) };
  }

  setEvent(device: DeviceEntry, id: number, entry: EventEntry | null): void {
    const fields = entry === null ? {} : { Valid: 1, Physical: 1, INTID: entry.intid, ICID: entry.icid };
    this.write(device.itt + id * ITE_BYTES, encode(ITE, fields), `ITE[${id}]`);
  }

  /** Address of an entry of table `n`, -1 = not there. An indirect table has pages of entries behind 8-byte pointers. */
  private place(n: number, id: number, bytes: number): number {
    const lo = this.baser[2 * n] ?? 0;
    const hi = this.baser[2 * n + 1] ?? 0;
    if (hi >>> 31 === 0) return -1;
    const page = PAGE_BYTES[bits(lo, 9, 8)] ?? 0x1_0000;
    const size = ((lo & 0xff) + 1) * page;
    const base = join((lo & ~0xfff) >>> 0, bits(hi, 15, 0));
    const offset = id * bytes;
    if (((hi >>> 30) & 1) === 0) return offset + bytes <= size ? base + offset : -1;
    const slot = Math.floor(offset / page) * 8;
    if (slot + 8 > size) return -1;
    const w = this.read(base + slot, 2, `device table L1[${slot >> 3}]`);
    if ((w[1] ?? 0) >>> 31 === 0) return -1;
    return join(((w[0] ?? 0) & ~0xfff) >>> 0, bits(w[1] ?? 0, 19, 0)) + (offset % page);
  }

  private read(pa: number, words: number, what: string): Uint32Array {
    const { mem } = this;
    const before = mem.who;
    mem.who = this.who;
    const out = Uint32Array.from({ length: words }, (_, i) => mem.read32(pa + 4 * i, what));
    mem.who = before;
    return out;
  }

  private write(pa: number, words: Uint32Array, what: string): void {
    const { mem } = this;
    const before = mem.who;
    mem.who = this.who;
    words.forEach((w, i) => mem.write32(pa + 4 * i, w, what));
    mem.who = before;
  }
}
