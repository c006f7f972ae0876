/**
 * Translations a second through the emulated SMMUv3: 3-level stage 1 on 3-level stage 2, 4 KiB pages, 15 reads a walk.
 * Peer: the RISC-V IOMMU reference model (C, -O2) on the equivalent walk (Sv39 on Sv39x4), built from its sources at
 * LAB_RISCV_IOMMU (the folder with libiommu and libtables) by riscv.ts.
 */
import { encode } from "../src/hw/base/fields.ts";
import type { HwProbe } from "../src/hw/base/probe.ts";
import { PhysMem } from "../src/hw/memory.ts";
import { CD } from "../src/hw/smmuv3/cd.ts";
import { ARCHITECTURE } from "../src/hw/smmuv3/quirks.ts";
import { REG } from "../src/hw/smmuv3/regs.ts";
import { Smmuv3 } from "../src/hw/smmuv3/smmu.ts";
import { STE } from "../src/hw/smmuv3/ste.ts";
import { Txn, TxnResult } from "../src/hw/smmuv3/txn.ts";
import { type Bench, rate } from "./bench.ts";
import { riscv } from "./riscv.ts";

/** Pages that are mapped and accessed at random; far more than the TLB's 256 entries. */
export const PAGES = 16_384;
const HOT_PAGES = 64;
const BATCH = 100_000;
const SID = 1;
const STRTAB = 0x4000_0000;
const CONTEXT = 0x4010_0000;
const FIRST_TABLE = 0x4020_0000;
/** Guest memory: IPA = PA; the pages that the IOVAs lead to come after the tables. */
const DATA = 0x5000_0000;

/** An SMMU whose stream 1 is nested; IOVAs 0 .. PAGES * 4096 - 1 are mapped page by page. */
function nested(): Smmuv3 {
  const mem = new PhysMem([{ start: 0x4000_0000, last: 0xbfff_ffff }]);
  const smmu = new Smmuv3(
    "smmu",
    0,
    { idr0: 0xd44101b, idr1: 0x2730010, idr3: 0x1414, idr5: 0x74, iidr: 0, aidr: 1, quirks: ARCHITECTURE },
    mem,
  );
  let next = FIRST_TABLE;
  const page = (): number => (next += 4096) - 4096;
  const map = (root: number, address: number, pa: number, attributes: number): void => {
    let table = root;
    for (const shift of [30, 21]) {
      const at = table + (Math.floor(address / 2 ** shift) % 512) * 8;
      mem.fetch64(at);
      if (mem.lo === 0) mem.write64(at, page() | 3, 0);
      mem.fetch64(at);
      table = (mem.lo & ~0xfff) >>> 0;
    }
    mem.write64(table + (Math.floor(address / 4096) % 512) * 8, (pa | attributes) >>> 0, 0);
  };
  const [s1, s2] = [page(), page()];
  for (let i = 0; i < PAGES; i++) map(s1, i * 4096, DATA + i * 4096, 0x743);
  const lastS1 = next;
  for (let pa = FIRST_TABLE; pa < lastS1; pa += 4096) map(s2, pa, pa, 0x7ff);
  map(s2, CONTEXT, CONTEXT, 0x7ff);
  for (let i = 0; i < PAGES; i++) map(s2, DATA + i * 4096, DATA + i * 4096, 0x7ff);
  const cd = encode(CD, { V: 1, AA64: 1, A: 1, R: 1, ASID: 1, T0SZ: 25, EPD1: 1, IPS: 4, "TTB0[31:4]": s1 >>> 4 });
  const s2fields = { S2VMID: 1, S2T0SZ: 25, S2SL0: 1, S2PS: 4, S2AA64: 1, S2R: 1, "S2TTB[31:4]": s2 >>> 4 };
  const ste = encode(STE, { V: 1, Config: 7, "S1ContextPtr[31:6]": CONTEXT >>> 6, S1DSS: 2, ...s2fields });
  for (let w = 0; w < 16; w += 2) {
    mem.write64(CONTEXT + 4 * w, cd[w] ?? 0, cd[w + 1] ?? 0);
    mem.write64(STRTAB + 64 * SID + 4 * w, ste[w] ?? 0, ste[w + 1] ?? 0);
  }
  smmu.writeReg64(REG.STRTAB_BASE, STRTAB, 0);
  smmu.writeReg(REG.STRTAB_BASE_CFG, 4);
  smmu.writeReg(REG.CR0, 1);
  return smmu;
}

/** `n` IOVAs of pages 0 .. pages - 1, the same at every run. */
function addresses(n: number, pages: number): Uint32Array {
  let seed = 12345;
  return Uint32Array.from({ length: n }, () => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return ((seed >>> 8) % pages) * 4096 + ((seed >>> 4) & 0xff8);
  });
}

function run(smmu: Smmuv3, pages: number, before: () => void = () => undefined): number {
  const iovas = addresses(BATCH, pages);
  const txn = new Txn();
  const out = new TxnResult();
  return rate(() => {
    for (let i = 0; i < BATCH; i++) {
      before();
      const lo = iovas[i] ?? 0;
      smmu.translate(txn.set(SID, (lo & 8) !== 0, 0, lo), out);
      if (!out.ok || out.pa !== DATA + lo) throw new Error(`IOVA ${lo} became ${out.pa}, event ${out.event}`);
    }
  }, BATCH);
}

/** Keeps one object for every memory access of the access in hand, as a picture of the walk needs. */
class Trace implements HwProbe {
  reads: { who: string; write: boolean; pa: number; lo: number; hi: number; what: string }[] = [];
  mem(who: string, write: boolean, pa: number, lo: number, hi: number, what: string): void {
    this.reads.push({ who, write, pa, lo, hi, what });
  }
  cmd(): void {}
  tlb(): void {}
  event(): void {}
  msi(): void {}
}

function traced(): number {
  const smmu = nested();
  const trace = new Trace();
  smmu.probe = trace;
  const clear = (): void => {
    trace.reads = [];
  };
  return run(smmu, PAGES, clear);
}

const common = { unit: "M/s", higher_is_better: true } as const;

export const walkBenches: readonly Bench[] = [
  { ...common, name: "walk-nested", ours: () => run(nested(), PAGES), peer: () => riscv(PAGES) },
  { ...common, name: "walk-nested-traced", ours: traced, peer: () => riscv(PAGES) },
  { ...common, name: "tlb-hit", ours: () => run(nested(), HOT_PAGES), peer: () => riscv(1) },
];
