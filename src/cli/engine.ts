/** Everything that the engine is made of, from disk: kernels and scenarios by listing their folders. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { deflateRaw, inflateRaw } from "node:zlib";
import { promisify } from "node:util";
import type { KernelProfile } from "../engine/kernel/profile.ts";
import type { Compressor } from "../engine/sim/link.ts";
import { Kernels } from "../engine/sim/kernels.ts";
import { provideAllSteps } from "../engine/sim/steps/all.ts";

const here = dirname(fileURLToPath(import.meta.url));
/** `.ts` in the sources, `.js` when built. */
const ext = fileURLToPath(import.meta.url).endsWith(".ts") ? ".ts" : ".js";

/** The folder that holds package.json and scenarios. */
export const root: string = findRoot();

function findRoot(): string {
  for (let dir = here; ; dir = dirname(dir)) {
    if (existsSync(join(dir, "package.json"))) return dir;
    if (dirname(dir) === dir) throw new Error(`no package.json above ${here}`);
  }
}

/** Files in a folder beside `cli`, without tests and declarations; sorted. */
function sources(folder: string): string[] {
  const dir = join(here, "..", "engine", folder);
  return readdirSync(dir)
    .filter((f) => f.endsWith(ext) && !f.endsWith(`.test${ext}`) && !f.startsWith("_"))
    .sort()
    .map((f) => join(dir, f));
}

// Here a scenario may have any step; a browser fetches the code of the rarer ones when it meets them.
provideAllSteps();

export async function loadKernels(): Promise<Kernels> {
  const profiles: KernelProfile[] = [];
  for (const path of [...sources("releases"), ...sources("variants")]) {
    const module = (await import(/* @vite-ignore */ pathToFileURL(path).href)) as { default?: KernelProfile };
    if (module.default === undefined) throw new Error(`${path} exports no kernel as default`);
    profiles.push(module.default);
  }
  return new Kernels(profiles);
}

/** Id (file name without its ending) and text form. */
export function loadScenarios(): { id: string; text: string }[] {
  const dir = join(root, "scenarios");
  return readdirSync(dir)
    .filter((f) => f.endsWith(".lab"))
    .sort()
    .map((f) => ({ id: f.slice(0, -".lab".length), text: readFileSync(join(dir, f), "utf8") }));
}

export const compressor: Compressor = {
  deflate: async (bytes) => new Uint8Array(await promisify(deflateRaw)(bytes, { level: 9 })),
  inflate: async (bytes, limit) => new Uint8Array(await promisify(inflateRaw)(bytes, { maxOutputLength: limit })),
};
