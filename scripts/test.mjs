// npm test: every check of the project, one after the other; the last line counts them all.
// Each static check counts as one test; the unit and browser runners bring their own counts.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const reports = join(root, "node_modules", ".cache", "test-reports");
rmSync(reports, { recursive: true, force: true });
mkdirSync(reports, { recursive: true });

const bin = (name) => join(root, "node_modules", ".bin", name);
const node = process.execPath;
let passed = 0;
let failed = 0;
const broken = [];

function run(title, command, args, env = {}) {
  console.log(`\n== ${title}`);
  const started = process.hrtime.bigint();
  const r = spawnSync(command, args, { cwd: root, stdio: "inherit", env: { ...process.env, ...env } });
  const seconds = Number((process.hrtime.bigint() - started) / 1_000_000_000n);
  const ok = r.status === 0;
  console.log(`== ${title}: ${ok ? "ok" : "FAILED"} (${seconds} s)`);
  if (!ok) broken.push(title);
  return ok;
}

function check(title, command, args) {
  const ok = run(title, command, args);
  if (ok) passed++;
  else failed++;
  return ok;
}

/** A runner that counts its own tests; `count` reads its JSON report. A runner without a report is one failure. */
function suite(title, command, args, report, count, env = {}) {
  const ok = run(title, command, args, env);
  if (!existsSync(report)) {
    failed++;
    return;
  }
  const c = count(JSON.parse(readFileSync(report, "utf8")));
  passed += c.passed;
  failed += c.failed;
  if (!ok && c.failed === 0) failed++;
  if (ok && c.passed === 0) {
    broken.push(`${title} ran no test`);
    failed++;
  }
}

check("lock file is complete", node, ["scripts/check-lock.mjs"]);
check("types", bin("tsc"), ["-b"]);
check("lint", bin("oxlint"), ["--type-aware", "--quiet"]);
check("format", bin("oxfmt"), ["--check"]);
check("unused code and dependencies", bin("knip"), []);
check("import rule and file sizes", node, ["scripts/check-boundaries.mjs"]);
const unit = join(reports, "unit.json");
suite(
  "unit, property and conformance tests",
  bin("vitest"),
  ["run", "--reporter=dot", "--reporter=json", `--outputFile.json=${unit}`],
  unit,
  (r) => ({ passed: r.numPassedTests, failed: r.numFailedTests + r.numPendingTests + r.numTodoTests }),
);
if (check("build", bin("vite"), ["build"])) {
  check("bundle sizes", bin("size-limit"), []);
  const e2e = join(reports, "e2e.json");
  suite(
    "browser tests",
    node,
    ["scripts/e2e.mjs", "--reporter=list,json"],
    e2e,
    // A test that held only the second time is counted as held, and Playwright's summary names it as flaky.
    (r) => ({ passed: r.stats.expected + r.stats.flaky, failed: r.stats.unexpected + r.stats.skipped }),
    { PLAYWRIGHT_JSON_OUTPUT_NAME: e2e },
  );
} else failed++;

console.log(broken.length > 0 ? `\nnot passing: ${broken.join("; ")}` : "\nall checks pass");
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
