/**
 * Every kernel and scenario, read once while the page is built; what is left of them is plain data. A scenario that does
 * not read is left out and told as `broken`, a sentence each; the library's tests fail on it.
 */
/// <reference types="vite/types/importMeta.d.ts" />
import type { KernelProfile } from "../kernel/profile.ts";
import { Kernels } from "../sim/kernels.ts";
import { scenarioInfo } from "../sim/library.ts";
import { parseScenario } from "../sim/scenario/parse.ts";
import { provideAllSteps } from "../sim/steps/all.ts";
import type { KernelInfo, ScenarioInfo } from "../views/types.ts";

provideAllSteps();

const profiles = import.meta.glob<KernelProfile>(["../releases/*.ts", "../variants/*.ts", "!../**/*.test.ts"], {
  import: "default",
  eager: true,
});
const texts = import.meta.glob<string>("../../../scenarios/*.lab", { query: "?raw", import: "default", eager: true });

/** What stands in the first chunk. */
export interface LibraryNames {
  newest: string;
  /** Newest first, as `Kernels` sorts them; `variant` = file name without its ending, absent in a release. */
  kernels: { id: string; aliases?: readonly string[]; base?: string; variant?: string }[];
  /** Sorted. */
  scenarios: string[];
}

/** What the lists show. */
export interface LibraryCatalogue {
  kernels: KernelInfo[];
  scenarios: ScenarioInfo[];
}

/** `../variants/sw_msi.ts` -> `sw_msi`. */
const nameOf = (path: string): string => path.replace(/^.*\/|\.[a-z]+$/g, "");

export function contents(): { names: LibraryNames; catalogue: LibraryCatalogue; broken: string[] } {
  const kernels = new Kernels(Object.values(profiles));
  const variants = new Map(
    Object.entries(profiles).flatMap(([path, p]) => (path.includes("/variants/") ? [[p.id, nameOf(path)]] : [])),
  );
  const broken: string[] = [];
  const scenarios = Object.entries(texts)
    .flatMap(([path, text]) => {
      const id = nameOf(path);
      const read = parseScenario(text);
      if (!read.ok) broken.push(`scenarios/${id}.lab: ${read.problem.message}`);
      return read.ok ? [{ id, info: scenarioInfo(id, read.value.scenario) }] : [];
    })
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  return {
    names: {
      newest: kernels.newest,
      kernels: kernels.profiles.map(({ id, aliases, base }) => {
        const variant = variants.get(id);
        return {
          id,
          ...(aliases === undefined ? {} : { aliases }),
          ...(base === undefined ? {} : { base }),
          ...(variant === undefined ? {} : { variant }),
        };
      }),
      scenarios: scenarios.map((s) => s.id),
    },
    catalogue: {
      kernels: kernels.list(),
      scenarios: scenarios.map((s) => s.info),
    },
    broken,
  };
}
