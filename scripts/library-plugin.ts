/**
 * The library of kernels and scenarios for the bundler: runs src/engine/library/contents.ts in Node and serves what it
 * finds as data, so that the worker's first chunk holds names only.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Plugin, runnerImport } from "vite";

const root = fileURLToPath(new URL("..", import.meta.url));
const entry = join(root, "src", "engine", "library", "contents.ts");
const MODULES = new Map([
  ["virtual:library", "names"],
  ["virtual:library/catalogue", "catalogue"],
]);

interface Loaded {
  contents: Record<string, unknown> & { broken: string[] };
  dependencies: string[];
}

async function load(): Promise<Loaded> {
  const { module, dependencies } = await runnerImport<{ contents: () => Loaded["contents"] }>(entry, {
    configFile: false,
    root,
    logLevel: "error",
  });
  return { contents: module.contents(), dependencies };
}

export function library(): Plugin {
  let loaded: Promise<Loaded> | undefined;
  return {
    name: "lab-library",
    buildStart() {
      loaded = undefined;
    },
    resolveId: (id) => (MODULES.has(id) ? `\0${id}` : undefined),
    async load(id) {
      const part = id.startsWith("\0") ? MODULES.get(id.slice(1)) : undefined;
      if (part === undefined) return undefined;
      loaded ??= load();
      const { contents, dependencies } = await loaded;
      for (const path of dependencies) this.addWatchFile(path.replace(/\?.*$/, ""));
      if (part === "names") for (const sentence of contents.broken) this.warn(sentence);
      return `export default ${JSON.stringify(contents[part])};`;
    },
  };
}
