import { defineKernel } from "../kernel/profile.ts";

export default defineKernel({
  id: "compat-unmap-empty-enoent",
  title: "empty unmap",
  subtitle: "UNMAP_DMA of nothing fails",
  base: "linux-7.2",
  date: "2026-08",
  changes: "VFIO's UNMAP_DMA of a range without mapping gives ENOENT, as in releases up to 6.17, and not success.",
  scenario: "compat-unmap-empty",
  expects: ["UNMAP_DMA of a range in which nothing is mapped gives ENOENT"],
  features: { compat_unmap_empty: "ENOENT" },
});
