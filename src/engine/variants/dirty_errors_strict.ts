import { defineKernel } from "../kernel/profile.ts";

export default defineKernel({
  id: "dirty-errors-strict",
  title: "strict dirty",
  subtitle: "a hole is an error",
  base: "linux-7.2",
  date: "2026-08",
  changes:
    "Hypothetical: GET_DIRTY_BITMAP returns the error of its walk; every release swallows it and reports success for a bitmap that ends at the first hole.",
  scenario: "dirty-bitmap-hole",
  expects: ["a range with a hole gives EINVAL, where 7.2 answers 0"],
  unknown: ["Nobody has posted this. A bitmap that cannot be written goes unnoticed here too."],
  features: { dirty_errors: "strict" },
});
