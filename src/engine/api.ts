/** The engine behind the protocol: the scenario that is open, a run for each kernel, and the views of them. */
import { NotModelled } from "./kernel/not_modelled.ts";
import type { Desk } from "./editing.ts";
import type {
  ActionsAsked,
  Answer,
  Catalogue,
  Change,
  Completion,
  Edited,
  EngineApi,
  LinkState,
  Opened,
  Problem,
} from "./protocol.ts";
import { PROTOCOL_VERSION } from "./protocol.ts";
import type { KernelShelf } from "./sim/kernels.ts";
import { scenarioInfo, type ScenarioSource } from "./sim/library.ts";
import type { Compressor } from "./sim/link.ts";
import type { MachineSource } from "./sim/machine_sources.ts";
import type { Playable } from "./sim/playable.ts";
import { readScenario } from "./sim/scenario/read.ts";
import { reporting } from "./sim/reporting.ts";
import { Run } from "./sim/run.ts";
import { parseScenario } from "./sim/scenario/parse.ts";
import { printScenario } from "./sim/scenario/print.ts";
import { type Branch, nearest, type Open, opening, type Played, shelved } from "./shelf.ts";
import type { DenseState } from "./views/address/spans.ts";
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
  NextStep,
  PeerView,
  Ref,
  ScenarioChecks,
  ScenarioInfo,
  SpaceWindow,
  StepView,
  TablesAsked,
  TablesView,
  TrackInterval,
  WalkMore,
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

/** The question that the project grew out of. */
const FIRST_SCENARIO = "sw-msi-nested";

const no = (problem: Problem): { ok: false; problem: Problem } => ({ ok: false, problem });
const yes = <T>(value: T): { ok: true; value: T } => ({ ok: true, value });

export class Engine implements EngineApi {
  private readonly parts: EngineParts;
  private current: Open | null = null;
  /** What shares its beginning with it, by id; the open one is among them. */
  private branches = new Map<string, Branch>();
  private shelf: Open[] = [];
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
    const open = await this.prepare(text, id);
    if (!open.ok) return open;
    if (turn !== this.opened) return no({ message: "Another scenario was opened meanwhile." });
    const { info, source: said } = open.value;
    return this.enter(open.value, info.kernels[0] ?? this.parts.kernels.newest, said?.text ?? "");
  }

  /** A scenario with its machine, nothing of it run. */
  private async prepare(text: string, id: string): Promise<Answer<Open>> {
    const read = await readScenario(text);
    if (!read.ok) return read;
    const scenario = read.value;
    const named = this.parts.machines.find((m) => m.id === scenario.machine);
    if (named === undefined)
      return no({ message: `The scenario runs on machine "${scenario.machine}", which is unknown.` });
    const unknown = scenario.kernels.find((k) => !this.parts.kernels.has(k));
    if (unknown !== undefined) return no({ message: `The scenario names kernel "${unknown}", which is unknown.` });
    const machine = await named.load();
    const start: Open["start"] = (profile, watch) => Run.start(scenario, profile, machine, watch(scenario));
    const source = { scenario, text: printScenario(scenario) };
    return yes(opening(scenarioInfo(id, scenario), scenario.steps.length, true, start, source));
  }

  async check(id: string): Promise<Answer<ScenarioChecks>> {
    const text = await textOf(this.parts.scenarios, id);
    if (text === undefined) return no({ message: `There is no scenario "${id}" in the library.` });
    const read = await readScenario(text);
    return read.ok ? yes(await (await import("./sim/checked.ts")).checked(id, read.value, this.parts)) : read;
  }

  async openFiles(
    files: { name: string; text: string }[],
    told?: (done: number, total: number) => void,
  ): Promise<Answer<Opened>> {
    const turn = ++this.opened;
    const { openFiles, refusal } = await import("./exchange/open_files.ts");
    const { newest } = this.parts.kernels;
    try {
      const source = await openFiles(files, this.parts.machines);
      if (source === null) return await this.open({ text: files[0]?.text ?? "" });
      if (turn !== this.opened) return no({ message: "Another scenario was opened meanwhile." });
      const { title, source: asked, question, machine, records, kernel } = source;
      const on = kernel ?? newest;
      const info = { id: "", title, source: asked, question, machine, kernels: [on] };
      return await this.enter(
        opening(info, records, false, (profile, watch) => source.start(profile, reporting(watch, records, told))),
        on,
        "",
      );
    } catch (e) {
      const message = refusal(e);
      if (message === null) throw e;
      return no({ message: `${message}.` });
    }
  }

  /** What cannot start leaves what was open. */
  private async enter(open: Open, kernel: string, text: string): Promise<Answer<Opened>> {
    const first = await this.start(open, kernel);
    if (!first.ok) return first;
    this.branches = new Map([["main", { name: "main", open }]]);
    this.current = open;
    this.shelf = shelved(this.shelf, open, []);
    return yes({ scenario: open.info, text, steps: open.steps });
  }

  async frame(kernel: string, step: number, light = false): Promise<Answer<Frame>> {
    const { DenseCache, frameOf } = await this.views;
    const run = await this.run(kernel, step);
    const { open, id, own } = this.where(kernel);
    if (!run.ok || open === null) return run.ok ? no({ message: "No scenario is open." }) : run;
    const at = Math.min(step, open.steps);
    open.dense ??= new DenseCache();
    const { dense } = open;
    const states = new Map<string, DenseState>();
    const frame = kept(open.frames, `${id} ${at} ${light}`, () => frameOf(run.value, at, light, states, dense.read));
    dense.keep(id, at, states);
    return yes(own ? frame : { ...frame, kernel });
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

  async walk(
    kernel: string,
    step: number,
    device: string,
    iova: bigint,
    write: boolean,
    more: WalkMore = {},
  ): Promise<Answer<WalkView>> {
    const { walkView } = await this.views;
    const run = await this.run(kernel, step);
    if (!run.ok) return run;
    const view = walkView(run.value.world(step), device, BigInt.asUintN(64, iova), write, more);
    return view === null ? no({ message: `No device "${device}" stands behind an SMMU here.` }) : yes(view);
  }

  async tables(kernel: string, step: number, asked: TablesAsked): Promise<Answer<TablesView>> {
    const { contextAt } = await this.views;
    const { tablesView } = await import("./views/tables/view.ts");
    const run = await this.run(kernel, step);
    return run.ok ? said(tablesView(contextAt(run.value, step), asked)) : run;
  }

  async inspect(kernel: string, step: number, ref: string): Promise<Answer<InspectorView>> {
    const { contextAt, inspect, pastOf } = await this.views;
    const run = await this.run(kernel, step);
    if (!run.ok) return run;
    const { world, before } = contextAt(run.value, step);
    const view = ref.startsWith("slot:")
      ? (await import("./views/tables/view.ts")).inspectSlot({ world, before }, ref)
      : inspect(world, before, pastOf(run.value, step), ref);
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
    return yes(lanesOf(runs).map((lane, i) => ({ ...lane, kernel: kernels[i] ?? lane.kernel })));
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
    const { open, id, own } = this.where(kernel);
    if (open === null) return no({ message: "No scenario is open." });
    if (!Number.isInteger(step) || step < 0 || (own && step > open.steps))
      return no({ message: `The scenario has ${open.steps} steps; there is no step ${step}.` });
    return this.start(open, id);
  }

  /** `linux-7.2`, or `linux-7.2@b2`: that kernel on another branch. */
  private where(kernel: string): { open: Open | null; id: string; own: boolean } {
    const [id = "", branch] = kernel.split("@");
    if (branch === undefined) return { open: this.current, id, own: true };
    return { open: this.branches.get(branch)?.open ?? null, id, own: false };
  }

  private async start(open: Open, kernel: string): Promise<Answer<Played>> {
    const { LandmarkBook, watching } = await this.views;
    const profile = await this.parts.kernels.resolve(kernel, open.played);
    const known = open.runs.get(kernel);
    if (known !== undefined) return yes(known);
    if (profile === undefined) return no({ message: `There is no kernel "${kernel}".` });
    const near = nearest(this.shelf, open, kernel);
    if (near !== null && open.source !== undefined) {
      const book = near.book.upTo(near.same);
      const { scenario } = open.source;
      const played = { run: near.run.fork(scenario, near.same, watching(book, scenario)), book };
      open.runs.set(kernel, played);
      return yes(played);
    }
    const book = new LandmarkBook();
    const run = open.start(profile, (scenario) => watching(book, scenario));
    if (typeof run === "string") return no({ message: `The scenario cannot start: ${run}.` });
    const played = { run, book };
    open.runs.set(kernel, played);
    return yes(played);
  }

  async edit(change: Change, kernels: string[]): Promise<Answer<Edited>> {
    return (await editing()).edit(this.desk(), change, kernels);
  }

  async setBranches(
    branches: { id: string; name: string; text: string }[],
    open: string,
    kernels: string[],
    origin: string,
  ): Promise<Answer<Edited>> {
    return (await editing()).setBranches(this.desk(), branches, open, kernels, origin);
  }

  async complete(text: string, offset: number): Promise<Answer<Completion>> {
    return (await editing()).completeText(this.desk(), text, offset);
  }

  async actions(kernel: string, step: number, ref: Ref, more?: ActionsAsked): Promise<Answer<NextStep[]>> {
    const run = await this.run(kernel, step);
    return run.ok ? yes((await editing()).actionsOn(run.value, step, ref, more ?? {})) : run;
  }

  /** What changing a scenario takes of the engine. */
  private desk(): Desk {
    return {
      current: () => this.current,
      branches: () => this.branches,
      shelf: () => this.shelf,
      kernels: async () => (await this.parts.kernels.list()).map((k) => k.id),
      machines: () => this.parts.machines.map((m) => m.id),
      prepare: (text, id) => this.prepare(text, id),
      start: (open, kernel) => this.start(open, kernel),
      textOf: (id) => textOf(this.parts.scenarios, id),
      adopt: (branches, open) => {
        this.opened++;
        this.branches = branches;
        this.current = open;
        this.shelf = shelved(
          this.shelf,
          open,
          [...branches.values()].map((b) => b.open),
        );
      },
    };
  }
}

/** Fetched with the first change. */
const editing = () => import("./editing.ts");

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
