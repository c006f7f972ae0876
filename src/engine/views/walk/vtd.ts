/** The walk of one address behind a VT-d unit: a row for each structure read, under nesting with second-stage reads. */
import { hex, hex64 } from "../../../hw/base/bits.ts";
import { type BitTable, get } from "../../../hw/base/fields.ts";
import { reasonText } from "../../../hw/vtd/faults.ts";
import { CONTEXT, PASID_DIR, PASID_ENTRY, ROOT, SM_CONTEXT, SM_ROOT } from "../../../hw/vtd/entries.ts";
import type { VtdUnit } from "../../../hw/vtd/unit.ts";
import { Txn, TxnResult } from "../../../hw/smmuv3/txn.ts";
import { snapshot } from "../../sim/snapshot.ts";
import type { World, WorldDevice } from "../../sim/world.ts";
import { sizeText } from "../../sim/scenario/values.ts";
import type { TablePlace } from "../tables/types.ts";
import type { WalkMore, WalkRead, WalkRow, WalkView } from "../types.ts";
import { contextText, isScalable, pasidText, sourceIdOf, vtdOf } from "../vtd.ts";
import { collector, type RawRead } from "./record.ts";

interface Answer {
  reads: RawRead[];
  out: TxnResult;
}

function ask(unit: VtdUnit, txn: Txn, cold: boolean): Answer {
  const reads: RawRead[] = [];
  const out = new TxnResult();
  unit.probe = collector(reads);
  if (cold) unit.explain(txn, out);
  else unit.translate(txn, out);
  unit.probe = null;
  return { reads, out };
}

/** As `walkView` of view.ts; null without a unit. */
export function vtdWalk(
  world: World,
  device: string,
  d: WorldDevice,
  iova: bigint,
  write: boolean,
  more: WalkMore,
): WalkView | null {
  const { pasid } = more;
  const sid = sourceIdOf(world, d.bdf);
  const txn = (): Txn => new Txn().set(sid, write, Number(iova >> 32n), Number(iova & 0xffff_ffffn), pasid ?? -1);
  // What a look sets or fills stays in a copy; the world's own watchers are not asked.
  const live = vtdOf(more.asNow === true ? { machine: snapshot(world.machine) } : world, d.bdf);
  if (live === null) return null;
  const base = {
    device,
    ref: `dev:${device}`,
    iova,
    write,
    title: `${device} 0x${iova.toString(16)} ${write ? "W" : "R"}${pasid === undefined ? "" : ` PASID ${pasid}`}`,
    ...(pasid === undefined ? {} : { pasid }),
    ...(more.asNow === true ? { asNow: true } : {}),
  };
  if (pasid === undefined && world.machine.takesMessages(Number(iova >> 32n), Number(iova & 0xffff_ffffn)))
    return { ...base, ...asMessage(world, live, sid, iova, write) };
  const cached = cacheText(live, txn());
  const { reads, out } = ask(live, txn(), more.asNow !== true);
  const rows = rowsOf(reads, out.ok, isScalable(live), device, sid, pasid ?? 0);
  const end = out.ok ? `PA ${hex(out.pa)}` : faultText(out);
  const failing = out.ok ? -1 : rows.findLastIndex((r) => r.entry !== null || r.s2.length > 0);
  const last = reads.at(-1);
  const why =
    last === undefined
      ? end
      : `${last.what} at ${hex(last.pa)} is ${hex64(last.words[0] ?? 0, last.words[1] ?? 0)}: ${end}`;
  rows.push({
    title: "output",
    sub: out.ok ? end : "not reached",
    s2: [],
    entry: null,
    reached: out.ok,
    ...(out.ok && reads.length === 0 ? { cached: { text: cached.text, bad: cached.stale !== "" } } : {}),
  });
  return {
    ...base,
    rows,
    levels: levelsOf(reads).map((l) => `SS L${l}`),
    reads: reads.length,
    ok: out.ok,
    end,
    tlb: cached.text,
    ...(failing < 0 ? {} : { failing: { row: failing, why } }),
    stale: cached.stale,
  };
}

function faultText(out: TxnResult): string {
  if (out.event === 0) return "ended without a record";
  return `${reasonText(out.event)}${out.stage === 0 ? "" : ` ${out.stage === 1 ? "first" : "second"} stage`}`;
}

/** An address in the interrupt range: no table is read, the remapping table for a message. */
function asMessage(
  world: World,
  unit: VtdUnit,
  sid: number,
  iova: bigint,
  write: boolean,
): Pick<WalkView, "rows" | "levels" | "reads" | "ok" | "end" | "tlb" | "stale" | "failing"> {
  const lo = Number(iova & 0xffff_ffffn);
  const out = { delivered: false, reason: 0, index: -1, vector: 0, destination: 0 };
  const reads: RawRead[] = [];
  const copy = snapshot(unit);
  copy.probe = collector(reads);
  copy.remapper.cache.clear();
  if (write) copy.interrupt(sid, lo, messageData(world, sid, lo), out);
  const end = !write
    ? "nothing can be read in the interrupt range"
    : out.delivered
      ? `vector ${out.vector} for APIC ${out.destination}`
      : reasonText(out.reason);
  const format = (lo & 0x10) === 0 ? "compatibility format: the vector is in the data" : "remappable format";
  const rows: WalkRow[] = [
    { title: "request", sub: write ? format : "a read", s2: [], entry: null, reached: true },
    ...reads.map((raw, i): WalkRow => {
      const what = ((raw.words[0] ?? 0) & 1) === 0 ? "not present" : "present";
      return {
        title: raw.what,
        sub: `PA ${hex(raw.pa)}`,
        s2: [],
        entry: readOf(raw, i + 1, what, out.delivered),
        reached: true,
      };
    }),
    { title: "processor", sub: out.delivered ? end : "not reached", s2: [], entry: null, reached: out.delivered },
  ];
  const tlb = "an interrupt request: no table translates it";
  const failing = out.delivered ? {} : { failing: { row: rows.length - 2, why: end } };
  return { rows, levels: [], reads: reads.length, ok: out.delivered, end, tlb, stale: "", ...failing };
}

/** Data of the message that the function would send to this address, 0 for another. */
function messageData(world: World, sid: number, lo: number): number {
  for (const f of world.machine.pci.functions) {
    if (world.machine.pci.requesterId(f) !== sid) continue;
    const message = f.message(0);
    if (typeof message !== "string" && message.lo >>> 0 === lo >>> 0) return message.data;
  }
  return 0;
}

function readOf(raw: RawRead, n: number, decoded: string, ok: boolean): WalkRead {
  return { n, pa: raw.pa, lo: raw.words[0] ?? 0, hi: raw.words[1] ?? 0, what: raw.what, decoded, ok };
}

/** Second-stage levels, highest first, that a first-stage walk needs. */
function levelsOf(reads: readonly RawRead[]): number[] {
  if (!reads.some((r) => r.what.startsWith("FS "))) return [];
  const seen = reads.flatMap((r) => (r.what.startsWith("SS ") ? [levelOf(r.what)] : []));
  return seen.length === 0 ? [] : Array.from({ length: Math.max(...seen) }, (_, i) => Math.max(...seen) - i);
}

function levelOf(what: string): number {
  return Number(/ L(\d)\[/.exec(what)?.[1] ?? 0);
}

function rowsOf(
  reads: readonly RawRead[],
  arrived: boolean,
  scalable: boolean,
  device: string,
  sid: number,
  pasid: number,
): WalkRow[] {
  const levels = levelsOf(reads);
  const path: number[] = [];
  const rows: WalkRow[] = [];
  let waiting: WalkRead[] = [];
  reads.forEach((raw, i) => {
    const ok = arrived || i < reads.length - 1;
    const second = raw.what.startsWith("SS ");
    const nested = second && levels.length > 0;
    const index = Number(/\[(0x[0-9a-f]+)\]/.exec(raw.what)?.[1] ?? 0);
    if (!nested)
      path.push(
        raw.what.startsWith("PASID[") ? index & 63 : raw.what.startsWith("context") && scalable ? sid & 127 : index,
      );
    const place: TablePlace = { root: `dev:${device}`, path: [...path] };
    const ref = refOf(raw);
    const read: WalkRead = {
      ...readOf(raw, i + 1, decodedText(raw, scalable), ok),
      ...(nested ? {} : { place }),
      ref: ref ?? `slot:dev:${device}@${path.join(".")}`,
    };
    if (nested) {
      waiting.push(read);
      return;
    }
    const s2 = levels.length > 0 ? levels.map((l) => waiting.find((r) => r.what.startsWith(`SS L${l}[`)) ?? null) : [];
    rows.push({
      title: titleOf(raw, sid, pasid),
      sub: `PA ${hex(raw.pa)}`,
      s2: waiting.length > 0 ? s2 : [],
      entry: read,
      reached: true,
    });
    waiting = [];
  });
  if (waiting.length > 0) {
    const s2 = levels.map((l) => waiting.find((r) => r.what.startsWith(`SS L${l}[`)) ?? null);
    rows.push({ title: "through SS", sub: "", s2, entry: null, reached: true });
  }
  return rows;
}

function refOf(raw: RawRead): string | null {
  const m = /^(SS|FS) L(\d)\[/.exec(raw.what);
  return m === null ? null : `desc:${hex(raw.pa)}:${m[1]}:${m[2]}`;
}

function titleOf(raw: RawRead, sid: number, pasid: number): string {
  if (raw.what.startsWith("root")) return `root, bus ${hex(sid >>> 8)}`;
  if (raw.what.startsWith("context")) return `context ${hex(sid & 255)}`;
  if (raw.what.startsWith("PASID[")) return `PASID ${pasid}`;
  return raw.what.replace("[0x", " [");
}

const TABLES: readonly (readonly [string, BitTable, BitTable])[] = [
  ["root", SM_ROOT, ROOT],
  ["context", SM_CONTEXT, CONTEXT],
  ["PASID directory", PASID_DIR, PASID_DIR],
  ["PASID[", PASID_ENTRY, PASID_ENTRY],
];

function decodedText(raw: RawRead, scalable: boolean): string {
  const { what, words } = raw;
  const found = TABLES.find(([name]) => what.startsWith(name));
  if (found !== undefined) {
    if (found[0] === "PASID[") return pasidText(words);
    if (found[0] === "context" && !scalable) return contextText(words);
    const upper = found[1] === SM_ROOT && scalable && (words[0] ?? 0) === 0 && ((words[2] ?? 0) & 1) !== 0;
    return ((words[0] ?? 0) & 1) !== 0 || upper ? "present" : "not present";
  }
  const [lo = 0] = words;
  const level = levelOf(what);
  if ((lo & (what.startsWith("SS") ? 3 : 1)) === 0) return "not present";
  const leaf = level === 1 || (level <= 3 && (lo & 0x80) !== 0);
  const rights = what.startsWith("SS")
    ? ["", "R", "W", "RW"][lo & 3]
    : get({ name: "", word: 0, hi: 1, lo: 1, mask: 1 }, words) === 1
      ? "RW"
      : "R";
  if (!leaf) return "table";
  return `${level === 1 ? "page" : `page ${sizeText(1n << BigInt(12 + 9 * (level - 1)))}`} ${rights}`;
}

/** What the unit's caches hold for a request, and whether memory says the same. Nothing is changed by looking. */
function cacheText(unit: VtdUnit, txn: Txn): { text: string; stale: string } {
  const { translator } = unit;
  if (!unit.translating) return { text: `${unit.name} does not translate`, stale: "" };
  const known = translator.contexts.get(txn.sid * 2 ** 21 + txn.ssid + 1);
  if (known === undefined) return { text: "nothing cached for this function: its entries would be read", stale: "" };
  const { context } = known;
  const tag = context.type === 2 ? -1 : context.pasid;
  const slot = translator.tlb.find(tag, context.did, txn.hi | 0, txn.lo | 0, 12, 1);
  if (slot < 0) return { text: `IOTLB miss, domain ${context.did}: the tables would be read`, stale: "" };
  const pa = translator.tlb.output(slot, txn.hi | 0, txn.lo | 0);
  const now = new TxnResult();
  unit.explain(txn, now);
  const stale =
    now.ok && now.pa === pa
      ? ""
      : `the IOTLB is stale: it says PA ${hex(pa)}, the tables ${now.ok ? `PA ${hex(now.pa)}` : faultText(now)}`;
  return { text: `IOTLB hit, domain ${context.did}: ${hex64(txn.lo, txn.hi)} -> ${hex(pa)}, no read`, stale };
}
