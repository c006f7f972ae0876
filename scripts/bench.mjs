#!/usr/bin/env node
// Benchmarks: compiles bench/ and what it needs into dist/bench, then runs dist/bench/bench/main.js.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
const r = spawnSync(process.execPath, [tsc, "-p", join(root, "bench")], { cwd: root, encoding: "utf8" });
if (r.status !== 0) {
  console.error(`the benchmarks cannot be built:\n${r.stdout}${r.stderr}`.trimEnd());
  process.exitCode = 2;
} else {
  process.env["LAB_ROOT"] ??= root;
  const { main } = await import(pathToFileURL(join(root, "dist", "bench", "bench", "main.js")).href);
  process.exitCode = await main(process.argv.slice(2));
}
