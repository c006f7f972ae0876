import { defineKernel, releaseNumber } from "../kernel/profile.ts";

export default defineKernel({
  id: "linux-6.19",
  title: "6.19",
  subtitle: "bypass vSTE needs no vDEVICE",
  base: "linux-7.2",
  date: "2026-02",
  ref: "81c45c62dc3e",
  changes: "GET_HW_INFO does not yet say that a device has no ATS.",
  scenario: "vdevice-bypass",
  expects: ["attaching a bypass entry without a vDEVICE succeeds"],
  unknown: [
    "Which release of 7.0 to 7.2 brought the single-stream rule of vDEVICEs, the limits on invalidations and event queues and EBUSY during reset recovery is not known; they are kept here.",
    "AMD nesting came in 7.0 to 7.2; there is no emulated AMD unit to show it.",
  ],
  features: { uapi_release: releaseNumber("6.19"), hw_info_ats: false },
});
