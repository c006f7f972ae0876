import { defineKernel } from "../kernel/profile.ts";

export default defineKernel({
  id: "linux-6.12",
  title: "6.12",
  base: "linux-7.2",
  date: "2024-11-17",
  changes: "nested attach reserves on the parent's IOAS; MSI doorbells still hang on a cookie of the domain",
  features: { sw_msi: "cookie" },
});
