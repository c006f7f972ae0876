/** The command queue of one SMMU: consumed at once when software moves CMDQ_PROD. Spec: SMMUv3 IHI 0070 4, 3.5.2. */
import { join } from "../base/bits.ts";
import { get } from "../base/fields.ts";
import type { PageResponse, Resumption } from "./client.ts";
import {
  CMD_ATC_INV,
  CMD_CFGI,
  CMD_CFGI_STE_RANGE,
  CMD_PRI_RESP,
  CMD_RESUME,
  CMD_SYNC,
  CMD_TLBI,
  commandText,
  OP,
} from "./commands.ts";
import { Queue } from "./queue.ts";
import { CR0, GERROR } from "./regs.ts";
import type { Smmuv3 } from "./smmu.ts";

const COMMAND_BYTES = 16;

/** CMDQ_CONS.ERR. */
export const CERROR = Object.freeze({ NONE: 0, ILL: 1, ABT: 2, ATC_INV_SYNC: 3 });

/** CMD_PRI_RESP.Resp; 3 is illegal. */
const RESPONSES: readonly PageResponse[] = Object.freeze(["failure", "invalid", "success"]);

/** CMDQ_CONS bits 30:24. */
const ERR_SHIFT = 24;
const ERR_MASK = 0x7f00_0000;

export class CommandQueue extends Queue {
  readonly smmu: Smmuv3;
  private readonly words = new Uint32Array(4);

  constructor(smmu: Smmuv3, maxBits: number) {
    super(COMMAND_BYTES, maxBits);
    this.smmu = smmu;
  }

  /** Consumes what is queued, until an error stops it. */
  run(): void {
    const { smmu, words } = this;
    const { mem } = smmu;
    if (((smmu.cr0 >>> CR0.f.CMDQEN.lo) & 1) === 0 || smmu.errorActive(1 << GERROR.f.CMDQ_ERR.lo)) return;
    while (!this.empty) {
      const pa = this.at(this.cons);
      if (!mem.answers(pa)) return this.stop(CERROR.ABT);
      const who = mem.who;
      mem.who = smmu.name;
      for (let i = 0; i < 4; i += 2) {
        mem.read64(pa + 4 * i, `CMDQ[${this.index(this.cons)}] w${i >> 1}`);
        words[i] = mem.lo;
        words[i + 1] = mem.hi;
      }
      mem.who = who;
      if (smmu.probe !== null) {
        smmu.probe.cmd(smmu.name, words[0] ?? 0, words[1] ?? 0, words[2] ?? 0, words[3] ?? 0, commandText(words));
      }
      const error = this.execute(words);
      if (error !== CERROR.NONE) return this.stop(error);
      this.cons = this.step(this.cons);
    }
  }

  private stop(error: number): void {
    this.cons = ((this.cons & ~ERR_MASK) | (error << ERR_SHIFT)) >>> 0;
    this.smmu.raiseError(1 << GERROR.f.CMDQ_ERR.lo);
  }

  /** One command; returns CERROR. */
  execute(words: Uint32Array): number {
    const { smmu } = this;
    const { caps, tlb, q } = smmu.translator;
    const op = get(CMD_CFGI.f.Op, words);
    const sid = get(CMD_CFGI.f.SID, words);
    const refused = q.cmdIgnored ? CERROR.NONE : CERROR.ILL;
    switch (op) {
      case OP.PREFETCH_CONFIG:
      case OP.PREFETCH_ADDR:
        return CERROR.NONE;
      case OP.SYNC:
        this.sync(words);
        return CERROR.NONE;
      case OP.CFGI_STE:
        smmu.translator.forget(sid);
        return CERROR.NONE;
      case OP.CFGI_STE_RANGE:
        this.forgetRange(sid, get(CMD_CFGI_STE_RANGE.f.Range, words));
        return CERROR.NONE;
      case OP.CFGI_CD:
      case OP.CFGI_CD_ALL:
        if (!caps.s1) return refused;
        smmu.translator.forget(sid);
        return CERROR.NONE;
      case OP.TLBI_NH_ALL:
        if (!caps.s1) return CERROR.ILL;
        if (caps.s2) tlb.invalidateVmid(get(CMD_TLBI.f.VMID, words), true);
        else tlb.clear();
        return CERROR.NONE;
      case OP.TLBI_NH_ASID:
        if (!caps.s1) return CERROR.ILL;
        tlb.invalidateAsid(get(CMD_TLBI.f.ASID, words), caps.s2 ? get(CMD_TLBI.f.VMID, words) : 0);
        return CERROR.NONE;
      case OP.TLBI_NH_VA:
        if (!caps.s1) return CERROR.ILL;
        this.range(words, get(CMD_TLBI.f.ASID, words));
        return CERROR.NONE;
      case OP.TLBI_NH_VAA:
        if (!caps.s1) return CERROR.ILL;
        this.range(words, -1);
        return CERROR.NONE;
      case OP.TLBI_S12_VMALL:
        if (!caps.s2) return CERROR.ILL;
        tlb.invalidateVmid(get(CMD_TLBI.f.VMID, words), false);
        return CERROR.NONE;
      case OP.TLBI_S2_IPA:
        if (!caps.s2) return CERROR.ILL;
        this.range(words, -2);
        return CERROR.NONE;
      case OP.TLBI_NSNH_ALL:
        tlb.clear();
        return CERROR.NONE;
      case OP.TLBI_EL2_ALL:
      case OP.TLBI_EL2_VA:
      case OP.TLBI_EL2_VAA:
        if (!caps.hyp) return refused;
        tlb.invalidateEl2(-1);
        return CERROR.NONE;
      case OP.TLBI_EL2_ASID:
        if (!caps.hyp) return refused;
        tlb.invalidateEl2(get(CMD_TLBI.f.ASID, words));
        return CERROR.NONE;
      case OP.ATC_INV:
        if (!caps.ats) return refused;
        this.atcInvalidate(words, sid);
        return CERROR.NONE;
      case OP.PRI_RESP:
        if (!caps.pri) return refused;
        return this.pageResponse(words, sid);
      case OP.RESUME:
        if (!caps.stall) return refused;
        smmu.stalled.resume(sid, get(CMD_RESUME.f.STAG, words), this.resumption(get(CMD_RESUME.f.Response, words)));
        return CERROR.NONE;
      case OP.STALL_TERM:
        if (!caps.stall) return refused;
        smmu.stalled.terminate(sid);
        return CERROR.NONE;
    }
    return CERROR.ILL;
  }

  /** Ac and Ab of CMD_RESUME: an abort may be the only way to terminate. */
  private resumption(response: number): Resumption {
    if ((response & 1) === 1) return "retry";
    return (response & 2) === 2 || this.smmu.translator.caps.abortOnly ? "abort" : "raz";
  }

  private atcInvalidate(words: Uint32Array, sid: number): void {
    const { smmu } = this;
    const f = CMD_ATC_INV.f;
    if ((smmu.cr0 & 1) === 0) return;
    const ssv = get(f.SSV, words) === 1 && smmu.translator.caps.ssidBits > 0;
    const ssid = ssv ? get(f.SSID, words) : -1;
    const lo = ((words[2] ?? 0) & ~0xfff) >>> 0;
    smmu.client?.invalidateAtc(
      smmu,
      sid,
      ssid,
      ssv && get(f.Global, words) === 1,
      words[3] ?? 0,
      lo,
      get(f.Size, words),
    );
  }

  private pageResponse(words: Uint32Array, sid: number): number {
    const { smmu } = this;
    const f = CMD_PRI_RESP.f;
    const code = RESPONSES[get(f.Resp, words)];
    if (code === undefined) return CERROR.ILL;
    if ((smmu.cr0 & 1) === 0) return CERROR.NONE;
    const ssv = get(f.SSV, words) === 1 && smmu.translator.caps.ssidBits > 0;
    smmu.client?.pageResponse(smmu, sid, ssv ? get(f.SSID, words) : -1, get(f.PRGIndex, words), code);
    return CERROR.NONE;
  }

  private forgetRange(sid: number, range: number): void {
    const { translator } = this.smmu;
    if (range === 31) {
      translator.forget(-1);
      return;
    }
    const size = 2 ** (range + 1);
    const first = sid - (sid % size);
    for (const c of translator.configs.values()) {
      if (c.sid >= first && c.sid < first + size) translator.forget(c.sid);
    }
  }

  /** TLBI by address. `asid` as Tlb.invalidateRange has it. */
  private range(words: Uint32Array, asid: number): void {
    const { caps, tlb, q } = this.smmu.translator;
    const f = CMD_TLBI.f;
    const vmid = caps.s2 ? get(f.VMID, words) : 0;
    const hi = words[3] ?? 0;
    const lo = ((words[2] ?? 0) & ~0xfff) >>> 0;
    const tg = caps.rangeInvalidation ? get(f.TG, words) : 0;
    const ttl = caps.rangeInvalidation ? get(f.TTL, words) : 0;
    const granule = tg === 0 ? 12 : tg * 2 + 10;
    const pages = tg === 0 ? 1 : (get(f.NUM, words) + 1) * 2 ** get(f.SCALE, words) * 2 ** (granule - 12);
    if (q.tlbiGlobal && ttl !== 0 && asid >= 0 && pages === 2 ** (granule - 12)) {
      if (tlb.invalidateKey(asid, vmid, hi | 0, lo | 0, granule, ttl)) return;
    }
    tlb.invalidateRange(asid, vmid, hi, lo, pages, !q.tlbiGlobal);
  }

  private sync(words: Uint32Array): void {
    const { smmu } = this;
    if (get(CMD_SYNC.f.CS, words) !== 1) return;
    const msi = join((words[2] ?? 0) & ~3, get(CMD_SYNC.f["MSIAddress[51:32]"], words));
    if (smmu.translator.caps.msi && msi !== 0) {
      smmu.writeMsi(msi, get(CMD_SYNC.f.MSIData, words), 1 << GERROR.f.MSI_CMDQ_ABT_ERR.lo);
      return;
    }
    smmu.syncIrq = true;
  }
}
