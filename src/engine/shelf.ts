/** Scenarios that are or were open, with their runs: what shares a beginning with one of them need not run it again. */
import { sameStart, sameSteps } from "./sim/same_steps.ts";
import type { Columns } from "./views/compare/compare.ts";
import type { ResolvedProfile } from "./kernel/profile.ts";
import type { Playable, Witness } from "./sim/playable.ts";
import { type Go, Run } from "./sim/run.ts";
import type { Scenario } from "./sim/scenario/types.ts";
import type { DenseCache } from "./views/address/windows.ts";
import type { LandmarkBook } from "./views/landmarks.ts";
import type { Frame, ScenarioInfo } from "./views/types.ts";

export interface Played {
  run: Playable;
  book: LandmarkBook;
}

/** Watches the steps of a scenario as they run. */
export type Watch = (scenario: Scenario) => Witness;

export interface Open {
  info: ScenarioInfo;
  steps: number;
  /** Recordings are compared with a kernel as it was released; scenarios play what discussions need. */
  played: boolean;
  /** Runs it on a kernel, a long one in portions where `go` is given; a sentence where it cannot start. */
  start: (profile: ResolvedProfile, watch: Watch, go?: Go) => Playable | string | Promise<Playable | string>;
  runs: Map<string, Played>;
  frames: Map<string, Frame>;
  dense?: DenseCache;
  /** Cells of comparisons. */
  compared: Columns;
  /** What was opened as text; a recording has none. */
  source?: { scenario: Scenario; text: string };
  /** The scenario of the library that it was made from. */
  origin?: { id: string; text: string };
}

/** One of the scenarios that lie beside each other. */
export interface Branch {
  name: string;
  open: Open;
}

export function opening(
  info: ScenarioInfo,
  steps: number,
  played: boolean,
  start: Open["start"],
  source?: Open["source"],
): Open {
  const open = { info, steps, played, start, runs: new Map(), frames: new Map(), compared: new Map() };
  return source === undefined ? open : { ...open, source };
}

/** Scenarios kept beside those that are branches; of long ones fewer, their worlds are large. */
const KEPT = 10;
const KEPT_LONG = 3;
const LONG = 1000;

/** The shelf with `open` on it, newest first. */
export function shelved(shelf: readonly Open[], open: Open, branches: Iterable<Open>): Open[] {
  if (open.source === undefined) return [...branches];
  const held = new Set(branches);
  const most = open.steps > LONG ? KEPT_LONG : KEPT;
  let others = 0;
  return [open, ...shelf.filter((o) => o !== open)].filter((o) => held.has(o) || o === open || ++others < most);
}

/** One that says exactly this, if there is one. */
export function found(shelf: readonly Open[], text: string): Open | undefined {
  return shelf.find((o) => o.source?.text === text);
}

/** The run on a kernel of whatever shares the longest beginning with `open`, and how many steps that is. */
export function nearest(
  shelf: readonly Open[],
  open: Open,
  kernel: string,
): (Played & { run: Run; same: number }) | null {
  let best: (Played & { run: Run; same: number }) | null = null;
  if (open.source === undefined) return null;
  for (const other of shelf) {
    const played = other.runs.get(kernel);
    if (other === open || other.source === undefined || !(played?.run instanceof Run)) continue;
    if (!sameStart(other.source.scenario, open.source.scenario)) continue;
    const same = sameSteps(other.source.scenario, open.source.scenario);
    if (best === null || same > best.same) best = { run: played.run, book: played.book, same };
  }
  return best;
}
