import { drop_group_reservations } from "../kernel/iommufd/device.ts";
import type { IommufdAttach, IommufdHwptPaging } from "../kernel/iommufd/objects.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { defineKernel, releaseNumber } from "../kernel/profile.ts";

export default defineKernel({
  id: "linux-6.7",
  title: "6.7",
  subtitle: "a failed replace undoes the wrong IOAS",
  base: "linux-6.11",
  date: "2024-01-07",
  ref: "950aeefb3492",
  changes:
    "When the driver refuses a replace to another IOAS, the reservations of the IOAS that the device stays on are removed and those of the new one remain; no fault queues, no HWPT_INVALIDATE.",
  scenario: "replace-unwinds-other-ioas",
  expects: [
    "after the failed replace the old IOAS offers the window although the device is attached to it",
    "the new IOAS keeps the window out although nothing is attached to it",
  ],
  objections: [
    {
      who: "The fix itself, 6.11 and stable",
      what: "What was reserved for the new page table must be taken back from the new one's IOAS, not from the old one's.",
      ref: "950aeefb3492",
    },
  ],
  unknown: [
    "Nesting on SMMUv3 is mainline from 6.13 on: scenarios play the rule of 6.7 with the vIOMMU interface of 6.13 added.",
    "The bug was fixed in stable updates of 6.7 to 6.10; this is 6.7 as first released. What it removes when the old page table is nested is not known; here nothing.",
    "The SMMUv3 driver could not finish a domain before a device was attached until about 6.9; here domains are finished at their allocation.",
  ],
  features: { uapi_release: releaseNumber("6.7") },
  played: { uapi_release: releaseNumber("6.13") },
  overrides: (base) => ({
    iommufd_group_unwind_reserved_iova(
      k: Kernel,
      attach: IommufdAttach,
      to: IommufdHwptPaging,
      switching: boolean,
    ): void {
      if (!switching) return base.iommufd_group_unwind_reserved_iova(k, attach, to, switching);
      k.note("reservations are removed from the IOAS that the group stays on");
      if (attach.hwpt.kind === "HWPT_PAGING") drop_group_reservations(k, attach, attach.hwpt);
    },
  }),
});
