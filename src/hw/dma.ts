/**
 * DMA of the functions of a machine: through bridges and the IOMMU in pieces that one translation covers, with addresses
 * translated beforehand (ATS), and held where a fault stalls. A held DMA goes on by itself once software resumes it; its
 * result, which the caller has, is completed then.
 */
import { hex, join, TWO32 } from "./base/bits.ts";
import type { Machine, MsiResult } from "./machine.ts";
import type { PciFunction } from "./pci/function.ts";
import { CAP_ENABLE, EXT } from "./pci/regs.ts";
import type { Hop, Route } from "./pci/route.ts";
import { type AtsCompletion, translated, translationRequest } from "./smmuv3/ats.ts";
import type { PageResponse, Resumption, SmmuClient } from "./smmuv3/client.ts";
import type { PageRequest, PageRequestOutcome } from "./smmuv3/priq.ts";
import type { Smmuv3 } from "./smmuv3/smmu.ts";
import { TxnResult } from "./smmuv3/txn.ts";

/** A device's DMA. `hi`/`lo`: the IOVA. */
export interface DmaRequest {
  write: boolean;
  hi: number;
  lo: number;
  /** Bytes. */
  len: number;
  /** PASID; absent = none. */
  ssid?: number;
  /** The address is one that the IOMMU gave the function (AT = translated). */
  translated?: boolean;
  /** The function asks for translations first (ATS) and uses its cache. */
  ats?: boolean;
  /** What a write stores; absent = zeros. Exactly `len` bytes. */
  data?: Uint8Array;
}

/** A part of a DMA that went to consecutive physical addresses. */
export interface DmaRun {
  /** Offset from the start of the request. */
  offset: number;
  pa: number;
  len: number;
  /** The function whose BAR took it without passing the IOMMU; `pa` is then its PCI address. Absent = none. */
  peer?: string;
  /** It was an interrupt message: the vector that a processor got. Absent = memory. */
  vector?: number;
}

export interface DmaFault {
  offset: number;
  /** Number of the event, 0 = terminated without a record. */
  event: number;
  stage: 0 | 1 | 2;
  level: number;
  text: string;
  /** Of a bus error, else -1. */
  pa: number;
}

export interface DmaResult {
  ok: boolean;
  /** What a read returned; what did not come is 0xff, under the quirk dmaRetry4 0. */
  data: Uint8Array;
  runs: DmaRun[];
  /** The first fault, also one that holds the DMA now. */
  fault: DmaFault | null;
  /** What bridges decided on the way, for the first piece; empty where nothing was to decide. */
  hops: Hop[];
  /** Held by an SMMU under this tag; null = it has ended. */
  stalled: { smmu: string; stag: number } | null;
}

interface HeldDma {
  f: PciFunction;
  request: DmaRequest;
  at: number;
  result: DmaResult;
}

export class DmaEngine implements SmmuClient {
  readonly machine: Machine;
  /** `<smmu> <stag>` -> what it holds. */
  readonly held = new Map<string, HeldDma>();
  /** Messages that are held, by the same key. */
  readonly heldMsis = new Map<string, { bdf: string; vector: number }>();
  private readonly out = new TxnResult();

  constructor(machine: Machine) {
    this.machine = machine;
  }

  start(f: PciFunction, request: DmaRequest): DmaResult {
    const data = new Uint8Array(request.len).fill(this.machine.quirks.dmaRetry4 ? 0 : 0xff);
    const result: DmaResult = { ok: true, data, runs: [], fault: null, hops: [], stalled: null };
    if (f.busMaster) this.proceed(f, request, 0, result);
    else this.fail(result, { offset: 0, text: "the function is not bus master" });
    return result;
  }

  /** The rest of a DMA from offset `at` on. */
  private proceed(f: PciFunction, request: DmaRequest, from: number, result: DmaResult): void {
    for (let at = from, n = 0; at < request.len; at += n) {
      n = this.piece(f, request, at, result);
      if (n === 0) return;
    }
  }

  /** One piece; the bytes that are done with it, 0 = the DMA ended or is held. */
  private piece(f: PciFunction, request: DmaRequest, at: number, result: DmaResult): number {
    const left = request.len - at;
    const sum = (request.lo >>> 0) + at;
    let lo = sum % TWO32;
    let hi = (request.hi + Math.floor(sum / TWO32)) >>> 0;
    const page = Math.min(left, 4096 - (lo % 4096));
    let known = request.translated === true;
    if (request.ats === true && !known) {
      const pa = this.cached(f, request, at, hi, lo, result);
      if (pa < 0) return 0;
      [hi, lo, known] = [Math.floor(pa / TWO32), pa % TWO32, true];
    }
    const way = this.machine.route(f, hi, lo, known);
    if (at === 0) result.hops = way.hops;
    if (way.to !== "root") return this.beside(f, request, at, page, join(lo, hi), way, result);
    if (!known && request.ssid === undefined && this.machine.takesMessages(hi, lo)) {
      return this.message(f, request, at, lo, result);
    }
    const smmu = this.machine.smmuOf(f.bdf);
    let { out } = this;
    if (known && smmu !== null) translated(smmu, f.desc.streamId, hi, lo, request.write, out);
    else out = this.machine.translate(f, request.write, hi, lo, request.ssid ?? -1);
    if (out.ok && this.machine.reaches(out.pa)) {
      const block = 2 ** Math.min(out.shift, this.machine.quirks.noPeerToPeer ? 30 : 12);
      const n = Math.min(left, block - (lo % block));
      this.machine.transfer(f, request, at, n, out.pa, result.data);
      result.runs.push({ offset: at, pa: out.pa, len: n });
      return n;
    }
    result.ok = false;
    result.fault ??= faultOf(at, out, this.machine.eventName(f.bdf, out.event));
    if (out.stag >= 0) return this.hold(f, request, at, result, smmu, out.stag);
    if (out.raz) {
      if (!request.write) result.data.fill(0, at, at + page);
      return page;
    }
    return this.machine.quirks.dmaRetry4 ? retried(left, lo) : 0;
  }

  /** A request into the processors' interrupt range: a message when it writes 4 bytes, else nothing takes it. */
  private message(f: PciFunction, request: DmaRequest, at: number, lo: number, result: DmaResult): number {
    if (!request.write || request.len - at < 4 || (lo & 3) !== 0) {
      const what = request.write ? "a write that is no interrupt message" : "a read";
      return this.fail(result, { offset: at, text: `${what} in the interrupt range` });
    }
    const { data } = request;
    const word = data === undefined ? 0 : new DataView(data.buffer, data.byteOffset + at, 4).getUint32(0, true);
    const sent: MsiResult = { sent: true, lo, hi: 0, data: word, pa: -1, end: "silent", intid: 0, why: "", event: 0 };
    this.machine.toProcessors(f, lo, word, sent);
    if (sent.end !== "cpu") return this.fail(result, { offset: at, event: sent.event, text: sent.why });
    result.runs.push({ offset: at, pa: lo, len: 4, vector: sent.intid });
    return 4;
  }

  /** A piece that never reaches the root complex. */
  private beside(
    f: PciFunction,
    request: DmaRequest,
    at: number,
    most: number,
    address: number,
    way: Route,
    result: DmaResult,
  ): number {
    const { peer } = way;
    if (peer === null) {
      const last = way.hops.at(-1);
      return this.fail(result, { offset: at, text: `${last?.bdf}: ${last?.what}` });
    }
    const n = Math.min(most, peer.bar.last - peer.bar.start + 1 - peer.offset);
    this.machine.transfer(f, request, at, n, address, result.data);
    result.runs.push({ offset: at, pa: address, len: n, peer: peer.f.bdf });
    return n;
  }

  private fail(result: DmaResult, fault: { offset: number; text: string; event?: number }): 0 {
    result.ok = false;
    result.fault ??= { event: 0, stage: 0, level: -1, pa: -1, ...fault };
    return 0;
  }

  private hold(
    f: PciFunction,
    request: DmaRequest,
    at: number,
    result: DmaResult,
    smmu: Smmuv3 | null,
    stag: number,
  ): 0 {
    const name = smmu?.name ?? "";
    result.stalled = { smmu: name, stag };
    this.held.set(`${name} ${stag}`, { f, request, at, result });
    return 0;
  }

  // ---- what the SMMU says

  /** An interrupt's message that a fault stalled: sent again when software says retry. */
  holdMsi(smmu: string, stag: number, bdf: string, vector: number): void {
    this.heldMsis.set(`${smmu} ${stag}`, { bdf, vector });
  }

  resumed(smmu: Smmuv3, stag: number, how: Resumption): void {
    const key = `${smmu.name} ${stag}`;
    const msi = this.heldMsis.get(key);
    this.heldMsis.delete(key);
    if (msi !== undefined && how === "retry") this.machine.msi(msi.bdf, msi.vector);
    const held = this.held.get(key);
    if (held === undefined) return;
    this.held.delete(key);
    const { f, request, result } = held;
    let { at } = held;
    result.stalled = null;
    if (how === "abort") return;
    if (how === "raz") {
      const n = Math.min(request.len - at, 4096 - (((request.lo >>> 0) + at) % 4096));
      if (!request.write) result.data.fill(0, at, at + n);
      at += n;
    } else {
      result.ok = true;
      result.fault = null;
    }
    this.proceed(f, request, at, result);
  }

  invalidateAtc(smmu: Smmuv3, sid: number, ssid: number, global: boolean, hi: number, lo: number, size: number): void {
    for (const f of this.behind(smmu, sid)) if (atsEnabled(f)) f.atc.invalidate(ssid, global, join(lo, hi), size);
  }

  pageResponse(smmu: Smmuv3, sid: number, ssid: number, prgi: number, code: PageResponse): void {
    for (const f of this.behind(smmu, sid)) f.pageResponses.push({ ssid, prgi, code });
  }

  private behind(smmu: Smmuv3, sid: number): PciFunction[] {
    return this.machine.pci.functions.filter((f) => f.desc.smmu === smmu.name && f.desc.streamId === sid);
  }

  // ---- what a function asks

  /** An ATS translation request; what it grants goes into the function's cache. Throws when ATS is off there. */
  ats(f: PciFunction, hi: number, lo: number, write: boolean, ssid = -1): AtsCompletion {
    if (!atsEnabled(f)) throw new Error(`${f.bdf}: ATS is not enabled`);
    const smmu = this.machine.smmuOf(f.bdf);
    const page = (lo & ~0xfff) >>> 0;
    if (smmu === null) return { status: "UR", pa: 0, shift: 12, read: false, write: false };
    const answer = translationRequest(smmu, f.desc.streamId, ssid, hi >>> 0, page, write);
    const { pa, shift, read } = answer;
    if (answer.status === "success" && (read || answer.write))
      f.atc.insert(ssid, join(page, hi), pa, shift, read, answer.write);
    return answer;
  }

  /** A page request message. Throws when PRI is off in the function. */
  pageRequest(f: PciFunction, request: PageRequest): PageRequestOutcome {
    const pos = f.config.findExtended(EXT.PRI);
    if (pos === 0 || (f.config.read(pos + 4, 2) & 1) === 0) throw new Error(`${f.bdf}: PRI is not enabled`);
    const smmu = this.machine.smmuOf(f.bdf);
    return smmu === null ? "dropped" : smmu.pageRequests.add(f.desc.streamId, request);
  }

  /** Translated address of a piece, from the function's cache or by asking; -1 = no access, and the DMA has failed. */
  private cached(f: PciFunction, request: DmaRequest, at: number, hi: number, lo: number, result: DmaResult): number {
    const ssid = request.ssid ?? -1;
    const address = join(lo, hi);
    let entry = f.atc.find(ssid, address, request.write);
    if (entry === null) {
      const { status } = this.ats(f, hi, lo, request.write, ssid);
      entry = f.atc.find(ssid, address, request.write);
      const why = status === "success" ? "no access" : status;
      if (entry === null) this.fail(result, { offset: at, text: `the translation request was answered: ${why}` });
    }
    return entry === null ? -1 : entry.pa + address - entry.start;
  }
}

/** Bytes of the next try at an address that faulted, quirk dmaRetry4: 4, 2 or 1, as much as is left and aligned. */
function retried(left: number, lo: number): number {
  if (left >= 4 && lo % 4 === 0) return 4;
  return left >= 2 && lo % 2 === 0 ? 2 : 1;
}

/** Enabled in the ATS capability. What was cached before it was switched off is forgotten. */
export function atsEnabled(f: PciFunction): boolean {
  const pos = f.config.findExtended(EXT.ATS);
  const on = pos !== 0 && (f.config.read(pos + 6, 2) & CAP_ENABLE.ATS) !== 0;
  if (!on) f.atc.entries = [];
  return on;
}

/** `name`: of the event. */
export function faultOf(offset: number, out: TxnResult, name: string): DmaFault {
  const { event, stage, level, pa } = out;
  if (out.ok) return { offset, event: 0, stage: 0, level: -1, text: `nothing answers at ${hex(pa)}`, pa };
  const text = event === 0 ? "terminated without a record" : name;
  return { offset, event, stage, level, text: out.stag < 0 ? text : `${text}, stalled: tag ${out.stag}`, pa: -1 };
}
