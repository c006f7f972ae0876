/** A recorded trace as something that can be played: every record a step, every moment a world, each answer compared. */
import { History } from "../sim/history.ts";
import type { CheckResult, Playable, Witness } from "../sim/playable.ts";
import type { StepResult } from "../sim/result.ts";
import type { Scenario, Step } from "../sim/scenario/types.ts";
import type { World } from "../sim/world.ts";

/** A record as a line of the step list. It is no scenario text: no one types bytes. */
export interface RecordLine {
  readonly step: Step;
  /** Arguments in words. */
  readonly text: string;
}

/** Makes the witness of a scenario. */
export type Watching = (scenario: Scenario) => Witness;

/** What every recording asks. */
export const ABOUT = Object.freeze({
  source: "a recording",
  question: "Does the model answer every record as the recorded kernel did?",
});

/** `R`: the replayed program and kernel, plain state. */
export interface RecordingParts<R extends object, L extends RecordLine> {
  /** What the file is called. */
  name: string;
  kernel: string;
  /** Id of the machine, empty = none. */
  machine: string;
  lines: readonly L[];
  start: R;
  /** `watch`: with the trace. */
  play: (replay: R, line: L, watch: boolean) => StepResult;
  /** `line`: the one played last. */
  world: (replay: R, line: L | undefined) => World;
  watching?: Watching;
}

/** Copies of the world that are kept, about. */
const COPIES = 64;
/** Objects in all copies together: the page tables of a real VM make very large ones. */
const OBJECTS = 800_000;
/** Of longer recordings a step's trace is taken when somebody asks; so it is of what follows this many entries. */
const WATCHED = 2000;
const ENTRIES = 200_000;
/** Entries of one step that are kept: those of the mapping of a whole guest are taken when somebody asks. */
const LARGE = 20_000;

export class Recording<R extends object, L extends RecordLine> implements Playable {
  readonly kernel: string;
  readonly scenario: Scenario;
  private readonly parts: RecordingParts<R, L>;
  private readonly history: History<R, L, StepResult>;
  private traced: { step: number; result: StepResult } | null = null;

  /** Plays everything. Throws BadInput, naming the record, on what cannot be read. */
  constructor(parts: RecordingParts<R, L>) {
    const { name, kernel, machine, lines, start, play, world, watching } = parts;
    this.parts = parts;
    this.kernel = kernel;
    this.scenario = {
      title: name,
      ...ABOUT,
      machine,
      kernels: [kernel],
      devices: [],
      memory: [],
      given: [],
      steps: lines.map((line) => line.step),
    };
    let watch = lines.length <= WATCHED;
    let entries = 0;
    this.history = new History<R, L, StepResult>(start, (replay, line) => play(replay, line, watch), {
      every: Math.max(4, Math.ceil(lines.length / COPIES)),
      most: OBJECTS,
    });
    const witness = watching?.(this.scenario);
    witness?.(world(start, undefined), 0, null);
    lines.forEach((line, i) => {
      const result = this.history.push(line);
      if (result.trace.length > LARGE) result.trace = [];
      entries += result.trace.length;
      if (entries > ENTRIES) watch = false;
      witness?.(world(start, line), i + 1, result);
    });
    watch = false;
  }

  get results(): readonly StepResult[] {
    return this.history.results;
  }

  result(step: number): StepResult | undefined {
    const kept = this.results[step - 1];
    const line = this.parts.lines[step - 1];
    if (kept === undefined || line === undefined || kept.trace.length > 0) return kept;
    if (this.traced?.step !== step)
      this.traced = { step, result: this.parts.play(this.history.live(step - 1), line, true) };
    return this.traced.result;
  }

  world(step: number): World {
    return this.parts.world(this.history.at(step), this.parts.lines[step - 1]);
  }

  live(step: number): World {
    return this.parts.world(this.history.live(step), this.parts.lines[step - 1]);
  }

  /** One for each record that was compared. */
  checks(): CheckResult[] {
    return this.results.flatMap(({ agreement }, i) =>
      agreement === undefined || (agreement.kind !== "agrees" && agreement.kind !== "differs")
        ? []
        : [{ step: i + 1, text: "as recorded", holds: agreement.kind === "agrees", instead: agreement.text }],
    );
  }
}
