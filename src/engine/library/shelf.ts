/** The library as the worker has it: names at once, kernels and texts when they are asked for. */
import names from "virtual:library";
import type { KernelProfile, ResolvedProfile } from "../kernel/profile.ts";
import type { KernelShelf } from "../sim/kernels.ts";
import type { ScenarioSource } from "../sim/library.ts";
import type { KernelInfo, ScenarioInfo } from "../views/types.ts";

const tables = () => import("./tables.ts");
const catalogue = async () => (await import("virtual:library/catalogue")).default;

export class LazyKernels implements KernelShelf {
  readonly newest = names.newest;
  private readonly asked = new Map<string, Promise<ResolvedProfile | undefined>>();

  has(id: string): boolean {
    return entry(id) !== undefined;
  }

  async list(): Promise<KernelInfo[]> {
    return (await catalogue()).kernels;
  }

  /** Fetches the releases and the variants that `id` stands on, once. */
  resolve(id: string, played: boolean): Promise<ResolvedProfile | undefined> {
    const key = `${played} ${id}`;
    let asked = this.asked.get(key);
    if (asked === undefined) {
      asked = load(id, played);
      this.asked.set(key, asked);
    }
    return asked;
  }
}

async function load(id: string, played: boolean): Promise<ResolvedProfile | undefined> {
  const own: Promise<KernelProfile>[] = [];
  for (let at = entry(id); at !== undefined; at = entry(at.base)) {
    const name = at.variant;
    if (name !== undefined) own.push(tables().then((t) => t.variant(name)));
  }
  const [{ Kernels }, { releases }] = await Promise.all([import("../sim/kernels.ts"), import("./releases.ts")]);
  return new Kernels([...releases, ...(await Promise.all(own))]).resolve(id, played);
}

function entry(id: string | undefined): (typeof names.kernels)[number] | undefined {
  return id === undefined ? undefined : names.kernels.find((k) => k.id === id || k.aliases?.includes(id) === true);
}

export const lazyScenarios: readonly ScenarioSource[] = names.scenarios.map((id) => ({
  id,
  text: async () => (await tables()).scenarioText(id),
}));

export const scenarioInfos = async (): Promise<ScenarioInfo[]> => (await catalogue()).scenarios;
