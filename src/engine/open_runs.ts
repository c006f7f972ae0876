/** What is open: a scenario or a recording, what lies beside it, and a run of it for each kernel that was asked for. */
import { no, yes } from "./answers.ts";
import type { Desk } from "./editing.ts";
import { NotModelled } from "./kernel/not_modelled.ts";
import type { Answer, Opened } from "./protocol.ts";
import { type Branch, nearest, type Open, opening, type Played, shelved } from "./shelf.ts";
import type { KernelShelf } from "./sim/kernels.ts";
import { scenarioInfo, type ScenarioSource } from "./sim/library.ts";
import type { Compressor } from "./sim/link.ts";
import type { MachineSource } from "./sim/machine_sources.ts";
import type { Playable } from "./sim/playable.ts";
import { readScenario } from "./sim/scenario/read.ts";
import { reporting } from "./sim/reporting.ts";
import { type Go, Run } from "./sim/run.ts";
import { printScenario } from "./sim/scenario/print.ts";
import type { Started } from "./views/compare/rows.ts";
import type { ScenarioInfo } from "./views/types.ts";

export interface EngineParts {
  kernels: KernelShelf;
  /** Descriptions are fetched when a scenario is opened. */
  machines: readonly MachineSource[];
  /** The library. */
  scenarios: readonly ScenarioSource[];
  /** What its list shows, where that is known without reading every text. */
  scenarioInfos?: () => Promise<ScenarioInfo[]>;
  compressor: Compressor;
  /** Lets other requests in while a long scenario runs; without it they wait. */
  breathe?: () => Promise<void>;
}

/** The pictures arrive beside the kernel model: to open a scenario takes none of them. */
type Views = Promise<typeof import("./views/pictures.ts")>;

/** Scenarios of more steps run in portions. */
const LONG = 2000;

const MEANWHILE = Object.freeze({ message: "Another scenario was opened meanwhile." });

export class OpenRuns {
  private readonly parts: EngineParts;
  current: Open | null = null;
  /** What shares its beginning with it, by id; the open one is among them. */
  private branches = new Map<string, Branch>();
  private shelf: Open[] = [];
  private readonly views: Views;
  /** Scenarios that were asked for: a machine that arrives late must not replace a later choice. */
  private opened = 0;

  constructor(parts: EngineParts, views: Views) {
    this.parts = parts;
    this.views = views;
  }

  async open(
    source: { id: string } | { text: string },
    told?: (done: number, total: number) => void,
  ): Promise<Answer<Opened>> {
    const id = "id" in source ? source.id : "";
    const turn = ++this.opened;
    const text = "id" in source ? await textOf(this.parts.scenarios, source.id) : source.text;
    if (text === undefined) return no({ message: `There is no scenario "${id}" in the library.` });
    const open = await this.prepare(text, id);
    if (!open.ok) return open;
    if (turn !== this.opened) return no(MEANWHILE);
    const { info, source: said } = open.value;
    const { breathe } = this.parts;
    const go = async (done: number, total: number): Promise<boolean> => {
      told?.(done, total);
      await breathe?.();
      return turn === this.opened;
    };
    const kernel = info.kernels[0] ?? this.parts.kernels.newest;
    return this.enter(open.value, kernel, said?.text ?? "", breathe === undefined ? undefined : go);
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
    const start: Open["start"] = (profile, watch, go) =>
      go === undefined || scenario.steps.length <= LONG
        ? Run.start(scenario, profile, machine, watch(scenario))
        : Run.inPortions(scenario, profile, machine, watch(scenario), go);
    const source = { scenario, text: printScenario(scenario) };
    return yes(opening(scenarioInfo(id, scenario), scenario.steps.length, true, start, source));
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
      if (source === null) return await this.open({ text: files[0]?.text ?? "" }, told);
      if (turn !== this.opened) return no(MEANWHILE);
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
  private async enter(open: Open, kernel: string, text: string, go?: Go): Promise<Answer<Opened>> {
    const turn = this.opened;
    const first = await this.start(open, kernel, go);
    if (turn !== this.opened) return no(MEANWHILE);
    if (!first.ok) return first;
    this.branches = new Map([["main", { name: "main", open }]]);
    this.current = open;
    this.shelf = shelved(this.shelf, open, []);
    return yes({ scenario: open.info, text, steps: open.steps });
  }

  /** A kernel that lacks what the scenario asks for is a column with a reason, and spoils no other. */
  async started(kernel: string): Promise<Started> {
    try {
      const run = await this.run(kernel, 0);
      return run.ok ? { kernel, run: run.value } : { kernel, problem: run.problem.message };
    } catch (error) {
      if (error instanceof NotModelled) return { kernel, problem: error.message };
      throw error;
    }
  }

  async run(kernel: string, step: number): Promise<Answer<Playable>> {
    const played = await this.play(kernel, step);
    return played.ok ? yes(played.value.run) : played;
  }

  async play(kernel: string, step: number): Promise<Answer<Played>> {
    const { open, id, own } = this.where(kernel);
    if (open === null) return no({ message: "No scenario is open." });
    if (!Number.isInteger(step) || step < 0 || (own && step > open.steps))
      return no({ message: `The scenario has ${open.steps} steps; there is no step ${step}.` });
    return this.start(open, id);
  }

  /** `linux-7.2`, or `linux-7.2@b2`: that kernel on another branch. */
  where(kernel: string): { open: Open | null; id: string; own: boolean } {
    const [id = "", branch] = kernel.split("@");
    if (branch === undefined) return { open: this.current, id, own: true };
    return { open: this.branches.get(branch)?.open ?? null, id, own: false };
  }

  private async start(open: Open, kernel: string, go?: Go): Promise<Answer<Played>> {
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
    const run = await open.start(profile, (scenario) => watching(book, scenario), go);
    if (typeof run === "string") return no({ message: `The scenario cannot start: ${run}.` });
    const played = { run, book };
    open.runs.set(kernel, played);
    return yes(played);
  }

  /** What changing a scenario takes of the engine. */
  desk(): Desk {
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

export async function textOf(scenarios: readonly ScenarioSource[], id: string): Promise<string | undefined> {
  const text = scenarios.find((s) => s.id === id)?.text;
  return typeof text === "function" ? text() : text;
}
