/** Where a kernel's API for address spaces is: iommufd's node, or that of a design. */
import type { ForeignApi } from "../kernel/foreign_api.ts";
import type { Kernel } from "../kernel/kernel.ts";

export function apiPath(k: Kernel): string {
  return k.devnodes.has("/dev/ioasid") ? "/dev/ioasid" : "/dev/iommu";
}

/** The kernel's design; null where there is iommufd. */
export function foreignApi(k: Kernel): ForeignApi | null {
  return k.devnodes.get(apiPath(k))?.api ?? null;
}
