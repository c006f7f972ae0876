/** What was done, to be taken back: texts, branches and the choices of view that cost a thought. Not zoom, not selection. */
import type { LabState, LabStore } from "./state.ts";

/** All that a step back restores. */
export type Moment = Pick<LabState, (typeof KEYS)[number]>;

const KEYS = [
  "opened",
  "branches",
  "branch",
  "origin",
  "kernel",
  "compare",
  "step",
  "breakpoints",
  "stage",
  "maximised",
  "columns",
  "hidden",
  "pinned",
] as const;

/** A change of the step alone is none that one would take back; nor are the branches a kernel was compared on. */
const TOLD = KEYS.filter((k) => k !== "step" && k !== "branches");

const MOST = 200;

export class Undo {
  private readonly store: LabStore;
  private past: Moment[] = [];
  private future: Moment[] = [];
  private still = false;

  constructor(store: LabStore) {
    this.store = store;
    store.subscribe((now, old) => {
      if (this.still || old.phase.name !== "ready" || now.phase.name !== "ready" || old.opened === null) return;
      if (TOLD.every((k) => now[k] === old[k]) && now.branches.length === old.branches.length) return;
      this.past.push(moment(old));
      if (this.past.length > MOST) this.past.shift();
      this.future = [];
      this.tell();
    });
  }

  /** Goes to the last moment, or to the one that was taken back; `go` says whether it arrived. */
  async move(way: "back" | "again", go: (to: Moment) => Promise<boolean>): Promise<boolean> {
    const [from, onto] = way === "back" ? [this.past, this.future] : [this.future, this.past];
    const to = from.at(-1);
    if (to === undefined || this.still) return false;
    const now = moment(this.store.getState());
    this.still = true;
    try {
      if (!(await go(to))) return false;
      from.pop();
      onto.push(now);
    } finally {
      this.still = false;
      this.tell();
    }
    return true;
  }

  /** What can be reached no more (recordings have no text) goes. */
  clear(): void {
    this.past = [];
    this.future = [];
    this.tell();
  }

  private tell(): void {
    const undo = { back: this.past.length > 0, again: this.future.length > 0 };
    const { back, again } = this.store.getState().undo;
    if (undo.back !== back || undo.again !== again) this.store.setState({ undo });
  }
}

function moment(state: LabState): Moment {
  const { opened, branches, branch, origin, kernel, compare, step, breakpoints, stage, maximised, columns } = state;
  const { hidden, pinned } = state;
  const view = { stage, maximised, columns, hidden, pinned };
  return { opened, branches, branch, origin, kernel, compare, step, breakpoints, ...view };
}
