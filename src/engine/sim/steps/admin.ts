/** What an administrator reads from sysfs. */
import { shown_resv_regions } from "../../kernel/iommu/resv.ts";
import type { Args } from "../args.ts";
import type { Bare } from "../result.ts";
import type { World } from "../world.ts";

/** reserved_regions of the device's group, as sysfs merges and sorts them; `kinds`: their words, with dots between. */
export function runAdmin(world: World, args: Args): Bare {
  const device = args.device();
  const group = world.kernel.platform?.pci.get(device.bdf)?.dev.iommu_group ?? null;
  const list = group === null ? [] : shown_resv_regions(world.kernel, group);
  const regions = list.map((r) => [r.start, r.start + r.length - 1n] as const);
  const words = list.map((r) => (r.type === "sw-msi" ? "msi" : r.type.replaceAll("-", "_")));
  return {
    outcome: "ok",
    errno: "ok",
    summary: regions.length === 1 ? "1 region" : `${regions.length} regions`,
    seen: { ret: 0n, errno: "ok", regions, kinds: words.length === 0 ? "none" : words.join(".") },
    refs: [`dev:${device.name}`],
  };
}
