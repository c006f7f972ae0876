/**
 * The address space of a frame as rows: the tracks of the atlas in their fixed places, what stands in them now, what the
 * step changed, and what the compared kernel would have there instead. No pixels yet.
 */
import type {
  Access,
  AddressSpaceView,
  Band,
  DenseTrack,
  Frame,
  Ref,
  Ribbon,
  TrackInterval,
} from "../../../engine/views/types.ts";
import { apiOf, type Atlas, hasApi } from "../../app/atlas.ts";
import { size } from "../../draw/format.ts";
import type { Token } from "../../draw/marks.ts";
import { KINDS } from "./kinds.ts";

/** One interval of one track; finer than a ref, which may name a whole table. Both ends inclusive. */
export interface Picked {
  track: string;
  start: bigint;
  last: bigint;
}

export interface GhostInterval {
  start: bigint;
  last: bigint;
  label: string;
}

export interface Row {
  id: string;
  label: string;
  sub: string;
  ref: Ref;
  /** What is hidden or pinned together. */
  group: string;
  /** False: it will come in a later step or on another kernel; its place is kept. */
  present: boolean;
  intervals: TrackInterval[];
  ghosts: GhostInterval[];
  /** There are too many intervals for a list; they come by windows. */
  dense: DenseTrack | null;
  /** Stretches of a dense row that are seen from afar, to be named. */
  clusters: DenseTrack["clusters"];
  delta: string;
  deltaTone: Token;
  asked: AddressSpaceView["asked"];
  /** The row that this one shows nearer: all but the intervals is the same. */
  base?: Row;
}

export interface RowBand {
  id: Band["id"];
  title: string;
  rows: Row[];
}

export interface SpaceModel {
  bands: RowBand[];
  ribbons: Ribbon[];
  /** Translations that only the compared kernel has. */
  ghostRibbons: Ribbon[];
  accesses: Access[];
  ghostAccesses: Access[];
  /** Short name of the compared kernel. */
  ghostName: string;
  /** The selected interval followed through the tables, one list a band. */
  followed: { band: Band["id"]; start: bigint; last: bigint }[];
  followedRibbons: Ribbon[];
  /** The model that this one shows nearer. */
  base?: SpaceModel;
}

export function spaceModel(
  frame: Frame,
  ghost: Frame | null,
  ghostName: string,
  atlas: Atlas,
  picked: Picked | null,
): SpaceModel {
  const here = frame.addressSpace;
  const there = ghost?.addressSpace ?? null;
  const tracks = new Map(here.bands.flatMap((b) => b.tracks).map((t) => [t.id, t]));
  const ghostTracks = new Map((there?.bands ?? []).flatMap((b) => b.tracks).map((t) => [t.id, t]));
  const kernels = [frame.kernel, ...(ghost === null ? [] : [ghost.kernel])];
  const bands = atlas.bands.map((band) => ({
    id: band.id,
    title: band.title,
    rows: band.tracks
      .filter((kept) => hasApi(atlas, apiOf(kept.id), kernels))
      .map((kept): Row => {
        const track = tracks.get(kept.id);
        const other = ghostTracks.get(kept.id)?.intervals ?? [];
        const delta = track?.delta ?? "";
        return {
          id: kept.id,
          label: track?.label ?? kept.label,
          sub: track?.sub ?? "",
          ref: track?.ref ?? kept.group,
          group: kept.group,
          present: track !== undefined,
          intervals: fold(track?.intervals ?? []),
          dense: track?.dense ?? null,
          clusters: [],
          ghosts:
            there === null || track?.dense !== undefined ? [] : ghostsOf(track?.intervals ?? [], other, ghostName),
          delta,
          deltaTone: toneOf(delta),
          asked: here.asked.filter((a) => a.track === kept.id),
        };
      }),
  }));
  const ribbonKeys = new Set(here.ribbons.map(ribbonKey));
  const accessKeys = new Set(here.accesses.map(accessKey));
  return {
    bands,
    ribbons: here.ribbons,
    ghostRibbons: (there?.ribbons ?? []).filter((r) => !ribbonKeys.has(ribbonKey(r))),
    accesses: here.accesses,
    ghostAccesses: (there?.accesses ?? []).filter((a) => !accessKeys.has(accessKey(a))),
    ghostName,
    ...follow(here, picked),
  };
}

/** In the order of addresses; the same stretch for two reasons (a window that two devices reserve) is one mark. */
function fold(intervals: readonly TrackInterval[]): TrackInterval[] {
  const out: TrackInterval[] = [];
  const counts: number[] = [];
  for (const i of intervals.toSorted((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0))) {
    // Sorted by start: an equal one can only be among the last.
    let at = out.length - 1;
    while (out[at]?.start === i.start && !(out[at]?.last === i.last && out[at]?.kind === i.kind)) at--;
    const same = out[at]?.start === i.start ? out[at] : undefined;
    if (same === undefined) {
      out.push(i);
      counts.push(1);
      continue;
    }
    const count = (counts[at] ?? 1) + 1;
    counts[at] = count;
    const change = same.change ?? i.change;
    out[at] = {
      ...same,
      label: `${i.label} ×${count}`,
      detail: `${same.detail}; ${i.detail}`,
      ...(change === undefined ? {} : { change }),
    };
  }
  return out;
}

function toneOf(delta: string): Token {
  if (delta === "" || delta === "=") return "ink3";
  return /miss|lost|fault|refus|^[-−].*irq/.test(delta) ? "fault" : "accent";
}

/** What the other kernel has and this one has not; for measured ranges the stretches in which the answers differ. */
function ghostsOf(here: readonly TrackInterval[], there: readonly TrackInterval[], name: string): GhostInterval[] {
  const out: GhostInterval[] = [];
  const present = here.filter((i) => i.change !== "removed");
  const line = (i: TrackInterval): boolean => KINDS[i.kind].line;
  const keys = new Set(present.map((i) => `${i.kind} ${i.start} ${i.last}`));
  for (const i of there)
    if (!line(i) && i.change !== "removed" && !keys.has(`${i.kind} ${i.start} ${i.last}`))
      out.push({
        start: i.start,
        last: i.last,
        label: [`${name}:`, KINDS[i.kind].letter, i.label].filter((s) => s !== "").join(" "),
      });
  const mine = present.filter(line);
  const theirs = there.filter((i) => line(i) && i.change !== "removed");
  if (theirs.length > 0) for (const cut of subtract(mine, theirs)) out.push({ ...cut, label: `${name}: hole` });
  if (mine.length > 0) for (const more of subtract(theirs, mine)) out.push({ ...more, label: `${name}: usable` });
  return out;
}

interface Span {
  start: bigint;
  last: bigint;
}

/** The parts of `from` that no range of `cut` covers. */
export function subtract(from: readonly Span[], cut: readonly Span[]): Span[] {
  let left: Span[] = from.map(({ start, last }) => ({ start, last }));
  for (const c of cut) {
    const next: Span[] = [];
    for (const s of left) {
      if (c.last < s.start || c.start > s.last) {
        next.push(s);
        continue;
      }
      if (s.start < c.start) next.push({ start: s.start, last: c.start - 1n });
      if (s.last > c.last) next.push({ start: c.last + 1n, last: s.last });
    }
    left = next;
  }
  return left;
}

function ribbonKey(r: Ribbon): string {
  return `${r.from.track} ${r.from.start} ${r.from.last} ${r.to.start} ${r.kind}`;
}

function accessKey(a: Access): string {
  return `${a.iova} ${a.write} ${a.path.map((p) => `${p.band}${p.address}`).join(" ")} ${a.ok}`;
}

/** Names one interval among the marks; comes before its ref, which may name a whole table. */
export function intervalRef(track: string, start: bigint): Ref {
  return `iv:${track}:${start.toString(16)}`;
}

/** Follows the selected interval down through the ribbons. */
function follow(space: AddressSpaceView, picked: Picked | null): Pick<SpaceModel, "followed" | "followedRibbons"> {
  const followed: SpaceModel["followed"] = [];
  const followedRibbons: Ribbon[] = [];
  if (picked === null) return { followed, followedRibbons };
  const bandOf = new Map(space.bands.flatMap((b) => b.tracks.map((t) => [t.id, b.id] as const)));
  const band = bandOf.get(picked.track);
  if (band === undefined) return { followed, followedRibbons };
  followed.push({ band, start: picked.start, last: picked.last });
  let level: { band: Band["id"]; start: bigint; last: bigint }[] = [{ band, start: picked.start, last: picked.last }];
  for (let depth = 0; depth < 2; depth++) {
    const next: typeof level = [];
    for (const r of space.ribbons) {
      const band = bandOf.get(r.from.track);
      for (const l of level) {
        if (band !== l.band || r.from.last < l.start || r.from.start > l.last) continue;
        const from = r.from.start > l.start ? r.from.start : l.start;
        const to = r.from.last < l.last ? r.from.last : l.last;
        const target = { start: r.to.start + (from - r.from.start), last: r.to.start + (to - r.from.start) };
        followedRibbons.push({ ...r, from: { ...r.from, start: from, last: to }, to: { ...r.to, ...target } });
        const into = bandOf.get(r.to.track);
        if (into !== undefined) next.push({ band: into, ...target });
      }
    }
    followed.push(...next);
    level = next;
  }
  return { followed, followedRibbons };
}

/** Lines of an interval's tooltip. */
export function tipOf(i: TrackInterval): string[] {
  const bytes = i.last - i.start + 1n;
  const lines = [
    [KINDS[i.kind].name, i.label].filter((s) => s !== "").join("  "),
    `0x${i.start.toString(16)} - 0x${i.last.toString(16)}  ${size(bytes)}`,
  ];
  if (i.detail !== "" && i.detail !== i.label) lines.push(i.detail);
  if (i.leaf !== undefined) lines.push(`leaves of ${size(BigInt(i.leaf))}`);
  if (i.change !== undefined) lines.push(i.change === "added" ? "added by this step" : "removed by this step");
  return lines;
}
