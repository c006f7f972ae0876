/** A scenario running on one kernel: its history, the results, and the checks that its author wrote. */
import type { MachineDesc } from "../../hw/machine.ts";
import type { ResolvedProfile } from "../kernel/profile.ts";
import { execute } from "./execute.ts";
import { History, type HistoryOptions } from "./history.ts";
import type { Seen, StepResult } from "./result.ts";
import type { CheckResult, Playable, Witness } from "./playable.ts";
import { checkText } from "./scenario/print.ts";
import type { Check, Scenario, Step } from "./scenario/types.ts";
import { makeWorld, type World } from "./world.ts";

/** Scenarios of more steps keep fewer copies of the world. */
const MANY = 200;
/** Of more steps only calls that shape the world keep their trace; another one's is taken when it is asked for. */
const LONG = 1000;
/** Objects in copies of the world that are kept for good. */
const OBJECTS = 400_000;
/** Traces kept of a long scenario, entries. */
const ENTRIES = 200_000;

/** Steps of one portion. */
const PORTION = 1000;

/** Whether to go on; told how many of how many steps ran. */
export type Go = (done: number, total: number) => Promise<boolean>;

export class Run implements Playable {
  readonly kernel: string;
  readonly scenario: Scenario;
  /** Number of given steps, which the history holds before the others. */
  readonly given: number;
  readonly history: History<World, Step, StepResult>;
  private readonly watch: Watch;
  private seen: StepResult[] = [];
  /** A step whose trace was taken afterwards, with it. */
  private traced: { step: number; result: StepResult } | null = null;

  private constructor(kernel: string, scenario: Scenario, history: History<World, Step, StepResult>, watch: Watch) {
    this.kernel = kernel;
    this.scenario = scenario;
    this.given = scenario.given.length;
    this.history = history;
    this.watch = watch;
  }

  /** Runs everything. A sentence where the scenario cannot start: no such device, a given step that fails. */
  static start(scenario: Scenario, profile: ResolvedProfile, machine: MachineDesc, witness?: Witness): Run | string {
    const run = Run.ready(scenario, profile, machine, witness);
    if (typeof run !== "string") run.play(0, witness);
    return run;
  }

  /** The same in portions. After each one `go` is told how many steps ran; when it says no, the rest is not run. */
  static async inPortions(
    scenario: Scenario,
    profile: ResolvedProfile,
    machine: MachineDesc,
    witness: Witness,
    go: Go,
  ): Promise<Run | string> {
    const run = Run.ready(scenario, profile, machine, witness);
    if (typeof run === "string") return run;
    const { length } = scenario.steps;
    for (let done = 0; done < length;) {
      const next = Math.min(length, done + PORTION);
      run.play(done, witness, next);
      done = next;
      if (!(await go(done, length))) return "it was given up";
    }
    return run;
  }

  /** Before its first step, the given ones done. */
  private static ready(
    scenario: Scenario,
    profile: ResolvedProfile,
    machine: MachineDesc,
    witness: Witness | undefined,
  ): Run | string {
    const world = makeWorld(scenario, profile, machine);
    if (typeof world === "string") return world;
    const watch: Watch = { on: true, long: false, sparse: false, entries: 0 };
    const history = new History<World, Step, StepResult>(
      world,
      (w, step) => execute(w, step, watch.on && (!watch.long || (watch.entries < ENTRIES && shapes(step)))),
      keeping(scenario),
    );
    for (const step of scenario.given) {
      const result = history.push(step);
      if (result.outcome !== "ok") return `the given step ${step.op} fails with ${result.summary}`;
    }
    witness?.(world, 0, null);
    return new Run(profile.profile.id, scenario, history, watch);
  }

  /**
   * A run of another scenario of which everything up to step `same` is said as here: only what follows is run, and
   * told to `witness`. This run stays as it is.
   */
  fork(scenario: Scenario, same: number, witness?: Witness): Run {
    const history = this.history.fork(this.given + same, keeping(scenario));
    const run = new Run(this.kernel, scenario, history, this.watch);
    this.watch.entries = 0;
    run.play(same, witness);
    return run;
  }

  /** Pushes the steps from index `from` to `to`, which is exclusive. */
  private play(from: number, witness?: Witness, to = this.scenario.steps.length): void {
    const { watch, scenario, history } = this;
    watch.on = true;
    watch.long = scenario.steps.length > LONG;
    watch.sparse ||= watch.long;
    try {
      for (let i = from; i < to; i++) {
        const step = scenario.steps[i];
        if (step === undefined) break;
        const result = history.push(step);
        watch.entries += result.trace.length;
        witness?.(history.at(history.length), i + 1, result);
      }
    } finally {
      watch.on = false;
    }
  }

  /** Results of the steps, without the given ones. Long scenarios keep few traces: `result` has them all. */
  get results(): readonly StepResult[] {
    if (this.seen.length !== this.history.length - this.given) this.seen = this.history.results.slice(this.given);
    return this.seen;
  }

  /** The result of a step (1-based) with its trace, which may have to be taken by running the step once more. */
  result(step: number): StepResult | undefined {
    const kept = this.results[step - 1];
    const said = this.scenario.steps[step - 1];
    if (kept === undefined || said === undefined || kept.trace.length > 0 || !this.watch.sparse) return kept;
    if (this.traced?.step !== step) {
      const world = this.live(step - 1);
      this.traced = { step, result: { ...kept, trace: execute(world, said, true).trace } };
      // Whoever asks what a step did asks for the world after it, too.
      this.history.keepFor(this.given + step, world);
    }
    return this.traced.result;
  }

  /** The world after `step` steps, for reading only; 0 = after the given ones. */
  world(step: number): World {
    return this.history.at(this.given + step);
  }

  /** A copy of it that may be changed. */
  live(step: number): World {
    return this.history.live(this.given + step);
  }

  checks(): CheckResult[] {
    return this.scenario.steps.flatMap((step, i) => {
      const result = this.results[i];
      return result === undefined ? [] : applicable(step.checks, this.kernel).map((c) => judge(c, i + 1, result));
    });
  }
}

/** What is recorded while steps run; shared by a run and its forks, which never run at the same time. */
interface Watch {
  /** Off when steps are run once more for a look. */
  on: boolean;
  long: boolean;
  /** Some results were kept without their trace. */
  sparse: boolean;
  entries: number;
}

function keeping(scenario: Scenario): HistoryOptions {
  return {
    every: scenario.steps.length > MANY ? 16 : 4,
    most: OBJECTS,
    // Worlds after heavy steps are large.
    recent: scenario.steps.some(isHeavy) ? 4 : 8,
    heavy: (i) => isHeavy(scenario.given[i] ?? scenario.steps[i - scenario.given.length]),
  };
}

/** Many calls in one step. */
function isHeavy(step: Step | undefined): boolean {
  const count = step?.args["count"];
  return step?.args["stride"] !== undefined && count?.k === "int" && count.v > 1000n;
}

/** Not mapping, not the guest's and the devices' accesses, of which a long scenario has thousands. */
function shapes(step: Step): boolean {
  return step.actor !== "device" && step.actor !== "guest" && !/MAP|INVALIDATE|DIRTY/.test(step.op);
}

/** Checks that name the kernel, and general ones whose key no check that names it has. */
function applicable(checks: readonly Check[], kernel: string): Check[] {
  const own = checks.filter((c) => c.kernels.includes(kernel));
  return checks.filter((c) => own.includes(c) || (c.kernels.length === 0 && !own.some((o) => o.key === c.key)));
}

function judge(check: Check, step: number, result: StepResult): CheckResult {
  const seen = result.seen[check.key];
  const holds = seen !== undefined && matches(check, seen);
  return { step, text: checkText(check), holds, instead: holds ? "" : seenText(seen) };
}

function matches(check: Check, seen: Seen): boolean {
  const { value } = check;
  if (typeof seen === "bigint") return value.k === "int" && value.v === seen;
  if (typeof seen === "string") return value.k === "name" && value.v === seen;
  return (
    value.k === "ranges" &&
    value.v.length === seen.length &&
    value.v.every(([a, b], i) => a === seen[i]?.[0] && b === seen[i]?.[1])
  );
}

export function seenText(seen: Seen | undefined): string {
  if (seen === undefined) return "nothing of the kind";
  if (typeof seen === "bigint") return seen < 4096n ? seen.toString() : `0x${seen.toString(16)}`;
  if (typeof seen === "string") return seen;
  return seen.length === 0 ? "[]" : seen.map(([a, b]) => `[0x${a.toString(16)},0x${b.toString(16)}]`).join("");
}
