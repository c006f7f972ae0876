/** Moves the window on the address space. Works on the store, not through React: panning renders no component. */
import { easeCubicOut, timer, type Timer } from "d3";
import type { Ref } from "../../engine/views/types.ts";
import { PAGE, TRUE_SCALE } from "../views/space/axis.ts";
import { Scale, WHOLE, type Window } from "../views/space/scale.ts";
import type { LabStore } from "./state.ts";

const GLIDE_MS = 190;

export class Viewport {
  private plot = { width: 800, gap: 20 };
  private readonly store: LabStore;
  private gliding: Timer | null = null;

  constructor(store: LabStore) {
    this.store = store;
  }

  get width(): number {
    return this.plot.width;
  }

  /** Size of the plot and of a gap in it, pixels; told by the view that draws it. */
  resize(width: number, gap: number): void {
    this.plot = { width, gap };
  }

  scale(): Scale {
    const { atlas, trueScale, window } = this.store.getState();
    return new Scale(trueScale || atlas === null ? TRUE_SCALE : atlas.axis, window ?? WHOLE, this.width, this.plot.gap);
  }

  /** At once; used by gestures, which come in small steps. */
  set(window: Window): void {
    this.gliding?.stop();
    this.put(window);
  }

  /** By a factor about a pixel of the plot; about the access, or the middle, from the keyboard. */
  zoom(factor: number, px?: number): void {
    const scale = this.scale();
    this.set(scale.zoomed(px ?? this.anchor(scale), factor));
  }

  /** By a part of the width. */
  pan(part: number): void {
    const scale = this.scale();
    this.set(scale.panned(part * this.width));
  }

  /** The selected thing, then everything. */
  fit(): void {
    const { selected, picked, window } = this.store.getState();
    const range = picked ?? (selected === null ? null : this.rangeOf(selected));
    if (range !== null) {
      const target = this.scale().fitted(range.start, range.last);
      if (window === null || target.lo !== window.lo || target.hi !== window.hi) {
        this.glide(target);
        return;
      }
    }
    this.glide(WHOLE);
  }

  /** An inclusive range, with some room around it. */
  show(start: bigint, last: bigint): void {
    this.glide(this.scale().fitted(start, last < start + PAGE ? start + PAGE - 1n : last));
  }

  toggleTrueScale(): void {
    this.store.setState((s) => ({ trueScale: !s.trueScale }));
  }

  /** The stretch that an object takes in the picture; null when it takes none. */
  rangeOf(ref: Ref): { start: bigint; last: bigint } | null {
    const tracks = this.store.getState().frame?.addressSpace.bands.flatMap((b) => b.tracks) ?? [];
    for (const t of tracks) {
      const found = t.intervals.find((i) => i.ref === ref);
      if (found !== undefined) return { start: found.start, last: found.last };
    }
    return null;
  }

  private anchor(scale: Scale): number {
    const at = this.store.getState().frame?.addressSpace.accesses[0]?.iova;
    if (at === undefined || at < scale.window.lo || at >= scale.window.hi) return this.width / 2;
    return scale.x(at);
  }

  /** Slides there in a moment, unless the reader asked for less motion. */
  private glide(to: Window): void {
    this.gliding?.stop();
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.put(to);
      return;
    }
    const from = this.scale();
    const x0 = from.x(to.lo);
    const x1 = from.x(to.hi) - from.width;
    const glide = timer((elapsed) => {
      if (elapsed >= GLIDE_MS) {
        glide.stop();
        this.put(to);
        return;
      }
      const eased = easeCubicOut(elapsed / GLIDE_MS);
      const lo = from.at(x0 * eased);
      const hi = from.at(from.width + x1 * eased);
      if (hi - lo >= PAGE) this.put({ lo, hi });
    });
    this.gliding = glide;
  }

  private put(window: Window): void {
    const all = window.lo === WHOLE.lo && window.hi === WHOLE.hi;
    this.store.setState({ window: all ? null : window });
  }
}
