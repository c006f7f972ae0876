import { defineKernel, releaseNumber } from "../kernel/profile.ts";

export default defineKernel({
  id: "linux-6.17",
  title: "6.17",
  subtitle: "every nested attach needs a vDEVICE",
  base: "linux-6.19",
  date: "2025-09-28",
  changes:
    "On SMMUv3 an attach to any nested hwpt needs a vDEVICE, bypass and abort included; unmapping an empty range through the VFIO interface is an error; MAP_FILE knows no dma-buf.",
  scenario: "vdevice-bypass",
  expects: [
    "attaching a bypass entry without a vDEVICE gives ENOENT",
    "UNMAP_DMA of a range in which nothing is mapped gives ENOENT (scenario compat-unmap-empty)",
  ],
  unknown: [
    "As first released: stable updates brought the success of an empty UNMAP_DMA to older kernels too. Not modelled: AMD, VT-d and the mock driver chose leaf sizes by other code before 6.19.",
  ],
  features: { uapi_release: releaseNumber("6.17"), vste_needs_vdevice: "any", compat_unmap_empty: "ENOENT" },
});
