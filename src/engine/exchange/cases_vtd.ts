/**
 * Random VT-d configurations with the answers of another emulator (fixtures/walks/vtd.jsonl).
 *
 * The right answer of an access is `arch` where present, else the recorded one. With quirks the recorded answer must
 * come, its fault record bit for bit; a recorded answer from the other emulator's own cache (`stale`) is judged by it.
 */
import { z } from "zod/mini";
import { bytesOf, hex, hex64, hexOf } from "../../hw/base/bits.ts";
import { get } from "../../hw/base/fields.ts";
import { PhysMem } from "../../hw/memory.ts";
import { Txn, TxnResult } from "../../hw/smmuv3/txn.ts";
import { FRCD } from "../../hw/vtd/faults.ts";
import { VTD_ARCHITECTURE, VTD_QEMU } from "../../hw/vtd/quirks.ts";
import { VTD_REG } from "../../hw/vtd/regs.ts";
import { VtdUnit } from "../../hw/vtd/unit.ts";
import { address, halves, parseShape } from "./parse.ts";
import type { Tally, WalkOptions } from "./walk_report.ts";

const zEvent = z.object({ reason: z.string(), sid: z.string(), addr: z.string(), read: z.number() });
const zAnswer = z.object({ result: z.enum(["ok", "fault"]), pa: z.optional(z.string()), event: z.optional(zEvent) });
const zAccess = z.object({
  do: z.literal("access"),
  iova: z.string(),
  op: z.enum(["r", "w"]),
  len: z.number(),
  result: z.enum(["ok", "fault"]),
  pa: z.optional(z.string()),
  events: z.optional(z.array(z.string())),
  arch: z.optional(zAnswer),
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
  sourceid: z.number(),
  ram: z.array(z.tuple([z.string(), z.string()])),
  memory: z.array(z.object({ pa: z.string(), hex: z.record(z.string(), z.string()) })),
  steps: z.array(zStep),
});

type Answer = z.infer<typeof zAnswer>;
type Access = z.infer<typeof zAccess>;
type Case = z.infer<typeof zCase>;

/** Physical address bits of the machine that answered. */
const HAW = 48;
/** Bits of GSTS that GCMD has too, and the one-shot that takes the root table. */
const SRTP = 0x4000_0000;

export function walkVtdCase(place: string, value: unknown, opts: WalkOptions, tally: Tally): void {
  new VtdCaseRunner(parseShape(place, zCase, value), opts, tally).run();
}

class VtdCaseRunner {
  private readonly one: Case;
  private readonly opts: WalkOptions;
  private readonly tally: Tally;
  private readonly mem: PhysMem;
  private readonly unit: VtdUnit;
  private readonly txn = new Txn();
  private readonly out = new TxnResult();

  constructor(one: Case, opts: WalkOptions, tally: Tally) {
    this.one = one;
    this.opts = opts;
    this.tally = tally;
    this.mem = new PhysMem(one.ram.map(([start, end]) => ({ start: address(start), last: address(end) - 1 })));
    const reg = (name: string): { lo: number; hi: number } => halves(one.regs[name] ?? "0x0");
    const quirks = opts.quirks === "qemu" ? VTD_QEMU : VTD_ARCHITECTURE;
    this.unit = new VtdUnit("vtd", 0, { cap: reg("CAP"), ecap: reg("ECAP"), haw: HAW, quirks }, this.mem);
    const rtaddr = reg("RTADDR");
    this.unit.writeReg64(VTD_REG.RTADDR, rtaddr.lo, rtaddr.hi);
    this.unit.writeReg(VTD_REG.GCMD, (reg("GSTS").lo | SRTP) >>> 0);
    for (const page of one.memory) {
      for (const [offset, bytes] of Object.entries(page.hex)) {
        this.mem.writeBytes(address(page.pa) + address(offset), bytesOf(bytes));
      }
    }
  }

  run(): void {
    this.one.steps.forEach((step, i) => {
      if (step.do === "write") this.mem.writeBytes(address(step.pa), bytesOf(step.hex));
      else if (step.do === "cmd") this.unit.queue.execute(new Uint32Array(bytesOf(step.hex).buffer));
      else this.access(step, `${this.one.case} step ${i}`);
    });
  }

  private access(step: Access, place: string): void {
    const { unit, txn, out, opts } = this;
    const { hi, lo } = halves(step.iova);
    if (opts.quirks === "none" && opts.caches !== true) {
      unit.translator.tlb.clear();
      unit.translator.forgetAll();
    }
    unit.last.fill(0);
    unit.translate(txn.set(this.one.sourceid, step.op === "w", hi, lo), out);
    const got: Answer = out.ok ? { result: "ok", pa: hex(out.pa) } : { result: "fault" };
    const recorded = (unit.last[3] ?? 0) === 0 ? null : unit.last;
    if (recorded !== null) got.event = eventOf(recorded);
    const label = `${place} ${step.op} ${step.iova}`;
    const want = opts.quirks === "qemu" ? recordedAnswer(step) : (step.arch ?? recordedAnswer(step));
    const right = [want];
    if (opts.quirks === "none" && opts.caches === true && step.stale === true) right.push(recordedAnswer(step));
    const bytes = recorded === null ? "" : hexOf(new Uint8Array(recorded.buffer));
    const same = right.some((a) => sameAnswer(a, got));
    if (same && (opts.quirks !== "qemu" || bytes === (step.events?.[0] ?? ""))) return this.tally.agree();
    const kind = `${step.quirk ?? "no quirk"}, ${nameOf(want)} expected, ${nameOf(got)}`;
    this.tally.differ(kind, `${label}: expected ${show(want)}, got ${show(got)}`);
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
  return {
    reason: hex(get(FRCD.f.FR, words)),
    sid: hex(get(FRCD.f.SID, words)),
    addr: hex64(words[0] ?? 0, words[1] ?? 0),
    read: get(FRCD.f.T, words),
  };
}

function sameAnswer(a: Answer, b: Answer): boolean {
  if (a.result !== b.result || a.pa !== b.pa) return false;
  const x = a.event;
  const y = b.event;
  if (x === undefined || y === undefined) return x === y;
  return x.reason === y.reason && x.sid === y.sid && x.addr === y.addr && x.read === y.read;
}

function nameOf(a: Answer): string {
  return a.result === "ok" ? "ok" : (a.event?.reason ?? "fault without a record");
}

function show(a: Answer): string {
  if (a.result === "ok") return `pa ${a.pa ?? "?"}`;
  return a.event === undefined ? "fault without a record" : JSON.stringify(a.event).replaceAll('"', "");
}
