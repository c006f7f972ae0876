#!/usr/bin/env node
// The command line. Builds dist/lib with `tsc -b` when a source is newer, then runs dist/lib/cli/main.js.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const lib = join(root, "dist", "lib");
const main = join(lib, "cli", "main.js");
const stamp = join(lib, ".built");
// Of the UI the pictures, which need no page.
const layers = ["hw", "engine", "ui", "cli"];

/** Time of the newest source; a folder's own time tells of files that were deleted. */
function newest(dir) {
  let time = statSync(dir).mtimeMs;
  for (const e of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, e.name);
    if (e.isDirectory()) time = Math.max(time, newest(path));
    else if (/\.ts$|^tsconfig.*\.json$/.test(e.name) && !e.name.endsWith(".test.ts"))
      time = Math.max(time, statSync(path).mtimeMs);
  }
  return time;
}

function upToDate() {
  if (!existsSync(join(root, "src"))) return true;
  if (!existsSync(main) || !existsSync(stamp)) return false;
  const built = statSync(stamp).mtimeMs;
  return layers.every((layer) => newest(join(root, "src", layer)) <= built);
}

/** Output of a source that is gone would still be listed as a kernel. */
function removeOrphans(dir, source) {
  for (const e of readdirSync(dir, { withFileTypes: true })) {
    if (e.isDirectory()) removeOrphans(join(dir, e.name), join(source, e.name));
    else if (e.name.endsWith(".js") && !existsSync(join(source, e.name.replace(/\.js$/, ".ts"))))
      rmSync(join(dir, e.name));
  }
}

function build() {
  const started = new Date();
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  if (!existsSync(tsc)) return "TypeScript is not installed; type: npm ci";
  const r = spawnSync(process.execPath, [tsc, "-b", join(root, "src", "cli")], { cwd: root, encoding: "utf8" });
  if (r.status !== 0) return `\n${r.stdout}${r.stderr}`.trimEnd();
  for (const layer of layers) removeOrphans(join(lib, layer), join(root, "src", layer));
  mkdirSync(lib, { recursive: true });
  writeFileSync(stamp, "");
  utimesSync(stamp, started, started);
  return "";
}

// `lab list | head`: whoever reads may stop reading.
process.stdout.on("error", (e) => {
  if (e.code !== "EPIPE") throw e;
  process.exit();
});

const problem = upToDate() ? "" : build();
if (problem === "") {
  const { main: run } = await import(pathToFileURL(main).href);
  process.exitCode = await run(process.argv.slice(2));
} else {
  console.error(`the command line cannot be built: ${problem}`);
  process.exitCode = 2;
}
