/**
 * A second SMMUv3 translation, for tests only: slow, all bigint, one numbered step after the other as the manuals
 * give them, sharing no code with ../smmuv3. Stream table, STE, CDs and SubstreamIDs, translated requests, stage 1
 * (TTB0 and TTB1), stage 2, nested, hardware updates of flags, stalls; no caches, unprivileged data accesses.
 *
 * Sources: IHI 0070 3.3 (stream table), 3.9 (ATS), 3.12 (faults), 5.2 (STE), 5.4 (CD), 7.3 (events); DDI 0487 D8.
 */
import {
  bit,
  bits,
  checkStage2,
  effective,
  Fault,
  type FaultClass,
  granuleOf,
  type Memory,
  type Need,
  type Stage1,
  type Stage2,
  stage1Walk,
  stage2Walk,
} from "./reference_walk.ts";

export type Verdict =
  | { ok: true; pa: bigint }
  | {
      ok: false;
      /** 0: terminated without a record. */
      event: number;
      stage: 0 | 1 | 2;
      level: number;
      cls: FaultClass;
      /** The transaction is held. */
      stall: boolean;
      /** Terminated as if done. */
      raz: boolean;
      /** IPA or fetch address of the record; 0 = it has none. */
      address: bigint;
    };

export interface ReferenceMachine extends Memory {
  strtabBase: bigint;
  strtabBaseCfg: bigint;
  /** Output address size in bits, up to 52. */
  oas: bigint;
  /** 52-bit virtual addresses. */
  vax: boolean;
  /** Bits of a SubstreamID. */
  ssidBits: bigint;
  recInvSid: boolean;
  /** CR0.ATSCHK, CR2.REC_CFG_ATS. */
  atsChk: boolean;
  recCfgAts: boolean;
}

export interface ReferenceRequest {
  sid: bigint;
  /** null = none. */
  ssid: bigint | null;
  va: bigint;
  need: Need;
  /** The address came from an ATS completion. */
  translated: boolean;
}

/** What the structures read so far say about faults. */
interface Policy {
  s2: Stage2 | null;
  cd: Stage1 | null;
}

export function reference(m: ReferenceMachine, request: ReferenceRequest): Verdict {
  const policy: Policy = { s2: null, cd: null };
  try {
    const pa = request.translated ? translated(m, request, policy) : translate(m, request, policy);
    return { ok: true, pa };
  } catch (e) {
    if (e instanceof Fault) return verdict(e, policy);
    throw e;
  }
}

/** IHI 0070 3.12: a fault of a stage stalls, or is terminated, recorded or not, as its structure says. */
function verdict(f: Fault, { s2, cd }: Policy): Verdict {
  const { event, stage, level, cls, address } = f;
  const base = { ok: false, stage, level, cls, address } as const;
  const owner = f.always ? null : stage === 2 ? s2 : stage === 1 ? cd : null;
  if (event < 0x10 || owner === null) return { ...base, event, stall: false, raz: false };
  if (owner.stall) return { ...base, event, stall: true, raz: false };
  return { ...base, event: owner.record ? event : 0, stall: false, raz: stage === 1 && cd !== null && !cd.abort };
}

const stop = (event: number, address = 0n): Fault => new Fault(event, 0, -1, "IN", address);

/** 1. IHI 0070 3.3: find the STE. Returns its eight words. */
function findSte(m: ReferenceMachine, sid: bigint): bigint[] {
  const base = m.strtabBase & 0x000f_ffff_ffff_ffc0n;
  const log2size = bits(m.strtabBaseCfg, 5, 0);
  if (sid >= 1n << log2size) throw stop(m.recInvSid ? 0x02 : 0);
  let ste = base + sid * 64n;
  if (bits(m.strtabBaseCfg, 17, 16) === 1n) {
    const split = bits(m.strtabBaseCfg, 10, 6);
    const at = base + (sid >> split) * 8n;
    const l1 = m.read(at);
    if (l1 === null) throw stop(0x03, at);
    const span = bits(l1, 4, 0);
    const index = sid & ((1n << split) - 1n);
    if (span === 0n || span > split + 1n || index >= 1n << (span - 1n)) throw stop(m.recInvSid ? 0x02 : 0);
    ste = (l1 & 0x000f_ffff_ffff_ffc0n) + index * 64n;
  }
  return words(m, ste, 0x03);
}

/** Eight words of a structure; an abort is the event `fetch`. */
function words(m: ReferenceMachine, at: bigint, fetch: number): bigint[] {
  return Array.from({ length: 8 }, (_, i) => {
    const word = m.read(at + BigInt(8 * i));
    if (word === null) throw stop(fetch, at);
    return word;
  });
}

const wordOf = (list: bigint[], i: number): bigint => list[i] ?? 0n;

/** 2. IHI 0070 5.2: the STE is checked as a whole before anything else is read. */
interface Ste {
  config: bigint;
  s1: boolean;
  eats: bigint;
  cdMax: bigint;
  fmt: bigint;
  dss: bigint;
  stallDisabled: boolean;
  contextPtr: bigint;
}

function steOf(m: ReferenceMachine, sid: bigint, policy: Policy): Ste {
  const raw = findSte(m, sid);
  const [w0, w1] = [wordOf(raw, 0), wordOf(raw, 1)];
  if (!bit(w0, 0)) throw stop(0x04);
  const config = bits(w0, 3, 1);
  const s1 = config >= 4n && bit(config, 0);
  if (config >= 4n && bit(config, 1)) {
    const s2 = stage2Of(m, raw);
    if (!checkStage2(s2, m.oas)) throw stop(0x04);
    policy.s2 = s2;
  }
  const ste = {
    config,
    s1,
    eats: bits(w1, 29, 28),
    cdMax: m.ssidBits === 0n ? 0n : bits(w0, 63, 59),
    fmt: bits(w0, 5, 4),
    dss: bits(w1, 1, 0),
    stallDisabled: bit(w1, 27),
    contextPtr: w0 & 0x000f_ffff_ffff_ffc0n,
  };
  if (s1 && ste.cdMax > m.ssidBits) throw stop(0x04);
  if (s1 && ste.cdMax > 0n && (ste.fmt === 3n || ste.dss === 3n)) throw stop(0x04);
  return ste;
}

function stage2Of(m: ReferenceMachine, ste: bigint[]): Stage2 {
  const [w1, w2, w3] = [wordOf(ste, 1), wordOf(ste, 2), wordOf(ste, 3)];
  const granule = granuleOf(bits(w2, 47, 46));
  return {
    ttb: w3 & 0x000f_ffff_ffff_fff0n,
    inputBits: 64n - bits(w2, 37, 32),
    sl0: bits(w2, 39, 38),
    granule,
    wide: m.oas === 52n && granule === 16n,
    ps: effective(bits(w2, 50, 48), m.oas, granule),
    affd: bit(w2, 53),
    ptw: bit(w2, 54),
    ha: bit(w2, 56),
    hd: bit(w2, 55),
    stall: bit(w2, 57),
    record: bit(w2, 58),
    fwb: bit(w1, 25),
  };
}

function translate(m: ReferenceMachine, request: ReferenceRequest, policy: Policy): bigint {
  const { va, ssid, need } = request;
  const ste = steOf(m, request.sid, policy);
  if (ste.config < 4n) throw stop(0);
  if (ssid !== null && !ste.s1) throw stop(0x08);
  // 3. Which CD: IHI 0070 3.9, 5.2 (S1DSS). null = stage 1 is skipped.
  const index = ste.s1 ? substream(ste, ssid) : null;
  let ipa = va;
  if (index === null) {
    if (va >= 1n << m.oas) throw new Fault(0x11, 1, -1, "IN", 0n, true);
  } else {
    policy.cd = contextOf(m, ste, index, policy.s2);
    ipa = stage1Walk(m, policy.cd, policy.s2, va, need);
  }
  return policy.s2 === null ? ipa : stage2Walk(m, policy.s2, ipa, need, "IN");
}

function substream(ste: Ste, ssid: bigint | null): bigint | null {
  if (ssid === null) {
    if (ste.cdMax === 0n || ste.dss === 2n) return 0n;
    if (ste.dss === 0n) throw stop(0x06);
    return null;
  }
  if (ste.cdMax === 0n || ssid >= 1n << ste.cdMax) throw stop(0x08);
  if (ssid === 0n && ste.dss === 2n) throw stop(0x06);
  return ssid;
}

/** 4. The CD, in a linear or a two-level table; what stage 2 says about its address comes first. */
function contextOf(m: ReferenceMachine, ste: Ste, index: bigint, s2: Stage2 | null): Stage1 {
  const physical = (ipa: bigint): bigint => (s2 === null ? ipa : stage2Walk(m, s2, ipa, "R", "CD"));
  let cd = ste.contextPtr + index * 64n;
  if (ste.cdMax > 0n && ste.fmt !== 0n) {
    const leaf = ste.fmt === 1n ? 64n : 1024n;
    const at = physical(ste.contextPtr + (index / leaf) * 8n);
    const l1 = m.read(at);
    if (l1 === null) throw stop(0x09, at);
    if (!bit(l1, 0)) throw stop(0x08);
    cd = (l1 & 0x000f_ffff_ffff_f000n) + (index % leaf) * 64n;
  }
  const raw = words(m, physical(cd), 0x09);
  const w0 = wordOf(raw, 0);
  const table = (upper: boolean): Stage1["tables"][number] => {
    const tg = upper ? bits(w0, 23, 22) : bits(w0, 7, 6);
    const granule = upper ? ([0n, 14n, 12n, 16n][Number(tg)] ?? 0n) : tg === 3n ? 0n : granuleOf(tg);
    const base = wordOf(raw, upper ? 2 : 1);
    return {
      enabled: !bit(w0, upper ? 30 : 14),
      inputBits: 64n - (upper ? bits(w0, 21, 16) : bits(w0, 5, 0)),
      granule,
      wide: m.oas === 52n && granule === 16n,
      ips: effective(bits(w0, 34, 32), m.oas, granule),
      tbi: bit(w0, upper ? 39 : 38),
      had: bit(base, 1),
      ttb: base & 0x000f_ffff_ffff_fff0n,
    };
  };
  const out: Stage1 = {
    tables: [table(false), table(true)],
    affd: bit(w0, 35),
    hd: bit(w0, 42) && bit(w0, 43),
    ha: bit(w0, 43),
    stall: bit(w0, 44),
    record: bit(w0, 45),
    abort: bit(w0, 46),
  };
  // IHI 0070 5.4: what makes a CD illegal.
  const legal = (t: Stage1["tables"][number]): boolean => {
    const most = m.vax && t.granule === 16n ? 52n : 48n;
    return !t.enabled || (t.granule > 0n && t.inputBits >= 25n && t.inputBits <= most && t.ttb < 1n << t.ips);
  };
  const good = bit(w0, 31) && bit(w0, 41) && out.tables.every(legal) && !(out.stall && ste.stallDisabled);
  if (!good) throw stop(0x0a);
  return out;
}

/** IHI 0070 3.9.1.2: a translated request is let through, checked by stage 2, or forbidden. */
function translated(m: ReferenceMachine, request: ReferenceRequest, policy: Policy): bigint {
  const { va, sid, need } = request;
  if (m.atsChk) {
    let ste: Ste;
    try {
      ste = steOf(m, sid, policy);
    } catch (e) {
      if (e instanceof Fault && !m.recCfgAts) throw stop(0);
      throw e;
    }
    if (ste.config < 4n) throw stop(0);
    if (ste.config === 4n || ste.eats === 0n) throw stop(0x07);
    if (ste.eats === 2n && policy.s2 !== null) return stage2Walk(m, policy.s2, va, need, "IN");
  }
  if (va >= 1n << m.oas) throw stop(0);
  return va;
}
