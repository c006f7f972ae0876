/** What a step did to a track: marks on its intervals, and the few characters beside it. */
import type { Band, Track, TrackInterval } from "../types.ts";

/** Marks added intervals, and lists removed ones among the others, in order. `before` may lack the track. */
export function markTrack(now: Track, before: Track | undefined): Track {
  const old = new Set((before?.intervals ?? []).map(key));
  const current = new Set(now.intervals.map(key));
  const intervals = now.intervals.map((i): TrackInterval => (old.has(key(i)) ? i : { ...i, change: "added" }));
  const added = intervals.filter((i) => i.change === "added").length;
  let removed = 0;
  for (const i of before?.intervals ?? [])
    if (!current.has(key(i))) {
      intervals.push({ ...i, change: "removed" });
      removed++;
    }
  intervals.sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
  const words = [added > 0 ? `+${added}` : "", removed > 0 ? `−${removed}` : ""].filter((w) => w !== "");
  return { ...now, intervals, delta: words.length === 0 ? "=" : words.join(" ") };
}

/** Tracks that exist only before the step are gone: their intervals are shown as removed. */
export function markBands(now: readonly Band[], before: readonly Band[] | null): Band[] {
  if (before === null) return now.map((b) => ({ ...b, tracks: b.tracks.map((t) => ({ ...t, delta: "" })) }));
  return now.map((band) => {
    const old = before.find((b) => b.id === band.id)?.tracks ?? [];
    const tracks = band.tracks.map((t) =>
      markTrack(
        t,
        old.find((o) => o.id === t.id),
      ),
    );
    return { ...band, tracks };
  });
}

function key(i: TrackInterval): string {
  return `${i.start} ${i.last} ${i.kind} ${i.leaf ?? ""} ${i.detail}`;
}
