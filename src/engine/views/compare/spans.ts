/** Interval arithmetic, both ends inclusive. Lists are ascending and disjoint; each function is one sweep over them. */
export interface Span {
  start: bigint;
  last: bigint;
}

/** Sorted and merged: what overlaps or touches is one. */
export function merged(list: readonly Span[]): Span[] {
  const out: Span[] = [];
  for (const s of list.toSorted((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0))) {
    const top = out.at(-1);
    if (top !== undefined && s.start <= top.last + 1n) {
      if (s.last > top.last) top.last = s.last;
    } else out.push({ start: s.start, last: s.last });
  }
  return out;
}

/** The parts of `a` that `b` does not cover. */
export function without(a: readonly Span[], b: readonly Span[]): Span[] {
  const out: Span[] = [];
  let j = 0;
  for (const s of a) {
    let at = s.start;
    while (j < b.length && (b[j]?.last ?? 0n) < at) j++;
    for (let k = j; at <= s.last; k++) {
      const cut = b[k];
      if (cut === undefined || cut.start > s.last) {
        out.push({ start: at, last: s.last });
        break;
      }
      if (cut.start > at) out.push({ start: at, last: cut.start - 1n });
      at = cut.last + 1n;
    }
  }
  return out;
}

/** What both cover. */
export function common(a: readonly Span[], b: readonly Span[]): Span[] {
  return without(a, without(a, b));
}
