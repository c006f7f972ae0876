/** What an administrator reads from sysfs. */
import type { Args } from "../args.ts";
import type { Bare } from "../result.ts";
import type { World } from "../world.ts";

/** reserved_regions of the device's group: union over its members, sorted by start. */
export function runAdmin(world: World, args: Args): Bare {
  const device = args.device();
  const group = world.kernel.platform?.pci.get(device.bdf)?.dev.iommu_group ?? null;
  const regions = (group?.devices ?? [])
    .flatMap((d) => world.kernel.ops.iommu_get_resv_regions(world.kernel, d))
    .map((r) => [r.start, r.start + r.length - 1n] as const)
    .sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
  return {
    outcome: "ok",
    errno: "ok",
    summary: regions.length === 1 ? "1 region" : `${regions.length} regions`,
    seen: { ret: 0n, errno: "ok", regions },
    refs: [`dev:${device.name}`],
  };
}
