/** What the SMMU keeps of tables that it has read, and whether memory still says the same. Spec: SMMUv3 IHI 0070 3.17, 3.21. */
import { hex, hex64, high } from "../../../hw/base/bits.ts";
import { bitTable } from "../../../hw/base/fields.ts";
import type { StreamConfig } from "../../../hw/smmuv3/config.ts";
import { EVENT_NAMES } from "../../../hw/smmuv3/evtq.ts";
import type { Smmuv3 } from "../../../hw/smmuv3/smmu.ts";
import type { TlbEntry } from "../../../hw/smmuv3/tlb.ts";
import { Txn } from "../../../hw/smmuv3/txn.ts";
import { sizeText } from "../../sim/scenario/values.ts";
import { cold, staleConfig } from "../walk/caches.ts";
import type { Source } from "./source.ts";

const SPEC = "as the model keeps it; SMMUv3 IHI 0070 3.17";

/** The layout is the page's own: hardware has none that software could see. */
const TLB_ENTRY = bitTable("TLB entry", SPEC, 6, {
  "Input[31:12]": [0, 31, 12],
  "Input[63:32]": [1, 31, 0],
  "Output[31:12]": [2, 31, 12],
  "Output[51:32]": [3, 19, 0],
  ASID: [4, 15, 0],
  VMID: [4, 31, 16],
  Unprivileged: [5, 2, 0, null, "R 1, W 2, X 4"],
  Privileged: [5, 5, 3],
  Stage2: [5, 8, 6],
  Device: [5, 9, 9],
  Global: [5, 10, 10],
  Log2Size: [5, 21, 16],
});

const CONFIG_ENTRY = bitTable("configuration", "as the model keeps it; SMMUv3 IHI 0070 3.21", 2, {
  StreamID: [0, 31, 0],
  SubstreamID: [1, 19, 0],
  SSV: [1, 31, 31],
});

export function tlbSource(smmu: Smmuv3, before: Smmuv3 | null): Source {
  const all = (s: Smmuv3 | null): TlbEntry[] =>
    s === null ? [] : Array.from({ length: s.translator.tlb.count }, (_, i) => s.translator.tlb.entry(i));
  const list = all(smmu);
  const known = new Set(all(before).map(keyOf));
  const old = new Map(all(before).map((e) => [keyOf(e), wordsOf(e)]));
  const one = (i: number): TlbEntry | undefined => list[i];
  return {
    title: "TLB",
    sub: `${list.length} of 256 entries`,
    entries: list.length,
    ...(list.length === 0 ? { empty: "Nothing is cached: the next access reads the tables." } : {}),
    pa: () => null,
    load: (i) => wordsOf(one(i)),
    old: (i) => {
      const e = one(i);
      if (before === null || e === undefined) return null;
      return known.has(keyOf(e)) ? (old.get(keyOf(e)) ?? null) : [0, 0, 0, 0, 0, 0];
    },
    decode: (_, i) => {
      const e = one(i);
      const bad = e === undefined ? null : staleEntry(smmu, e);
      return {
        what: e === undefined ? "" : tagText(e),
        valid: true,
        table: TLB_ENTRY,
        target: e === undefined ? null : { label: rights(e), address: e.pa, pa: e.pa, guest: false },
        like: "",
        stride: 0,
        ...(bad === null ? {} : { bad }),
      };
    },
    covers: (i) => {
      const e = one(i);
      return e === undefined ? null : { start: e.hi * 2 ** 32 + e.lo, size: 2 ** e.shift };
    },
    indexOf: () => -1,
    below: () => null,
    refs: (i) => [`slot:smmu:${smmu.name}:tlb@${i}`],
  };
}

export function configSource(smmu: Smmuv3, before: Smmuv3 | null): Source {
  const list = [...smmu.translator.configs.entries()];
  const known = before === null ? null : new Set(before.translator.configs.keys());
  return {
    title: "Configurations",
    sub: `${list.length} cached`,
    entries: list.length,
    ...(list.length === 0 ? { empty: "No STE or CD is cached: the next access reads them." } : {}),
    pa: () => null,
    load: (i) => configWords(list[i]?.[1]),
    old: (i) =>
      known === null || list[i] === undefined ? null : known.has(list[i][0]) ? configWords(list[i][1]) : [0, 0],
    decode: (_, i) => {
      const c = list[i]?.[1];
      const bad = c === undefined ? null : staleConfig(smmu, c);
      return {
        what: c === undefined ? "" : configText(c),
        valid: true,
        table: CONFIG_ENTRY,
        target: null,
        like: "",
        stride: 0,
        ...(bad === null ? {} : { bad }),
      };
    },
    covers: () => null,
    indexOf: () => -1,
    below: () => null,
    refs: (i) => [`slot:smmu:${smmu.name}:configs@${i}`, `ste:${hex(list[i]?.[1].sid ?? 0)}`],
  };
}

export function configText(c: StreamConfig): string {
  const stream = `stream ${hex(c.sid)}${c.ssid < 0 ? "" : ` PASID ${c.ssid}`}`;
  if (c.kind !== "translate") return `${stream} ${c.kind}`;
  const stages = c.s1 && c.s2 ? "nested" : c.s1 ? "S1" : "S2";
  return `${stream} ${stages}${c.s1 ? ` ASID ${c.asid & 0xffff}` : ""}${c.s2 ? ` VMID ${c.vmid}` : ""}`;
}

export function tagText(e: TlbEntry): string {
  const asid = e.asid < 0 ? "S2 only" : `ASID ${e.asid & 0xffff}${e.asid > 0xffff ? " EL2" : ""}`;
  return `${sizeText(1n << BigInt(e.shift))} ${asid} VMID ${e.vmid}`;
}

function rights(e: TlbEntry): string {
  const r = (e.unprivileged | e.privileged) & e.stage2;
  return `${r & 1 ? "R" : ""}${r & 2 ? "W" : ""}` || "none";
}

/** Why an entry is not what the tables say now; null when it is, or when no cached stream uses its tags. */
export function staleEntry(smmu: Smmuv3, e: TlbEntry): string | null {
  const c = [...smmu.translator.configs.values()].find(
    (one) => one.kind === "translate" && one.asid === e.asid && one.vmid === e.vmid,
  );
  if (c === undefined) return null;
  const write = ((e.unprivileged | e.privileged) & e.stage2 & 1) === 0;
  const now = cold(smmu, new Txn().set(c.sid, write, e.hi, e.lo, c.ssid));
  if (!now.ok) return `stale: the tables end in ${EVENT_NAMES[now.event] ?? "a fault"} now`;
  return now.pa === e.pa ? null : `stale: the tables say ${hex(now.pa)} now`;
}

function keyOf(e: TlbEntry): string {
  return `${hex64(e.lo, e.hi)} ${e.asid} ${e.vmid} ${e.granule} ${e.level}`;
}

function wordsOf(e: TlbEntry | undefined): number[] {
  if (e === undefined) return [0, 0, 0, 0, 0, 0];
  const flags =
    e.unprivileged | (e.privileged << 3) | (e.stage2 << 6) | (e.device ? 0x200 : 0) | (e.global ? 0x400 : 0);
  return [
    e.lo,
    e.hi,
    e.pa >>> 0,
    high(e.pa),
    ((e.vmid << 16) | (e.asid < 0 ? 0 : e.asid & 0xffff)) >>> 0,
    (flags | (e.shift << 16)) >>> 0,
  ];
}

function configWords(c: StreamConfig | undefined): number[] {
  return c === undefined ? [0, 0] : [c.sid >>> 0, c.ssid < 0 ? 0 : (c.ssid | 0x8000_0000) >>> 0];
}
