/** A search as a page asks for it: options, a plan, slices of work. Knows no clock: the caller decides how long a slice is. */
import type { MachineSource } from "../sim/machine_sources.ts";
import type { KernelShelf } from "../sim/kernels.ts";
import { printScenario, printStep } from "../sim/scenario/print.ts";
import { parseScenario } from "../sim/scenario/parse.ts";
import type { ResolvedProfile } from "../kernel/profile.ts";
import type { Problem } from "../protocol.ts";
import { scenarioFound, witness } from "./answer.ts";
import type { Question } from "./question.ts";
import { INVARIANTS, invariantById } from "./invariants/all.ts";
import type { Invariant } from "./invariants/types.ts";
import { moves } from "./moves.ts";
import type {
  ExploreApi,
  ExploreFound,
  ExploreOptions,
  ExplorePlan,
  ExploreProgress,
  ExploreWorld,
} from "./protocol.ts";
import { Team, type TeamOptions } from "./team.ts";
import {
  ASKING,
  type Block,
  DEFAULT_UNIVERSE,
  OP_GROUPS,
  type OpGroup,
  SECOND_DEVICE,
  type Universe,
  universeOf,
  VSTES,
  type Vste,
} from "./universe.ts";

const no = (message: string): { ok: false; problem: Problem } => ({ ok: false, problem: { message } });
const hex = (v: bigint): string => `0x${v.toString(16)}`;
const blockName = (b: Block): string => `${hex(b.iova)}-${hex(b.iova + b.length - 1n)}`;

export class ExploreService implements ExploreApi {
  private readonly kernels: KernelShelf;
  private readonly machines: readonly MachineSource[];
  private readonly team: TeamOptions;
  private search: { team: Team; question: Question; own: boolean } | null = null;

  /** Without `team` it searches alone. */
  constructor(parts: { kernels: KernelShelf; machines: readonly MachineSource[]; team?: TeamOptions }) {
    this.kernels = parts.kernels;
    this.machines = parts.machines;
    this.team = parts.team ?? { hire: () => null, workers: 1 };
  }

  options(from: string | null): ReturnType<ExploreApi["options"]> {
    const universe = worldOf(from);
    if (typeof universe === "string") return Promise.resolve(no(universe));
    const value: ExploreOptions = {
      machine: universe.machine,
      invariants: INVARIANTS.map(({ id, title, says }) => ({ id, title, says })),
      ops: Object.entries(OP_GROUPS).map(([id, title]) => ({ id: id as OpGroup, title })),
      vstes: Object.keys(VSTES) as Vste[],
      devices: devicesOf(universe).map(({ name, bdf }) => ({ name, bdf })),
      blocks: universe.blocks.map(blockName),
      given: universe.given.length,
      start: {
        counts: { ...universe.counts },
        ops: [...universe.ops],
        vstes: [...universe.vstes],
        devices: universe.devices.map((d) => d.name),
        blocks: universe.blocks.map(blockName),
      },
    };
    return Promise.resolve({ ok: true, value });
  }

  async begin(plan: ExplorePlan): ReturnType<ExploreApi["begin"]> {
    this.search?.team.close();
    this.search = null;
    const universe = worldOf(plan.from);
    if (typeof universe === "string") return no(universe);
    const machine = this.machines.find((m) => m.id === universe.machine);
    if (machine === undefined) return no(`There is no machine "${universe.machine}".`);
    const ids = plan.look.kind === "difference" ? plan.look.kernels : [plan.look.kernel];
    const kernels: ResolvedProfile[] = [];
    for (const id of ids) {
      const profile = await this.kernels.resolve(id, true);
      if (profile === undefined) return no(`There is no kernel "${id}".`);
      kernels.push(profile);
    }
    const invariants: Invariant[] = [];
    for (const id of plan.look.kind === "violation" ? plan.look.invariants : []) {
      const one = invariantById(id);
      if (one === undefined) return no(`There is no invariant "${id}".`);
      invariants.push(one);
    }
    if (plan.look.kind === "violation" && invariants.length === 0) return no("No invariant is chosen.");
    const world = chosen(universe, plan.world);
    const question: Question = {
      universe: world,
      machine: await machine.load(),
      kernels,
      invariants,
      depth: plan.depth,
    };
    const team = Team.start(question, this.team);
    if (typeof team === "string") return no(`The search cannot start: ${team}.`);
    this.search = { team, question, own: plan.from !== null };
    return { ok: true };
  }

  advance(states: number): ExploreProgress {
    if (this.search === null) throw new Error("no search was begun");
    const { team } = this.search;
    const more = team.advance(states);
    const { explorer } = team;
    const { complete, exhausted } = explorer;
    return { ...explorer.progress, complete, exhausted, done: !more };
  }

  found(): ExploreFound | null {
    const { team, question } = this.search ?? {};
    const found = team?.explorer.found ?? null;
    if (question === undefined || found === null) return null;
    const scenario = scenarioFound(question, found);
    if (scenario === null)
      throw new Error(`it does not show on a fresh world: ${found.steps.map(printStep).join("; ")}`);
    const invariant = question.invariants.find((one) => one.id === found.invariant);
    return {
      text: printScenario(scenario),
      steps: scenario.steps.map((step) => ({
        actor: step.actor,
        text: printStep(step).slice(step.actor.length + 1),
      })),
      says: found.says.map((text, i) => ({ kernel: question.kernels[i]?.profile.id ?? "", text })),
      invariant: invariant?.title ?? null,
      shownBy: shownBy(question, scenario.steps),
    };
  }

  async report(): ReturnType<ExploreApi["report"]> {
    if (this.search === null) return null;
    const { team, question, own } = this.search;
    const { reportOf } = await import("./report.ts");
    return reportOf(question, team.explorer, own ? "" : null);
  }

  refused(): string[] {
    return [...(this.search?.team.explorer.refused ?? [])].map(([op, why]) => `${op}: ${why}`);
  }
}

/** Where only facts tell the difference: the question that a program would ask. */
function shownBy(question: Question, steps: readonly Parameters<typeof printStep>[0][]): ExploreFound["shownBy"] {
  const told = steps.at(-1)?.checks.some((c) => c.kernels.length > 0) === true;
  if (told || question.kernels.length < 2) return null;
  const seen = witness(question, steps, (world) => moves(world, { ...question.universe, ops: ASKING }));
  return seen === null ? null : { text: printStep(seen.step), says: seen.says };
}

/** A sentence where the text is no scenario. */
function worldOf(from: string | null): Universe | string {
  if (from === null) return DEFAULT_UNIVERSE;
  const parsed = parseScenario(from);
  return parsed.ok ? universeOf(parsed.value.scenario) : parsed.problem.message;
}

/** Those of the world, and on the default machine one more that is not in it unless chosen. */
function devicesOf(u: Universe): Universe["devices"] {
  return u === DEFAULT_UNIVERSE ? [...u.devices, SECOND_DEVICE] : u.devices;
}

function chosen(u: Universe, w: ExploreWorld): Universe {
  return {
    ...u,
    counts: w.counts,
    ops: w.ops,
    vstes: w.vstes,
    devices: devicesOf(u).filter((d) => w.devices.includes(d.name)),
    blocks: u.blocks.filter((b) => w.blocks.includes(blockName(b))),
  };
}
