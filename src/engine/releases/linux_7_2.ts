import { defineKernel } from "../kernel/profile.ts";

export default defineKernel({
  id: "linux-7.2",
  title: "7.2",
  subtitle: "native sw_msi",
  date: "2026-08",
  changes: "the newest release modelled; every other kernel is described by what differs from it",
});
