/** Every message between the UI and the worker. Version it when a shape changes. */
import type { EditApi } from "./edit_protocol.ts";
import type {
  AsciiRequest,
  CompareSpaces,
  CompareTraces,
  CompareView,
  Frame,
  InspectorView,
  KernelInfo,
  Landmarks,
  Lane,
  MachineView,
  PeerView,
  MachineInfo,
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

export type * from "./edit_protocol.ts";

export const PROTOCOL_VERSION = 1;

/** The question that the project grew out of: it opens when no link says otherwise. */
export const FIRST_SCENARIO = "sw-msi-nested";

/** A refusal in one sentence, with the place where it is known. The world stays as it was. */
export interface Problem {
  message: string;
  /** 1-based line and column in a text, or record number in a trace. */
  line?: number;
  column?: number;
  record?: number;
}

export type Answer<T> = { ok: true; value: T } | { ok: false; problem: Problem };

export interface Catalogue {
  version: number;
  kernels: KernelInfo[];
  machines: MachineInfo[];
  scenarios: ScenarioInfo[];
  /** Id of the scenario that opens when no link says otherwise. */
  first: string;
}

export interface Opened {
  scenario: ScenarioInfo;
  /** The text form, canonical. */
  text: string;
  steps: number;
}

/**
 * What a link holds: `#v=1&s=sw-msi-nested&k=linux-6.11&n=9&x.zoom=...`. A scenario of the library goes by its id, any
 * other as its text, compressed.
 */
export interface LinkState {
  scenario: { id: string } | { text: string };
  /** All branches, where there are several; the open one is that whose text is the scenario's. */
  branches?: { id: string; name: string; text: string }[];
  /** Id of the open one. */
  branch?: string;
  kernel: string;
  step: number;
  /** What the UI wants to find again (viewport, theme ...); the engine only carries it. */
  view: Record<string, string>;
}

/**
 * What comlink exposes from the worker. All methods are asynchronous for the UI. Where a kernel is named, `linux-7.2@b2`
 * means that kernel on branch b2; a step past the end of a branch is its last one.
 */
export interface EngineApi extends EditApi {
  catalogue(): Catalogue | Promise<Catalogue>;
  /** Opens a scenario by id or by text. On a problem the scenario that was open stays open. */
  open(
    source: { id: string } | { text: string },
    told?: (done: number, total: number) => void,
  ): Answer<Opened> | Promise<Answer<Opened>>;
  /**
   * Opens files that a person chose: a scenario, or a recorded trace with its table dumps. On a problem what was open
   * stays open. The text of a recording is empty: it has none. `told`: how many records have been played.
   */
  openFiles(
    files: { name: string; text: string }[],
    told?: (done: number, total: number) => void,
  ): Promise<Answer<Opened>>;
  /** Plays a scenario of the library on every kernel that it names: which of its checks hold. What is open stays open. */
  check(id: string): Promise<Answer<ScenarioChecks>>;
  /**
   * The picture after `step` steps (0 = none yet) on a kernel. `light`: `steps` and `next` are empty; `steps` and
   * `next` tell them.
   */
  frame(kernel: string, step: number, light?: boolean): Answer<Frame> | Promise<Answer<Frame>>;
  /** All steps with their results on a kernel. */
  steps(kernel: string): Answer<StepView[]> | Promise<Answer<StepView[]>>;
  /** What can be done after a step, each tried on a copy of the world. */
  next(kernel: string, step: number): Answer<Frame["next"]> | Promise<Answer<Frame["next"]>>;
  /**
   * A stretch `[from, to)` of a dense track after a step: its intervals when they are few, else counts in at most
   * `buckets` buckets of equal size.
   */
  space(
    kernel: string,
    step: number,
    track: string,
    from: bigint,
    to: bigint,
    buckets: number,
  ): Answer<SpaceWindow> | Promise<Answer<SpaceWindow>>;
  /** Intervals of a dense track after a step, by their number: for lists that show a few of very many. */
  spaceRows(
    kernel: string,
    step: number,
    track: string,
    first: number,
    count: number,
  ): Answer<TrackInterval[]> | Promise<Answer<TrackInterval[]>>;
  /** What ever appears on these kernels. Runs the scenario on each; no picture is made. */
  landmarks(kernels: string[]): Answer<Landmarks> | Promise<Answer<Landmarks>>;
  walk(
    kernel: string,
    step: number,
    device: string,
    iova: bigint,
    write: boolean,
    more?: WalkMore,
  ): Answer<WalkView> | Promise<Answer<WalkView>>;
  /** Tables in memory down a path, one page a column; queues, caches and interrupt tables too. */
  tables(kernel: string, step: number, asked: TablesAsked): Promise<Answer<TablesView>>;
  inspect(kernel: string, step: number, ref: Ref): Answer<InspectorView> | Promise<Answer<InspectorView>>;
  /** Results of the whole scenario on each kernel, differences against the first. */
  lanes(kernels: string[]): Answer<Lane[]> | Promise<Answer<Lane[]>>;
  /** The machine: PCI, IOMMUs, groups, as registers and kernel have them. */
  machine(kernel: string, step: number): Answer<MachineView> | Promise<Answer<MachineView>>;
  /** The way of a write from one function (bdf) to a BAR of another. */
  peer(kernel: string, step: number, from: string, to: string): Answer<PeerView> | Promise<Answer<PeerView>>;
  /** Steps from + 1 to `to` on each kernel; one on which the scenario does not start says why in its column. */
  compare(kernels: string[], from: number, to: number): Answer<CompareView> | Promise<Answer<CompareView>>;
  /** The traces of one step (1-based) on two kernels, aligned. */
  compareTraces(a: string, b: string, step: number): Answer<CompareTraces> | Promise<Answer<CompareTraces>>;
  /** The address spaces of two kernels after the same step. */
  compareSpaces(a: string, b: string, step: number): Answer<CompareSpaces> | Promise<Answer<CompareSpaces>>;
  /** A view as text for a mail, `\n` at line ends. */
  ascii(kernel: string, step: number, what: AsciiRequest): Promise<Answer<string>>;
  /** The open scenario in its JSON form; a recording has none. */
  scenarioJson(): Promise<Answer<string>>;
  /** The part of the address after `#`. */
  makeLink(state: LinkState): Promise<string>;
  /** Reads the part after `#`; an unknown version, scenario or kernel is refused in words. */
  readLink(fragment: string): Promise<Answer<LinkState>>;
}
