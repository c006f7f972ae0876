/** Addresses that are worth a walk now. */
import { messageOf } from "../../hw/pci/msi.ts";
import type { ViewContext } from "./context.ts";
import { deviceOf } from "./context.ts";
import { tablesIn } from "./address/tables.ts";
import { attachedTables } from "../sim/attached.ts";
import { containerTableOf } from "../sim/containers.ts";
import { throughSpace } from "../sim/spaces.ts";
import type { World } from "../sim/world.ts";
import type { WalkTarget } from "./types.ts";

/** Attached by way of VFIO's own container, or of a design of 2021. */
function elsewhere(world: World, bdf: string): { s1Track: string | null; tableTrack: string | null } | null {
  const through = throughSpace(world, bdf);
  if (through !== null)
    return { s1Track: through.guest === null ? null : `s1:${through.guest.name}`, tableTrack: through.tableTrack };
  const tableTrack = containerTableOf(world, bdf);
  return tableTrack === null ? null : { s1Track: null, tableTrack };
}

/** The step's own access first, then for each attached device its doorbell and the start of what its tables map. */
export function walkTargets(ctx: ViewContext): { targets: WalkTarget[]; best: number } {
  const { world } = ctx;
  const targets: WalkTarget[] = [];
  const add = (label: string, device: string, iova: bigint, write: boolean, pasid?: number): void => {
    if (!targets.some((t) => t.device === device && t.iova === iova && t.write === write && t.pasid === pasid))
      targets.push({ label, device, iova, write, ...(pasid === undefined ? {} : { pasid }) });
  };
  const access = ctx.result?.access;
  if (access !== undefined)
    add(
      access.msi ? `MSI doorbell of ${access.device}` : `this access of ${access.device}`,
      access.device,
      access.iova,
      access.write,
      access.pasid,
    );
  const tables = tablesIn(ctx);
  for (const d of world.devices.values()) {
    const attached = attachedTables(world, d) ?? elsewhere(world, d.bdf);
    if (attached === null) continue;
    const f = world.machine.pci.byBdf.get(d.bdf);
    const message = f === undefined ? "" : messageOf(f.config, f.msix, 0);
    if (typeof message !== "string")
      add(`MSI doorbell of ${d.name}`, d.name, (BigInt(message.hi) << 32n) | BigInt(message.lo), true);
    const dev = deviceOf(world, d.bdf);
    for (const r of dev === null ? [] : world.kernel.ops.iommu_get_resv_regions(world.kernel, dev))
      if (r.type === "sw-msi") add(`SW_MSI window, ${d.name}`, d.name, r.start + 0x40n, true);
    const first = tables.find((t) => t.track === (attached.s1Track ?? attached.tableTrack));
    for (const run of first?.runs.slice(0, 8) ?? [])
      add(`${first?.title ?? ""} 0x${run.start.toString(16)}, ${d.name}`, d.name, run.start, false);
  }
  return { targets, best: targets.length > 0 ? 0 : -1 };
}
