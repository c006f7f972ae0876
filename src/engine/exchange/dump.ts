/**
 * Dumps of one device's translation structures (fixtures/tables): SMMU registers and every table page reachable from the
 * device's STE, with addresses and what they must translate to.
 */
import { z } from "zod/mini";
import { bytesOf, hex } from "../../hw/base/bits.ts";
import { PhysMem } from "../../hw/memory.ts";
import { EVENT, EVENT_NAMES } from "../../hw/smmuv3/evtq.ts";
import { ARCHITECTURE, QEMU } from "../../hw/smmuv3/quirks.ts";
import { REG } from "../../hw/smmuv3/regs.ts";
import { Smmuv3 } from "../../hw/smmuv3/smmu.ts";
import { Txn, TxnResult } from "../../hw/smmuv3/txn.ts";
import { CLASS_IN } from "../../hw/smmuv3/walk.ts";
import { address, halves, parseShape } from "./parse.ts";
import { Tally, type WalkOptions, type WalkReport } from "./walk_report.ts";

const zDump = z.object({
  name: z.string(),
  machine: z.optional(z.string()),
  scenario: z.optional(z.string()),
  bdf: z.string(),
  streamid: z.number(),
  smmu: z.string(),
  regs: z.record(z.string(), z.string()),
  memory: z.array(z.object({ pa: z.string(), what: z.string(), len: z.number(), hex: z.string() })),
  maps: z.array(
    z.object({
      iova: z.string(),
      len: z.string(),
      prot: z.string(),
      runs: z.array(z.object({ iova: z.string(), pa: z.string(), len: z.string() })),
    }),
  ),
  expect: z.array(
    z.object({
      iova: z.string(),
      /** What the process's page map says; absent when the address must fault. */
      pa: z.optional(z.string()),
      walk: z.string(),
      /** `s1-fault-L3`, `s2-fault-L1`, `s2-fault-on-s1-walk`, `bad-cd`, `ste-abort`; empty = translated. */
      walk_err: z.string(),
    }),
  ),
});

export type Dump = z.infer<typeof zDump>;

export function parseDump(name: string, value: unknown): Dump {
  return parseShape(name, zDump, value);
}

/** Puts the structures of a dump into memory. */
export function loadDumpMemory(dump: Dump, mem: PhysMem): void {
  for (const piece of dump.memory) mem.writeBytes(address(piece.pa), bytesOf(piece.hex));
}

/** An SMMU with the registers of a dump, its queues empty, over memory that holds the dump. */
export function dumpSmmu(dump: Dump, quirks: WalkOptions["quirks"]): Smmuv3 {
  const mem = new PhysMem();
  loadDumpMemory(dump, mem);
  const reg = (name: string): number => halves(dump.regs[name] ?? "0x0").lo;
  const config = {
    idr0: reg("IDR0"),
    idr1: reg("IDR1"),
    idr3: reg("IDR3"),
    idr5: reg("IDR5"),
    iidr: reg("IIDR"),
    aidr: reg("AIDR"),
    quirks: quirks === "qemu" ? QEMU : ARCHITECTURE,
  };
  const smmu = new Smmuv3(dump.smmu, reg("base"), config, mem);
  const wide = (off: number, name: string): void => {
    const { lo, hi } = halves(dump.regs[name] ?? "0x0");
    smmu.writeReg64(off, lo, hi);
  };
  wide(REG.STRTAB_BASE, "STRTAB_BASE");
  smmu.writeReg(REG.STRTAB_BASE_CFG, reg("STRTAB_BASE_CFG"));
  wide(REG.CMDQ_BASE, "CMDQ_BASE");
  wide(REG.EVENTQ_BASE, "EVENTQ_BASE");
  smmu.writeReg(REG.CR1, reg("CR1"));
  smmu.writeReg(REG.CR2, reg("CR2"));
  smmu.writeReg(REG.CR0, reg("CR0"));
  return smmu;
}

/** Checks every expected translation of a dump. */
export function walkDump(name: string, value: unknown, opts: WalkOptions): WalkReport {
  const dump = parseDump(name, value);
  const smmu = dumpSmmu(dump, opts.quirks);
  const tally = new Tally();
  const txn = new Txn();
  const out = new TxnResult();
  for (const e of dump.expect) {
    const { lo, hi } = halves(e.iova);
    smmu.translate(txn.set(dump.streamid, writeOnly(dump, e.iova), hi, lo), out);
    const want = e.walk_err === "" ? e.walk : e.walk_err;
    const got = out.ok ? hex(out.pa) : faultName(out, smmu.translator.walker.cls);
    if (sameEnd(want, got)) tally.agree();
    else tally.differ(out.ok ? "pa" : "fault", `${name} ${e.iova}: expected ${want}, got ${got}${eventName(out)}`);
  }
  return tally.report();
}

/** The recording walked without an access type; a page mapped for writing only can be reached only by a write. */
function writeOnly(dump: Dump, iova: string): boolean {
  const at = BigInt(iova);
  const map = dump.maps.find((m) => at >= BigInt(m.iova) && at < BigInt(m.iova) + BigInt(m.len));
  return map !== undefined && map.prot === "w";
}

/** In the words of the recorder's own walker. `cls`: CLASS of the fault. */
function faultName({ event, stage, level }: TxnResult, cls: number): string {
  if (stage === 0) return event === EVENT.C_BAD_CD ? "bad-cd" : "ste-abort";
  // An emulator that records such a fault as one of stage 1 keeps its class; an address size is stage 1's own.
  const ofStage2 = stage === 2 || (event !== EVENT.F_WALK_EABT && event !== EVENT.F_ADDR_SIZE);
  if (cls !== CLASS_IN && ofStage2) return "s2-fault-on-s1-walk";
  return `s${stage}-fault-L${level}`;
}

/** The recording prints level -1 (outside every table) as 65535. */
function sameEnd(want: string, got: string): boolean {
  return want.replace("L65535", "L-1") === got;
}

function eventName(out: TxnResult): string {
  return out.ok || out.event === 0 ? "" : ` (${EVENT_NAMES[out.event] ?? hex(out.event)})`;
}
