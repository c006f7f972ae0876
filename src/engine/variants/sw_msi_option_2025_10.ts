import { defineKernel } from "../kernel/profile.ts";
import { device_option, with_sw_msi_option } from "./parts/sw_msi_option.ts";

export default defineKernel({
  id: "sw-msi-option-2025-10",
  title: "SW_MSI option v2",
  subtitle: "numbers checked",
  base: "sw-msi-option-2025-02",
  date: "2025-10-15",
  ref: "6c36de14b00a3f06df3a602f18baf6b51fde429f.1760487869.git.nicolinc@nvidia.com",
  changes:
    "As v1 of the options, but only the device itself must be unattached, sizes have a limit, and a window that wraps around is refused with EOVERFLOW.",
  scenario: "sw-msi-option-rules",
  expects: [
    "an IOAS id or 0 as object gives ENOENT; an attached device EBUSY",
    "START 0x7fff0000 gives EINVAL, a window past the end of the address space EOVERFLOW",
    "the options of a device whose group is attached through another device can be set",
  ],
  unknown: [
    "No objection to this version is known. It was wanted also for platforms on which something else lies at 0x8000000.",
    "Read from the posted code: a replace to another IOAS still reserves the driver's window there and not the chosen one.",
    "Posted between 6.17 and 6.18; it is played on 6.15 as v1 is, so that only the options differ.",
  ],
  overrides: (base) => ({
    iommufd_option: with_sw_msi_option(base, (k, ictx, cmd) =>
      device_option(k, ictx, cmd, {
        unused: (idev) => idev.igroup.pasid_attach.get(0)?.devices.has(idev.id) !== true,
        unusedText: "the device is not attached",
        limits: true,
      }),
    ),
  }),
});
