import { ArmSmmuNestedDomain } from "../kernel/drivers/arm_smmu_v3/device.ts";
import { CFG, ste_config } from "../kernel/drivers/arm_smmu_v3/ste.ts";
import type { IommufdHwpt } from "../kernel/iommufd/objects.ts";
import { defineKernel } from "../kernel/profile.ts";

/** Stands for a future type of page table that has no IOAS: a nested one whose guest entry aborts. */
function without_ioas(hwpt: IommufdHwpt): boolean {
  const priv = hwpt.domain?.priv;
  return priv instanceof ArmSmmuNestedDomain && ste_config(priv.ste) === CFG.ABORT;
}

export default defineKernel({
  id: "nested-resv-v2-2024-08",
  title: "Aug-2024 v2",
  subtitle: "IOASes compared as they should be",
  base: "linux-6.12",
  date: "2024-08-06",
  ref: "20240806050201.3717816-1-nicolinc@nvidia.com",
  changes:
    "The series merged in 6.12 in its second version: the comparison of two IOASes is right, but a nested page table passes through the common cast as if it were its parent.",
  scenario: "sw-msi-type-without-ioas",
  expects: [
    "a move from a page table without IOAS to one with an IOAS reserves the device's regions there",
    "with the page tables that exist nothing can be told apart from 6.12",
  ],
  objections: [
    {
      who: "Jason Gunthorpe, 6 Aug 2024",
      what: "A nested object must not get through the common cast to its many callers; a function of its own for the few that want the parent, and the caller decides. v3 (20240807003446.3740368-1-nicolinc@nvidia.com) did so and was merged as b2f44814680b.",
      ref: "20240806174242.GP478300@nvidia.com",
    },
  ],
  unknown: [
    "No page table without IOAS exists. To show what the review of v1 feared, a nested one whose guest entry aborts is played as one here and in v1.",
  ],
  overrides: (base) => ({
    find_hwpt_resv(k, hwpt) {
      if (!without_ioas(hwpt)) return base.find_hwpt_resv(k, hwpt);
      k.note(`hwpt ${hwpt.id} is played as a page table without IOAS`);
      return null;
    },
  }),
});
