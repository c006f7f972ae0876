/** What windows of dense tracks are cut from, kept for the last few frames. */
import type { Playable } from "../../sim/playable.ts";
import { contextAt } from "../frame.ts";
import type { SpaceWindow, TrackInterval } from "../types.ts";
import { type DenseState, rowsOf, windowOf } from "./spans.ts";
import { addressSpace, ReadWorlds } from "./view.ts";

const KEPT = 4;
/** Rows of one answer at most. */
const ROWS = 1000;
/** Buckets of one answer at most. */
const BUCKETS = 1 << 14;

export class DenseCache {
  readonly read = new ReadWorlds();
  private readonly kept = new Map<string, Map<string, DenseState>>();

  /** What a frame left behind. */
  keep(kernel: string, step: number, states: Map<string, DenseState>): void {
    if (states.size === 0) return;
    this.kept.set(`${kernel} ${step}`, states);
    const oldest = this.kept.keys().next();
    if (this.kept.size > KEPT && oldest.done !== true) this.kept.delete(oldest.value);
  }

  /** `[from, to)` of a dense track; a sentence where there is no such track. */
  window(run: Playable, step: number, track: string, from: bigint, to: bigint, buckets: number): SpaceWindow | string {
    const state = this.state(run, step, track);
    if (typeof state === "string") return state;
    if (to <= from) return "A window ends after its start";
    return windowOf(track, state, from, to, Math.max(1, Math.min(BUCKETS, Math.floor(buckets))));
  }

  /** Intervals of a dense track by their number, at most ROWS. */
  rows(run: Playable, step: number, track: string, first: number, count: number): TrackInterval[] | string {
    const state = this.state(run, step, track);
    return typeof state === "string" ? state : rowsOf(state, first, Math.min(ROWS, count));
  }

  private state(run: Playable, step: number, track: string): DenseState | string {
    let states = this.kept.get(`${run.kernel} ${step}`);
    if (states === undefined) {
      states = new Map<string, DenseState>();
      addressSpace(contextAt(run, step), states, this.read);
      this.keep(run.kernel, step, states);
    }
    return states.get(track) ?? `Track ${track} has no windows after step ${step}`;
  }
}
