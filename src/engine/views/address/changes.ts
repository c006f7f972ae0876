/** What a step did to a track: marks on its intervals, and the few characters beside it. */
import type { Band, Track, TrackInterval } from "../types.ts";
import { changedOf, type DenseState, denseState, type Spans, spansOf } from "./spans.ts";
import type { RawTrack } from "./tracks.ts";

/** Marks added intervals, and lists removed ones among the others, in order. `before` may lack the track. */
export function markTrack(now: Track, before: Track | undefined): Track {
  const past = before?.intervals ?? [];
  const { head, tail } = alike(now.intervals, past);
  const was = past.slice(head, past.length - tail);
  const is = now.intervals.slice(head, now.intervals.length - tail);
  const old = new Set(was.map(key));
  const current = new Set(is.map(key));
  const marked = is.map((i): TrackInterval => (old.has(key(i)) ? i : { ...i, change: "added" }));
  const added = marked.filter((i) => i.change === "added").length;
  const gone = was.filter((i) => !current.has(key(i))).map((i): TrackInterval => ({ ...i, change: "removed" }));
  const removed = gone.length;
  const intervals = [
    ...now.intervals.slice(0, head),
    ...marked,
    ...now.intervals.slice(now.intervals.length - tail),
    ...gone,
  ];
  intervals.sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
  const words = [added > 0 ? `+${added}` : "", removed > 0 ? `−${removed}` : ""].filter((w) => w !== "");
  return { ...now, intervals, delta: words.length === 0 ? "=" : words.join(" ") };
}

/** The same for a track with very many intervals, now or before; `dense` gets what windows are cut from. */
function markDense(now: RawTrack, before: RawTrack | null | undefined, dense: Map<string, DenseState>): Track {
  const { spans: _, ...track } = now;
  const mine = columnsOf(now);
  const state = denseState(
    mine,
    before === null ? null : columnsOf(before ?? { ...now, spans: undefined, intervals: [] }),
  );
  dense.set(now.id, state);
  const few = now.spans === undefined ? [] : now.intervals;
  const added = state.added[mine.n] ?? 0;
  const words = [added > 0 ? `+${added}` : "", state.removed.n > 0 ? `−${state.removed.n}` : ""].filter(
    (w) => w !== "",
  );
  const delta = before === null ? "" : words.length === 0 ? "=" : words.join(" ");
  return { ...track, intervals: [...few, ...changedOf(state)], dense: mine.summary(), delta };
}

function columnsOf(t: { spans?: Spans | undefined; intervals: readonly TrackInterval[] }): Spans {
  return t.spans ?? spansOf("map", t.intervals, () => 0);
}

/** Tracks that exist only before the step are gone: their intervals are shown as removed. */
export function markBands(
  now: readonly RawBand[],
  before: readonly RawBand[] | null,
  dense: Map<string, DenseState>,
): Band[] {
  return now.map((band) => {
    const old = before?.find((b) => b.id === band.id)?.tracks ?? [];
    const tracks = band.tracks.map((t) => {
      const was = before === null ? null : old.find((o) => o.id === t.id);
      if (t.spans !== undefined || was?.spans !== undefined) return markDense(t, was, dense);
      return was === null ? { ...t, delta: "" } : markTrack(t, was);
    });
    return { ...band, tracks };
  });
}

export interface RawBand extends Band {
  tracks: RawTrack[];
}

/** Lists that are compared by their ends first. */
const LONG = 32;

/** How many intervals at the beginning and at the end say the same, of lists in which none stands twice. */
function alike(a: readonly TrackInterval[], b: readonly TrackInterval[]): { head: number; tail: number } {
  if (a.length < LONG || !ascending(a) || !ascending(b)) return { head: 0, tail: 0 };
  const most = Math.min(a.length, b.length);
  let head = 0;
  while (head < most && same(a[head], b[head])) head++;
  let tail = 0;
  while (tail < most - head && same(a[a.length - 1 - tail], b[b.length - 1 - tail])) tail++;
  return { head, tail };
}

function ascending(list: readonly TrackInterval[]): boolean {
  for (let i = 1; i < list.length; i++) if ((list[i]?.start ?? 0n) <= (list[i - 1]?.last ?? 0n)) return false;
  return true;
}

function same(a: TrackInterval | undefined, b: TrackInterval | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  return a.start === b.start && a.last === b.last && a.kind === b.kind && a.leaf === b.leaf && a.detail === b.detail;
}

function key(i: TrackInterval): string {
  return `${i.start} ${i.last} ${i.kind} ${i.leaf ?? ""} ${i.detail}`;
}
