import { defineKernel, releaseNumber } from "../kernel/profile.ts";

export default defineKernel({
  id: "linux-6.14",
  title: "6.14",
  subtitle: "MSI cookie on the domain",
  base: "linux-6.15",
  date: "2025-03-24",
  changes:
    "Doorbells hang on a cookie of the domain, so an interrupt is lost after a replace; no vEVENTQ, no PASID attach, no vDEVICE needed.",
  scenario: "sw-msi-q8",
  expects: [
    "an interrupt that was on before a replace ends in F_TRANSLATION after it: the new page table has no doorbell",
  ],
  unknown: ["That no nested attach needs a vDEVICE in 6.13 and 6.14 is inferred from the series that brought vEVENTQ."],
  features: {
    uapi_release: releaseNumber("6.14"),
    paging_fault_queue: false,
    hwpt_pasid: false,
    sw_msi: "cookie",
    vste_needs_vdevice: "none",
  },
});
