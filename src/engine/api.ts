/** The engine behind the protocol: the scenario that is open, a run for each kernel, and the views of them. */
import { NotModelled } from "./kernel/not_modelled.ts";
import type { Answer, Catalogue, EngineApi, LinkState, Opened, Problem } from "./protocol.ts";
import { PROTOCOL_VERSION } from "./protocol.ts";
import type { KernelShelf } from "./sim/kernels.ts";
import { scenarioInfo, type ScenarioSource } from "./sim/library.ts";
import type { Compressor } from "./sim/link.ts";
import type { MachineSource } from "./sim/machine_sources.ts";
import type { Columns } from "./sim/compare.ts";
import type { Playable, Witness } from "./sim/playable.ts";
import type { ResolvedProfile } from "./kernel/profile.ts";
import { Run } from "./sim/run.ts";
import { needsDesigns } from "./sim/scenario/ops_ioasid.ts";
import { parseScenario } from "./sim/scenario/parse.ts";
import { printScenario } from "./sim/scenario/print.ts";
import type { Scenario } from "./sim/scenario/types.ts";
import type { DenseState } from "./views/address/spans.ts";
import type { DenseCache } from "./views/address/windows.ts";
import type { LandmarkBook } from "./views/landmarks.ts";
import type { Started } from "./views/compare/rows.ts";
import type {
  AsciiRequest,
  CompareSpaces,
  CompareTraces,
  CompareView,
  Frame,
  InspectorView,
  Landmarks,
  Lane,
  MachineView,
  PeerView,
  ScenarioInfo,
  SpaceWindow,
  StepView,
  TrackInterval,
  WalkView,
} from "./views/types.ts";

export interface EngineParts {
  kernels: KernelShelf;
  /** Descriptions are fetched when a scenario is opened. */
  machines: readonly MachineSource[];
  /** The library. */
  scenarios: readonly ScenarioSource[];
  /** What its list shows, where that is known without reading every text. */
  scenarioInfos?: () => Promise<ScenarioInfo[]>;
  compressor: Compressor;
}

interface Played {
  run: Playable;
  book: LandmarkBook;
}

interface Open {
  info: ScenarioInfo;
  steps: number;
  /** Recordings are compared with a kernel as it was released; scenarios play what discussions need. */
  played: boolean;
  /** Runs it on a kernel; a sentence where it cannot start. */
  start: (profile: ResolvedProfile, watch: Watch) => Playable | string;
  runs: Map<string, Played>;
  frames: Map<string, Frame>;
  dense?: DenseCache;
  /** Cells of comparisons. */
  compared: Columns;
}

/** Watches the steps of a scenario as they run. */
type Watch = (scenario: Scenario) => Witness;

/** The question that the project grew out of. */
const FIRST_SCENARIO = "sw-msi-nested";

const no = (problem: Problem): { ok: false; problem: Problem } => ({ ok: false, problem });
const yes = <T>(value: T): { ok: true; value: T } => ({ ok: true, value });

export class Engine implements EngineApi {
  private readonly parts: EngineParts;
  private current: Open | null = null;
  /** The pictures arrive beside the kernel model: to open a scenario takes none of them. */
  private readonly views = import("./views/pictures.ts");
  /** Scenarios that were asked for: a machine that arrives late must not replace a later choice. */
  private opened = 0;

  constructor(parts: EngineParts) {
    this.parts = parts;
  }

  async catalogue(): Promise<Catalogue> {
    const { kernels, machines, scenarios, scenarioInfos } = this.parts;
    return {
      version: PROTOCOL_VERSION,
      kernels: await kernels.list(),
      machines: machines.map(({ id, title }) => ({ id, title })),
      scenarios: await (scenarioInfos === undefined ? infosOf(scenarios) : scenarioInfos()),
      first: FIRST_SCENARIO,
    };
  }

  async open(source: { id: string } | { text: string }): Promise<Answer<Opened>> {
    const id = "id" in source ? source.id : "";
    const turn = ++this.opened;
    const text = "id" in source ? await textOf(this.parts.scenarios, source.id) : source.text;
    if (text === undefined) return no({ message: `There is no scenario "${id}" in the library.` });
    const read = await readScenario(text);
    if (!read.ok) return read;
    const scenario = read.value;
    const named = this.parts.machines.find((m) => m.id === scenario.machine);
    if (named === undefined)
      return no({ message: `The scenario runs on machine "${scenario.machine}", which is unknown.` });
    const unknown = scenario.kernels.find((k) => !this.parts.kernels.has(k));
    if (unknown !== undefined) return no({ message: `The scenario names kernel "${unknown}", which is unknown.` });
    const machine = await named.load();
    if (turn !== this.opened) return no({ message: "Another scenario was opened meanwhile." });
    const info = scenarioInfo(id, scenario);
    const open = opening(info, scenario.steps.length, true, (profile, watch) =>
      Run.start(scenario, profile, machine, watch(scenario)),
    );
    return this.enter(open, scenario.kernels[0] ?? this.parts.kernels.newest, printScenario(scenario));
  }

  async openFiles(files: { name: string; text: string }[]): Promise<Answer<Opened>> {
    const turn = ++this.opened;
    const { openFiles } = await import("./exchange/open_files.ts");
    const { newest } = this.parts.kernels;
    try {
      const source = await openFiles(files, this.parts.machines);
      if (source === null) return await this.open({ text: files[0]?.text ?? "" });
      if (turn !== this.opened) return no({ message: "Another scenario was opened meanwhile." });
      const { title, machine, records, kernel } = source;
      const question = "Does the model answer every record as the recorded kernel did?";
      const on = kernel ?? newest;
      const info = { id: "", title, source: "a recording", question, machine, kernels: [on] };
      return await this.enter(
        opening(info, records, false, (profile, watch) => source.start(profile, watch)),
        on,
        "",
      );
    } catch (e) {
      if (e instanceof Error && e.name === "BadInput") return no({ message: `${e.message}.` });
      throw e;
    }
  }

  /** What cannot start leaves what was open. */
  private async enter(open: Open, kernel: string, text: string): Promise<Answer<Opened>> {
    const first = await this.start(open, kernel);
    if (!first.ok) return first;
    this.current = open;
    return yes({ scenario: open.info, text, steps: open.steps });
  }

  async frame(kernel: string, step: number, light = false): Promise<Answer<Frame>> {
    const { DenseCache, frameOf } = await this.views;
    const run = await this.run(kernel, step);
    const open = this.current;
    if (!run.ok || open === null) return run.ok ? no({ message: "No scenario is open." }) : run;
    const key = `${kernel} ${step} ${light}`;
    open.dense ??= new DenseCache();
    const { dense } = open;
    const states = new Map<string, DenseState>();
    const frame = kept(open.frames, key, () => frameOf(run.value, step, light, states));
    dense.keep(kernel, step, states);
    return yes(frame);
  }

  async space(
    kernel: string,
    step: number,
    track: string,
    from: bigint,
    to: bigint,
    buckets: number,
  ): Promise<Answer<SpaceWindow>> {
    const { DenseCache } = await this.views;
    const run = await this.run(kernel, step);
    const dense = (this.current ?? { dense: undefined }).dense ?? new DenseCache();
    return run.ok ? said(dense.window(run.value, step, track, from, to, buckets)) : run;
  }

  async spaceRows(
    kernel: string,
    step: number,
    track: string,
    first: number,
    count: number,
  ): Promise<Answer<TrackInterval[]>> {
    const { DenseCache } = await this.views;
    const run = await this.run(kernel, step);
    const dense = (this.current ?? { dense: undefined }).dense ?? new DenseCache();
    return run.ok ? said(dense.rows(run.value, step, track, first, count)) : run;
  }

  async steps(kernel: string): Promise<Answer<StepView[]>> {
    const { stepViews } = await this.views;
    const run = await this.run(kernel, 0);
    return run.ok ? yes(stepViews(run.value)) : run;
  }

  async next(kernel: string, step: number): Promise<Answer<Frame["next"]>> {
    const { nextOf } = await this.views;
    const run = await this.run(kernel, step);
    return run.ok ? yes(nextOf(run.value, step)) : run;
  }

  async landmarks(kernels: string[]): Promise<Answer<Landmarks>> {
    const { together } = await this.views;
    const books: LandmarkBook[] = [];
    for (const kernel of kernels) {
      const played = await this.play(kernel, 0);
      if (!played.ok) return played;
      books.push(played.value.book);
    }
    return yes(together(books));
  }

  async walk(kernel: string, step: number, device: string, iova: bigint, write: boolean): Promise<Answer<WalkView>> {
    const { walkView } = await this.views;
    const run = await this.run(kernel, step);
    if (!run.ok) return run;
    const view = walkView(run.value.world(step), device, BigInt.asUintN(64, iova), write);
    return view === null ? no({ message: `No device "${device}" stands behind an SMMU here.` }) : yes(view);
  }

  async inspect(kernel: string, step: number, ref: string): Promise<Answer<InspectorView>> {
    const { contextAt, inspect, pastOf } = await this.views;
    const run = await this.run(kernel, step);
    if (!run.ok) return run;
    const { world, before } = contextAt(run.value, step);
    const view = inspect(world, before, pastOf(run.value, step), ref);
    return view === null ? no({ message: `There is no ${ref.replace(":", " ")} after step ${step}.` }) : yes(view);
  }

  async lanes(kernels: string[]): Promise<Answer<Lane[]>> {
    const { lanesOf } = await morePictures();
    const runs: Playable[] = [];
    for (const kernel of kernels) {
      const run = await this.run(kernel, 0);
      if (!run.ok) return run;
      runs.push(run.value);
    }
    return yes(lanesOf(runs));
  }

  async machine(kernel: string, step: number): Promise<Answer<MachineView>> {
    const { contextAt } = await this.views;
    const { machineView } = await morePictures();
    const run = await this.run(kernel, step);
    if (!run.ok) return run;
    const { world, before } = contextAt(run.value, step);
    return yes(machineView(world, before));
  }

  async peer(kernel: string, step: number, from: string, to: string): Promise<Answer<PeerView>> {
    const { peerView } = await morePictures();
    const run = await this.run(kernel, step);
    return run.ok ? said(peerView(run.value.world(step), from, to)) : run;
  }

  async compare(kernels: string[], from: number, to: number): Promise<Answer<CompareView>> {
    const { compareView } = await morePictures();
    const open = this.current;
    const started: Started[] = [];
    for (const kernel of kernels) {
      started.push(await this.started(kernel));
    }
    return open === null ? no({ message: "No scenario is open." }) : yes(compareView(started, from, to, open.compared));
  }

  /** A kernel that lacks what the scenario asks for is a column with a reason, and spoils no other. */
  private async started(kernel: string): Promise<Started> {
    try {
      const run = await this.run(kernel, 0);
      return run.ok ? { kernel, run: run.value } : { kernel, problem: run.problem.message };
    } catch (error) {
      if (error instanceof NotModelled) return { kernel, problem: error.message };
      throw error;
    }
  }

  async compareTraces(a: string, b: string, step: number): Promise<Answer<CompareTraces>> {
    const { compareTraces } = await morePictures();
    return this.both(a, b, step, compareTraces);
  }

  async compareSpaces(a: string, b: string, step: number): Promise<Answer<CompareSpaces>> {
    const { compareSpaces } = await morePictures();
    return this.both(a, b, step, compareSpaces);
  }

  private async both<T extends object>(
    a: string,
    b: string,
    step: number,
    make: (a: Playable, b: Playable, step: number) => T | string,
  ): Promise<Answer<T>> {
    const one = await this.run(a, step);
    const two = await this.run(b, step);
    return !one.ok ? one : !two.ok ? two : said(make(one.value, two.value, step));
  }

  async ascii(kernel: string, step: number, what: AsciiRequest): Promise<Answer<string>> {
    const { asciiOf } = await import("./views/ascii/export.ts");
    const run = await this.run(kernel, step);
    if (!run.ok) return run;
    const started: Started[] = [{ kernel, run: run.value }];
    for (const other of "kernels" in what ? what.kernels : []) started.push(await this.started(other));
    const page = said(asciiOf({ run: run.value, step, started }, what));
    return page.ok ? yes(page.value.text) : page;
  }

  async scenarioJson(): Promise<Answer<string>> {
    const run = this.current?.runs.values().next().value?.run;
    if (run === undefined) return no({ message: "No scenario is open." });
    if (this.current?.played !== true) return no({ message: "A recording has no scenario text." });
    const { scenarioToJson } = await import("./sim/scenario/json.ts");
    return yes(scenarioToJson(run.scenario));
  }

  async makeLink(state: LinkState): Promise<string> {
    return (await linkCodec()).encodeLink(state, this.parts.compressor);
  }

  async readLink(fragment: string): Promise<Answer<LinkState>> {
    const link = await (await linkCodec()).decodeLink(fragment, this.parts.compressor);
    if (!link.ok) return link;
    const { scenario, kernel } = link.value;
    if (!this.parts.kernels.has(kernel))
      return no({ message: `The link names kernel "${kernel}", which this program does not know.` });
    if ("id" in scenario && !this.parts.scenarios.some((s) => s.id === scenario.id))
      return no({ message: `The link names scenario "${scenario.id}", which this program does not have.` });
    return link;
  }

  private async run(kernel: string, step: number): Promise<Answer<Playable>> {
    const played = await this.play(kernel, step);
    return played.ok ? yes(played.value.run) : played;
  }

  private async play(kernel: string, step: number): Promise<Answer<Played>> {
    const open = this.current;
    if (open === null) return no({ message: "No scenario is open." });
    if (!Number.isInteger(step) || step < 0 || step > open.steps)
      return no({ message: `The scenario has ${open.steps} steps; there is no step ${step}.` });
    return this.start(open, kernel);
  }

  private async start(open: Open, kernel: string): Promise<Answer<Played>> {
    const { LandmarkBook, watching } = await this.views;
    const profile = await this.parts.kernels.resolve(kernel, open.played);
    const known = open.runs.get(kernel);
    if (known !== undefined) return yes(known);
    if (profile === undefined) return no({ message: `There is no kernel "${kernel}".` });
    const book = new LandmarkBook();
    const run = open.start(profile, (scenario) => watching(book, scenario));
    if (typeof run === "string") return no({ message: `The scenario cannot start: ${run}.` });
    const played = { run, book };
    open.runs.set(kernel, played);
    return yes(played);
  }
}

function opening(info: ScenarioInfo, steps: number, played: boolean, start: Open["start"]): Open {
  return { info, steps, played, start, runs: new Map(), frames: new Map(), compared: new Map() };
}

/** An answer, or a sentence that says why there is none. */
function said<T extends object>(value: T | string): Answer<T> {
  return typeof value === "string" ? no({ message: value.endsWith(".") ? value : `${value}.` }) : yes(value);
}

/** Frames that are kept, over all kernels. */
const FRAMES = 64;

function kept(frames: Map<string, Frame>, key: string, make: () => Frame): Frame {
  const frame = frames.get(key) ?? make();
  frames.delete(key);
  frames.set(key, frame);
  const oldest = frames.keys().next();
  if (frames.size > FRAMES && oldest.done !== true) frames.delete(oldest.value);
  return frame;
}

const morePictures = () => import("./views/more_pictures.ts");

/** Fetched with the first link that is made or read: after the first picture, as a rule. */
const linkCodec = () => import("./sim/link.ts");

async function readScenario(text: string): Promise<Answer<Scenario>> {
  const read = await parseEither(text);
  if (read.ok && needsDesigns(read.value)) (await import("./sim/steps/designs.ts")).provideDesignSteps();
  return read;
}

async function parseEither(text: string): Promise<Answer<Scenario>> {
  if (text.trimStart().startsWith("{")) return (await import("./sim/scenario/json.ts")).scenarioFromJson(text);
  const parsed = parseScenario(text);
  return parsed.ok ? yes(parsed.value.scenario) : parsed;
}

async function textOf(scenarios: readonly ScenarioSource[], id: string): Promise<string | undefined> {
  const text = scenarios.find((s) => s.id === id)?.text;
  return typeof text === "function" ? text() : text;
}

async function infosOf(scenarios: readonly ScenarioSource[]): Promise<ScenarioInfo[]> {
  const infos = await Promise.all(
    scenarios.map(async ({ id }) => {
      const read = parseScenario((await textOf(scenarios, id)) ?? "");
      return read.ok ? [scenarioInfo(id, read.value.scenario)] : [];
    }),
  );
  return infos.flat();
}
