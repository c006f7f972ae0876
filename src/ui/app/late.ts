/**
 * What is read and not seen follows the picture: one part at a time, while the page has nothing else to do. A part that
 * is asked for again before its turn has one turn.
 */
import type { LabState, LabStore } from "./state.ts";

/** A page that is never idle brings them all the same, ms. */
const PATIENCE = 300;

export class Late {
  private readonly parts = new Set<() => void>();
  private readonly waiting = new Set<() => void>();
  private readonly told: () => void;
  private coming = false;

  /** `told`: when a first part waits, and when none does any more. */
  constructor(store: LabStore, told: () => void) {
    this.told = told;
    store.subscribe((now, old) => {
      if (!onlyMoved(now, old)) for (const part of this.parts) this.ask(part);
    });
  }

  get busy(): boolean {
    return this.waiting.size > 0;
  }

  /** Runs `part` after every change of the state, until the returned function is called. */
  add(part: () => void): () => void {
    this.parts.add(part);
    this.ask(part);
    return () => {
      this.parts.delete(part);
      this.waiting.delete(part);
      this.told();
    };
  }

  ask(part: () => void): void {
    this.waiting.add(part);
    if (this.waiting.size === 1) this.told();
    if (!this.coming) this.schedule();
  }

  /** All of it at once, for who reads the page now. */
  flush(): void {
    const all = [...this.waiting];
    this.waiting.clear();
    for (const part of all) part();
    this.told();
  }

  private schedule(): void {
    this.coming = true;
    const turn = (): void => {
      this.coming = false;
      const [part] = this.waiting;
      if (part === undefined) return;
      this.waiting.delete(part);
      part();
      if (this.busy) this.schedule();
      else this.told();
    };
    if (typeof requestIdleCallback === "function") requestIdleCallback(turn, { timeout: PATIENCE });
    else setTimeout(turn, 50);
  }
}

/** Panning and zooming changes nothing that is read. */
function onlyMoved(now: LabState, old: LabState): boolean {
  if (now.window === old.window) return false;
  for (const key of Object.keys(now) as (keyof LabState)[]) if (key !== "window" && now[key] !== old[key]) return false;
  return true;
}
