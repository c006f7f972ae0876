// The import rule: src/ui -> src/engine -> src/hw, nothing back; the UI sees the engine's protocol and views only.
// First every import in the tree is checked; then violations are planted in turn, and the linter must refuse each one.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const oxlint = join(root, "node_modules", "oxlint", "bin", "oxlint");
const problems = [];

/** Folders below src that a layer may import from. */
const allowed = { hw: ["hw"], engine: ["engine", "hw"], ui: ["ui"], cli: ["cli", "engine", "hw"] };
/** The pictures of the UI, a project of their own without DOM, are the one thing that the command line sees of it. */
const cliSees = "src/ui/pictures/index.ts";
const uiSees = [
  "src/engine/protocol.ts",
  "src/engine/views/types.ts",
  "src/engine/worker.ts",
  "src/engine/explore/protocol.ts",
  "src/engine/library/explore_worker.ts",
];
const packages = {
  hw: [],
  engine: ["zod", "comlink", "virtual:"],
  cli: ["commander", "node:"],
  ui: ["react", "react-dom", "zustand", "d3", "comlink", "react-resizable-panels", "@fontsource/"],
};
const longest = 500;

function files(dir) {
  return readdirSync(dir, { withFileTypes: true }).flatMap((e) => {
    const path = join(dir, e.name);
    return e.isDirectory() ? files(path) : /\.tsx?$/.test(e.name) ? [path] : [];
  });
}

for (const path of files(join(root, "src"))) {
  const name = relative(root, path);
  const layer = name.split("/")[1];
  const text = readFileSync(path, "utf8");
  const lines = text.split("\n").length;
  const isTest = /\.test\.tsx?$|\/testing\//.test(name);
  // Presets are the importer's output: data.
  const isData = name.startsWith("src/engine/presets/");
  if (lines > longest && !isTest && !isData) problems.push(`${name}: ${lines} lines, at most ${longest}`);
  if (isTest) continue;
  for (const m of text.matchAll(/(?:from\s+|import\s*\(\s*|new URL\(\s*|^import\s+)["']([^"']+)["']/gm)) {
    const target = m[1];
    if (target.startsWith(".")) {
      const to = relative(root, resolve(dirname(path), target.split("?")[0]));
      const folder = to.split("/")[1];
      if (!to.startsWith("src/")) continue;
      if (
        layer === "cli" && folder === "ui"
          ? to !== cliSees
          : layer === "ui" && folder === "engine"
            ? !uiSees.includes(to)
            : !allowed[layer].includes(folder)
      )
        problems.push(`${name} imports ${to}`);
    } else if (
      !packages[layer].some((p) => target === p || target.startsWith(p.endsWith("/") || p.endsWith(":") ? p : `${p}/`))
    )
      problems.push(`${name} imports the package ${target}`);
  }
}

const plants = [
  ["src/hw/zz-plant.ts", 'import { errno } from "../engine/uapi/errno.ts";\nexport const x: unknown = errno;\n'],
  ["src/hw/zz-plant.ts", "export const x: unknown = BigInt(1);\n"],
  ["src/engine/zz-plant.ts", 'import { readFileSync } from "node:fs";\nexport const x: unknown = readFileSync;\n'],
  ["src/engine/zz-plant.ts", 'import { useState } from "react";\nexport const x: unknown = useState;\n'],
  ["src/engine/zz-plant.ts", "export const x: number = Date.now();\n"],
  ["src/ui/zz-plant.ts", 'import { Kernel } from "../engine/kernel/kernel.ts";\nexport const x: unknown = Kernel;\n'],
];
for (const [file, text] of plants) {
  const path = join(root, file);
  writeFileSync(path, text);
  try {
    const r = spawnSync(process.execPath, [oxlint, path], { cwd: root, encoding: "utf8" });
    if (r.status === 0 || !/no-restricted-(imports|globals)/.test(r.stdout + r.stderr))
      problems.push(`the linter lets through: ${file}: ${text.split("\n")[0]}`);
  } finally {
    rmSync(path);
  }
}

for (const p of problems) console.error(p);
console.log(
  problems.length > 0 ? `${problems.length} problems` : `imports in order, ${plants.length} planted violations refused`,
);
process.exitCode = problems.length > 0 ? 1 : 0;
