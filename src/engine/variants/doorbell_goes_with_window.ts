import type { IoPagetable, ReservedOwner } from "../kernel/iommufd/iopt.ts";
import { IommufdHwptPaging } from "../kernel/iommufd/objects.ts";
import { reservedOverlapping } from "../kernel/iommufd/reserved.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { PAGE_SIZE_N } from "../kernel/mm/const.ts";
import { defineKernel } from "../kernel/profile.ts";

/** Doorbell pages of a page table that nothing keeps free any more. They come back with the next attach that needs them. */
function unmap_unreserved(k: Kernel, iopt: IoPagetable, hwpt: IommufdHwptPaging): void {
  for (const map of hwpt.ictx.sw_msi_list) {
    const bit = 1n << BigInt(map.id);
    const iova = map.sw_msi_start + map.pgoff * PAGE_SIZE_N;
    const kept = reservedOverlapping(iopt, iova, iova).length > 0;
    if ((hwpt.present_sw_msi & bit) === 0n || hwpt.domain === null || kept) continue;
    k.ops.iommu_unmap(k, hwpt.domain, iova, PAGE_SIZE_N);
    hwpt.present_sw_msi &= ~bit;
    k.note(`doorbell page at 0x${iova.toString(16)} leaves hwpt ${hwpt.id} with its reservation`);
  }
}

export default defineKernel({
  id: "doorbell-goes-with-window",
  title: "doorbell fix",
  subtitle: "the page goes with its window",
  base: "linux-7.2",
  date: "2026-08",
  changes:
    "Hypothetical: when the last reservation of the window goes, the doorbell page is unmapped, which 7.2 leaves in the table as long as the page table lives.",
  scenario: "msi-doorbell-outlives-window",
  expects: [
    "what IOVA_RANGES offers after the detach can be mapped, where 7.2 answers EEXIST from its page table",
    "the next attach finds the memory there: EADDRINUSE",
  ],
  unknown: ["Nobody has posted this. That the page outlives its window was seen on a recorded 7.2.13."],
  overrides: (base) => ({
    iopt_remove_reserved_iova(k: Kernel, iopt: IoPagetable, owner: ReservedOwner): void {
      base.iopt_remove_reserved_iova(k, iopt, owner);
      for (const { cookie } of iopt.domains) if (cookie instanceof IommufdHwptPaging) unmap_unreserved(k, iopt, cookie);
    },
  }),
});
