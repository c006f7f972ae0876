/** All releases in one chunk: small, and each stands on the newer ones. */
/// <reference types="vite/types/importMeta.d.ts" />
import type { KernelProfile } from "../kernel/profile.ts";

const files = import.meta.glob<KernelProfile>(["../releases/*.ts", "!../**/*.test.ts"], {
  import: "default",
  eager: true,
});

export const releases: readonly KernelProfile[] = Object.values(files);
