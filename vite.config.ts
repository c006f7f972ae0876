import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  base: "./",
  plugins: [react()],
  worker: { format: "es" },
  build: { target: "baseline-widely-available", outDir: "dist/web", sourcemap: true },
  server: { host: "127.0.0.1", open: process.stdout.isTTY && process.env["CI"] === undefined },
  preview: { host: "127.0.0.1" },
});
