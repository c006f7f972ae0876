/**
 * The one place that asks the engine and puts its answers into the store. Answers that are overtaken are dropped; what was
 * on screen stays until the next picture is complete, so that nothing flickers.
 */
import { type Answer, FIRST_SCENARIO, type Opened, type Problem } from "../../engine/protocol.ts";
import type { Frame, Ref, TablePlace } from "../../engine/views/types.ts";
import type { Connect, Connection } from "../engine/client.ts";
import { buildAtlas, merge } from "./atlas.ts";
import { DenseWindows } from "./dense.ts";
import { Editing } from "./editing.ts";
import { EDIT_STATE } from "./edit_state.ts";
import { Files } from "./files.ts";
import { FrameCache } from "./frames.ts";
import { Late } from "./late.ts";
import { linkOf, readView } from "./link.ts";
import { Runner } from "./runner.ts";
import type { LabState, LabStore, Picked, Target } from "./state.ts";
import { readRecordingLink } from "./recording.ts";
import { shown } from "./stage.ts";
import { readTourLink, Tours } from "./tours.ts";
import { Viewport } from "./viewport.ts";

/** Where the page is, or is going. */
interface Heading {
  kernel: string;
  step: number;
  compare: string | null;
}

function pick({ kernel, step, compare }: Heading): Heading {
  return { kernel, step, compare };
}

/** What can be opened; files have been read already. */
export type Source = { id: string } | { text: string } | { files: { name: string; text: string }[] };

export class Session {
  readonly store: LabStore;
  readonly runner: Runner;
  readonly viewport: Viewport;
  readonly dense: DenseWindows;
  readonly tours: Tours;
  readonly files: Files;
  readonly editing: Editing;
  /** What follows the picture. */
  readonly late: Late;
  private readonly connect: Connect;
  private connection: Connection | null = null;
  private frames: FrameCache | null = null;
  private asked = 0;
  private coming: Heading | null = null;
  private pending = 0;
  /** Grows with each worker: questions to an ended one are never answered. */
  private epoch = 0;
  private busy = new Set<(busy: boolean) => void>();
  private source: Source | null = null;
  /** The catalogue is on its way while the first scenario is played. */
  private known: Promise<void> = Promise.resolve();
  /** The link of the first start; followed again when that start did not succeed. */
  private fragment = "";

  constructor(store: LabStore, connect: Connect) {
    this.store = store;
    this.connect = connect;
    this.viewport = new Viewport(store);
    this.dense = new DenseWindows(() => this.api());
    this.tours = new Tours(this);
    this.files = new Files(this);
    this.runner = new Runner(store, (step) => this.seek(step));
    this.editing = new Editing(this);
    this.late = new Late(store, () => this.tell());
  }

  /** Starts the worker and opens what the link says; without one, or with a broken one, the first scenario. */
  async start(fragment: string): Promise<void> {
    this.fragment = fragment;
    await this.guard(async () => {
      this.connection?.close();
      this.connection = this.connect((why) => this.crash(why));
      const { api } = this.connection;
      this.frames = new FrameCache(api);
      this.known = api.catalogue().then((catalogue) => this.store.setState({ catalogue }));
      if (fragment !== "") await this.known;
      if (fragment !== "" && (await this.follow(fragment))) return;
      await this.open({ id: FIRST_SCENARIO });
    });
  }

  close(): void {
    this.runner.pause();
    this.connection?.close();
    this.connection = null;
  }

  /** After a crash: a fresh worker, the same scenario, kernel and step. */
  async restart(): Promise<void> {
    const { kernel, step, compare, branches, branch, origin } = this.store.getState();
    const source = this.source;
    this.epoch++;
    this.pending = 0;
    await this.guard(async () => {
      this.store.setState({ phase: { name: "starting" } });
      this.connection?.close();
      this.connection = this.connect((why) => this.crash(why));
      this.frames = new FrameCache(this.connection.api);
      if (source === null) await this.start(this.fragment);
      else {
        await this.open(source, { kernel, step, compare: compare?.includes("@") === true ? null : compare, origin });
        await this.editing.beside(branches, branch);
      }
    });
  }

  /** Opens a scenario. Refused: one sentence in the notice, and the open one stays. */
  async open(source: Source, at: Partial<LabState> = {}): Promise<boolean> {
    const result = await this.guard(async () => {
      const answer = await this.play(source);
      if (!answer.ok) {
        this.refuse(answer.problem);
        return false;
      }
      const { value } = answer;
      if (at.step !== undefined && at.step > value.steps) {
        this.store.setState({
          notice: `The link asks for step ${at.step}, but "${value.scenario.title}" has ${value.steps} steps.`,
        });
        if (this.source !== null) await this.play(this.source);
        return false;
      }
      this.source = source;
      await this.enter(value, at);
      return true;
    });
    return result ?? false;
  }

  private play(source: Source): Promise<Answer<Opened>> {
    return this.files.play(this.api(), source);
  }

  /** Another place of the open scenario, with what is seen there. */
  async visit(to: Heading, view: Partial<LabState>): Promise<void> {
    await this.show(pick(to), true, view);
  }

  /** Goes where a link points. Refused: one sentence, and the world stays as it was. */
  async follow(fragment: string): Promise<boolean> {
    const tour = readTourLink(fragment);
    const refused = typeof tour === "string" ? tour : readRecordingLink(fragment);
    if (refused !== null) {
      this.store.setState({ notice: refused });
      return false;
    }
    if (tour !== null && typeof tour !== "string") return this.tours.follow(tour);
    const result = await this.guard(async () => {
      const answer = await this.api().readLink(fragment);
      if (!answer.ok) {
        this.refuse(answer.problem);
        return false;
      }
      const { scenario, kernel, step, view, branches, branch } = answer.value;
      const kernels = (this.store.getState().catalogue?.kernels ?? []).map((k) => k.id);
      if (!kernels.includes(kernel)) {
        this.store.setState({ notice: `The link names the kernel "${kernel}", which is not known here.` });
        return false;
      }
      const seen = readView(view, kernels);
      if (typeof seen === "string") {
        this.store.setState({ notice: seen });
        return false;
      }
      if (!(await this.open(scenario, { kernel, step, ...seen }))) return false;
      if (branches !== undefined) await this.editing.beside(branches, branch ?? "");
      return true;
    });
    return result ?? false;
  }

  async link(): Promise<string | null> {
    const state = linkOf(this.store.getState());
    if (state === null) return null;
    return (await this.guard(() => this.api().makeLink(state))) ?? null;
  }

  /** What is on screen, or on its way there: keys that follow fast count from it. */
  get heading(): Heading {
    return this.coming ?? this.store.getState();
  }

  seek(step: number): void {
    const { opened } = this.store.getState();
    const now = this.heading;
    if (opened === null) return;
    const to = Math.max(0, Math.min(opened.steps, step));
    if (to !== now.step) void this.show({ ...pick(now), step: to }, true);
  }

  setKernel(kernel: string): void {
    const now = this.heading;
    if (kernel === now.kernel) return;
    const compare = now.compare === kernel ? now.kernel : now.compare;
    void this.show({ kernel, step: now.step, compare }, true);
  }

  setCompare(compare: string | null): void {
    const now = pick(this.heading);
    void this.show({ ...now, compare: compare === now.kernel ? null : compare }, false);
  }

  /** Another kernel beside the one on screen, at a step. */
  setBeside(compare: string, step: number): void {
    void this.show({ kernel: this.heading.kernel, step, compare }, true);
  }

  select(ref: Ref | null, picked: Picked | null = null): void {
    this.store.setState({ selected: ref, picked });
    void this.details();
  }

  aim(target: Target | null): void {
    this.store.setState({ target, entry: null });
    void this.details();
  }

  /** The walk with the SMMU's caches as they are, or from memory alone. */
  setAsNow(asNow: boolean): void {
    this.store.setState({ asNow });
    void this.details();
  }

  /** Shows an entry in Tables; `ref`: its name for the inspector. */
  openEntry(entry: TablePlace | null, ref: Ref | null = null): void {
    this.store.setState((s) => ({
      entry,
      stage: shown(s.stage, "tables"),
      maximised: s.maximised === null || s.maximised === "tables" ? s.maximised : "tables",
    }));
    if (ref !== null) this.select(ref);
  }

  /** The next or previous step that failed. */
  seekFailure(direction: 1 | -1): void {
    const { frame } = this.store.getState();
    const { step } = this.heading;
    const failing = (frame?.steps ?? [])
      .filter((s) => s.outcome === "errno" || s.outcome === "fault" || s.agreement?.kind === "differs")
      .map((s) => s.index);
    const to = direction === 1 ? failing.find((i) => i > step) : failing.findLast((i) => i < step);
    if (to !== undefined) this.seek(to);
  }

  /** An edited scenario or another branch of it: `at` holds what stays as it was. */
  async change(opened: Opened, at: Partial<LabState>): Promise<void> {
    this.source = { text: opened.text };
    await this.enter(opened, at);
  }

  /** Another look at the same scenario. */
  async look(to: { kernel: string; step: number; compare: string | null }, more: Partial<LabState>): Promise<void> {
    await this.show(to, true, more);
  }

  private async enter(opened: Opened, at: Partial<LabState>): Promise<void> {
    const { scenario } = opened;
    const kernel = at.kernel ?? scenario.kernels[0] ?? this.store.getState().catalogue?.kernels[0]?.id ?? "";
    const newest = scenario.kernels.at(-1) ?? null;
    const compare = at.compare === undefined ? (newest === kernel ? null : newest) : at.compare;
    const cache = this.frames;
    if (cache === null) return;
    this.runner.pause();
    cache.reset();
    this.dense.reset();
    // The two kernels on screen first; the others follow behind the picture.
    const kernels = [...new Set([kernel, ...(compare === null ? [] : [compare])])];
    const quiet = this.store.getState().phase.name === "ready";
    const parts = await cache.landmarks(inOrder(kernels, scenario.kernels), (done, total) => {
      if (!quiet) this.store.setState({ phase: { name: "opening", title: scenario.title, done, total } });
    });
    const step = at.step ?? (await cache.telling(kernel, compare));
    const fresh: Partial<LabState> = {
      opened,
      atlas: buildAtlas(parts),
      selected: null,
      picked: null,
      target: null,
      asNow: false,
      entry: null,
      peers: null,
      columns: null,
      window: null,
      trueScale: false,
      maximised: null,
      tables: [],
      breakpoints: [],
      lanes: [],
      next: [],
      ...EDIT_STATE,
      undo: this.store.getState().undo,
      mapping: this.store.getState().mapping,
      radix: this.store.getState().radix,
      ...at,
    };
    await this.known;
    await this.show({ kernel, step, compare }, true, { ...fresh, phase: { name: "ready" } });
    void this.guard(() => this.rest(cache, opened, [...new Set([...kernels, ...scenario.kernels])]));
  }

  /** Plays the kernels that are not on screen; one that falls over is told, and spoils nothing that is seen. */
  private async rest(cache: FrameCache, opened: Opened, kernels: readonly string[]): Promise<void> {
    try {
      const all = await cache.landmarks(inOrder(kernels, opened.scenario.kernels), () => undefined);
      if (this.store.getState().opened === opened)
        this.store.setState((s) => ({ atlas: merge(s.atlas, buildAtlas(all)) }));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.store.setState({ notice: `A kernel of this scenario could not be played: ${why}.` });
    }
  }

  /** Brings the picture of a kernel after a step on screen, all panes at once; `more` goes with it. */
  private async show(
    to: { kernel: string; step: number; compare?: string | null },
    speak: boolean,
    more: Partial<LabState> = {},
  ): Promise<void> {
    const ticket = ++this.asked;
    const compare = to.compare === undefined ? this.heading.compare : to.compare;
    this.coming = { ...to, compare };
    await this.guard(async () => {
      const cache = this.frames;
      if (cache === null) return;
      const [frame, ghost] = await Promise.all([
        cache.get(to.kernel, to.step),
        compare === null ? null : cache.get(compare, to.step),
      ]);
      if (ticket !== this.asked) return;
      this.coming = null;
      for (const answer of [frame, ghost])
        if (typeof answer === "string") {
          this.store.setState({ notice: answer });
          return;
        }
      this.dense.show(to.kernel, to.step);
      const first = this.store.getState().lanes[0];
      this.store.setState({
        ...more,
        kernel: to.kernel,
        step: to.step,
        compare,
        frame: frame as Frame,
        ghost: ghost as Frame | null,
        ...(speak ? { spoken: spokenOf(frame as Frame) } : {}),
      });
      const changed = more.lanes !== undefined || first?.kernel !== to.kernel;
      await Promise.all([this.details(), this.possible(), changed ? this.compareLanes() : null]);
      if (ticket === this.asked) void this.prepare(to.kernel, to.step, ticket);
    });
  }

  /** What can be done next; asked for after the picture, since every answer is tried out. */
  private async possible(): Promise<void> {
    const { frame, kernel, step } = this.store.getState();
    const answer = await this.api().next(kernel, step);
    if (answer.ok && this.store.getState().frame === frame) this.store.setState({ next: answer.value });
  }

  /** Fetches the neighbours of what is on screen, as long as nothing else is asked for. */
  private async prepare(kernel: string, step: number, ticket: number): Promise<void> {
    const { opened } = this.store.getState();
    try {
      await this.frames?.ahead(kernel, step, opened?.steps ?? 0, () => ticket === this.asked && this.pending === 0);
    } catch {
      // Whoever asks for that frame itself is told.
    }
  }

  private async compareLanes(): Promise<void> {
    const { kernel, opened } = this.store.getState();
    const others = (opened?.scenario.kernels ?? []).filter((k) => k !== kernel);
    const answer = await this.api().lanes([kernel, ...others]);
    if (answer.ok && this.store.getState().kernel === kernel) this.store.setState({ lanes: answer.value });
  }

  /** Walk and inspector follow frame, target and selection. */
  private async details(): Promise<void> {
    const state = this.store.getState();
    const { frame, kernel, step, selected } = state;
    if (frame === null) return;
    const current = (): boolean => {
      const now = this.store.getState();
      return (
        now.frame === frame && now.selected === selected && now.target === state.target && now.asNow === state.asNow
      );
    };
    const target = targetOf(state);
    await this.guard(async () => {
      const [walk, inspected] = await Promise.all([
        target === null
          ? null
          : this.api().walk(kernel, step, target.device, target.iova, target.write, {
              ...(target.pasid === undefined ? {} : { pasid: target.pasid }),
              ...(state.asNow ? { asNow: true } : {}),
            }),
        this.api().inspect(kernel, step, selected ?? frame.inspectDefault),
      ]);
      if (!current()) return;
      this.store.setState({
        walk:
          walk === null
            ? { value: null, problem: null }
            : walk.ok
              ? { value: walk.value, problem: null }
              : { value: null, problem: walk.problem.message },
        inspected: inspected.ok
          ? { value: inspected.value, problem: null }
          : { value: null, problem: inspected.problem.message },
      });
    });
  }

  /** Any other question to the engine, for a view that keeps the answer itself. A model that throws is a crash, as everywhere. */
  async ask<T>(question: (api: Connection["api"]) => Promise<T>): Promise<T | undefined> {
    return this.guard(() => question(this.api()));
  }

  /** Told when a first answer is awaited and when the last has come. */
  watchBusy(told: (busy: boolean) => void): () => void {
    this.busy.add(told);
    told(this.working);
    return () => {
      this.busy.delete(told);
    };
  }

  private get working(): boolean {
    return this.pending > 0 || this.late.busy;
  }

  private tell(): void {
    for (const told of this.busy) told(this.working);
  }

  private api(): Connection["api"] {
    if (this.connection === null) throw new Error("the simulator is not running");
    return this.connection.api;
  }

  refuse(problem: Problem): void {
    this.store.setState({ notice: sentence(problem) });
  }

  private crash(why: string): void {
    this.coming = null;
    this.runner.pause();
    this.store.setState({ phase: { name: "crashed", why }, dialog: null, reading: null });
  }

  /** A rejected call means that the model itself threw: it is shown as a crash, never swallowed. */
  private async guard<T>(work: () => Promise<T>): Promise<T | undefined> {
    const { epoch } = this;
    if (this.pending++ === 0) this.tell();
    try {
      return await work();
    } catch (error) {
      this.crash(error instanceof Error ? error.message : String(error));
      return undefined;
    } finally {
      if (epoch === this.epoch && --this.pending === 0) this.tell();
    }
  }
}

/** The order in which kernels were chosen must not show in the layout. */
function inOrder(kernels: readonly string[], scenario: readonly string[]): string[] {
  const rank = (k: string): number => scenario.indexOf(k) + 1 || scenario.length + 1;
  return kernels.toSorted((a, b) => rank(a) - rank(b));
}

/** What the walk shows: chosen by hand, or the most telling target of the frame. */
export function targetOf(state: Pick<LabState, "frame" | "target">): Target | null {
  if (state.target !== null) return state.target;
  return state.frame?.walkTargets[state.frame.walkDefault] ?? null;
}

/** A problem as one sentence with its place. */
export function sentence(problem: Problem): string {
  const place = [
    problem.line === undefined ? "" : `line ${problem.line}`,
    problem.column === undefined ? "" : `column ${problem.column}`,
    problem.record === undefined ? "" : `record ${problem.record}`,
  ].filter((p) => p !== "");
  const text = problem.message.endsWith(".") ? problem.message : `${problem.message}.`;
  return place.length === 0 ? text : `${place.join(", ").replace(/^./, (c) => c.toUpperCase())}: ${text}`;
}

function spokenOf(frame: Frame): string {
  return frame.steps[frame.step - 1]?.spoken ?? "Before the first step.";
}
