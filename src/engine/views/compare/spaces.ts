/** The address spaces of two kernels after the same step: what both have, and what only one has, to the byte. */
import type { Playable } from "../../sim/playable.ts";
import { addressSpace } from "../address/view.ts";
import { contextAt } from "../frame.ts";
import type { AddressSpaceView, Band, IntervalKind, Track, TrackInterval } from "../types.ts";
import { common, merged, type Span, without } from "./spans.ts";
import type { ComparePart, CompareSpaces, CompareTrack } from "./types.ts";

type Placed = Track & { band: Band["id"] };

/** Physical memory is left out: where it lies depends on what was allocated before. */
export function compareSpaces(a: Playable, b: Playable, step: number): CompareSpaces {
  const left = tracksOf(addressSpace(contextAt(a, step)));
  const right = tracksOf(addressSpace(contextAt(b, step)));
  const ids = order([...left.keys()], [...right.keys()]);
  return {
    step,
    a: a.kernel,
    b: b.kernel,
    tracks: ids.flatMap((id) => {
      const one = left.get(id);
      const two = right.get(id);
      const known = one ?? two;
      return known === undefined ? [] : [trackOf(known, one?.intervals ?? [], two?.intervals ?? [], one, two)];
    }),
  };
}

function tracksOf(view: AddressSpaceView): Map<string, Placed> {
  return new Map(
    view.bands.flatMap((band) =>
      band.id === "pa" ? [] : band.tracks.map((t) => [t.id, { ...t, band: band.id }] as const),
    ),
  );
}

/** Both orders at once: what only the second has comes after what it follows there. */
function order(a: readonly string[], b: readonly string[]): string[] {
  const out = [...a];
  b.forEach((id, i) => {
    if (out.includes(id)) return;
    const before = b.slice(0, i).findLast((other) => out.includes(other));
    out.splice(before === undefined ? 0 : out.indexOf(before) + 1, 0, id);
  });
  return out;
}

function trackOf(
  known: Placed,
  left: readonly TrackInterval[],
  right: readonly TrackInterval[],
  one: Placed | undefined,
  two: Placed | undefined,
): CompareTrack {
  const kinds = [...new Set([...left, ...right].map((i) => i.kind))];
  const parts = kinds.flatMap((kind) => partsOf(kind, left, right)).sort((p, q) => (p.start < q.start ? -1 : 1));
  return {
    id: known.id,
    band: known.band,
    label: known.label,
    sub: known.sub,
    ref: known.ref,
    a: one !== undefined,
    b: two !== undefined,
    parts,
    equal: (one === undefined) === (two === undefined) && parts.every((p) => p.in === "both"),
  };
}

function partsOf(kind: IntervalKind, left: readonly TrackInterval[], right: readonly TrackInterval[]): ComparePart[] {
  const of = (list: readonly TrackInterval[]): TrackInterval[] =>
    list.filter((i) => i.kind === kind && i.change !== "removed");
  const mine = of(left);
  const theirs = of(right);
  const a = merged(mine);
  const b = merged(theirs);
  const named = (spans: readonly Span[], from: readonly TrackInterval[], where: ComparePart["in"]): ComparePart[] => {
    const sorted = from.toSorted((p, q) => (p.start < q.start ? -1 : 1));
    let at = 0;
    return spans.map((s) => {
      while (at + 1 < sorted.length && (sorted[at]?.last ?? 0n) < s.start) at++;
      return { start: s.start, last: s.last, kind, label: sorted[at]?.label ?? "", in: where };
    });
  };
  return [
    ...named(common(a, b), mine, "both"),
    ...named(without(a, b), mine, "a"),
    ...named(without(b, a), theirs, "b"),
  ];
}
