import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "src/**/*.test.tsx"],
    testTimeout: 600_000,
    maxWorkers: "100%",
    coverage: { provider: "v8", include: ["src/hw/**", "src/engine/**"] },
  },
});
