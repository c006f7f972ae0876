// What must arrive before the first picture: a file and everything that it imports statically.
import { readdirSync, readFileSync } from "node:fs";

const ASSETS = "dist/web/assets";

function withImports(...prefixes: string[]): string[] {
  const files = readdirSync(ASSETS).filter((f) => f.endsWith(".js") && prefixes.some((p) => f.startsWith(p)));
  for (const file of files)
    for (const [, name = ""] of readFileSync(`${ASSETS}/${file}`, "utf8").matchAll(
      /(?:from|import)\s*"\.\/([^"]+\.js)"/g,
    ))
      if (!files.includes(name)) files.push(name);
  return files.map((f) => `${ASSETS}/${f}`);
}

export default [
  { name: "entry script", path: withImports("index-", "page-"), limit: "200 kB", gzip: true },
  { name: "engine worker", path: withImports("worker-"), limit: "120 kB", gzip: true },
  { name: "engine pictures", path: `${ASSETS}/pictures-*.js`, limit: "30 kB", gzip: true },
  { name: "search worker", path: withImports("explore_worker-"), limit: "170 kB", gzip: true },
];
