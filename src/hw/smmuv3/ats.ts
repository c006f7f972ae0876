/** Address Translation Services: translation requests and translated transactions. Spec: SMMUv3 IHI 0070 3.9.1, 13.6, 13.7. */
import { join } from "../base/bits.ts";
import { selectTable, type StreamConfig } from "./config.ts";
import { EVENT } from "./evtq.ts";
import { CR0, CR2 } from "./regs.ts";
import type { Smmuv3 } from "./smmu.ts";
import { canStall } from "./stall.ts";
import { Txn, type TxnResult } from "./txn.ts";
import { CLASS_IN, R, W } from "./walk.ts";

/** Answer to a translation request. `success` with neither right: no access there, and the translation is one page. */
export interface AtsCompletion {
  status: "success" | "UR" | "CA";
  /** Translated address of the request: a PA, or an IPA in split-stage mode. */
  pa: number;
  /** Valid for the naturally aligned block of 2^shift bytes. */
  shift: number;
  read: boolean;
  write: boolean;
}

const NO_ACCESS: AtsCompletion = Object.freeze({ status: "success", pa: 0, shift: 12, read: false, write: false });
const UR: AtsCompletion = Object.freeze({ ...NO_ACCESS, status: "UR" });
const CA: AtsCompletion = Object.freeze({ ...NO_ACCESS, status: "CA" });

const SMMU_ON = 1 << CR0.f.SMMUEN.lo;
const CHECKED = 1 << CR0.f.ATSCHK.lo;
const SPLIT = 2;

/** STE.EATS as it counts now: split-stage and later modes need CR0.ATSCHK. */
function effectiveEats(smmu: Smmuv3, c: StreamConfig): number {
  return c.eats >= 2 && (smmu.cr0 & CHECKED) === 0 ? 0 : c.eats;
}

/** `write`: the request asks for write permission too (NW = 0), which marks the page dirty where HTTU is on. */
export function translationRequest(
  smmu: Smmuv3,
  sid: number,
  ssid: number,
  hi: number,
  lo: number,
  write: boolean,
): AtsCompletion {
  const { translator } = smmu;
  const { walker } = translator;
  if (!translator.caps.ats) return UR;
  const refuse = (): AtsCompletion => {
    smmu.events.add(EVENT.F_BAD_ATS_TREQ, sid, ssid, 0, CLASS_IN, hi, lo, !write, false, false, 0);
    return UR;
  };
  if ((smmu.cr0 & SMMU_ON) === 0) return refuse();
  const ste = translator.steOf(sid);
  if (ste !== null && ste.kind === "abort") return UR;
  if (ste !== null && (ste.kind === "bypass" || effectiveEats(smmu, ste) === 0)) return refuse();
  const c = translator.configOf(sid, ssid);
  if (c === null) {
    if (walker.stage === 2 && canStall(translator.failed)) return NO_ACCESS;
    recordConfiguration(smmu, sid, ssid, hi, lo, !write);
    return CA;
  }
  if (c.skipped && c.kind === "bypass") return granted(join(lo, hi & 0xfffff), 12, true, true);
  const readable = rights(smmu, c, hi, lo, 0);
  if (readable === null) return walker.event === EVENT.F_WALK_EABT ? CA : NO_ACCESS;
  if (write && !readable.write && (readable.ok & R) !== 0) {
    const dirty = rights(smmu, c, hi, lo, W);
    if (dirty !== null) return granted(dirty.pa, dirty.shift, dirty.read, true);
  }
  const { pa, shift, read } = readable;
  return granted(pa, shift, read, write && readable.write);
}

function granted(pa: number, shift: number, read: boolean, write: boolean): AtsCompletion {
  return read || write ? { status: "success", pa, shift, read, write } : NO_ACCESS;
}

interface Walked {
  pa: number;
  shift: number;
  /** R, W bits that both stages allow. */
  ok: number;
  read: boolean;
  write: boolean;
}

/** Walks with `need` and reports what is allowed; null = a fault, in the walker. No TLB entry is used or made. */
function rights(smmu: Smmuv3, c: StreamConfig, hi: number, lo: number, need: number): Walked | null {
  const { translator } = smmu;
  const { walker } = translator;
  let ok = R | W;
  let shift = 64;
  let pa = join(lo, hi);
  if (c.s1) {
    const tt = selectTable(c, hi | 0, lo | 0);
    const privileged = c.privCfg === 3;
    walker.event = EVENT.F_TRANSLATION;
    if (tt === null || !walker.stage1(c, tt, hi | 0, lo | 0, need, privileged)) return null;
    ok &= privileged ? walker.permP : walker.permU;
    shift = walker.shift;
    pa = walker.out;
    if (ok === 0) return { pa: 0, shift: 12, ok, read: false, write: false };
  } else if (hi >= 2 ** (translator.caps.oas - 32)) {
    walker.event = EVENT.F_ADDR_SIZE;
    return null;
  }
  if (c.s2) {
    if (!walker.stage2(c, Math.floor(pa / 2 ** 32), pa | 0, need, CLASS_IN)) return null;
    ok &= walker.perm2;
    shift = Math.min(shift, walker.shift);
    if (effectiveEats(smmu, c) !== SPLIT) pa = walker.out;
  }
  return { pa, shift, ok, read: (ok & R) !== 0, write: (ok & W) !== 0 };
}

/** Errors of structures are told only where CR2.REC_CFG_ATS asks for it. The event, 0 = not told. */
function recordConfiguration(smmu: Smmuv3, sid: number, ssid: number, hi: number, lo: number, read: boolean): number {
  const { failed, walker } = smmu.translator;
  const wanted = ((smmu.cr2 >>> CR2.f.REC_CFG_ATS.lo) & 1) === 1;
  const unknownSid = failed === EVENT.C_BAD_STREAMID && ((smmu.cr2 >>> CR2.f.RECINVSID.lo) & 1) === 0;
  if (!wanted || unknownSid || failed === 0) return 0;
  smmu.events.add(failed, sid, ssid, 0, walker.cls, hi, lo, read, false, false, walker.address);
  return failed;
}

/** A transaction that carries an address from an earlier completion. */
export function translated(smmu: Smmuv3, sid: number, hi: number, lo: number, write: boolean, out: TxnResult): void {
  const { translator } = smmu;
  const { walker, caps } = translator;
  out.ok = false;
  out.pa = 0;
  out.event = 0;
  out.stage = 0;
  out.level = -1;
  out.stag = -1;
  out.raz = false;
  const forbid = (): void => {
    out.event = EVENT.F_TRANSL_FORBIDDEN;
    smmu.events.add(EVENT.F_TRANSL_FORBIDDEN, sid, -1, 0, CLASS_IN, hi, lo, !write, false, false, 0);
  };
  if ((smmu.cr0 & SMMU_ON) === 0) return forbid();
  if ((smmu.cr0 & CHECKED) !== 0) {
    const ste = translator.steOf(sid);
    if (ste === null) {
      out.event = recordConfiguration(smmu, sid, -1, hi, lo, !write);
      return;
    }
    if (ste.kind === "abort") return;
    if (ste.kind === "bypass" || ste.eats === 0) return forbid();
    if (ste.eats === SPLIT && ste.s2) {
      ste.sid = sid;
      translator.only2(ste, new Txn().set(sid, write, hi, lo), out);
      return;
    }
  }
  if (hi >= 2 ** (caps.oas - 32)) return;
  walker.device = false;
  out.ok = true;
  out.pa = join(lo, hi);
  out.shift = 12;
  out.device = false;
}
