/**
 * Files of random SMMUv3 configurations with the answers of another emulator (fixtures/walks).
 *
 * The right answer of an access is `arch` where present, else the recorded one; `also` lists further answers that a
 * cache may give. With quirks the recorded answer must come, its event record bit for bit and as many as recorded.
 */
import { z } from "zod/mini";
import { bytesOf, hex, hex64, hexOf } from "../../hw/base/bits.ts";
import { get } from "../../hw/base/fields.ts";
import { PhysMem } from "../../hw/memory.ts";
import { EVENT, EVENT_NAMES, EVT, hasInput } from "../../hw/smmuv3/evtq.ts";
import { ARCHITECTURE, QEMU } from "../../hw/smmuv3/quirks.ts";
import { REG } from "../../hw/smmuv3/regs.ts";
import { Smmuv3 } from "../../hw/smmuv3/smmu.ts";
import { Txn, TxnResult } from "../../hw/smmuv3/txn.ts";
import { walkVtdCase } from "./cases_vtd.ts";
import { address, BadInput, halves, parseJson, parseShape } from "./parse.ts";
import { Tally, type WalkOptions, type WalkReport } from "./walk_report.ts";

const zEvent = z.object({
  type: z.string(),
  sid: z.string(),
  addr: z.optional(z.string()),
  s2: z.optional(z.number()),
  cls: z.optional(z.number()),
  rnw: z.optional(z.number()),
  ipa: z.optional(z.string()),
  fetch: z.optional(z.string()),
});
const zAnswer = z.object({
  result: z.enum(["ok", "fault"]),
  pa: z.optional(z.string()),
  event: z.optional(zEvent),
});
const zAccess = z.object({
  do: z.literal("access"),
  iova: z.string(),
  op: z.enum(["r", "w"]),
  len: z.number(),
  result: z.enum(["ok", "fault"]),
  pa: z.optional(z.string()),
  events: z.optional(z.array(z.string())),
  n: z.optional(z.number()),
  arch: z.optional(zAnswer),
  also: z.optional(z.array(zAnswer)),
  stale: z.optional(z.boolean()),
  quirk: z.optional(z.string()),
});
const zStep = z.discriminatedUnion("do", [
  zAccess,
  z.object({ do: z.literal("write"), pa: z.string(), hex: z.string() }),
  z.object({ do: z.literal("cmd"), hex: z.string() }),
]);
const zCase = z.object({
  case: z.string(),
  regs: z.record(z.string(), z.string()),
  streamid: z.number(),
  ram: z.tuple([z.string(), z.string()]),
  memory: z.array(z.object({ pa: z.string(), hex: z.record(z.string(), z.string()) })),
  steps: z.array(zStep),
});

type Answer = z.infer<typeof zAnswer>;
type Access = z.infer<typeof zAccess>;
type Case = z.infer<typeof zCase>;

/** The recording machine's flash: it answers with zeros. */
const FLASH = Object.freeze({ start: 0, last: 0x7ff_ffff });

/** Its 32-bit PCI memory window, where nothing is assigned: a read there gives ones instead of an abort. */
const PCI_WINDOW = Object.freeze({ start: 0x1000_0000, last: 0x3efe_ffff });

class RecordedMemory extends PhysMem {
  private readonly ones = new Uint32Array(1024).fill(0xffff_ffff);

  override frame(hi: number, lo: number): Uint32Array | null {
    const inside = hi === 0 && lo >>> 0 >= PCI_WINDOW.start && lo >>> 0 <= PCI_WINDOW.last;
    return inside ? this.ones : super.frame(hi, lo);
  }
}

/** The registers that a case programs, in the order software would. */
const PROGRAMMED: readonly (readonly [string, number])[] = Object.freeze([
  ["CR1", REG.CR1],
  ["CR2", REG.CR2],
  ["STRTAB_BASE", REG.STRTAB_BASE],
  ["STRTAB_BASE_CFG", REG.STRTAB_BASE_CFG],
  ["CMDQ_BASE", REG.CMDQ_BASE],
  ["EVTQ_BASE", REG.EVENTQ_BASE],
  ["CR0", REG.CR0],
]);
const WIDE: ReadonlySet<number> = new Set([REG.STRTAB_BASE, REG.CMDQ_BASE, REG.EVENTQ_BASE]);

export function walkCases(name: string, text: string, opts: WalkOptions): WalkReport {
  const tally = new Tally();
  let number = 0;
  for (const line of text.split("\n")) {
    number++;
    if (line.trim() === "") continue;
    const place = `${name} line ${number}`;
    const value = parseJson(place, line);
    const { iommu } = parseShape(place, z.object({ iommu: z.string() }), value);
    if (iommu === "vtd") {
      walkVtdCase(place, value, opts, tally);
      continue;
    }
    if (iommu !== "smmuv3") throw new BadInput(`${place}: IOMMU ${iommu} is not modelled`);
    new CaseRunner(parseShape(place, zCase, value), opts, tally).run();
  }
  return tally.report();
}

class CaseRunner {
  private readonly one: Case;
  private readonly opts: WalkOptions;
  private readonly tally: Tally;
  private readonly mem: PhysMem;
  private readonly smmu: Smmuv3;
  private readonly txn = new Txn();
  private readonly out = new TxnResult();

  constructor(one: Case, opts: WalkOptions, tally: Tally) {
    this.one = one;
    this.opts = opts;
    this.tally = tally;
    const [start, end] = one.ram;
    const ram = [{ start: address(start), last: address(end) - 1 }, FLASH];
    this.mem = opts.quirks === "qemu" ? new RecordedMemory(ram) : new PhysMem(ram);
    const id = (reg: string): number => halves(one.regs[reg] ?? "0x0").lo;
    const config = {
      idr0: id("IDR0"),
      idr1: id("IDR1"),
      idr3: id("IDR3"),
      idr5: id("IDR5"),
      iidr: id("IIDR"),
      aidr: id("AIDR"),
      quirks: opts.quirks === "qemu" ? QEMU : ARCHITECTURE,
    };
    this.smmu = new Smmuv3("smmu", 0, config, this.mem);
    this.smmu.writeReg(REG.GBPA, (id("GBPA") | 0x8000_0000) >>> 0);
    for (const [reg, off] of PROGRAMMED) {
      const value = halves(one.regs[reg] ?? "0x0");
      if (WIDE.has(off)) this.smmu.writeReg64(off, value.lo, value.hi);
      else this.smmu.writeReg(off, value.lo);
    }
    for (const page of one.memory) {
      for (const [offset, bytes] of Object.entries(page.hex)) {
        this.mem.writeBytes(address(page.pa) + address(offset), bytesOf(bytes));
      }
    }
  }

  run(): void {
    this.one.steps.forEach((step, i) => {
      if (step.do === "write") this.mem.writeBytes(address(step.pa), bytesOf(step.hex));
      else if (step.do === "cmd") this.command(step.hex);
      else this.access(step, `${this.one.case} step ${i}`);
    });
  }

  private command(text: string): void {
    this.smmu.commands.execute(new Uint32Array(bytesOf(text).buffer));
  }

  private access(step: Access, place: string): void {
    const { smmu, txn, out, opts } = this;
    const { hi, lo } = halves(step.iova);
    const { events } = smmu;
    events.cons = events.prod;
    if (opts.quirks === "none" && opts.caches !== true) {
      smmu.translator.tlb.clear();
      smmu.translator.forget(-1);
    }
    smmu.translate(txn.set(this.one.streamid, step.op === "w", hi, lo), out);
    const got: Answer = out.ok ? { result: "ok", pa: hex(out.pa) } : { result: "fault" };
    let words: Uint32Array | null = null;
    if (!out.ok && out.event !== 0) {
      words = events.last.slice();
      got.event = eventOf(words);
    }
    const label = `${place} ${step.op} ${step.iova}`;
    if (opts.quirks === "qemu") this.judgeRecorded(step, label, got, words);
    else this.judgeArchitecture(step, label, got);
  }

  private judgeArchitecture(step: Access, label: string, got: Answer): void {
    const recorded = recordedAnswer(step);
    const right = [step.arch ?? recorded, ...(step.also ?? [])];
    if (this.opts.caches === true && step.stale === true) right.push(recorded);
    if (right.some((a) => sameAnswer(a, got))) this.tally.agree();
    else
      this.tally.differ(
        kindOf(right[0] ?? recorded, got),
        `${label}: expected ${show(right[0] ?? recorded)}, got ${show(got)}`,
      );
  }

  private judgeRecorded(step: Access, label: string, got: Answer, words: Uint32Array | null): void {
    const want = recordedAnswer(step);
    const record = words === null ? "" : hexOf(new Uint8Array(words.buffer));
    const recorded = step.events?.[0] ?? "";
    let count = words === null ? 0 : 1;
    if (got.result === "fault") {
      const { txn, out, smmu } = this;
      for (let at = 4; at < step.len; at += 4) {
        smmu.events.cons = smmu.events.prod;
        const low = txn.lo + 4;
        txn.set(this.one.streamid, txn.write, low > 0xffff_ffff ? txn.hi + 1 : txn.hi, low);
        smmu.translate(txn, out);
        if (!out.ok && out.event !== 0) count++;
      }
    }
    const wantCount = recorded === "" ? 0 : (step.n ?? 1);
    const kind = `${step.quirk ?? "no quirk"}, ${kindOf(want, got)}`;
    if (!sameAnswer(want, got) || record !== recorded) {
      this.tally.differ(kind, `${label}: expected ${show(want)} ${recorded}, got ${show(got)} ${record}`);
    } else if (count !== wantCount) {
      this.tally.differ("number of records", `${label}: expected ${wantCount} records, got ${count}`);
    } else this.tally.agree();
  }
}

function recordedAnswer(step: Access): Answer {
  if (step.result === "ok") return { result: "ok", ...(step.pa === undefined ? {} : { pa: step.pa }) };
  const record = step.events?.[0];
  if (record === undefined) return { result: "fault" };
  return { result: "fault", event: eventOf(new Uint32Array(bytesOf(record).buffer)) };
}

/** The judged fields of a record. */
function eventOf(words: Uint32Array): NonNullable<Answer["event"]> {
  const type = get(EVT.f.Event, words);
  const third = hex64((words[6] ?? 0) >>> 0, words[7] ?? 0);
  const event: NonNullable<Answer["event"]> = { type: EVENT_NAMES[type] ?? hex(type), sid: hex(words[1] ?? 0) };
  if (type === EVENT.F_STE_FETCH || type === EVENT.F_CD_FETCH) event.fetch = third;
  if (!hasInput(type)) return event;
  event.addr = hex64(words[4] ?? 0, words[5] ?? 0);
  event.s2 = get(EVT.f.S2, words);
  event.cls = get(EVT.f.CLASS, words);
  event.rnw = get(EVT.f.RnW, words);
  if (type === EVENT.F_WALK_EABT) event.fetch = third;
  else if (event.s2 === 1) event.ipa = hex64(((words[6] ?? 0) & ~0xfff) >>> 0, words[7] ?? 0);
  return event;
}

function sameAnswer(a: Answer, b: Answer): boolean {
  if (a.result !== b.result || a.pa !== b.pa) return false;
  const x = a.event;
  const y = b.event;
  if (x === undefined || y === undefined) return x === y;
  return (
    x.type === y.type &&
    x.sid === y.sid &&
    x.addr === y.addr &&
    x.s2 === y.s2 &&
    x.cls === y.cls &&
    x.rnw === y.rnw &&
    x.ipa === y.ipa &&
    x.fetch === y.fetch
  );
}

function kindOf(want: Answer, got: Answer): string {
  const name = (a: Answer): string => (a.result === "ok" ? "ok" : (a.event?.type ?? "fault without a record"));
  const w = name(want);
  const g = name(got);
  return w === g ? `${w}, other details` : `${w} expected, ${g}`;
}

function show(a: Answer): string {
  if (a.result === "ok") return `pa ${a.pa ?? "?"}`;
  return a.event === undefined ? "fault without a record" : JSON.stringify(a.event).replaceAll('"', "");
}
