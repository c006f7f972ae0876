/** What the SMMU keeps for an address now, and whether memory still says the same. Nothing is changed by looking. */
import { hex } from "../../../hw/base/bits.ts";
import { EVENT_NAMES } from "../../../hw/smmuv3/evtq.ts";
import type { StreamConfig } from "../../../hw/smmuv3/config.ts";
import type { Smmuv3 } from "../../../hw/smmuv3/smmu.ts";
import { Txn, TxnResult } from "../../../hw/smmuv3/txn.ts";

const SSIDS = 2 ** 21;

export interface Cached {
  config: StreamConfig | null;
  /** In the TLB; -1 = none. */
  slot: number;
}

/** `ssid` -1: without PASID. */
export function cachedFor(smmu: Smmuv3, sid: number, ssid: number, iova: bigint): Cached {
  const { translator } = smmu;
  const config = translator.configs.get(sid * SSIDS + ssid + 1) ?? null;
  if (config === null || config.kind !== "translate") return { config, slot: -1 };
  const granule = config.s1 ? config.tt0.granule : config.granule2;
  const start = config.s1 ? config.tt0.start : config.start2;
  const hi = Number(iova >> 32n);
  const lo = Number(iova & 0xffff_ffffn);
  return { config, slot: translator.tlb.find(config.asid, config.vmid, hi, lo, granule, start) };
}

/** The answer of memory alone. */
export function cold(smmu: Smmuv3, txn: Txn): TxnResult {
  const out = new TxnResult();
  const probe = smmu.probe;
  smmu.probe = null;
  smmu.explain(txn, out);
  smmu.probe = probe;
  return out;
}

/** Why a configuration is not what STE and CD say now; null when it is. */
export function staleConfig(smmu: Smmuv3, c: StreamConfig): string | null {
  const { translator } = smmu;
  const { walker } = translator;
  const probe = smmu.probe;
  smmu.probe = null;
  walker.dry = true;
  const now = translator.configOf(c.sid, c.ssid);
  walker.dry = false;
  smmu.probe = probe;
  if (now === null) return "stale: STE or CD are not valid now";
  return JSON.stringify(now) === JSON.stringify(c) ? null : "stale: STE or CD say something else now";
}

/** What is cached for an address and differs from what memory says; empty when nothing does. */
export function staleText(smmu: Smmuv3, txn: Txn, cached: Cached): string {
  const { config, slot } = cached;
  if (config === null) return "";
  const said = staleConfig(smmu, config);
  if (slot < 0) return said === null ? "" : `the configuration is ${said}`;
  const pa = smmu.translator.tlb.output(slot, txn.hi | 0, txn.lo | 0);
  const now = cold(smmu, txn);
  if (now.ok && now.pa === pa) return said === null ? "" : `the configuration is ${said}`;
  const tables = now.ok ? `PA ${hex(now.pa)}` : (EVENT_NAMES[now.event] ?? "an end without a record");
  return `the TLB is stale: it says PA ${hex(pa)}, the tables ${tables}`;
}
