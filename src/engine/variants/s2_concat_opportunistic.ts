import { defineKernel } from "../kernel/profile.ts";

export default defineKernel({
  id: "s2-concat-opportunistic",
  title: "S2 concatenation",
  subtitle: "wherever it is possible",
  base: "linux-7.2",
  date: "2026-08",
  changes:
    "Start tables of stage 2 are concatenated wherever that saves a level, as up to 6.12, and not only where the architecture demands it.",
  scenario: "sw-msi-q6",
  expects: ["no difference: with 4K pages no output size of an SMMU has the two rules choose different tables"],
  unknown: [
    "Which release after 6.12 changed the rule. It can be seen with input sizes of 41 and 43 bits, or with 16K pages, which a 4K kernel does not use.",
  ],
  features: { s2_concat: "opportunistic" },
});
