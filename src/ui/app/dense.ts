/**
 * Stretches of tracks that are too full for a list, as the engine gave them: fetched wider than the view and in buckets
 * of a power of two, so that panning shows what is there already. What is on screen stays until something finer comes.
 */
import type { SpaceWindow, TrackInterval } from "../../engine/views/types.ts";
import type { Remote } from "../engine/client.ts";

/** Windows kept of one track. */
const KEPT = 12;
/** Intervals fetched together for a list, and how often before all are forgotten. */
const PAGE = 100;
const PAGES = 60;
/** Buckets a pixel. */
const FINE = 2;

interface Known extends SpaceWindow {
  /** What it was asked by. */
  key: string;
  /** Of the step before: shown until this step's comes. */
  old: boolean;
}

export class DenseWindows {
  private readonly api: () => Remote;
  private readonly known = new Map<string, Known[]>();
  private readonly asked = new Set<string>();
  private readonly pages = new Map<string, TrackInterval[]>();
  private at = { kernel: "", step: -1 };
  private readonly waiting = new Set<() => void>();

  constructor(api: () => Remote) {
    this.api = api;
  }

  /** Another scenario: nothing of what was there can be shown. */
  reset(): void {
    this.known.clear();
    this.pages.clear();
    this.asked.clear();
    this.at = { kernel: "", step: -1 };
  }

  /** Told when something new has come. */
  watch(told: () => void): () => void {
    this.waiting.add(told);
    return () => {
      this.waiting.delete(told);
    };
  }

  show(kernel: string, step: number): void {
    if (this.at.kernel === kernel && this.at.step === step) return;
    this.at = { kernel, step };
    this.asked.clear();
    this.pages.clear();
    for (const list of this.known.values()) for (const w of list) w.old = true;
  }

  /**
   * What is known of `[from, to)` of a track, coarsest first; asks for what is missing. `lo`, `hi`: nothing stands
   * outside of these.
   */
  look(track: string, from: bigint, to: bigint, pixels: number, lo: bigint, hi: bigint): SpaceWindow[] {
    const list = this.known.get(track) ?? [];
    const size = bucketSize(to - from, pixels);
    const meets = list.filter((w) => w.from < to && w.to > from);
    const enough = meets.find(
      (w) => !w.old && w.from <= from && w.to >= to && (w.intervals !== null || sizeOf(w) <= size),
    );
    if (enough !== undefined) return [enough];
    void this.ask(track, from, to, size, lo, hi);
    const fresh = meets.filter((w) => !w.old);
    const shown = fresh.some((w) => w.from <= from && w.to >= to) ? fresh : meets;
    return shown.toSorted((a, b) => order(b) - order(a));
  }

  /** Interval `i` of a track, for a list; null while it is fetched. */
  row(track: string, i: number): TrackInterval | null {
    const page = Math.floor(i / PAGE);
    const kept = this.pages.get(`${track} ${page}`);
    if (kept === undefined) void this.turn(track, page);
    return kept?.[i - page * PAGE] ?? null;
  }

  private async turn(track: string, page: number): Promise<void> {
    const key = `${track} ${page}`;
    if (this.asked.has(key)) return;
    this.asked.add(key);
    const { kernel, step } = this.at;
    const answer = await this.api().spaceRows(kernel, step, track, page * PAGE, PAGE);
    if (kernel !== this.at.kernel || step !== this.at.step || !answer.ok) return;
    if (this.pages.size > PAGES) this.pages.clear();
    this.pages.set(key, answer.value);
    this.asked.delete(key);
    for (const told of this.waiting) told();
  }

  /** An interval that was fetched. */
  find(track: string, start: bigint): TrackInterval | undefined {
    for (const w of this.known.get(track) ?? [])
      if (!w.old) for (const i of w.intervals ?? []) if (i.start === start) return i;
    return undefined;
  }

  /** About how many intervals stand around an address, and where; null: nothing is known there. */
  around(track: string, address: bigint): { start: bigint; last: bigint; count: number } | null {
    let best: Known | null = null;
    for (const w of this.known.get(track) ?? [])
      if (!w.old && w.buckets !== null && w.from <= address && w.to > address)
        if (best === null || sizeOf(w) < sizeOf(best)) best = w;
    if (best === null) return null;
    const size = sizeOf(best);
    const i = Number((address - best.from) / size);
    const count = best.buckets?.counts[i] ?? 0;
    const start = best.from + BigInt(i) * size;
    return count === 0 ? null : { start, last: start + size - 1n, count };
  }

  private async ask(track: string, from: bigint, to: bigint, size: bigint, lo: bigint, hi: bigint): Promise<void> {
    const room = to - from;
    const down = (v: bigint): bigint => v - (v % size);
    const start = down(from > lo + room ? from - room : lo);
    const end = down((to + room < hi ? to + room : hi) + size - 1n);
    const key = `${track} ${start} ${end} ${size}`;
    if (this.asked.has(key) || end <= start) return;
    this.asked.add(key);
    const { kernel, step } = this.at;
    const answer = await this.api().space(kernel, step, track, start, end, Number((end - start) / size));
    if (kernel !== this.at.kernel || step !== this.at.step || !answer.ok) return;
    const list = [...(this.known.get(track) ?? []).filter((w) => !w.old || w.from < start || w.to > end)];
    list.push({ ...answer.value, key, old: false });
    // What is forgotten may be asked for again.
    for (const gone of list.splice(0, list.length - KEPT)) this.asked.delete(gone.key);
    this.known.set(track, list);
    for (const told of this.waiting) told();
  }
}

/** Bytes of a bucket, a power of two: between one and two for FINE of a pixel's. */
function bucketSize(bytes: bigint, pixels: number): bigint {
  const wanted = Number(bytes) / Math.max(1, pixels * FINE);
  return 1n << BigInt(Math.max(0, Math.ceil(Math.log2(Math.max(wanted, 1)))));
}

function sizeOf(w: SpaceWindow): bigint {
  const n = BigInt(w.buckets?.counts.length ?? 1);
  return (w.to - w.from) / n;
}

function order(w: SpaceWindow): number {
  return w.intervals !== null ? 0 : Number(sizeOf(w));
}
