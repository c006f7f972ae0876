/** The memory reads of one translation, as the SMMU makes them when nothing is cached. The world is not changed. */
import { hex64 } from "../../../hw/base/bits.ts";
import type { HwProbe } from "../../../hw/base/probe.ts";
import { EVENT_NAMES } from "../../../hw/smmuv3/evtq.ts";
import type { StreamConfig } from "../../../hw/smmuv3/config.ts";
import type { Smmuv3 } from "../../../hw/smmuv3/smmu.ts";
import type { TlbEntry } from "../../../hw/smmuv3/tlb.ts";
import { Txn, TxnResult } from "../../../hw/smmuv3/txn.ts";
import { snapshot } from "../../sim/snapshot.ts";
import type { World } from "../../sim/world.ts";
import type { WalkMore } from "../types.ts";
import { cachedFor } from "./caches.ts";

/** One read; the words of one STE or CD are one. */
export interface RawRead {
  /** `L1STD[0]`, `STE 0x18`, `CD[0]`, `S1 L2[0x040]`, `S2 L1[0x001]`. */
  what: string;
  pa: number;
  /** u32 words: two for a descriptor, 16 for an STE or CD. */
  words: number[];
}

export interface Recorded {
  reads: RawRead[];
  ok: boolean;
  /** Output address when ok. */
  pa: number;
  /** `F_TRANSLATION`, `terminated without a record`. */
  event: string;
  stage: number;
  level: number;
  /** What the caches answered; both empty for a walk of memory alone. */
  config: StreamConfig | null;
  hit: TlbEntry | null;
}

/** Null when no SMMU stands in front of the device. With the caches it is done by a copy of the machine. */
export function recordWalk(
  world: World,
  bdf: string,
  iova: bigint,
  write: boolean,
  more: WalkMore = {},
): Recorded | null {
  const machine = more.asNow === true ? snapshot(world.machine) : world.machine;
  const smmu = machine.smmuOf(bdf);
  const f = machine.pci.byBdf.get(bdf);
  if (smmu === null || f === undefined) return null;
  const reads: RawRead[] = [];
  const out = new TxnResult();
  const txn = txnOf(f.desc.streamId, iova, write, more);
  const cached = more.asNow === true ? cachedFor(smmu, txn.sid, txn.ssid, iova) : { config: null, slot: -1 };
  const entry = cached.slot < 0 ? null : smmu.translator.tlb.entry(cached.slot);
  const probe = smmu.probe;
  smmu.probe = collector(reads);
  if (more.asNow === true) smmu.translate(txn, out);
  else smmu.explain(txn, out);
  smmu.probe = probe;
  const event =
    out.ok || out.event === 0 ? "terminated without a record" : (EVENT_NAMES[out.event] ?? `event ${out.event}`);
  const hit = reads.length === 0 ? entry : null;
  return { reads, ok: out.ok, pa: out.pa, event, stage: out.stage, level: out.level, config: cached.config, hit };
}

export function txnOf(sid: number, iova: bigint, write: boolean, more: WalkMore): Txn {
  return new Txn().set(sid, write, Number(iova >> 32n), Number(iova & 0xffff_ffffn), more.pasid ?? -1);
}

/** Joins the words of one structure. */
export function collector(reads: RawRead[]): HwProbe {
  return {
    mem: (_who, _write, pa, lo, hi, what) => {
      const part = / w(\d+)$/.exec(what);
      const name = part === null ? what : what.slice(0, part.index);
      const last = reads.at(-1);
      if (part !== null && part[1] !== "0" && last?.what === name) last.words.push(lo >>> 0, hi >>> 0);
      else reads.push({ what: name, pa, words: [lo >>> 0, hi >>> 0] });
    },
    cmd: () => {},
    tlb: () => {},
    event: () => {},
    msi: () => {},
  };
}

/** What the TLB holds for an address now, in words; it is only looked at. */
export function tlbText(smmu: Smmuv3, sid: number, iova: bigint, ssid = -1): string {
  const { config, slot } = cachedFor(smmu, sid, ssid, iova);
  if (config === null) return "nothing cached for this stream: STE and CD would be read";
  if (config.kind !== "translate") return `the stream is cached as ${config.kind}`;
  const hi = Number(iova >> 32n);
  const lo = Number(iova & 0xffff_ffffn);
  if (slot < 0) return "TLB miss: the tables would be read";
  return `TLB hit: ${hex64(lo, hi)} -> 0x${smmu.translator.tlb.output(slot, hi, lo).toString(16)}, no read`;
}
