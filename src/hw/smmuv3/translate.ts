/**
 * One transaction through the SMMU: stream table, context, TLB, walk, and the record of a fault.
 * Source: SMMUv3 IHI 0070 3.3 (configuration), 3.4 (address sizes), 3.12 (faults), 7.3 (records).
 */
import { alignDown, hex, high, join } from "../base/bits.ts";
import { get } from "../base/fields.ts";
import type { HwProbe } from "../base/probe.ts";
import type { PhysMem } from "../memory.ts";
import { type Caps, capsOf } from "./caps.ts";
import { L1CD } from "./cd.ts";
import {
  decodeCd,
  decodeSte,
  decodeTable,
  lookupStart,
  selectTable,
  setBase,
  StreamConfig,
  type TableInfo,
} from "./config.ts";
import { EVENT } from "./evtq.ts";
import { canStall, holds } from "./stall.ts";
import type { Quirks } from "./quirks.ts";
import { CR0, CR2, GBPA, STRTAB_BASE_CFG } from "./regs.ts";
import type { Smmuv3 } from "./smmu.ts";
import { L1STD } from "./ste.ts";
import { Tlb } from "./tlb.ts";
import type { Txn, TxnResult } from "./txn.ts";
import { CLASS_CD, CLASS_IN, CLASS_TT, R, W, Walker, X } from "./walk.ts";

const STE_BYTES = 64;
const CD_BYTES = 64;
/** SubstreamIDs -1 .. 2^20-1 fit below this. */
const SSIDS = 2 ** 21;

export class Translator {
  readonly smmu: Smmuv3;
  readonly mem: PhysMem;
  readonly q: Quirks;
  readonly caps: Caps;
  readonly tlb = new Tlb();
  readonly walker: Walker;
  /** StreamID * 2^21 + SubstreamID + 1 -> what its STE and CD said when they were read. */
  readonly configs = new Map<number, StreamConfig>();
  private last: StreamConfig | null = null;
  /** Lowest high half of an address beyond the output size. */
  private readonly oasTop: number;
  private readonly words = new Uint32Array(16);
  /** The input of the transaction in hand, for its record. */
  private sid = 0;
  private ssid = -1;
  private hi = 0;
  private lo = 0;
  private write = false;
  private instruction = false;
  private privileged = false;
  /** The fault is that of a table base translated with the CD (quirk nestedTtb): its record says read. */
  private atBase = false;
  /** The fault in hand holds the transaction. */
  private stalls = false;
  /** Event of the last configuration fault, recorded or not. */
  failed = 0;

  constructor(smmu: Smmuv3) {
    this.smmu = smmu;
    this.mem = smmu.mem;
    this.q = smmu.config.quirks;
    this.caps = capsOf(smmu.config);
    this.oasTop = 2 ** (this.caps.oas - 32);
    this.walker = new Walker(smmu.name, smmu.mem, this.q, this.tlb);
  }

  private get probe(): HwProbe | null {
    return this.walker.probe;
  }

  /** Forgets configurations: of one stream, or (`sid` -1) all. */
  forget(sid: number): void {
    this.last = null;
    if (sid < 0) this.configs.clear();
    else for (const [key, c] of this.configs) if (c.sid === sid) this.configs.delete(key);
  }

  translate(txn: Txn, out: TxnResult): void {
    const { smmu } = this;
    this.sid = txn.sid;
    this.ssid = txn.ssid;
    this.hi = txn.hi | 0;
    this.lo = txn.lo | 0;
    this.write = txn.write;
    this.instruction = txn.instruction;
    this.privileged = txn.privileged;
    this.atBase = false;
    this.stalls = false;
    out.stag = -1;
    out.raz = false;
    out.event = 0;
    out.stage = 0;
    out.level = -1;
    if ((smmu.cr0 & (1 << CR0.f.SMMUEN.lo)) === 0) {
      if (((smmu.gbpa >>> GBPA.f.ABORT.lo) & 1) === 1) this.fault(out, 0);
      else this.pass(out, true);
      return;
    }
    const c = this.configOf(txn.sid, txn.ssid);
    if (c === null) this.fault(out, this.walker.event);
    else if (c.kind === "translate") this.through(c, out);
    else if (c.kind === "bypass") this.pass(out, false);
    else this.fault(out, 0);
  }

  /** An untranslated access. `off`: the whole SMMU is off. */
  private pass(out: TxnResult, off: boolean): void {
    const high = this.hi >>> 0;
    if (high >= this.oasTop && !(this.q.bypassOas && high < 2 ** 20)) {
      if (!off && !this.q.bypassOas) this.stageOneSize(out);
      else this.fault(out, 0);
      return;
    }
    out.ok = true;
    out.pa = join(this.lo, high);
    out.shift = 12;
    out.device = false;
  }

  private stageOneSize(out: TxnResult): void {
    const { walker } = this;
    walker.event = EVENT.F_ADDR_SIZE;
    walker.stage = 1;
    walker.level = -1;
    walker.cls = CLASS_IN;
    walker.address = 0;
    this.fault(out, EVENT.F_ADDR_SIZE);
  }

  private through(c: StreamConfig, out: TxnResult): void {
    const { walker, tlb, q } = this;
    let { hi } = this;
    const { lo } = this;
    const instruction = c.instCfg === 0 ? this.instruction : c.instCfg === 3;
    const privileged = c.privCfg === 0 ? this.privileged : c.privCfg === 3;
    const need = this.write ? W : instruction ? X : R;
    walker.privileged = privileged;
    let tt: TableInfo | null = null;
    if (c.s1) {
      tt = selectTable(c, hi, lo);
      if (tt === null) {
        walker.event = EVENT.F_TRANSLATION;
        walker.stage = 1;
        walker.level = -1;
        walker.cls = CLASS_IN;
        walker.address = 0;
        this.finish(c, out);
        return;
      }
      if (tt.tbi && !q.tlbTagged) hi = ((hi << 8) >> 8) >>> 0;
    } else if (hi >>> 0 >= this.oasTop) {
      if (q.s2InputSilent) this.fault(out, 0);
      else this.stageOneSize(out);
      return;
    }
    const granule = tt === null ? c.granule2 : tt.granule;
    const start = tt === null ? c.start2 : tt.start;
    if (!walker.dry) {
      let slot = tlb.find(c.asid, c.vmid, hi, lo, granule, start);
      if (slot < 0 && tt !== null && c.s2 && c.granule2 !== granule) {
        slot = tlb.find(c.asid, c.vmid, hi, lo, c.granule2, lookupStart(tt, c.granule2));
      }
      if (this.probe !== null) {
        this.probe.tlb(this.smmu.name, slot >= 0, hi, lo, c.asid, c.vmid);
      }
      if (slot >= 0 && this.hit(c, slot, need, privileged, hi, out)) return;
    }
    const ok = tt === null ? walker.stage2(c, hi, lo, need, CLASS_IN) : this.nested(c, tt, need, privileged);
    if (!ok) {
      this.finish(c, out);
      return;
    }
    if (tt === null) walker.permU = walker.permP = walker.perm2;
    else if (!c.s2) walker.perm2 = R | W | X;
    if (!walker.dry) {
      tlb.insert(
        c.asid,
        c.vmid,
        hi,
        lo,
        walker.granule,
        walker.level,
        walker.outHi,
        walker.outLo,
        walker.permU,
        walker.permP,
        walker.perm2,
        walker.device,
        tt !== null && walker.global,
      );
    }
    out.ok = true;
    out.pa = walker.out;
    out.shift = walker.shift;
    out.device = walker.device;
    out.level = walker.level;
  }

  /** Stage 1, then stage 2 of its output when that is on; the smaller block of the two counts. */
  private nested(c: StreamConfig, tt: TableInfo, need: number, privileged: boolean): boolean {
    const { walker } = this;
    if (!walker.stage1(c, tt, this.hi, this.lo, need, privileged)) return false;
    if (!c.s2) return true;
    const { shift, granule, level, device } = walker;
    if (!walker.stage2(c, walker.outHi, walker.outLo, need, CLASS_IN)) return false;
    if (shift <= walker.shift) {
      walker.shift = shift;
      walker.granule = granule;
      walker.level = level;
    }
    walker.device ||= device;
    return true;
  }

  /** Answers from a TLB entry. False: the entry does not allow the access and the tables decide. */
  private hit(c: StreamConfig, slot: number, need: number, privileged: boolean, hi: number, out: TxnResult): boolean {
    const { tlb, q, walker } = this;
    const have = tlb.rights1(slot, privileged) & tlb.rights2(slot);
    if (q.tlbHitPerm) {
      const first = tlb.rights1(slot, false);
      if (this.write && (have & W) === 0) {
        walker.event = EVENT.F_PERMISSION;
        walker.stage = (first & W) === 0 ? 1 : 2;
        walker.level = -1;
        walker.cls = CLASS_IN;
        walker.address = 0;
        this.finish(c, out);
        return true;
      }
      if (!this.write && (first & R) === 0) {
        this.fault(out, 0);
        return true;
      }
    } else if ((have & need) !== need) return false;
    out.ok = true;
    out.pa = tlb.output(slot, hi, this.lo);
    out.shift = tlb.shiftOf(slot);
    out.device = tlb.isDevice(slot);
    return true;
  }

  /** Stage 2 of a transaction that has its IPA already. */
  only2(c: StreamConfig, txn: Txn, out: TxnResult): void {
    const { walker } = this;
    Object.assign(this, { sid: txn.sid, ssid: txn.ssid, hi: txn.hi | 0, lo: txn.lo | 0, write: txn.write });
    this.instruction = this.privileged = this.atBase = this.stalls = false;
    if (!walker.stage2(c, txn.hi | 0, txn.lo | 0, txn.write ? W : R, CLASS_IN)) return this.finish(c, out);
    out.ok = true;
    out.pa = walker.out;
    out.shift = walker.shift;
    out.device = walker.device;
    out.level = walker.level;
  }

  /** The fault of a walk: recorded if the CD (stage 1) or the STE (stage 2) asks for it, or holds it. */
  private finish(c: StreamConfig, out: TxnResult): void {
    const { walker } = this;
    this.stalls = holds(c, walker);
    out.raz = !this.stalls && walker.stage === 1 && c.raz1 && !this.caps.abortOnly && canStall(walker.event);
    const wanted = walker.event === EVENT.F_WALK_EABT || (walker.stage === 2 ? c.record2 : c.record1);
    this.fault(out, wanted ? walker.event : 0);
  }

  /** Ends the transaction; `event` 0 = without a record. */
  private fault(out: TxnResult, wanted: number): void {
    const { walker } = this;
    const event = this.stalls ? walker.event : wanted;
    out.ok = false;
    out.pa = 0;
    out.event = event;
    if (event === 0) return;
    out.stage = walker.stage;
    out.level = walker.level;
    if (!walker.dry) this.record(event, out);
  }

  private record(event: number, out: TxnResult): void {
    const { walker, q } = this;
    const { stalled: buffer, events } = this.smmu;
    const held = this.stalls ? buffer.hold(this.sid) : null;
    if (held !== null) {
      out.stag = held.stag;
      held.recorded = events.writable && buffer.room;
      if (!held.recorded) return;
    }
    const cls = walker.cls;
    let read = !this.write || this.atBase;
    if (walker.stage !== 0) {
      if (q.cdRnw && cls === CLASS_CD) read = true;
    }
    let address = walker.address;
    if (!q.ipaLow && event !== EVENT.F_WALK_EABT && walker.stage === 2) address = alignDown(address, 12);
    events.add(
      event,
      this.sid,
      this.ssid,
      walker.stage,
      cls,
      this.hi,
      this.lo,
      read,
      this.privileged,
      this.instruction,
      address,
      held === null ? -1 : held.stag,
    );
  }

  // ---- configuration

  /** What the STE of a stream says, read now; null = it cannot be read or is not valid, in `failed`. */
  steOf(sid: number): StreamConfig | null {
    const { walker } = this;
    const c = new StreamConfig();
    c.sid = sid;
    walker.stage = 0;
    walker.cls = CLASS_IN;
    walker.address = 0;
    const ste = this.findSte(sid);
    if (ste < 0) this.failed = walker.event;
    else if (!this.fetch(ste, STE_BYTES, "STE", sid)) this.failed = EVENT.F_STE_FETCH;
    else this.failed = decodeSte(c, this.words, this.caps, this.q);
    return this.failed === 0 ? c : null;
  }

  /** Configuration of a (sub)stream, from the cache or from memory; null = a fault, in the walker's fields. */
  configOf(sid: number, ssid: number): StreamConfig | null {
    const { last, walker } = this;
    if (!walker.dry) {
      if (last !== null && last.sid === sid && last.ssid === ssid) return last;
      const cached = this.configs.get(sid * SSIDS + ssid + 1);
      if (cached !== undefined) {
        this.last = cached;
        return cached;
      }
    }
    walker.stage = 0;
    walker.level = -1;
    walker.cls = CLASS_IN;
    walker.address = 0;
    const c = new StreamConfig();
    c.sid = sid;
    c.ssid = ssid;
    const event = this.load(c);
    if (event !== 0) {
      this.failed = event > 0 ? event : walker.event;
      walker.event = event < 0 ? 0 : event;
      return null;
    }
    if (!walker.dry) {
      this.configs.set(sid * SSIDS + ssid + 1, c);
      this.last = c;
    }
    return c;
  }

  /** Reads STE and CD into `c`. 0 = valid, > 0 = event, < 0 = a fault without a record. */
  private load(c: StreamConfig): number {
    const { walker, q, caps } = this;
    const ste = this.findSte(c.sid);
    if (ste < 0) {
      const recorded = q.recinvsid || ((this.smmu.cr2 >>> CR2.f.RECINVSID.lo) & 1) === 1;
      return walker.event === EVENT.C_BAD_STREAMID && !recorded ? -1 : walker.event;
    }
    if (!this.fetch(ste, STE_BYTES, "STE", c.sid)) {
      walker.address = ste;
      return EVENT.F_STE_FETCH;
    }
    const bad = decodeSte(c, this.words, caps, q);
    if (bad !== 0 || c.kind === "abort") return bad;
    if (c.kind === "bypass" || !c.s1) return c.ssid >= 0 ? EVENT.C_BAD_SUBSTREAMID : 0;
    let index = Math.max(c.ssid, 0);
    if (c.ssid < 0) {
      if (c.s1CdMax > 0 && c.s1Dss === 0) return EVENT.F_STREAM_DISABLED;
      if (c.s1CdMax > 0 && c.s1Dss === 1) {
        c.s1 = false;
        if (!c.s2) c.kind = "bypass";
        c.skipped = true;
        return 0;
      }
    } else {
      if (index >= 2 ** c.s1CdMax || c.s1CdMax === 0) return EVENT.C_BAD_SUBSTREAMID;
      if (index === 0 && c.s1Dss === 2) return EVENT.F_STREAM_DISABLED;
    }
    let cd = c.contextPtr + index * CD_BYTES;
    if (c.s1CdMax > 0 && c.s1Fmt !== 0) {
      const perLeaf = c.s1Fmt === 1 ? 64 : 1024;
      const at = this.ownFetch(c, c.contextPtr + Math.floor(index / perLeaf) * 8);
      if (at < 0) return this.ownFault(c);
      if (!this.fetch(at, 8, "L1CD", Math.floor(index / perLeaf))) return this.cdAbort(at);
      if (get(L1CD.f.V, this.words) === 0) return EVENT.C_BAD_SUBSTREAMID;
      index %= perLeaf;
      cd = join((this.words[0] ?? 0) & ~0xfff, (this.words[1] ?? 0) & 0xfffff) + index * CD_BYTES;
    }
    const at = this.ownFetch(c, cd);
    if (at < 0) return this.ownFault(c);
    if (!this.fetch(at, CD_BYTES, "CD", Math.max(c.ssid, 0))) return this.cdAbort(at);
    return this.context(c);
  }

  /** Takes the CD in `words` apart. */
  private context(c: StreamConfig): number {
    const { walker, q, caps } = this;
    const bad = decodeCd(c, this.words, caps, q);
    if (bad !== 0) return bad;
    for (let i = 0; i < 2; i++) {
      const event = decodeTable(c, i, this.words, caps, q);
      if (event !== 0) return event;
      const tt = i === 0 ? c.tt0 : c.tt1;
      if (!tt.enabled || !c.s2 || !q.nestedTtb) continue;
      if (!walker.throughTlb(c, high(tt.ttb), tt.ttb | 0, CLASS_TT)) {
        this.atBase = true;
        return this.ownFault(c);
      }
      tt.ttb = walker.out;
    }
    if (c.s2 && q.nestedTtb) for (const tt of [c.tt0, c.tt1]) setBase(tt, tt.ttb % 2 ** c.ipsBits);
    return 0;
  }

  /** Physical address of a structure that the SMMU reads for a stream, through its stage 2; -1 = fault. */
  private ownFetch(c: StreamConfig, address: number): number {
    const { walker, q } = this;
    if (!c.s2) return address;
    const hi = high(address);
    const lo = address | 0;
    const ok = q.nestedTtb ? walker.throughTlb(c, hi, lo, CLASS_CD) : walker.stage2(c, hi, lo, R, CLASS_CD);
    return ok ? walker.out : -1;
  }

  /** The stage-2 fault of such a read: an event, or -1 when the STE does not ask for a record. */
  private ownFault(c: StreamConfig): number {
    const { walker } = this;
    this.stalls = holds(c, walker);
    if (this.stalls) return walker.event;
    const wanted = walker.event === EVENT.F_WALK_EABT || (walker.stage === 2 ? c.record2 : c.record1);
    return wanted ? walker.event : -1;
  }

  private cdAbort(at: number): number {
    this.walker.stage = 0;
    this.walker.level = -1;
    this.walker.address = at;
    return EVENT.F_CD_FETCH;
  }

  /** Address of the STE of a stream; -1 = fault, event and address in the walker. */
  private findSte(sid: number): number {
    const { smmu, walker, caps, q } = this;
    const cfg = [smmu.strtabCfg];
    const log2 = get(STRTAB_BASE_CFG.f.LOG2SIZE, cfg);
    walker.event = EVENT.C_BAD_STREAMID;
    if (sid >= 2 ** Math.min(log2, caps.sidBits)) return -1;
    const base = join(smmu.strtabLo & ~63, smmu.strtabHi & 0xfffff);
    if (!smmu.twoLevel) return alignDown(base, Math.min(log2 + 6, 52)) + sid * STE_BYTES;
    const split = smmu.split;
    const l1 = alignDown(base, Math.max(6, log2 - split + 3)) + (sid >>> split) * 8;
    walker.address = l1;
    if (!this.fetch(l1, 8, "L1STD", sid >>> split)) {
      walker.event = EVENT.F_STE_FETCH;
      return -1;
    }
    walker.address = 0;
    const span = get(L1STD.f.Span, this.words);
    if (span === 0 || (!q.spanLimit && span > split + 1)) return -1;
    const index = sid & ((1 << split) - 1);
    if (q.spanLimit ? index > 2 ** span - 1 : index >= 2 ** (span - 1)) {
      if (q.spanLimit) walker.event = EVENT.C_BAD_STE;
      return -1;
    }
    const l2 = join((this.words[0] ?? 0) & ~63, (this.words[1] ?? 0) & 0xfffff);
    return l2 + index * STE_BYTES;
  }

  /** Reads a structure into `words`; false where nothing answers. */
  private fetch(pa: number, bytes: number, what: string, index: number): boolean {
    const { mem, words, probe } = this;
    for (let i = 0; i < bytes >> 2; i += 2) {
      if (!mem.load64(pa + 4 * i)) return false;
      words[i] = mem.lo;
      words[i + 1] = mem.hi;
      if (probe !== null) {
        const text =
          bytes === 8 ? `${what}[${index}]` : `${what}${what === "STE" ? ` ${hex(index)}` : `[${index}]`} w${i >> 1}`;
        probe.mem(this.smmu.name, false, pa + 4 * i, mem.lo, mem.hi, text);
      }
    }
    return true;
  }
}
