/** The trace of a step as an indented list; the function's result stands on its line, the failing check is opened. */
import type { CheckDetail, Frame, Interval, TraceEntry, TrackInterval } from "../../../engine/views/types.ts";
import { hex } from "../../draw/format.ts";

export interface WhyRow {
  /** Index in the entries. */
  index: number;
  depth: number;
  kind: TraceEntry["t"];
  text: string;
  /** At the right edge: a result, a value. */
  end: string;
  tone: "plain" | "quiet" | "bad" | "good";
  opened: boolean;
  detail?: CheckDetail;
  /** Of a table entry: its lowest bit. */
  valid?: boolean;
}

export function whyRows(entries: readonly TraceEntry[], opened: number): WhyRow[] {
  const returns = pairs(entries);
  const rows: WhyRow[] = [];
  entries.forEach((e, index) => {
    if (e.t === "leave") return;
    rows.push({ index, depth: e.depth, kind: e.t, opened: index === opened, ...say(e, returns.get(index)) });
  });
  return rows;
}

/** Which leave ends which enter. */
function pairs(entries: readonly TraceEntry[]): Map<number, Extract<TraceEntry, { t: "leave" }>> {
  const open: number[] = [];
  const out = new Map<number, Extract<TraceEntry, { t: "leave" }>>();
  entries.forEach((e, i) => {
    if (e.t === "enter") open.push(i);
    else if (e.t === "leave") {
      const start = open.pop();
      if (start !== undefined) out.set(start, e);
    }
  });
  return out;
}

type Said = Pick<WhyRow, "text" | "end" | "tone"> & { detail?: CheckDetail; valid?: boolean };

function say(e: Exclude<TraceEntry, { t: "leave" }>, end: Extract<TraceEntry, { t: "leave" }> | undefined): Said {
  switch (e.t) {
    case "enter": {
      const args = e.args.length === 0 ? "" : ` ${e.args.join(" ")}`;
      return { text: e.fn + args, end: end?.ret ?? "", tone: end?.failed === true ? "bad" : "plain" };
    }
    case "check": {
      const compared = e.detail?.left === undefined ? "" : e.detail.left;
      return {
        text: e.what,
        end: e.ok ? "ok" : compared === "" ? "no" : compared,
        tone: e.ok ? "quiet" : "bad",
        ...(e.detail === undefined ? {} : { detail: e.detail }),
      };
    }
    case "note":
      return { text: e.what, end: "", tone: "quiet" };
    case "mem":
      return {
        text: `${e.write ? "write" : "read"} ${e.what}`,
        end: value(e.lo, e.hi),
        tone: "plain",
        valid: (e.lo & 1) === 1,
      };
    case "cmd":
      return { text: e.text, end: "command", tone: "plain" };
    case "tlb":
      return { text: e.what, end: e.hit ? "TLB hit" : "TLB miss", tone: "quiet" };
    case "event":
      return { text: e.text, end: "event", tone: "bad" };
    case "msi":
      return { text: e.what, end: e.delivered ? "delivered" : "silent", tone: e.delivered ? "good" : "bad" };
  }
}

function value(lo: number, hi: number): string {
  return hex((BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0));
}

/** Rows kept of a long trace: what leads to the opened one. */
const AROUND = 4;
/** Short traces are shown whole. */
const SHORT = 12;

/** The opened row, the functions it stands in, and what came just before and after at its depth. */
export function condense(rows: readonly WhyRow[]): { rows: WhyRow[]; left: number } {
  if (rows.length <= SHORT) return { rows: [...rows], left: 0 };
  const at = rows.findIndex((r) => r.opened);
  if (at < 0) {
    // A success is told by the functions it went through.
    const told = rows.filter((r) => r.depth <= 4 && r.kind !== "check" && r.kind !== "mem" && r.kind !== "tlb");
    const top = (told.length === 0 ? rows : told).slice(0, SHORT);
    return { rows: top, left: rows.length - top.length };
  }
  const keep = new Set<number>([at]);
  let depth = rows[at]?.depth ?? 0;
  for (let i = at - 1; i >= 0; i--) {
    const row = rows[i];
    if (row !== undefined && row.kind === "enter" && row.depth < depth) {
      keep.add(i);
      depth = row.depth;
    }
  }
  let before = AROUND;
  for (let i = at - 1; i >= 0 && before > 0; i--) {
    const row = rows[i];
    if (row === undefined || row.depth < (rows[at]?.depth ?? 0)) break;
    if (row.depth === rows[at]?.depth) {
      keep.add(i);
      before--;
    }
  }
  for (let i = at + 1, after = AROUND; i < rows.length && after > 0; i++) {
    const row = rows[i];
    if (row !== undefined && (row.depth <= (rows[at]?.depth ?? 0) || row.tone === "bad")) {
      keep.add(i);
      after--;
    }
  }
  const kept = rows.filter((_, i) => keep.has(i));
  return { rows: kept, left: rows.length - kept.length };
}

/** Where an access that failed fell through: the hole between its neighbours in the track in which it ended. */
export function holeOf(frame: Frame | null): CheckDetail | undefined {
  const access = frame?.addressSpace.accesses.find((a) => !a.ok);
  const stop = access?.path.at(-1);
  if (frame === null || stop === undefined) return undefined;
  const track = frame.addressSpace.bands.flatMap((b) => b.tracks).find((t) => t.id === stop.track);
  const sorted = (track?.intervals ?? [])
    .filter((i) => i.change !== "removed")
    .toSorted((a, b) => (a.start < b.start ? -1 : 1));
  const interval = (i: TrackInterval | undefined): Interval | undefined =>
    i === undefined ? undefined : { start: i.start, last: i.last, label: i.label };
  const before = interval(sorted.findLast((i) => i.last < stop.address));
  const after = interval(sorted.find((i) => i.start > stop.address));
  if (
    sorted.some((i) => i.start <= stop.address && stop.address <= i.last) ||
    (before === undefined && after === undefined)
  )
    return undefined;
  return {
    range: { start: stop.address, last: stop.address },
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
  };
}

/** What `show me` should bring into sight; null when the check was not about addresses. */
export function spanOf(detail: CheckDetail | undefined): { start: bigint; last: bigint } | null {
  if (detail === undefined) return null;
  const parts = [...(detail.range === undefined ? [] : [detail.range]), ...(detail.hits ?? [])];
  const first = parts[0];
  if (first === undefined) return null;
  return parts.reduce(
    (a, b) => ({ start: a.start < b.start ? a.start : b.start, last: a.last > b.last ? a.last : b.last }),
    { start: first.start, last: first.last },
  );
}
