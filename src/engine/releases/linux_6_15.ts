import { defineKernel, releaseNumber } from "../kernel/profile.ts";

export default defineKernel({
  id: "linux-6.15",
  title: "6.15",
  subtitle: "native sw_msi begins",
  base: "linux-6.17",
  date: "2025-05-25",
  ref: "40f5175d0eb7",
  changes: "No HW queues, and GET_HW_INFO takes no wanted type from the caller.",
  scenario: "sw-msi-q8",
  expects: ["an interrupt that was on before a replace still arrives after it"],
  unknown: [
    "Not modelled: what became of a vDEVICE when its device was unbound before 6.17; here its id is never used again.",
  ],
  features: { uapi_release: releaseNumber("6.15"), hw_info_input_type: false },
});
