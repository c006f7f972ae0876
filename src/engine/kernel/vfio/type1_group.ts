/**
 * Groups of a container and the list of IOVAs that all of them can reach.
 * Source: linux 7.2 drivers/vfio/vfio_iommu_type1.c `vfio_iommu_type1_attach_group`, `vfio_iommu_resv_exclude`.
 */
import { errno } from "../../uapi/errno.ts";
import { iommu_domain_free } from "../iommu/core.ts";
import { iommu_get_group_resv_regions, resv_excludes } from "../iommu/resv.ts";
import type { Device, IommuDomain, IommuGroup, ResvRegion } from "../iommu/types.ts";
import type { Kernel } from "../kernel.ts";
import { ULONG_MAX } from "../mm/const.ts";
import { the_platform } from "../platform.ts";
import type { Interval } from "../trace.ts";
import type { VfioGroup } from "./group_state.ts";
import { map_into, pin_map_dma, remove_dma } from "./type1_map.ts";
import { type Hole, type Type1, update_pgsizes } from "./type1_state.ts";

export function first_device({ iommu_group }: VfioGroup): Device | null {
  return iommu_group.devices[0] ?? null;
}

/** A list without [start, last]. */
function without(list: readonly Hole[], start: bigint, last: bigint): Hole[] {
  return list.flatMap((h) => {
    if (last < h.start || start > h.last) return [h];
    const out: Hole[] = [];
    if (start > h.start) out.push({ start: h.start, last: start - 1n });
    if (last < h.last) out.push({ start: last + 1n, last: h.last });
    return out;
  });
}

function within_aperture(list: readonly Hole[], { aperture_start, aperture_end }: IommuDomain): Hole[] {
  const low = aperture_start > 0n ? without(list, 0n, aperture_start - 1n) : [...list];
  return aperture_end < ULONG_MAX ? without(low, aperture_end + 1n, ULONG_MAX) : low;
}

/** Regions of a group that a user's mappings must keep out of. */
function excluded(regions: readonly ResvRegion[]): Hole[] {
  return regions.filter((r) => resv_excludes(r.type)).map((r) => ({ start: r.start, last: r.start + r.length - 1n }));
}

/** `vfio_iommu_iova_dma_valid`: before 5.4 nobody asked. */
export function vfio_iommu_iova_dma_valid(k: Kernel, iommu: Type1, start: bigint, last: bigint): boolean {
  if (!k.features.type1_iova_list) return true;
  const inside = iommu.iova_list.some((hole) => hole.start <= start && last <= hole.last);
  return k.check(inside, "the range lies in the list of valid IOVAs", () => ({
    range: { start, last },
    hits: gaps(iommu.iova_list).filter((gap) => gap.start <= last && gap.last >= start),
  }));
}

/** What the list leaves out. */
function gaps(list: readonly Hole[]): Interval[] {
  const out: Interval[] = [];
  let from = 0n;
  for (const { start, last } of [...list, { start: ULONG_MAX + 1n, last: ULONG_MAX + 1n }]) {
    if (start > from) out.push({ start: from, last: start - 1n, label: "no valid IOVA" });
    from = last + 1n;
  }
  return out;
}

/** Where doorbells go in a domain; null = no place is reported, or the IOMMU does not translate them: any hardware window wins. */
export function vfio_iommu_has_sw_msi(_k: Kernel, _iommu: Type1, regions: readonly ResvRegion[]): bigint | null {
  if (regions.some((r) => r.type === "msi")) return null;
  return regions.findLast((r) => r.type === "sw-msi")?.start ?? null;
}

/** The list once a group with this domain and these regions has joined; -EINVAL when its mappings or its list forbid it. */
function joined_list(k: Kernel, iommu: Type1, domain: IommuDomain, regions: readonly ResvRegion[]): Hole[] | number {
  if (!k.features.type1_iova_list) return iommu.iova_list;
  const { aperture_start, aperture_end } = domain;
  const reach = iommu.dmas.every((d) => d.iova >= aperture_start && d.iova + d.size - 1n <= aperture_end);
  let list = within_aperture(iommu.iova_list, domain);
  if (!k.check(reach && list.length > 0, "the domain's aperture covers what is mapped")) return -errno.EINVAL;
  const out = excluded(regions);
  const clash = out.find((r) => iommu.dmas.some((d) => d.iova <= r.last && d.iova + d.size > r.start));
  const hit = () => ({ range: clash ?? { start: 0n, last: 0n } });
  if (!k.check(clash === undefined, "no mapping lies in a region of the group", hit)) return -errno.EINVAL;
  for (const r of out) list = without(list, r.start, r.last);
  return k.check(list.length > 0, "some IOVAs are left") ? list : -errno.EINVAL;
}

/** After a group has left: from the groups that stay, as they are now. */
function remaining_list(k: Kernel, iommu: Type1): Hole[] {
  let list: Hole[] = [{ start: 0n, last: ULONG_MAX }];
  for (const { domain, groups } of iommu.domains) {
    list = within_aperture(list, domain);
    for (const { iommu_group } of groups) {
      for (const r of excluded(iommu_get_group_resv_regions(k, iommu_group))) list = without(list, r.start, r.last);
    }
  }
  return list;
}

/** Into a domain that is there, else a new one that gets all mappings. */
export function vfio_iommu_type1_attach_group(k: Kernel, iommu: Type1, group: VfioGroup): number {
  const dev = first_device(group);
  const ops = dev?.iommu_ops;
  if (dev === null || ops === null || ops === undefined) return -errno.ENODEV;
  const domain = ops.domain_alloc_paging_flags(k, dev, 0, null);
  if (typeof domain === "number") return domain;
  let rc = k.ops.iommu_group_set_domain(k, group.iommu_group, domain);
  const regions = iommu_get_group_resv_regions(k, group.iommu_group);
  const list = rc < 0 ? rc : joined_list(k, iommu, domain, regions);
  if (typeof list === "number") return give_back(k, group, domain, list);
  const isolated = group.iommu_group.devices.every((one) => one.msi_isolated);
  const { allow_unsafe_interrupts } = the_platform(k).boot;
  if (!k.check(isolated || allow_unsafe_interrupts, "interrupts of the group are isolated"))
    return give_back(k, group, domain, -errno.EPERM);
  for (const there of iommu.domains) {
    if (there.domain.owner !== ops) continue;
    if (k.ops.iommu_group_set_domain(k, group.iommu_group, there.domain) < 0) continue;
    iommu_domain_free(k, domain);
    there.groups.push(group);
    iommu.iova_list = list;
    return 0;
  }
  const base = k.ops.vfio_iommu_has_sw_msi(k, iommu, regions);
  if (base !== null) rc = k.ops.iommu_get_msi_cookie(k, domain, base);
  iommu.domains.push({ domain, groups: [group] });
  for (const dma of iommu.dmas) {
    if (rc < 0) break;
    rc = dma.mapped ? map_into(k, domain, dma) : pin_map_dma(k, iommu, dma);
  }
  if (rc < 0) vfio_iommu_type1_detach_group(k, iommu, group);
  else iommu.iova_list = list;
  update_pgsizes(iommu);
  return rc;
}

function give_back(k: Kernel, group: VfioGroup, domain: IommuDomain, rc: number): number {
  block(k, group.iommu_group);
  iommu_domain_free(k, domain);
  return rc;
}

/** Without a domain nothing stays mapped; the last group takes the mappings with it. */
export function vfio_iommu_type1_detach_group(k: Kernel, iommu: Type1, group: VfioGroup): void {
  const there = iommu.domains.find((one) => one.groups.includes(group));
  if (there === undefined) return;
  there.groups = there.groups.filter((one) => one !== group);
  const last = there.groups.length === 0;
  if (last && iommu.domains.length === 1) for (const dma of [...iommu.dmas]) remove_dma(k, iommu, dma);
  block(k, group.iommu_group);
  if (last) {
    iommu_domain_free(k, there.domain);
    iommu.domains = iommu.domains.filter((one) => one !== there);
  }
  iommu.iova_list = remaining_list(k, iommu);
  update_pgsizes(iommu);
}

function block(k: Kernel, group: IommuGroup): void {
  if (group.blocking_domain !== null) k.ops.iommu_group_set_domain(k, group, group.blocking_domain);
}
