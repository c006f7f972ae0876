import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { library } from "./scripts/library-plugin.ts";
import { offline, policy } from "./scripts/page-plugin.ts";

export default defineConfig({
  base: "./",
  plugins: [react(), library(), policy(), offline()],
  worker: { format: "es", plugins: () => [library()] },
  build: { target: "baseline-widely-available", outDir: "dist/web", sourcemap: true },
  server: { host: "127.0.0.1", open: process.stdout.isTTY && process.env["CI"] === undefined },
  preview: { host: "127.0.0.1" },
});
