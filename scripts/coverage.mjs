#!/usr/bin/env node
// npm run coverage: how much of src/hw its own tests reach, file by file, and every line that none of them does.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const out = join(root, "node_modules", ".cache", "coverage");
const flags = ["include=src/hw/**/*.ts", "exclude=src/hw/testing/**", "exclude=**/*.test.ts", "reporter=json"];
const r = spawnSync(
  process.execPath,
  [
    join(root, "node_modules", "vitest", "vitest.mjs"),
    ...["run", "src/hw", "--reporter=dot", "--coverage", `--coverage.reportsDirectory=${out}`],
    ...flags.map((flag) => `--coverage.${flag}`),
  ],
  { cwd: root, encoding: "utf8" },
);
if (r.status !== 0) {
  console.error(`${r.stdout}${r.stderr}`.trimEnd());
  process.exit(1);
}

/** Lines that begin a statement: all, and those never run. */
function linesOf({ statementMap, s }) {
  const hits = new Map();
  for (const [id, { start }] of Object.entries(statementMap)) {
    hits.set(start.line, Math.min(hits.get(start.line) ?? Infinity, s[id]));
  }
  return { all: hits.size, missed: [...hits].filter(([, n]) => n === 0).map(([line]) => line) };
}

const percent = (hit, all) => (all === 0 ? 100 : (100 * hit) / all).toFixed(2).padStart(6);
const files = Object.entries(JSON.parse(readFileSync(join(out, "coverage-final.json"), "utf8")))
  .map(([file, data]) => ({ file: relative(root, file), ...linesOf(data) }))
  .filter(({ all }) => all > 0)
  .sort((a, b) => (a.file < b.file ? -1 : 1));
let [all, hit] = [0, 0];
for (const f of files) {
  all += f.all;
  hit += f.all - f.missed.length;
  const missed = f.missed.sort((a, b) => a - b).join(" ");
  console.log(`${percent(f.all - f.missed.length, f.all)} %  ${f.file}${missed === "" ? "" : `: not run: ${missed}`}`);
}
console.log(`${percent(hit, all)} %  src/hw: ${hit} of ${all} lines with statements`);
