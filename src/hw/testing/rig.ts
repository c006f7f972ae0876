/** A small SMMU over memory for tests: writes STEs, CDs and 4 KiB-granule tables, counts nothing, hides nothing. */
import { encode } from "../base/fields.ts";
import type { HwProbe } from "../base/probe.ts";
import { PhysMem } from "../memory.ts";
import { CD } from "../smmuv3/cd.ts";
import { EVENT_NAMES } from "../smmuv3/evtq.ts";
import { ARCHITECTURE, type Quirks } from "../smmuv3/quirks.ts";
import { REG } from "../smmuv3/regs.ts";
import { Smmuv3 } from "../smmuv3/smmu.ts";
import { lookupText } from "../smmuv3/tlb.ts";
import { STE } from "../smmuv3/ste.ts";
import { Txn, TxnResult } from "../smmuv3/txn.ts";

/** QEMU's ID registers: stage 1 and 2, 44-bit output, all granules, no substreams. */
export const IDS = Object.freeze({ idr0: 0xd44101b, idr1: 0x2730010, idr3: 0x1414, idr5: 0x74, iidr: 0, aidr: 1 });

export const RAM = Object.freeze({ start: 0x4000_0000, last: 0x4fff_ffff });
export const CMDQ = 0x4000_0000;
export const EVTQ = 0x4001_0000;
export const STRTAB = 0x4002_0000;
const FIRST_PAGE = 0x4010_0000;
/** Stage-1 leaf: AF, unprivileged, inner shareable, page. */
export const S1_PAGE = 0x743;
/** Stage-2 leaf: AF, Normal WB, read/write. */
export const S2_PAGE = 0x7ff;

export class Rig {
  readonly mem: PhysMem;
  readonly smmu: Smmuv3;
  private next = FIRST_PAGE;

  /** `existing`: the SMMU of a machine, whose memory is used too. */
  constructor(
    ids: Partial<Record<keyof typeof IDS, number>> = {},
    quirks: Quirks = ARCHITECTURE,
    existing: Smmuv3 | null = null,
  ) {
    this.mem = existing === null ? new PhysMem([{ ...RAM }]) : existing.mem;
    this.smmu = existing ?? new Smmuv3("smmu", 0x900_0000, { ...IDS, ...ids, quirks }, this.mem);
    const s = this.smmu;
    s.writeReg64(REG.STRTAB_BASE, STRTAB, 0);
    s.writeReg(REG.STRTAB_BASE_CFG, 8);
    s.writeReg64(REG.CMDQ_BASE, CMDQ | 4, 0);
    s.writeReg64(REG.EVENTQ_BASE, EVTQ | 3, 0);
    s.writeReg(REG.CR2, 2);
    s.writeReg(REG.IRQ_CTRL, 5);
    s.writeReg(REG.CR0, 0xd);
  }

  page(): number {
    this.next += 0x1000;
    return this.next - 0x1000;
  }

  words(pa: number, words: Uint32Array): void {
    for (let i = 0; i < words.length; i += 2) this.mem.write64(pa + 4 * i, words[i] ?? 0, words[i + 1] ?? 0);
  }

  ste(sid: number, fields: Parameters<typeof encode<keyof typeof STE.f>>[1]): void {
    this.words(STRTAB + sid * 64, encode(STE, { V: 1, ...fields }));
  }

  /** STE of a stage-1 stream, with a CD of its own over the table at `root`. Returns the address of the CD. */
  stage1(sid: number, root: number, asid = 1): number {
    const cd = this.page();
    this.words(cd, this.cd(root, asid));
    this.ste(sid, { Config: 5, "S1ContextPtr[31:6]": cd >>> 6, S1DSS: 2 });
    return cd;
  }

  /** A CD of 48 bits, 4 KiB granule, TTB0 only. */
  cd(root: number, asid = 1): Uint32Array {
    const ttb = { T0SZ: 16, EPD1: 1, IPS: 4, "TTB0[31:4]": root >>> 4 };
    return encode(CD, { V: 1, AA64: 1, A: 1, R: 1, ASID: asid, ...ttb, "MAIR0[31:0]": 0x04ff44ff });
  }

  /** The stage-2 fields of an STE: 44 bits, 4 KiB granule, start level 0, faults recorded. */
  s2(root: number, vmid = 1): Parameters<Rig["ste"]>[1] {
    const shape = { S2T0SZ: 20, S2SL0: 2, S2PS: 4, S2AA64: 1, S2R: 1 };
    return { S2VMID: vmid, ...shape, "S2TTB[31:4]": root >>> 4 };
  }

  /** Maps one page in a 4 KiB-granule table that starts at level 0; makes tables as needed. */
  map(root: number, address: number, pa: number, attributes: number): void {
    let table = root;
    for (let level = 0; level < 3; level++) {
      const at = table + (Math.floor(address / 2 ** (39 - 9 * level)) % 512) * 8;
      this.mem.fetch64(at);
      if ((this.mem.lo & 1) === 0) this.mem.write64(at, this.page() | 3, 0);
      this.mem.fetch64(at);
      table = (this.mem.lo & ~0xfff) >>> 0;
    }
    this.mem.write64(table + (Math.floor(address / 4096) % 512) * 8, (pa | attributes) >>> 0, Math.floor(pa / 2 ** 32));
  }

  /** Address of the level-3 entry of an address that `map` mapped. */
  leaf(root: number, address: number): number {
    let table = root;
    for (let level = 0; level < 3; level++) {
      this.mem.fetch64(table + (Math.floor(address / 2 ** (39 - 9 * level)) % 512) * 8);
      table = (this.mem.lo & ~0xfff) >>> 0;
    }
    return table + (Math.floor(address / 4096) % 512) * 8;
  }

  /** One access; `0x...` of the output, or the name of the event (`abort` when none). */
  access(sid: number, iova: number, write = false, ssid = -1): string {
    const out = new TxnResult();
    this.smmu.translate(new Txn().set(sid, write, Math.floor(iova / 2 ** 32), iova >>> 0, ssid), out);
    if (out.ok) return `0x${out.pa.toString(16)}`;
    return out.event === 0 ? "abort" : (EVENT_NAMES[out.event] ?? String(out.event));
  }

  /** Puts commands into the queue and rings the doorbell. */
  command(...commands: Uint32Array[]): void {
    const { commands: queue } = this.smmu;
    let { prod } = queue;
    for (const c of commands) {
      this.words(queue.at(prod), c);
      prod = queue.step(prod);
    }
    this.smmu.writeReg(REG.CMDQ_PROD, prod);
  }
}

/** Collects what a probe hears, one line each. */
export class Listener implements HwProbe {
  readonly lines: string[] = [];

  mem(who: string, write: boolean, pa: number, _lo: number, _hi: number, what: string): void {
    this.lines.push(`${who} ${write ? "writes" : "reads"} 0x${pa.toString(16)} ${what}`);
  }
  cmd(_smmu: string, _0: number, _1: number, _2: number, _3: number, text: string): void {
    this.lines.push(`cmd ${text}`);
  }
  tlb(_smmu: string, hit: boolean, hi: number, lo: number, asid: number, vmid: number): void {
    this.lines.push(`tlb ${hit ? "hit" : "miss"} ${lookupText(hi, lo, asid, vmid)}`);
  }
  event(_smmu: string, _words: number[], text: string): void {
    this.lines.push(`event ${text}`);
  }
  msi(what: string, delivered: boolean): void {
    this.lines.push(`msi ${delivered ? "delivered" : "lost"} ${what}`);
  }
}
