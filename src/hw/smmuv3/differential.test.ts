/** Random stream tables, contexts and page tables through the walker and through the reference of ../testing. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { join } from "../base/bits.ts";
import { get } from "../base/fields.ts";
import type { HwProbe } from "../base/probe.ts";
import { type Access, type Case, randomCase, SID, STREAM_TABLE } from "../testing/random_case.ts";
import { reference, type Verdict } from "../testing/reference.ts";
import { translated } from "./ats.ts";
import { CLASS_NAMES, EVT, hasInput } from "./evtq.ts";
import { REG } from "./regs.ts";
import { Txn, TxnResult } from "./txn.ts";

const hex = (value: bigint): string => `0x${value.toString(16)}`;

/** What an access did, in words that both sides can give. */
interface Answer {
  result: string;
  record: string;
  updates: string[];
}

/** Remembers the flags that the SMMU wrote. */
class Updates implements HwProbe {
  lines: string[] = [];
  mem(_who: string, write: boolean, pa: number, lo: number, hi: number, what: string): void {
    if (write && what.endsWith("flags"))
      this.lines.push(`${hex(BigInt(pa))} = ${hex(BigInt(hi) * 2n ** 32n + BigInt(lo))}`);
  }
  cmd(): void {}
  tlb(): void {}
  event(): void {}
  msi(): void {}
}

function ours(c: Case, a: Access): Answer {
  const { smmu } = c;
  const watch = new Updates();
  c.mem.probe = watch;
  smmu.translator.tlb.clear();
  smmu.translator.forget(-1);
  smmu.events.last.fill(0);
  const [hi, lo] = [Number(a.va >> 32n), Number(a.va & 0xffff_ffffn)];
  const out = new TxnResult();
  if (a.translated) translated(smmu, SID, hi, lo, a.write, out);
  else smmu.translate(new Txn().set(SID, a.write, hi, lo, a.ssid), out);
  c.mem.probe = null;
  const w = smmu.events.last;
  const event = get(EVT.f.Event, w);
  const held = out.stag >= 0;
  if (held) smmu.stalled.terminate(-1);
  smmu.writeReg(REG.EVENTQ_CONS, smmu.readReg(REG.EVENTQ_PROD));
  let record = event === 0 ? "no record" : `event ${event} sid ${get(EVT.f.StreamID, w)}`;
  if (event !== 0) {
    record += ` ssid ${get(EVT.f.SSV, w) === 1 ? get(EVT.f.SubstreamID, w) : -1}`;
    record += ` stall ${get(EVT.f.Stall, w)}`;
    if (hasInput(event)) {
      const input = BigInt(join(w[4] ?? 0, (w[5] ?? 0) & 0xf_ffff)) | (BigInt((w[5] ?? 0) >>> 20) << 52n);
      const cls = CLASS_NAMES[get(EVT.f.CLASS, w) as 0 | 1 | 2];
      record += ` ${hex(input)} RnW ${get(EVT.f.RnW, w)} S2 ${get(EVT.f.S2, w)} ${cls}`;
    }
    record += ` ${hex(BigInt(join(w[6] ?? 0, w[7] ?? 0)))}`;
  }
  const fault = `event ${out.event} stage ${out.stage} level ${out.level}${held ? " held" : ""}${out.raz ? " raz" : ""}`;
  return { result: out.ok ? hex(BigInt(out.pa)) : fault, record, updates: watch.lines };
}

function theirs(c: Case, a: Access): { answer: Answer; verdict: Verdict } {
  const copy = c.mem.selfCopy((x) => x);
  const updates: string[] = [];
  const verdict = reference(
    {
      read: (pa) => {
        if (!copy.answers(Number(pa))) return null;
        copy.fetch64(Number(pa));
        return BigInt(copy.lo) | (BigInt(copy.hi) << 32n);
      },
      write: (pa, word) => {
        copy.write64(Number(pa), Number(word & 0xffff_ffffn), Number(word >> 32n));
        updates.push(`${hex(pa)} = ${hex(word)}`);
      },
      strtabBase: BigInt(STREAM_TABLE),
      strtabBaseCfg: 4n,
      oas: BigInt(c.oas),
      vax: true,
      ssidBits: 4n,
      recInvSid: false,
      atsChk: c.atsChk,
      recCfgAts: c.recCfgAts,
    },
    {
      sid: BigInt(SID),
      ssid: a.ssid < 0 ? null : BigInt(a.ssid),
      va: a.va,
      need: a.write ? "W" : "R",
      translated: a.translated,
    },
  );
  if (verdict.ok) return { answer: { result: hex(verdict.pa), record: "no record", updates }, verdict };
  const { event, stage, level, cls, stall, raz, address } = verdict;
  let record = event === 0 ? "no record" : `event ${event} sid ${SID}`;
  if (event !== 0) {
    record += ` ssid ${a.ssid} stall ${stall ? 1 : 0}`;
    if (hasInput(event)) record += ` ${hex(a.va)} RnW ${a.write ? 0 : 1} S2 ${stage === 2 ? 1 : 0} ${cls}`;
    record += ` ${hex(address)}`;
  }
  // A fault without a record has no stage and no level.
  const at = event === 0 ? "stage 0 level -1" : `stage ${stage} level ${level}`;
  const result = `event ${event} ${at}${stall ? " held" : ""}${raz ? " raz" : ""}`;
  return { answer: { result, record, updates }, verdict };
}

/** What the random cases must reach, each at least so often: else agreement means nothing. */
const REACHED = [
  "ok",
  "ok, translated",
  "ok, with SubstreamID",
  "ok, 52 bits",
  "ok, flags written",
  "held, stage 1",
  "held, stage 2",
  "as if done",
  "no record",
  ...[4, 6, 7, 8, 9, 10].map((event) => `event ${event} stage 0`),
  ...[11, 16, 17, 18, 19].flatMap((event) => [`event ${event} stage 1`, `event ${event} stage 2`]),
];

test("the walker and the slow reference agree on random tables: result, record, updates of flags", () => {
  const seen = new Map<string, number>();
  const count = (what: string, yes = true): unknown => yes && seen.set(what, (seen.get(what) ?? 0) + 1);
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const c = randomCase(seed);
      for (const a of c.accesses) {
        const { answer, verdict } = theirs(c, a);
        const access = { va: hex(a.va), write: a.write, ssid: a.ssid, translated: a.translated };
        expect({ access, ...ours(c, a) }).toEqual({ access, ...answer });
        if (verdict.ok) {
          count("ok");
          count("ok, translated", a.translated);
          count("ok, with SubstreamID", a.ssid >= 0);
          count("ok, 52 bits", verdict.pa >= 2n ** 48n);
          count("ok, flags written", answer.updates.length > 0);
          continue;
        }
        count(`held, stage ${verdict.stage}`, verdict.stall);
        count("as if done", verdict.raz);
        count(verdict.event === 0 ? "no record" : `event ${verdict.event} stage ${verdict.stage}`);
      }
    }),
    // The same cases at every run: what they reach is asked below.
    { numRuns: 800, seed: 3070 },
  );
  expect(REACHED.filter((what) => (seen.get(what) ?? 0) < 3)).toEqual([]);
});
