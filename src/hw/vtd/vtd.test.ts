import { describe, expect, test } from "vitest";
import { encode, get } from "../base/fields.ts";
import { PhysMem } from "../memory.ts";
import { Txn, TxnResult } from "../smmuv3/txn.ts";
import { CONTEXT, PASID_DIR, PASID_ENTRY, PGTT, ROOT, SM_CONTEXT, SM_ROOT } from "./entries.ts";
import { FRCD, REASON } from "./faults.ts";
import type { RemappedInterrupt } from "../remapping.ts";
import { IRTE, REMAPPABLE } from "./irte.ts";
import { FS_ENTRY, SS_ENTRY } from "./paging.ts";
import { ECAP, GSTS, VTD_REG } from "./regs.ts";
import { VtdUnit } from "./unit.ts";

const ROOT_TABLE = 0x1000;
const CONTEXTS = 0x2000;
const DIRECTORY = 0x3000;
const PASIDS = 0x4000;
const SECOND = 0x10000;
const FIRST = 0x20000;
const IRT = 0x30000;
const QUEUE = 0x40000;
const SID = 0x0108;
/** 39, 48 and 57 bits, 1 GiB pages in both stages, one recording register, 5 levels. */
const CAP_LO = 0x2238_0e06;
const CAP_HI = 0x1100_000c;
const ECAP_LO = 0xf4a;
const ALL = encode(ECAP, { NEST: 1, SMTS: 1, FSTS: 1, SSTS: 1, SSADS: 1, PASID: 1 });

class Board {
  readonly mem = new PhysMem([{ start: 0, last: 0x7fff_ffff }]);
  readonly unit: VtdUnit;
  readonly out = new TxnResult();

  constructor(scalable: boolean) {
    const ecap = { lo: (ECAP_LO | (ALL[0] ?? 0)) >>> 0, hi: ALL[1] ?? 0 };
    this.unit = new VtdUnit("dmar0", 0xfed9_0000, { cap: { lo: CAP_LO, hi: CAP_HI }, ecap, haw: 46 }, this.mem);
    this.unit.writeReg64(VTD_REG.RTADDR, ROOT_TABLE | (scalable ? 0x400 : 0), 0);
    this.unit.writeReg(VTD_REG.GCMD, 1 << GSTS.f.RTPS.lo);
    this.unit.writeReg64(VTD_REG.IQA, QUEUE, 0);
    this.unit.writeReg64(VTD_REG.IRTA, IRT | 7, 0);
    this.unit.writeReg(VTD_REG.GCMD, 1 << GSTS.f.IRTPS.lo);
    this.switchOn(GSTS.f.TES.lo, GSTS.f.QIES.lo, GSTS.f.IRES.lo);
  }

  switchOn(...bits: number[]): void {
    this.unit.writeReg(VTD_REG.GCMD, bits.reduce((all, bit) => all | (1 << bit), 0) >>> 0);
  }

  words(pa: number, words: Uint32Array): void {
    words.forEach((w, i) => this.mem.write32(pa + 4 * i, w));
  }

  /** Second-stage chain of 4 levels from SECOND on, for addresses below 2 MiB; `leaf` at its index. */
  second(index: number, leaf: number): void {
    for (let i = 0; i < 3; i++) this.entry(SECOND + 0x1000 * i, 0, (SECOND + 0x1000 * (i + 1)) | 3);
    this.entry(SECOND + 0x3000, index, leaf);
  }

  entry(table: number, index: number, lo: number, hi = 0): void {
    this.mem.write64(table + 8 * index, lo >>> 0, hi);
  }

  legacy(tt: number, aw = 2): void {
    this.words(ROOT_TABLE + 16, encode(ROOT, { P: 1, "ContextTable[31:12]": CONTEXTS >>> 12 }));
    const values = { P: 1, TT: tt, "Table[31:12]": SECOND >>> 12, AW: aw, DID: 7 };
    this.words(CONTEXTS + 16 * (SID & 255), encode(CONTEXT, values));
  }

  scalable(type: number, more: Partial<Record<keyof typeof PASID_ENTRY.f, number>> = {}, pasid = 0): void {
    this.words(ROOT_TABLE + 16, encode(SM_ROOT, { LP: 1, "LowerTable[31:12]": CONTEXTS >>> 12 }));
    const context = { P: 1, PASIDE: 1, "Directory[31:12]": DIRECTORY >>> 12 };
    this.words(CONTEXTS + 32 * (SID & 127), encode(SM_CONTEXT, context));
    this.words(DIRECTORY + 8 * (pasid >>> 6), encode(PASID_DIR, { P: 1, "Table[31:12]": PASIDS >>> 12 }));
    const tables = { "SSPTPTR[31:12]": SECOND >>> 12, "FSPTPTR[31:12]": FIRST >>> 12 };
    const entry = encode(PASID_ENTRY, { P: 1, AW: 2, PGTT: type, DID: 7, ...tables, ...more });
    this.words(PASIDS + 64 * (pasid & 63), entry);
  }

  go(hi: number, lo: number, write: boolean, pasid = -1): number | string {
    this.unit.translate(new Txn().set(SID, write, hi, lo, pasid), this.out);
    return this.out.ok
      ? this.out.pa
      : `fault ${this.out.event.toString(16)} stage ${this.out.stage} level ${this.out.level}`;
  }

  queue(...words: number[]): void {
    const tail = this.unit.readReg(VTD_REG.IQT);
    words.forEach((w, i) => this.mem.write32(QUEUE + tail + 4 * i, w >>> 0));
    this.unit.writeReg(VTD_REG.IQT, tail + 16);
  }

  msi(index: number, sid = SID, data = 0): RemappedInterrupt {
    const out = { delivered: false, reason: 0, index: -1, vector: 0, destination: 0 };
    const fields = { Format: 1, FEE: 0xfee, "Index[14:0]": index & 0x7fff, "Index[15]": index >>> 15 };
    this.unit.interrupt(sid, encode(REMAPPABLE, fields)[0] ?? 0, data, out);
    return out;
  }
}

const leaf2 = (pa: number, more: Partial<Record<keyof typeof SS_ENTRY.f, number>> = {}): number =>
  encode(SS_ENTRY, { R: 1, W: 1, "Address[31:12]": pa >>> 12, ...more })[0] ?? 0;
const leaf1 = (pa: number, more: Partial<Record<keyof typeof FS_ENTRY.f, number>> = {}): number =>
  encode(FS_ENTRY, { P: 1, RW: 1, US: 1, "Address[31:12]": pa >>> 12, ...more })[0] ?? 0;

describe("legacy mode", () => {
  test("a page, its rights, and a record of what was refused", () => {
    const b = new Board(false);
    b.legacy(0);
    b.second(5, leaf2(0x5000_0000, { W: 0 }));
    expect(b.go(0, 0x5123, false)).toBe(0x5000_0123);
    expect(b.go(0, 0x5123, true)).toBe("fault 5 stage 2 level 1");
    const at = b.unit.caps.frcd;
    const record = [0, 4, 8, 12].map((o) => b.unit.readReg(at + o));
    expect(record.slice(0, 2)).toEqual([0x5000, 0]);
    expect([get(FRCD.f.SID, record), get(FRCD.f.FR, record), get(FRCD.f.T, record)]).toEqual([SID, REASON.NO_WRITE, 0]);
    expect(b.unit.readReg(VTD_REG.FSTS)).toBe(2);
    b.go(0, 0x6000, false);
    expect(b.unit.readReg(VTD_REG.FSTS)).toBe(3);
    expect(b.unit.readReg(at + 12)).toBe(record[3]);
    b.unit.writeReg(at + 12, 0x8000_0000);
    b.unit.writeReg(VTD_REG.FSTS, 1);
    expect(b.unit.readReg(VTD_REG.FSTS)).toBe(0);
  });

  test("pass-through, widths that are not there, translation switched off", () => {
    const b = new Board(false);
    b.legacy(2);
    expect(b.go(1, 0x8000_0010, true)).toBe(0x1_8000_0010);
    b.unit.translator.forgetAll();
    b.legacy(3);
    expect(b.go(0, 0, false)).toBe("fault 3 stage 0 level -1");
    b.legacy(0, 4);
    expect(b.go(0, 0, false)).toBe("fault 3 stage 0 level -1");
    b.switchOn(GSTS.f.QIES.lo);
    expect(b.go(0, 0x1234, false)).toBe(0x1234);
  });

  test("a translation into the interrupt range is refused", () => {
    const b = new Board(false);
    b.legacy(0);
    b.second(5, leaf2(0xfee0_0000));
    expect(b.go(0, 0x5000, true)).toBe("fault e stage 2 level -1");
  });
});

describe("scalable mode", () => {
  test("first stage: flags are set, by a look they are not", () => {
    const b = new Board(true);
    b.scalable(PGTT.FIRST);
    for (let i = 0; i < 3; i++) b.entry(FIRST + 0x1000 * i, 511, leaf1(FIRST + 0x1000 * (i + 1)));
    b.entry(FIRST + 0x3000, 511, leaf1(0x6000_0000));
    const read = (): number => b.mem.read32(FIRST + 0x3000 + 8 * 511) & 0x60;
    b.unit.explain(new Txn().set(SID, true, 0xffff_ffff, 0xffff_f010), b.out);
    expect([b.out.pa, read()]).toEqual([0x6000_0010, 0]);
    expect(b.go(0xffff_ffff, 0xffff_f010, false)).toBe(0x6000_0010);
    expect(read()).toBe(0x20);
    b.unit.translator.tlb.clear();
    b.go(0xffff_ffff, 0xffff_f010, true);
    expect(read()).toBe(0x60);
    expect(b.go(0x0000_8000, 0, false)).toBe("fault 80 stage 1 level -1");
  });

  test("five levels, and a PASID of its own", () => {
    const b = new Board(true);
    b.scalable(PGTT.FIRST, { FSPM: 1 }, 70);
    for (let i = 0; i < 4; i++) b.entry(FIRST + 0x1000 * i, i === 0 ? 1 : 0, leaf1(FIRST + 0x1000 * (i + 1)));
    b.entry(FIRST + 0x4000, 3, leaf1(0x6000_0000, { RW: 0 }));
    expect(b.go(0x1_0000, 0x3000, false, 70)).toBe(0x6000_0000);
    expect(b.go(0x1_0000, 0x3000, true, 70)).toBe("fault 85 stage 1 level 1");
    expect(b.go(0, 0, false)).toBe("fault 51 stage 0 level -1");
    expect(b.go(0, 0, false, 71)).toBe("fault 59 stage 0 level -1");
  });

  test("nested: tables and output pass the second stage, which may refuse either", () => {
    const b = new Board(true);
    b.scalable(PGTT.NESTED, { SSADE: 1 });
    b.second(0, 0);
    for (let i = 0; i < 4; i++) b.entry(SECOND + 0x3000, 32 + i, leaf2(FIRST + 0x1000 * i));
    b.entry(SECOND + 0x3000, 9, leaf2(0x5000_0000, { W: 0 }));
    for (let i = 0; i < 3; i++) b.entry(FIRST + 0x1000 * i, 0, leaf1(FIRST + 0x1000 * (i + 1)));
    b.entry(FIRST + 0x3000, 1, leaf1(0x9000));
    expect(b.go(0, 0x1234, false)).toBe(0x5000_0234);
    expect(b.mem.read32(SECOND + 0x3000 + 8 * 9) & 0x300).toBe(0x100);
    expect(b.go(0, 0x1234, true)).toBe("fault 5 stage 2 level 1");
    b.entry(SECOND + 0x3000, 34, 0);
    b.unit.translator.tlb.clear();
    expect(b.go(0, 0x1234, false)).toBe("fault 6 stage 2 level 1");
  });
});

describe("invalidation queue", () => {
  test("what is not invalidated keeps serving; each descriptor removes what it names", () => {
    const b = new Board(false);
    b.legacy(0);
    b.second(5, leaf2(0x5000_0000));
    b.go(0, 0x5000, false);
    b.second(5, leaf2(0x5100_0000));
    expect(b.go(0, 0x5000, false)).toBe(0x5000_0000);
    b.queue((8 << 16) | 0x22, 0, 0, 0);
    expect(b.go(0, 0x5000, false)).toBe(0x5000_0000);
    b.queue((7 << 16) | 0x32, 0, 0x4001, 0);
    expect(b.go(0, 0x5000, false)).toBe(0x5100_0000);
    b.legacy(2);
    expect(b.go(0, 0x5000, false)).toBe(0x5100_0000);
    b.queue(0x31, SID, 0, 0);
    expect(b.go(0, 0x5000, false)).toBe(0x5000);
    expect(b.unit.readReg(VTD_REG.IQH)).toBe(48);
  });

  test("a wait writes its status; an unknown descriptor stops the queue until the error is cleared", () => {
    const b = new Board(false);
    b.queue(0x25, 0xabcd, 0x50000, 0);
    expect(b.mem.read32(0x50000)).toBe(0xabcd);
    b.queue(0xf, 0, 0, 0);
    expect([b.unit.readReg(VTD_REG.IQH), b.unit.readReg(VTD_REG.FSTS)]).toEqual([16, 0x10]);
  });
});

describe("interrupt remapping", () => {
  const entry = (b: Board, index: number, more: Partial<Record<keyof typeof IRTE.f, number>> = {}): void =>
    b.words(IRT + 16 * index, encode(IRTE, { P: 1, V: 0x31, DST: 0x300, SID, SVT: 1, ...more }));

  test("a vector for a processor; another function is refused and recorded", () => {
    const b = new Board(false);
    entry(b, 3);
    expect(b.msi(3)).toEqual({ delivered: true, reason: 0, index: 3, vector: 0x31, destination: 3 });
    expect(b.msi(3, SID + 8)).toMatchObject({ delivered: false, reason: REASON.IR_SOURCE });
    expect(b.unit.last[1]).toBe(3 << 16);
  });

  test("source checks: bits left out, a range of buses, none", () => {
    const b = new Board(false);
    entry(b, 1, { SQ: 3 });
    entry(b, 2, { SVT: 2, SID: 0x0103 });
    entry(b, 4, { SVT: 0 });
    expect([SID + 7, SID + 8].map((sid) => b.msi(1, sid).delivered)).toEqual([true, false]);
    expect([0x0000, 0x0155, 0x03ff, 0x0400].map((sid) => b.msi(2, sid).delivered)).toEqual([false, true, true, false]);
    expect(b.msi(4, 0xffff).delivered).toBe(true);
  });

  test("index beyond the table, entries that are absent or reserved, compatibility format", () => {
    const b = new Board(false);
    entry(b, 5, { SVT: 3 });
    expect([256, 9, 5].map((index) => b.msi(index).reason)).toEqual([0x21, 0x22, 0x24]);
    const out = { delivered: false, reason: 0, index: -1, vector: 0, destination: 0 };
    b.unit.interrupt(SID, 0xfee0_2000, 0x44, out);
    expect(out.reason).toBe(REASON.IR_COMPATIBILITY);
    b.switchOn(GSTS.f.IRES.lo, GSTS.f.CFIS.lo);
    b.unit.interrupt(SID, 0xfee0_2000, 0x44, out);
    expect(out).toMatchObject({ delivered: true, index: -1, vector: 0x44, destination: 2 });
  });

  test("an entry is kept until it is invalidated", () => {
    const b = new Board(false);
    entry(b, 3);
    b.msi(3);
    entry(b, 3, { V: 0x52 });
    expect(b.msi(3).vector).toBe(0x31);
    b.queue(0x14, 3, 0, 0);
    expect(b.msi(3).vector).toBe(0x52);
  });
});
