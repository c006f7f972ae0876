import { defineKernel } from "../kernel/profile.ts";

export default defineKernel({
  id: "vfio-type1-container-6.14",
  title: "6.14, type1",
  subtitle: "VFIO's own container",
  base: "linux-6.14",
  date: "2025-03-25",
  changes:
    "Linux 6.14 as it is when CONFIG_VFIO_CONTAINER is set: /dev/vfio/vfio is VFIO's own container with type1, not iommufd.",
  scenario: "msi-hw-window-type1",
  expects: [
    "a device with a hardware MSI window gets no cookie and keeps the physical doorbell address: interrupts arrive",
  ],
  features: { vfio_container: "type1" },
});
