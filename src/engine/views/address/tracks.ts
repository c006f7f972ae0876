/** The tracks of one world: what is reserved, allowed, mapped, and what the tables hold. No word about changes here. */
import type { IoptArea } from "../../kernel/iommufd/iopt.ts";
import type { IommufdHwptPaging, IommufdIoas } from "../../kernel/iommufd/objects.ts";
import { area_place, packed_area_place } from "../../kernel/iommufd/area_packing.ts";
import { iopt_holes } from "../../kernel/iommufd/reserved.ts";
import { IOMMU_READ, IOMMU_WRITE, type ResvType } from "../../kernel/iommu/types.ts";
import { deviceNames, refOf } from "../../sim/refs.ts";
import { sizeText } from "../../sim/scenario/values.ts";
import type { World } from "../../sim/world.ts";
import { deviceOf, memoryName, objectsOf, shortBdf, tableText } from "../context.ts";
import type { IntervalKind, Track, TrackInterval } from "../types.ts";
import type { LeafRun } from "../leaves.ts";
import { addresses, DENSE, numbers, Spans } from "./spans.ts";
import type { TableView } from "./tables.ts";

const RESV: Readonly<Record<ResvType, { kind: IntervalKind; label: string }>> = Object.freeze({
  direct: { kind: "direct", label: "direct" },
  "direct-relaxable": { kind: "direct-relaxable", label: "direct, relaxable" },
  cautious: { kind: "reserved", label: "host window, hidden" },
  "pci-window": { kind: "reserved", label: "host window, no limit" },
  reserved: { kind: "reserved", label: "reserved" },
  msi: { kind: "hw_msi", label: "MSI" },
  "sw-msi": { kind: "sw_msi", label: "SW_MSI" },
});

const hex = (v: bigint): string => `0x${v.toString(16)}`;
const length = (start: bigint, last: bigint): bigint => last - start + 1n;

/** A track while it is made: what is too much for a list stands in columns. */
export interface RawTrack extends Track {
  spans?: Spans;
}

export function track(id: string, label: string, sub: string, ref: string, intervals: TrackInterval[]): Track {
  return { id, label, sub, intervals, delta: "=", ref, group: ref };
}

/** One for each device of the scenario: what its driver and firmware say must not be used. */
export function deviceTracks(world: World): Track[] {
  const tracks: Track[] = [];
  for (const d of world.devices.values()) {
    const dev = deviceOf(world, d.bdf);
    const regions = dev === null ? [] : world.kernel.ops.iommu_get_resv_regions(world.kernel, dev);
    const ref = `dev:${d.name}`;
    const intervals = regions.map((r): TrackInterval => {
      const { kind, label } = RESV[r.type];
      const last = r.start + r.length - 1n;
      const size = sizeText(r.length);
      return {
        start: r.start,
        last,
        kind,
        label: `${label} ${size}`,
        detail: `${label} region of ${d.name}, ${size}`,
        ref,
      };
    });
    tracks.push(track(`${ref}:reserved`, `${d.name} reserved`, shortBdf(d.bdf), ref, intervals));
  }
  return tracks;
}

/** A guest's stage 1, read from its bits. */
export function guestTracks(world: World, tables: readonly TableView[]): RawTrack[] {
  return tables
    .filter((t) => t.kind === "guest")
    .map((view) => tableTrack(world, view, `Guest ${view.title}`, `CD ${hex(view.address)}`));
}

/** For each IOAS: reserved with owner, allowed, mapped, IOVA_RANGES; then its page tables. */
export function ioasTracks(world: World, tables: readonly TableView[]): RawTrack[] {
  return objectsOf(world, "IOAS").flatMap((ioas) => {
    const ref = refOf(world, ioas);
    const title = ref.replace(":", " ").replace("ioas", "IOAS");
    const reserved = reservedIntervals(world, ioas, ref);
    const ranges = iopt_holes(ioas.iopt).map((r): TrackInterval => rangeInterval(r, ref));
    const allowed = [...ioas.iopt.allowed].map((r): TrackInterval => allowedInterval(r, ref));
    const list: RawTrack[] = [
      track(`${ref}:reserved`, `${title} reserved`, "owner", ref, reserved),
      mappedTrack(world, ioas, `${title} mapped`, ref),
      track(`${ref}:ranges`, "IOVA_RANGES", count(ranges.length, "range"), ref, ranges),
    ];
    if (allowed.length > 0) list.splice(1, 0, track(`${ref}:allowed`, `${title} allowed`, "", ref, allowed));
    for (const hwpt of ioas.hwpt_list) list.push(...hwptTrack(world, hwpt, tables, ref));
    return list;
  });
}

function mappedTrack(world: World, ioas: IommufdIoas, label: string, ref: string): RawTrack {
  const { areas } = ioas.iopt;
  const sub = count(areas.size, "area");
  if (areas.size <= DENSE)
    return track(
      `${ref}:mapped`,
      label,
      sub,
      ref,
      [...areas].map((a) => areaInterval(world, a, ref)),
    );
  const { start, last } = areas.bounds();
  const spans = new Spans("map", start, last, areas.column(area_place, packed_area_place), (i) => {
    const area = areas.at(start[i] ?? 0n);
    if (area === undefined) throw new Error(`there is no area ${i}`);
    return areaInterval(world, area, ref);
  });
  return { ...track(`${ref}:mapped`, label, sub, ref, []), spans };
}

function at<T>(list: readonly T[], i: number): T {
  const one = list[i];
  if (one === undefined) throw new Error(`there is no interval ${i}`);
  return one;
}

function hwptTrack(world: World, hwpt: IommufdHwptPaging, tables: readonly TableView[], group: string): RawTrack[] {
  const ref = refOf(world, hwpt);
  const view = tables.find((t) => t.ref === ref);
  if (view === undefined) return [];
  return [{ ...tableTrack(world, view, `${ref.replace(":", " ")} table`, tableText(hwpt)), group }];
}

/** What a table holds; of very many runs the doorbells one by one and the others in columns. */
export function tableTrack(world: World, view: TableView, label: string, sub: string): RawTrack {
  const { columns } = view;
  if (columns.n <= DENSE) {
    const intervals = view.runs.map((run) => leafInterval(world, view, run));
    return track(view.track, label, sub, view.ref, intervals);
  }
  const plain: number[] = [];
  const doorbells: TrackInterval[] = [];
  for (let i = 0; i < columns.n; i++)
    if (view.kind === "hwpt" && isDoorbellAt(world, columns.partOut[columns.part[i] ?? 0] ?? 0))
      doorbells.push(leafInterval(world, view, columns.run(i)));
    else plain.push(i);
  const spans = new Spans(
    "map",
    addresses(plain.length, (k) => columns.start[plain[k] ?? 0] ?? 0),
    addresses(plain.length, (k) => (columns.end[plain[k] ?? 0] ?? 1) - 1),
    numbers(plain.length, (k) => {
      const i = plain[k] ?? 0;
      return (columns.partOut[columns.part[i] ?? 0] ?? 0) + (columns.code[i] ?? 0);
    }),
    (i) => leafInterval(world, view, columns.run(at(plain, i))),
  );
  return { ...track(view.track, label, sub, view.ref, doorbells), spans };
}

function leafInterval(world: World, view: TableView, run: LeafRun): TrackInterval {
  const size = sizeText(BigInt(run.size));
  const doorbell = view.kind === "hwpt" && run.parts.some((p) => isDoorbell(world, p.out));
  const label = run.count === 1 ? size : `${run.count} × ${size}`;
  const to = view.kind === "guest" ? "guest address" : "physical";
  const first = run.parts[0]?.out ?? 0n;
  const where =
    run.parts.length === 1 ? `${to} ${hex(first)}` : `${run.parts.length} stretches from ${to} ${hex(first)}`;
  return {
    start: run.start,
    last: run.last,
    kind: doorbell ? "doorbell" : "map",
    label: doorbell ? `doorbell ${size}` : label,
    detail: `${label}, ${run.access}${run.device ? ", device memory" : ""}, to ${where}`,
    leaf: run.size,
    ref: view.ref,
  };
}

/** Whether a physical address lies in the page of an interrupt controller's doorbell. */
export function isDoorbell(world: World, pa: bigint): boolean {
  return isDoorbellAt(world, Number(pa));
}

export function isDoorbellAt(world: World, pa: number): boolean {
  const { its, v2m } = world.machine;
  return its?.covers(pa) === true || v2m?.covers(pa) === true;
}

const RESERVED: Readonly<Record<string, { kind: IntervalKind; label: string }>> = Object.freeze({
  "sw-msi": RESV["sw-msi"],
  msi: RESV.msi,
  direct: RESV.direct,
  "direct-relaxable": RESV["direct-relaxable"],
  aperture: { kind: "aperture", label: "outside aperture" },
});

function reservedIntervals(world: World, ioas: IommufdIoas, ref: string): TrackInterval[] {
  return ioas.iopt.reserved.map((r): TrackInterval => {
    const { kind, label } = RESERVED[r.kind] ?? { kind: "reserved", label: "reserved" };
    return { start: r.start, last: r.last, kind, label, detail: deviceNames(world, r.label), ref };
  });
}

function areaInterval(world: World, area: IoptArea, ref: string): TrackInterval {
  const access = (area.iommu_prot & IOMMU_READ ? "R" : "") + (area.iommu_prot & IOMMU_WRITE ? "W" : "");
  const source = area.pages?.source;
  const backing =
    source === undefined
      ? "being changed"
      : source.kind === "user"
        ? memoryName(world, source.uptr + area.start_byte)
        : `${source.kind} ${source.file.path}`;
  const size = sizeText(length(area.start, area.last));
  return {
    start: area.start,
    last: area.last,
    kind: "map",
    label: size,
    detail: `${size} of ${backing}, ${access}`,
    ref: `area:${ref.slice("ioas:".length)}:${hex(area.start)}`,
  };
}

function rangeInterval(r: { start: bigint; last: bigint }, ref: string): TrackInterval {
  const whole = r.start === 0n && r.last === 2n ** 64n - 1n;
  const label = whole ? "everything" : `${hex(r.start)} - ${hex(r.last)}`;
  return { start: r.start, last: r.last, kind: "range", label, detail: "offered by IOMMU_IOAS_IOVA_RANGES", ref };
}

function allowedInterval(r: { start: bigint; last: bigint }, ref: string): TrackInterval {
  return {
    start: r.start,
    last: r.last,
    kind: "allowed",
    label: "allowed",
    detail: "promised by IOMMU_IOAS_ALLOW_IOVAS",
    ref,
  };
}

export function count(n: number, word: string): string {
  return `${n} ${word}${n === 1 ? "" : "s"}`;
}
