import { drop_group_reservations } from "../kernel/iommufd/device.ts";
import type { IommufdAttach, IommufdHwptPaging } from "../kernel/iommufd/objects.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { defineKernel } from "../kernel/profile.ts";

export default defineKernel({
  id: "replace-keeps-reservations",
  title: "replace fix",
  subtitle: "a failed replace changes nothing",
  base: "linux-7.2",
  date: "2026-08",
  changes:
    "Hypothetical: a replace within one IOAS that fails leaves the reservations of the attachment that stays, which every release since 6.6 removes.",
  scenario: "replace-same-ioas-fails",
  expects: [
    "after the refused replace IOVA_RANGES still leaves the window out",
    "memory is refused there, and the interrupt can be set up",
  ],
  unknown: ["Nobody has posted this: it shows what the quirk of the releases costs."],
  overrides: () => ({
    iommufd_group_unwind_reserved_iova(k: Kernel, attach: IommufdAttach, to: IommufdHwptPaging): void {
      if (k.ops.iommufd_hw_pagetable_compare_ioas(k, k.ops.find_hwpt_resv(k, attach.hwpt), to)) {
        k.note("the group stays in this IOAS: its reservations stay");
        return;
      }
      drop_group_reservations(k, attach, to);
    },
  }),
});
