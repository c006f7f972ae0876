/**
 * Regions of a group, sorted and merged, and their sysfs file.
 * Source: linux 7.2 drivers/iommu/iommu.c `iommu_insert_resv_region`, `iommu_group_show_resv_regions`.
 */
import type { Kernel } from "../kernel.ts";
import type { IommuGroup, ResvRegion, ResvType } from "./types.ts";

/** In the order of the kernel's values. */
const ORDER: readonly ResvType[] = Object.freeze([
  "direct",
  "direct-relaxable",
  "reserved",
  "msi",
  "sw-msi",
  "cautious",
  "pci-window",
]);

/** Whether a user's mappings must keep out of a region: VFIO and iommufd exclude it. */
export function resv_excludes(type: ResvType): boolean {
  return type !== "direct-relaxable" && type !== "cautious" && type !== "pci-window";
}

/** Regions of all devices: by start, then by type; same-typed ones that overlap or touch are one. */
export function iommu_get_group_resv_regions(k: Kernel, group: IommuGroup): ResvRegion[] {
  const out: ResvRegion[] = [];
  const all = group.devices.flatMap((dev) => k.ops.iommu_get_resv_regions(k, dev));
  const sorted = all.toSorted((a, b) =>
    a.start === b.start ? ORDER.indexOf(a.type) - ORDER.indexOf(b.type) : a.start < b.start ? -1 : 1,
  );
  for (const region of sorted) {
    const top = out.findLast((it) => it.type === region.type);
    if (top !== undefined && region.start <= top.start + top.length) {
      const end = region.start + region.length;
      if (end > top.start + top.length) top.length = end - top.start;
    } else out.push({ ...region });
  }
  return out;
}

/** What /sys/kernel/iommu_groups/N/reserved_regions lists. */
export function shown_resv_regions(k: Kernel, group: IommuGroup): ResvRegion[] {
  return iommu_get_group_resv_regions(k, group).filter((r) => r.type !== "cautious");
}

/** Its text. Both kinds of MSI window print the same word. */
export function iommu_group_show_resv_regions(k: Kernel, group: IommuGroup): string {
  const hex = (x: bigint) => `0x${x.toString(16).padStart(16, "0")}`;
  return shown_resv_regions(k, group)
    .map((r) => `${hex(r.start)} ${hex(r.start + r.length - 1n)} ${r.type === "sw-msi" ? "msi" : r.type}\n`)
    .join("");
}
