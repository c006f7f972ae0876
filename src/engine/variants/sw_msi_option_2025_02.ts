import { defineKernel } from "../kernel/profile.ts";
import { device_option, enforce_moved_window, with_sw_msi_option } from "./parts/sw_msi_option.ts";

export default defineKernel({
  id: "sw-msi-option-2025-02",
  title: "SW_MSI option v1",
  subtitle: "a window for each device, reserved",
  base: "linux-6.15",
  date: "2025-02-08",
  ref: "525b9ffa94dc5842f98bef8cbcbf426a2a8292be.1739005085.git.nicolinc@nvidia.com",
  changes:
    "IOMMU_OPTION SW_MSI_START and SIZE (in MiB) choose the window of one device, which attach reserves in the place of the driver's.",
  scenario: "sw-msi-q11",
  expects: [
    "with START 0x70000000 and SIZE 2 the window is [0x70000000,0x701fffff] and the MSI address 0x70000040",
    "the options can be neither set nor read once any device of the group is attached: EBUSY",
    "SIZE before START gives EINVAL; a window over another region of the device EADDRINUSE",
    "a replace to another IOAS reserves the driver's window there, the doorbell stays at START",
  ],
  objections: [
    {
      who: "Jason Gunthorpe, 29 Jan 2025, on the RFC",
      what: "A single doorbell page reliably lies at the start of the window; several pages do not, however large it is, since userspace cannot find out how many there are.",
      ref: "20250129150454.GH5556@nvidia.com, 20250129201307.GJ5556@nvidia.com",
    },
  ],
  unknown: [
    "Read from the posted code: a replace to another IOAS leaves the chosen window open to memory there, and nothing stops a window that wraps around.",
    "As posted, attach no longer takes over the driver's start when SIZE is 0; another patch of the series seems to do it, and it is kept here.",
    "Played on 6.15, the release that follows it.",
  ],
  overrides: (base) => ({
    iommufd_option: with_sw_msi_option(base, (k, ictx, cmd) =>
      device_option(k, ictx, cmd, {
        unused: (idev) => !idev.igroup.pasid_attach.has(0),
        unusedText: "no device of the group is attached",
        limits: false,
      }),
    ),
    iopt_table_enforce_dev_resv_regions: enforce_moved_window,
  }),
});
