// npm run screenshots [-- playwright arguments]: pictures of every view in both themes at two sizes, to docs/pictures.
// Builds first. `-- -g machine` makes those of one view only.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { slim } from "./png.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const dir = join(root, "docs", "pictures");
const node = (args, env = {}) => {
  const r = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit", env: { ...process.env, ...env } });
  if (r.status !== 0) process.exit(r.status ?? 1);
};
const started = Date.now();
if (process.env.LAB_DIST === undefined) node(["node_modules/vite/bin/vite.js", "build", "--logLevel", "warn"]);
node(["scripts/e2e.mjs", "picture", ...process.argv.slice(2)], { LAB_PICTURES: dir });

let total = 0;
for (const name of readdirSync(dir).filter((f) => f.endsWith(".png"))) {
  const path = join(dir, name);
  if (statSync(path).mtimeMs >= started) writeFileSync(path, slim(readFileSync(path)));
  total += statSync(path).size;
}
console.log(`docs/pictures: ${readdirSync(dir).length} files, ${(total / 1e6).toFixed(2)} MB`);
