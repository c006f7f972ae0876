/** Where each variant and each scenario is: a chunk of its own, as long as there are many of them. */
/// <reference types="vite/types/importMeta.d.ts" />
import type { KernelProfile } from "../kernel/profile.ts";

const variants = import.meta.glob<KernelProfile>(["../variants/*.ts", "!../**/*.test.ts"], { import: "default" });
const texts = import.meta.glob<string>("../../../scenarios/*.lab", { query: "?raw", import: "default" });

/** By file name without its ending. Rejects for one that is not in this build. */
export const variant = (name: string): Promise<KernelProfile> => found(variants, `../variants/${name}.ts`);

/** The text form of a scenario of the library. */
export const scenarioText = (id: string): Promise<string> => found(texts, `../../../scenarios/${id}.lab`);

function found<T>(table: Record<string, () => Promise<T>>, path: string): Promise<T> {
  const load = table[path];
  return load === undefined ? Promise.reject(new Error(`${path} is not in this build`)) : load();
}
