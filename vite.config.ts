import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { library } from "./scripts/library-plugin.ts";
import { early, offline, policy } from "./scripts/page-plugin.ts";

export default defineConfig({
  base: "./",
  plugins: [react(), library(), early(), policy(), offline()],
  worker: {
    format: "es",
    plugins: () => [library()],
    // What a worker starts with is one file: each of many small ones is asked for on its own, and those that it imports after it.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: "core", tags: ["$initial"] }] } } },
  },
  build: {
    target: "baseline-widely-available",
    outDir: "dist/web",
    sourcemap: true,
    // So is what the first picture takes, beside the entry that begins the worker.
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: "early", test: /\/engine\/early\.ts$|preload-helper/, priority: 2 },
            { name: "page", test: /\/src\/ui\/page\.tsx$/, priority: 1 },
          ],
        },
      },
    },
  },
  server: { host: "127.0.0.1", open: process.stdout.isTTY && process.env["CI"] === undefined },
  preview: { host: "127.0.0.1" },
});
