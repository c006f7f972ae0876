/** The memory reads of one translation, as the SMMU makes them when nothing is cached. The world is not changed. */
import { hex64 } from "../../../hw/base/bits.ts";
import type { HwProbe } from "../../../hw/base/probe.ts";
import { EVENT_NAMES } from "../../../hw/smmuv3/evtq.ts";
import type { Smmuv3 } from "../../../hw/smmuv3/smmu.ts";
import { Txn, TxnResult } from "../../../hw/smmuv3/txn.ts";
import type { World } from "../../sim/world.ts";

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
}

const SSIDS = 2 ** 21;

/** Null when no SMMU stands in front of the device. */
export function recordWalk(world: World, bdf: string, iova: bigint, write: boolean): Recorded | null {
  const smmu = world.machine.smmuOf(bdf);
  const f = world.machine.pci.byBdf.get(bdf);
  if (smmu === null || f === undefined) return null;
  const reads: RawRead[] = [];
  const out = new TxnResult();
  const txn = new Txn().set(f.desc.streamId, write, Number(iova >> 32n), Number(iova & 0xffff_ffffn));
  const probe = smmu.probe;
  smmu.probe = collector(reads);
  smmu.explain(txn, out);
  smmu.probe = probe;
  const event =
    out.ok || out.event === 0 ? "terminated without a record" : (EVENT_NAMES[out.event] ?? `event ${out.event}`);
  return { reads, ok: out.ok, pa: out.pa, event, stage: out.stage, level: out.level };
}

function collector(reads: RawRead[]): HwProbe {
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
export function tlbText(smmu: Smmuv3, sid: number, iova: bigint): string {
  const { translator } = smmu;
  const config = translator.configs.get(sid * SSIDS);
  if (config === undefined) return "nothing cached for this stream: STE and CD would be read";
  if (config.kind !== "translate") return `the stream is cached as ${config.kind}`;
  const hi = Number(iova >> 32n);
  const lo = Number(iova & 0xffff_ffffn);
  const granule = config.s1 ? config.tt0.granule : config.granule2;
  const start = config.s1 ? config.tt0.start : config.start2;
  const slot = translator.tlb.find(config.asid, config.vmid, hi, lo, granule, start);
  if (slot < 0) return "TLB miss: the tables would be read";
  return `TLB hit: ${hex64(lo, hi)} -> 0x${translator.tlb.output(slot, hi, lo).toString(16)}, no read`;
}
