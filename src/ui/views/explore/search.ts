/**
 * The search behind the view: it goes on while the view is not on the stage. Work is asked for in slices that take about
 * SLICE_MS, so that a stop is heard and the numbers move.
 */
import { createStore, type StoreApi } from "zustand/vanilla";
import type {
  ExploreFound,
  ExploreOptions,
  ExplorePlan,
  ExploreProgress,
  ExploreReport,
  ExploreWorld,
} from "../../../engine/explore/protocol.ts";
import { connectExplorer, type ExploreConnection } from "../../engine/client.ts";

const SLICE_MS = 60;
/** Between two looks at the numbers. */
const TELL_MS = 250;

/** What a search came to. */
export type Phase =
  | { name: "idle" }
  | { name: "running"; progress: ExploreProgress | null; perSecond: number }
  | { name: "found"; progress: ExploreProgress; found: ExploreFound; refused: string[] }
  | { name: "none"; progress: ExploreProgress; stopped: boolean; refused: string[] }
  | { name: "refused"; why: string };

export interface ExploreState {
  options: ExploreOptions | null;
  /** Why there are none. */
  problem: string | null;
  kind: "difference" | "violation";
  kernels: readonly [string, string];
  invariants: readonly string[];
  /** The world of the open scenario instead of the small one. */
  own: boolean;
  world: ExploreWorld | null;
  depth: number;
  phase: Phase;
  /** What the phase is about: the form may have changed since. */
  asked: ExplorePlan["look"] | null;
}

export class Exploration {
  readonly store: StoreApi<ExploreState>;
  private readonly connect: typeof connectExplorer;
  private connection: ExploreConnection | null = null;
  /** Counts up with each start and stop: an overtaken loop ends itself. */
  private turn = 0;
  private from: string | null = null;

  constructor(kernels: readonly [string, string], connect: typeof connectExplorer = connectExplorer) {
    this.connect = connect;
    this.store = createStore<ExploreState>(() => ({
      options: null,
      problem: null,
      kind: "difference",
      kernels,
      invariants: [],
      own: false,
      world: null,
      depth: 7,
      phase: { name: "idle" },
      asked: null,
    }));
  }

  /** Fetches what can be chosen; `text`: the scenario whose world it is, null = the small one. */
  async load(text: string | null): Promise<void> {
    this.from = text;
    try {
      const answer = await this.api().options(text);
      if (!answer.ok) {
        this.store.setState({ problem: answer.problem.message });
        return;
      }
      const options = answer.value;
      const { invariants } = this.store.getState();
      this.store.setState({
        options,
        problem: null,
        own: text !== null,
        world: options.start,
        invariants: invariants.length === 0 ? options.invariants.slice(0, 1).map((i) => i.id) : invariants,
      });
    } catch (e) {
      this.store.setState({ problem: sentence(e) });
    }
  }

  /** Starts over with what is chosen now. */
  async start(): Promise<void> {
    const { world, kind, kernels, invariants, depth } = this.store.getState();
    if (world === null) return;
    const turn = ++this.turn;
    const look: ExplorePlan["look"] =
      kind === "difference" ? { kind, kernels } : { kind, kernel: kernels[0], invariants: [...invariants] };
    this.store.setState({ asked: look, phase: { name: "running", progress: null, perSecond: 0 } });
    try {
      const begun = await this.api().begin({ look, from: this.from, world, depth });
      if (turn !== this.turn) return;
      if (begun.ok) await this.follow(turn);
      else this.store.setState({ phase: { name: "refused", why: begun.problem.message } });
    } catch (e) {
      if (turn === this.turn) this.store.setState({ phase: { name: "refused", why: sentence(e) } });
    }
  }

  /** What the last search came to so far, to take along; null before the first one. A search that runs goes on. */
  report(): Promise<ExploreReport | null> {
    return this.store.getState().phase.name === "idle" ? Promise.resolve(null) : this.api().report();
  }

  stop(): void {
    const { phase } = this.store.getState();
    if (phase.name !== "running") return;
    this.turn++;
    const { progress } = phase;
    this.store.setState({
      phase: progress === null ? { name: "idle" } : { name: "none", progress, stopped: true, refused: [] },
    });
  }

  private async follow(turn: number): Promise<void> {
    const api = this.api();
    const begun = performance.now();
    let told = 0;
    for (let states = 4; ;) {
      const before = performance.now();
      const progress = await api.advance(states);
      if (turn !== this.turn) return;
      const now = performance.now();
      states = Math.max(1, Math.min(4096, Math.round((states * SLICE_MS) / Math.max(1, now - before))));
      if (progress.done) {
        const found = await api.found();
        const refused = await api.refused();
        if (turn !== this.turn) return;
        this.store.setState({
          phase:
            found === null
              ? { name: "none", progress, stopped: false, refused }
              : { name: "found", progress, found, refused },
        });
        return;
      }
      if (now - told >= TELL_MS) {
        told = now;
        const perSecond = (1000 * progress.states) / Math.max(1, now - begun);
        this.store.setState({ phase: { name: "running", progress, perSecond } });
      }
    }
  }

  private api(): ExploreConnection["api"] {
    this.connection ??= this.connect((why) => this.crash(why));
    return this.connection.api;
  }

  private crash(why: string): void {
    this.turn++;
    this.connection?.close();
    this.connection = null;
    this.store.setState({ phase: { name: "refused", why: `The search stopped working: ${why}.` } });
  }
}

const sentence = (e: unknown): string => (e instanceof Error ? e.message : String(e));
