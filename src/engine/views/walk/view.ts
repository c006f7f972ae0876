/** The walk of one address as a grid: a row for each stage-1 step, in it the stage-2 reads that found its entry. */
import { hex, hex64 } from "../../../hw/base/bits.ts";
import { get } from "../../../hw/base/fields.ts";
import { levelShift } from "../../../hw/pgtable/vmsav8.ts";
import { CD } from "../../../hw/smmuv3/cd.ts";
import type { StreamConfig } from "../../../hw/smmuv3/config.ts";
import { L1STD, STE } from "../../../hw/smmuv3/ste.ts";
import type { World } from "../../sim/world.ts";
import { sizeText } from "../../sim/scenario/values.ts";
import { addressOf } from "../grid.ts";
import type { WalkMore, WalkRead, WalkRow, WalkView } from "../types.ts";
import { cachedFor, staleText } from "./caches.ts";
import { vtdWalk } from "./vtd.ts";
import { type Places, placesOf } from "./places.ts";
import { type RawRead, type Recorded, recordWalk, tlbText, txnOf } from "./record.ts";

const LAST_LEVEL = 3;

/** Null for a device that the world does not have, or that no IOMMU serves. */
export function walkView(
  world: World,
  device: string,
  iova: bigint,
  write: boolean,
  more: WalkMore = {},
): WalkView | null {
  const d = world.devices.get(device);
  if (d !== undefined && world.machine.unitOf(d.bdf) !== null) return vtdWalk(world, device, d, iova, write, more);
  const smmu = d === undefined ? null : world.machine.smmuOf(d.bdf);
  const sid = d === undefined ? 0 : (world.machine.pci.byBdf.get(d.bdf)?.desc.streamId ?? 0);
  const walk = d === undefined ? null : recordWalk(world, d.bdf, iova, write, more);
  if (d === undefined || walk === null || smmu === null) return null;
  const { pasid } = more;
  const ssid = pasid ?? -1;
  const stale = staleText(smmu, txnOf(sid, iova, write, more), cachedFor(smmu, sid, ssid, iova));
  const grid = new Grid(walk, sid, iova, placesOf(world, d, smmu, sid, pasid ?? 0), stale);
  const failing = walk.ok ? -1 : grid.rows.findLastIndex((r) => r.reached);
  const end = walk.ok ? `PA ${hex(walk.pa)}${placeText(world, walk.pa)}` : endText(walk);
  return {
    device,
    ref: `dev:${device}`,
    iova,
    write,
    title: `${device} 0x${iova.toString(16)} ${write ? "W" : "R"}${pasid === undefined ? "" : ` PASID ${pasid}`}`,
    rows: grid.rows,
    levels: grid.levels.map((l) => `S2 L${l}`),
    reads: walk.reads.length,
    ok: walk.ok,
    end,
    tlb: tlbText(smmu, sid, iova, ssid),
    ...(failing < 0 ? {} : { failing: { row: failing, why: grid.why } }),
    ...(pasid === undefined ? {} : { pasid }),
    ...(more.asNow === true ? { asNow: true } : {}),
    stale,
  };
}

export function endText(walk: Recorded): string {
  const stage = walk.stage === 0 ? "" : ` stage ${walk.stage}`;
  return `${walk.event}${stage}${walk.level < 0 ? "" : ` level ${walk.level}`}`;
}

/** What stands at a physical address, where it has a name. */
export function placeText(world: World, pa: number): string {
  const { its, v2m, desc } = world.machine;
  if (its?.covers(pa) === true) return " ITS translater";
  if (v2m?.covers(pa) === true) return " GICv2m doorbell";
  const block = desc.mmio.find((r) => pa >= r.start && pa <= r.last);
  return block === undefined ? "" : ` ${block.name}`;
}

/** Builds the rows from the reads in the order in which they were made. */
class Grid {
  readonly rows: WalkRow[] = [];
  /** Stage-2 levels that appear, ascending. */
  readonly levels: number[];
  why = "";
  private waiting: WalkRead[] = [];
  private readonly walk: Recorded;
  private readonly iova: bigint;
  /** Address that comes next, a table's or the output of stage 1, and whether it goes through stage 2. */
  private table = 0;
  private nested = false;
  private readonly places: Places;

  constructor(walk: Recorded, sid: number, iova: bigint, places: Places, stale: string) {
    this.walk = walk;
    this.iova = iova;
    this.places = places;
    const seen = walk.reads.flatMap((r) => (r.what.startsWith("S2 ") ? [levelOf(r)] : []));
    const first = Math.min(...seen);
    this.levels = seen.length === 0 ? [] : Array.from({ length: LAST_LEVEL + 1 - first }, (_, i) => first + i);
    this.nested = seen.length > 0 || walk.config?.s2 === true;
    this.remembered(sid, stale);
    walk.reads.forEach((raw, i) => this.take(raw, i + 1, sid));
    this.finish();
  }

  /** What the caches answered before the first read. */
  private remembered(sid: number, stale: string): void {
    const { config, hit } = this.walk;
    if (config === null) return;
    this.table = config.s1 ? config.tt0.ttb : Number(BigInt.asUintN(53, this.iova));
    const cached = {
      text: `STE${config.s1 ? " and CD" : ""} cached: ${stagesOf(config)}`,
      bad: config.kind === "abort",
    };
    this.rows.push({ title: "Stream", sub: `SID ${hex(sid)}`, s2: [], entry: null, reached: true, cached });
    if (hit === null) return;
    const size = sizeText(1n << BigInt(hit.shift));
    const tags = `${hit.asid < 0 ? "" : ` ASID ${hit.asid & 0xffff}`} VMID ${hit.vmid}`;
    const text = `hit: ${hex64(hit.lo, hit.hi)} -> ${hex(hit.pa)}, ${size},${tags}`;
    this.rows.push({ title: "TLB", sub: "", s2: [], entry: null, reached: true, cached: { text, bad: stale !== "" } });
  }

  private take(raw: RawRead, n: number, sid: number): void {
    const lastRead = n === this.walk.reads.length;
    const failed = lastRead && !this.walk.ok;
    if (raw.what.startsWith("L1STD")) {
      this.waiting.push(
        this.read(
          raw,
          n,
          get(L1STD.f.Span, raw.words) === 0 ? "invalid" : `span ${get(L1STD.f.Span, raw.words)}`,
          !failed,
        ),
      );
      return;
    }
    if (raw.what.startsWith("STE")) {
      const config = get(STE.f.Config, raw.words);
      const text = `V=${get(STE.f.V, raw.words)} Config=${config}${STE.f.Config.values?.[config] === undefined ? "" : ` ${STE.f.Config.values[config]}`}`;
      this.table = addressOf(STE, raw.words, "S1ContextPtr");
      this.push("Stream", `SID ${hex(sid)}`, this.read(raw, n, text, !failed));
      return;
    }
    if (raw.what.startsWith("S2 ")) {
      this.waiting.push(this.read(raw, n, descriptorText(raw, levelOf(raw)), !failed));
      return;
    }
    if (raw.what.startsWith("CD")) {
      const sub = this.sub(this.table);
      this.table = addressOf(CD, raw.words, "TTB0");
      this.push(raw.what, sub, this.read(raw, n, `V=${get(CD.f.V, raw.words)}`, !failed));
      return;
    }
    const level = levelOf(raw);
    const index = Number.parseInt(/\[0x([0-9a-f]+)\]/.exec(raw.what)?.[1] ?? "0", 16);
    const sub = this.sub(this.table + index * 8);
    this.push(
      `L${level} [${index.toString(16).padStart(3, "0")}]`,
      sub,
      this.read(raw, n, descriptorText(raw, level), !failed),
    );
    const next = (((raw.words[1] ?? 0) & 0xffff) >>> 0) * 2 ** 32 + (((raw.words[0] ?? 0) & 0xfffff000) >>> 0);
    const size = 2 ** levelShift(level, 12);
    this.table = isLeaf(raw, level) ? next - (next % size) + Number(this.iova % BigInt(size)) : next;
  }

  private sub(address: number): string {
    return `${this.nested ? "IPA" : "PA"} ${hex(address)}`;
  }

  private read(raw: RawRead, n: number, decoded: string, ok: boolean): WalkRead {
    const at = this.places.of(raw);
    return { n, pa: raw.pa, lo: raw.words[0] ?? 0, hi: raw.words[1] ?? 0, what: raw.what, decoded, ok, ...at };
  }

  private push(title: string, sub: string, entry: WalkRead | null, reached = true): void {
    const stream = title === "Stream";
    const s2 = stream
      ? this.waiting
      : this.levels.map((l) => this.waiting.find((r) => r.what.startsWith(`S2 L${l}[`)) ?? null);
    const kept = reached && this.walk.config?.s2 === true && !stream && entry !== null && s2.every((r) => r === null);
    const cached = kept ? { cached: { text: "stage 2 from the TLB", bad: false } } : {};
    this.rows.push({ title, sub, s2, entry, reached, ...cached });
    this.waiting = [];
  }

  private finish(): void {
    const { walk } = this;
    const last = walk.reads.at(-1);
    if (walk.ok) {
      this.push("output", `PA ${hex(walk.pa)}`, null);
      return;
    }
    const inStage2 = this.waiting.length > 0;
    this.why =
      last === undefined
        ? walk.event
        : `${last.what} at ${hex(last.pa)} is ${hex64(last.words[0] ?? 0, last.words[1] ?? 0)}: ${endText(walk)}`;
    if (inStage2) this.push(this.stage1Left() ? "next" : "output", this.sub(this.table), null);
    const inStage1 = !inStage2 && last !== undefined && last.what.startsWith("S1");
    const level = inStage1 ? levelOf(last) : LAST_LEVEL;
    for (let l = level + 1; l <= LAST_LEVEL; l++) this.push(this.indexed(l), "not reached", null, false);
    if (!inStage2 || this.stage1Left()) this.push("output", "not reached", null, false);
  }

  /** `L3 [090]`: the index that the address has at a level (4K granule). */
  private indexed(level: number): string {
    const index = (this.iova >> BigInt(levelShift(level, 12))) & 0x1ffn;
    return `L${level} [${index.toString(16).padStart(3, "0")}]`;
  }

  /** Whether stage 1 still had something to read when the walk ended in stage 2. */
  private stage1Left(): boolean {
    const lastEntry = this.walk.reads.findLast((r) => r.what.startsWith("S1"));
    return lastEntry === undefined
      ? this.walk.reads.some((r) => r.what.startsWith("CD"))
      : !isLeaf(lastEntry, levelOf(lastEntry));
  }
}

function stagesOf(c: StreamConfig): string {
  if (c.kind !== "translate") return c.kind;
  return c.s1 && c.s2 ? "nested" : c.s1 ? "S1" : "S2";
}

function levelOf(raw: RawRead): number {
  return Number(/ L(\d)\[/.exec(raw.what)?.[1] ?? 0);
}

function isLeaf(raw: RawRead, level: number): boolean {
  const type = (raw.words[0] ?? 0) & 3;
  return level === LAST_LEVEL ? type === 3 : type === 1;
}

/** `table`, `block 1G`, `page`, `invalid`. 4K granule. */
function descriptorText(raw: RawRead, level: number): string {
  const type = (raw.words[0] ?? 0) & 3;
  if ((type & 1) === 0) return "invalid";
  if (level === LAST_LEVEL) return type === 3 ? "page" : "reserved";
  return type === 3 ? "table" : `block ${sizeText(1n << BigInt(levelShift(level, 12)))}`;
}
