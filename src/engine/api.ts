/** The engine behind the protocol: the scenario that is open, a run for each kernel, and the views of them. */
import { no, said, yes } from "./answers.ts";
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
} from "./protocol.ts";
import { type EngineParts, OpenRuns, textOf } from "./open_runs.ts";
import { FIRST_SCENARIO, PROTOCOL_VERSION } from "./protocol.ts";
import { scenarioInfo, type ScenarioSource } from "./sim/library.ts";
import type { Playable } from "./sim/playable.ts";
import { readScenario } from "./sim/scenario/read.ts";
import { parseScenario } from "./sim/scenario/parse.ts";
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

export class Engine implements EngineApi {
  private readonly parts: EngineParts;
  private readonly at: OpenRuns;
  /** The pictures arrive beside the kernel model: to open a scenario takes none of them. */
  private readonly views = import("./views/pictures.ts");

  constructor(parts: EngineParts) {
    this.parts = parts;
    this.at = new OpenRuns(parts, this.views);
  }

  open(
    source: { id: string } | { text: string },
    told?: (done: number, total: number) => void,
  ): Promise<Answer<Opened>> {
    return this.at.open(source, told);
  }

  openFiles(
    files: { name: string; text: string }[],
    told?: (done: number, total: number) => void,
  ): Promise<Answer<Opened>> {
    return this.at.openFiles(files, told);
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

  async check(id: string): Promise<Answer<ScenarioChecks>> {
    const text = await textOf(this.parts.scenarios, id);
    if (text === undefined) return no({ message: `There is no scenario "${id}" in the library.` });
    const read = await readScenario(text);
    return read.ok ? yes(await (await import("./sim/checked.ts")).checked(id, read.value, this.parts)) : read;
  }

  async frame(kernel: string, step: number, light = false): Promise<Answer<Frame>> {
    const { DenseCache, frameOf } = await this.views;
    const run = await this.at.run(kernel, step);
    const { open, id, own } = this.at.where(kernel);
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
    const run = await this.at.run(kernel, step);
    const dense = (this.at.current ?? { dense: undefined }).dense ?? new DenseCache();
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
    const run = await this.at.run(kernel, step);
    const dense = (this.at.current ?? { dense: undefined }).dense ?? new DenseCache();
    return run.ok ? said(dense.rows(run.value, step, track, first, count)) : run;
  }

  async steps(kernel: string): Promise<Answer<StepView[]>> {
    const { stepViews } = await this.views;
    const run = await this.at.run(kernel, 0);
    return run.ok ? yes(stepViews(run.value)) : run;
  }

  async next(kernel: string, step: number): Promise<Answer<Frame["next"]>> {
    const { nextOf } = await this.views;
    const run = await this.at.run(kernel, step);
    return run.ok ? yes(nextOf(run.value, step)) : run;
  }

  async landmarks(kernels: string[]): Promise<Answer<Landmarks>> {
    const { together } = await this.views;
    const books: LandmarkBook[] = [];
    for (const kernel of kernels) {
      const played = await this.at.play(kernel, 0);
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
    const run = await this.at.run(kernel, step);
    if (!run.ok) return run;
    const view = walkView(run.value.world(step), device, BigInt.asUintN(64, iova), write, more);
    return view === null ? no({ message: `No device "${device}" stands behind an IOMMU here.` }) : yes(view);
  }

  async tables(kernel: string, step: number, asked: TablesAsked): Promise<Answer<TablesView>> {
    const { contextAt } = await this.views;
    const { tablesView } = await import("./views/tables/view.ts");
    const run = await this.at.run(kernel, step);
    return run.ok ? said(tablesView(contextAt(run.value, step), asked)) : run;
  }

  async inspect(kernel: string, step: number, ref: string): Promise<Answer<InspectorView>> {
    const { contextAt, inspect, pastOf } = await this.views;
    const run = await this.at.run(kernel, step);
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
      const run = await this.at.run(kernel, 0);
      if (!run.ok) return run;
      runs.push(run.value);
    }
    return yes(lanesOf(runs).map((lane, i) => ({ ...lane, kernel: kernels[i] ?? lane.kernel })));
  }

  async machine(kernel: string, step: number): Promise<Answer<MachineView>> {
    const { contextAt } = await this.views;
    const { machineView } = await morePictures();
    const run = await this.at.run(kernel, step);
    if (!run.ok) return run;
    const { world, before } = contextAt(run.value, step);
    return yes(machineView(world, before));
  }

  async peer(kernel: string, step: number, from: string, to: string): Promise<Answer<PeerView>> {
    const { peerView } = await morePictures();
    const run = await this.at.run(kernel, step);
    return run.ok ? said(peerView(run.value.world(step), from, to)) : run;
  }

  async compare(kernels: string[], from: number, to: number): Promise<Answer<CompareView>> {
    const { compareView } = await morePictures();
    const open = this.at.current;
    const started: Started[] = [];
    for (const kernel of kernels) {
      started.push(await this.at.started(kernel));
    }
    return open === null ? no({ message: "No scenario is open." }) : yes(compareView(started, from, to, open.compared));
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
    const one = await this.at.run(a, step);
    const two = await this.at.run(b, step);
    return !one.ok ? one : !two.ok ? two : said(make(one.value, two.value, step));
  }

  async ascii(kernel: string, step: number, what: AsciiRequest): Promise<Answer<string>> {
    const { asciiOf } = await import("./views/ascii/export.ts");
    const run = await this.at.run(kernel, step);
    if (!run.ok) return run;
    const started: Started[] = [{ kernel, run: run.value }];
    for (const other of "kernels" in what ? what.kernels : []) started.push(await this.at.started(other));
    const page = said(asciiOf({ run: run.value, step, started }, what));
    return page.ok ? yes(page.value.text) : page;
  }

  async scenarioJson(): Promise<Answer<string>> {
    const run = this.at.current?.runs.values().next().value?.run;
    if (run === undefined) return no({ message: "No scenario is open." });
    if (this.at.current?.played !== true) return no({ message: "A recording has no scenario text." });
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

  async edit(change: Change, kernels: string[]): Promise<Answer<Edited>> {
    return (await editing()).edit(this.at.desk(), change, kernels);
  }

  async setBranches(
    branches: { id: string; name: string; text: string }[],
    open: string,
    kernels: string[],
    origin: string,
  ): Promise<Answer<Edited>> {
    return (await editing()).setBranches(this.at.desk(), branches, open, kernels, origin);
  }

  async complete(text: string, offset: number): Promise<Answer<Completion>> {
    return (await editing()).completeText(this.at.desk(), text, offset);
  }

  async actions(kernel: string, step: number, ref: Ref, more?: ActionsAsked): Promise<Answer<NextStep[]>> {
    const run = await this.at.run(kernel, step);
    return run.ok ? yes((await editing()).actionsOn(run.value, step, ref, more ?? {})) : run;
  }
}

/** Fetched with the first change. */
const editing = () => import("./editing.ts");

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

async function infosOf(scenarios: readonly ScenarioSource[]): Promise<ScenarioInfo[]> {
  const infos = await Promise.all(
    scenarios.map(async ({ id }) => {
      const read = parseScenario((await textOf(scenarios, id)) ?? "");
      return read.ok ? [scenarioInfo(id, read.value.scenario)] : [];
    }),
  );
  return infos.flat();
}
