import { defineKernel, releaseNumber } from "../kernel/profile.ts";

export default defineKernel({
  id: "linux-6.2",
  title: "6.2",
  subtitle: "linked with the first attach",
  base: "linux-6.4",
  date: "2023-02-19",
  changes:
    "The first release: a domain joins its IOAS after the first device is attached to it and leaves with the last one.",
  scenario: "sw-msi-q9",
  expects: [
    "an attach to an IOAS makes a page table, attaches, then fills it; the last detach gives the whole space back",
    "memory in the window makes the attach fail with EADDRINUSE (scenario sw-msi-q2)",
  ],
  unknown: [
    "There is no file for a device before 6.6, its group's file and the container ioctls lead to it. Scenarios use the calls of 6.6 (BIND, ATTACH, DETACH) for what opening and closing the group did; nothing else is added.",
    "Which call of 6.2 checked that interrupts are isolated is not known; here it is the binding, as in later releases.",
    "Not modelled: the fixes of 6.3 to emulated devices, to the container interface and to groups without IOMMU.",
  ],
  features: { uapi_release: releaseNumber("6.2"), hwpt_linkage: "attach" },
  played: { vfio_cdev: true },
});
