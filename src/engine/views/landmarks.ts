/**
 * What ever appears in a scenario: tracks, the intervals on them, nodes and links. Gathered while the scenario runs, so
 * that a layout can be made before any picture is drawn, and nothing jumps afterwards.
 */
import type { Witness } from "../sim/playable.ts";
import type { Scenario } from "../sim/scenario/types.ts";
import type { DenseState } from "./address/spans.ts";
import { addressSpace } from "./address/view.ts";
import { attachments } from "./attachments/view.ts";
import type {
  Access,
  AttachEdge,
  AttachNode,
  Band,
  DenseTrack,
  Landmarks,
  Ribbon,
  Track,
  TrackInterval,
} from "./types.ts";

/** Of longer scenarios only every n-th world is looked at, and all that is asked for or accessed. */
const LOOKS = 256;
/** A look at a world with more intervals in dense tracks stands for as many times the steps. */
const FULL = 2000;
/** Intervals of dense tracks that are looked at, over all steps; then steps that ask for something are no exception. */
const SPENT = 4_000_000;

interface Kept {
  track: Track;
  intervals: Map<string, TrackInterval>;
}

export class LandmarkBook {
  private readonly bands = new Map<Band["id"], { title: string; tracks: Kept[] }>();
  private readonly ribbons = new Map<string, Ribbon>();
  private readonly accesses = new Map<string, Access>();
  private readonly asked = new Map<string, Landmarks["addressSpace"]["asked"][number]>();
  private readonly nodes = new Map<string, AttachNode>();
  private readonly edges = new Map<string, AttachEdge>();
  /** What was seen after which step, in this order. */
  private readonly seen: { step: number; landmarks: Landmarks }[] = [];

  /** What `step` showed. */
  note(step: number, landmarks: Landmarks): void {
    const { attachments } = landmarks;
    const shared = { addressSpace: this.shared(landmarks.addressSpace), attachments };
    this.seen.push({ step, landmarks: shared });
    this.add(shared);
  }

  /** With the intervals and ribbons that were noted before, where they say the same: many steps show nearly the same. */
  private shared(space: Landmarks["addressSpace"]): Landmarks["addressSpace"] {
    const bands = space.bands.map((band) => {
      const known = this.bands.get(band.id)?.tracks;
      const tracks = band.tracks.map((track) => {
        const old = known?.find((k) => k.track.id === track.id)?.intervals;
        if (old === undefined) return track;
        return Object.assign({}, track, { intervals: track.intervals.map((i) => sameAs(old.get(keyOf(i)), i)) });
      });
      return { ...band, tracks };
    });
    const ribbons = space.ribbons.map((r) => sameRibbon(this.ribbons.get(ribbonKey(r)), r));
    return { ...space, bands, ribbons };
  }

  /** A book of its own with what was noted up to and with `step`. */
  upTo(step: number): LandmarkBook {
    const book = new LandmarkBook();
    for (const s of this.seen) if (s.step <= step) book.note(s.step, s.landmarks);
    return book;
  }

  add({ addressSpace: space, attachments: { nodes, edges } }: Landmarks): void {
    for (const band of space.bands) this.addBand(band);
    for (const r of space.ribbons) this.ribbons.set(ribbonKey(r), r);
    for (const a of space.accesses) this.accesses.set(a.path.map((p) => `${p.band}${p.address}`).join(" "), a);
    for (const a of space.asked) this.asked.set(`${a.track} ${span(a)}`, a);
    for (const n of nodes) this.addNode(n);
    for (const e of edges) this.edges.set(`${e.from} ${e.to} ${e.kind}`, e);
  }

  landmarks(): Landmarks {
    const bands = [...this.bands].map(([id, { title, tracks }]): Band => {
      const all = tracks.map(({ track, intervals }) =>
        Object.assign({}, track, { intervals: [...intervals.values()] }),
      );
      return { id, title, tracks: all };
    });
    const addressSpace = {
      bands,
      ribbons: [...this.ribbons.values()],
      accesses: [...this.accesses.values()],
      asked: [...this.asked.values()],
    };
    return { addressSpace, attachments: { nodes: [...this.nodes.values()], edges: [...this.edges.values()] } };
  }

  /** A track that first shows up later stands after the one that it followed there. */
  private addBand(band: Band): void {
    const kept = this.bands.get(band.id) ?? { title: band.title, tracks: [] };
    this.bands.set(band.id, kept);
    let at = -1;
    for (const track of band.tracks) {
      const found = kept.tracks.findIndex((k) => k.track.id === track.id);
      if (found < 0) kept.tracks.splice(at + 1, 0, { track, intervals: new Map() });
      at = found < 0 ? at + 1 : found;
      const { intervals } = kept.tracks[at] ?? { intervals: new Map<string, TrackInterval>() };
      for (const i of track.intervals) intervals.set(keyOf(i), i);
      if (track.dense !== undefined) addClusters(intervals, track, track.dense);
    }
  }

  /** A node keeps the longest text that ever stands on each of its lines. */
  private addNode(node: AttachNode): void {
    const old = this.nodes.get(node.ref);
    const lines = [...(old?.lines ?? [])];
    node.lines.forEach((l, i) => {
      if (l.text.length > (lines[i]?.text.length ?? -1)) lines[i] = l;
    });
    this.nodes.set(node.ref, { ...node, lines });
  }
}

const keyOf = (i: TrackInterval): string => `${span(i)} ${i.kind}`;

const ribbonKey = (r: Ribbon): string => `${span(r.from)} ${span(r.to)} ${r.kind}`;

function sameRibbon(known: Ribbon | undefined, now: Ribbon): Ribbon {
  if (known === undefined) return now;
  return known.ref === now.ref && known.from.track === now.from.track && known.to.track === now.to.track ? known : now;
}

/** The known interval when it says the same in every word, else the new one. */
function sameAs(known: TrackInterval | undefined, now: TrackInterval): TrackInterval {
  if (known === undefined) return now;
  const { label, detail, ref, leaf, change } = known;
  const same = label === now.label && detail === now.detail && ref === now.ref;
  return same && leaf === now.leaf && change === now.change ? known : now;
}

/** Stretches of a dense track; what grows from step to step stays one. */
function addClusters(intervals: Kept["intervals"], track: Track, dense: DenseTrack): void {
  for (const c of dense.clusters) {
    let { start, last } = c;
    for (const [key, i] of intervals)
      if (i.kind === dense.kind && i.start <= last && i.last >= start) {
        if (i.start < start) start = i.start;
        if (i.last > last) last = i.last;
        intervals.delete(key);
      }
    intervals.set(`${start}-${last} ${dense.kind}`, {
      start,
      last,
      kind: dense.kind,
      label: "",
      detail: "",
      ref: track.ref,
    });
  }
}

const span = (r: { start: bigint; last: bigint }): string => `${r.start}-${r.last}`;

/** Fills a book while a scenario runs. */
export function watching(book: LandmarkBook, scenario: Scenario): Witness {
  const { steps } = scenario;
  const stride = Math.ceil(steps.length / LOOKS);
  let due = 0;
  let spent = 0;
  return (world, step, result) => {
    const told = result?.asked !== undefined || result?.access !== undefined;
    const asks = told && steps.length <= 4 * LOOKS && spent < SPENT;
    if ((step % stride !== 0 || step < due) && step !== steps.length && !asks) return;
    const ctx = { world, before: null, step: steps[step - 1] ?? null, result };
    const dense = new Map<string, DenseState>();
    book.note(step, { addressSpace: addressSpace(ctx, dense), attachments: attachments(ctx) });
    let intervals = 0;
    for (const { spans } of dense.values()) intervals += spans.n;
    spent += intervals;
    if (spent >= SPENT || steps.length > 4 * LOOKS) due = step + Math.floor((stride * intervals) / FULL);
  };
}

/** Of several kernels together, in their order. */
export function together(books: readonly LandmarkBook[]): Landmarks {
  if (books.length === 1 && books[0] !== undefined) return books[0].landmarks();
  const all = new LandmarkBook();
  for (const book of books) all.add(book.landmarks());
  return all.landmarks();
}
