import { readFileSync } from "node:fs";
import { defineConfig, type LaunchOptions } from "@playwright/test";

/** scripts/browser.mjs leaves here which browser it found and how to start it. */
const answer = process.env["LAB_BROWSER_ANSWER"];
const launch: LaunchOptions =
  answer === undefined ? {} : (JSON.parse(readFileSync(answer, "utf8")) as { launch: LaunchOptions }).launch;
const launchOptions: LaunchOptions =
  launch.env === undefined ? launch : { ...launch, env: { ...(process.env as Record<string, string>), ...launch.env } };

/** Two runs at a time, on one machine: each with a port and a build of its own. */
const port = Number(process.env["LAB_PORT"] ?? 4173);
const built = process.env["LAB_DIST"] ?? "dist/web";

export default defineConfig({
  testDir: "e2e",
  outputDir: `node_modules/.cache/playwright${port === 4173 ? "" : `-${port}`}`,
  workers: 2,
  retries: 1,
  timeout: 120_000,
  expect: { timeout: 30_000 },
  reporter: [["list"]],
  use: {
    baseURL: `http://127.0.0.1:${port}/`,
    launchOptions,
    viewport: { width: 1440, height: 900 },
    trace: "retain-on-failure",
    // What a spec intercepts must come from the server; offline.spec.ts allows them.
    serviceWorkers: "block",
  },
  // Pixels are only compared with the pinned browser of tools/browser (npm run e2e -- --pinned).
  ignoreSnapshots: process.env["LAB_PINNED"] !== "1",
  webServer: {
    command: `node node_modules/vite/bin/vite.js preview --port ${port} --strictPort --outDir ${built}`,
    url: `http://127.0.0.1:${port}/`,
    reuseExistingServer: false,
  },
});
