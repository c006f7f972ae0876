import { defineKernel } from "../kernel/profile.ts";

export default defineKernel({
  id: "vfio-type1-container",
  title: "7.2, type1",
  subtitle: "VFIO's own container",
  base: "linux-7.2",
  date: "2026-09-01",
  changes:
    "Linux 7.2 as it is when CONFIG_VFIO_CONTAINER is set: /dev/vfio/vfio is VFIO's own container with type1, not iommufd.",
  scenario: "vmm-qemu-legacy-container",
  expects: [
    "a VMM of before iommufd finds its groups, its container and the list of valid IOVAs",
    "a device with a hardware MSI window gets no cookie, and enabling its interrupt fails",
  ],
  features: { vfio_container: "type1" },
});
