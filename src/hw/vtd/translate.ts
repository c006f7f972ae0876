/** One request of a device: context, cached translation or walk, and the reason where it fails. Spec: VT-d 3.14, 6.2. */
import { join } from "../base/bits.ts";
import type { HwProbe } from "../base/probe.ts";
import { Tlb } from "../smmuv3/tlb.ts";
import type { Txn, TxnResult } from "../smmuv3/txn.ts";
import type { PhysMem } from "../memory.ts";
import { isInterruptAddress } from "../remapping.ts";
import type { VtdCaps } from "./caps.ts";
import { ContextReader, DmaContext } from "./context.ts";
import { PGTT } from "./entries.ts";
import { REASON } from "./faults.ts";
import type { VtdQuirks } from "./quirks.ts";
import { R, VtdWalker, W } from "./walk.ts";

/** Levels are numbered from the leaf here, from the root in the cache: 4 KiB pages are its level 3. */
const CACHE_LEAF = 4;
const PAGE = 12;
/** Tag of entries that the second stage alone made: their PASID does not matter. */
const SECOND_ONLY = -1;

export class VtdTranslator {
  readonly name: string;
  readonly q: VtdQuirks;
  readonly reader: ContextReader;
  readonly walker: VtdWalker;
  readonly tlb = new Tlb();
  /** Contexts by (source id, PASID) until they are invalidated. */
  readonly contexts = new Map<number, { sid: number; context: DmaContext }>();
  private watcher: HwProbe | null = null;
  private dry = false;

  /** Of the last request that failed: its faults are not recorded. */
  fpd = false;

  constructor(name: string, mem: PhysMem, caps: VtdCaps, q: VtdQuirks) {
    this.name = name;
    this.q = q;
    this.reader = new ContextReader(name, mem, caps, q);
    this.walker = new VtdWalker(name, mem, caps, q);
  }

  set probe(probe: HwProbe | null) {
    this.watcher = probe;
    this.reader.probe = probe;
    this.walker.probe = probe;
  }

  /** Neither uses nor fills caches, and leaves the flags in the tables alone. */
  setDry(dry: boolean): void {
    this.dry = dry;
    this.walker.dry = dry;
  }

  /** Translates. On failure `out.event` is the reason, 0 = nothing is to be recorded. */
  run(txn: Txn, out: TxnResult): void {
    out.ok = false;
    out.stag = -1;
    out.raz = false;
    out.event = 0;
    out.stage = 0;
    out.level = -1;
    out.device = false;
    out.shift = PAGE;
    const c = this.context(txn.sid, txn.ssid);
    if (c === null) {
      this.fpd = this.reader.found.fpd;
      out.event = this.reader.reason;
      return;
    }
    this.fpd = c.fpd;
    if (c.type === PGTT.PASS) {
      out.ok = true;
      out.pa = join(txn.lo, txn.hi & 0xf_ffff);
      return;
    }
    const need = txn.write ? W : R;
    if (!this.dry && this.cached(c, txn, need, out)) return;
    const { walker } = this;
    if (!walker.walk(c, txn.hi, txn.lo, need)) {
      out.event = walker.reason;
      out.stage = walker.stage;
      out.level = walker.level;
      return;
    }
    out.pa = join(walker.outLo, walker.outHi);
    if (isInterruptAddress(walker.outHi, walker.outLo)) {
      out.event = c.scalable ? REASON.SM_INTERRUPT_RANGE : REASON.INTERRUPT_RANGE;
      out.stage = c.type === PGTT.FIRST ? 1 : 2;
      return;
    }
    out.ok = true;
    out.shift = walker.shift;
    if (!this.dry) this.keep(c, txn);
  }

  private context(sid: number, pasid: number): DmaContext | null {
    const key = sid * 2 ** 21 + pasid + 1;
    const known = this.dry ? undefined : this.contexts.get(key);
    if (known !== undefined) return known.context;
    const { reader } = this;
    if (!reader.read(sid, pasid)) return null;
    if (!this.dry) {
      this.contexts.set(key, { sid, context: reader.found });
      const kept = reader.found;
      reader.found = new DmaContext();
      return kept;
    }
    return reader.found;
  }

  /** Answers from the cache; an entry without the right asked for is walked anew unless the quirk says otherwise. */
  private cached(c: DmaContext, txn: Txn, need: number, out: TxnResult): boolean {
    const { tlb } = this;
    const tag = c.type === PGTT.SECOND ? SECOND_ONLY : c.pasid;
    const slot = tlb.find(tag, c.did, txn.hi | 0, txn.lo | 0, PAGE, 1);
    if (this.watcher !== null) this.watcher.tlb(this.name, slot >= 0, txn.hi | 0, txn.lo | 0, tag, c.did);
    if (slot < 0) return false;
    if ((tlb.rights1(slot, false) & need) !== need) return this.q.iotlbPerm;
    out.ok = true;
    out.pa = tlb.output(slot, txn.hi | 0, txn.lo | 0);
    out.shift = tlb.shiftOf(slot);
    return true;
  }

  private keep(c: DmaContext, txn: Txn): void {
    const { walker, tlb } = this;
    const tag = c.type === PGTT.SECOND ? SECOND_ONLY : c.pasid;
    const level = CACHE_LEAF - 1 - (walker.shift - PAGE) / 9;
    const { perm } = walker;
    const { outHi, outLo } = walker;
    tlb.insert(tag, c.did, txn.hi | 0, txn.lo | 0, PAGE, level, outHi, outLo, perm, perm, perm, false, false);
  }

  /** Context-cache invalidation: of everything, of a domain, of functions. `mask`: low function bits that do not matter. */
  forgetAll(): void {
    this.contexts.clear();
  }

  forgetDomain(did: number): void {
    for (const [key, { context }] of this.contexts) if (context.did === did) this.contexts.delete(key);
  }

  forgetDevice(sid: number, mask: number): void {
    for (const [key, one] of this.contexts) if ((one.sid & ~mask) === (sid & ~mask)) this.contexts.delete(key);
  }

  forgetPasid(did: number, pasid: number): void {
    for (const [key, { context }] of this.contexts) {
      if (context.did === did && context.pasid === pasid) this.contexts.delete(key);
    }
  }
}
