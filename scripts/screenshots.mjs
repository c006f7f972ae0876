// npm run screenshots [-- playwright arguments]: pictures of every view in both themes at two sizes, to
// node_modules/.cache/pictures; those that a document shows are copied to docs/pictures. `-- -g machine` makes one view's.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { slim } from "./png.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const made = join(root, "node_modules", ".cache", "pictures");
const docs = join(root, "docs");
const shown = join(docs, "pictures");
const node = (args, env = {}) => {
  const r = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit", env: { ...process.env, ...env } });
  if (r.status !== 0) process.exit(r.status ?? 1);
};

rmSync(made, { recursive: true, force: true });
mkdirSync(made, { recursive: true });
mkdirSync(shown, { recursive: true });
if (process.env.LAB_DIST === undefined) node(["node_modules/vite/bin/vite.js", "build", "--logLevel", "warn"]);
node(["scripts/e2e.mjs", "picture", ...process.argv.slice(2)], { LAB_PICTURES: made });

const texts = [join(root, "README.md"), ...readdirSync(docs).map((f) => join(docs, f))]
  .filter((f) => f.endsWith(".md"))
  .map((f) => readFileSync(f, "utf8"));
const named = new Set(texts.flatMap((t) => [...t.matchAll(/pictures\/([\w-]+\.png)/g)].map((m) => m[1])));
const files = readdirSync(made);
for (const name of files) {
  const path = join(made, name);
  writeFileSync(path, slim(readFileSync(path)));
  if (named.has(name)) copyFileSync(path, join(shown, name));
}
for (const name of readdirSync(shown)) if (!named.has(name)) rmSync(join(shown, name));
const size = (dir) => readdirSync(dir).reduce((sum, f) => sum + statSync(join(dir, f)).size, 0);
console.log(`node_modules/.cache/pictures: ${files.length} pictures, ${(size(made) / 1e6).toFixed(1)} MB`);
console.log(`docs/pictures: ${readdirSync(shown).length} pictures, ${(size(shown) / 1e6).toFixed(1)} MB`);
for (const name of named) if (!readdirSync(shown).includes(name)) console.log(`missing: ${name}`);
