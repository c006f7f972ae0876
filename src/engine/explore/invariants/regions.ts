/** Reserved regions of attached devices, and what detaching gives back. */
import type { IommufdHwpt, IommufdHwptPaging, IommufdIoas } from "../../kernel/iommufd/objects.ts";
import { isDoorbell } from "../../views/address/tracks.ts";
import { tablesOf } from "../../views/address/tables.ts";
import { objectsOf } from "../../views/context.ts";
import { deviceNames, devRef, refOf } from "../../sim/refs.ts";
import type { World } from "../../sim/world.ts";
import type { Invariant } from "./types.ts";

const hex = (v: bigint): string => `0x${v.toString(16)}`;
const text = (ref: string): string => ref.replace(":", " ");

interface Attachment {
  bdf: string;
  hwpt: IommufdHwpt;
  ioas: IommufdIoas;
}

export function pagingOf(hwpt: IommufdHwpt): IommufdHwptPaging {
  return hwpt.kind === "HWPT_PAGING" ? hwpt : (hwpt.viommu?.hwpt ?? hwpt.parent);
}

/** Devices with the IOAS that their requests end in. */
export function attachments(world: World): Attachment[] {
  const found: Attachment[] = [];
  for (const ctx of world.kernel.iommufd.ctxs)
    for (const igroup of ctx.groups.values()) {
      const attach = igroup.pasid_attach.get(0);
      if (attach === undefined) continue;
      for (const idev of attach.devices.values())
        found.push({ bdf: idev.dev.name, hwpt: attach.hwpt, ioas: pagingOf(attach.hwpt).ioas });
    }
  return found;
}

export const reservedUnmapped: Invariant = Object.freeze<Invariant>({
  id: "reserved-unmapped",
  title: "no mapping meets a reserved region",
  says: "No mapped area meets a reserved region of a device that is attached to its IOAS.",
  broken: (world) => {
    for (const { bdf, ioas } of attachments(world)) {
      const dev = world.kernel.platform?.pci.get(bdf)?.dev;
      if (dev === undefined) continue;
      for (const r of world.kernel.ops.iommu_get_resv_regions(world.kernel, dev)) {
        if (r.type === "direct-relaxable") continue;
        const area = ioas.iopt.areas.first(r.start, r.start + r.length - 1n);
        if (area !== undefined)
          return `${text(refOf(world, ioas))} maps ${hex(area.start)}-${hex(area.last)} inside the ${r.type} region of ${deviceNames(world, bdf)}, which is attached to it`;
      }
    }
    return null;
  },
});

export const detachGivesBack: Invariant = Object.freeze<Invariant>({
  id: "detach-gives-back",
  title: "detach gives back what attach took",
  says: "After a detach no reservation of the device is left, and no doorbell page in a page table without devices.",
  broken: (world, step, result) => {
    if (step.op !== "VFIO_DEVICE_DETACH_IOMMUFD_PT" || result.outcome !== "ok") return null;
    const now = attachments(world);
    for (const ioas of objectsOf(world, "IOAS"))
      for (const { owner, start, last } of ioas.iopt.reserved) {
        const dev = owner !== null && "iommu_group" in owner && "name" in owner ? String(owner.name) : null;
        if (dev !== null && !now.some((a) => a.bdf === dev && a.ioas === ioas))
          return `${text(refOf(world, ioas))} still reserves ${hex(start)}-${hex(last)} for ${text(devRef(world, dev)).replace("dev ", "")}`;
      }
    const used = new Set(now.map((a) => refOf(world, pagingOf(a.hwpt))));
    for (const table of tablesOf(world)) {
      if (table.kind !== "hwpt" || used.has(table.ref)) continue;
      for (const run of table.runs)
        for (const part of run.parts)
          if (isDoorbell(world, part.out))
            return `${text(table.ref)} still maps the doorbell at ${hex(part.start)}, although no device is attached to it`;
    }
    return null;
  },
});
